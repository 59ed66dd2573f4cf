/*
 * Segments that run in C: lines, words or records straight into a count, where no function of the
 * script is called.
 *
 * @thread the host's worker
 */
#ifndef SCRIPT_NATIVE_RUN_H
#define SCRIPT_NATIVE_RUN_H

#include <stdint.h>

#include "base/error.h"
#include "script/host.h"

/** Count the records of the chunk that the host has now.
 *  @return 0; MILL_EFAILED, MILL_ENOSPC, MILL_EIO */
int native_run(struct host *h, uint32_t segment, uint32_t count, struct error *e);

#endif

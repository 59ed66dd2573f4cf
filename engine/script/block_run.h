/*
 * A source's block: read in pieces, cut into chunks of lines or words, and run through the
 * segments that begin at the source.
 *
 * @thread the host's worker
 */
#ifndef SCRIPT_BLOCK_RUN_H
#define SCRIPT_BLOCK_RUN_H

#include "base/error.h"
#include "io/source.h"
#include "script/host.h"

/**
 * @param done  out: where the next record begins, and what was read
 * @return 0; MILL_EDEADLINE (the epoch must be run again); MILL_EFAILED; MILL_EREFUSED (the file
 *         was truncated); MILL_ENOSPC; MILL_EIO
 */
int block_run(struct host *h, const struct source_block *block, struct source_done *done,
              struct error *e);

#endif

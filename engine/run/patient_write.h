/*
 * Writing rows to a pipe whose reader may be slow, or stopped: that must not keep the engine from
 * ending.
 */
#ifndef RUN_PATIENT_WRITE_H
#define RUN_PATIENT_WRITE_H

#include "base/bytes.h"
#include "base/error.h"
#include "io/publish.h"

/** Write all of it, however long that takes; but not longer than until the publisher is stopped.
 * @return 0, MILL_EPIPE, MILL_EIO, MILL_ESTOPPED */
int patient_write(int fd, struct slice bytes, const struct publisher *p, struct error *e);

#endif

/*
 * One call into Lua: a segment over a range of the chunk's records, to its end whatever happens
 * on the way.
 *
 *   error      the element that failed is a dead letter of the operator that failed; the loop goes
 *              on behind it, and nothing is called twice
 *   yield      a full tee is emptied through the segments behind it, a full table goes to disk;
 *              the loop goes on behind the element
 *   no memory  caches are dropped, tables written back, and the element is tried once more
 *   deadline   MILL_EDEADLINE: the epoch must be run again, with h->expired skipped
 *
 * @thread the host's worker
 */
#ifndef SCRIPT_SEGMENT_H
#define SCRIPT_SEGMENT_H

#include <stdint.h>

#include "base/error.h"
#include "script/host.h"

/** Its address, raised as a light userdata, says "this element must not be called". */
extern const char segment_skipped;
/** The same: "this element is late". */
extern const char segment_late;

/**
 * Run records [from, to) of h->input through a segment, and what comes out of its tee through the
 * segments behind it.
 * @return 0; MILL_EDEADLINE; MILL_EFAILED (on_error = "fail"); MILL_ENOSPC, MILL_EIO
 */
int segment_run(struct host *h, uint32_t segment, uint32_t from, uint32_t to, struct error *e);

/** Write a stage's boxed values into its table. */
int segment_seal(struct host *h, uint32_t stage, struct error *e);

#endif

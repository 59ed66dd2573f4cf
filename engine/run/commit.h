/*
 * The end of an epoch: outputs prepare, then one synced batch holds everything. Runs on a thread of
 * libuv's pool; meanwhile workers are idle and the coordinator touches nothing of it.
 */
#ifndef RUN_COMMIT_H
#define RUN_COMMIT_H

#include "run/runner.h"

/** All workers' rows of an output (the last: dead letters), in order. Rows of workers that took no
 * part are of another epoch, and left out. */
void commit_open_rows(struct runner *r, uint32_t output, struct rows_reader *reader);

/** Start preparing; rerun_failed or commit_write follows. */
void commit_prepare(struct runner *r);
/** Start writing the batch; rerun_failed or drive_committed follows. */
void commit_write(struct runner *r);

/** After a write that failed for want of space: open the store anew and see whether the batch is in
 * it (r->was_written). */
int commit_reopen_store(struct runner *r, struct error *e);
/** The batch of the running epoch is in the store: go on from there. */
void commit_take_over(struct runner *r);

/** Add what is to be in the store besides the epoch: graph, script, skips. */
int commit_start_into(struct runner *r, struct store_batch *batch, struct error *e);

#endif

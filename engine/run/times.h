/*
 * Event time in a running job: the watermark of each event_time(), moved once an epoch, and what
 * the windows go by.
 *
 *     epoch begins    workers get the watermarks in force: what lies behind them is late
 *     input is read   times_advance: largest times by partition, where partitions stand ─► next
 *     stages run      windows close by the next one; those behind others come after them
 *     commit          the next one is in force, in the same batch as the windows' state
 *
 * The rule is in flow/watermark.h. Owner: the coordinator.
 */
#ifndef RUN_TIMES_H
#define RUN_TIMES_H

#include "run/runner.h"

/** Load what the store knows. The identities are known, the sources open. */
int times_open(struct runner *r, struct error *e);
void times_close(struct runner *r);

/** A run of the epoch begins: what workers judge times by. */
void times_begin(struct runner *r, struct host_epoch *epoch);
/** All input was read, no stage has run: move the watermarks. Once in a run of an epoch. */
void times_advance(struct runner *r);
/** What a stage's windows go by. */
void times_fill_task(const struct runner *r, uint32_t stage, struct stage_task *t);
/** All stages have run. */
void times_end_stages(struct runner *r);

/** The watermark that a stage's windows are closed up to by the newest committed epoch. */
int64_t times_in_force(const struct runner *r, uint32_t stage);

int times_commit_into(struct runner *r, struct store_batch *batch);
void times_committed(struct runner *r);

#endif

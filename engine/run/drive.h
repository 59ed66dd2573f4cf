/*
 * Driving an epoch: times, plan, blocks to workers, stages, cutting.
 */
#ifndef RUN_DRIVE_H
#define RUN_DRIVE_H

#include "run/runner.h"

/** Begin the next epoch: poll the sources and plan. @return 1; 0 when there is nothing to do (with
 * once); or why it cannot begin */
int drive_begin(struct runner *r, struct error *e);
/** Do all that can be done now. */
void drive(struct runner *r);
/** Tasks have come back. */
void drive_tasks_done(struct runner *r);
/** A run of the epoch: the first, or again after it was abandoned. Forgets what was before. */
int drive_attempt(struct runner *r, struct error *e);

#endif

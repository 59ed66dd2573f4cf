/*
 * Running an epoch again: after a call ran past its deadline, and after the disk was full. The
 * epoch is abandoned: tasks that no worker has begun are taken back, the others are waited for, and
 * then it begins anew over the same blocks, with the same times and seed.
 */
#ifndef RUN_RERUN_H
#define RUN_RERUN_H

#include <stdbool.h>

#include "run/runner.h"

/** The epoch cannot be committed as it is: run it again when the disk has room, or end the job. */
void rerun_failed(struct runner *r, const struct error *e);
/** A call ran past its deadline: run the epoch again without that element, in a fresh Lua state. */
void rerun_without(struct runner *r, const struct task *t);

/** Nothing of the abandoned epoch is under way any more. */
bool rerun_is_ready(const struct runner *r);
/** Begin the abandoned epoch again. */
void rerun(struct runner *r);

#endif

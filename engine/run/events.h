/*
 * Telling of a job's course: the report of an epoch, and the functions of job:on.
 *
 * A handler runs between two steps of the coordinator, in a Lua state of its own (the control
 * state), for LIMIT_HANDLER_MS at most: then it is stopped and not called again. Whatever goes
 * wrong in one is a warning. @thread the coordinator
 */
#ifndef RUN_EVENTS_H
#define RUN_EVENTS_H

#include "run/runner.h"

void events_open(struct runner *r);
void events_close(struct runner *r);

/** An epoch begins. */
void events_started(struct runner *r);
/** An epoch was committed: count it, and report. */
void events_completed(struct runner *r);
/** The job ends; perhaps with runner.error. */
void events_ended(struct runner *r);

#endif

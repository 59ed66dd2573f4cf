/*
 * The windows that the store holds open, where somebody asks for them at the end of a run.
 *
 * Owner: the coordinator, while nothing else uses the store.
 */
#ifndef RUN_OPEN_WINDOWS_H
#define RUN_OPEN_WINDOWS_H

#include "run/runner.h"

/** Whether windows are open that the end of the input closes: where it ends, without keep_open.
 *  @return 1, 0, MILL_EIO, MILL_ECORRUPT */
int open_windows_must_close(struct runner *r, struct error *e);

/** How many windows of keys are open, of all operators. For messages. */
uint64_t open_windows_count(struct runner *r);

#endif

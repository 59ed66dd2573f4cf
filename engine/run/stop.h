/*
 * `tidemill stop`: end the engine that runs a job, as SIGTERM does, and wait for its end.
 *
 * Only the process that holds the lock is signalled, and through a handle (pidfd) that cannot come
 * to mean another process.
 */
#ifndef RUN_STOP_H
#define RUN_STOP_H

#include "base/error.h"

/** @param data_folder  of the job. Shows on a terminal how long it has waited.
 *  @return 0 it has ended; MILL_ENOENT: nothing runs there; MILL_EREFUSED: not ours to stop */
int stop_job(const char *data_folder, struct error *e);

#endif

/*
 * Publishing beside the epochs: one manifest after the other on a thread of libuv's pool.
 *
 * A function of for_each_batch that fails is called again, three times, with growing waits; then
 * the job fails and the batch stays in the outbox. A full disk is waited for.
 */
#ifndef RUN_PUBLISHING_H
#define RUN_PUBLISHING_H

#include "run/runner.h"

/** Open the publisher of the runner's store. */
int publishing_open(struct runner *r, struct error *e);
/** The manifests of the epoch that was committed wait from now on. */
void publishing_add(struct runner *r);
/** Begin to publish when something waits and nothing runs. */
void publishing_start(struct runner *r);
/** So many epochs wait that no new one may begin. */
bool publishing_is_behind(struct runner *r);
/** Write the marks, so that the next start publishes nothing twice (a clean stop). */
int publishing_sync(struct runner *r, struct error *e);

/** In publishing's place (job:test): give the rows of the epoch that has just been committed to
 * options.on_rows, output by output. */
void publishing_give(struct runner *r);

#endif

/*
 * Skips: elements of the running epoch that ran past their deadline. Kept in the store until the
 * epoch commits, so that a restart does not run into them again.
 *
 * META "s" u32 -> script hash u64, epoch u64, operator, position or key.
 */
#ifndef RUN_SKIPS_H
#define RUN_SKIPS_H

#include "base/error.h"
#include "run/runner.h"

/** Note one. The element's key is copied. It counts from skips_take_pending on, because workers may
 * still be reading r->skips. */
void skips_add(struct runner *r, const struct host_skip *skip);
/** Write those to the store that are not in it yet; synced. No worker is at work. */
int skips_save(struct runner *r, struct error *e);
/** No worker is at work. */
void skips_take_pending(struct runner *r);
/** On opening: those that the script, unchanged, met in the epoch that is run next. */
int skips_load(struct runner *r, struct error *e);
/** The epoch is being committed: its batch forgets them. */
void skips_commit_into(struct runner *r, struct store_batch *batch);
/** It was. */
void skips_clear(struct runner *r);

#endif

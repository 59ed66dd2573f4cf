/*
 * --fresh: start over. What a store has written anywhere goes with it, or the new one's results
 * would mix with the old one's.
 *
 *     1. write and sync FRESH: the store's id, and every folder that it has written to
 *     2. remove its parts and hidden folders there; then the store, EPOCHS, outbox/
 *        and received/
 *     3. a new store is made
 *     4. remove FRESH
 *
 * A start that finds FRESH does 2 to 4 first, so a crash at any point is finished, not repeated.
 */
#ifndef RUN_FRESH_H
#define RUN_FRESH_H

#include "base/error.h"
#include "run/data_folder.h"

/** Steps 1 and 2, when there is a store. Says how many unpublished rows and unread
 *  bytes are dropped. */
int fresh_start(struct data_folder *d, struct error *e);
/** Step 2, when FRESH is there. */
int fresh_finish(struct data_folder *d, struct error *e);
/** Step 4: the new store is there. */
int fresh_done(struct data_folder *d, struct error *e);

/** Remove the files in a folder (folders in it stay). One that is not there is no error. */
int fresh_empty_folder(struct data_folder *d, const char *folder, struct error *e);

#endif

/*
 * Other stores whose parts may stay in a folder that a store writes to: a person said so with
 * --adopt, once. META holds them, so that the next start does not ask again.
 *
 * META "a" path -> the first 8 hex digits of each store's id
 */
#ifndef IO_ADOPTION_H
#define IO_ADOPTION_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "state/store.h"

struct adoption {
    struct buffer stores; /**< 8 bytes each */
    bool is_open;         /**< those that are met are taken over */
    bool is_changed;      /**< META does not have them all */
};

/** @param is_open  --adopt was given for this folder. @return 0, MILL_ECORRUPT, MILL_EIO */
int adoption_load(struct adoption *a, struct store *store, const char *folder, bool is_open,
                  struct error *e);
void adoption_deinit(struct adoption *a);
/** Something of another store is in the folder. @return whether it may be */
bool adoption_takes(struct adoption *a, const char *store8);
/** Make what was taken over last; synced. */
int adoption_save(struct adoption *a, struct store *store, const char *folder, struct error *e);

#endif

/*
 * A folder that outputs write to: whose it is, and where unpublished files wait.
 *
 *     dir/part-1a2b3c4d-0000000007-0000.json      published
 *     dir/.tidemill-1a2b3c4d/STORE                the store's id, in full: proof that this folder
 *                                                 is the one that the store wrote to
 *     dir/.tidemill-1a2b3c4d/<temporary files>    prepared, not yet published
 *
 * 1a2b3c4d are the first 8 hex digits of the store's id. If STORE is missing although the store
 * has written here, the folder is not the same (not mounted, or emptied): refused. Parts of another
 * store, or of an epoch that this store has not committed, are refused as well: results of two
 * histories would mix.
 */
#ifndef IO_TARGET_H
#define IO_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "base/error.h"
#include "io/adoption.h"
#include "state/store.h"

#define STORE8_BYTES  8
#define PART_NAME_MAX 128

struct target {
    const struct disk *disk;
    char *folder;
    char *hidden; /**< folder/.tidemill-<store8> */
    uint64_t store_id;
    char store8[STORE8_BYTES + 1];
    struct adoption *adoption; /**< other stores whose parts may be there; NULL: none */
};

/** The first 8 hex digits of a store's id. */
void target_store8(uint64_t store_id, char store8[STORE8_BYTES + 1]);

void target_init(struct target *t, const struct disk *disk, const char *folder, uint64_t store_id);
void target_deinit(struct target *t);

/**
 * Claim the folder for the store, or see that it still is the store's.
 * When the store writes here for the first time: notes in META that it is about to, makes the
 * folder, the hidden one and STORE, and notes that it has; all synced.
 * @param store        where the note is; NULL skips it (the data directory's own folders)
 * @param epoch        newest committed epoch of the store
 * @param prefix       NULL: parts of others in it are refused; else (save_as_text_files) it is a
 *                     parent that others share, and of its folders prefix-TIME no part may be ours
 *                     and of an epoch that the store does not have
 * @return 0, MILL_EREFUSED, MILL_EIO, MILL_ENOSPC, MILL_ESYNC
 */
int target_open(struct target *t, struct store *store, uint64_t epoch, const char *prefix,
                struct error *e);

/** See that STORE is there and says our id. @return 0, or MILL_EREFUSED */
int target_check(const struct target *t, struct error *e);

/** For what failed in the folder: because it is not there any more? Then say so, and the ways on.
 * @param rc  MILL_ENOENT is asked about; any other is passed on
 * @return rc, or MILL_EREFUSED in its place */
int target_explain(const struct target *t, int rc, struct error *e);

/** Add to a batch that the folder is about to be claimed: from then on a missing STORE is made. */
void target_note_into(const struct target *t, struct store_batch *batch);
/** Claim the folder, whatever META says. @param store  as for target_open */
int target_claim(struct target *t, struct store *store, struct error *e);

/** Called for each folder that a store has noted; nonzero ends it. @param folder  borrowed */
typedef int (*target_fn)(void *context, const char *folder);
int target_each(struct store *store, target_fn fn, void *context, struct error *e);

/** Asked for each temporary file: true when a manifest (or an output's open file) names it. */
typedef bool (*target_keep_fn)(void *context, const char *name);
/** Remove temporary files that nobody names: left by an epoch that was never committed. */
int target_sweep(struct target *t, target_keep_fn keep, void *context, struct error *e);

/** Path of a file in the hidden folder. @owns the caller */
char *target_hidden_path(const struct target *t, const char *name);

/** part-<store8>-<epoch>-<seq>.<extension> */
void target_part_name(const struct target *t, uint64_t epoch, uint32_t seq, const char *extension,
                      char name[PART_NAME_MAX]);
/** Read a part's name. @return false when it is not one of ours (any store's) */
bool target_parse_part(const char *name, char store8[STORE8_BYTES + 1], uint64_t *epoch);

/** Remove what a store left in a folder (--fresh): its parts, also those in the folders that
 * save_as_text_files made, these folders when nothing else is in them, and the hidden one. */
int target_remove(const struct disk *disk, const char *folder, uint64_t store_id, struct error *e);

#endif

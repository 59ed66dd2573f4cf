/*
 * The files that a source knows, and what a listing of its folder says about them.
 *
 * A listing is taken in three steps, because only opening a file tells whether it is still the
 * one that is known, and only after that are the new ones counted:
 *
 *     match ──► next_check* (the caller opens each: accept, retire, block) ──► settle
 *
 * - A file of a known identity is the known one, whatever its name: renamed files are not new.
 * - One whose size or time changed is to be checked, if it was ever opened.
 * - What is not known, and what was written anew, gets the next serial number, in the order of the
 *   listing: by (mtime, name).
 * - One that a listing missed is forgotten FILE_FORGET_MS after that listing; one that was written
 *   anew, and so cannot come back, after ten minutes. A listing without files says nothing: the
 *   folder may not be mounted.
 * - Two names of one file are one file; the first name of the listing counts.
 *
 * Pure: no files, no clock. Owner: one file source. Pointers to files hold until the next settle.
 */
#ifndef IO_FILE_REGISTRY_H
#define IO_FILE_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "io/file_list.h"
#include "io/file_record.h"
#include "io/known_file.h"
#include "state/store.h"

#define FILE_FORGET_MS (7ll * 24 * 3600 * 1000)

/** Beyond still_ms: a file whose last change is so far back stands still, even if the machine that
 *  stamps its changes has a clock of its own. */
#define FILE_CLOCKS_APART_MS 10000

/** When a listing was taken. */
struct file_moment {
    int64_t now_ms;     /**< the machine's time, for forgetting */
    int64_t elapsed_us; /**< elapsed time, for standing still; > 0 */
    int64_t still_ms;   /**< for how long a file must not change to stand still */
};

struct file_registry {
    struct known_file *files; /**< by serial, ascending */
    uint32_t count;
    uint32_t capacity;
    struct file_source_record source; /**< what is kept beside them */
    bool is_source_dirty;             /**< it is to be written with the next commit */
    uint32_t *forgotten;              /**< serials that are to be removed from the store */
    uint32_t forgotten_count;
    uint32_t forgotten_capacity;

    /* Of a listing, between match and settle. */
    const struct file_list *list;
    struct file_moment when;
    uint32_t *matches; /**< for each listed file: index of the known one, or NEW, or ALIAS */
    uint32_t *index;   /**< by a hash of inodes: a file's index + 1, 0 is none... */
    uint32_t *older;   /**< ...and by a file's index, the next one of that slot */
    uint32_t index_mask;
};

void file_registry_init(struct file_registry *r);
void file_registry_deinit(struct file_registry *r);

/** Read what the store knows. The registry is empty. @return 0, MILL_ECORRUPT, MILL_EIO */
int file_registry_load(struct file_registry *r, uint16_t source, struct store *store,
                       struct error *e) __attribute__((warn_unused_result));

/** @return NULL when no such file is known */
struct known_file *file_registry_find(struct file_registry *r, uint32_t serial);

/** Begin with a listing. @param list  borrowed until settle */
void file_registry_match(struct file_registry *r, const struct file_list *list,
                         const struct file_moment *when);
/**
 * The next file that must be opened to tell whether it is the known one.
 * @param at   in and out: 0 at first
 * @return NULL: no more
 */
struct known_file *file_registry_next_check(struct file_registry *r, uint32_t *at);
/** It is the known one: take over what the listing says. */
void file_registry_accept(struct file_registry *r, struct known_file *f);
/** It was written anew: settle gives it a new serial. */
void file_registry_retire(struct file_registry *r, struct known_file *f);
/**
 * Give serials to new files, forget old ones.
 * @param is_read  false: new files are registered as never to be read
 * @return 0, or MILL_ELIMIT: all serial numbers were given
 */
int file_registry_settle(struct file_registry *r, bool is_read, struct error *e)
    __attribute__((warn_unused_result));

/** Read the file again from its start: the next listing gives it a new serial. */
void file_registry_reread(struct file_registry *r, struct known_file *f);

/** Nothing of the file is read any more, until it is written anew. */
void file_registry_skip(struct file_registry *r, struct known_file *f);

/** Add to the batch what changed since the last commit. */
void file_registry_commit_into(struct file_registry *r, uint16_t source, struct store_batch *batch);
/** The batch was written. */
void file_registry_committed(struct file_registry *r);
/** The running epoch will be run again: forget how far it came. */
void file_registry_abandon(struct file_registry *r);

#endif

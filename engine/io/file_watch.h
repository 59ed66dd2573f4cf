/*
 * Watching a folder: list it, find out which of its files are known (file_registry.h), and whether
 * they stand still.
 *
 * A poll opens only files that were read before and have changed since. With `once` there is one
 * listing, and it waits for files that end in an unfinished line: such a line counts when the file
 * did not change meanwhile.
 *
 * Owner: one file source.
 */
#ifndef IO_FILE_WATCH_H
#define IO_FILE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "io/file_list.h"
#include "io/file_registry.h"

struct file_watch {
    char *folder;        /**< owned */
    char *pattern;       /**< owned */
    bool once;           /**< list at the first poll only */
    bool new_files_only; /**< what the very first listing finds is never read */
    int64_t still_ms;    /**< for how long a file must not change to stand still */
    struct file_list list;
    struct file_registry registry;
    bool was_listed;      /**< since it was opened */
    struct error refused; /**< of the last listing: a file is smaller than what was read of it */
};

void file_watch_init(struct file_watch *w, const char *folder, const char *pattern);
void file_watch_deinit(struct file_watch *w);

/** List the folder. @return 0, MILL_ENOENT, MILL_EIO (it cannot be listed: nothing changed),
 *  MILL_ELIMIT */
int file_watch_poll(struct file_watch *w, int64_t now_ms, struct error *e)
    __attribute__((warn_unused_result));

/** "folder/name". @owns the caller */
char *file_watch_path(const struct file_watch *w, const struct known_file *f);

/** The file cannot be read now: leave it out until the next listing, and say so once. */
void file_watch_block(struct known_file *f, const struct error *why);

#endif

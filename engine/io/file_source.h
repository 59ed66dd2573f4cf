/*
 * The files of a folder as a source: text_file_stream.
 *
 * Its parts, each with its own header: file_list.h (what is in the folder now), file_registry.h
 * (which of it is known, and how far it was read; pure), file_watch.h (polling), file_plan.h (what
 * belongs to an epoch; pure), input_file.h (an open file).
 *
 * A file is known by inode, birth time (without one: device) and a hash of its first bytes; its
 * name may change. It has a serial number from the day it was first seen: its place in every order.
 * Each file is a partition, with the offset of the first byte that no committed epoch has read.
 *
 * The folder is listed again only when all that the last listing found was read through, so a file
 * that grows quickly does not keep others from their turn.
 *
 * Nothing that concerns a single file stops a job but one thing: a file that has become smaller
 * than what was read of it (MILL_EREFUSED from source_plan or source_next_block). One that cannot
 * be opened or unpacked is warned about, once, and stays known.
 */
#ifndef IO_FILE_SOURCE_H
#define IO_FILE_SOURCE_H

#include <stdint.h>

#include "io/source.h"

struct file_source_options {
    const char *folder;   /**< copied */
    const char *pattern;  /**< names, with * and ?; copied */
    bool new_files_only;  /**< files that are there when the source is first polled are not read */
    bool by_name;         /**< new files are read by name, and are in order of time so */
    int64_t still_ms;     /**< a last line without line end counts when the file has not
                               changed for this long */
    bool is_stream;       /**< records are not lines: a file is read by one worker, from a record's
                               start on */
    uint64_t records_max; /**< lines that an epoch takes; 0: no limit. A .gz is read whole, and
                             alone in its epoch then */
    bool once;            /**< list the folder once, at the first poll; wait there until files with
                               an unfinished last line have stood still for still_ms, or changed */
    uint32_t index;       /**< source.index */
    uint16_t store_id;    /**< source.store_id */
};

/** Open a source and load what the store knows of its files. @owns the caller, until source_close
 */
int file_source_open(const struct file_source_options *options, struct store *store,
                     struct source **result, struct error *e);

/** --reread FILE: the next poll finds it as a new file. Before the first poll.
 * @param path  as messages print it. @return 0, or MILL_ENOENT: it is not a file of this source */
int file_source_reread(struct source *s, const char *path, struct error *e);
/** --skip-file FILE: nothing of it is read any more, unless it is written anew. The same. */
int file_source_skip(struct source *s, const char *path, struct error *e);

/** @param path  as messages print it
 *  @return 1: it is smaller than what was read of it; 0: it is not; MILL_ENOENT: not of this
 *  source */
int file_source_is_shrunk(struct source *s, const char *path);
typedef void (*file_source_path_fn)(void *context, const char *path);
/** Call a function with the path of each such file. */
void file_source_each_shrunk(struct source *s, file_source_path_fn fn, void *context);

/** Files that are known and read to their end / all that are known but those that are never read;
 * for messages. */
void file_source_count(const struct source *s, uint64_t *done, uint64_t *known);
/** Bytes that are known and not yet read, and in how many files. */
void file_source_left(const struct source *s, uint64_t *bytes, uint64_t *files);

#endif

/*
 * The files of a receiver log: their names, and finding them in the log's folder.
 *
 *     <start>-<text>.log   both as 16 hexadecimal digits: where in the log the file begins, and
 *                          where in its text; so that an empty file says where it is, too
 */
#ifndef IO_RECEIVER_SEGMENT_H
#define IO_RECEIVER_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "base/error.h"

struct receiver_segment {
    uint64_t start;        /**< in the log */
    uint64_t text;         /**< where its first record stands in the text */
    uint64_t end;          /**< in the log; that of the last one grows */
    uint64_t synced;       /**< what is before this is safe */
    struct disk_file file; /**< for writing, while is_open */
    bool is_open;
};

struct receiver_segments {
    struct receiver_segment **items; /**< by start */
    uint32_t count;
    uint32_t capacity;
};

/** @owns the list, until receiver_segments_drop or _deinit */
struct receiver_segment *receiver_segments_add(struct receiver_segments *s, uint64_t start,
                                               uint64_t text);
/** Forget the first or the last one. It is closed. */
void receiver_segments_drop_first(struct receiver_segments *s);
void receiver_segments_drop_last(struct receiver_segments *s);
/** Forget all. They are closed. */
void receiver_segments_deinit(struct receiver_segments *s);

/** The last segment that begins at or before a place of the log; NULL: none */
struct receiver_segment *receiver_segments_at(const struct receiver_segments *s, uint64_t at);

/** @owns the caller, until memory_free */
char *receiver_segment_path(const char *folder, uint64_t start, uint64_t text);

/** Find those in a folder, each with its file's size as its end; other names are passed over.
 *  @return 0, MILL_ENOENT (no folder), MILL_EIO */
int receiver_segments_find(const struct disk *disk, const char *folder, struct receiver_segments *s,
                           struct error *e);

#endif

/*
 * Walking through the records of one segment of a receiver log (io/receiver_log.h), each checked.
 *
 * Owner: who reads; its window is kept from segment to segment. @thread owner only
 */
#ifndef IO_RECEIVED_WALK_H
#define IO_RECEIVED_WALK_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/disk.h"
#include "base/error.h"
#include "io/received_record.h"

struct received_walk {
    const struct disk *disk;
    struct disk_file *file; /**< borrowed */
    uint64_t key;           /**< of the checksums */
    uint64_t start;         /**< where in the log the file begins */
    uint64_t at;            /**< where the next record begins */
    uint64_t limit;         /**< nothing at or behind this is read */

    char *window; /**< bytes from window_at on */
    size_t have;
    size_t capacity;
    uint64_t window_at;
};

void received_walk_init(struct received_walk *w);
void received_walk_deinit(struct received_walk *w);

/** Begin at a record. What the window holds is not used any more. */
void received_walk_begin(struct received_walk *w, struct disk_file *file, uint64_t start,
                         uint64_t at, uint64_t limit);

/**
 * The next record; `at` is behind it then, and stays where it is when there is none.
 * @param bytes  borrowed until the next call
 * @return 1; 0 at the limit, or where the file ends; MILL_ENOENT: the file or the limit comes
 *         within a record; MILL_ECORRUPT: this is no record; MILL_EIO
 */
int received_walk_next(struct received_walk *w, struct received_record *record, struct slice *bytes,
                       struct error *e);

#endif

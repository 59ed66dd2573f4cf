/*
 * A file that a source knows: what tells it from others, how far it was read, and how it was when
 * last listed.
 *
 * A file is known by its identity and by its *head*: a hash of its first bytes, taken when it was
 * first read. Whether a file that is there now is the known one is decided here:
 *
 *     head equal, not shorter than what was read    FILE_SAME       read on from the offset
 *     head differs                                  FILE_ANOTHER    written anew: a new file
 *     head equal, shorter than what was read        FILE_SMALLER    a person must decide
 *
 * A file that became shorter than its head cannot be hashed to that length again. Therefore the
 * head also keeps *marks*, small hashes of its first 1, 2, 4, ... bytes: the largest that is still
 * there stands for it. A file that became empty is on its way to being written anew: nothing is
 * decided until it has bytes.
 *
 * Pure. Owner: the registry that it is in.
 */
#ifndef IO_KNOWN_FILE_H
#define IO_KNOWN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/file_list.h"

#define FILE_HEAD_BYTES 4096
#define FILE_HEAD_MARKS 12 /* 1, 2, 4, ... 2048 bytes */

struct file_head {
    uint32_t size; /**< bytes that `hash` is of; 0: the file was never opened, or was empty */
    uint64_t hash;
    uint32_t marks[FILE_HEAD_MARKS]; /**< of the first 1 << i bytes, for all below `size` */
};

/* Kept in the store. */
#define FILE_NEVER      0x01 /* is not read: it was there before the source, or --skip-file */
#define FILE_PACKED     0x02 /* gzip: offsets count unpacked bytes, sizes packed ones */
#define FILE_MISSED     0x04 /* the last listing did not have it */
#define FILE_RETIRED    0x08 /* written anew, or to be read again: it has another serial now */
#define FILE_FLAGS_KEPT 0x0f

struct known_file {
    uint32_t serial; /**< its place in every order; its partition */
    uint8_t flags;   /**< FILE_... */
    char *name;      /**< owned */
    struct file_identity identity;
    struct file_head head;
    uint64_t offset;      /**< of the first byte that no committed epoch has read */
    uint64_t packed_size; /**< FILE_PACKED: the size at which it was read to its end */
    uint64_t size;        /**< when last listed */
    int64_t mtime_ns;     /**< when last listed */
    int64_t missed_ms;    /**< FILE_MISSED: time of the first listing that did not have it */

    /* Of the running epoch: what the fields above become when it commits. */
    uint64_t next_offset;
    uint64_t next_packed_size;

    /* Not kept. */
    int64_t changed_us; /**< elapsed time when size and mtime were first seen; 0: not listed yet */
    uint32_t listed_at; /**< index in the listing that is being taken */
    bool is_listed;     /**< the last listing had it */
    bool is_still;      /**< it has stood still for long enough: it ends where it ends */
    bool is_stuck;      /**< what is left of it cannot be read as it is: an unfinished line, or a
                             .gz that does not unpack */
    bool is_blocked;    /**< it cannot be opened; until the next listing */
    bool must_check;    /**< its head is to be looked at before it is read */
    bool is_another;    /**< it was another file when it was opened; until the next listing, which
                             may see no change: a clock's ticks are some ms apart */
    bool is_dirty;      /**< to be written with the next commit */
    bool was_warned;    /**< somebody was told that it cannot be read */
};

enum file_verdict { FILE_SAME, FILE_ANOTHER, FILE_SMALLER };

/** Take the head of a file that is read for the first time. @param size at most FILE_HEAD_BYTES */
void file_head_take(struct file_head *h, const void *bytes, size_t size);

/**
 * Is a file of the same identity the known one?
 * @param head  its first min(size, FILE_HEAD_BYTES) bytes
 * @param size  bytes that it has now
 */
enum file_verdict known_file_judge(const struct known_file *f, const void *head, uint64_t size);

/** Bytes of the file (packed ones of a .gz) that an epoch can take now. */
uint64_t known_file_unread(const struct known_file *f);

/** Bytes that are there and were not read, whether or not they can be taken now. */
uint64_t known_file_left(const struct known_file *f);

#endif

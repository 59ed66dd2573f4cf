/*
 * A record of the receiver log: bytes that a connection has sent, and what they are.
 *
 *     u64 checksum  u32 size  u8 kind  u8 flags  u16 0  u64 connection  u64 text  u64 line_size
 *     then `size` bytes
 *
 * The *text* of a log is the bytes of its records of lines, broken and too long ones, one behind
 * the other: positions in it are what readers, epochs and messages call an offset. The checksum
 * covers all that follows it, and depends on the log and on the record's place in it, so that
 * bytes that a client has sent are never taken for a record.
 *
 * Pure.
 */
#ifndef IO_RECEIVED_RECORD_H
#define IO_RECEIVED_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"

enum received_kind {
    RECEIVED_LINES = 1, /**< whole lines, each with its line end */
    RECEIVED_BROKEN,    /**< a line in whose middle its connection ended: a dead letter */
    RECEIVED_CROWDED,   /**< the beginning of a line for which there was no room: a dead letter */
    RECEIVED_TOO_LONG,  /**< the beginning of a line longer than a record may be: a dead letter */
    RECEIVED_PART,      /**< the beginning of a line that has not ended, or more of it; no text */
};

#define RECEIVED_HEAD_BYTES     40
#define RECEIVED_BYTES_MAX      ((size_t)LIMIT_RECORD_BYTES_MAX + 2) /* a line with its end */
#define RECEIVED_TOO_LONG_BYTES 4096 /* what is kept of a line that is too long */

struct received_record {
    enum received_kind kind;
    bool restarts;       /**< of RECEIVED_PART: it is the whole beginning, not more of it */
    uint64_t connection; /**< its number; unique as long as the engine runs */
    uint64_t text;       /**< where its bytes stand in the text */
    uint64_t line_size;  /**< of RECEIVED_TOO_LONG: bytes of the line, without line end */
    uint32_t size;
};

/** Bytes of the text that a record is. */
static inline uint64_t received_text_bytes(const struct received_record *r)
{
    return r->kind == RECEIVED_PART ? 0 : r->size;
}

/** @param seed  of the log and the place: received_seed() */
void received_record_encode(const struct received_record *r, uint64_t seed, const void *bytes,
                            char head[RECEIVED_HEAD_BYTES]);
/** The fields, unchecked but for what a reader must be able to rely on. @return false: no head */
bool received_record_decode(const char head[RECEIVED_HEAD_BYTES], struct received_record *r);
/** Whether head and bytes belong together, and here. */
bool received_record_is_whole(const char head[RECEIVED_HEAD_BYTES], const void *bytes, size_t size,
                              uint64_t seed);

/** @param key  of the log  @param at  the record's place in it */
static inline uint64_t received_seed(uint64_t key, uint64_t at)
{
    return key ^ (at * 0x9e3779b97f4a7c15u);
}

#endif

/*
 * Decoders: what tells records in a text apart and reads their fields. One kind for each format of
 * a source (json_decoder.h, ...); data/records.h makes columns of what they read.
 *
 * A decoder embeds this struct as its first member. The one that is asked for names that it cannot
 * know (JSON) looks for them in each record; one that knows its names beforehand (columns, a
 * pattern) finds for each the place where it stands.
 *
 *     create ─► begin(offset) ─► cut ─► read, read, ... ─► cut ...     a piece of text
 *                  ▲                                           │
 *                  └───────────────── the next piece ◄─────────┘
 *               want(names)  whenever a field is read for the first time, also between two reads
 *
 * Owner: one worker. @thread owner only
 */
#ifndef DATA_DECODER_H
#define DATA_DECODER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/ffi.h"
#include "base/memory.h"

struct decoder;

enum decoder_result {
    DECODER_RECORD,  /**< its fields are in the columns */
    DECODER_NOTHING, /**< no record: an empty line, a head */
    DECODER_BAD      /**< no record, and d->reason says why */
};

struct decoder_ops {
    /**
     * A piece of a partition's text comes next. NULL: nothing to be done.
     * @param text    borrowed until the next begin
     * @param offset  of the text in its partition
     */
    void (*begin)(struct decoder *d, struct slice text, uint64_t offset);

    /**
     * Before each block of a partition: the partition's beginning, up to LIMIT_HEAD_BYTES of it.
     * Empty when the block starts there itself. NULL: it is not needed.
     * @return false: more is needed than was given, if there is more
     */
    bool (*head)(struct decoder *d, struct slice text);

    /** Cut the next records off the text, as lines_split (data/words.h) does it. NULL: a record is
     * a line. One that cuts says where it got to: it leaves what may go on behind the text, but for
     * d->is_whole. */
    uint32_t (*cut)(struct decoder *d, const char *text, size_t *size, struct mill_slice *rows,
                    uint32_t rows_max);

    /** The names of the fields that are read from now on; it is the order of the columns.
     * @param names  borrowed until the next want */
    void (*want)(struct decoder *d, const struct slice *names, uint32_t count);

    /**
     * Read a record. It must be found good or bad whatever is wanted of it: the same row is read
     * again when another field is wanted.
     * @param row     borrowed: cells may point into it
     * @param columns one for each name that is wanted; in each, the cell `at` is to be set. It is
     *                EMPTY, and stays so for a missing field; of one that cannot be read it is BAD
     *                (ptr, len: why, e.g. "no number"): the record's fault only when it is read
     * @param arena   for bytes that do not stand in the row; lives as long as the chunk
     */
    enum decoder_result (*read)(struct decoder *d, struct slice row,
                                struct mill_cell *const *columns, uint32_t at, struct arena *arena);

    /** A good record as the text of a JSON object. NULL: that is what it is. */
    void (*to_json)(struct decoder *d, struct slice row, struct buffer *into);

    void (*destroy)(struct decoder *d);
};

struct decoder {
    const struct decoder_ops *ops;
    const char *reason;  /**< after DECODER_BAD; valid until the next read */
    bool is_whole;       /**< in: what cut() gets ends where its last record ends, as at the end
                              of a file, or where a record becomes larger than it may be */
    bool is_broken;      /**< out of cut(): the rest of the partition cannot be told apart. Its
                              beginning is the last row, and bad */
    const char *own_end; /**< in: a record that begins at or behind it is not cut */
    const char *readable_end; /**< bytes in front of it may be read, also those behind a row */
};

#endif

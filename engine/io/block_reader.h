/*
 * Reading a block: the lines that begin in [start, end) of a file, in pieces of whole lines that
 * stay in the second-level cache.
 *
 * A file is cut into blocks of LIMIT_BLOCK_BYTES at fixed offsets, so two workers can read one file
 * side by side: a block that does not start a record looks for the first line end at or behind
 * start - 1, and reads its last line to its end, beyond `end` (never beyond `limit`). It does not
 * look for that line end beyond its own bytes: a line that goes through many blocks is read once.
 *
 * A .gz file is unpacked twice: first to see that it is whole, so that nothing is given of one that
 * is not. That is no error of the job (source_done.unreadable).
 *
 * Input is read with pread, never mapped: a file that shrinks is an error, not a signal.
 * Owner: one worker; kept from block to block, so that a steady job allocates nothing.
 * @thread owner only
 */
#ifndef IO_BLOCK_READER_H
#define IO_BLOCK_READER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "io/source.h"

struct block_piece {
    struct slice text;  /**< whole lines, with their line ends; the last of a file may lack its own.
                             Up to LIMIT_CHUNK_BYTES, more only for a single line. Borrowed until
                             the next call */
    uint64_t offset;    /**< of text in the file (unpacked, of a .gz) */
    bool too_long;      /**< text is the first BLOCK_TOO_LONG_BYTES of a line longer than a record
                             may be */
    uint64_t line_size; /**< then: its bytes, without line end */
    size_t own;         /**< of a stream: records that begin in these bytes belong to the block */
    bool is_whole;      /**< of a stream: nothing behind text belongs to its last record, or that is
                             longer than a record may be */
    bool starts_anew;   /**< of a test's batch: it stands for a file of its own */
    size_t padding;     /**< bytes behind text that may be read, of any content */
    size_t used;        /**< of records: bytes that were whole ones, for whoever read the piece */
    const char *fault;  /**< text is no whole line, for this reason; or NULL */
};

#define BLOCK_TOO_LONG_BYTES 4096

struct block_reader; /* opaque */

/** @param is_unwanted  borrowed; not 0: what takes long ends with MILL_ESTOPPED. NULL: never */
struct block_reader *block_reader_create(const atomic_int *is_unwanted);
void block_reader_destroy(struct block_reader *r);

/** Begin with a block. */
void block_reader_begin(struct block_reader *r, const struct source_block *block);

/** @return 1, 0 when the block is through, MILL_EREFUSED when the file is shorter than the plan
 *  says (it was truncated), MILL_EIO */
int block_reader_next(struct block_reader *r, struct block_piece *piece, struct error *e);

/**
 * The next piece of a stream (source_block.is_stream): the bytes behind what was used of the last
 * one. When that was nothing, it comes again, longer.
 * @param used  bytes of the last piece, whole records; before the first one 0
 * @return as block_reader_next; 0 also when the file ends within a record that may go on later
 */
int block_reader_stream(struct block_reader *r, size_t used, struct block_piece *piece,
                        struct error *e);

/** Nothing more can be read of a stream: all that is left of the file counts as read. */
void block_reader_let_go(struct block_reader *r);

/**
 * The beginning of the block's file, between block_reader_begin and the first piece.
 * @param head  out: up to size bytes, fewer when the file has no more (or does not unpack).
 * Borrowed until the first piece
 * @return 0, or MILL_EIO
 */
int block_reader_head(struct block_reader *r, size_t size, struct slice *head, struct error *e);

/** After the last piece: where the next record begins, and what was read. `records` is 0. */
struct source_done block_reader_done(const struct block_reader *r);

#endif

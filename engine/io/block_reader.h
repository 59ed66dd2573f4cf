/*
 * Reading a block: the lines that begin in [start, end) of a file, in pieces of whole lines that
 * stay in the second-level cache.
 *
 * A file is cut into blocks of LIMIT_BLOCK_BYTES at fixed offsets, so two workers can read one file
 * side by side: a block that does not start a record looks for the first line end at or behind
 * start - 1, and reads its last line to its end, beyond `end` (never beyond `limit`).
 *
 * Input is read with pread, never mapped: a file that shrinks is an error, not a signal.
 * Owner: one worker; kept from block to block, so that a steady job allocates nothing.
 * @thread owner only
 */
#ifndef IO_BLOCK_READER_H
#define IO_BLOCK_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "io/source.h"

struct block_piece {
    struct slice text; /**< whole lines, with their line ends; the last of a file may lack its own.
                            Borrowed until the next call */
    uint64_t offset;   /**< of text in the file */
    bool too_long;     /**< text is the beginning of one line longer than a record may be */
    uint64_t line_size; /**< then: its bytes, without line end */
};

struct block_reader; /* opaque */

struct block_reader *block_reader_create(void);
void block_reader_destroy(struct block_reader *r);

/** Begin with a block. */
void block_reader_begin(struct block_reader *r, const struct source_block *block);

/** @return 1, 0 when the block is through, MILL_EREFUSED when the file is shorter than the plan
 *  says (it was truncated), MILL_ECORRUPT (a .gz that does not unpack), MILL_EIO */
int block_reader_next(struct block_reader *r, struct block_piece *piece, struct error *e);

/** After the last piece: where the next record begins, and what was read. */
struct source_done block_reader_done(const struct block_reader *r);

#endif

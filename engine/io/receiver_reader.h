/*
 * Reading a block of a receiver log's text: the lines that begin in [start, end), in pieces of
 * whole lines, and the broken and too long ones among them, each a piece of its own.
 *
 * Pieces are cut at multiples of LIMIT_CHUNK_BYTES of the text: the same whatever the records are
 * that the text came in. A record holds whole lines, so none goes on beyond its record.
 *
 * Owner: one worker; kept from block to block. @thread owner only
 */
#ifndef IO_RECEIVER_READER_H
#define IO_RECEIVER_READER_H

#include "base/error.h"
#include "io/block_reader.h"
#include "io/source.h"

struct receiver_reader; /* opaque */

struct receiver_reader *receiver_reader_create(void);
/** NULL is nothing. */
void receiver_reader_destroy(struct receiver_reader *r);

/** Begin with a block, whose `log` is set. */
void receiver_reader_begin(struct receiver_reader *r, const struct source_block *block);
/** As block_reader_next. @return 1, 0 when the block is through, MILL_ECORRUPT, MILL_EIO */
int receiver_reader_next(struct receiver_reader *r, struct block_piece *piece, struct error *e);
/** As block_reader_done. */
struct source_done receiver_reader_done(const struct receiver_reader *r);
/** The block is through or given up: close what is open. */
void receiver_reader_end(struct receiver_reader *r);

#endif

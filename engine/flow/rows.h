/*
 * Rows of one output, as one worker made them: bytes in the output's format, in pieces that each
 * came from one block (or shard). Beyond the budget they go to a spill file. At the end of the
 * epoch rows_reader gives all workers' pieces in order of position.
 *
 *     order 7: rows...  order 9: rows...  order 12: rows...      worker 0
 *     order 8: rows...  order 10: rows...                        worker 1
 *
 * Owner: one worker until the epoch has ended; then whoever prepares the output.
 * @thread owner only
 */
#ifndef FLOW_ROWS_H
#define FLOW_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/ffi.h"
#include "base/spill.h"

enum rows_framing {
    ROWS_LINES,  /**< row "\n" */
    ROWS_FRAMED, /**< u32 size, row */
    ROWS_KEYED   /**< u32 key size, key, u32 size, row */
};

struct rows_piece {
    uint64_t order;  /**< position of its block */
    uint64_t offset; /**< in the sequence spill file, memory */
    uint64_t size;   /**< bytes */
    uint64_t row_count;
};

struct mill_rows {
    enum rows_framing framing;
    struct buffer data; /**< rows since the last spill, and the one being written */
    size_t row_start;   /**< of the row being written, in data: where the last whole one ends */
    size_t bytes_max;   /**< of data; then it is spilled */
    size_t row_max;     /**< bytes of one row; a larger one is dropped */
    uint64_t order;     /**< of the block that runs; the host sets it */
    struct rows_piece *pieces;
    uint32_t piece_count;
    uint32_t piece_capacity;
    const char *spill_folder; /**< borrowed */
    struct spill spill;
    struct error error; /**< of the first write that failed, until rows_clear */
};

void rows_init(struct mill_rows *r, enum rows_framing framing, const char *spill_folder,
               size_t bytes_max);
/** Let rows be larger than a record may be. */
void rows_allow(struct mill_rows *r, size_t row_max);
void rows_deinit(struct mill_rows *r);
/** Begin an epoch: forget all. */
void rows_clear(struct mill_rows *r);
/** Append one finished row (without its framing); for rows that C makes. */
int rows_add(struct mill_rows *r, const void *bytes, size_t size);

struct rows_part {
    const struct mill_rows *rows;
    const struct rows_piece *piece;
};

struct rows_reader {
    struct rows_part *parts; /**< in order */
    uint32_t part_count;
    uint32_t at;         /**< next part */
    uint64_t offset;     /**< in it */
    uint64_t row_count;  /**< of all */
    uint64_t byte_count; /**< of all, with framing */
    struct buffer window;
};

/** @param rows  of all workers; borrowed, unchanged until rows_reader_close */
void rows_reader_open(struct rows_reader *r, struct mill_rows *const *rows, uint32_t count);
/** Leave out the first pieces, until the rest has no more bytes. Before the first are read. */
void rows_reader_limit(struct rows_reader *r, uint64_t bytes_max);
void rows_reader_close(struct rows_reader *r);
/** The next bytes of the sequence, at most 256 KiB; rows may be cut anywhere.
 *  @return 1, 0 at the end, or MILL_EIO */
int rows_reader_bytes(struct rows_reader *r, struct slice *bytes, struct error *e);

/* Row by row, for framings with sizes. */
struct rows_cursor {
    struct rows_reader *reader;
    struct buffer held; /**< bytes that were read and not yet given */
    size_t at;
};
void rows_cursor_init(struct rows_cursor *c, struct rows_reader *reader);
void rows_cursor_deinit(struct rows_cursor *c);
/** @param key  out: empty unless the framing is ROWS_KEYED; borrowed until the next call
 *  @return 1, 0 at the end, MILL_ECORRUPT or MILL_EIO */
int rows_cursor_next(struct rows_cursor *c, enum rows_framing framing, struct slice *key,
                     struct slice *row, struct error *e);

#endif

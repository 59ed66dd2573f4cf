#include "io/line_limit.h"

#include <string.h>

#include "base/check.h"
#include "io/block_reader.h"
#include "io/receiver_reader.h"

void line_limit_init(struct line_limit *l, uint64_t max)
{
    *l = (struct line_limit){.max = max, .left = max};
}

void line_limit_deinit(struct line_limit *l)
{
    block_reader_destroy(l->files);
    receiver_reader_destroy(l->received);
    *l = (struct line_limit){0};
}

void line_limit_begin(struct line_limit *l)
{
    l->left = l->max;
}

bool line_limit_is_reached(const struct line_limit *l)
{
    return l->max > 0 && l->left == 0;
}

void line_limit_use_up(struct line_limit *l)
{
    l->left = 0;
}

/* --- one reader or the other --- */

static void begin(struct line_limit *l, const struct source_block *block)
{
    if (block->log != NULL) {
        l->received = l->received == NULL ? receiver_reader_create() : l->received;
        receiver_reader_begin(l->received, block);
    } else {
        l->files = l->files == NULL ? block_reader_create(NULL) : l->files;
        block_reader_begin(l->files, block);
    }
}

static int next_piece(struct line_limit *l, const struct source_block *block,
                      struct block_piece *piece, struct error *e)
{
    return block->log != NULL ? receiver_reader_next(l->received, piece, e)
                              : block_reader_next(l->files, piece, e);
}

/* Where the next record begins behind the piece that was read last. */
static uint64_t behind(const struct line_limit *l, const struct source_block *block)
{
    return block->log != NULL ? receiver_reader_done(l->received).next
                              : block_reader_done(l->files).next;
}

static void end(struct line_limit *l, const struct source_block *block)
{
    if (block->log != NULL) {
        receiver_reader_end(l->received);
    }
}

/* --- counting --- */

/* Lines of a piece, up to `max`. @param stop  out: where the next one begins, if that is within the
 * piece */
static uint64_t count_lines(const struct block_piece *piece, uint64_t max, uint64_t *stop)
{
    if (piece->too_long || piece->fault != NULL) {
        return 1;
    }
    const char *text = piece->text.data;
    size_t at = 0;
    uint64_t count = 0;
    while (at < piece->text.size && count < max) {
        const char *newline = memchr(text + at, '\n', piece->text.size - at);
        at = newline == NULL ? piece->text.size : (size_t)(newline + 1 - text);
        count++;
    }
    *stop = piece->offset + at;
    return count;
}

int line_limit_cut(struct line_limit *l, struct source_block *block, struct error *e)
{
    check(l->left > 0);
    uint64_t left = l->left;
    uint64_t stop = block->end;
    struct block_piece piece;
    begin(l, block);
    int rc = next_piece(l, block, &piece, e);
    while (rc == 1) {
        stop = behind(l, block);
        left -= count_lines(&piece, left, &stop);
        rc = left > 0 ? next_piece(l, block, &piece, e) : 0;
    }
    end(l, block);
    if (rc == 0) {
        block->end = left == 0 ? least_offset(stop, block->end) : block->end;
        block->bytes = block->end - block->start;
        l->left = left;
    }
    return rc;
}

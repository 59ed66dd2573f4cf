#include "flow/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"

#define READ_BYTES     ((size_t)256 * 1024)
#define KEPT_BYTES_MIN ((size_t)64 * 1024)

void rows_init(struct mill_rows *r, enum rows_framing framing, const char *spill_folder,
               size_t bytes_max)
{
    *r = (struct mill_rows){
        .framing = framing, .spill_folder = spill_folder, .bytes_max = bytes_max};
    buffer_init(&r->data, 0);
    rows_allow(r, LIMIT_RECORD_BYTES_MAX);
    spill_init(&r->spill);
}

void rows_allow(struct mill_rows *r, size_t row_max)
{
    r->row_max = row_max;
    r->data.max = r->bytes_max + 2 * row_max;
}

void rows_deinit(struct mill_rows *r)
{
    buffer_deinit(&r->data);
    spill_close(&r->spill);
    memory_free(r->pieces);
    *r = (struct mill_rows){0};
}

/* A row that is much larger than others would keep its memory for ever. */
static void clear_data(struct mill_rows *r)
{
    if (r->data.capacity > 2 * r->bytes_max + KEPT_BYTES_MIN) {
        size_t max = r->data.max;
        buffer_deinit(&r->data);
        buffer_init(&r->data, max);
    }
    buffer_clear(&r->data);
}

void rows_clear(struct mill_rows *r)
{
    clear_data(r);
    r->row_start = 0;
    r->piece_count = 0;
    error_clear(&r->error);
    if (r->spill.fd >= 0) {
        spill_reset(&r->spill);
    }
}

/* Space for the sizes that stand in front of a row. */
static size_t head_bytes(const struct mill_rows *r)
{
    return r->framing == ROWS_FRAMED ? sizeof(uint32_t) : 0;
}

static int drop_row(struct mill_rows *r, int rc)
{
    r->data.size = r->row_start;
    r->data.failed = false;
    return rc;
}

struct mill_buffer *mill_row_begin(struct mill_rows *r)
{
    static const char zeros[sizeof(uint32_t)];
    drop_row(r, 0); /* one that was begun and never ended: its writer raised an error */
    (void)!buffer_append(&r->data, zeros, head_bytes(r));
    return (struct mill_buffer *)&r->data;
}

static void extend_piece(struct mill_rows *r, size_t size)
{
    struct rows_piece *last = r->piece_count > 0 ? &r->pieces[r->piece_count - 1] : NULL;
    if (last == NULL || last->order != r->order) {
        if (r->piece_count == r->piece_capacity) {
            r->piece_capacity = r->piece_capacity == 0 ? 64 : r->piece_capacity * 2;
            r->pieces = memory_grow(r->pieces, r->piece_capacity * sizeof *r->pieces);
        }
        check(r->pieces != NULL);
        last = &r->pieces[r->piece_count++];
        *last = (struct rows_piece){.order = r->order, .offset = r->spill.size + r->row_start};
    }
    last->size += size;
    last->row_count++;
}

static int spill(struct mill_rows *r)
{
    if (r->error.code != 0) {
        return r->error.code;
    }
    if (r->spill.fd < 0 && spill_open(&r->spill, r->spill_folder, &r->error) != 0) {
        return r->error.code;
    }
    if (spill_write(&r->spill, r->data.data, r->data.size, &r->error) != 0) {
        return r->error.code;
    }
    clear_data(r);
    r->row_start = 0;
    return 0;
}

/* Put the key and the sizes around the row that was written behind row_start. */
static int frame_row(struct mill_rows *r, const struct buffer *key)
{
    size_t row_size = r->data.size - r->row_start - head_bytes(r);
    if (r->data.failed || row_size > r->row_max) {
        return MILL_ELIMIT;
    }
    if (r->framing == ROWS_LINES) {
        return buffer_append_byte(&r->data, '\n');
    }
    if (r->framing == ROWS_FRAMED) {
        bytes_put_u32(r->data.data + r->row_start, (uint32_t)row_size);
        return 0;
    }
    size_t head = 2 * sizeof(uint32_t) + key->size;
    int rc = buffer_reserve(&r->data, head);
    if (rc != 0) {
        return rc;
    }
    char *start = r->data.data + r->row_start;
    memmove(start + head, start, row_size);
    bytes_put_u32(start, (uint32_t)key->size);
    if (key->size > 0) {
        memcpy(start + sizeof(uint32_t), key->data, key->size);
    }
    bytes_put_u32(start + sizeof(uint32_t) + key->size, (uint32_t)row_size);
    r->data.size += head;
    return 0;
}

int mill_row_end(struct mill_rows *r, const struct mill_buffer *key)
{
    int rc = frame_row(r, (const struct buffer *)key);
    if (rc != 0) {
        return drop_row(r, rc);
    }
    extend_piece(r, r->data.size - r->row_start);
    r->row_start = r->data.size;
    return r->data.size > r->bytes_max ? spill(r) : 0;
}

int rows_add(struct mill_rows *r, const void *bytes, size_t size)
{
    static const struct buffer no_key = {0};
    struct buffer *b = (struct buffer *)mill_row_begin(r);
    (void)!buffer_append(b, bytes, size);
    return mill_row_end(r, (const struct mill_buffer *)&no_key);
}

static int compare_parts(const void *left, const void *right)
{
    const struct rows_part *a = left;
    const struct rows_part *b = right;
    if (a->piece->order != b->piece->order) {
        return a->piece->order < b->piece->order ? -1 : 1;
    }
    /* Pieces of one block lie in one worker's list, in order. */
    return a->piece < b->piece ? -1 : a->piece > b->piece;
}

void rows_reader_open(struct rows_reader *r, struct mill_rows *const *rows, uint32_t count)
{
    *r = (struct rows_reader){0};
    for (uint32_t i = 0; i < count; i++) {
        r->part_count += rows[i]->piece_count;
    }
    r->parts = memory_alloc(r->part_count * sizeof *r->parts);
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t p = 0; p < rows[i]->piece_count; p++) {
            const struct rows_piece *piece = &rows[i]->pieces[p];
            r->parts[at++] = (struct rows_part){rows[i], piece};
            r->row_count += piece->row_count;
            r->byte_count += piece->size;
        }
    }
    qsort(r->parts, r->part_count, sizeof *r->parts, compare_parts);
    buffer_init(&r->window, READ_BYTES);
}

void rows_reader_limit(struct rows_reader *r, uint64_t bytes_max)
{
    while (r->byte_count > bytes_max && r->at < r->part_count) {
        const struct rows_piece *piece = r->parts[r->at++].piece;
        r->byte_count -= piece->size;
        r->row_count -= piece->row_count;
    }
}

void rows_reader_close(struct rows_reader *r)
{
    memory_free(r->parts);
    buffer_deinit(&r->window);
    *r = (struct rows_reader){0};
}

int rows_reader_bytes(struct rows_reader *r, struct slice *bytes, struct error *e)
{
    while (r->at < r->part_count && r->offset == r->parts[r->at].piece->size) {
        r->at++;
        r->offset = 0;
    }
    if (r->at == r->part_count) {
        return 0;
    }
    const struct mill_rows *rows = r->parts[r->at].rows;
    const struct rows_piece *piece = r->parts[r->at].piece;
    uint64_t from = piece->offset + r->offset;
    uint64_t left = piece->size - r->offset;
    size_t size = left < READ_BYTES ? (size_t)left : READ_BYTES;
    if (from >= rows->spill.size) {
        *bytes = (struct slice){rows->data.data + (from - rows->spill.size), size};
        r->offset += size;
        return 1;
    }
    if (size > rows->spill.size - from) {
        size = (size_t)(rows->spill.size - from);
    }
    buffer_clear(&r->window);
    int rc = buffer_reserve(&r->window, size);
    check(rc == 0);
    rc = spill_read(&rows->spill, r->window.data, size, from, e);
    *bytes = (struct slice){r->window.data, size};
    r->offset += size;
    return rc == 0 ? 1 : rc;
}

void rows_cursor_init(struct rows_cursor *c, struct rows_reader *reader)
{
    *c = (struct rows_cursor){.reader = reader};
    buffer_init(&c->held, 2 * LIMIT_RECORD_BYTES_MAX + READ_BYTES);
}

void rows_cursor_deinit(struct rows_cursor *c)
{
    buffer_deinit(&c->held);
}

/* Have `needed` bytes ahead of c->at. @return 1, 0 at the end, MILL_ECORRUPT when the sequence ends
 * before them, or MILL_EIO */
static int fill(struct rows_cursor *c, size_t needed, struct error *e)
{
    if (c->at > 0 && c->held.size - c->at < needed) {
        memmove(c->held.data, c->held.data + c->at, c->held.size - c->at);
        c->held.size -= c->at;
        c->at = 0;
    }
    while (c->held.size - c->at < needed) {
        struct slice bytes;
        int rc = rows_reader_bytes(c->reader, &bytes, e);
        if (rc == 0 && c->held.size > c->at) {
            return error_set(e, MILL_ECORRUPT, "the rows end inside a row");
        }
        if (rc != 1) {
            return rc;
        }
        rc = buffer_append(&c->held, bytes.data, bytes.size);
        if (rc != 0) {
            return error_set(e, MILL_ECORRUPT, "a row is larger than a row may be");
        }
    }
    return 1;
}

static int take(struct rows_cursor *c, struct slice *out, size_t before, struct error *e)
{
    int rc = fill(c, before + sizeof(uint32_t), e);
    if (rc != 1) {
        return rc;
    }
    uint32_t size = bytes_get_u32(c->held.data + c->at + before);
    rc = fill(c, before + sizeof(uint32_t) + size, e);
    if (rc == 1) {
        *out = (struct slice){c->held.data + c->at + before + sizeof(uint32_t), size};
    }
    return rc;
}

int rows_cursor_next(struct rows_cursor *c, enum rows_framing framing, struct slice *key,
                     struct slice *row, struct error *e)
{
    *key = (struct slice){"", 0};
    size_t before = 0;
    if (framing == ROWS_KEYED) {
        int rc = take(c, key, 0, e);
        if (rc != 1) {
            return rc;
        }
        before = sizeof(uint32_t) + key->size;
    }
    int rc = take(c, row, before, e);
    if (rc != 1) {
        return rc;
    }
    if (framing == ROWS_KEYED) {
        key->data = c->held.data + c->at + sizeof(uint32_t); /* filling may have moved it */
    }
    c->at += before + sizeof(uint32_t) + row->size;
    return 1;
}

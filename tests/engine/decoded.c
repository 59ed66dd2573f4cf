#include "decoded.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "testing.h"

static void add(struct buffer *into, const void *bytes, size_t size)
{
    assert_int_equal(buffer_append(into, bytes, size), 0);
}

static void add_cell(struct buffer *into, const struct mill_cell *c)
{
    char text[64] = "";
    switch ((enum mill_kind)c->kind) {
    case MILL_EMPTY:
        add(into, "~", 1);
        return;
    case MILL_NUMBER:
        snprintf(text, sizeof text, "%.17g", c->num);
        break;
    case MILL_BOOLEAN:
        snprintf(text, sizeof text, "%s", c->len ? "true" : "false");
        break;
    case MILL_INT64:
        snprintf(text, sizeof text, "%lldLL", (long long)c->i64);
        break;
    case MILL_UINT64:
        snprintf(text, sizeof text, "%lluULL", (unsigned long long)c->u64);
        break;
    case MILL_BAD:
        add(into, "bad: ", 5);
        add(into, c->ptr, c->len);
        break;
    case MILL_STRING:
    case MILL_RECORD:
    case MILL_LIST:
        add(into, c->ptr, c->len);
        break;
    case MILL_PACKED:
    case MILL_BOXED:
        fail();
    }
    add(into, text, strlen(text));
}

static void show_chunk(struct mill_records *r, const char *fields, struct buffer *into)
{
    for (uint32_t i = 0; i < r->count; i++) {
        const char *at = fields;
        while (*at != '\0') {
            size_t size = strcspn(at, " ");
            add_cell(into, &mill_records_field(r, at, size)[i]);
            at += size;
            add(into, *at == ' ' ? "|" : "", *at == ' ');
            at += *at == ' ';
        }
        add(into, "\n", 1);
    }
    for (uint32_t i = 0; i < r->fault_count; i++) {
        add(into, "! ", 2);
        add(into, r->faults[i].reason, strlen(r->faults[i].reason));
        add(into, "\n", 1);
    }
}

/* What a reader would bring: whole lines where records are lines. */
static size_t piece_end(const struct decoder *d, const char *text, size_t size, size_t at,
                        size_t piece_size)
{
    size_t end = piece_size > size - at ? size : at + piece_size;
    if (d->ops->cut == NULL && end < size) {
        const char *newline = memchr(text + end, '\n', size - end);
        end = newline == NULL ? size : (size_t)(newline + 1 - text);
    }
    return end;
}

char *decode_in_pieces(struct mill_records *r, const char *text, size_t size, size_t piece_size,
                       const char *fields)
{
    struct buffer shown;
    buffer_init(&shown, SIZE_MAX / 2);
    size_t at = 0;
    size_t end = 0;
    while (at < size && !r->decoder->is_broken) {
        end = piece_end(r->decoder, text, size, end, piece_size);
        char *piece = exact_copy(text + at, end - at);
        struct slice left = {piece, end - at};
        r->decoder->is_whole = end == size;
        records_begin(r, left, at, 0);
        for (size_t used = 1; left.size > 0 && used > 0;) {
            used = records_next(r, left, at);
            show_chunk(r, fields, &shown);
            left = (struct slice){left.data + used, left.size - used};
            at += used;
        }
        memory_free(piece);
    }
    add(&shown, "", 1);
    return shown.data;
}

void decodes_to(struct decoder *owned, const char *text, const char *fields, const char *expected)
{
    struct mill_records *r = records_create(owned);
    char *shown = decode_in_pieces(r, text, strlen(text), SIZE_MAX, fields);
    assert_string_equal(shown, expected);
    memory_free(shown);
    records_destroy(r);
}

char *decode_to_json(struct decoder *owned, const char *text, size_t size)
{
    struct buffer shown;
    buffer_init(&shown, SIZE_MAX / 2);
    struct mill_records *r = records_create(owned);
    owned->is_whole = true;
    records_begin(r, (struct slice){text, size}, 0, 0);
    for (size_t at = 0; at < size;) {
        at += records_next(r, (struct slice){text + at, size - at}, at);
        for (uint32_t i = 0; i < r->count; i++) {
            struct mill_slice json;
            mill_records_text(r, i, &json);
            add(&shown, json.ptr, json.len);
            add(&shown, "\n", 1);
        }
    }
    records_destroy(r);
    add(&shown, "", 1);
    return shown.data;
}

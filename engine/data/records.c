#include "data/records.h"

#include <string.h>

#include "base/check.h"
#include "data/words.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct mill_records *records_create(struct decoder *decoder)
{
    struct mill_records *r = memory_zero(1, sizeof *r);
    r->decoder = decoder;
    r->rows = memory_alloc(LIMIT_CHUNK_RECORDS_MAX * sizeof *r->rows);
    r->faults = memory_alloc(LIMIT_CHUNK_RECORDS_MAX * sizeof *r->faults);
    arena_init(&r->arena);
    arena_init(&r->kept);
    return r;
}

void records_destroy(struct mill_records *r)
{
    if (r == NULL) {
        return;
    }
    for (uint32_t i = 0; i < r->field_count; i++) {
        memory_free(r->columns[i]);
        common_strings_deinit(&r->common[i]);
    }
    r->decoder->ops->destroy(r->decoder);
    arena_deinit(&r->arena);
    arena_deinit(&r->kept);
    memory_free(r->rows);
    memory_free(r->faults);
    memory_free(r);
}

void records_begin(struct mill_records *r, struct slice text, uint64_t offset, size_t padding)
{
    r->readable = (struct slice){text.data, text.size + padding};
    r->decoder->own_end = text.data + text.size;
    r->decoder->readable_end = text.data + text.size + padding;
    if (r->decoder->ops->begin != NULL) {
        r->decoder->ops->begin(r->decoder, text, offset);
    }
}

static uint32_t cut(struct mill_records *r, const char *text, size_t *size)
{
    return r->decoder->ops->cut == NULL
               ? lines_split(text, size, r->rows, LIMIT_CHUNK_RECORDS_MAX)
               : r->decoder->ops->cut(r->decoder, text, size, r->rows, LIMIT_CHUNK_RECORDS_MAX);
}

static void note_fault(struct mill_records *r, struct slice row)
{
    const char *reason = r->decoder->reason;
    r->faults[r->fault_count++] = (struct record_fault){
        .row = row,
        .reason = arena_copy(&r->arena, reason, strlen(reason) + 1),
    };
}

/* Read what was cut: the good rows move together, and into the columns. */
static void read_rows(struct mill_records *r, uint32_t cut_count)
{
    struct decoder *d = r->decoder;
    r->count = 0;
    r->fault_count = 0;
    for (uint32_t i = 0; i < cut_count; i++) {
        struct slice row = {r->rows[i].ptr, r->rows[i].len};
        for (uint32_t f = 0; f < r->field_count; f++) {
            r->columns[f][r->count] = (struct mill_cell){.kind = MILL_EMPTY};
        }
        enum decoder_result result = d->ops->read(d, row, r->columns, r->count, &r->arena);
        if (result == DECODER_BAD) {
            note_fault(r, row);
        }
        if (result == DECODER_RECORD) {
            r->rows[r->count++] = r->rows[i];
        }
    }
}

static void number_strings(struct mill_records *r, uint32_t field)
{
    common_strings_number(&r->common[field], r->columns[field], r->count, r->readable,
                          &r->common_last);
}

size_t records_next(struct mill_records *r, struct slice text, uint64_t offset)
{
    size_t mark = sizeof BYTE_ORDER_MARK - 1;
    bool is_marked =
        offset == 0 && text.size >= mark && memcmp(text.data, BYTE_ORDER_MARK, mark) == 0;
    size_t skipped = is_marked ? mark : 0;
    size_t size = text.size - skipped;
    arena_reset(&r->arena);
    uint32_t count = size == 0 ? 0 : cut(r, text.data + skipped, &size);
    read_rows(r, count);
    for (uint32_t f = 0; f < r->field_count; f++) {
        number_strings(r, f);
    }
    return skipped + size;
}

/* --- fields --- */

static struct mill_cell *find_field(const struct mill_records *r, struct slice name)
{
    for (uint32_t i = 0; i < r->field_count; i++) {
        if (r->names[i].size == name.size && memcmp(r->names[i].data, name.data, name.size) == 0) {
            return r->columns[i];
        }
    }
    return NULL;
}

/* The rows of the chunk were read without it. */
static void fill_column(struct mill_records *r, const struct slice *name, struct mill_cell *column)
{
    struct decoder *d = r->decoder;
    d->ops->want(d, name, 1);
    for (uint32_t i = 0; i < r->count; i++) {
        column[i] = (struct mill_cell){.kind = MILL_EMPTY};
        struct slice row = {r->rows[i].ptr, r->rows[i].len};
        enum decoder_result result = d->ops->read(d, row, &column, i, &r->arena);
        check(result == DECODER_RECORD);
    }
}

const struct mill_cell *mill_records_field(struct mill_records *r, const char *name, size_t size)
{
    struct mill_cell *column = find_field(r, (struct slice){name, size});
    if (column != NULL || r->field_count == LIMIT_FIELDS_MAX) {
        return column;
    }
    uint32_t i = r->field_count;
    column = memory_alloc(LIMIT_CHUNK_RECORDS_MAX * sizeof *column);
    r->names[i] = (struct slice){arena_copy(&r->kept, name, size), size};
    fill_column(r, &r->names[i], column);
    r->columns[i] = column;
    common_strings_init(&r->common[i]);
    number_strings(r, i);
    r->field_count++;
    r->decoder->ops->want(r->decoder, r->names, r->field_count);
    return column;
}

void mill_records_text(struct mill_records *r, uint32_t row, struct mill_slice *text)
{
    check(row < r->count);
    *text = r->rows[row];
    if (r->decoder->ops->to_json == NULL) {
        return;
    }
    struct buffer json;
    buffer_init(&json, LIMIT_RECORD_BYTES_MAX * 7);
    r->decoder->ops->to_json(r->decoder, (struct slice){text->ptr, text->len}, &json);
    text->ptr = arena_copy(&r->arena, json.data, json.size);
    text->len = (uint32_t)json.size;
    buffer_deinit(&json);
}

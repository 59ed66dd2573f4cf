/* What must hold of a decoder, whatever the bytes: it gets to the end, rows follow each other
 * within the text, a good row stays good when another field is read and is JSON, a bad one has a
 * reason. */
#ifndef TESTS_FUZZ_READING_H
#define TESTS_FUZZ_READING_H

#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "data/json_check.h"
#include "data/records.h"

static void touch(const char *bytes, size_t size)
{
    volatile char last = 0;
    for (size_t i = 0; i < size; i++) {
        last = bytes[i];
    }
    (void)last;
}

static void check_cells(const struct mill_cell *cells, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (cells[i].kind == MILL_STRING || cells[i].kind == MILL_RECORD ||
            cells[i].kind == MILL_LIST || cells[i].kind == MILL_BAD) {
            touch(cells[i].ptr, cells[i].len);
        }
    }
}

/* But for UTF-8: strings keep the bytes that they came with. */
static void check_json(const struct mill_slice *json)
{
    char *copy = memory_alloc(json->len + 1);
    size_t stopped = 0;
    for (uint32_t i = 0; i < json->len; i++) {
        copy[i] = (unsigned char)json->ptr[i] < 0x80 ? json->ptr[i] : 'x';
    }
    check(json_check((struct slice){copy, json->len}, &stopped) == NULL);
    memory_free(copy);
}

static void check_chunk(struct mill_records *r, const char *text, const char *end)
{
    const char *at = text;
    for (uint32_t i = 0; i < r->count; i++) {
        check(r->rows[i].ptr >= at && r->rows[i].ptr + r->rows[i].len <= end);
        at = r->rows[i].ptr + r->rows[i].len;
        struct mill_slice json;
        mill_records_text(r, i, &json);
        check_json(&json);
    }
    at = text;
    for (uint32_t i = 0; i < r->fault_count; i++) {
        const struct record_fault *fault = &r->faults[i];
        check(fault->row.data >= at && fault->row.data + fault->row.size <= end);
        check(fault->reason != NULL && fault->reason[0] != '\0');
        at = fault->row.data + fault->row.size;
    }
}

/* @param decoder  gone afterwards */
static void check_decoder(struct decoder *decoder, const void *bytes, size_t size)
{
    static const char *const names[] = {"a", "id", "status", ""};
    char *text = memory_alloc(size == 0 ? 1 : size); /* so that what is read behind it is seen */
    memcpy(text, bytes, size);
    struct mill_records *r = records_create(decoder);
    struct slice left = {text, size};
    size_t chunks = 0;
    records_begin(r, left, 0, 0);
    decoder->is_whole = true;
    while (left.size > 0) {
        size_t used = records_next(r, left, (uint64_t)(left.data - text));
        check(used > 0 && used <= left.size);
        const char *name = names[chunks++ % (sizeof names / sizeof *names)];
        check_cells(mill_records_field(r, name, strlen(name)), r->count);
        check_chunk(r, left.data, left.data + used);
        left = (struct slice){left.data + used, left.size - used};
    }
    records_destroy(r);
    memory_free(text);
}

#endif

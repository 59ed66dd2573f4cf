#include "data/cell.h"

#include <string.h>

#include "base/check.h"
#include "data/msgpack.h"

#define EXACT_INTEGER_MAX ((uint64_t)1 << 53)

static struct mill_cell number(double v)
{
    return (struct mill_cell){.kind = MILL_NUMBER, .len = 1, .num = v};
}

static double read_float(const uint8_t *b)
{
    uint64_t bits = bytes_get_u64(b);
    double v = 0;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* Integers as msgpack_add_number writes them. @return false for other heads and wider values */
static bool read_integer(const uint8_t *b, size_t size, double *v)
{
    uint8_t head = b[0];
    if (head <= 0x7f || head >= 0xe0) {
        *v = (int8_t)head;
        return size == 1;
    }
    bool is_signed = head >= 0xd0 && head <= 0xd3;
    if (!is_signed && !(head >= 0xcc && head <= 0xcf)) {
        return false;
    }
    size_t width = (size_t)1 << (head & 3);
    if (size != width + 1) {
        return false;
    }
    uint64_t bits = is_signed && (b[1] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 1; i <= width; i++) {
        bits = bits << 8 | b[i];
    }
    bool negative = is_signed && (int64_t)bits < 0;
    uint64_t magnitude = negative ? -bits : bits;
    *v = negative ? -(double)magnitude : (double)magnitude;
    return magnitude <= EXACT_INTEGER_MAX;
}

/* The bytes of a string behind its head. */
static bool read_string(const uint8_t *b, size_t size, struct mill_cell *cell)
{
    size_t head = (b[0] & 0xe0) == 0xa0 ? 1
                  : b[0] == 0xd9        ? 2
                  : b[0] == 0xda        ? 3
                  : b[0] == 0xdb        ? 5
                                        : 0;
    if (head == 0 || size < head) {
        return false;
    }
    *cell = (struct mill_cell){
        .kind = MILL_STRING, .len = (uint32_t)(size - head), .ptr = (const char *)b + head};
    return true;
}

struct mill_cell cell_of_msgpack(struct slice bytes)
{
    struct mill_cell cell = {.kind = MILL_EMPTY};
    if (bytes.size == 0) {
        return cell;
    }
    const uint8_t *b = (const uint8_t *)bytes.data;
    double v = 0;
    if (b[0] == 0xcb && bytes.size == 9) {
        return number(read_float(b + 1));
    }
    if (read_integer(b, bytes.size, &v)) {
        return number(v);
    }
    if (read_string(b, bytes.size, &cell)) {
        return cell;
    }
    struct slice record = msgpack_record(bytes);
    check(bytes.size <= UINT32_MAX);
    if (record.data != NULL) {
        return (struct mill_cell){
            .kind = MILL_RECORD, .len = (uint32_t)record.size, .ptr = record.data};
    }
    return (struct mill_cell){.kind = MILL_PACKED, .len = (uint32_t)bytes.size, .ptr = bytes.data};
}

bool cell_add_msgpack(const struct mill_cell *cell, struct buffer *into)
{
    switch ((enum mill_kind)cell->kind) {
    case MILL_NUMBER:
        msgpack_add_number(into, cell->num);
        return true;
    case MILL_STRING:
        msgpack_add_string(into, cell->ptr, cell->len);
        return true;
    case MILL_PACKED:
        (void)!buffer_append(into, cell->ptr, cell->len);
        return true;
    case MILL_BOOLEAN:
        msgpack_add_boolean(into, cell->len != 0);
        return true;
    case MILL_INT64:
        msgpack_add_int64(into, cell->i64);
        return true;
    case MILL_UINT64:
        msgpack_add_uint64(into, cell->u64);
        return true;
    case MILL_RECORD:
        msgpack_add_record(into, cell->ptr, cell->len);
        return true;
    case MILL_EMPTY:
    case MILL_BOXED:
    case MILL_LIST:
    case MILL_BAD:
        break;
    }
    return false;
}

/* -0 and 0 are different bytes when they are written; NaN is equal to itself. */
static uint64_t bits_of(double v)
{
    uint64_t bits = 0;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

bool cell_equals(const struct mill_cell *a, const struct mill_cell *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    if (a->kind == MILL_NUMBER) {
        return bits_of(a->num) == bits_of(b->num);
    }
    if (a->kind == MILL_INT64 || a->kind == MILL_UINT64) {
        return a->u64 == b->u64;
    }
    if (!cell_has_bytes(a)) {
        return a->kind != MILL_BOOLEAN || a->len == b->len;
    }
    return a->len == b->len && memcmp(a->ptr, b->ptr, a->len) == 0;
}

bool cell_has_bytes(const struct mill_cell *cell)
{
    return cell->kind == MILL_STRING || cell->kind == MILL_PACKED || cell->kind == MILL_RECORD ||
           cell->kind == MILL_LIST || cell->kind == MILL_BAD;
}

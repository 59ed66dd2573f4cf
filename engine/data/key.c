#include "data/key.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"

#define SIGN_BIT ((uint64_t)1 << 63)
#define ESCAPE   0xFF
#define FINISH   0x01

static uint64_t order_of(double v)
{
    uint64_t bits = 0;
    memcpy(&bits, &v, sizeof bits);
    return (bits & SIGN_BIT) != 0 ? ~bits : bits | SIGN_BIT;
}

static double number_of(uint64_t order)
{
    uint64_t bits = (order & SIGN_BIT) != 0 ? order & ~SIGN_BIT : ~order;
    double v = 0;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void add(struct buffer *b, const void *bytes, size_t size)
{
    (void)!buffer_append(b, bytes, size); /* a failure sticks in b->failed */
}

static void add_tag(struct buffer *b, uint8_t tag)
{
    add(b, &tag, 1);
}

static void add_ordered(struct buffer *b, double floor, uint64_t above)
{
    check(above <= UINT16_MAX);
    uint8_t raw[KEY_NUMBER_BYTES];
    raw[0] = KEY_NUMBER;
    bytes_put_u64(raw + 1, order_of(floor));
    bytes_put_u16(raw + 9, (uint16_t)above);
    add(b, raw, sizeof raw);
}

void key_add_boolean(struct buffer *b, bool v)
{
    add_tag(b, v ? KEY_TRUE : KEY_FALSE);
}

bool key_add_number(struct buffer *b, double v)
{
    if (isnan(v)) {
        return false;
    }
    add_ordered(b, v == 0 ? 0.0 : v, 0);
    return true;
}

void key_add_int64(struct buffer *b, int64_t v)
{
    if (v >= 0) {
        key_add_uint64(b, (uint64_t)v);
        return;
    }
    double floor = (double)v; /* nearest; at least -2^63, which is exact */
    while ((int64_t)floor > v) {
        floor = nextafter(floor, -HUGE_VAL);
    }
    add_ordered(b, floor, (uint64_t)v - (uint64_t)(int64_t)floor);
}

void key_add_uint64(struct buffer *b, uint64_t v)
{
    double floor = (double)v;
    while (floor >= 0x1p64 || (uint64_t)floor > v) {
        floor = nextafter(floor, 0);
    }
    add_ordered(b, floor, v - (uint64_t)floor);
}

void key_add_string(struct buffer *b, const char *s, size_t size)
{
    add_tag(b, KEY_STRING);
    add(b, s, size);
}

void key_add_part_string(struct buffer *b, const char *s, size_t size)
{
    static const uint8_t escaped_zero[] = {0x00, ESCAPE};
    static const uint8_t finish[] = {0x00, FINISH};
    add_tag(b, KEY_STRING);
    while (size > 0) {
        const char *zero = memchr(s, 0, size);
        size_t plain = zero == NULL ? size : (size_t)(zero - s);
        add(b, s, plain);
        s += plain;
        size -= plain;
        if (zero != NULL) {
            add(b, escaped_zero, sizeof escaped_zero);
            s++;
            size--;
        }
    }
    add(b, finish, sizeof finish);
}

void key_add_array_begin(struct buffer *b)
{
    add_tag(b, KEY_ARRAY);
}

void key_add_array_end(struct buffer *b)
{
    add_tag(b, KEY_END);
}

/* Whether a writer would write it so. Else one value had two encodings, or the sum overflowed. */
static bool is_canonical(double floor, uint16_t above)
{
    if (above == 0) {
        return !isnan(floor) && !(floor == 0 && signbit(floor));
    }
    return floor >= -0x1p63 && floor < 0x1p64 && above < nextafter(floor, HUGE_VAL) - floor;
}

static bool read_number(struct reader *r, struct key_part *part)
{
    double floor = number_of(reader_u64(r));
    uint16_t above = reader_u16(r);
    if (r->failed || !is_canonical(floor, above)) {
        r->failed = true;
        return false;
    }
    part->type = KEY_IS_NUMBER;
    part->number = floor;
    if (above == 0) {
        return true;
    }
    if (floor < 0x1p63) {
        part->type = KEY_IS_INT64;
        part->int64 = (int64_t)((uint64_t)(int64_t)floor + above);
    } else {
        part->type = KEY_IS_UINT64;
        part->uint64 = (uint64_t)floor + above;
    }
    return true;
}

static bool read_part_string(struct reader *r, struct key_part *part)
{
    const uint8_t *start = r->at;
    while (reader_left(r) >= 2) {
        const uint8_t *zero = memchr(r->at, 0, reader_left(r) - 1);
        if (zero == NULL) {
            break;
        }
        r->at = zero + 2;
        if (zero[1] == FINISH) {
            part->type = KEY_IS_STRING;
            part->string = (struct slice){(const char *)start, (size_t)(zero - start)};
            return true;
        }
        if (zero[1] != ESCAPE) {
            break;
        }
    }
    r->failed = true;
    return false;
}

bool key_read(struct reader *r, bool in_array, struct key_part *part)
{
    *part = (struct key_part){0};
    uint8_t tag = reader_u8(r);
    if (r->failed) {
        return false;
    }
    switch (tag) {
    case KEY_FALSE:
    case KEY_TRUE:
        part->type = KEY_IS_BOOLEAN;
        part->boolean = tag == KEY_TRUE;
        return true;
    case KEY_NUMBER:
        return read_number(r, part);
    case KEY_STRING:
        if (in_array) {
            return read_part_string(r, part);
        }
        part->type = KEY_IS_STRING;
        part->string = reader_bytes(r, reader_left(r));
        return true;
    case KEY_ARRAY:
        part->type = KEY_IS_ARRAY;
        return true;
    case KEY_END:
        part->type = KEY_IS_END;
        r->failed = !in_array;
        return in_array;
    default:
        r->failed = true;
        return false;
    }
}

int key_unescape(struct slice escaped, struct buffer *into)
{
    const char *s = escaped.data;
    size_t left = escaped.size;
    int rc = 0;
    while (left > 0 && rc == 0) {
        const char *zero = memchr(s, 0, left);
        size_t plain = zero == NULL ? left : (size_t)(zero - s) + 1;
        rc = buffer_append(into, s, plain);
        size_t step = zero == NULL ? plain : plain + 1;
        step = step < left ? step : left;
        s += step;
        left -= step;
    }
    return rc;
}

int key_compare(const void *a, size_t a_size, const void *b, size_t b_size)
{
    size_t shorter = a_size < b_size ? a_size : b_size;
    int order = shorter == 0 ? 0 : memcmp(a, b, shorter);
    if (order != 0) {
        return order;
    }
    return a_size < b_size ? -1 : a_size > b_size;
}

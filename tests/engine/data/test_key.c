/* Goal: bytes of keys sort as their values do, one value has one encoding, and every key reads back
 * exactly.
 * Method: values around every power of two as 80-bit floats, which hold all of them exactly; random
 * arrays against a comparison of their parts; bytes that no writer writes. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "data/key.h"
#include "testing.h"

/* Every double, int64 and uint64 is one of these. */
_Static_assert(LDBL_MANT_DIG >= 64, "long double holds a uint64_t");

static struct buffer encode(long double v)
{
    struct buffer b;
    buffer_init(&b, 100);
    if ((long double)(double)v == v) {
        assert_true(key_add_number(&b, (double)v));
    } else if (v < 0) {
        key_add_int64(&b, (int64_t)v);
    } else {
        key_add_uint64(&b, (uint64_t)v);
    }
    assert_int_equal(b.size, KEY_NUMBER_BYTES);
    return b;
}

static int sign_of(int order)
{
    return (order > 0) - (order < 0);
}

static int order_of_bytes(const struct buffer *a, const struct buffer *b)
{
    return sign_of(key_compare(a->data, a->size, b->data, b->size));
}

static void sorts_as_its_value(long double v, long double w)
{
    struct buffer a = encode(v);
    struct buffer b = encode(w);
    if (order_of_bytes(&a, &b) != (v > w) - (v < w)) {
        fail_msg("%Lf and %Lf", v, w);
    }
    buffer_deinit(&a);
    buffer_deinit(&b);
}

static struct key_part read_whole(const struct buffer *b)
{
    char *copy = exact_copy(b->data, b->size);
    struct reader r;
    struct key_part part;
    reader_init(&r, copy, b->size);
    assert_true(key_read(&r, false, &part));
    assert_int_equal(reader_left(&r), 0);
    memory_free(copy);
    return part;
}

static void reads_back(long double v)
{
    struct buffer b = encode(v);
    struct key_part part = read_whole(&b);
    buffer_deinit(&b);
    long double got = 0;
    switch (part.type) {
    case KEY_IS_NUMBER:
        got = (long double)part.number;
        break;
    case KEY_IS_INT64:
        got = part.int64;
        break;
    case KEY_IS_UINT64:
        got = part.uint64;
        assert_true(part.uint64 > INT64_MAX);
        break;
    case KEY_IS_BOOLEAN:
    case KEY_IS_STRING:
    case KEY_IS_ARRAY:
    case KEY_IS_END:
        fail();
    }
    if (got != v) {
        fail_msg("%Lf came back as %Lf", v, got);
    }
    assert_true(part.type == KEY_IS_NUMBER || (long double)(double)v != v);
}

static void the_numbers_that_hurt_sort_and_read_back(void **state)
{
    (void)state;
    static const long double ascending[] = {
        -HUGE_VALL,
        -(long double)DBL_MAX,
        -0x1p64L,
        -0x1p63L - 2048,
        -0x1p63L,
        -0x1p63L + 1,
        -0x1p63L + 1023,
        -0x1p63L + 1024,
        -0x1p54L - 2,
        -0x1p54L - 1,
        -0x1p53L - 3,
        -0x1p53L - 2,
        -0x1p53L - 1,
        -0x1p53L,
        -0x1p53L + 1,
        -0x1p51L - 0.5L,
        -2,
        -1.5L,
        -1,
        -(long double)DBL_MIN,
        -0x1p-1074L,
        0,
        0x1p-1074L,
        (long double)DBL_MIN,
        0.5L,
        1,
        1 + 0x1p-52L,
        0x1p51L + 0.5L,
        0x1p53L - 1,
        0x1p53L,
        0x1p53L + 1,
        0x1p53L + 2,
        0x1p53L + 3,
        0x1p54L + 1,
        0x1p54L + 2,
        0x1p63L - 1024,
        0x1p63L - 1,
        0x1p63L,
        0x1p63L + 1,
        0x1p63L + 2047,
        0x1p63L + 2048,
        0x1p64L - 2048,
        0x1p64L - 2047,
        0x1p64L - 1,
        0x1p64L,
        (long double)DBL_MAX,
        HUGE_VALL,
    };
    enum { COUNT = sizeof ascending / sizeof ascending[0] };
    for (int i = 0; i < COUNT; i++) {
        reads_back(ascending[i]);
        for (int k = 0; k < COUNT; k++) {
            sorts_as_its_value(ascending[i], ascending[k]);
        }
    }
}

/* A value near a power of two, as an integer or as a double beside it. */
static long double telling_number(struct chance *c)
{
    long double power = ldexpl(1, (int)chance_below(c, 65));
    long double v = power + (long double)chance_below(c, 9) - 4;
    if (chance_below(c, 4) == 0) {
        v = (long double)nextafter((double)v, chance_below(c, 2) == 0 ? HUGE_VAL : -HUGE_VAL);
    }
    if (chance_below(c, 4) == 0) {
        v = (long double)(chance_next(c) >> chance_below(c, 64));
    }
    v = chance_below(c, 2) == 0 ? v : -v;
    bool is_int = v >= -0x1p63L && v < 0x1p64L && v == floorl(v);
    return is_int ? v : (long double)(double)v;
}

static void numbers_near_each_other_sort_by_value(void **state)
{
    (void)state;
    struct chance c = {20};
    for (uint32_t i = 0; i < rounds(50000); i++) {
        long double v = telling_number(&c);
        long double w = v + (long double)chance_below(&c, 5) - 2;
        bool is_int = w >= -0x1p63L && w < 0x1p64L && w == floorl(w);
        reads_back(v);
        sorts_as_its_value(v, telling_number(&c));
        sorts_as_its_value(v, is_int ? w : (long double)(double)w);
    }
}

static void one_value_has_one_encoding(void **state)
{
    (void)state;
    struct chance c = {21};
    for (uint32_t i = 0; i < rounds(20000); i++) {
        int64_t v = (int64_t)chance_next(&c) >> chance_below(&c, 64);
        struct buffer a;
        struct buffer b;
        buffer_init(&a, 100);
        buffer_init(&b, 100);
        key_add_int64(&a, v);
        if (v >= 0) {
            key_add_uint64(&b, (uint64_t)v);
            assert_int_equal(order_of_bytes(&a, &b), 0);
            buffer_clear(&b);
        }
        if ((long double)(double)v == (long double)v) {
            assert_true(key_add_number(&b, (double)v));
            assert_int_equal(order_of_bytes(&a, &b), 0);
        }
        buffer_deinit(&a);
        buffer_deinit(&b);
    }
    struct buffer zero = encode(0);
    struct buffer minus_zero = encode(-0.0L);
    assert_int_equal(order_of_bytes(&zero, &minus_zero), 0);
    buffer_deinit(&zero);
    buffer_deinit(&minus_zero);
}

static void nan_is_no_key(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    assert_false(key_add_number(&b, nan("")));
    assert_int_equal(b.size, 0);
    assert_false(b.failed);
    buffer_deinit(&b);
}

/* --- kinds and strings --- */

static void kinds_sort_before_values(void **state)
{
    (void)state;
    struct buffer keys[8];
    for (int i = 0; i < 8; i++) {
        buffer_init(&keys[i], 100);
    }
    key_add_boolean(&keys[0], false);
    key_add_boolean(&keys[1], true);
    assert_true(key_add_number(&keys[2], -HUGE_VAL));
    assert_true(key_add_number(&keys[3], HUGE_VAL));
    key_add_string(&keys[4], "", 0);
    key_add_string(&keys[5], "\xff\xff", 2);
    key_add_array_begin(&keys[6]);
    key_add_array_end(&keys[6]);
    key_add_array_begin(&keys[7]);
    key_add_boolean(&keys[7], false);
    key_add_array_end(&keys[7]);
    for (int i = 0; i < 8; i++) {
        for (int k = 0; k < 8; k++) {
            assert_int_equal(order_of_bytes(&keys[i], &keys[k]), (i > k) - (i < k));
        }
    }
    for (int i = 0; i < 8; i++) {
        buffer_deinit(&keys[i]);
    }
}

static void strings_keep_every_byte(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    key_add_string(&b, "a\0\xff\1", 4);
    struct reader r;
    struct key_part part;
    reader_init(&r, b.data, b.size);
    assert_true(key_read(&r, false, &part));
    assert_int_equal(part.type, KEY_IS_STRING);
    assert_int_equal(part.string.size, 4);
    assert_memory_equal(part.string.data, "a\0\xff\1", 4);
    buffer_deinit(&b);
}

static void a_string_in_an_array_reads_back(const char *s, size_t size)
{
    struct buffer b;
    struct buffer plain;
    buffer_init(&b, 1000);
    buffer_init(&plain, size);
    key_add_array_begin(&b);
    key_add_part_string(&b, s, size);
    key_add_array_end(&b);
    char *copy = exact_copy(b.data, b.size);
    struct reader r;
    struct key_part part;
    reader_init(&r, copy, b.size);
    assert_true(key_read(&r, false, &part));
    assert_int_equal(part.type, KEY_IS_ARRAY);
    assert_true(key_read(&r, true, &part));
    assert_int_equal(part.type, KEY_IS_STRING);
    assert_int_equal(key_unescape(part.string, &plain), 0);
    assert_int_equal(plain.size, size);
    assert_true(size == 0 || memcmp(plain.data, s, size) == 0);
    assert_true(key_read(&r, true, &part));
    assert_int_equal(part.type, KEY_IS_END);
    assert_int_equal(reader_left(&r), 0);
    memory_free(copy);
    buffer_deinit(&b);
    buffer_deinit(&plain);
}

static void strings_in_arrays_keep_every_byte(void **state)
{
    (void)state;
    struct chance c = {22};
    for (uint32_t i = 0; i < rounds(20000); i++) {
        char s[12];
        size_t size = chance_below(&c, sizeof s + 1);
        for (size_t k = 0; k < size; k++) {
            s[k] = "\0\0\1\xff"
                   "a"[chance_below(&c, 5)];
        }
        a_string_in_an_array_reads_back(s, size);
    }
}

/* --- arrays --- */

/* Numbers and strings of few values, and arrays of these. */
struct value {
    int kind; /* 0: number, 1: string, 2: array */
    double number;
    char string[4];
    size_t count; /* of a string's bytes, of an array's parts */
    struct value *parts;
};

static struct value make_value(struct chance *c, int depth)
{
    struct value v = {.kind = (int)chance_below(c, depth > 0 ? 4 : 2)};
    v.kind = v.kind > 2 ? 2 : v.kind;
    if (v.kind == 0) {
        v.number = (double)chance_below(c, 4) - 1.5;
        return v;
    }
    v.count = chance_below(c, 4);
    for (size_t i = 0; v.kind == 1 && i < v.count; i++) {
        v.string[i] = "\0\1\xff"[chance_below(c, 3)];
    }
    if (v.kind == 2) {
        v.parts = memory_alloc(v.count * sizeof *v.parts);
        for (size_t i = 0; i < v.count; i++) {
            v.parts[i] = make_value(c, depth - 1);
        }
    }
    return v;
}

static void free_value(struct value *v)
{
    for (size_t i = 0; v->kind == 2 && i < v->count; i++) {
        free_value(&v->parts[i]);
    }
    memory_free(v->parts);
}

static void add_value(struct buffer *b, const struct value *v)
{
    if (v->kind == 0) {
        assert_true(key_add_number(b, v->number));
    } else if (v->kind == 1) {
        key_add_part_string(b, v->string, v->count);
    } else {
        key_add_array_begin(b);
        for (size_t i = 0; i < v->count; i++) {
            add_value(b, &v->parts[i]);
        }
        key_add_array_end(b);
    }
}

static int compare_values(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->kind == 0) {
        return (a->number > b->number) - (a->number < b->number);
    }
    if (a->kind == 1) {
        return sign_of(key_compare(a->string, a->count, b->string, b->count));
    }
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        int order = compare_values(&a->parts[i], &b->parts[i]);
        if (order != 0) {
            return order;
        }
    }
    return (a->count > b->count) - (a->count < b->count);
}

static struct value make_array(struct chance *c)
{
    struct value v;
    for (v = make_value(c, 3); v.kind != 2; v = make_value(c, 3)) {
        free_value(&v);
    }
    return v;
}

static void arrays_sort_part_by_part_shorter_first(void **state)
{
    (void)state;
    struct chance c = {23};
    int equal = 0;
    for (uint32_t i = 0; i < rounds(50000); i++) {
        struct value v = make_array(&c);
        struct value w = make_array(&c);
        struct buffer a;
        struct buffer b;
        buffer_init(&a, 1000);
        buffer_init(&b, 1000);
        add_value(&a, &v);
        add_value(&b, &w);
        assert_int_equal(order_of_bytes(&a, &b), compare_values(&v, &w));
        equal += order_of_bytes(&a, &b) == 0;
        buffer_deinit(&a);
        buffer_deinit(&b);
        free_value(&v);
        free_value(&w);
    }
    assert_true(equal > 100);
}

/* --- the format --- */

static void is_encoded_as(struct buffer *b, const char *bytes, size_t size)
{
    assert_int_equal(b->size, size);
    assert_memory_equal(b->data, bytes, size);
    buffer_clear(b);
}

/* Stored in every data directory: whoever changes this makes a new format version. */
static void the_bytes_are_those_of_every_data_directory(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    key_add_boolean(&b, true);
    is_encoded_as(&b, "\2", 1);
    key_add_int64(&b, 1);
    is_encoded_as(&b, "\x10\xbf\xf0\0\0\0\0\0\0\0\0", 11);
    assert_true(key_add_number(&b, -1.5));
    is_encoded_as(&b, "\x10\x40\x07\xff\xff\xff\xff\xff\xff\0\0", 11);
    key_add_uint64(&b, UINT64_MAX);
    is_encoded_as(&b, "\x10\xc3\xef\xff\xff\xff\xff\xff\xff\x07\xff", 11);
    key_add_string(&b, "a\0b", 3);
    is_encoded_as(&b,
                  "\x20"
                  "a\0b",
                  4);
    key_add_array_begin(&b);
    key_add_boolean(&b, false);
    key_add_part_string(&b, "a\0b", 3);
    key_add_array_end(&b);
    is_encoded_as(&b,
                  "\x30\1\x20"
                  "a\0\xff"
                  "b\0\1\0",
                  10);
    buffer_deinit(&b);
}

static void the_key_groups_are_those_of_every_data_directory(void **state)
{
    (void)state;
    assert_int_equal(key_group_of(hash_key("\x20word", 5)), 2550);
    assert_int_equal(key_group_of(hash_key("\x20", 1)), 2024);
    assert_int_equal(key_group_of(hash_key("\x10\xbf\xf0\0\0\0\0\0\0\0\0", 11)), 990);
    assert_true(hash_bytes("abc", 3) == 0x78af5f94892f3950u);
    assert_int_equal(shard_of_group(0), 0);
    assert_int_equal(shard_of_group(KEY_GROUP_COUNT - 1), SHARD_COUNT - 1);
}

/* --- damage --- */

/* Whether the bytes are one key, read part by part. */
static bool is_key(const void *bytes, size_t size)
{
    char *copy = exact_copy(bytes, size);
    struct reader r;
    struct key_part part;
    int depth = 0;
    bool good = true;
    reader_init(&r, copy, size);
    do {
        good = key_read(&r, depth > 0, &part);
        assert_int_equal(good, !r.failed);
        depth += part.type == KEY_IS_ARRAY ? 1 : part.type == KEY_IS_END ? -1 : 0;
    } while (good && depth > 0);
    good = good && reader_left(&r) == 0;
    memory_free(copy);
    return good;
}

static void a_key_cut_anywhere_is_no_key(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 1000);
    key_add_array_begin(&b);
    key_add_boolean(&b, true);
    key_add_int64(&b, 9007199254740993);
    key_add_part_string(&b, "a\0b", 3);
    key_add_array_begin(&b);
    key_add_part_string(&b, "", 0);
    key_add_array_end(&b);
    key_add_array_end(&b);
    assert_true(is_key(b.data, b.size));
    for (size_t cut = 0; cut < b.size; cut++) {
        assert_false(is_key(b.data, cut));
    }
    buffer_deinit(&b);
}

static void tags_that_nobody_writes_are_no_keys(void **state)
{
    (void)state;
    for (int tag = 0; tag < 256; tag++) {
        char byte = (char)tag;
        bool alone = tag == KEY_FALSE || tag == KEY_TRUE || tag == KEY_STRING;
        assert_int_equal(is_key(&byte, 1), alone);
    }
}

static bool is_number(double floor, uint16_t above)
{
    uint64_t bits = 0;
    memcpy(&bits, &floor, sizeof bits);
    uint8_t raw[KEY_NUMBER_BYTES] = {KEY_NUMBER};
    bytes_put_u64(raw + 1, bits >> 63 ? ~bits : bits | (uint64_t)1 << 63);
    bytes_put_u16(raw + 9, above);
    return is_key(raw, sizeof raw);
}

static void numbers_that_nobody_writes_are_no_keys(void **state)
{
    (void)state;
    assert_true(is_number(1.5, 0));
    assert_true(is_number(-HUGE_VAL, 0));
    assert_true(is_number(0x1p53, 1));
    assert_true(is_number(-0x1p63, 1023));
    assert_true(is_number(0x1p64 - 2048, 2047));
    assert_false(is_number(nan(""), 0));
    assert_false(is_number(-nan(""), 0));
    assert_false(is_number(-0.0, 0));
    assert_false(is_number(1.5, 1));
    assert_false(is_number(1, 1));
    assert_false(is_number(0x1p53, 2));
    assert_false(is_number(-0x1p53, 1));
    assert_false(is_number(-0x1p63, 1024));
    assert_false(is_number(0x1p63 - 1024, 1024));
    assert_false(is_number(0x1p64 - 2048, 2048));
    assert_false(is_number(0x1p64, 1));
    assert_false(is_number(-0x1p63 - 2048, 1));
    assert_false(is_number(HUGE_VAL, 1));
    assert_false(is_number(nan(""), 1));
}

static void broken_escapes_end_where_the_bytes_end(void **state)
{
    (void)state;
    struct buffer plain;
    buffer_init(&plain, 100);
    char *copy = exact_copy("a\0", 2);
    assert_int_equal(key_unescape((struct slice){copy, 2}, &plain), 0);
    assert_int_equal(plain.size, 2);
    memory_free(copy);
    buffer_deinit(&plain);
    buffer_init(&plain, 1);
    assert_int_equal(key_unescape((struct slice){"ab", 2}, &plain), MILL_ELIMIT);
    buffer_deinit(&plain);
}

static void a_key_that_does_not_fit_is_remembered(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 4);
    key_add_string(&b, "abcd", 4);
    assert_true(b.failed);
    buffer_clear(&b);
    key_add_string(&b, "abc", 3);
    assert_false(b.failed);
    buffer_deinit(&b);
}

static void nothing_compares_below_everything(void **state)
{
    (void)state;
    assert_int_equal(key_compare(NULL, 0, NULL, 0), 0);
    assert_true(key_compare(NULL, 0, "a", 1) < 0);
    assert_true(key_compare("a", 1, "", 0) > 0);
    assert_true(key_compare("\x80", 1, "\x7f", 1) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_that_hurt_sort_and_read_back),
        cmocka_unit_test(numbers_near_each_other_sort_by_value),
        cmocka_unit_test(one_value_has_one_encoding),
        cmocka_unit_test(nan_is_no_key),
        cmocka_unit_test(kinds_sort_before_values),
        cmocka_unit_test(strings_keep_every_byte),
        cmocka_unit_test(strings_in_arrays_keep_every_byte),
        cmocka_unit_test(arrays_sort_part_by_part_shorter_first),
        cmocka_unit_test(the_bytes_are_those_of_every_data_directory),
        cmocka_unit_test(the_key_groups_are_those_of_every_data_directory),
        cmocka_unit_test(a_key_cut_anywhere_is_no_key),
        cmocka_unit_test(tags_that_nobody_writes_are_no_keys),
        cmocka_unit_test(numbers_that_nobody_writes_are_no_keys),
        cmocka_unit_test(broken_escapes_end_where_the_bytes_end),
        cmocka_unit_test(a_key_that_does_not_fit_is_remembered),
        cmocka_unit_test(nothing_compares_below_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

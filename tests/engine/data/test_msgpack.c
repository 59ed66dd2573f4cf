/* Goal: every value comes back bit for bit, and no bytes make the library allocate by a count that
 * they only claim.
 * Method: msgpack-c reads what we write; bombs; cuts at every byte; random bytes, on which the scan
 * and the library must agree. */
#include <math.h>
#include <msgpack.h>
#include <string.h>

#include "base/memory.h"
#include "data/msgpack.h"
#include "testing.h"

static struct buffer b;

static int begin(void **state)
{
    (void)state;
    buffer_init(&b, 1000000);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buffer_deinit(&b);
    return 0;
}

static int scan(const void *bytes, size_t size, size_t *value_size)
{
    char *copy = exact_copy(bytes, size);
    int rc = msgpack_scan(copy, size, value_size);
    memory_free(copy);
    return rc;
}

static void is_damaged(const char *bytes, size_t size)
{
    size_t value_size = 77;
    assert_int_equal(scan(bytes, size, &value_size), MILL_ECORRUPT);
    assert_int_equal(value_size, 77);
}

/* The value in the buffer, which the library and the scan must measure alike; clears it. */
static msgpack_object read_back(msgpack_unpacked *u)
{
    size_t offset = 0;
    size_t value_size = 0;
    msgpack_unpacked_init(u);
    assert_int_equal(msgpack_unpack_next(u, b.data, b.size, &offset), MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(offset, b.size);
    assert_int_equal(scan(b.data, b.size, &value_size), 0);
    assert_int_equal(value_size, b.size);
    return u->data;
}

static void done(msgpack_unpacked *u)
{
    msgpack_unpacked_destroy(u);
    buffer_clear(&b);
}

static void number_comes_back(double v)
{
    msgpack_unpacked u;
    msgpack_add_number(&b, v);
    msgpack_object o = read_back(&u);
    double got = o.type == MSGPACK_OBJECT_POSITIVE_INTEGER   ? (double)o.via.u64
                 : o.type == MSGPACK_OBJECT_NEGATIVE_INTEGER ? (double)o.via.i64
                                                             : o.via.f64;
    assert_memory_equal(&got, &v, sizeof v);
    bool whole = v == floor(v) && fabs(v) <= 0x1p53 && !(v == 0 && signbit(v));
    assert_int_equal(o.type == MSGPACK_OBJECT_FLOAT64, !whole);
    done(&u);
}

static void every_double_comes_back_bit_for_bit(void **state)
{
    (void)state;
    static const double telling[] = {0,      -0.0,    1,          -1,          0.5,        127,
                                     128,    -32,     -33,        255,         256,        65536,
                                     0x1p53, -0x1p53, 0x1p53 + 2, -0x1p53 - 2, 0x1p63,     0x1p64,
                                     5e-324, 1e308,   HUGE_VAL,   -HUGE_VAL,   (double)NAN};
    for (size_t i = 0; i < sizeof telling / sizeof telling[0]; i++) {
        number_comes_back(telling[i]);
    }
    struct chance c = {30};
    for (uint32_t i = 0; i < rounds(50000); i++) {
        uint64_t bits = chance_next(&c);
        double v = 0;
        memcpy(&v, &bits, sizeof v);
        number_comes_back(i % 2 == 0 ? v : (double)((int64_t)bits >> chance_below(&c, 64)));
    }
}

static void integers_come_back(void **state)
{
    (void)state;
    static const int64_t telling[] = {INT64_MIN, INT32_MIN, -129, -128, -33,       -32,
                                      -1,        0,         127,  128,  INT32_MAX, INT64_MAX};
    msgpack_unpacked u;
    for (size_t i = 0; i < sizeof telling / sizeof telling[0]; i++) {
        msgpack_add_int64(&b, telling[i]);
        assert_true(read_back(&u).via.i64 == telling[i]);
        done(&u);
    }
    msgpack_add_uint64(&b, UINT64_MAX);
    assert_true(read_back(&u).via.u64 == UINT64_MAX);
    done(&u);
}

static void strings_of_every_length_class_come_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536, 100000};
    char *text = memory_alloc(100000);
    memset(text, 0xff, 100000);
    text[0] = '\0';
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        msgpack_unpacked u;
        msgpack_add_string(&b, text, sizes[i]);
        msgpack_object o = read_back(&u);
        assert_int_equal(o.type, MSGPACK_OBJECT_STR);
        assert_int_equal(o.via.str.size, sizes[i]);
        assert_true(sizes[i] == 0 || memcmp(o.via.str.ptr, text, sizes[i]) == 0);
        done(&u);
    }
    memory_free(text);
}

static void containers_of_every_length_class_come_back(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0, 1, 15, 16, 65535, 65536};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        msgpack_unpacked u;
        msgpack_add_array(&b, counts[i]);
        for (uint32_t k = 0; k < counts[i]; k++) {
            msgpack_add_nil(&b);
        }
        assert_int_equal(read_back(&u).via.array.size, counts[i]);
        done(&u);
        msgpack_add_map(&b, counts[i]);
        for (uint32_t k = 0; k < counts[i]; k++) {
            msgpack_add_boolean(&b, k % 2 == 0);
            msgpack_add_nil(&b);
        }
        assert_int_equal(read_back(&u).via.map.size, counts[i]);
        done(&u);
    }
}

static void a_string_beyond_the_format_is_a_failure(void **state)
{
    (void)state;
    msgpack_add_string(&b, "", (size_t)UINT32_MAX + 1);
    assert_true(b.failed);
    assert_int_equal(b.size, 0);
}

static void a_full_buffer_remembers_that_it_was(void **state)
{
    (void)state;
    struct buffer small;
    buffer_init(&small, 5);
    msgpack_add_string(&small, "12345", 5);
    assert_true(small.failed);
    buffer_clear(&small);
    msgpack_add_string(&small, "1234", 4);
    assert_false(small.failed);
    buffer_deinit(&small);
}

/* --- the scan --- */

static void a_bomb_is_seen_before_it_is_lit(void **state)
{
    (void)state;
    is_damaged("\xdd\xff\x00\x00\x00", 5); /* array of 4 billion */
    is_damaged("\xdd\xff\xff\xff\xff", 5);
    is_damaged("\xdf\xff\xff\xff\xff", 5);                 /* map of 4 billion */
    is_damaged("\xdf\x80\x00\x00\x00", 5);                 /* twice that is 2^32 */
    is_damaged("\xdc\xff\xff\xc0", 4);                     /* array of 65535, one there */
    is_damaged("\xdb\xff\xff\xff\xff", 5);                 /* string of 4 GiB */
    is_damaged("\xc6\xff\xff\xff\xff", 5);                 /* binary */
    is_damaged("\x91\x92\xdd\xff\xff\xff\xf0\xc0\xc0", 9); /* not at the top */
    is_damaged("\x82\xc0\xc0\xc0", 4);                     /* a map's last value is missing */
}

static void nesting(char kind, size_t depth, int expected)
{
    buffer_clear(&b);
    for (size_t i = 0; i < depth; i++) {
        assert_int_equal(buffer_append_byte(&b, (uint8_t)kind), 0);
        if (kind == '\x81') {
            msgpack_add_nil(&b); /* the key; the next map is its value */
        }
    }
    msgpack_add_nil(&b);
    size_t value_size = 0;
    assert_int_equal(scan(b.data, b.size, &value_size), expected);
    msgpack_unpacked u;
    msgpack_unpacked_init(&u);
    size_t offset = 0;
    int got = msgpack_unpack_next(&u, b.data, b.size, &offset);
    assert_int_equal(got == MSGPACK_UNPACK_SUCCESS, expected == 0);
    msgpack_unpacked_destroy(&u);
}

static void values_nest_as_deep_as_the_library_reads(void **state)
{
    (void)state;
    nesting('\x91', 32, 0);
    nesting('\x91', 33, MILL_ECORRUPT);
    nesting('\x81', 32, 0);
    nesting('\x81', 33, MILL_ECORRUPT);
    nesting('\x91', 100000, MILL_ECORRUPT);
}

static void empty_containers_count_as_a_level_too(void **state)
{
    (void)state;
    for (int i = 0; i < 32; i++) {
        msgpack_add_array(&b, 1);
    }
    msgpack_add_array(&b, 0);
    is_damaged(b.data, b.size);
}

static void a_value_cut_anywhere_is_damaged(void **state)
{
    (void)state;
    msgpack_add_map(&b, 5);
    for (int i = 0; i < 5; i++) {
        msgpack_add_string(&b, "key", 3);
        msgpack_add_array(&b, 4);
        msgpack_add_number(&b, 0.1);
        msgpack_add_int64(&b, INT64_MIN >> (i * 13));
        msgpack_add_uint64(&b, UINT64_MAX >> (i * 13));
        msgpack_add_string(&b, "a text that is longer than thirty-one bytes", (size_t)i * 10);
    }
    assert_int_equal(buffer_append(&b, "\xc4\3abc\xca\0\0\0\0", 10), 0);
    size_t value_size = 0;
    assert_int_equal(scan(b.data, b.size, &value_size), 0);
    assert_int_equal(value_size, b.size - 10);
    for (size_t cut = 0; cut < value_size; cut++) {
        is_damaged(b.data, cut);
    }
}

static void what_we_never_write_is_damage(void **state)
{
    (void)state;
    static const uint8_t never[] = {0xc1, 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8};
    for (size_t i = 0; i < sizeof never; i++) {
        char bytes[40] = {0};
        bytes[0] = (char)never[i];
        is_damaged(bytes, sizeof bytes);
    }
}

static void a_record_is_kept_as_its_text(void **state)
{
    (void)state;
    char text[70000];
    memset(text, ' ', sizeof text);
    text[0] = '{';
    const size_t sizes[] = {0, 1, 2, 3, 4, 5, 8, 16, 17, 255, 256, 65535, 65536, sizeof text};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        buffer_clear(&b);
        msgpack_add_record(&b, text, sizes[i]);
        size_t value_size = 0;
        assert_int_equal(scan(b.data, b.size, &value_size), 0);
        assert_int_equal(value_size, b.size);
        struct slice record = msgpack_record((struct slice){b.data, b.size});
        assert_non_null(record.data);
        assert_int_equal(record.size, sizes[i]);
        assert_memory_equal(record.data, text, sizes[i]);
        is_damaged(b.data, b.size - 1);
        assert_null(msgpack_record((struct slice){b.data, b.size - 1}).data);
    }
    assert_null(msgpack_record((struct slice){"\xa1{", 2}).data);
    assert_null(msgpack_record((struct slice){"\xd4\x02{", 3}).data);
    assert_null(msgpack_record((struct slice){"", 0}).data);
}

static bool is_extension(const msgpack_object *o)
{
    if (o->type == MSGPACK_OBJECT_ARRAY) {
        for (uint32_t i = 0; i < o->via.array.size; i++) {
            if (is_extension(&o->via.array.ptr[i])) {
                return true;
            }
        }
    }
    if (o->type == MSGPACK_OBJECT_MAP) {
        for (uint32_t i = 0; i < o->via.map.size; i++) {
            if (is_extension(&o->via.map.ptr[i].key) || is_extension(&o->via.map.ptr[i].val)) {
                return true;
            }
        }
    }
    return o->type == MSGPACK_OBJECT_EXT && o->via.ext.type != MSGPACK_RECORD;
}

/* What the library makes of bytes: 1 a value, 0 none; *value_size is where it ends. */
static bool library_reads(const char *bytes, size_t size, size_t *value_size)
{
    msgpack_unpacked u;
    msgpack_unpacked_init(&u);
    size_t offset = 0;
    bool good = msgpack_unpack_next(&u, bytes, size, &offset) == MSGPACK_UNPACK_SUCCESS;
    good = good && !is_extension(&u.data);
    *value_size = offset;
    msgpack_unpacked_destroy(&u);
    return good;
}

static void the_scan_and_the_library_agree_on_any_bytes(void **state)
{
    (void)state;
    /* Without 32-bit counts, by which the library would allocate. */
    static const uint8_t heads[] = {0x00, 0x7f, 0x80, 0x81, 0x82, 0x90, 0x91, 0x92, 0x93, 0xa0,
                                    0xa1, 0xa3, 0xc0, 0xc2, 0xc4, 0xc5, 0xca, 0xcb, 0xcc, 0xcf,
                                    0xd0, 0xd3, 0xd4, 0xd9, 0xda, 0xdc, 0xde, 0xe0, 0xff};
    struct chance c = {31};
    uint32_t good = 0;
    for (uint32_t i = 0; i < rounds(50000); i++) {
        char bytes[24];
        size_t size = 1 + chance_below(&c, sizeof bytes);
        for (size_t k = 0; k < size; k++) {
            bool is_head = chance_below(&c, 3) > 0;
            bytes[k] =
                (char)(is_head ? heads[chance_below(&c, sizeof heads)] : chance_below(&c, 4));
        }
        size_t ours = 0;
        size_t theirs = 0;
        bool scanned = scan(bytes, size, &ours) == 0;
        bool is_read = library_reads(bytes, size, &theirs);
        if (scanned != is_read || (scanned && ours != theirs)) {
            fail_msg("round %u: scan %d %zu, library %d %zu", i, scanned, ours, is_read, theirs);
        }
        good += scanned;
    }
    assert_true(good > 500);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

/* --- what others wrote --- */

static void the_end_of_a_value_is_found_in_a_stream(void **state)
{
    (void)state;
    size_t size = 0;
    assert_int_equal(msgpack_measure("\x92\x01\xa1x\x05", 5, &size), MSGPACK_WHOLE);
    assert_int_equal(size, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(msgpack_measure("\x92\x01\xa1x", i, &size), MSGPACK_SHORT);
    }
    assert_int_equal(msgpack_measure("\xc1", 1, &size), MSGPACK_NONE);
    assert_int_equal(msgpack_measure("\xdd\xff\x00\x00\x00", 5, &size), MSGPACK_NONE);
    assert_int_equal(msgpack_measure("\xdf\x00\xff\xff\xff", 5, &size), MSGPACK_NONE);
    assert_int_equal(msgpack_measure("\xc6\x01\x00\x00\x01", 5, &size), MSGPACK_NONE);
    assert_int_equal(msgpack_measure("\xc6\x01\x00\x00\x00", 5, &size), MSGPACK_SHORT);
    char deep[1000];
    memset(deep, '\x91', sizeof deep);
    assert_int_equal(msgpack_measure(deep, sizeof deep, &size), MSGPACK_SHORT);
    deep[999] = 1;
    assert_int_equal(msgpack_measure(deep, sizeof deep, &size), MSGPACK_WHOLE);
    assert_int_equal(size, sizeof deep);
    assert_int_equal(msgpack_measure("\xd4\x07x", 3, &size), MSGPACK_WHOLE);
    assert_int_equal(msgpack_measure("\xc7\x01\x07x", 4, &size), MSGPACK_WHOLE);
}

static void extensions_are_not_plain(void **state)
{
    (void)state;
    assert_true(msgpack_is_plain("\x81\xa1x\x05", 4));
    assert_false(msgpack_is_plain("\x81\xa1x\x05\x05", 5));
    assert_false(msgpack_is_plain("\x81\xa1x", 3));
    assert_false(msgpack_is_plain("\xd4\x01x", 3));
    assert_false(msgpack_is_plain("\x91\xd4\x07x", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_double_comes_back_bit_for_bit),
        TEST(integers_come_back),
        TEST(strings_of_every_length_class_come_back),
        TEST(containers_of_every_length_class_come_back),
        TEST(a_string_beyond_the_format_is_a_failure),
        TEST(a_full_buffer_remembers_that_it_was),
        TEST(a_bomb_is_seen_before_it_is_lit),
        TEST(values_nest_as_deep_as_the_library_reads),
        TEST(empty_containers_count_as_a_level_too),
        TEST(a_value_cut_anywhere_is_damaged),
        TEST(what_we_never_write_is_damage),
        TEST(a_record_is_kept_as_its_text),
        TEST(the_scan_and_the_library_agree_on_any_bytes),
        TEST(the_end_of_a_value_is_found_in_a_stream),
        TEST(extensions_are_not_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

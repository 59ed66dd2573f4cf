/* Goal: fields are read as they were written, sort by value, and no reader goes past its end.
 * Method: extremes; a record of all kinds, cut at every byte, in memory that ends there. */
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "testing.h"

static void integers_are_big_endian_and_come_back(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    assert_int_equal(bytes_add_u8(&b, 0xfe), 0);
    assert_int_equal(bytes_add_u16(&b, 0x0102), 0);
    assert_int_equal(bytes_add_u32(&b, 0x03040506), 0);
    assert_int_equal(bytes_add_u64(&b, UINT64_MAX - 1), 0);
    assert_memory_equal(b.data, "\xfe\1\2\3\4\5\6\xff\xff\xff\xff\xff\xff\xff\xfe", b.size);
    struct reader r;
    reader_init(&r, b.data, b.size);
    assert_int_equal(reader_u8(&r), 0xfe);
    assert_int_equal(reader_u16(&r), 0x0102);
    assert_int_equal(reader_u32(&r), 0x03040506);
    assert_true(reader_u64(&r) == UINT64_MAX - 1);
    assert_int_equal(reader_left(&r), 0);
    assert_false(r.failed);
    buffer_deinit(&b);
}

static void encoded_integers_sort_by_value(void **state)
{
    (void)state;
    struct chance c = {2};
    for (int i = 0; i < 10000; i++) {
        uint64_t a = chance_next(&c) >> chance_below(&c, 64);
        uint64_t b = i % 3 == 0 ? a + chance_below(&c, 3) : chance_next(&c) >> chance_below(&c, 64);
        char raw_a[8];
        char raw_b[8];
        bytes_put_u64(raw_a, a);
        bytes_put_u64(raw_b, b);
        int order = memcmp(raw_a, raw_b, 8);
        assert_int_equal((order > 0) - (order < 0), (a > b) - (a < b));
    }
}

static void strings_keep_every_byte(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    assert_int_equal(bytes_add_string(&b, "", 0), 0);
    assert_int_equal(bytes_add_string(&b, "a\0b\xff", 4), 0);
    struct reader r;
    reader_init(&r, b.data, b.size);
    assert_int_equal(reader_string(&r).size, 0);
    struct slice s = reader_string(&r);
    assert_int_equal(s.size, 4);
    assert_memory_equal(s.data, "a\0b\xff", 4);
    assert_int_equal(reader_left(&r), 0);
    buffer_deinit(&b);
}

static void a_string_that_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 8);
    assert_int_equal(bytes_add_string(&b, "12345", 5), MILL_ELIMIT);
    assert_int_equal(b.size, 0);
    assert_true(b.failed);
    buffer_clear(&b);
    assert_int_equal(bytes_add_string(&b, "1234", 4), 0);
    buffer_deinit(&b);
}

static void a_string_longer_than_its_length_field_is_a_failure(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, SIZE_MAX / 2);
    assert_int_equal(bytes_add_string(&b, "", (size_t)UINT32_MAX + 1), MILL_ELIMIT);
    assert_int_equal(b.size, 0);
    assert_true(b.failed);
    buffer_deinit(&b);
}

/* Reads one of each kind. */
static void read_record(struct reader *r)
{
    reader_u8(r);
    reader_u16(r);
    reader_u32(r);
    reader_u64(r);
    struct slice s = reader_string(r);
    struct slice rest = reader_bytes(r, 3);
    assert_true(!r->failed || (rest.size == 0 && rest.data != NULL));
    assert_true(s.data != NULL);
}

static void a_record_cut_anywhere_fails(void **state)
{
    (void)state;
    const char whole[] = "\1\0\2\0\0\0\3\0\0\0\0\0\0\0\4\0\0\0\2xyabc";
    size_t size = sizeof whole - 1;
    for (size_t cut = 0; cut <= size; cut++) {
        char *bytes = exact_copy(whole, cut);
        struct reader r;
        reader_init(&r, bytes, cut);
        read_record(&r);
        assert_int_equal(r.failed, cut < size);
        memory_free(bytes);
    }
}

static void after_a_failure_every_read_gives_nothing(void **state)
{
    (void)state;
    struct reader r;
    reader_init(&r, "\1\2\3", 3);
    assert_int_equal(reader_u32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(reader_u8(&r), 0);
    assert_int_equal(reader_u16(&r), 0);
    assert_true(reader_u64(&r) == 0);
    assert_int_equal(reader_string(&r).size, 0);
    assert_int_equal(reader_bytes(&r, 0).size, 0);
}

static void a_length_beyond_the_end_fails(void **state)
{
    (void)state;
    struct reader r;
    reader_init(&r, "\xff\xff\xff\xff-", 5);
    struct slice s = reader_string(&r);
    assert_int_equal(s.size, 0);
    assert_true(r.failed);
    reader_init(&r, "abc", 3);
    assert_int_equal(reader_bytes(&r, SIZE_MAX).size, 0);
    assert_true(r.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_big_endian_and_come_back),
        cmocka_unit_test(encoded_integers_sort_by_value),
        cmocka_unit_test(strings_keep_every_byte),
        cmocka_unit_test(a_string_that_does_not_fit_changes_nothing),
        cmocka_unit_test(a_string_longer_than_its_length_field_is_a_failure),
        cmocka_unit_test(a_record_cut_anywhere_fails),
        cmocka_unit_test(after_a_failure_every_read_gives_nothing),
        cmocka_unit_test(a_length_beyond_the_end_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: a msgpack value and its cell are one value, and equal cells are equal values.
 * Method: every head of msgpack, round trips through the writer, neighbours of each limit. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "data/cell.h"
#include "data/msgpack.h"
#include "testing.h"

static struct mill_cell cell_of(const char *bytes, size_t size)
{
    return cell_of_msgpack((struct slice){bytes, size});
}

static void number_is(const char *bytes, size_t size, double v)
{
    struct mill_cell c = cell_of(bytes, size);
    assert_int_equal(c.kind, MILL_NUMBER);
    assert_int_equal(c.len, 1);
    assert_memory_equal(&c.num, &v, sizeof v);
}

static void kind_is(const char *bytes, size_t size, enum mill_kind kind)
{
    assert_int_equal(cell_of(bytes, size).kind, kind);
}

static void every_integer_that_a_double_holds_is_a_number(void **state)
{
    (void)state;
    number_is("\x00", 1, 0);
    number_is("\x7f", 1, 127);
    number_is("\xff", 1, -1);
    number_is("\xe0", 1, -32);
    number_is("\xcc\xff", 2, 255);
    number_is("\xcd\xff\xfe", 3, 65534);
    number_is("\xce\xff\xff\xff\xff", 5, 4294967295.0);
    number_is("\xcf\x00\x20\x00\x00\x00\x00\x00\x00", 9, 9007199254740992.0);
    number_is("\xd0\x80", 2, -128);
    number_is("\xd1\x80\x00", 3, -32768);
    number_is("\xd2\x80\x00\x00\x00", 5, -2147483648.0);
    number_is("\xd3\xff\xe0\x00\x00\x00\x00\x00\x00", 9, -9007199254740992.0);
    number_is("\xd3\x00\x00\x00\x00\x00\x00\x00\x05", 9, 5);
    number_is("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", 9, 1.5);
}

static void wider_integers_stay_packed(void **state)
{
    (void)state;
    kind_is("\xcf\x00\x20\x00\x00\x00\x00\x00\x01", 9, MILL_PACKED);
    kind_is("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 9, MILL_PACKED);
    kind_is("\xd3\xff\xdf\xff\xff\xff\xff\xff\xff", 9, MILL_PACKED);
    kind_is("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9, MILL_PACKED);
}

static void strings_are_borrowed_without_their_head(void **state)
{
    (void)state;
    static const char *const heads[] = {"\xa3", "\xd9\x03", "\xda\x00\x03", "\xdb\x00\x00\x00\x03"};
    static const size_t sizes[] = {1, 2, 3, 5};
    for (int i = 0; i < 4; i++) {
        char bytes[16];
        memcpy(bytes, heads[i], sizes[i]);
        memcpy(bytes + sizes[i], "a\0b", 3);
        struct mill_cell c = cell_of(bytes, sizes[i] + 3);
        assert_int_equal(c.kind, MILL_STRING);
        assert_int_equal(c.len, 3);
        assert_ptr_equal(c.ptr, bytes + sizes[i]);
    }
    assert_int_equal(cell_of("\xa0", 1).len, 0);
}

static void all_else_is_packed_and_nothing_is_empty(void **state)
{
    (void)state;
    kind_is("", 0, MILL_EMPTY);
    kind_is("\xc0", 1, MILL_PACKED);
    kind_is("\xc3", 1, MILL_PACKED);
    kind_is("\x91\x01", 2, MILL_PACKED);
    kind_is("\x81\xa1k\x01", 4, MILL_PACKED);
    kind_is("\xca\x3f\x80\x00\x00", 5, MILL_PACKED);
    kind_is("\xc4\x01x", 3, MILL_PACKED);
    struct mill_cell c = cell_of("\x91\x01", 2);
    assert_int_equal(c.len, 2);
}

static void a_record_is_its_text(void **state)
{
    (void)state;
    struct mill_cell c = cell_of("\xc7\x07\x01{\"a\":1}", 10);
    assert_int_equal(c.kind, MILL_RECORD);
    assert_int_equal(c.len, 7);
    assert_memory_equal(c.ptr, "{\"a\":1}", 7);
    assert_true(cell_has_bytes(&c));
}

static void columns_have_kinds_of_their_own(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    const struct mill_cell yes = {.kind = MILL_BOOLEAN, .len = 1};
    const struct mill_cell no = {.kind = MILL_BOOLEAN};
    const struct mill_cell wide = {.kind = MILL_INT64, .i64 = INT64_MIN};
    const struct mill_cell wider = {.kind = MILL_UINT64, .u64 = UINT64_MAX};
    const struct mill_cell list = {.kind = MILL_LIST, .len = 2, .ptr = "[]"};
    assert_true(cell_add_msgpack(&yes, &b) && cell_add_msgpack(&no, &b));
    assert_true(cell_add_msgpack(&wide, &b) && cell_add_msgpack(&wider, &b));
    assert_int_equal(b.size, 20);
    assert_memory_equal(b.data, "\xc3\xc2\xd3\x80\0\0\0\0\0\0\0\xcf\xff", 13);
    assert_false(cell_add_msgpack(&list, &b));
    assert_false(cell_equals(&yes, &no));
    assert_true(cell_equals(&wide, &wide) && cell_equals(&no, &no));
    assert_true(cell_has_bytes(&list) && !cell_has_bytes(&wide) && !cell_has_bytes(&yes));
    buffer_deinit(&b);
}

static void round_trip(const struct mill_cell *cell)
{
    struct buffer b;
    buffer_init(&b, 100);
    assert_true(cell_add_msgpack(cell, &b));
    struct mill_cell back = cell_of(b.data, b.size);
    assert_true(cell_equals(cell, &back));
    buffer_deinit(&b);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    const double numbers[] = {0,
                              -0.0,
                              1,
                              -1,
                              0.1,
                              1e300,
                              DBL_MIN,
                              HUGE_VAL,
                              -HUGE_VAL,
                              127,
                              128,
                              -32,
                              -33,
                              65535,
                              65536,
                              4294967295.0,
                              4294967296.0,
                              9007199254740992.0,
                              9007199254740994.0,
                              -9007199254740992.0};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        round_trip(&(struct mill_cell){.kind = MILL_NUMBER, .len = 1, .num = numbers[i]});
    }
    round_trip(&(struct mill_cell){.kind = MILL_STRING, .len = 3, .ptr = "a\0b"});
    round_trip(&(struct mill_cell){.kind = MILL_STRING, .len = 0, .ptr = ""});
    round_trip(&(struct mill_cell){.kind = MILL_PACKED, .len = 2, .ptr = "\x91\x01"});
}

static void random_numbers_read_back_bit_for_bit(void **state)
{
    (void)state;
    struct chance chance = {1};
    for (uint32_t i = 0; i < rounds(20000); i++) {
        double v = 0;
        chance_bytes(&chance, &v, sizeof v);
        if (chance_below(&chance, 2) == 0) {
            v = (double)(int64_t)(chance_next(&chance) >> chance_below(&chance, 64));
        }
        if (!isnan(v)) {
            round_trip(&(struct mill_cell){.kind = MILL_NUMBER, .len = 1, .num = v});
        }
    }
}

static void no_value_cannot_be_written(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    assert_false(cell_add_msgpack(&(struct mill_cell){.kind = MILL_EMPTY}, &b));
    assert_false(cell_add_msgpack(&(struct mill_cell){.kind = MILL_BOXED}, &b));
    assert_int_equal(b.size, 0);
    buffer_deinit(&b);
}

static void equal_cells_are_equal_values(void **state)
{
    (void)state;
    const struct mill_cell cells[] = {
        {.kind = MILL_EMPTY},
        {.kind = MILL_NUMBER, .len = 1, .num = 0.0},
        {.kind = MILL_NUMBER, .len = 1, .num = -0.0},
        {.kind = MILL_NUMBER, .len = 1, .num = 1},
        {.kind = MILL_STRING, .len = 1, .ptr = "a"},
        {.kind = MILL_STRING, .len = 2, .ptr = "ab"},
        {.kind = MILL_STRING, .len = 0, .ptr = ""},
        {.kind = MILL_PACKED, .len = 1, .ptr = "a"},
    };
    size_t n = sizeof cells / sizeof *cells;
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            assert_int_equal(cell_equals(&cells[a], &cells[b]), a == b);
        }
    }
    /* `len` of a number counts values: it says nothing of it. */
    struct mill_cell more = {.kind = MILL_NUMBER, .len = 5, .num = 1};
    assert_true(cell_equals(&cells[3], &more));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_integer_that_a_double_holds_is_a_number),
        cmocka_unit_test(wider_integers_stay_packed),
        cmocka_unit_test(strings_are_borrowed_without_their_head),
        cmocka_unit_test(all_else_is_packed_and_nothing_is_empty),
        cmocka_unit_test(a_record_is_its_text),
        cmocka_unit_test(columns_have_kinds_of_their_own),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(random_numbers_read_back_bit_for_bit),
        cmocka_unit_test(no_value_cannot_be_written),
        cmocka_unit_test(equal_cells_are_equal_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: a buffer takes bytes up to its maximum and never more; a failed append changes nothing and
 * is remembered.
 * Method: small maxima, reached exactly and passed by one byte; random pieces against a copy. */
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "testing.h"

static void a_new_buffer_holds_no_memory(void **state)
{
    (void)state;
    uint64_t before = memory_allocation_count();
    struct buffer b;
    buffer_init(&b, 100);
    assert_null(b.data);
    assert_int_equal(b.size, 0);
    assert_int_equal(buffer_append(&b, NULL, 0), 0);
    assert_int_equal(memory_allocation_count(), before);
    buffer_deinit(&b);
}

static void it_fills_to_its_maximum_exactly(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 7);
    assert_int_equal(buffer_append(&b, "abc\0ef", 6), 0);
    assert_int_equal(buffer_append_byte(&b, 'g'), 0);
    assert_int_equal(b.size, 7);
    assert_memory_equal(b.data, "abc\0efg", 7);
    assert_false(b.failed);
    buffer_deinit(&b);
}

static void one_byte_more_fails_and_changes_nothing(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 3);
    assert_int_equal(buffer_append(&b, "ab", 2), 0);
    assert_int_equal(buffer_append_text(&b, "cd"), MILL_ELIMIT);
    assert_int_equal(buffer_reserve(&b, SIZE_MAX), MILL_ELIMIT);
    assert_int_equal(b.size, 2);
    assert_memory_equal(b.data, "ab", 2);
    buffer_deinit(&b);
}

static void a_failure_sticks_until_it_is_cleared(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 3);
    assert_int_equal(buffer_append_text(&b, "abcd"), MILL_ELIMIT);
    assert_int_equal(buffer_append_text(&b, "a"), 0);
    assert_true(b.failed);
    buffer_clear(&b);
    assert_false(b.failed);
    assert_int_equal(b.size, 0);
    buffer_deinit(&b);
}

static void a_maximum_of_nothing_takes_nothing(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 0);
    assert_int_equal(buffer_append(&b, "", 0), 0);
    assert_int_equal(buffer_append_byte(&b, 0), MILL_ELIMIT);
    buffer_deinit(&b);
}

static void a_steady_load_allocates_nothing(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100000);
    uint64_t before = 0;
    for (int round = 0; round < 3; round++) {
        buffer_clear(&b);
        for (int i = 0; i < 10000; i++) {
            assert_int_equal(buffer_append(&b, "0123456789", 10), 0);
        }
        before = round == 0 ? memory_allocation_count() : before;
    }
    assert_int_equal(memory_allocation_count(), before);
    buffer_deinit(&b);
}

static void bytes_survive_growth_in_steps_of_any_size(void **state)
{
    (void)state;
    enum { SIZE = 20000 };
    static uint8_t expected[SIZE];
    struct chance c = {1};
    chance_bytes(&c, expected, SIZE);
    struct buffer b;
    buffer_init(&b, SIZE);
    while (b.size < SIZE) {
        size_t step = chance_below(&c, 700);
        step = step < SIZE - b.size ? step : SIZE - b.size;
        assert_int_equal(buffer_append(&b, expected + b.size, step), 0);
        assert_true(b.capacity <= SIZE);
    }
    assert_memory_equal(b.data, expected, SIZE);
    buffer_deinit(&b);
}

static void formatted_text_fits_or_changes_nothing(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 10);
    assert_int_equal(buffer_printf(&b, "%s-%d", "ab", 12), 0);
    assert_int_equal(b.size, 5);
    assert_memory_equal(b.data, "ab-12", 5);
    assert_int_equal(buffer_printf(&b, "%06d", 1), MILL_ELIMIT);
    assert_int_equal(b.size, 5);
    assert_true(b.failed);
    buffer_deinit(&b);
}

static void formatted_text_may_fill_it(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 4);
    assert_int_equal(buffer_printf(&b, "%d", 1234), 0);
    assert_int_equal(b.size, 4);
    assert_memory_equal(b.data, "1234", 4);
    buffer_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_buffer_holds_no_memory),
        cmocka_unit_test(it_fills_to_its_maximum_exactly),
        cmocka_unit_test(one_byte_more_fails_and_changes_nothing),
        cmocka_unit_test(a_failure_sticks_until_it_is_cleared),
        cmocka_unit_test(a_maximum_of_nothing_takes_nothing),
        cmocka_unit_test(a_steady_load_allocates_nothing),
        cmocka_unit_test(bytes_survive_growth_in_steps_of_any_size),
        cmocka_unit_test(formatted_text_fits_or_changes_nothing),
        cmocka_unit_test(formatted_text_may_fill_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

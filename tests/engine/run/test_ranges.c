/* Goal: for each partition one range, from its first block to its last, whatever their order.
 * Method: blocks of several partitions, shuffled. */
#include "run/ranges.h"
#include "testing.h"

static void blocks_of_a_partition_are_one_range(void **state)
{
    (void)state;
    struct range_list *l = ranges_create();
    ranges_add(l, 1, 7, 200, 300);
    ranges_add(l, 1, 7, 100, 200);
    ranges_add(l, 1, 7, 300, 301);
    assert_int_equal(l->count, 1);
    assert_true(l->items[0].source == 1 && l->items[0].partition == 7);
    assert_true(l->items[0].from == 100 && l->items[0].to == 301);
    ranges_destroy(l);
}

static void partitions_and_sources_are_told_apart(void **state)
{
    (void)state;
    struct range_list *l = ranges_create();
    ranges_add(l, 1, 7, 0, 1);
    ranges_add(l, 2, 7, 0, 2);
    ranges_add(l, 1, 8, 0, 3);
    ranges_add(l, 1, 7, 1, 5);
    assert_int_equal(l->count, 3);
    assert_int_equal(l->items[0].to, 5);
    assert_int_equal(l->items[1].to, 2);
    ranges_destroy(l);
}

/* Some thousand files, whose blocks come back a little out of order. */
static void many_partitions_have_a_range_each(void **state)
{
    (void)state;
    struct range_list *l = ranges_create();
    for (uint64_t p = 0; p < 3000; p++) {
        ranges_add(l, 1, p, 0, 10);
        if (p >= 4) {
            ranges_add(l, 1, p - 4, 10, 20);
        }
    }
    assert_int_equal(l->count, 3000);
    for (uint64_t p = 0; p < 2996; p++) {
        assert_true(l->items[p].partition == p && l->items[p].to == 20);
    }
    ranges_clear(l);
    assert_int_equal(l->count, 0);
    ranges_destroy(l);
    ranges_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_of_a_partition_are_one_range),
        cmocka_unit_test(partitions_and_sources_are_told_apart),
        cmocka_unit_test(many_partitions_have_a_range_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

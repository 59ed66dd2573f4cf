/* Goal: partial values fold to what all values would have given.
 * Method: each aggregate over random numbers, cut into random parts, against one pass. */
#include "base/limits.h"
#include "flow/combine.h"
#include "testing.h"

static struct mill_cell cell(double num)
{
    return (struct mill_cell){.kind = MILL_NUMBER, .len = 1, .num = num};
}

static struct mill_cell start(enum graph_combine how, double num)
{
    return cell(how == COMBINE_COUNT ? 1 : num);
}

static void parts_fold_like_the_whole(void **state)
{
    (void)state;
    struct chance c = {1};
    for (uint32_t round = 0; round < rounds(500); round++) {
        enum graph_combine how = COMBINE_COUNT + chance_below(&c, 5);
        struct mill_cell whole = start(how, chance_below(&c, 100));
        struct mill_cell parts = whole;
        for (uint32_t n = chance_below(&c, 5); n > 0; n--) {
            struct mill_cell part = start(how, chance_below(&c, 100));
            combine_cells(how, &whole, &part);
            for (uint32_t more = chance_below(&c, 5); more > 0; more--) {
                struct mill_cell next = start(how, chance_below(&c, 100));
                combine_cells(how, &whole, &next);
                combine_cells(how, &part, &next);
            }
            combine_cells(how, &parts, &part);
        }
        combine_finish(how, &whole);
        combine_finish(how, &parts);
        assert_true(whole.num == parts.num && whole.len == parts.len);
    }
}

static void each_does_what_it_says(void **state)
{
    (void)state;
    const double wanted[] = {2, 10, 3, 7, 5};
    for (uint32_t i = 0; i < 5; i++) {
        enum graph_combine how = COMBINE_COUNT + i;
        struct mill_cell a = start(how, 3);
        struct mill_cell b = start(how, 7);
        combine_cells(how, &a, &b);
        combine_finish(how, &a);
        assert_true(a.num == wanted[i]);
        assert_int_equal(a.len, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_fold_like_the_whole),
        cmocka_unit_test(each_does_what_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

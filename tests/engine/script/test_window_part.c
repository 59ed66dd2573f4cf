/* Goal: a part reads back as it was, number and count; other bytes are damage; parts that a
 * function cannot merge fail alone. Method: parts put and got, cut short; a job whose merging
 * fails. */
#include <string.h>

#include "job_world.h"
#include "script/window_part.h"

static const struct graph_stage averages = {.kind = STAGE_WINDOW, .combine = COMBINE_AVG};
static const struct graph_stage functions = {.kind = STAGE_WINDOW, .combine = COMBINE_LUA};

static void a_number_keeps_how_many_are_in_it(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    struct mill_cell cell = {.kind = MILL_NUMBER, .len = 70000, .num = 0.25};
    assert_true(window_part_put(&averages, &cell, &b));
    struct mill_cell back;
    struct error e;
    assert_int_equal(window_part_get(&averages, (struct slice){b.data, b.size}, &back, &e), 0);
    assert_true(back.kind == MILL_NUMBER && back.num == 0.25 && back.len == 70000);
    for (size_t size = 0; size < b.size; size++) {
        assert_int_equal(window_part_get(&averages, (struct slice){b.data, size}, &back, &e),
                         MILL_ECORRUPT);
    }
    buffer_deinit(&b);
}

static void a_value_of_functions_is_one_value(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 100);
    struct mill_cell cell = {.kind = MILL_STRING, .len = 3, .ptr = "abc"};
    assert_true(window_part_put(&functions, &cell, &b));
    struct mill_cell back;
    struct error e;
    assert_int_equal(window_part_get(&functions, (struct slice){b.data, b.size}, &back, &e), 0);
    assert_true(back.kind == MILL_STRING && back.len == 3 && memcmp(back.ptr, "abc", 3) == 0);
    assert_int_equal(window_part_get(&averages, (struct slice){b.data, b.size}, &back, &e),
                     MILL_ECORRUPT);
    assert_true(window_part_put(&functions, &cell, &b)); /* two of them */
    assert_int_equal(window_part_get(&functions, (struct slice){b.data, b.size}, &back, &e),
                     MILL_ECORRUPT);
    buffer_deinit(&b);
}

static void what_is_no_value_or_too_large_is_not_put(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 10);
    struct mill_cell none = {.kind = MILL_EMPTY};
    struct mill_cell large = {.kind = MILL_STRING, .len = 20, .ptr = "aaaaaaaaaaaaaaaaaaaa"};
    assert_false(window_part_put(&functions, &none, &b));
    assert_false(window_part_put(&functions, &large, &b));
    buffer_deinit(&b);
}

static void merging_fails_for_a_group_alone(void **state)
{
    struct job *j = *state;
    job_open_with(j, "",
                  "values:event_time(function(v) return 1 end)"
                  ":map_to_pair(function(v) return v, v end):tumbling('10ms'):reduce(function(a, b)"
                  " if a == 2 then error('two', 0) end return a + b end):to_stdout()",
                  2);
    j->watermark_ms = WATERMARK_END;
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[1,2,3]"), 0);
    assert_int_equal(job_values(j, 1, "[1,2,3]"), 0);
    assert_int_equal(job_finish(j), 0);
    assert_non_null(strstr(job_rows(j, 0), "[1,2,"));
    assert_non_null(strstr(job_rows(j, 0), "[3,6,"));
    assert_null(strstr(job_rows(j, 0), "[2,"));
    assert_non_null(strstr(job_letters(j), "two"));
    assert_int_equal(j->hosts[0]->heads[0].dead + j->hosts[1]->heads[0].dead, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, job_begin_test, job_end_test)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_keeps_how_many_are_in_it),
        cmocka_unit_test(a_value_of_functions_is_one_value),
        cmocka_unit_test(what_is_no_value_or_too_large_is_not_put),
        TEST(merging_fails_for_a_group_alone),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

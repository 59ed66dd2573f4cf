/* Goal: an epoch is cut at a multiple of the interval, and takes input at least as long as it takes
 * to end one, but never for two intervals.
 * Method: the borders by hand; long runs of epochs on a virtual clock whose tails are given. */
#include "flow/pace.h"
#include "testing.h"

static void without_a_tail_the_next_multiple_cuts(void **state)
{
    struct pace p = {0};
    (void)state;
    assert_int_equal(pace_input_ms(&p, 1000, 5000), 1000);
    assert_int_equal(pace_input_ms(&p, 1000, 5001), 999);
    assert_int_equal(pace_input_ms(&p, 1000, 5999), 1);
    assert_int_equal(pace_input_ms(&p, 1, 5999), 1);
    assert_int_equal(pace_input_ms(&p, 1000, -1), 1);
}

static void a_multiple_that_is_nearer_than_a_tail_is_left_out(void **state)
{
    struct pace p = {.tail_us = 300 * 1000};
    (void)state;
    assert_int_equal(pace_input_ms(&p, 1000, 5700), 300);
    assert_int_equal(pace_input_ms(&p, 1000, 5701), 1299);
    assert_int_equal(pace_input_ms(&p, 1000, 5999), 1001);
    assert_int_equal(pace_input_ms(&p, 1000, 6000), 1000);
}

static void a_tail_longer_than_the_interval_asks_for_one_interval(void **state)
{
    struct pace p = {.tail_us = INT64_C(60) * 1000 * 1000};
    (void)state;
    assert_int_equal(pace_input_ms(&p, 1000, 6000), 1000);
    assert_int_equal(pace_input_ms(&p, 1000, 6001), 1999);
}

static void the_average_follows_and_forgets(void **state)
{
    struct pace p = {0};
    (void)state;
    pace_add(&p, 1000);
    assert_int_equal(p.tail_us, 1000); /* the first one counts in full */
    pace_add(&p, 9000);
    assert_int_equal(p.tail_us, 3000);
    for (int i = 0; i < 50; i++) {
        pace_add(&p, 1000);
    }
    assert_in_range(p.tail_us, 1000, 1010);
}

/* @return ms that were spent with taking input, of 1000 epochs whose tail takes so long */
static double input_share(int64_t tail_ms, int64_t *longest_ms)
{
    struct pace p = {0};
    int64_t now = 12345;
    int64_t begin = now;
    int64_t input = 0;
    *longest_ms = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t wait = pace_input_ms(&p, 1000, now);
        assert_int_equal((now + wait) % 1000, 0);
        *longest_ms = wait > *longest_ms ? wait : *longest_ms;
        input += wait;
        now += wait + tail_ms;
        pace_add(&p, tail_ms * 1000);
    }
    return (double)input / (double)(now - begin);
}

static void tails_never_take_most_of_the_time_while_they_fit(void **state)
{
    (void)state;
    for (int64_t tail = 0; tail <= 1000; tail += 7) {
        int64_t longest = 0;
        assert_true(input_share(tail, &longest) >= 0.499);
        assert_in_range(longest, 1, 1999);
    }
}

static void a_tail_of_just_under_an_interval_leaves_no_sliver(void **state)
{
    int64_t longest = 0;
    (void)state;
    /* Cut at each multiple, it would take input for 10 ms of 1,000. */
    assert_true(input_share(990, &longest) >= 0.5);
    assert_true(input_share(2990, &longest) >= 0.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_tail_the_next_multiple_cuts),
        cmocka_unit_test(a_multiple_that_is_nearer_than_a_tail_is_left_out),
        cmocka_unit_test(a_tail_longer_than_the_interval_asks_for_one_interval),
        cmocka_unit_test(the_average_follows_and_forgets),
        cmocka_unit_test(tails_never_take_most_of_the_time_while_they_fit),
        cmocka_unit_test(a_tail_of_just_under_an_interval_leaves_no_sliver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: how many windows of keys are open is known, of each kind; and whether the end of the input
 * has some to close. Method: jobs in memory that are stepped to their end with windows kept open.
 */
#include <stdio.h>
#include <string.h>

#include "run/open_windows.h"
#include "run_world.h"

static uint64_t count(struct run *x, const char *windows, const char *json)
{
    char script[300];
    snprintf(script, sizeof script,
             "values:event_time(function(v) return v[2] end):map_to_pair(function(v)"
             " return v[1], 1 end):%s:count():to_stdout()",
             windows);
    x->options.keep_open = true;
    run_plan(x, "", script);
    run_queue(x, json);
    assert_int_equal(run_open(x), 0);
    assert_int_equal(run_step(x), 0);
    return open_windows_count(&x->runner);
}

static void windows_of_each_kind_are_counted_by_key(void **state)
{
    struct run *x = *state;
    const char *json = "[[\"a\",21],[\"a\",22],[\"a\",35],[\"b\",31]]"; /* the watermark is 35 */
    assert_int_equal(count(x, "tumbling('10ms')", json), 2);
    assert_int_equal(count(x, "tumbling('100ms')", json), 2);
    /* a: [15,40) [20,45) [25,50) [30,55) [35,60); b: [15,40) to [30,55) */
    assert_int_equal(count(x, "sliding('25ms', '5ms')", json), 5 + 4);
    assert_int_equal(count(x, "session('5ms')", json), 2);
    assert_int_equal(count(x, "session('20ms')", json), 2);
    assert_int_equal(count(x, "tumbling('5ms')", "[]"), 0);
}

static void the_end_has_something_to_close(void **state)
{
    struct run *x = *state;
    struct error e;
    count(x, "tumbling('10ms')", "[[\"a\",21]]");
    assert_int_equal(open_windows_must_close(&x->runner, &e), 0); /* they are to be kept */
    x->runner.options.keep_open = false;
    assert_int_equal(open_windows_must_close(&x->runner, &e), 1);
    x->runner.options.once = false;
    assert_int_equal(open_windows_must_close(&x->runner, &e), 0);
    count(x, "session('10ms')", "[]");
    x->runner.options.keep_open = false;
    assert_int_equal(open_windows_must_close(&x->runner, &e), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(windows_of_each_kind_are_counted_by_key),
        TEST(the_end_has_something_to_close),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

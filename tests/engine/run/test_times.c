/* Goal: watermarks move as the rule says while a job runs: by source and partition, over restarts
 * and epochs that run again, with the clock when all is quiet, to the end with the input.
 * Method: jobs in memory epoch by epoch, on the virtual clock; and in a data directory. */
#include <string.h>

#include "run/times.h"
#include "run_world.h"

#define WINDOWS                                                                                    \
    ":map_to_pair(function(v) return 'k', 1 end):tumbling('10ms'):count()"                         \
    ":map(function(k, n, w) return {w.start_ms, n} end):to_stdout()"

static const char one_source[] = "values:event_time(function(v) return v end)" WINDOWS;

static int64_t in_force(struct run *x)
{
    return times_in_force(&x->runner, 0);
}

static void step(struct run *x, const char *rows)
{
    if (run_step(x) != 0) {
        fail_msg("%s", x->error.message);
    }
    assert_string_equal(x->rows[0] == NULL ? "" : x->rows[0], rows);
}

static void open_run(struct run *x)
{
    if (run_open(x) != 0) {
        fail_msg("%s", x->error.message);
    }
}

static void it_moves_with_each_epoch_and_to_the_end(void **state)
{
    struct run *x = *state;
    run_plan(x, "", one_source);
    run_queue(x, "[3,5]");
    run_queue(x, "[14,12]");
    run_queue(x, "[15,35]");
    open_run(x);
    assert_true(in_force(x) == WATERMARK_NONE);
    step(x, "");
    assert_int_equal(in_force(x), 5);
    step(x, "[0,2]\n");
    assert_int_equal(in_force(x), 14);
    step(x, "[10,3]\n[30,1]\n");
    assert_int_equal(in_force(x), 40);
}

static void kept_open_it_does_not_go_to_the_end(void **state)
{
    struct run *x = *state;
    x->options.keep_open = true;
    run_plan(x, "", one_source);
    run_queue(x, "[3,25]");
    open_run(x);
    step(x, "[0,1]\n");
    assert_int_equal(in_force(x), 25);
}

static void the_slowest_of_several_sources_counts(void **state)
{
    struct run *x = *state;
    run_plan(x, "",
             "values:event_time(function(v) return v end)"
             ":union(job:queue_stream({}):event_time(function(v) return v + 100 end))" WINDOWS);
    run_queue(x, "[3,25]");
    run_queue(x, "[50]");
    open_run(x);
    step(x, "[0,1]\n");
    assert_int_equal(in_force(x), 25);
    step(x, "[20,1]\n[50,1]\n[100,1]\n[120,1]\n[150,1]\n");
    assert_int_equal(in_force(x), 160);
}

static void an_epoch_that_runs_again_moves_it_once(void **state)
{
    struct run *x = *state;
    run_plan(x, "deadline = '100ms'",
             "values:map(function(v) if v == 99 then while true do end end return v end)"
             ":event_time(function(v) return v end)" WINDOWS);
    run_queue(x, "[3,12,99]");
    run_queue(x, "[13]");
    open_run(x);
    step(x, "[0,1]\n");
    assert_int_equal(x->runner.strikes, 1);
    assert_int_equal(in_force(x), 12);
    step(x, "[10,2]\n");
}

static void all_quiet_it_goes_with_the_clock(void **state)
{
    struct run *x = *state;
    x->options.once = false;
    run_plan(x, "batch = '4ms'",
             "values:event_time(function(v) return v end, {idle = '10ms'})" WINDOWS);
    run_queue(x, "[3,5]");
    open_run(x);
    step(x, "");
    for (int n = 0; n < 3; n++) {
        step(x, "");
        assert_int_equal(in_force(x), 5); /* quiet for 4, 8, 12 ms: the third time it is alone */
    }
    step(x, "");
    assert_int_equal(in_force(x), 9);
    step(x, "[0,2]\n");
    assert_int_equal(in_force(x), 13);
}

/* In a data directory, with lines of files. */
static const char files[] =
    "job:text_file_stream('FOLDER/in'):event_time(function(l) return l:match('%d+') end)" WINDOWS;

static void a_restart_goes_on_from_it(void **state)
{
    struct run *x = *state;
    x->options.keep_open = true;
    run_write(x, "in/a", "3\n25\n");
    run_plan(x, "", files);
    if (run_once(x) != 0) {
        fail_msg("%s", x->error.message);
    }
    assert_string_equal(x->out, "[0,1]\n");
    run_write(x, "in/b", "19\n20\n");
    run_plan(x, "", files);
    assert_int_equal(run_once(x), 0);
    assert_string_equal(x->out, "");
    assert_non_null(strstr(run_parts(x, "data/late"), "\"record\":\"19\""));
    x->options.keep_open = false;
    run_plan(x, "", files);
    assert_int_equal(run_once(x), 0);
    assert_string_equal(x->out, "[20,2]\n");
}

static void a_file_that_waits_holds_it(void **state)
{
    struct run *x = *state;
    run_write(x, "in/a", "3\n95\n");
    run_write(x, "in/b", "5\n96\n");
    run_plan(x, "batch_bytes = '4KiB'", files);
    assert_int_equal(run_once(x), 0);
    assert_string_equal(x->out, "[0,2]\n[90,2]\n");
    assert_string_equal(run_list(x, "data/late"), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_moves_with_each_epoch_and_to_the_end),
        TEST(kept_open_it_does_not_go_to_the_end),
        TEST(the_slowest_of_several_sources_counts),
        TEST(an_epoch_that_runs_again_moves_it_once),
        TEST(all_quiet_it_goes_with_the_clock),
        TEST(a_restart_goes_on_from_it),
        TEST(a_file_that_waits_holds_it),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

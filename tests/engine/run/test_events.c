/* Goal: handlers hear of every epoch and of the end, with the figures of the report; what goes
 * wrong in one changes nothing else. Method: handlers that write to a file, epoch by epoch. */
#include <string.h>

#include "run/events.h"
#include "run_world.h"

#define SCRIPT                                                                                     \
    "local function log(...) local f = io.open('FOLDER/log', 'a') f:write(...) f:close() end\n"

static void expect_log(const struct run *x, const char *text)
{
    assert_string_equal(run_read(x, "log"), text);
}

static void open_with_batches(struct run *x, const char *script)
{
    run_plan(x, "allow = {'io'}", script);
    run_queue(x, "[1,2,3]");
    run_queue(x, "[]");
    assert_int_equal(run_open(x), 0);
}

static void handlers_get_the_figures_of_each_epoch(void **state)
{
    struct run *x = *state;
    open_with_batches(x, SCRIPT "job:on('batch_started', function(i) log('begin ', i.epoch, ' ', "
                                "i.batch_time, '\\n') end)\n"
                                "job:on('batch_completed', function(i)\n"
                                "   assert(i.total_delay >= i.processing_delay)\n"
                                "   log(i.epoch, ' ', i.batch_time, ' ', i.records, ' ', "
                                "i.errors, ' ', i.keys, '\\n') end)\n"
                                "values:filter(function(v) return v > 1 end):to_stdout()");
    assert_int_equal(run_step(x), 0);
    expect_log(x, "begin 1 1000\n1 1000 3 0 0\n");
    assert_int_equal(run_step(x), 0);
    expect_log(x, "begin 1 1000\n1 1000 3 0 0\nbegin 2 2000\n2 2000 0 0 0\n");
}

static void an_error_in_a_handler_is_no_error_of_the_job(void **state)
{
    struct run *x = *state;
    open_with_batches(x, SCRIPT
                      "job:on('batch_completed', function(i) log(i.epoch) error('boom') end)\n"
                      "job:on('batch_completed', function(i) log('+') end)\n"
                      "values:count():to_stdout()");
    assert_int_equal(run_step(x), 0);
    assert_int_equal(run_step(x), 0);
    expect_log(x, "1+2+");
}

static void a_handler_that_was_stopped_is_not_called_again(void **state)
{
    struct run *x = *state;
    open_with_batches(x, SCRIPT
                      "job:on('batch_completed', function(i) log(i.epoch) while true do end end)\n"
                      "job:on('batch_completed', function(i) log('+') end)\n"
                      "values:count():to_stdout()");
    assert_int_equal(run_step(x), 0);
    assert_true(x->runner.handler_is_over[0]);
    assert_false(x->runner.handler_is_over[1]);
    assert_int_equal(run_step(x), 0);
    expect_log(x, "1++");
    assert_string_equal(x->rows[0], "0\n");
}

static void the_end_is_told_with_its_reason(void **state)
{
    struct run *x = *state;
    run_write(x, "in/a.txt", "one\n");
    const char *script = SCRIPT
        "job:on('error', function(i) log(i.epoch, ' ', i.message:match('boom'), '\\n') end)\n"
        "job:on('stopped', function(i) log(i.epoch, ' ', i.reason, '\\n') end)\n"
        "job:text_file_stream('FOLDER/in')\n"
        "   :map(function(l) if l == 'bad' then error('boom') end return l end):to_stdout()";
    run_plan(x, "allow = {'io'}, on_error = 'fail'", script);
    assert_int_equal(run_once(x), 0);
    expect_log(x, "1 finished\n");
    run_write(x, "in/b.txt", "bad\n");
    run_plan(x, "allow = {'io'}, on_error = 'fail'", script);
    assert_int_not_equal(run_once(x), 0);
    expect_log(x, "1 finished\n1 boom\n1 failed\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(handlers_get_the_figures_of_each_epoch),
        TEST(an_error_in_a_handler_is_no_error_of_the_job),
        TEST(a_handler_that_was_stopped_is_not_called_again),
        TEST(the_end_is_told_with_its_reason),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

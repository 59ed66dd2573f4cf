/* Goal: a job runs from its start to its end: --once, signals, steps; and whatever ends it, what
 * was committed is published and what was not leaves no trace. Method: whole runs, signals sent
 * from inside of them. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "run_world.h"

/* Once: a second one ends the process at once. */
static void send_term(struct run *x)
{
    x->on_epoch = NULL;
    kill(getpid(), SIGTERM);
}

static void once_ends_when_all_is_read(void **state)
{
    struct run *x = *state;
    run_write(x, "in/a.txt", "one\ntwo\n");
    run_plan(x, "batch_bytes = '4KiB'", "job:text_file_stream('FOLDER/in'):count():to_stdout()");
    assert_int_equal(run_once(x), 0);
    assert_string_equal(x->out, "2\n");
    assert_int_equal(x->epochs, 1);
    assert_int_equal(x->report.records, 2);
    assert_int_equal(x->report.bytes, 8);
    assert_int_equal(x->report.rows, 1);
}

static void new_files_are_read_by_the_next_start(void **state)
{
    struct run *x = *state;
    const char *script = "job:text_file_stream('FOLDER/in'):to_stdout()";
    run_write(x, "in/a.txt", "one\n");
    run_plan(x, "", script);
    assert_int_equal(run_once(x), 0);
    run_write(x, "in/b.txt", "two\n");
    run_plan(x, "", script);
    assert_int_equal(run_once(x), 0);
    assert_string_equal(x->out, "\"two\"\n");
}

static void once_leaves_nothing_hidden(void **state)
{
    struct run *x = *state;
    run_write(x, "in/a.txt", "one\ntwo\n");
    run_plan(x, "", "job:text_file_stream('FOLDER/in'):to_files('FOLDER/out', {roll = '1GiB'})");
    assert_int_equal(run_once(x), 0);
    assert_string_equal(run_parts(x, "out"), "\"one\"\n\"two\"\n");
}

/* Without --once: the epoch is cut where it is, committed and published; nothing stays hidden. */
static void a_signal_cuts_commits_and_publishes(void **state)
{
    struct run *x = *state;
    run_write(x, "in/a.txt", "one\ntwo\n");
    run_plan(x, "batch = '20ms'",
             "local s = job:text_file_stream('FOLDER/in')\n"
             "s:to_files('FOLDER/out', {roll = '1GiB'})\ns:to_stdout()");
    x->options.once = false;
    x->options.virtual_clock = false;
    x->on_epoch = send_term;
    assert_int_equal(run_once(x), 0);
    assert_string_equal(run_parts(x, "out"), "\"one\"\n\"two\"\n");
    assert_string_equal(x->out, "\"one\"\n\"two\"\n");
    assert_true(x->epochs >= 2 && x->epochs < 10);
    x->options.once = true;
    run_plan(x, "batch = '20ms'",
             "local s = job:text_file_stream('FOLDER/in')\n"
             "s:to_files('FOLDER/out', {roll = '1GiB'})\ns:to_stdout()");
    assert_int_equal(run_once(x), 0);
    assert_string_equal(x->out, "");
}

/* With --once: the running epoch is dropped, or the rows would depend on when the signal came. */
static void with_once_a_signal_drops_the_epoch(void **state)
{
    struct run *x = *state;
    char *text = memory_alloc(30001);
    for (int i = 0; i < 300; i++) {
        memcpy(text + i * 100,
               "0123456789012345678901234567890123456789012345678901234567890123456"
               "89012345678901234567890123456789\n",
               100);
    }
    text[30000] = '\0';
    run_write(x, "in/a.txt", text);
    memory_free(text);
    const char *script = "job:text_file_stream('FOLDER/in'):count():to_stdout()";
    run_plan(x, "batch_bytes = '10000B'", script);
    x->on_epoch = send_term;
    assert_int_equal(run_once(x), 0);
    assert_int_equal(x->epochs, 1);
    assert_string_equal(x->out, "100\n");
    run_plan(x, "batch_bytes = '10000B'", script);
    assert_int_equal(run_once(x), 0);
    assert_string_equal(x->out, "100\n100\n");
}

static void what_a_once_run_has_left_is_counted(void **state)
{
    struct run *x = *state;
    run_write(x, "in/a.txt", "one\n");
    run_write(x, "in/b.txt", "two\nthree\n");
    run_plan(x, "", "job:text_file_stream('FOLDER/in'):to_stdout()\nvalues:to_stdout()");
    run_queue(x, "[1]");
    assert_int_equal(run_open(x), 0);
    assert_int_equal(run_step(x), 0);
    struct runner_rest rest = runner_left(&x->runner);
    assert_true(rest.bytes == 0 && rest.files == 0 && rest.received_bytes == 0);
}

/* A sink that fails is behind: at 16 unpublished epochs nothing new begins. */
static void unpublished_epochs_hold_the_job_back(void **state)
{
    struct run *x = *state;
    run_plan(x, "", "values:for_each_batch(function() error('down', 0) end)\nvalues:to_stdout()");
    for (int i = 0; i < 40; i++) {
        run_queue(x, "[1]");
    }
    assert_int_equal(run_once(x), MILL_EFAILED);
    assert_int_equal(x->epochs, LIMIT_UNPUBLISHED_EPOCHS);
}

/* At a start with so many, too, however the loop is woken meanwhile: what woke it for a worker that
 * was made may come late. */
static void what_waits_at_the_start_holds_the_job_back(void **state)
{
    struct run *x = *state;
    static const char *const calls[] = {"error('down', 0)", "for i = 1, 3e6 do end"};
    char text[2 * (LIMIT_UNPUBLISHED_EPOCHS + 4) + 1];
    for (size_t i = 0; i < sizeof text - 1; i++) {
        text[i] = i % 2 == 0 ? 'a' : '\n';
    }
    text[sizeof text - 1] = '\0';
    run_write(x, "in/a.txt", text);
    for (size_t i = 0; i < 2; i++) {
        char script[300];
        snprintf(script, sizeof script,
                 "local s = job:text_file_stream('FOLDER/in', {max_bytes_per_batch = '2B'})\n"
                 "s:for_each_batch(function() %s end)\ns:count():to_stdout()",
                 calls[i]);
        run_plan(x, "", script);
        if (i == 0) {
            assert_int_equal(run_once(x), MILL_EFAILED);
            assert_int_equal(x->epochs, LIMIT_UNPUBLISHED_EPOCHS);
        }
    }
    assert_int_equal(run_open(x), 0);
    uv_async_send(&x->runner.task_done);
    assert_int_equal(runner_run(&x->runner, &x->error), 0);
    run_close(x);
    assert_int_equal(x->epochs, 4);
    assert_int_equal(strlen(x->out), 2 * (LIMIT_UNPUBLISHED_EPOCHS + 4));
}

static void steps_end_after_each_epoch(void **state)
{
    struct run *x = *state;
    run_plan(x, "", "values:to_stdout()");
    run_queue(x, "[1]");
    run_queue(x, "[2]");
    assert_int_equal(run_open(x), 0);
    for (int i = 1; i <= 2; i++) {
        char expected[16];
        snprintf(expected, sizeof expected, "%d\n", i);
        assert_int_equal(run_step(x), 0);
        assert_string_equal(x->rows[0], expected);
        assert_int_equal(x->runner.last_number, i);
    }
    assert_int_equal(run_step(x), 0);
    assert_string_equal(x->rows[0], "");
}

static void print_is_sorted_by_key_in_steps_too(void **state)
{
    struct run *x = *state;
    run_plan(x, "", "values:map_to_pair(function(v) return v, 1 end):print()");
    run_queue(x, "[3,1,2]");
    assert_int_equal(run_open(x), 0);
    assert_int_equal(run_step(x), 0);
    assert_string_equal(x->rows[0], "[1,1]\n[2,1]\n[3,1]\n");
}

static void a_script_that_fails_in_a_worker_is_told_at_the_start(void **state)
{
    struct run *x = *state;
    run_plan(x, "workers = 3", "values:to_stdout()");
    source_text_deinit(&x->job->source);
    source_text_init(&x->job->source, "job.lua", NULL, (struct slice){"error('no')", 11});
    assert_int_equal(run_open(x), MILL_ESCRIPT);
    assert_non_null(strstr(x->error.message, "job.lua:1: no"));
}

static void a_start_that_is_refused_can_be_closed(void **state)
{
    struct run *x = *state;
    run_plan(x, "", "values:to_stdout()");
    x->data = memory_text(run_path(x, "data"));
    x->options.capture = false;
    assert_int_equal(run_open(x), 0);
    struct runner second;
    assert_int_equal(runner_open(&second, &x->options, &x->error), MILL_EREFUSED);
    runner_close(&second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(once_ends_when_all_is_read),
        TEST(new_files_are_read_by_the_next_start),
        TEST(once_leaves_nothing_hidden),
        TEST(a_signal_cuts_commits_and_publishes),
        TEST(with_once_a_signal_drops_the_epoch),
        TEST(what_a_once_run_has_left_is_counted),
        TEST(unpublished_epochs_hold_the_job_back),
        TEST(what_waits_at_the_start_holds_the_job_back),
        TEST(steps_end_after_each_epoch),
        TEST(print_is_sorted_by_key_in_steps_too),
        TEST(a_script_that_fails_in_a_worker_is_told_at_the_start),
        TEST(a_start_that_is_refused_can_be_closed),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

/* Goal: an epoch's times and its share of the input are those of section 2 of the design; an epoch
 * that is run again reads the same; stages run in their order on any number of workers. Method:
 * whole runners in memory, epoch by epoch, with clocks that the test sets; real folders. */
#include <stdio.h>
#include <string.h>

#include "run/ranges.h"
#include "run_world.h"

static struct run *opened(struct run *x)
{
    if (run_open(x) != 0) {
        fail_msg("%s", x->error.message);
    }
    return x;
}

static void step(struct run *x)
{
    if (run_step(x) != 0) {
        fail_msg("%s", x->error.message);
    }
}

/* --- times --- */

static void a_virtual_clock_steps_by_the_interval(void **state)
{
    struct run *x = *state;
    run_plan(x, "batch = '5s'", "values:map(function(v) return {v, mill.now()} end):to_stdout()");
    run_queue(x, "[1]");
    run_queue(x, "[2]");
    opened(x);
    step(x);
    assert_string_equal(x->rows[0], "[1,5000]\n");
    assert_true(x->runner.last_time_ms == 5000 && x->runner.last_clock_ms == 5000);
    step(x);
    assert_string_equal(x->rows[0], "[2,10000]\n");
    assert_true(x->runner.last_time_ms == 10000 && x->runner.last_clock_ms == 10000);
}

/* T is the clock rounded down, but never less than the last and one interval; C does not go back.
 */
static void times_follow_the_machine_s_clock(void **state)
{
    struct run *x = *state;
    run_plan(x, "batch = '1s'", "values:to_stdout()");
    for (int i = 0; i < 5; i++) {
        run_queue(x, "[1]");
    }
    x->options.virtual_clock = false;
    opened(x);
    static const int64_t machine[] = {7300, 7400, 20999, 15000, 23000};
    static const int64_t times[] = {7000, 8000, 20000, 21000, 23000};
    for (int i = 0; i < 5; i++) {
        x->runner.clock = clock_virtual(machine[i]);
        step(x);
        assert_int_equal(x->runner.last_time_ms, times[i]);
        assert_int_equal(x->runner.last_clock_ms, 7300); /* with once it stands still */
    }
}

static void the_clock_moves_when_not_once_and_never_back(void **state)
{
    struct run *x = *state;
    run_plan(x, "batch = '10ms'", "values:to_stdout()");
    for (int i = 0; i < 4; i++) {
        run_queue(x, "[1]");
    }
    x->options.virtual_clock = false;
    x->options.once = false;
    opened(x);
    static const int64_t machine[] = {7300, 7400, 7350, 8000};
    static const int64_t clocks[] = {7300, 7400, 7400, 8000};
    for (int i = 0; i < 4; i++) {
        x->runner.clock = clock_virtual(machine[i]);
        step(x);
        assert_int_equal(x->runner.last_clock_ms, clocks[i]);
    }
}

/* --- shares --- */

/* `lines` lines of 100 bytes. */
static void write_lines(struct run *x, const char *name, uint32_t lines)
{
    char *text = memory_alloc(lines * 100 + 1);
    for (uint32_t i = 0; i < lines; i++) {
        snprintf(text + (size_t)i * 100, 101, "%099u\n", i);
    }
    run_write(x, name, text);
    memory_free(text);
}

static void counts_are(struct run *x, const char *first, const char *second)
{
    step(x);
    assert_string_equal(x->rows[0], first);
    assert_string_equal(x->rows[1], second);
}

static const char two_folders[] = "job:text_file_stream('FOLDER/a'):count():to_stdout()\n"
                                  "job:text_file_stream('FOLDER/b'):count():to_stdout()";

/* 10,000 bytes an epoch: 50 lines each. */
static void sources_share_the_epoch_equally(void **state)
{
    struct run *x = *state;
    run_plan(x, "batch_bytes = '10000B'", two_folders);
    write_lines(x, "a/1.txt", 120);
    write_lines(x, "b/1.txt", 120);
    opened(x);
    counts_are(x, "50\n", "50\n");
    counts_are(x, "50\n", "50\n");
    counts_are(x, "20\n", "20\n");
    assert_int_equal(run_step(x), 0);
    assert_int_equal(x->epochs, 3);
}

static void who_has_less_left_lends_the_rest_to_the_next(void **state)
{
    struct run *x = *state;
    run_plan(x, "batch_bytes = '10000B'", two_folders);
    write_lines(x, "a/1.txt", 10);
    write_lines(x, "b/1.txt", 200);
    opened(x);
    counts_are(x, "10\n", "90\n");
    counts_are(x, "0\n", "100\n");
    counts_are(x, "0\n", "10\n");
}

static void a_share_ends_with_the_line_of_its_last_byte(void **state)
{
    struct run *x = *state;
    run_plan(x, "batch_bytes = '10001B'", "job:text_file_stream('FOLDER/a'):count():to_stdout()");
    write_lines(x, "a/1.txt", 150);
    write_lines(x, "a/2.txt", 150);
    opened(x);
    step(x);
    assert_string_equal(x->rows[0], "101\n");
    step(x);
    assert_string_equal(x->rows[0], "101\n");
    step(x);
    assert_string_equal(x->rows[0], "98\n");
}

static void what_was_read_is_kept_with_the_epoch(void **state)
{
    struct run *x = *state;
    /* Ranges are noted as blocks end: in order with one worker. */
    run_plan(x, "batch_bytes = '5000B', workers = 1",
             "job:text_file_stream('FOLDER/a'):count():to_stdout()");
    write_lines(x, "a/1.txt", 70);
    write_lines(x, "a/2.txt", 10);
    opened(x);
    step(x);
    assert_int_equal(x->runner.record.range_count, 1);
    assert_true(x->runner.ranges->items[0].from == 0 && x->runner.ranges->items[0].to == 5000);
    step(x);
    assert_int_equal(x->runner.record.range_count, 2);
    assert_true(x->runner.ranges->items[0].from == 5000 && x->runner.ranges->items[0].to == 7000);
    assert_true(x->runner.ranges->items[1].from == 0 && x->runner.ranges->items[1].to == 1000);
}

/* --- again --- */

static void an_abandoned_epoch_reads_the_same(void **state)
{
    struct run *x = *state;
    run_plan(x, "batch_bytes = '5000B', deadline = '100ms', workers = 2",
             "local s = job:text_file_stream('FOLDER/a')"
             ":map(function(l) local n = tonumber(l) if n == 33 then while true do end end"
             " return {n, mill.now(), math.random(1e9)} end)\n"
             "s:map(function(t) return t[1] end):to_stdout()\n"
             "s:map(function(t) return t[2] end):count_by_value():to_stdout()\n"
             "s:map(function(t) return t[3] end):reduce(mill.sum):to_stdout()");
    write_lines(x, "a/1.txt", 70);
    opened(x);
    x->on_epoch = NULL;
    step(x);
    char *first = memory_text(x->rows[0]);
    assert_null(strstr(first, "\n33\n"));
    assert_non_null(strstr(first, "\n32\n34\n"));
    assert_non_null(strstr(first, "\n49\n"));
    assert_null(strstr(first, "\n50\n"));
    assert_string_equal(x->rows[1], "[1000,49]\n");
    assert_non_null(strstr(x->rows[3], "ran past its deadline"));
    assert_int_equal(x->runner.attempt, 2);
    char *sum = memory_text(x->rows[2]);
    run_close(x);
    opened(x);
    step(x);
    assert_string_equal(x->rows[0], first);
    assert_string_equal(x->rows[2], sum);
    memory_free(first);
    memory_free(sum);
}

/* --- stages --- */

static void workers_change_nothing(void **state)
{
    struct run *x = *state;
    char *expected[4] = {0};
    write_lines(x, "a/1.txt", 3000);
    write_lines(x, "a/2.txt", 500);
    for (int workers = 1; workers <= 4; workers += 1) {
        char options[100];
        snprintf(options, sizeof options, "batch_bytes = '100000B', workers = %d", workers);
        run_plan(x, options,
                 "local s = job:text_file_stream('FOLDER/a')"
                 ":map(function(l) return tonumber(l) end)\n"
                 "s:to_stdout()\n"
                 "s:map_to_pair(function(n) return n % 17, n end):reduce_by_key(mill.sum)"
                 ":map_to_pair(function(k, v) return v % 5, k end)"
                 ":reduce_by_key(function(a, b) return a + b end):to_stdout()\n"
                 "s:top(3, function(n) return n % 100 end):to_stdout()\n"
                 "s:map_to_pair(function(n) return n % 3, n end)"
                 ":update_state_by_key(function(vs, s) return (s or 0) + #vs end):to_stdout()");
        opened(x);
        step(x);
        step(x);
        for (int i = 0; i < 4; i++) {
            if (workers == 1) {
                expected[i] = memory_text(x->rows[i]);
            }
            assert_string_equal(x->rows[i], expected[i]);
        }
    }
    for (int i = 0; i < 4; i++) {
        assert_true(strlen(expected[i]) > 4);
        memory_free(expected[i]);
    }
}

static void a_folder_that_is_not_there_ends_a_first_epoch(void **state)
{
    struct run *x = *state;
    run_plan(x, "", "job:text_file_stream('FOLDER/nothing'):to_stdout()");
    opened(x);
    assert_int_equal(run_step(x), MILL_ENOENT);
    assert_non_null(strstr(x->error.message, "nothing"));
}

static void an_error_that_on_error_forbids_ends_the_job(void **state)
{
    struct run *x = *state;
    run_plan(x, "on_error = 'fail'", "values:map(function(v) error('no', 0) end):to_stdout()");
    run_queue(x, "[1]");
    opened(x);
    assert_int_equal(run_step(x), MILL_EFAILED);
    assert_non_null(strstr(x->error.message, "map at job.lua:1: no"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_virtual_clock_steps_by_the_interval),
        TEST(times_follow_the_machine_s_clock),
        TEST(the_clock_moves_when_not_once_and_never_back),
        TEST(sources_share_the_epoch_equally),
        TEST(who_has_less_left_lends_the_rest_to_the_next),
        TEST(a_share_ends_with_the_line_of_its_last_byte),
        TEST(what_was_read_is_kept_with_the_epoch),
        TEST(an_abandoned_epoch_reads_the_same),
        TEST(workers_change_nothing),
        TEST(a_folder_that_is_not_there_ends_a_first_epoch),
        TEST(an_error_that_on_error_forbids_ends_the_job),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

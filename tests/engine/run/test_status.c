/* Goal: on a terminal one line that is written over, a few times a second; otherwise nothing.
 * Method: a status that takes standard error for a terminal, in a process of its own. */
#include <string.h>

#include "base/log.h"
#include "run/status.h"
#include "run_world.h"

static const struct runner_report report = {.epoch = 7,
                                            .errors = 3,
                                            .keys = 11,
                                            .processing_us = 25000,
                                            .scheduling_us = 4000,
                                            .total_records = 1000};

static struct status live(void)
{
    struct status s;
    status_open(&s, true);
    s.is_live = true;
    s.shown_us = clock_elapsed_us() - 1000000;
    return s;
}

static void show_twice(void)
{
    struct status s = live();
    status_show(&s, &report);
    status_show(&s, &report);
    status_close(&s);
    status_close(&s);
}

static void one_line_is_shown_and_taken_away(void **state)
{
    char output[1000];
    (void)state;
    assert_int_equal(run_apart(show_twice, output, sizeof output), 0);
    const char *line = strstr(output, "\r\033[Kepoch 7  ");
    assert_ptr_equal(line, output);
    assert_non_null(strstr(line, "scheduling 4 ms  processing 25 ms  keys 11  errors 3"));
    assert_non_null(strstr(line, "records/s"));
    /* Shown once, for two in a row are too many; cleared once. */
    const char *clear = strstr(output + 4, "\r\033[K");
    assert_non_null(clear);
    assert_string_equal(clear, "\r\033[K");
}

static void show_nothing(void)
{
    struct status s;
    status_open(&s, true);
    status_show(&s, &report);
    status_close(&s);
    status_open(&s, false);
    s.shown_us = 0;
    status_show(&s, &report);
    status_close(&s);
}

static void without_a_terminal_nothing_is_shown(void **state)
{
    char output[1000];
    (void)state;
    assert_int_equal(run_apart(show_nothing, output, sizeof output), 0);
    assert_string_equal(output, "");
}

static char logged[500];

static void take_line(void *context, enum log_level level, const char *line)
{
    (void)context;
    (void)level;
    strncpy(logged, line, sizeof logged - 1);
}

static void nothing_new_says_how_much_was_done(void **state)
{
    struct run *x = *state;
    run_write(x, "in/a.txt", "one\n");
    run_write(x, "in/b.txt", "two\n");
    run_plan(x, "", "job:text_file_stream('FOLDER/in'):to_stdout()");
    assert_int_equal(run_open(x), 0);
    assert_int_equal(run_step(x), 0);
    log_to(take_line, NULL, LOG_INFO);
    status_nothing_new(&x->runner);
    assert_string_equal(logged, "nothing new: 2 files done at epoch 1; --fresh starts over");
    log_to(NULL, NULL, LOG_INFO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_is_shown_and_taken_away),
        cmocka_unit_test(without_a_terminal_nothing_is_shown),
        cmocka_unit_test_setup_teardown(nothing_new_says_how_much_was_done, run_begin_test,
                                        run_end_test),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

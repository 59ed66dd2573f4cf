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
                                            .total_records = 1000 * 1000};

static const struct graph no_graph;

/* Of its runner a status reads what is set here. */
static struct runner idle_runner(void)
{
    return (struct runner){
        .graph = &no_graph, .epoch = {.number = 8}, .bytes_done = 5000ull * 1000 * 1000};
}

enum { EARLIER_S = 1000 }; /* so many that a pause of this program changes no rate */

/* Then nothing was read yet. */
static struct status live(void)
{
    struct status s;
    status_open(&s, true);
    s.is_live = true;
    s.reported_us = clock_elapsed_us() - EARLIER_S * INT64_C(1000000);
    s.measured_us = s.reported_us;
    return s;
}

static void show_twice(void)
{
    struct runner r = idle_runner();
    struct status s = live();
    status_add(&s, &r, &report);
    status_show(&s, &r);
    status_show(&s, &r);
    status_close(&s);
    status_close(&s);
}

static void one_line_is_written_over_and_taken_away(void **state)
{
    char output[1000];
    (void)state;
    assert_int_equal(run_apart(show_twice, output, sizeof output), 0);
    const char *line = strstr(output, "\r\033[Kepoch 8  ");
    assert_ptr_equal(line, output);
    assert_non_null(strstr(line, "scheduling 4 ms  processing 25 ms  keys 11  errors 3\r"));
    assert_non_null(strstr(line, "  1e+03 records/s  5 MB/s  "));
    const char *again = strstr(output + 4, "\r\033[Kepoch 8  ");
    assert_non_null(again);
    const char *clear = strstr(again + 4, "\r\033[K");
    assert_non_null(clear); /* cleared once */
    assert_string_equal(clear, "\r\033[K");
    assert_null(strchr(output, '\n'));
}

static void show_nothing(void)
{
    struct runner r = idle_runner();
    struct status s;
    status_open(&s, true);
    status_add(&s, &r, &report);
    status_show(&s, &r);
    status_close(&s);
    status_open(&s, false);
    status_show(&s, &r);
    status_close(&s);
}

static void without_a_terminal_nothing_is_shown(void **state)
{
    char output[1000];
    (void)state;
    assert_int_equal(run_apart(show_nothing, output, sizeof output), 0);
    assert_string_equal(output, "");
}

static void show_held(void)
{
    struct runner r = idle_runner();
    struct status s = live();
    r.waits_for_publishing = true;
    status_show(&s, &r);
    r.waits_for_publishing = false;
    r.waits_for_space = true;
    status_show(&s, &r);
}

static void it_says_why_no_input_is_taken(void **state)
{
    char output[1000];
    (void)state;
    assert_int_equal(run_apart(show_held, output, sizeof output), 0);
    assert_non_null(strstr(output, "errors 0  paused: outputs are behind\r"));
    assert_non_null(strstr(output, "errors 0  paused: the disk is full"));
}

static void reports_in_quick_succession_count_together(void **state)
{
    struct runner r = idle_runner();
    struct status s = live();
    struct runner_report more = report;
    (void)state;
    status_add(&s, &r, &report); /* 1000 a second */
    double rate = s.records_per_second;
    more.total_records = 5000 * 1000;
    status_add(&s, &r, &more);
    assert_true(s.records_per_second == rate);
    s.reported_us -= EARLIER_S * INT64_C(1000000);
    more.total_records = 7000 * 1000;
    status_add(&s, &r, &more);
    assert_true(s.records_per_second > 5900 && s.records_per_second < 6001);
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
        cmocka_unit_test(one_line_is_written_over_and_taken_away),
        cmocka_unit_test(without_a_terminal_nothing_is_shown),
        cmocka_unit_test(it_says_why_no_input_is_taken),
        cmocka_unit_test(reports_in_quick_succession_count_together),
        cmocka_unit_test_setup_teardown(nothing_new_says_how_much_was_done, run_begin_test,
                                        run_end_test),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

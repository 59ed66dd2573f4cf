/* Goal: what was received is read once, over restarts; what is full is said once. Method: whole
 * runners in real directories, with logs that the test writes before they start. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/receiver_source.h"
#include "run/receiving.h"
#include "run_world.h"

static const char script[] = "job:stdin():to_files('FOLDER/out', {format = 'text'})";

static int begin(void **state)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    int rc = run_begin_test(state);
    struct run *x = *state;
    x->data = memory_text(run_path(x, "data"));
    return rc;
}

static void open_runner(struct run *x)
{
    run_plan(x, "", script);
    x->options.capture = false;
    x->options.virtual_clock = false;
    if (run_open(x) != 0) {
        fail_msg("%s", x->error.message);
    }
}

static void append(struct run *x, enum received_kind kind, const char *text)
{
    struct received_record r = {.kind = kind, .connection = 1};
    struct receiver_log *log = receiver_source_log(x->runner.sources[0]);
    assert_int_equal(receiver_log_append(log, &r, text, strlen(text), NULL), 0);
}

static void run_on(struct run *x)
{
    if (runner_run(&x->runner, &x->error) != 0) {
        fail_msg("%s", x->error.message);
    }
    run_close(x);
}

static void what_the_last_run_received_is_read_first(void **state)
{
    struct run *x = *state;
    open_runner(x);
    append(x, RECEIVED_LINES, "a\nb\n");
    append(x, RECEIVED_PART, "begun");
    struct runner_rest rest = runner_left(&x->runner);
    assert_int_equal(rest.received_bytes, 4);
    assert_int_equal(rest.files, 0);
    run_close(x); /* it was killed: nothing was committed */
    open_runner(x);
    run_on(x);
    assert_string_equal(run_parts(x, "out"), "a\nb\n");
    assert_non_null(strstr(run_parts(x, "data/dead_letters"), "\"record\":\"begun\""));
    assert_non_null(strstr(run_parts(x, "data/dead_letters"), "ended within the line"));
    open_runner(x);
    run_on(x);
    assert_string_equal(run_parts(x, "out"), "a\nb\n");
}

static void starting_over_forgets_what_was_received(void **state)
{
    struct run *x = *state;
    open_runner(x);
    append(x, RECEIVED_LINES, "a\nb\n");
    run_close(x);
    x->options.fresh = true;
    open_runner(x);
    run_on(x);
    assert_string_equal(run_parts(x, "out"), "");
    assert_string_equal(run_list(x, "data/received"), "1");
    assert_string_equal(run_list(x, "data/received/1"), "");
}

static void a_job_in_memory_receives_nothing(void **state)
{
    struct run *x = *state;
    memory_free(x->data);
    x->data = NULL;
    run_plan(x, "", script);
    assert_int_equal(run_open(x), 0);
    assert_null(x->runner.receiving[0]);
}

static void a_full_log_is_said_until_it_is_not(void **state)
{
    struct run *x = *state;
    open_runner(x);
    struct receiving *r = x->runner.receiving[0];
    struct error full = {.code = MILL_ELIMIT, .message = "full"};
    struct error good = {0};
    receiving_blocked(r, &full);
    assert_true(r->said_blocked);
    receiving_blocked(r, &good);
    assert_false(r->said_blocked);
    assert_string_equal(receiving_name(r->graph), "stdin");
    run_on(x);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_the_last_run_received_is_read_first),
        CASE(starting_over_forgets_what_was_received),
        CASE(a_job_in_memory_receives_nothing),
        CASE(a_full_log_is_said_until_it_is_not),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

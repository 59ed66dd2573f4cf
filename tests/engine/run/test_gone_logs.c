/* Goal: of a source that is gone from the script nothing is left once its log was read, whenever
 * the engine is killed; and no line that is in a log is dropped. Method: whole runners in a data
 * directory, of scripts with and without standard input, which is /dev/null; logs that the test
 * writes. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/receiver_source.h"
#include "run/gone_logs.h"
#include "run_world.h"

static const char with[] = "job:stdin():to_files('FOLDER/out', {format = 'text'})";
static const char without[] =
    "job:text_file_stream('FOLDER/in'):to_files('FOLDER/out', {format = 'text'})";

static char said[4096];

static void listen_to(void *context, enum log_level level, const char *text)
{
    (void)context;
    (void)level;
    strncat(said, text, sizeof said - strlen(said) - 1);
}

static int begin(void **state)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    int rc = run_begin_test(state);
    struct run *x = *state;
    x->data = memory_text(run_path(x, "data"));
    assert_int_equal(mkdir(run_path(x, "in"), 0777), 0);
    said[0] = '\0';
    log_to(listen_to, NULL, LOG_WARN);
    return rc;
}

static int end(void **state)
{
    log_to(NULL, NULL, LOG_INFO);
    return run_end_test(state);
}

static void open_runner(struct run *x, const char *script)
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

static void receive_and_run(struct run *x, const char *lines)
{
    open_runner(x, with);
    append(x, RECEIVED_LINES, lines);
    run_on(x);
}

static void run_without(struct run *x, const char *file, const char *lines)
{
    run_write(x, file, lines);
    open_runner(x, without);
    run_on(x);
}

static void a_log_that_was_read_goes_with_its_source(void **state)
{
    struct run *x = *state;
    receive_and_run(x, "a\nb\n");
    assert_string_equal(run_list(x, "data/received"), "1");
    run_without(x, "in/1", "c\n");
    assert_string_equal(run_list(x, "data/received"), "");
    assert_string_equal(said, "");
    receive_and_run(x, "d\n"); /* it is a new source, of an empty log */
    receive_and_run(x, "e\n");
    assert_string_equal(run_parts(x, "out"), "a\nb\nc\nd\ne\n");
    assert_string_not_equal(run_list(x, "data/received"), "1");
    assert_string_not_equal(run_list(x, "data/received"), "");
}

static void it_stays_while_the_new_script_has_committed_nothing(void **state)
{
    struct run *x = *state;
    receive_and_run(x, "a\n");
    open_runner(x, without);
    run_close(x); /* killed */
    assert_string_equal(run_list(x, "data/received"), "1");
    receive_and_run(x, "b\n");
    assert_string_equal(run_parts(x, "out"), "a\nb\n");
    assert_string_equal(run_list(x, "data/received"), "1");
}

/* A kill between the commit and the removal leaves the folder. */
static void the_next_start_removes_what_a_kill_has_left(void **state)
{
    struct run *x = *state;
    receive_and_run(x, "a\n");
    run_without(x, "in/1", "b\n");
    assert_int_equal(mkdir(run_path(x, "data/received/1"), 0777), 0);
    run_write(x, "data/received/1/0000000000000000-0000000000000000.log", "what was there");
    receive_and_run(x, "c\n");
    assert_string_equal(run_parts(x, "out"), "a\nb\nc\n");
    assert_null(strstr(run_list(x, "data/received"), "1"));
}

static void lines_that_were_not_read_stay_and_are_told(void **state)
{
    struct run *x = *state;
    receive_and_run(x, "a\n");
    open_runner(x, with);
    append(x, RECEIVED_LINES, "unread\n");
    run_close(x); /* killed */
    run_without(x, "in/1", "b\n");
    assert_non_null(strstr(said, "\"stdin\" is gone from the script: 7 bytes that it received "
                                 "were not read"));
    assert_string_equal(run_list(x, "data/received"), "1");
    open_runner(x, with);
    run_on(x);
    assert_string_equal(run_parts(x, "out"), "a\nb\nunread\n");
}

static void a_line_that_has_begun_is_something_too(void **state)
{
    struct run *x = *state;
    receive_and_run(x, "a\n");
    open_runner(x, with);
    append(x, RECEIVED_PART, "begun");
    run_close(x);
    run_without(x, "in/1", "b\n");
    assert_non_null(strstr(said, "5 bytes that it received"));
    open_runner(x, with);
    run_on(x);
    assert_non_null(strstr(run_parts(x, "data/dead_letters"), "\"record\":\"begun\""));
}

static void a_damaged_log_stays_and_is_told(void **state)
{
    struct run *x = *state;
    receive_and_run(x, "a\n");
    run_write(x, "data/received/1/0000000000000000-0000000000000000.log", "no log");
    run_without(x, "in/1", "b\n");
    assert_non_null(strstr(said, "\"stdin\" is gone from the script: "));
    assert_string_equal(run_list(x, "data/received"), "1");
}

static void what_is_no_log_of_this_store_stays(void **state)
{
    struct run *x = *state;
    receive_and_run(x, "a\n");
    static const char *const names[] = {"notes", "1x", "0", "9", "99999"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[64];
        snprintf(path, sizeof path, "data/received/%s", names[i]);
        assert_int_equal(mkdir(run_path(x, path), 0777), 0);
    }
    receive_and_run(x, "b\n");
    assert_string_equal(run_list(x, "data/received"), "0 1 1x 9 99999 notes");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_log_that_was_read_goes_with_its_source),
        CASE(it_stays_while_the_new_script_has_committed_nothing),
        CASE(the_next_start_removes_what_a_kill_has_left),
        CASE(lines_that_were_not_read_stay_and_are_told),
        CASE(a_line_that_has_begun_is_something_too),
        CASE(a_damaged_log_stays_and_is_told),
        CASE(what_is_no_log_of_this_store_stays),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

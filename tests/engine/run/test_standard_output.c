/* Goal: all bytes are written; a reader that went away ends the program by SIGPIPE, unless it was
 * started with that ignored; one that does not read keeps nobody from ending.
 * Method: pipes in the place of standard output, each in a process of its own. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/standard_output.h"
#include "testing.h"

enum { BYTES = 100000 };

static char bytes[BYTES];

/* Run with standard output as a pipe. @param is_read  false: its other end is closed
 * @return the wait status */
static int apart(void (*fn)(void), bool is_read, size_t *size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[1]);
        fn();
        _exit(0);
    }
    close(ends[1]);
    *size = 0;
    char piece[4096];
    ssize_t n = 0;
    while (is_read && (n = read(ends[0], piece, sizeof piece)) > 0) {
        *size += (size_t)n;
    }
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void write_all(void)
{
    struct publisher p = {.disk = NULL};
    struct error e = {0};
    pthread_mutex_init(&p.lock, NULL);
    int rc = 0;
    for (int i = 0; rc == 0 && i < 10; i++) {
        rc = standard_output_write(&p, bytes, sizeof bytes, &e);
    }
    if (rc == MILL_EPIPE && standard_output_ends_quietly()) {
        standard_output_end();
    }
    _exit(rc == 0 ? 0 : rc == MILL_EPIPE ? 7 : 8);
}

static void begin_and_write(void)
{
    signal(SIGPIPE, SIG_DFL);
    standard_output_begin();
    write_all();
}

static void begin_ignored_and_write(void)
{
    signal(SIGPIPE, SIG_IGN);
    standard_output_begin();
    write_all();
}

static void everything_is_written(void **state)
{
    (void)state;
    size_t size = 0;
    int status = apart(begin_and_write, true, &size);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(size, 10 * BYTES);
}

static void a_reader_that_goes_away_ends_the_program_by_its_signal(void **state)
{
    (void)state;
    size_t size = 0;
    int status = apart(begin_and_write, false, &size);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

static void where_the_signal_is_ignored_it_is_an_error(void **state)
{
    (void)state;
    size_t size = 0;
    int status = apart(begin_ignored_and_write, false, &size);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void the_code_is_that_of_shells(void **state)
{
    (void)state;
    assert_int_equal(standard_output_end_code(), 141);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_written),
        cmocka_unit_test(a_reader_that_goes_away_ends_the_program_by_its_signal),
        cmocka_unit_test(where_the_signal_is_ignored_it_is_an_error),
        cmocka_unit_test(the_code_is_that_of_shells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: all bytes come through a pipe however slowly it is read, and a pipe that nobody reads ends
 * the writing when it is to end. Method: pipes, read by this process. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "run/patient_write.h"
#include "testing.h"

#define LARGE ((size_t)300 * 1024)

struct reading {
    int fd;
    size_t size;
};

static void *read_slowly(void *context)
{
    struct reading *r = context;
    char piece[5000];
    ssize_t n = read(r->fd, piece, sizeof piece);
    while (n > 0) {
        r->size += (size_t)n;
        usleep(100);
        n = read(r->fd, piece, sizeof piece);
    }
    return NULL;
}

static void all_comes_through(void **state)
{
    (void)state;
    int ends[2];
    struct publisher p = {0};
    pthread_t thread;
    char *bytes = memory_zero(1, LARGE);
    assert_int_equal(pipe(ends), 0);
    struct reading r = {.fd = ends[0]};
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &r), 0);
    assert_int_equal(patient_write(ends[1], (struct slice){bytes, LARGE}, &p, NULL), 0);
    close(ends[1]);
    pthread_join(thread, NULL);
    assert_int_equal(r.size, LARGE);
    close(ends[0]);
    memory_free(bytes);
}

static void a_pipe_that_is_not_read_ends_when_publishing_is_stopped(void **state)
{
    (void)state;
    int ends[2];
    struct publisher p = {0};
    struct error e = {0};
    char *bytes = memory_zero(1, LARGE);
    assert_int_equal(pipe(ends), 0);
    publisher_stop(&p);
    assert_int_equal(patient_write(ends[1], (struct slice){bytes, LARGE}, &p, &e), MILL_ESTOPPED);
    assert_int_equal(patient_write(ends[1], (struct slice){bytes, 0}, &p, &e), 0);
    close(ends[0]);
    close(ends[1]);
    memory_free(bytes);
}

static void a_reader_that_is_gone_is_told_from_other_failures(void **state)
{
    (void)state;
    int ends[2];
    struct publisher p = {0};
    struct error e = {0};
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(patient_write(ends[1], (struct slice){"x", 1}, &p, &e), MILL_EPIPE);
    close(ends[1]);
    assert_int_equal(patient_write(ends[1], (struct slice){"x", 1}, &p, &e), MILL_EIO);
    assert_non_null(strstr(e.message, "standard output"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_comes_through),
        cmocka_unit_test(a_pipe_that_is_not_read_ends_when_publishing_is_stopped),
        cmocka_unit_test(a_reader_that_is_gone_is_told_from_other_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

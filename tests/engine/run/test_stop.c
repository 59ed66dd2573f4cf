/* Goal: whoever holds the lock gets SIGTERM and is waited for; nobody else is touched.
 * Method: processes that hold the lock of a folder, and end in their own time. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "lock_holder.h"
#include "run/stop.h"
#include "testing.h"

#define END_MS 300

static void end_slowly(int number)
{
    (void)number;
    nanosleep(&(struct timespec){.tv_nsec = END_MS * 1000000L}, NULL);
    _exit(0);
}

static void the_holder_is_ended_and_waited_for(void **state)
{
    (void)state;
    char *folder = folder_create();
    pid_t child = lock_holder_begin(folder, end_slowly);
    int64_t begun_us = clock_elapsed_us();
    assert_int_equal(stop_job(folder, NULL), 0);
    assert_true(clock_elapsed_us() - begun_us >= END_MS * 1000);
    int status = -1;
    assert_int_equal(waitpid(child, &status, WNOHANG), child);
    assert_true(WIFEXITED(status));
    folder_remove(folder);
}

static void nothing_is_ended_where_nothing_runs(void **state)
{
    (void)state;
    struct error e = {0};
    char *folder = folder_create();
    assert_int_equal(stop_job(folder, &e), MILL_ENOENT);
    assert_non_null(strstr(e.message, "no job runs in"));
    pid_t child = lock_holder_begin(folder, end_slowly);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(stop_job(folder, &e), MILL_ENOENT);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_holder_is_ended_and_waited_for),
        cmocka_unit_test(nothing_is_ended_where_nothing_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

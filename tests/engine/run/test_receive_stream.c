/* Goal: what the log does not take waits, and nothing of it is lost or comes twice; a log that
 * fails ends the job. Method: whole runners with --once and clients; the failpoint of writing. */
#include "base/failpoint.h"
#include "socket_world.h"

static const char script[] =
    "job:listen('unix://FOLDER/s'):to_files('FOLDER/out', {format = 'text'})";

static const char *const texts[] = {"one\ntw", "o\nth", "ree\nfour\n", "half", NULL};

static void fail_at(const char *what)
{
#ifdef TIDEMILL_FAILPOINTS
    assert_int_equal(failpoint_configure(what, NULL), 0);
#else
    (void)what;
    skip();
#endif
}

static void a_full_disk_makes_clients_wait(void **state)
{
    struct run *x = *state;
    fail_at("received_write:enospc@2");
    struct client c[2];
    client_start(&c[0], x, texts, false);
    client_start(&c[1], x, texts, false);
    expect_run(x, "batch = '2s'", script);
    client_end(&c[0]);
    client_end(&c[1]);
    const char *out = run_parts(x, "out");
    assert_int_equal(strlen(out), 2 * strlen("one\ntwo\nthree\nfour\n"));
    uint32_t fours = 0;
    for (const char *at = out; (at = strstr(at, "four\n")) != NULL; at++) {
        fours++;
    }
    assert_int_equal(fours, 2);
    const char *letters = run_parts(x, "data/dead_letters");
    const char *first = strstr(letters, "\"record\":\"half\"");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "\"record\":\"half\""));
}

static void a_log_that_fails_ends_the_job(void **state)
{
    struct run *x = *state;
    fail_at("received_write:eio@1+"); /* the hits of the test before are counted */
    struct client c;
    client_start(&c, x, texts, false);
    assert_int_equal(run_sockets(x, "batch = '10s'", script), MILL_EIO);
    assert_non_null(strstr(x->error.message, "received_write"));
    client_end(&c);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_full_disk_makes_clients_wait),
        CASE(a_log_that_fails_ends_the_job),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

/* Goal: a server's lines are read to its end; one that is not there is no error. Method: whole
 * runners with --once; a thread as the server. That it connects again is shown by tests/e2e. */
#include <stdio.h>

#include "socket_world.h"

static const char *script_for(const struct server *s)
{
    static char text[128];
    snprintf(text, sizeof text,
             "job:socket_text_stream('localhost', %u):to_files('FOLDER/out', {format = 'text'})",
             s->port);
    return text;
}

static void a_server_is_read_to_its_end(void **state)
{
    struct run *x = *state;
    static const char *const texts[] = {"one\ntwo\nhalf", NULL};
    struct server s;
    server_start(&s, texts);
    expect_run(x, "batch = '20s'", script_for(&s)); /* it does not wait for the interval */
    server_end(&s);
    assert_string_equal(run_parts(x, "out"), "one\ntwo\n");
    assert_non_null(strstr(run_parts(x, "data/dead_letters"), "\"record\":\"half\""));
}

static void a_server_that_is_not_there_is_nothing_new(void **state)
{
    struct run *x = *state;
    static const char *const texts[] = {NULL};
    struct server s;
    server_start(&s, texts);
    server_end(&s);
    expect_run(x, "batch = '300ms'", script_for(&s));
    assert_int_equal(x->epochs, 0);
    expect_run(x, "batch = '100ms'",
               "job:socket_text_stream('no-such-host.invalid', 1):to_stdout()");
    assert_int_equal(x->epochs, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_server_is_read_to_its_end),
        CASE(a_server_that_is_not_there_is_nothing_new),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

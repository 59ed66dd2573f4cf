/* Goal: clients may send while the job listens, who must be refused is told why, and the socket is
 * there for the job only. Method: whole runners with --once and a unix socket; threads as clients.
 */
#include <sys/stat.h>

#include "socket_world.h"

#define SCRIPT(options)                                                                            \
    "job:listen('unix://FOLDER/s'" options "):to_files('FOLDER/out', {format = 'text'})"
#define TIME "batch = '1s'" /* in which the clients connect and send */

static void lines_of_a_client_are_read(void **state)
{
    struct run *x = *state;
    static const char *const texts[] = {"one\ntw", "o\n", "half", NULL};
    struct client c;
    client_start(&c, x, texts, false);
    expect_run(x, TIME, SCRIPT(""));
    client_end(&c);
    assert_string_equal(run_parts(x, "out"), "one\ntwo\n");
    assert_non_null(strstr(run_parts(x, "data/dead_letters"), "\"record\":\"half\""));
    assert_string_equal(run_read(x, "s"), "(none)"); /* it is removed */
}

static void who_is_still_there_at_the_end_is_closed(void **state)
{
    struct run *x = *state;
    static const char *const texts[] = {"one\nhalf", NULL};
    struct client c;
    client_start(&c, x, texts, true);
    expect_run(x, TIME, SCRIPT(""));
    client_end(&c);
    assert_string_equal(c.answer, "");
    assert_string_equal(run_parts(x, "out"), "one\n");
    assert_non_null(strstr(run_parts(x, "data/dead_letters"), "\"record\":\"half\""));
}

static void nobody_is_nothing_new(void **state)
{
    struct run *x = *state;
    expect_run(x, "batch = '20ms'", SCRIPT(""));
    assert_int_equal(x->epochs, 0);
}

static void one_too_many_is_told(void **state)
{
    struct run *x = *state;
    static const char *const texts[] = {"a\n", NULL};
    struct client c[3];
    for (int i = 0; i < 3; i++) {
        client_start(&c[i], x, texts, true);
    }
    expect_run(x, TIME, SCRIPT(", {clients = 1}"));
    uint32_t refused = 0;
    for (int i = 0; i < 3; i++) {
        client_end(&c[i]);
        refused +=
            strcmp(c[i].answer, "tidemill: too many clients (at most 1); try again later\n") == 0;
    }
    assert_int_equal(refused, 2);
    assert_string_equal(run_parts(x, "out"), "a\n");
}

static void a_token_is_the_first_line(void **state)
{
    struct run *x = *state;
    static const char *const good[] = {"se", "cret\r\n", "in\n", NULL};
    static const char *const together[] = {"secret\nalso\n", NULL};
    static const char *const wrong[] = {"secre\nout\n", NULL};
    static const char *const silent[] = {NULL};
    struct client c[4];
    client_start(&c[0], x, good, false);
    client_start(&c[1], x, together, false);
    client_start(&c[2], x, wrong, true);
    client_start(&c[3], x, silent, true);
    expect_run(x, TIME, SCRIPT(", {token = 'secret'}"));
    for (int i = 0; i < 4; i++) {
        client_end(&c[i]);
    }
    assert_string_equal(c[2].answer, "tidemill: the first line is not the token\n");
    assert_int_equal(strlen(run_parts(x, "out")), strlen("in\nalso\n"));
    assert_null(strstr(run_parts(x, "out"), "out"));
    assert_string_equal(run_list(x, "data/dead_letters"), "");
}

static void what_is_in_the_way_is_said(void **state)
{
    struct run *x = *state;
    run_write(x, "s", "a file");
    assert_int_equal(run_sockets(x, TIME, SCRIPT("")), MILL_EREFUSED);
    assert_non_null(strstr(x->error.message, "/s is there, and is no socket"));
    assert_string_equal(run_read(x, "s"), "a file");
    assert_int_equal(run_sockets(x, TIME, "job:listen('unix://FOLDER/none/s'):to_stdout()"),
                     MILL_ENOENT);
    assert_non_null(strstr(x->error.message, "No such file or directory"));
}

static void a_socket_in_use_is_refused_and_a_left_one_taken(void **state)
{
    struct run *x = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, run_path(x, "s"), sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(run_sockets(x, TIME, SCRIPT("")), MILL_EREFUSED);
    assert_non_null(strstr(x->error.message, "another program does"));
    close(fd);
    expect_run(x, "batch = '20ms'", SCRIPT(""));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(lines_of_a_client_are_read),
        CASE(who_is_still_there_at_the_end_is_closed),
        CASE(nobody_is_nothing_new),
        CASE(one_too_many_is_told),
        CASE(a_token_is_the_first_line),
        CASE(what_is_in_the_way_is_said),
        CASE(a_socket_in_use_is_refused_and_a_left_one_taken),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

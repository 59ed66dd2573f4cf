/* Goal: a failpoint does what it was told at the hit it was told, and nothing else; what is not
 * understood is refused.
 * Method: points by their numbers, each test its own, since hits count for the whole process. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/memory.h"
#include "base/text.h"
#include "testing.h"

static void names_are_sorted_and_end_with_null(void **state)
{
    (void)state;
    assert_null(failpoint_name(-1));
    assert_null(failpoint_name(FAILPOINT_COUNT));
    for (int i = 1; i < FAILPOINT_COUNT; i++) {
        assert_true(strcmp(failpoint_name(i - 1), failpoint_name(i)) < 0);
    }
}

static void nothing_to_configure_is_fine(void **state)
{
    (void)state;
    assert_int_equal(failpoint_configure(NULL, NULL), 0);
    assert_int_equal(failpoint_configure("", NULL), 0);
}

static void refuses(const char *name, const char *rest)
{
    struct error e = {0};
    char *text = text_format("%s%s", name, rest);
    if (failpoint_configure(text, &e) != MILL_EINVAL || e.code != MILL_EINVAL) {
        fail_msg("%s was taken", text);
    }
    memory_free(text);
}

static void what_is_not_understood_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",        ":kill",    ":@1",      ":die@1",   ":kill@",    ":kill@0",   ":kill@-1",
        ":kill@x", ":kill@1x", ":kill@+1", ":kill@ 1", ":kill@1+x", ":kill@1++", ":kill@1,,",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        refuses(failpoint_name(FAILPOINT_COUNT - 1), wrong[i]);
    }
    refuses("", "none_of_that_name:kill@1");
    refuses("", ":kill@1");
    refuses("", ",");
}

static void the_message_names_the_part_that_is_wrong(void **state)
{
    (void)state;
    struct error e = {0};
    char *text = text_format("%s:eio@1000,bad:eio@1,x", failpoint_name(FAILPOINT_COUNT - 2));
    assert_int_equal(failpoint_configure(text, &e), MILL_EINVAL);
    assert_non_null(strstr(e.message, "\"bad:eio@1\""));
    memory_free(text);
}

#ifdef TIDEMILL_FAILPOINTS
static void configure(int point, const char *what)
{
    char *text = text_format("%s:%s", failpoint_name(point), what);
    assert_int_equal(failpoint_configure(text, NULL), 0);
    memory_free(text);
}

static int hit(int point)
{
    return failpoint_hit((enum failpoint)point);
}

static void a_point_that_nobody_asked_for_does_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(hit(0), 0);
    }
}

static void it_fails_at_its_hit_only(void **state)
{
    (void)state;
    configure(1, "eio@3");
    const int expected[] = {0, 0, EIO, 0, 0};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(hit(1), expected[i]);
    }
}

static void with_a_plus_it_goes_on_failing(void **state)
{
    (void)state;
    configure(2, "enospc@2+");
    const int expected[] = {0, ENOSPC, ENOSPC, ENOSPC};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(hit(2), expected[i]);
    }
}

static void several_points_are_joined_by_commas(void **state)
{
    (void)state;
    char *text = text_format("%s:eio@1,%s:enospc@1,", failpoint_name(3), failpoint_name(4));
    assert_int_equal(failpoint_configure(text, NULL), 0);
    memory_free(text);
    assert_int_equal(hit(3), EIO);
    assert_int_equal(hit(4), ENOSPC);
}

static void a_delay_takes_time_and_is_no_error(void **state)
{
    (void)state;
    configure(5, "delay@1");
    int64_t before_us = clock_elapsed_us();
    assert_int_equal(hit(5), 0);
    assert_true(clock_elapsed_us() - before_us >= 190000);
}

static void be_killed(void)
{
    configure(6, "kill@2");
    hit(6);
    fputs("still there", stderr);
    hit(6);
    fputs("not killed", stderr);
}

static void a_kill_leaves_no_time_for_anything(void **state)
{
    (void)state;
    char output[100];
    int status = run_apart(be_killed, output, sizeof output);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    assert_string_equal(output, "still there");
}

static void each_name_is_logged_when_first_hit(void **state)
{
    (void)state;
    char *folder = folder_create();
    char *path = text_path(folder, "log");
    setenv("TIDEMILL_FAILPOINT_LOG", path, 1);
    hit(7);
    hit(7);
    hit(8);
    unsetenv("TIDEMILL_FAILPOINT_LOG");
    char *expected = text_format("%s\n%s\n", failpoint_name(7), failpoint_name(8));
    char text[200];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, expected);
    memory_free(expected);
    memory_free(path);
    folder_remove(folder);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_sorted_and_end_with_null),
        cmocka_unit_test(nothing_to_configure_is_fine),
        cmocka_unit_test(what_is_not_understood_is_refused),
        cmocka_unit_test(the_message_names_the_part_that_is_wrong),
#ifdef TIDEMILL_FAILPOINTS
        cmocka_unit_test(a_point_that_nobody_asked_for_does_nothing),
        cmocka_unit_test(it_fails_at_its_hit_only),
        cmocka_unit_test(with_a_plus_it_goes_on_failing),
        cmocka_unit_test(several_points_are_joined_by_commas),
        cmocka_unit_test(a_delay_takes_time_and_is_no_error),
        cmocka_unit_test(a_kill_leaves_no_time_for_anything),
        cmocka_unit_test(each_name_is_logged_when_first_hit),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

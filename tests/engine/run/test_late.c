/* Goal: late records lie in a folder of their own, and no more than the limit: the oldest go.
 * Method: jobs over files in a data directory, with a small limit. */
#include <stdlib.h>
#include <string.h>

#include "run/late.h"
#include "run_world.h"

static const char windows[] =
    "job:text_file_stream('FOLDER/in'):event_time(function(l) return l:match('%d+') end)"
    ":map_to_pair(function(l) return l, 1 end):tumbling('10ms'):count():to_stdout()";

static void run(struct run *x, const char *options, const char *name, const char *text)
{
    run_write(x, name, text);
    run_plan(x, options, windows);
    if (run_once(x) != 0) {
        fail_msg("%s", x->error.message);
    }
}

static void a_late_record_is_written_like_a_dead_letter(void **state)
{
    struct run *x = *state;
    run(x, "", "in/a", "100 first\n");
    run(x, "", "in/b", "100 again\n5 late \"one\"\n");
    const char *late = run_parts(x, "data/late");
    assert_non_null(strstr(late, "\"operator\":\"tumbling_count at "));
    assert_non_null(strstr(late, "\"reason\":\"late: its windows had ended at the watermark\""));
    assert_non_null(strstr(late, "\"offset\":10,\"record\":\"5 late \\\"one\\\"\"}"));
    assert_string_equal(run_list(x, "data/dead_letters"), "");
}

static void those_that_are_dropped_have_no_folder(void **state)
{
    struct run *x = *state;
    run(x, "late = 'drop'", "in/a", "100 first\n");
    run(x, "late = 'drop'", "in/b", "5 late\n");
    assert_string_equal(run_read(x, "data/late"), "(none)");
    assert_false(x->runner.has_late);
}

static void a_job_without_windows_has_none(void **state)
{
    struct run *x = *state;
    run_write(x, "in/a", "1\n");
    run_plan(x, "", "job:text_file_stream('FOLDER/in'):to_stdout()");
    assert_int_equal(run_once(x), 0);
    assert_false(late_is_wanted(&x->runner));
}

static void the_oldest_parts_go(void **state)
{
#ifdef TIDEMILL_FAILPOINTS
    struct run *x = *state;
    setenv("TIDEMILL_TEST_LATE_BYTES", "500", 1);
    run(x, "", "in/a", "100 first\n");
    run(x, "", "in/b", "5 one\n");
    run(x, "", "in/c", "5 two\n");
    assert_non_null(strstr(run_parts(x, "data/late"), "5 one"));
    run(x, "", "in/d", "5 three\n");
    unsetenv("TIDEMILL_TEST_LATE_BYTES");
    assert_null(strstr(run_parts(x, "data/late"), "5 one"));
    assert_non_null(strstr(run_parts(x, "data/late"), "5 two"));
    assert_non_null(strstr(run_parts(x, "data/late"), "5 three"));
#else
    (void)state;
    skip();
#endif
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_late_record_is_written_like_a_dead_letter),
        TEST(those_that_are_dropped_have_no_folder),
        TEST(a_job_without_windows_has_none),
        TEST(the_oldest_parts_go),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

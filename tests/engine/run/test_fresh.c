/* Goal: --fresh leaves nothing that the store wrote anywhere, nothing else is touched, and it is
 * finished by the next start wherever it ends.
 * Method: jobs in real directories, started over; the failpoints of each step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "run_world.h"

/* Lines of "in" into "out", and each batch into a folder in "all". */
static const char script[] = "local s = job:text_file_stream('FOLDER/in')\n"
                             "s:to_files('FOLDER/out')\n"
                             "s:save_as_text_files('FOLDER/all/w')";

static void run(struct run *x, bool fresh)
{
    run_plan(x, "", script);
    x->options.fresh = fresh;
    if (run_once(x) != 0) {
        fail_msg("%s", x->error.message);
    }
}

static uint32_t parts(const struct run *x)
{
    uint32_t count = 0;
    for (const char *at = run_list(x, "out"); (at = strstr(at, "part-")) != NULL; at++) {
        count++;
    }
    return count;
}

static void starting_over_reads_all_again_into_empty_folders(void **state)
{
    struct run *x = *state;
    run_write(x, "in/a.txt", "one\n");
    run(x, false);
    run_write(x, "in/b.txt", "two\n");
    run(x, false);
    assert_int_equal(parts(x), 2);
    assert_string_equal(run_parts(x, "out"), "\"one\"\n\"two\"\n");
    char *before = memory_text(run_list(x, "out"));
    run(x, true);
    assert_int_equal(parts(x), 1);
    assert_string_equal(run_parts(x, "out"), "\"one\"\n\"two\"\n");
    assert_string_not_equal(run_list(x, "out"), before);
    memory_free(before);
    assert_string_equal(run_read(x, "data/FRESH"), "(none)");
}

static void a_new_directory_can_be_fresh(void **state)
{
    struct run *x = *state;
    run_write(x, "in/a.txt", "one\n");
    run(x, true);
    assert_string_equal(run_parts(x, "out"), "\"one\"\n");
}

static void what_others_wrote_stays(void **state)
{
    struct run *x = *state;
    run_write(x, "in/a.txt", "one\n");
    run(x, false);
    run_write(x, "out/notes.txt", "mine");
    run_write(x, "all/other.txt", "mine");
    run(x, true);
    assert_string_equal(run_read(x, "out/notes.txt"), "mine");
    assert_string_equal(run_read(x, "all/other.txt"), "mine");
}

static void rows_that_are_dropped_are_counted(void **state)
{
    struct run *x = *state;
    run_write(x, "in/a.txt", "one\ntwo\n");
    run_plan(x, "", "job:text_file_stream('FOLDER/in'):to_stdout()");
    x->out_code = MILL_EPIPE;
    assert_int_equal(run_once(x), MILL_EPIPE);
    x->out_code = 0;
    run_plan(x, "", "job:text_file_stream('FOLDER/in'):to_stdout()");
    x->options.fresh = true;
    assert_int_equal(run_once(x), 0);
    assert_string_equal(x->out, "\"one\"\n\"two\"\n");
}

/* A folder whose name looks like a key of META. */
static void folders_of_any_name_are_remembered(void **state)
{
    struct run *x = *state;
    char *here = getcwd(NULL, 0);
    run_write(x, "in/a.txt", "one\n");
    assert_int_equal(chdir(x->folder), 0);
    for (int fresh = 0; fresh < 2; fresh++) {
        run_plan(x, "", "job:text_file_stream('FOLDER/in'):to_files('ext1')");
        x->options.fresh = fresh != 0;
        int rc = run_once(x);
        if (rc != 0) {
            assert_int_equal(chdir(here), 0);
            fail_msg("%s", x->error.message);
        }
    }
    assert_int_equal(chdir(here), 0);
    assert_string_equal(run_parts(x, "ext1"), "\"one\"\n");
    free(here); /* getcwd allocates outside of base/memory */
}

#ifdef TIDEMILL_FAILPOINTS
static void set_failpoint(const char *name, const char *what)
{
    char text[100];
    snprintf(text, sizeof text, "%s:%s", name, what);
    assert_int_equal(failpoint_configure(text, NULL), 0);
}

static void it_is_finished_wherever_it_ends(void **state)
{
    struct run *x = *state;
    static const char *const points[] = {"fresh_after_marker", "fresh_after_outputs",
                                         "fresh_after_store", "fresh_before_unmark"};
    run_write(x, "in/a.txt", "one\n");
    run(x, false);
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        set_failpoint(points[i], "eio@1+");
        run_plan(x, "", script);
        x->options.fresh = true;
        assert_int_equal(run_once(x), MILL_EIO);
        set_failpoint(points[i], "delay@1000000");
        run(x, false);
        assert_int_equal(parts(x), 1);
        assert_string_equal(run_parts(x, "out"), "\"one\"\n");
        assert_string_equal(run_read(x, "data/FRESH"), "(none)");
    }
}
#endif

static void a_damaged_marker_is_told(void **state)
{
    struct run *x = *state;
    run_write(x, "in/a.txt", "one\n");
    run(x, false);
    run_write(x, "data/FRESH", "0000");
    run_plan(x, "", script);
    assert_int_equal(run_once(x), MILL_ECORRUPT);
    assert_non_null(strstr(x->error.message, "FRESH is damaged"));
}

static void a_store_that_cannot_be_opened_is_removed(void **state)
{
    struct run *x = *state;
    run_write(x, "in/a.txt", "one\n");
    run_plan(x, "", "job:text_file_stream('FOLDER/in'):to_stdout()");
    assert_int_equal(run_once(x), 0);
    run_write(x, "data/store/CURRENT", "rubbish");
    run_plan(x, "", "job:text_file_stream('FOLDER/in'):to_stdout()");
    assert_int_not_equal(run_once(x), 0);
    run_plan(x, "", "job:text_file_stream('FOLDER/in'):to_stdout()");
    x->options.fresh = true;
    if (run_once(x) != 0) {
        fail_msg("%s", x->error.message);
    }
    assert_string_equal(x->out, "\"one\"\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(starting_over_reads_all_again_into_empty_folders),
        TEST(a_new_directory_can_be_fresh),
        TEST(what_others_wrote_stays),
        TEST(rows_that_are_dropped_are_counted),
        TEST(folders_of_any_name_are_remembered),
#ifdef TIDEMILL_FAILPOINTS
        TEST(it_is_finished_wherever_it_ends),
#endif
        TEST(a_damaged_marker_is_told),
        TEST(a_store_that_cannot_be_opened_is_removed),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

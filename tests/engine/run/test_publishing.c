/* Goal: what was committed goes out beside the epochs; a function that fails is called again three
 * times, then the job fails and the batch stays; a clean stop publishes nothing twice.
 * Method: jobs in real directories whose functions write what they were given into a file. */
#include <string.h>

#include "base/text.h"
#include "run_world.h"

/* A job whose function appends "epoch:count" to FOLDER/log, and fails as `fails` says. */
static void plan(struct run *x, const char *fails)
{
    char *script = text_format("local calls = 0\n"
                               "values:for_each_batch(function(rows, time, epoch)\n"
                               "   calls = calls + 1\n"
                               "   local f = io.open('FOLDER/log', 'a')\n"
                               "   f:write(epoch, ':', rows:count(), ' ')\n"
                               "   f:close()\n"
                               "   if %s then error('down', 0) end\n"
                               "end)\n"
                               "values:to_stdout()",
                               fails);
    run_plan(x, "allow = {'io'}", script);
    memory_free(script);
    run_queue(x, "[1,2]");
    run_queue(x, "[3]");
}

static void every_batch_is_given_once(void **state)
{
    struct run *x = *state;
    plan(x, "false");
    assert_int_equal(run_once(x), 0);
    assert_string_equal(run_read(x, "log"), "1:2 2:1 ");
    assert_string_equal(x->out, "1\n2\n3\n");
    plan(x, "false");
    assert_int_equal(run_once(x), 0);
    assert_string_equal(run_read(x, "log"), "1:2 2:1 ");
}

static void a_function_that_fails_is_called_again(void **state)
{
    struct run *x = *state;
    plan(x, "calls <= 2");
    assert_int_equal(run_once(x), 0);
    assert_string_equal(run_read(x, "log"), "1:2 1:2 1:2 2:1 ");
}

static void one_that_keeps_failing_ends_the_job_and_its_batch_stays(void **state)
{
    struct run *x = *state;
    plan(x, "epoch == 1");
    assert_int_equal(run_once(x), MILL_EFAILED);
    assert_non_null(strstr(x->error.message, "down"));
    assert_string_equal(run_read(x, "log"), "1:2 1:2 1:2 1:2 ");
    plan(x, "false");
    assert_int_equal(run_once(x), 0);
    assert_non_null(strstr(run_read(x, "log"), "1:2 1:2 1:2 1:2 1:2 2:1 "));
}

static void a_reader_that_went_away_ends_the_job(void **state)
{
    struct run *x = *state;
    run_plan(x, "", "values:to_stdout()");
    run_queue(x, "[1]");
    x->out_code = MILL_EPIPE;
    assert_int_equal(run_once(x), MILL_EPIPE);
    x->out_code = 0;
    run_plan(x, "", "values:to_stdout()");
    assert_int_equal(run_once(x), 0);
    assert_string_equal(x->out, "1\n");
}

static void many_rows_leave_no_file_behind(void **state)
{
    struct run *x = *state;
    run_plan(x, "",
             "values:flat_map(function(n, emit) for i = 1, n do emit(('x'):rep(100)) end end)"
             ":to_stdout()");
    run_queue(x, "[5000]");
    assert_int_equal(run_once(x), 0);
    assert_int_equal(strlen(x->out), 5000 * 103);
    assert_string_equal(run_list(x, "data/outbox"), "");
}

#ifdef TIDEMILL_FAILPOINTS
#include "base/failpoint.h"

static void without_marks_a_start_gives_the_last_batches_again(void **state)
{
    struct run *x = *state;
    run_plan(x, "", "values:to_stdout()");
    run_queue(x, "[1]");
    assert_int_equal(failpoint_configure("stop_before_marks:eio@1+", NULL), 0);
    assert_int_equal(run_once(x), MILL_EIO);
    assert_int_equal(failpoint_configure("stop_before_marks:delay@1000000", NULL), 0);
    run_plan(x, "", "values:to_stdout()");
    assert_int_equal(run_once(x), 0);
    assert_string_equal(x->out, "1\n");
    run_plan(x, "", "values:to_stdout()");
    assert_int_equal(run_once(x), 0);
    assert_string_equal(x->out, "");
}

static void a_full_disk_is_waited_for(void **state)
{
    struct run *x = *state;
    run_plan(x, "", "values:to_files('FOLDER/out')");
    run_queue(x, "[1]");
    assert_int_equal(failpoint_configure("file_output_before_rename:enospc@1", NULL), 0);
    assert_int_equal(run_once(x), 0);
    assert_string_equal(run_parts(x, "out"), "1\n");
}
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef TIDEMILL_FAILPOINTS
        TEST(a_full_disk_is_waited_for),
        TEST(without_marks_a_start_gives_the_last_batches_again),
#endif
        TEST(every_batch_is_given_once),
        TEST(a_function_that_fails_is_called_again),
        TEST(one_that_keeps_failing_ends_the_job_and_its_batch_stays),
        TEST(a_reader_that_went_away_ends_the_job),
        TEST(many_rows_leave_no_file_behind),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

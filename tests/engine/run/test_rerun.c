/* Goal: an epoch that is run again gives the same, without what ran past its deadline; too many of
 * those end the job; a full disk is waited for, wherever it is met. Method: functions that hang;
 * failpoints that say "no space" once. */
#include <string.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "run_world.h"

static void step(struct run *x)
{
    if (run_step(x) != 0) {
        fail_msg("%s", x->error.message);
    }
}

static void open_job(struct run *x, const char *options, const char *script, const char *json)
{
    run_plan(x, options, script);
    run_queue(x, json);
    run_queue(x, json);
    if (run_open(x) != 0) {
        fail_msg("%s", x->error.message);
    }
}

static void several_elements_of_an_epoch_are_left_out(void **state)
{
    struct run *x = *state;
    open_job(x, "deadline = '100ms', workers = 2",
             "values:map(function(v) if v < 0 then while true do end end return v end):to_stdout()",
             "[1,-1,2,-2,3]");
    step(x);
    assert_string_equal(x->rows[0], "1\n2\n3\n");
    assert_int_equal(x->report.errors, 2);
    assert_int_equal(x->runner.strikes, 2);
    step(x);
    assert_string_equal(x->rows[0], "1\n2\n3\n");
}

static void more_than_max_strikes_end_the_job(void **state)
{
    struct run *x = *state;
    open_job(x, "deadline = '50ms', max_strikes = 2",
             "values:map(function(v) if v < 0 then while true do end end return v end):to_stdout()",
             "[-1,-2,-3]");
    assert_int_equal(run_step(x), MILL_EFAILED);
    assert_non_null(strstr(x->error.message, "more often in one epoch than max_strikes = 2"));
    assert_int_equal(x->runner.last_number, 0);
}

/* What the first run counted, kept and wrote is not in the second. */
static void nothing_of_the_first_run_is_left(void **state)
{
    struct run *x = *state;
    open_job(x, "deadline = '100ms', workers = 2",
             "local s = values:map_to_pair(function(v) return v % 2, v end)\n"
             "s:reduce_by_key(mill.sum):map(function(k, v) return {k, v} end):to_stdout()\n"
             "s:update_state_by_key(function(vs, s, k) if k == 1 and vs[1] then"
             " while true do end end return (s or 0) + #vs end):to_stdout()\n"
             "s:values():top(9, function(v) return v end):to_stdout()\n"
             "s:count():to_stdout()",
             "[1,2,3,4]");
    step(x);
    assert_non_null(strstr(x->rows[0], "[1,4]\n"));
    assert_non_null(strstr(x->rows[0], "[0,6]\n"));
    assert_string_equal(x->rows[1], "[0,2]\n");
    assert_string_equal(x->rows[2], "4\n3\n2\n1\n");
    assert_string_equal(x->rows[3], "4\n");
    assert_non_null(strstr(x->rows[4], "\"key\":1,\"values\":[1,3]"));
}

#ifdef TIDEMILL_FAILPOINTS
/* At each place where an epoch can find the disk full, one after the other; at the last one the
 * batch is in the store already. */
static void a_full_disk_is_waited_for(void **state)
{
    struct run *x = *state;
    int64_t begun = clock_elapsed_us();
    assert_int_equal(failpoint_configure("file_output_before_sync:enospc@1,"
                                         "outbox_before_sync:enospc@1,"
                                         "commit_before_write:enospc@1,"
                                         "commit_after_write:enospc@1",
                                         NULL),
                     0);
    run_plan(x, "",
             "values:to_files('FOLDER/out')\n"
             "values:flat_map(function(v, emit) for i = 1, 2000 do"
             " emit(('x'):rep(50)) end end):to_stdout()\n"
             "values:map_to_pair(function(v) return v, 1 end)"
             ":update_state_by_key(function(vs, s) return (s or 0) + #vs end)"
             ":to_files('FOLDER/state')");
    run_queue(x, "[1,2]");
    if (run_once(x) != 0) {
        fail_msg("%s", x->error.message);
    }
    assert_true(clock_elapsed_us() - begun > 4000000);
    assert_string_equal(run_parts(x, "out"), "1\n2\n");
    assert_int_equal(strlen(x->out), 2 * 2000 * 53);
    assert_int_equal(strlen(run_parts(x, "state")), 12);
    assert_int_equal(x->epochs, 1);
}
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef TIDEMILL_FAILPOINTS
        TEST(a_full_disk_is_waited_for),
#endif
        TEST(several_elements_of_an_epoch_are_left_out),
        TEST(more_than_max_strikes_end_the_job),
        TEST(nothing_of_the_first_run_is_left),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

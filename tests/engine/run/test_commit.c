/* Goal: one batch holds all that an epoch did, and nothing of it without it; error ratios and
 * probation are judged there. Method: the store in memory read after each step; jobs whose records
 * fail. */
#include <stdio.h>
#include <string.h>

#include "run_world.h"
#include "state/keys.h"

static struct run *opened(struct run *x)
{
    if (run_open(x) != 0) {
        fail_msg("%s", x->error.message);
    }
    return x;
}

static void step(struct run *x)
{
    if (run_step(x) != 0) {
        fail_msg("%s", x->error.message);
    }
}

/* A value of META. @return whether it is there */
static bool meta(struct run *x, struct store_key key, struct buffer *value)
{
    buffer_init(value, 1 << 20);
    return store_get(x->runner.data.store, STORE_META, store_key_slice(&key), value, NULL) == 0;
}

static uint32_t count(struct run *x, enum store_family f)
{
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(x->runner.data.store, f, none, none);
    struct slice key;
    struct slice value;
    uint32_t n = 0;
    while (store_next(i, &key, &value, NULL) == 1) {
        n++;
    }
    store_iterate_end(i);
    return n;
}

static void a_batch_has_record_state_position_and_script(void **state)
{
    struct run *x = *state;
    struct buffer value;
    struct epoch_record r;
    run_plan(x, "batch = '2s'",
             "values:map_to_pair(function(v) return v, 1 end)"
             ":update_state_by_key(function(vs, s) return (s or 0) + #vs end)"
             ":to_stdout()");
    run_queue(x, "[1,2,2]");
    opened(x);
    assert_false(meta(x, store_key_text("epoch"), &value));
    buffer_deinit(&value);
    step(x);
    assert_true(meta(x, store_key_text("epoch"), &value));
    assert_int_equal(epoch_record_decode((struct slice){value.data, value.size}, &r, NULL), 0);
    buffer_deinit(&value);
    assert_true(r.number == 1 && r.time_ms == 2000 && r.interval_ms == 2000 && r.records == 3);
    assert_true(r.script_hash == source_text_hash(&x->job->source));
    assert_true(r.range_count == 1 && r.ranges[0].from == 0 && r.ranges[0].to == 1);
    assert_true(r.window_records == 3 && r.window_errors == 0);
    epoch_record_deinit(&r);
    assert_true(meta(x, store_key_history(1), &value));
    buffer_deinit(&value);
    assert_true(meta(x, store_key_text("graph"), &value));
    buffer_deinit(&value);
    assert_true(meta(x, store_key_script(0), &value));
    buffer_deinit(&value);
    assert_int_equal(count(x, STORE_STATE), 2);
}

static void only_the_last_thousand_epochs_are_kept(void **state)
{
    struct run *x = *state;
    struct buffer value;
    run_plan(x, "", "values:count():to_stdout()");
    run_queue(x, "[1]");
    run_queue(x, "[1]");
    opened(x);
    step(x);
    x->runner.last_number = LIMIT_EPOCHS_KEPT;
    step(x);
    assert_int_equal(x->runner.last_number, LIMIT_EPOCHS_KEPT + 1);
    assert_false(meta(x, store_key_history(1), &value));
    buffer_deinit(&value);
    assert_true(meta(x, store_key_history(LIMIT_EPOCHS_KEPT + 1), &value));
    buffer_deinit(&value);
}

static void a_failed_write_leaves_the_epoch_before(void **state)
{
    struct run *x = *state;
    run_plan(x, "",
             "values:map_to_pair(function(v) return v, 1 end)"
             ":update_state_by_key(function(vs, s) return (s or 0) + #vs end):to_stdout()");
    run_queue(x, "[1]");
    run_queue(x, "[1]");
    opened(x);
    step(x);
    store_memory_fail(x->runner.data.store, 1, MILL_EIO);
    assert_int_equal(run_step(x), MILL_EIO);
    assert_int_equal(x->runner.last_number, 1);
}

/* --- errors --- */

/* `good` then `bad` records. @owns the caller */
static char *records(int good, int bad)
{
    char *json = memory_alloc((size_t)(good + bad) * 2 + 3);
    size_t size = 0;
    json[size++] = '[';
    for (int i = 0; i < good + bad; i++) {
        json[size++] = i < good ? '1' : '0';
        json[size++] = ',';
    }
    json[size - 1] = ']';
    json[size] = '\0';
    return json;
}

static const char fails_on_zero[] =
    "values:map(function(v) if v == 0 then error('zero', 0) end return v end):count():to_stdout()";

static void queue_records(struct run *x, int good, int bad)
{
    char *json = records(good, bad);
    run_queue(x, json);
    memory_free(json);
}

static void too_many_errors_end_the_job_after_their_commit(void **state)
{
    struct run *x = *state;
    run_plan(x, "max_error_ratio = 0.05", fails_on_zero);
    queue_records(x, 1880, 99);
    queue_records(x, 100, 1);
    queue_records(x, 10, 60);
    opened(x);
    step(x); /* 99 errors are never too many */
    step(x); /* 100 of 2,080 */
    assert_int_equal(run_step(x), MILL_EFAILED);
    assert_non_null(strstr(x->error.message, "160 of the last 2150 records failed"));
    assert_non_null(strstr(x->error.message, "the epoch was committed"));
    assert_non_null(strstr(x->error.message, "--option max_error_ratio=1"));
    assert_int_equal(x->runner.last_number, 3);
}

static void the_ratio_is_over_the_last_ten_thousand_records(void **state)
{
    struct run *x = *state;
    run_plan(x, "max_error_ratio = 0.05", fails_on_zero);
    queue_records(x, 3000, 150);
    queue_records(x, 9999, 0);
    queue_records(x, 3000, 120);
    opened(x);
    step(x);
    assert_true(x->runner.window_records == 3150 && x->runner.window_errors == 150);
    step(x); /* one record of those before still counts */
    assert_true(x->runner.window_records == 10000 && x->runner.window_errors == 0);
    step(x);
    assert_true(x->runner.window_records == 10000 && x->runner.window_errors == 120);
}

static void a_ratio_of_one_never_ends_it(void **state)
{
    struct run *x = *state;
    run_plan(x, "max_error_ratio = 1", fails_on_zero);
    queue_records(x, 0, 5000);
    opened(x);
    step(x);
    assert_string_equal(x->rows[0], "0\n");
    assert_int_equal(x->report.errors, 5000);
}

/* --- probation --- */

static int run_data(struct run *x, const char *script)
{
    run_plan(x, "", script);
    queue_records(x, 200, 0);
    queue_records(x, 100, 150);
    return run_once(x);
}

static void a_new_script_that_does_worse_commits_nothing(void **state)
{
    struct run *x = *state;
    run_plan(x, "", "values:count():to_stdout()");
    queue_records(x, 200, 0);
    assert_int_equal(run_once(x), 0);
    assert_int_equal(run_data(x, fails_on_zero), MILL_EFAILED);
    assert_non_null(
        strstr(x->error.message, "the script is new, and its first epoch fails for 150"));
    assert_non_null(strstr(x->error.message, "nothing was committed"));
    assert_string_equal(x->out, "");
    /* The old script goes on where it was. */
    assert_int_equal(run_data(x, "values:count():to_stdout()"), 0);
    assert_string_equal(x->out, "250\n");
}

static void an_old_script_is_not_on_probation(void **state)
{
    struct run *x = *state;
    assert_int_equal(run_data(x, fails_on_zero), MILL_EFAILED);
    assert_non_null(strstr(x->error.message, "the epoch was committed"));
    assert_string_equal(x->out, "200\n100\n");
}

static void a_new_script_that_hangs_commits_nothing(void **state)
{
    struct run *x = *state;
    run_plan(x, "", "values:count():to_stdout()");
    queue_records(x, 2, 0);
    assert_int_equal(run_once(x), 0);
    run_plan(x, "deadline = '100ms'",
             "values:map(function(v) while true do end end):count():to_stdout()");
    queue_records(x, 2, 0);
    queue_records(x, 2, 0);
    assert_int_equal(run_once(x), MILL_EFAILED);
    assert_non_null(strstr(x->error.message, "the script is new: nothing was committed"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_has_record_state_position_and_script),
        TEST(only_the_last_thousand_epochs_are_kept),
        TEST(a_failed_write_leaves_the_epoch_before),
        TEST(too_many_errors_end_the_job_after_their_commit),
        TEST(the_ratio_is_over_the_last_ten_thousand_records),
        TEST(a_ratio_of_one_never_ends_it),
        TEST(a_new_script_that_does_worse_commits_nothing),
        TEST(an_old_script_is_not_on_probation),
        TEST(a_new_script_that_hangs_commits_nothing),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

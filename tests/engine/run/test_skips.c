/* Goal: what ran past its deadline is not met again, also after a restart, until its epoch commits;
 * and only by the script and in the epoch that met it. Method: runners on one data directory whose
 * process ends at every step. */
#include <string.h>

#include "run/skips.h"
#include "run_world.h"

static struct host_skip some_skip(void)
{
    return (struct host_skip){.operator_id = 2,
                              .source = 0,
                              .partition = 7,
                              .offset = 1ull << 40,
                              .ordinal = 3,
                              .element = {1, 2, UINT32_MAX, 4}};
}

/* A data directory whose runner is at epoch 1; nothing is committed. */
static void open_data(struct run *x, const char *script)
{
    if (x->data == NULL) {
        x->data = memory_text(run_path(x, "data"));
    }
    run_plan(x, "", script);
    if (run_open(x) != 0) {
        fail_msg("%s", x->error.message);
    }
    x->runner.epoch.number = x->runner.last_number + 1;
}

static void add(struct run *x, const struct host_skip *skip)
{
    skips_add(&x->runner, skip);
    assert_int_equal(skips_save(&x->runner, NULL), 0);
}

static const char script[] = "values:map(function(v) return v end):to_stdout()";

static void a_skip_is_there_after_a_restart(void **state)
{
    struct run *x = *state;
    struct host_skip skip = some_skip();
    struct host_skip keyed = {.operator_id = 3, .has_key = true, .key_size = 4};
    char key[] = "\x20k\0y";
    keyed.key = key;
    open_data(x, script);
    add(x, &skip);
    assert_int_equal(x->runner.skip_count, 0);
    skips_take_pending(&x->runner);
    assert_int_equal(x->runner.skip_count, 1);
    add(x, &keyed);
    assert_int_equal(x->runner.saved_skip_count, 1); /* not to be written once more */
    open_data(x, script);
    assert_int_equal(x->runner.skip_count, 2);
    const struct host_skip *s = &x->runner.skips[0];
    assert_true(s->operator_id == 2 && s->partition == 7 && s->offset == 1ull << 40);
    assert_true(s->ordinal == 3 && !s->has_key && s->key == NULL);
    assert_memory_equal(s->element, skip.element, sizeof skip.element);
    s = &x->runner.skips[1];
    assert_true(s->has_key && s->key_size == 4);
    assert_memory_equal(s->key, key, 4);
}

static void another_script_has_none_of_them(void **state)
{
    struct run *x = *state;
    struct host_skip skip = some_skip();
    open_data(x, script);
    add(x, &skip);
    open_data(x, "values:map(function(v) return v + 1 end):to_stdout()");
    assert_int_equal(x->runner.skip_count, 0);
}

static void another_epoch_has_none_of_them(void **state)
{
    struct run *x = *state;
    struct host_skip skip = some_skip();
    open_data(x, script);
    x->runner.epoch.number = 2;
    add(x, &skip);
    open_data(x, script);
    assert_int_equal(x->runner.skip_count, 0);
}

static void a_commit_forgets_them(void **state)
{
    struct run *x = *state;
    struct host_skip skip = some_skip();
    open_data(x, script);
    add(x, &skip);
    skips_take_pending(&x->runner);
    struct store_batch *batch = store_batch_create();
    skips_commit_into(&x->runner, batch);
    assert_int_equal(store_write(x->runner.data.store, batch, true, NULL), 0);
    store_batch_clear(batch);
    skips_clear(&x->runner);
    skips_commit_into(&x->runner, batch);
    assert_int_equal(store_batch_bytes(batch), 0);
    store_batch_destroy(batch);
    open_data(x, script);
    assert_int_equal(x->runner.skip_count, 0);
}

static void a_restart_does_not_run_into_them_again(void **state)
{
    struct run *x = *state;
    struct host_skip skip = {.operator_id = 3,
                             .ordinal = 1,
                             .element = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}};
    const char *hangs = "values:map(function(v) if v == 2 then while true do end end return v end)"
                        ":to_stdout()";
    open_data(x, hangs);
    add(x, &skip);
    run_plan(x, "", hangs);
    run_queue(x, "[1,2,3]");
    assert_int_equal(run_once(x), 0);
    assert_string_equal(x->out, "1\n3\n");
    assert_int_equal(x->report.errors, 1);
    assert_non_null(strstr(run_parts(x, "data/dead_letters"), "ran past its deadline"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_skip_is_there_after_a_restart),        TEST(another_script_has_none_of_them),
        TEST(another_epoch_has_none_of_them),         TEST(a_commit_forgets_them),
        TEST(a_restart_does_not_run_into_them_again),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

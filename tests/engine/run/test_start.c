/* Goal: a start on an existing directory compares: what goes on, what is refused and with which
 * words; and it clears up what a crash left. Method: jobs in real directories, started again with
 * another script, path or store. */
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "run_world.h"

static const char counting[] = "values:map_to_pair(function(v) return v, 1 end)"
                               ":update_state_by_key(function(vs, s) return (s or 0) + #vs end)"
                               ":to_files('FOLDER/out')";

static void plan(struct run *x, const char *script)
{
    run_plan(x, "", script);
    run_queue(x, "[1,2]");
    run_queue(x, "[2]");
}

static void run(struct run *x, const char *script)
{
    plan(x, script);
    if (run_once(x) != 0) {
        fail_msg("%s", x->error.message);
    }
}

static void refused(struct run *x, const char *script, const char *what)
{
    plan(x, script);
    assert_int_equal(run_once(x), MILL_EREFUSED);
    if (strstr(x->error.message, what) == NULL) {
        assert_string_equal(x->error.message, what);
    }
}

static void the_same_script_has_nothing_new(void **state)
{
    struct run *x = *state;
    run(x, counting);
    assert_int_equal(x->epochs, 2);
    run(x, counting);
    assert_int_equal(x->epochs, 0);
}

static void another_script_s_directory_is_refused(void **state)
{
    struct run *x = *state;
    run(x, counting);
    plan(x, "values:to_stdout()");
    source_text_deinit(&x->job->source);
    source_text_init(&x->job->source, "other.lua", "/elsewhere/other.lua",
                     (struct slice){"return 1", 8});
    assert_int_equal(run_once(x), MILL_EREFUSED);
    assert_non_null(strstr(x->error.message, "belongs to the script job.lua, and"));
    assert_non_null(strstr(x->error.message, "--adopt"));
}

/* The path changed, the text is one that the store knows. */
static void a_script_may_move(void **state)
{
    struct run *x = *state;
    run(x, counting);
    plan(x, counting);
    char *canonical = x->job->source.canonical;
    x->job->source.canonical = memory_text("/moved/job.lua");
    memory_free(canonical);
    assert_int_equal(run_once(x), 0);
    plan(x, counting);
    canonical = x->job->source.canonical;
    x->job->source.canonical = memory_text("/moved/job.lua");
    memory_free(canonical);
    assert_int_equal(run_once(x), 0);
}

static void state_that_is_gone_is_refused(void **state)
{
    struct run *x = *state;
    run(x, counting);
    refused(x, "values:count():to_files('FOLDER/out')",
            "the state of \"update_state_by_key\" (update_state_by_key at job.lua:1)");
    run(x, counting);
}

static void a_changed_script_keeps_its_state(void **state)
{
    struct run *x = *state;
    run(x, counting);
    run_plan(x, "",
             "values:map_to_pair(function(v) return v, 1 end)"
             ":update_state_by_key(function(vs, s) return (s or 0) + 10 * #vs end)"
             ":to_stdout()");
    run_queue(x, "[1,2]");
    run_queue(x, "[2]");
    run_queue(x, "[2]");
    assert_int_equal(run_once(x), 0);
    assert_non_null(strstr(x->out, "[1,1]\n"));
    assert_non_null(strstr(x->out, "[2,12]\n"));
}

/* Let EPOCHS say that an epoch was published that the store does not have. */
static void raise_floor(struct run *x, uint64_t store_id, uint64_t epoch)
{
    struct disk disk = disk_real();
    struct floor_file floor;
    assert_int_equal(floor_open(&floor, &disk, x->data, (struct floor_store){.id = store_id}, NULL),
                     0);
    assert_int_equal(floor_raise(&floor, epoch, NULL), 0);
    floor_close(&floor);
}

static void a_store_that_was_rewound_is_refused_and_cuts_nothing(void **state)
{
    struct run *x = *state;
    const char *rolls = "values:to_files('FOLDER/out', {roll = '1MiB'})";
    x->data = memory_text(run_path(x, "data"));
    x->options.capture = false;
    plan(x, rolls);
    assert_int_equal(run_open(x), 0);
    assert_int_equal(run_step(x), 0);
    char store8[STORE8_BYTES + 1];
    uint64_t store_id = x->runner.data.store_id;
    target_store8(store_id, store8);
    run_close(x);
    char *open_file = text_format("out/.tidemill-%s/open-2-0000000001", store8);
    assert_string_equal(run_read(x, open_file), "1\n2\n");
    run_write(x, open_file, "1\n2\nrows of the epochs that this copy of the store does not know");
    raise_floor(x, store_id, 9);
    refused(x, rolls, "it was rewound");
    assert_non_null(strstr(run_read(x, open_file), "does not know"));
    memory_free(open_file);
}

static void what_a_crash_left_is_cleared_up(void **state)
{
    struct run *x = *state;
    char store8[STORE8_BYTES + 1];
    run(x, counting);
    plan(x, counting);
    assert_int_equal(run_open(x), 0);
    target_store8(x->runner.data.store_id, store8);
    run_close(x);
    char *hidden = text_format("out/.tidemill-%s/epoch-2-0000000009", store8);
    run_write(x, hidden, "rows of an epoch that was never committed");
    run_write(x, "data/outbox/0000000009-1", "rows");
    run_write(x, "data/spill/x", "rows");
    run(x, counting);
    assert_string_equal(run_read(x, hidden), "(none)");
    assert_string_equal(run_list(x, "data/outbox"), "");
    assert_string_equal(run_list(x, "data/spill"), "");
    memory_free(hidden);
}

static void rows_for_a_function_that_is_gone_are_refused(void **state)
{
    struct run *x = *state;
    const char *batch = "values:for_each_batch(function() error('down') end):named('db')\n"
                        "values:count():to_stdout()";
    plan(x, batch);
    assert_int_equal(run_once(x), MILL_EFAILED);
    refused(x, "values:count():to_stdout()",
            "is gone from the script, but 2 of its rows of epoch 1");
    refused(x, "values:count():to_stdout()", "--drop-output");
    run(x, "values:for_each_batch(function() end):named('db')\nvalues:count():to_stdout()");
}

static void rows_of_outputs_that_are_gone_still_go_out(void **state)
{
    struct run *x = *state;
    plan(x, "values:to_stdout()\nvalues:to_files('FOLDER/out')");
    x->out_code = MILL_EPIPE;
    assert_int_equal(run_once(x), MILL_EPIPE);
    x->out_code = 0;
    run(x, "values:count():to_files('FOLDER/other')");
    assert_non_null(strstr(x->out, "1\n2\n"));
    assert_non_null(strstr(run_parts(x, "out"), "1\n2\n"));
}

static void an_open_file_of_an_output_that_moved_is_closed(void **state)
{
    struct run *x = *state;
    plan(x, "values:to_files('FOLDER/out', {roll = '1MiB'}):named('rows')");
    x->data = memory_text(run_path(x, "data"));
    x->options.capture = false;
    assert_int_equal(run_open(x), 0);
    assert_int_equal(run_step(x), 0);
    assert_string_equal(run_parts(x, "out"), "");
    run(x, "values:to_files('FOLDER/new', {roll = '1MiB'}):named('rows')");
    assert_string_equal(run_parts(x, "out"), "1\n2\n");
    assert_string_equal(run_parts(x, "new"), "2\n");
}

static void a_state_starts_with_what_the_script_gives(void **state)
{
    struct run *x = *state;
    char key[] = "\x20"
                 "b";
    char value[] = "\x05";
    const char *script = "values:map_to_pair(function(v) return 'a', v end)"
                         ":update_state_by_key(function(vs, s) return (s or 0) + #vs end)"
                         ":to_stdout()";
    plan(x, script);
    x->initial = (struct stage_initial){
        .key = key, .key_size = 2, .key_group = 0, .value = value, .value_size = 1};
    x->initial.key_group = (uint16_t)key_group_of(hash_key(key, 2));
    assert_int_equal(run_once(x), 0);
    assert_non_null(strstr(x->out, "[\"b\",5]\n"));
    assert_non_null(strstr(x->out, "[\"a\",2]\n"));
    run_plan(x, "", script);
    run_queue(x, "[1,2]");
    run_queue(x, "[2]");
    run_queue(x, "[3]");
    value[0] = 0x09;
    assert_int_equal(run_once(x), 0);
    assert_non_null(strstr(x->out, "[\"b\",5]\n"));
    assert_non_null(strstr(x->out, "[\"a\",4]\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_script_has_nothing_new),
        TEST(another_script_s_directory_is_refused),
        TEST(a_script_may_move),
        TEST(state_that_is_gone_is_refused),
        TEST(a_changed_script_keeps_its_state),
        TEST(a_store_that_was_rewound_is_refused_and_cuts_nothing),
        TEST(what_a_crash_left_is_cleared_up),
        TEST(rows_for_a_function_that_is_gone_are_refused),
        TEST(rows_of_outputs_that_are_gone_still_go_out),
        TEST(an_open_file_of_an_output_that_moved_is_closed),
        TEST(a_state_starts_with_what_the_script_gives),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

/* Goal: an epoch begins clean, whatever the one before left; values outlive the Lua state; budgets
 * are kept and given back. Method: jobs of a few lines, driven by hand over several epochs. */
#include <stdio.h>
#include <string.h>

#include "job_world.h"

static const char counting[] = "values:map_to_pair(function(v) return v, 1 "
                               "end):reduce_by_key(function(a, b) return a + b end)\n"
                               "   :to_stdout()";

static void two_epochs_begin_clean(void **state)
{
    struct job *j = *state;
    job_open(j, counting);
    job_epoch(j, "[\"a\",\"b\",\"a\"]");
    assert_string_equal(job_rows(j, 0), "[\"a\",2]\n[\"b\",1]\n");
    assert_int_equal(j->hosts[0]->records, 3);
    job_epoch(j, "[\"b\"]");
    assert_string_equal(job_rows(j, 0), "[\"b\",1]\n");
    assert_int_equal(j->hosts[0]->records, 1);
    job_epoch(j, "[]");
    assert_string_equal(job_rows(j, 0), "");
    assert_int_equal(j->hosts[0]->counters[1].out, 0);
}

static void an_epoch_that_is_begun_again_has_nothing_of_its_first_run(void **state)
{
    struct job *j = *state;
    job_open(j, "values:map(function(v) if v == 'x' then error('bad', 0) end return v end)"
                ":to_stdout()\n"
                "values:map_to_pair(function(v) return 'k', {v} end)"
                ":reduce_by_key(function(a, b) return a end):to_stdout()\n"
                "values:top(2, function(v) return #v end):to_stdout()");
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[\"first\",\"x\",\"run\"]"), 0);
    j->epoch.number--;
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[\"b\"]"), 0);
    assert_int_equal(job_finish(j), 0);
    assert_string_equal(job_rows(j, 0), "\"b\"\n");
    assert_string_equal(job_rows(j, 1), "[\"k\",[\"b\"]]\n");
    assert_string_equal(job_rows(j, 2), "\"b\"\n");
    assert_string_equal(job_dead(j), "");
    assert_int_equal(j->hosts[0]->errors, 0);
}

/* The record that ends the run finds others waiting for the branches behind it. */
static void records_on_their_way_are_forgotten_too(void **state)
{
    struct job *j = *state;
    job_open_with(
        j, "on_error = 'fail'",
        "local s = values:map(function(v) if v == 'x' then error('no', 0) end return v end)\n"
        "s:to_stdout()\ns:count():to_stdout()",
        1);
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[\"a\",\"b\",\"x\"]"), MILL_EFAILED);
    job_epoch(j, "[\"c\"]");
    assert_string_equal(job_rows(j, 0), "\"c\"\n");
    assert_string_equal(job_rows(j, 1), "1\n");
}

static void a_script_that_fails_makes_no_host(void **state)
{
    struct job *j = *state;
    struct host *h = NULL;
    assert_int_equal(job_plan(j, "", "values:print()"), 0);
    source_text_deinit(&j->source);
    source_text_init(&j->source, "job.lua", NULL, (struct slice){"error('no')", 11});
    struct host_options o = {.modules = embedded_modules,
                             .source = &j->source,
                             .graph = &j->graph,
                             .spill_folder = j->folder};
    assert_int_equal(host_create(&o, &h, &j->error), MILL_ESCRIPT);
    assert_non_null(strstr(j->error.message, "job.lua:1: no"));
    assert_null(h);
}

static void a_new_lua_state_goes_on_with_what_was_counted(void **state)
{
    struct job *j = *state;
    job_open(j, counting);
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[\"a\",\"a\"]"), 0);
    assert_int_equal(host_renew(j->hosts[0], NULL), 0);
    assert_int_equal(job_values(j, 0, "[\"a\"]"), 0);
    assert_int_equal(job_finish(j), 0);
    assert_string_equal(job_rows(j, 0), "[\"a\",3]\n");
}

static void random_numbers_follow_from_seed_partition_and_offset(void **state)
{
    struct job *j = *state;
    char first[400];
    job_open(j, "values:map(function(v) return math.random(1e6) end):to_stdout()");
    job_epoch(j, "[1,2,3]");
    snprintf(first, sizeof first, "%s", job_rows(j, 0));
    j->epoch.number--;
    job_epoch(j, "[1,2,3]");
    assert_string_equal(job_rows(j, 0), first);
    job_epoch(j, "[1,2,3]");
    assert_string_not_equal(job_rows(j, 0), first);
}

static void time_is_the_batch_time(void **state)
{
    struct job *j = *state;
    job_open(j, "values:map(function(v) return {mill.now(), os.time()} end):to_stdout()");
    job_epoch(j, "[1]");
    assert_string_equal(job_rows(j, 0), "[1000,1]\n");
    job_epoch(j, "[1]");
    assert_string_equal(job_rows(j, 0), "[2000,2]\n");
}

/* A table over its budget goes to disk; the sums are the same. */
static void tables_beyond_their_budget_go_to_disk(void **state)
{
    struct job *j = *state;
    job_open_with(
        j, "shuffle_memory = '1MiB'",
        "values:flat_map(function(n, emit) for i = 1, 40000 do emit(n .. '-' .. i % 30000)"
        " end end):count_by_value():values():reduce(mill.sum):to_stdout()",
        1);
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[1,2]"), 0);
    assert_true(j->hosts[0]->shuffles[0].run_count > 0);
    assert_int_equal(job_finish(j), 0);
    assert_string_equal(job_rows(j, 0), "80000\n");
    job_epoch(j, "[1]");
    assert_string_equal(job_rows(j, 0), "40000\n");
}

static void a_full_disk_is_said(void **state)
{
    struct job *j = *state;
    job_open_with(j, "shuffle_memory = '1MiB'",
                  "values:flat_map(function(n, emit) for i = 1, 60000 do emit(n .. '-' .. i)"
                  " end end):count_by_value():to_stdout()",
                  1);
    j->hosts[0]->shuffles[0].spill_folder = "/no/such/folder";
    job_begin(j);
    assert_int_not_equal(job_values(j, 0, "[1,2,3]"), 0);
    assert_non_null(strstr(j->error.message, "/no/such/folder"));
    j->hosts[0]->shuffles[0].spill_folder = j->folder;
    job_epoch(j, "[]");
    assert_string_equal(job_rows(j, 0), "");
}

/* Slots of words and keys are forgotten with the table; caches that kept them would count wrong. */
static void a_table_that_has_outgrown_its_budget_begins_anew(void **state)
{
    struct job *j = *state;
    job_open_with(j, "shuffle_memory = '1MiB'",
                  "lines:flat_map(mill.words):map_to_pair(function(w) return w, 1 end)"
                  ":reduce_by_key(mill.sum):to_stdout()",
                  1);
    char *text = memory_alloc(1000000);
    for (int round = 0; round < 3; round++) {
        size_t size = 0;
        for (int i = 0; i < 30000; i++) {
            size += (size_t)sprintf(text + size, "w%d ", i);
        }
        job_begin(j);
        assert_int_equal(job_lines(j, 0, text), 0);
        assert_int_equal(job_lines(j, 0, "w1 w29999 w1"), 0);
        assert_int_equal(job_finish(j), 0);
        const char *rows = job_rows(j, 0);
        assert_non_null(strstr(rows, "[\"w1\",3]\n"));
        assert_non_null(strstr(rows, "[\"w29999\",2]\n"));
        assert_non_null(strstr(rows, "[\"w15000\",1]\n"));
        job_begin(j);
        assert_int_equal(job_lines(j, 0, "w15000 w1"), 0);
        assert_int_equal(job_finish(j), 0);
        rows = job_rows(j, 0);
        assert_non_null(strstr(rows, "[\"w1\",1]\n"));
        assert_int_equal(strlen(rows), strlen("[\"w1\",1]\n[\"w15000\",1]\n"));
    }
    memory_free(text);
}

static void caches_can_be_dropped_at_any_time(void **state)
{
    struct job *j = *state;
    job_open(j, counting);
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[\"a\",\"b\"]"), 0);
    host_relieve_caches(j->hosts[0]);
    assert_int_equal(job_values(j, 0, "[\"a\",\"c\"]"), 0);
    assert_int_equal(host_relieve_tables(j->hosts[0], true, NULL), 0);
    assert_int_equal(job_values(j, 0, "[\"a\"]"), 0);
    assert_int_equal(job_finish(j), 0);
    assert_non_null(strstr(job_rows(j, 0), "[\"a\",3]\n"));
    assert_non_null(strstr(job_rows(j, 0), "[\"b\",1]\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, job_begin_test, job_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_epochs_begin_clean),
        TEST(an_epoch_that_is_begun_again_has_nothing_of_its_first_run),
        TEST(records_on_their_way_are_forgotten_too),
        TEST(a_script_that_fails_makes_no_host),
        TEST(a_new_lua_state_goes_on_with_what_was_counted),
        TEST(random_numbers_follow_from_seed_partition_and_offset),
        TEST(time_is_the_batch_time),
        TEST(tables_beyond_their_budget_go_to_disk),
        TEST(a_full_disk_is_said),
        TEST(a_table_that_has_outgrown_its_budget_begins_anew),
        TEST(caches_can_be_dropped_at_any_time),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

/* Goal: a stage gives the same whichever worker saw what: all records of a key, in order, with its
 * state; only what changed is written; and what one key may not exceed is said.
 * Method: one job on one to four hosts, the same rows; state over several epochs. */
#include <stdio.h>
#include <string.h>

#include "data/key.h"
#include "job_world.h"
#include "state/keys.h"

static void finish(struct job *j)
{
    if (job_finish(j) != 0) {
        fail_msg("%s", j->error.message);
    }
}

static const char all_kinds[] =
    "local pairs = values:map_to_pair(function(v) return v % 10, v end)\n"
    "pairs:reduce_by_key(mill.sum):to_stdout()\n"
    "pairs:reduce_by_key(mill.min):to_stdout()\n"
    "pairs:reduce_by_key(mill.max):to_stdout()\n"
    "pairs:reduce_by_key(mill.avg):to_stdout()\n"
    "pairs:reduce_by_key(mill.count):to_stdout()\n"
    "pairs:reduce_by_key(function(a, b) return a + b end):to_stdout()\n"
    "pairs:map_values(function(v) return 'x' .. v end)"
    ":reduce_by_key(function(a, b) return a < b and a or b end):to_stdout()\n"
    "pairs:update_state_by_key(function(vs, s) return {#vs, vs[1], vs[#vs]} end):to_stdout()\n"
    "values:count():to_stdout()\n"
    "values:reduce(mill.max):to_stdout()\n"
    "values:top(5, function(v) return v % 7 end):to_stdout()\n"
    "pairs:reduce_by_key(mill.sum):map(function(k, v) return v % 2 end):count_by_value()"
    ":to_stdout()\n";

enum { OUTPUTS = 12 };

static void several_workers_give_what_one_gives(void **state)
{
    struct job *j = *state;
    char *expected[OUTPUTS];
    for (uint32_t hosts = 1; hosts <= JOB_HOSTS_MAX; hosts++) {
        job_open_with(j, "", all_kinds, hosts);
        j->epoch.number = 0;
        job_begin(j);
        for (uint32_t block = 0; block < 9; block++) {
            char json[400] = "[";
            size_t size = 1;
            for (uint32_t i = 0; i < 20; i++) {
                size += (size_t)snprintf(json + size, sizeof json - size, "%s%u", i > 0 ? "," : "",
                                         (block * 20 + i) * 37 % 101);
            }
            snprintf(json + size, sizeof json - size, "]");
            assert_int_equal(job_values(j, block * 5 % hosts, json), 0);
        }
        finish(j);
        for (uint32_t o = 0; o < OUTPUTS; o++) {
            if (hosts == 1) {
                expected[o] = memory_text(job_rows(j, o));
                assert_true(strlen(expected[o]) > 1);
            } else {
                assert_string_equal(job_rows(j, o), expected[o]);
            }
        }
    }
    for (uint32_t o = 0; o < OUTPUTS; o++) {
        memory_free(expected[o]);
    }
}

static void combined_values_are_right(void **state)
{
    struct job *j = *state;
    job_open_with(j, "", all_kinds, 2);
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[3,13]"), 0);
    assert_int_equal(job_values(j, 1, "[23,1]"), 0);
    finish(j);
    static const char *const expected[] = {"[3,39]", "[3,3]",  "[3,23]",      "[3,13]",
                                           "[3,3]",  "[3,39]", "[3,\"x13\"]", "[3,[3,3,23]]"};
    for (uint32_t o = 0; o < 8; o++) {
        assert_non_null(strstr(job_rows(j, o), expected[o]));
    }
    assert_string_equal(job_rows(j, 8), "4\n");
    assert_string_equal(job_rows(j, 9), "23\n");
    assert_string_equal(job_rows(j, 10), "13\n3\n23\n1\n");
}

static void without_records_only_count_gives_a_row(void **state)
{
    struct job *j = *state;
    job_open(j, all_kinds);
    job_begin(j);
    finish(j);
    for (uint32_t o = 0; o < OUTPUTS; o++) {
        assert_string_equal(job_rows(j, o), o == 8 ? "0\n" : "");
    }
}

/* --- state --- */

static const char running[] = "values:map_to_pair(function(v) return v[1], v[2] end)"
                              ":update_state_by_key(function(vs, s, k, t)"
                              " s = s or 0 for _, v in ipairs(vs) do s = s + v end"
                              " if s < 0 then return nil end return s end):to_stdout()";

static uint32_t stored(struct job *j)
{
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(j->store, STORE_STATE, none, none);
    struct slice key;
    struct slice value;
    uint32_t count = 0;
    while (store_next(i, &key, &value, NULL) == 1) {
        count++;
    }
    store_iterate_end(i);
    return count;
}

static void every_known_key_is_visited_each_batch(void **state)
{
    struct job *j = *state;
    job_open_with(j, "", running, 2);
    job_epoch(j, "[[\"a\",1],[\"b\",2],[\"a\",3]]");
    assert_non_null(strstr(job_rows(j, 0), "[\"a\",4]\n"));
    assert_int_equal(stored(j), 2);
    job_epoch(j, "[[\"c\",5]]");
    assert_non_null(strstr(job_rows(j, 0), "[\"a\",4]\n"));
    assert_non_null(strstr(job_rows(j, 0), "[\"b\",2]\n"));
    assert_non_null(strstr(job_rows(j, 0), "[\"c\",5]\n"));
    job_epoch(j, "[]");
    assert_int_equal(strlen(job_rows(j, 0)), 24);
}

static void nil_deletes_a_key(void **state)
{
    struct job *j = *state;
    job_open(j, running);
    job_epoch(j, "[[\"a\",1],[\"b\",2]]");
    job_epoch(j, "[[\"a\",-5]]");
    assert_int_equal(stored(j), 1);
    assert_string_equal(job_rows(j, 0), "[\"b\",2]\n");
    job_epoch(j, "[[\"a\",7]]");
    assert_non_null(strstr(job_rows(j, 0), "[\"a\",7]\n"));
    job_epoch(j, "[[\"x\",-1]]");
    assert_int_equal(stored(j), 2);
}

static void only_what_changed_is_written(void **state)
{
    struct job *j = *state;
    job_open(j, running);
    job_epoch(j, "[[\"a\",1],[\"b\",2]]");
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[[\"a\",0],[\"b\",1]]"), 0);
    finish(j);
    struct epoch_record record = {.number = 2};
    struct store_batch *batch = store_batch_create();
    assert_int_equal(delta_commit_into(&j->delta, batch, &record, NULL), 0);
    assert_in_range(store_batch_bytes(batch), STATE_KEY_HEAD_BYTES + 2 + 1,
                    STATE_KEY_HEAD_BYTES + 2 + 1 + 12); /* one key's */
    store_batch_destroy(batch);
}

static void changed_gives_only_keys_that_changed(void **state)
{
    struct job *j = *state;
    job_open(j,
             "values:map_to_pair(function(v) return v[1], v[2] end)"
             ":update_state_by_key(function(vs, s) return (s or 0) + #vs end, {emit = 'changed'})"
             ":to_stdout()");
    job_epoch(j, "[[\"a\",1],[\"b\",1]]");
    assert_int_equal(strlen(job_rows(j, 0)), 16);
    job_epoch(j, "[[\"a\",1]]");
    assert_string_equal(job_rows(j, 0), "[\"a\",2]\n");
}

static void a_function_that_fails_leaves_its_state(void **state)
{
    struct job *j = *state;
    job_open(j, "values:map_to_pair(function(v) return v[1], v[2] end)"
                ":update_state_by_key(function(vs, s) if vs[1] == 13 then error('no', 0) end"
                " return (s or 0) + #vs end):to_stdout()");
    job_epoch(j, "[[\"a\",1],[\"b\",1]]");
    job_epoch(j, "[[\"a\",13],[\"a\",2],[\"b\",1]]");
    assert_string_equal(job_rows(j, 0), "[\"b\",2]\n");
    assert_non_null(strstr(job_dead(j), "\"key\":\"a\",\"values\":[13,2]"));
    job_epoch(j, "[]");
    assert_non_null(strstr(job_rows(j, 0), "[\"a\",1]\n"));
}

static void state_can_be_any_value_that_is_kept(void **state)
{
    struct job *j = *state;
    job_open(j, "values:map_to_pair(function(v) return v, v end)"
                ":update_state_by_key(function(vs, s, k) if s then return s end"
                " return ({1.5, 'text', true, {a = {1, mill.null}}, mill.object(), ''})[k] end)"
                ":to_stdout()");
    job_epoch(j, "[1,2,3,4,5,6]");
    char *first = memory_text(job_rows(j, 0));
    assert_non_null(strstr(first, "[4,{\"a\":[1,null]}]\n"));
    assert_non_null(strstr(first, "[5,{}]\n"));
    assert_non_null(strstr(first, "[6,\"\"]\n"));
    job_epoch(j, "[]");
    assert_string_equal(job_rows(j, 0), first);
    memory_free(first);
}

static void values_come_in_order_of_position(void **state)
{
    struct job *j = *state;
    job_open_with(j, "",
                  "values:map_to_pair(function(v) return 'k', v end)"
                  ":update_state_by_key(function(vs) return vs end):to_stdout()",
                  3);
    job_begin(j);
    assert_int_equal(job_values(j, 2, "[1,2]"), 0);
    assert_int_equal(job_values(j, 0, "[3,4]"), 0);
    assert_int_equal(job_values(j, 1, "[5]"), 0);
    assert_int_equal(job_values(j, 2, "[6]"), 0);
    finish(j);
    assert_string_equal(job_rows(j, 0), "[\"k\",[1,2,3,4,5,6]]\n");
}

/* --- limits --- */

static void one_key_with_too_many_values_is_said(void **state)
{
    struct job *j = *state;
    job_open(j,
             "values:flat_map(function(n, emit) for i = 1, n do emit(('x'):rep(1000000)) end end)"
             ":map_to_pair(function(v) return 'k', v end)"
             ":update_state_by_key(function(vs) return #vs end):to_stdout()");
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[60]"), 0);
    finish(j);
    assert_string_equal(job_rows(j, 0), "[\"k\",60]\n");
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[70]"), 0);
    assert_int_equal(job_finish(j), MILL_ELIMIT);
    assert_non_null(strstr(j->error.message, "one key has more than 64 MiB of values"));
}

static void many_keys_go_through_in_several_calls(void **state)
{
    struct job *j = *state;
    job_open_with(j, "",
                  "values:flat_map(function(n, emit) for i = 1, n do emit(i) end end)"
                  ":map_to_pair(function(v) return v, v end)"
                  ":update_state_by_key(function(vs, s) return (s or 0) + 1 end)"
                  ":map(function(k, s) return s end):count_by_value():to_stdout()",
                  2);
    for (int epoch = 1; epoch < 4; epoch++) {
        char expected[32];
        job_epoch(j, "[30000]");
        snprintf(expected, sizeof expected, "[%d,30000]\n", epoch);
        assert_string_equal(job_rows(j, 0), expected);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, job_begin_test, job_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(several_workers_give_what_one_gives),
        TEST(combined_values_are_right),
        TEST(without_records_only_count_gives_a_row),
        TEST(every_known_key_is_visited_each_batch),
        TEST(nil_deletes_a_key),
        TEST(only_what_changed_is_written),
        TEST(changed_gives_only_keys_that_changed),
        TEST(a_function_that_fails_leaves_its_state),
        TEST(state_can_be_any_value_that_is_kept),
        TEST(values_come_in_order_of_position),
        TEST(one_key_with_too_many_values_is_said),
        TEST(many_keys_go_through_in_several_calls),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

/* Goal: a key's records find the state that the one before left, across chunks, epochs and workers;
 * what the store holds is exactly the keys that live and one deadline for each; and nothing of a
 * key that is gone calls a function again.
 * Method: jobs epoch by epoch, T = 1000 ms times their number; the store's keys are counted. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "job_world.h"
#include "state/keys.h"

static const char counting[] = "values:map_to_pair(function(v) return v[1], v[2] end)"
                               ":map_with_state(function(k, v, s)"
                               "  if s.timing_out then return k .. ' out ' .. s:get() end"
                               "  if v < 0 then s:remove() return k .. ' gone' end"
                               "  s:update((s:get() or 0) + v) return k .. ' ' .. s:get()"
                               " end, {timeout = '2s'}):to_stdout()";

struct stored {
    uint32_t states;
    uint32_t deadlines;
};

static struct stored count_stored(struct job *j)
{
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(j->store, STORE_STATE, none, none);
    struct slice key;
    struct slice value;
    struct stored n = {0};
    while (store_next(i, &key, &value, NULL) == 1) {
        bool is_deadline = (bytes_get_u16(key.data) & STORE_DEADLINE_OPERATOR) != 0;
        n.deadlines += is_deadline ? 1 : 0;
        n.states += is_deadline ? 0 : 1;
    }
    store_iterate_end(i);
    return n;
}

static void assert_stored(struct job *j, uint32_t states, uint32_t deadlines)
{
    struct stored n = count_stored(j);
    assert_int_equal(n.states, states);
    assert_int_equal(n.deadlines, deadlines);
}

static void a_key_has_one_deadline_however_often_it_is_touched(void **state)
{
    struct job *j = *state;
    job_open(j, counting);
    job_epoch(j, "[[\"a\",1],[\"a\",2],[\"b\",1]]");
    assert_string_equal(job_rows(j, 0), "\"a 1\"\n\"a 3\"\n\"b 1\"\n");
    assert_stored(j, 2, 2);
    job_epoch(j, "[[\"a\",1]]");
    assert_stored(j, 2, 2);
    job_epoch(j, "[[\"a\",1]]");
    assert_non_null(strstr(job_rows(j, 0), "\"b out 1\""));
    assert_non_null(strstr(job_rows(j, 0), "\"a 5\""));
    assert_stored(j, 1, 1);
    job_epoch(j, "[]");
    assert_string_equal(job_rows(j, 0), "");
    assert_stored(j, 1, 1);
    job_epoch(j, "[]");
    assert_string_equal(job_rows(j, 0), "\"a out 5\"\n");
    assert_stored(j, 0, 0);
}

static void a_deadline_that_was_left_over_goes_when_it_comes(void **state)
{
    struct job *j = *state;
    job_open(j, counting);
    job_epoch(j, "[[\"a\",1]]");
    job_epoch(j, "[[\"a\",-1]]");
    assert_stored(j, 0, 1);
    job_epoch(j, "[[\"b\",-1],[\"b\",1]]");
    assert_stored(j, 1, 1);
    job_epoch(j, "[[\"a\",1],[\"a\",-1],[\"a\",7]]");
    assert_stored(j, 2, 2);
    job_epoch(j, "[]");
    assert_string_equal(job_rows(j, 0), "\"b out 1\"\n");
    job_epoch(j, "[]");
    assert_string_equal(job_rows(j, 0), "\"a out 7\"\n");
    assert_stored(j, 0, 0);
}

static void a_key_of_many_chunks_has_one_state(void **state)
{
    struct job *j = *state;
    job_open_with(j, "",
                  "values:map_to_pair(function(v) return v % 3, v end)"
                  ":map_with_state(function(k, v, s)"
                  " local t = s:get() or {n = 0} t.n = t.n + 1 s:update(t)"
                  " if t.n % 2000 == 0 then return {k, t.n} end end):to_stdout()",
                  3);
    job_begin(j);
    char json[8000] = "[";
    for (uint32_t block = 0; block < 6; block++) {
        size_t size = 1;
        for (uint32_t i = 0; i < 1000; i++) {
            size += (size_t)snprintf(json + size, sizeof json - size, "%s%u", i > 0 ? "," : "",
                                     block * 1000 + i);
        }
        snprintf(json + size, sizeof json - size, "]");
        assert_int_equal(job_values(j, block % 3, json), 0);
    }
    assert_int_equal(job_finish(j), 0);
    job_commit(j);
    const char *rows = job_rows(j, 0);
    assert_int_equal(strlen(rows), 3 * strlen("[0,2000]\n"));
    for (uint32_t k = 0; k < 3; k++) {
        char row[32];
        snprintf(row, sizeof row, "[%u,2000]\n", k);
        assert_non_null(strstr(rows, row));
    }
    assert_stored(j, 3, 0);
}

/* The next key got its state, and it had no deadline any more. */
static void a_deadline_that_comes_behind_a_full_chunk_is_the_key_s(void **state)
{
    struct job *j = *state;
    job_open(j, "values:map_to_pair(function(v) return v[1], ('x'):rep(v[2]) end)"
                ":map_with_state(function(k, v, s)"
                "  if s.timing_out then return k .. ' out' end"
                "  local before = s:get() s:update(k) return before and k .. ' ' .. before"
                " end, {timeout = '2s'}):to_stdout()");
    job_epoch(j, "[[\"a\",1]]");
    job_epoch(j, "[[\"a\",1]]");
    assert_string_equal(job_rows(j, 0), "\"a a\"\n");
    enum { OTHERS = 200 };
    struct buffer json;
    buffer_init(&json, 10000);
    assert_int_equal(buffer_append_text(&json, "[[\"a\",1100000]"), 0);
    for (int i = 0; i < OTHERS; i++) {
        assert_int_equal(buffer_printf(&json, ",[\"b%d\",1]", i), 0);
    }
    assert_int_equal(buffer_append_text(&json, "]"), 0);
    assert_int_equal(buffer_append_byte(&json, 0), 0);
    job_epoch(j, json.data);
    buffer_deinit(&json);
    assert_string_equal(job_rows(j, 0), "\"a a\"\n");
    assert_stored(j, OTHERS + 1, OTHERS + 1);
}

static void a_state_that_is_only_read_is_not_written(void **state)
{
    struct job *j = *state;
    job_open(j, "values:map_to_pair(function(v) return v, v end)"
                ":map_with_state(function(k, v, s)"
                " if not s:exists() and v > 0 then s:update(v) end return s:get() end)"
                ":to_stdout()");
    job_epoch(j, "[5,-1]");
    assert_string_equal(job_rows(j, 0), "5\n");
    assert_stored(j, 1, 0);
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[5]"), 0);
    assert_int_equal(job_finish(j), 0);
    assert_int_equal(j->delta.bytes, 0);
    job_commit(j);
    assert_string_equal(job_rows(j, 0), "5\n");
}

static void a_damaged_state_is_said(void **state)
{
    struct job *j = *state;
    job_open(j, counting);
    job_epoch(j, "[[\"a\",1]]");
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(j->store, STORE_STATE, none, none);
    struct slice key;
    struct slice value;
    struct store_batch *batch = store_batch_create();
    assert_int_equal(store_next(i, &key, &value, NULL), 1);
    store_batch_put(batch, STORE_STATE, key, (struct slice){"short", 5});
    store_iterate_end(i);
    assert_int_equal(store_write(j->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[[\"a\",1]]"), 0);
    assert_int_equal(job_finish(j), MILL_ECORRUPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, job_begin_test, job_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_has_one_deadline_however_often_it_is_touched),
        TEST(a_deadline_that_was_left_over_goes_when_it_comes),
        TEST(a_deadline_that_comes_behind_a_full_chunk_is_the_key_s),
        TEST(a_key_of_many_chunks_has_one_state),
        TEST(a_state_that_is_only_read_is_not_written),
        TEST(a_damaged_state_is_said),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

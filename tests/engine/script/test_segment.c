/* Goal: a segment runs to its end whatever happens on the way: the element that fails costs itself
 * and nothing is called twice; a full tee and a full table are emptied; a deadline marks its
 * element. Method: functions that count their calls in what they give. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "flow/conservation.h"
#include "job_world.h"
#include "script/segment.h"

/* A JSON array of the numbers 0 to count - 1. @owns the caller */
static char *numbers(uint32_t count)
{
    char *json = memory_alloc((size_t)count * 8 + 3);
    size_t size = (size_t)sprintf(json, "[");
    for (uint32_t i = 0; i < count; i++) {
        size += (size_t)sprintf(json + size, "%s%u", i > 0 ? "," : "", i);
    }
    sprintf(json + size, "]");
    return json;
}

static void run(struct job *j, const char *json)
{
    job_begin(j);
    if (job_values(j, 0, json) != 0 || job_finish(j) != 0) {
        fail_msg("%s", j->error.message);
    }
}

/* --- errors --- */

static void the_record_that_fails_costs_itself(void **state)
{
    struct job *j = *state;
    job_open(j, "local calls = 0\n"
                "values:map(function(v)\n"
                "   calls = calls + 1\n"
                "   if v == 2 or v == 3 then error('no ' .. v, 0) end\n"
                "   return {v, calls}\n"
                "end):to_stdout()");
    run(j, "[0,1,2,3,4]");
    assert_string_equal(job_rows(j, 0), "[0,1]\n[1,2]\n[4,5]\n");
    assert_string_equal(job_letters(j), "map at job.lua:2: no 2\nmap at job.lua:2: no 3\n");
    assert_int_equal(j->hosts[0]->errors, 2);
}

static void the_first_and_the_last_record_may_fail(void **state)
{
    struct job *j = *state;
    job_open(j,
             "values:map(function(v) if v ~= 1 then error('no', 0) end return v end):to_stdout()");
    run(j, "[0,1,2]");
    assert_string_equal(job_rows(j, 0), "1\n");
    run(j, "[0]");
    assert_string_equal(job_rows(j, 0), "");
    assert_int_equal(j->hosts[0]->errors, 1);
}

/* Three operators, each of which fails for some: those before the failing one are called once. */
static void nothing_is_called_twice(void **state)
{
    struct job *j = *state;
    char *json = numbers(20000);
    job_open(j,
             "local a, b, c = 0, 0, 0\n"
             "values:map(function(v) a = a + 1 if v % 7 == 3 then error('a', 0) end return v end)"
             ":filter(function(v) b = b + 1 if v % 11 == 5 then error('b', 0) end return true end)"
             ":map(function(v) c = c + 1 if v % 13 == 6 then error('c', 0) end"
             " return {v, a, b, c} end):to_stdout()");
    run(j, json);
    const char *rows = job_rows(j, 0);
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    for (unsigned v = 0; v < 20000; v++) {
        a++;
        bool passes = v % 7 != 3;
        b += passes;
        passes = passes && v % 11 != 5;
        c += passes;
        passes = passes && v % 13 != 6;
        if (passes) {
            char expected[64];
            int size = snprintf(expected, sizeof expected, "[%u,%u,%u,%u]\n", v, a, b, c);
            assert_memory_equal(rows, expected, (size_t)size);
            rows += size;
        }
    }
    assert_string_equal(rows, "");
    memory_free(json);
}

static void an_element_of_a_list_costs_itself(void **state)
{
    struct job *j = *state;
    job_open(j,
             "local lists, calls = 0, 0\n"
             "values:flat_map(function(v) lists = lists + 1 return {v * 10, v * 10 + 1, v * 10 + 2}"
             " end):map(function(v) calls = calls + 1 if v == 11 or v == 22 then error('no', 0) end"
             " return {v, lists, calls} end):to_stdout()");
    run(j, "[1,2,3]");
    assert_string_equal(job_rows(j, 0), "[10,1,1]\n[12,1,3]\n[20,2,4]\n[21,2,5]\n"
                                        "[30,3,7]\n[31,3,8]\n[32,3,9]\n");
    assert_non_null(strstr(job_dead(j), "\"element\":[1],"));
    assert_non_null(strstr(job_dead(j), "\"element\":[2],"));
}

static void elements_of_nested_lists_cost_themselves(void **state)
{
    struct job *j = *state;
    job_open(j, "local calls = 0\n"
                "values:flat_map(function(v) return {v, v + 1} end)"
                ":flat_map(function(v, emit) for i = 1, 3 do emit(v * 10 + i) end end)"
                ":flat_map(function(v) if v == 12 then error('whole', 0) end return {v, -v} end)"
                ":map(function(v) calls = calls + 1 if v == -21 then error('one', 0) end"
                " return {v, calls} end):to_stdout()");
    run(j, "[1]");
    assert_string_equal(job_rows(j, 0), "[11,1]\n[-11,2]\n[13,3]\n[-13,4]\n[21,5]\n[22,7]\n"
                                        "[-22,8]\n[23,9]\n[-23,10]\n");
    assert_non_null(strstr(job_dead(j), "\"element\":[0,1],"));
    assert_non_null(strstr(job_dead(j), "\"element\":[1,0,1],"));
}

static void a_flat_function_that_fails_gives_nothing(void **state)
{
    struct job *j = *state;
    job_open(j,
             "values:flat_map(function(v, emit) emit(v) emit(v) if v == 2 then error('no', 0) end"
             " emit(v) end):to_stdout()");
    run(j, "[1,2,3]");
    assert_string_equal(job_rows(j, 0), "1\n1\n1\n3\n3\n3\n");
}

static void fail_ends_the_job_and_skip_only_counts(void **state)
{
    struct job *j = *state;
    const char *script = "values:map(function(v) if v == 1 then error('no', 0) end return v end)"
                         ":to_stdout()";
    job_open_with(j, "on_error = 'fail'", script, 1);
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[0,1,2]"), MILL_EFAILED);
    assert_string_equal(j->error.message, "map at job.lua:1: no\n\tat job.lua:1");
    job_open_with(j, "on_error = 'skip'", script, 1);
    run(j, "[0,1,2]");
    assert_string_equal(job_rows(j, 0), "0\n2\n");
    assert_string_equal(job_dead(j), "");
    assert_int_equal(j->hosts[0]->errors, 1);
    assert_int_equal(j->hosts[0]->counters[3].skipped, 1);
}

/* --- yields --- */

static void a_full_tee_is_emptied_in_order(void **state)
{
    struct job *j = *state;
    char *json = numbers(20000);
    job_open(j, "local calls = 0\n"
                "local doubled = values:map(function(v) calls = calls + 1 return v end)\n"
                "doubled:map(function(v) return v end):to_stdout()\n"
                "doubled:filter(function(v) return v % 2 == 0 end):count():to_stdout()\n"
                "doubled:reduce(function(a, b) return a + b end):to_stdout()\n"
                "doubled:count():map(function(n) return {n, calls} end):to_stdout()");
    run(j, json);
    const char *rows = job_rows(j, 0);
    for (unsigned v = 0; v < 20000; v++) {
        assert_int_equal(strtoul(rows, NULL, 10), v);
        rows += strcspn(rows, "\n") + 1;
    }
    assert_string_equal(job_rows(j, 1), "10000\n");
    assert_string_equal(job_rows(j, 2), "199990000\n");
    assert_string_equal(job_rows(j, 3), "[20000,20000]\n");
    memory_free(json);
}

static void a_tee_fills_in_the_middle_of_a_list(void **state)
{
    struct job *j = *state;
    job_open(j, "local calls = 0\n"
                "local s = values:flat_map(function(v) calls = calls + 1 local t = {}"
                " for i = 1, 5000 do t[i] = v * 5000 + i end return t end)\n"
                "s:reduce(function(a, b) return a + b end)"
                ":map(function(n) return {n, calls} end):to_stdout()\n"
                "s:count():to_stdout()");
    run(j, "[0,1,2,3,4,5,6]");
    assert_string_equal(job_rows(j, 0), "[612517500,7]\n");
    assert_string_equal(job_rows(j, 1), "35000\n");
}

static void errors_behind_a_tee_name_their_record(void **state)
{
    struct job *j = *state;
    job_open(j, "local s = values:filter(function(v) return v ~= 'b' end)\n"
                "s:map(function(v) if v == 'c' then error('no', 0) end return v end):to_stdout()\n"
                "s:to_stdout()");
    run(j, "[\"a\",\"b\",\"c\",\"d\"]");
    assert_string_equal(job_rows(j, 0), "\"a\"\n\"d\"\n");
    assert_string_equal(job_rows(j, 1), "\"a\"\n\"c\"\n\"d\"\n");
    assert_non_null(strstr(job_dead(j), "\"ordinal\":2,\"record\":\"c\"}"));
}

static void a_full_table_is_emptied_in_the_middle_of_a_list(void **state)
{
    struct job *j = *state;
    job_open_with(j, "shuffle_memory = '1MiB'",
                  "local calls = 0\n"
                  "values:flat_map(function(v, emit) calls = calls + 1"
                  " for i = 1, 60000 do emit('key number ' .. i) end end)"
                  ":map_to_pair(function(k) return k, 1 end):reduce_by_key(mill.sum)"
                  ":map(function(k, n) return {n, calls} end):count_by_value():to_stdout()",
                  1);
    run(j, "[1,2,3]");
    assert_string_equal(job_rows(j, 0), "[[3,3],60000]\n");
    assert_true(j->hosts[0]->shuffles[0].run_count > 0);
}

static void boxed_values_survive_a_full_table(void **state)
{
    struct job *j = *state;
    job_open_with(j, "shuffle_memory = '1MiB'",
                  "values:flat_map(function(v, emit)"
                  " for i = 1, 30000 do emit(i) end end)"
                  ":map_to_pair(function(i) return 'key number ' .. i, {n = 1} end)"
                  ":reduce_by_key(function(a, b) return {n = a.n + b.n} end)"
                  ":map(function(k, v) return v.n end):count_by_value():to_stdout()",
                  1);
    run(j, "[1,2,3,4]");
    assert_string_equal(job_rows(j, 0), "[4,30000]\n");
}

/* --- sealing --- */

static void a_value_that_cannot_be_kept_costs_its_key(void **state)
{
    struct job *j = *state;
    job_open(j, "values:map_to_pair(function(v) return v, v == 2 and {f = print} or {v} end)"
                ":reduce_by_key(function(a, b) return a end):to_stdout()");
    run(j, "[1,2,3]");
    assert_non_null(strstr(job_rows(j, 0), "[1,[1]]\n"));
    assert_non_null(strstr(job_rows(j, 0), "[3,[3]]\n"));
    assert_null(strstr(job_rows(j, 0), "[2,"));
    assert_non_null(strstr(job_dead(j), "\"key\":2"));
    assert_non_null(strstr(job_letters(j), "reduce_by_key at job.lua:1: "));
}

/* --- deadlines --- */

static void a_deadline_marks_its_element_and_the_rerun_goes_without_it(void **state)
{
    struct job *j = *state;
    job_open_with(j, "deadline = '100ms'",
                  "local calls = 0\n"
                  "values:flat_map(function(v) return {v, v + 1} end)"
                  ":map(function(v) if v == 11 then while true do end end calls = calls + 1"
                  " return {v, calls} end):to_stdout()",
                  1);
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[1,10,20]"), MILL_EDEADLINE);
    assert_string_equal(j->error.message, "map at job.lua:2: a call ran past its deadline");
    const struct host_skip *s = &j->hosts[0]->expired;
    assert_true(!s->has_key && s->offset == 0 && s->ordinal == 1 && s->element[0] == 1);
    job_begin_without_expired(j, 0);
    assert_int_equal(job_values(j, 0, "[1,10,20]"), 0);
    assert_string_equal(job_rows(j, 0), "[1,1]\n[2,2]\n[10,3]\n[20,4]\n[21,5]\n");
    assert_string_equal(job_letters(j), "map at job.lua:2: ran past its deadline\n");
}

static void behind_a_shuffle_a_deadline_marks_the_key(void **state)
{
    struct job *j = *state;
    job_open_with(j, "deadline = '100ms'",
                  "values:map_to_pair(function(v) return v, 1 end):reduce_by_key(mill.sum)"
                  ":map(function(k, n) if k == 'b' then while true do end end return k end)"
                  ":to_stdout()",
                  1);
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[\"a\",\"b\",\"c\"]"), 0);
    assert_int_equal(job_finish(j), MILL_EDEADLINE);
    assert_true(j->hosts[0]->expired.has_key);
    job_begin_without_expired(j, 0);
    assert_int_equal(job_values(j, 0, "[\"a\",\"b\",\"c\"]"), 0);
    assert_int_equal(job_finish(j), 0);
    assert_null(strstr(job_rows(j, 0), "b"));
    assert_int_equal(strlen(job_rows(j, 0)), 8);
    assert_non_null(strstr(job_dead(j), "\"key\":\"b\",\"values\":[1]"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, job_begin_test, job_end_test)

/* --- memory --- */

/* From the allocation that is refused now on, all are granted. */
static void refuse_one(void *context)
{
    struct heap *heap = context;
    heap->max = 0;
}

/* The allocation fails that brings the heap `bytes` beyond what it has. */
static void refuse_at(struct host *h, size_t bytes)
{
    struct heap *heap = &h->lua.heap;
    heap->on_over = refuse_one;
    heap->context = heap;
    heap->max = heap->used + bytes;
}

static struct host *stopped_one; /* the host whose hook stop_now is; NULL: it has run */

/* The watchdog writes the hook's function first, and its mask by reading and writing: a hook that
 * ends in between is marked as active for ever, and no other runs. */
static void stop_now(lua_State *L, lua_Debug *frame)
{
    (void)frame;
    struct host *h = stopped_one;
    if (h != NULL && atomic_load(&h->watch.state) == WATCH_ACTIVE) {
        stopped_one = NULL;
        h->lua.heap.over = true;
        watchdog_hurry(&h->watch);
        while (lua_gethookmask(L) == LUA_MASKCOUNT) {
        }
    }
}

/* The watchdog has stopped the call, for memory, when it has run so many instructions. */
static void stop_at(struct host *h, size_t instructions)
{
    stopped_one = h;
    lua_sethook(h->lua.L, stop_now, LUA_MASKCOUNT, (int)instructions);
}

/* An epoch with a failure for want of memory. @return whether there was one */
static bool run_with_failure(struct job *j, const char *json, size_t at,
                             void (*arm)(struct host *h, size_t at))
{
    struct host *h = j->hosts[0];
    lua_gc(h->lua.L, LUA_GCCOLLECT, 0);
    lua_gc(h->lua.L, LUA_GCSTOP, 0);
    job_begin(j);
    arm(h, at);
    int rc = job_values(j, 0, json);
    rc = rc == 0 ? job_finish(j) : rc;
    bool has_failed = arm == refuse_at ? h->lua.heap.max == 0 : stopped_one == NULL;
    lua_sethook(h->lua.L, NULL, 0, 0);
    h->lua.heap.max = 0;
    heap_forgive(&h->lua.heap);
    if (rc != 0 || conservation_check(h->graph, h->counters, h->heads, &j->error) != 0) {
        fail_msg("at %zu: %s", at, j->error.message);
    }
    return has_failed;
}

/* A sanitizer makes each try many times as long: it makes fewer of them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRIDE 13u
#else
#define STRIDE 1u
#endif

/* Wherever an epoch fails for want of memory, its rows and letters are those of one that does not.
 */
static void try_all(struct job *j, const char *json, size_t step,
                    void (*arm)(struct host *h, size_t at))
{
    char *expected[] = {memory_text(job_rows(j, 0)), memory_text(job_rows(j, 1)),
                        memory_text(job_letters(j))};
    size_t at = step;
    for (; run_with_failure(j, json, at, arm); at += step) {
        for (uint32_t i = 0; i < 2; i++) {
            if (strcmp(job_rows(j, i), expected[i]) != 0) {
                fail_msg("at %zu, output %u: %s", at, i, job_rows(j, i));
            }
        }
        assert_string_equal(job_letters(j), expected[2]);
    }
    assert_true(at > 500);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        memory_free(expected[i]);
    }
}

static void no_want_of_memory_matters(struct job *j, const char *script, const char *json)
{
    j->jit_off = true; /* in the interpreter every access to a struct may allocate */
    job_open(j, script);
    assert_int_equal(j->graph.output_count, 2);
    run(j, json);
    run(j, json);
    try_all(j, json, 8 * STRIDE, refuse_at);
    try_all(j, json, STRIDE, stop_at);
}

static void no_want_of_memory_matters_in_lists_and_tees(void **state)
{
    no_want_of_memory_matters(
        *state,
        "local w = values:map(function(v) return v .. ' b ' .. v end)"
        ":flat_map(function(v) return {v, 'c'} end):flat_map(mill.words)\n"
        "w:filter(function(s) return s ~= 'c' end):flat_map(function(s, emit) "
        "emit(s .. '!') emit(s) end):map(function(s) return s .. '?' end)"
        ":to_stdout()\n"
        "w:count_by_value():to_stdout()",
        "[\"x\",\"y\"]");
}

static void no_want_of_memory_matters_in_tables(void **state)
{
    no_want_of_memory_matters(*state,
                              "local p = values:flat_map(mill.words)"
                              ":map_to_pair(function(s) return s, {s} end)\n"
                              "p:reduce_by_key(function(a, b) return {a[1] .. b[1]} end)"
                              ":map(function(k, v) return k .. v[1] end):to_stdout()\n"
                              "p:map_values(function(v) return #v[1] end)"
                              ":reduce_by_key(function(a, b) return a + b end)"
                              ":flat_map(function(k, n) return {k .. n, n} end):to_stdout()",
                              "[\"x y x\",\"y xx\"]");
}

/* Behind the last element of a list the loop goes on at its end. */
static void no_want_of_memory_matters_after_errors(void **state)
{
    no_want_of_memory_matters(*state,
                              "local w = values:flat_map(function(v) return {v, 'x ' .. v} end)"
                              ":flat_map(mill.words)"
                              ":filter(function(s) if s == 'y' then error('no', 0) end "
                              "return true end)\n"
                              "w:flat_map(mill.words):to_stdout()\n"
                              "w:map_to_pair(function(s) return s, s end)"
                              ":reduce_by_key(function(a, b) return a .. b end):to_stdout()",
                              "[\"a y\",\"y\",\"y b\"]");
}

static void no_want_of_memory_matters_in_states_and_tops(void **state)
{
    no_want_of_memory_matters(*state,
                              "local w = values:flat_map(mill.words)\n"
                              "w:map_to_pair(function(s) return s, {s} end)"
                              ":update_state_by_key(function(list, t) return {#list} end)"
                              ":map(function(k, t) return k .. t[1] end):to_stdout()\n"
                              "w:top(2, function(s) return #s end):to_stdout()",
                              "[\"x y x\",\"y xx\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_record_that_fails_costs_itself),
        TEST(the_first_and_the_last_record_may_fail),
        TEST(nothing_is_called_twice),
        TEST(an_element_of_a_list_costs_itself),
        TEST(elements_of_nested_lists_cost_themselves),
        TEST(a_flat_function_that_fails_gives_nothing),
        TEST(fail_ends_the_job_and_skip_only_counts),
        TEST(a_full_tee_is_emptied_in_order),
        TEST(a_tee_fills_in_the_middle_of_a_list),
        TEST(errors_behind_a_tee_name_their_record),
        TEST(a_full_table_is_emptied_in_the_middle_of_a_list),
        TEST(boxed_values_survive_a_full_table),
        TEST(a_value_that_cannot_be_kept_costs_its_key),
        TEST(a_deadline_marks_its_element_and_the_rerun_goes_without_it),
        TEST(behind_a_shuffle_a_deadline_marks_the_key),
        TEST(no_want_of_memory_matters_in_lists_and_tees),
        TEST(no_want_of_memory_matters_in_tables),
        TEST(no_want_of_memory_matters_in_states_and_tops),
        TEST(no_want_of_memory_matters_after_errors),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

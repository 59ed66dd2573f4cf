/* Goal: a heap counts what Lua has, and says once that it is over its limit; a state whose memory
 * ran out, in compiled code too, goes on. Method: the allocator by hand; then a state with a small
 * heap and a loop that keeps everything. */
#include <string.h>

#include <lauxlib.h>

#include "job_world.h"
#include "script/heap.h"

/* --- the allocator --- */

static uint32_t warnings;

static void warn(void *context)
{
    (void)context;
    warnings++;
}

static struct heap heap_of(size_t max)
{
    struct heap h;
    heap_init(&h, max);
    warnings = 0;
    h.on_over = warn;
    return h;
}

static void bytes_are_counted(void **state)
{
    (void)state;
    struct heap h = heap_of(0);
    void *p = heap_alloc(&h, NULL, LUA_TTABLE, 100); /* a type, not a size, where nothing was */
    assert_int_equal(h.used, 100);
    p = heap_alloc(&h, p, 100, 300);
    assert_int_equal(h.used, 300);
    p = heap_alloc(&h, p, 300, 50);
    assert_true(h.used == 50 && h.peak == 300);
    assert_null(heap_alloc(&h, p, 50, 0));
    assert_int_equal(h.used, 0);
    assert_int_equal(warnings, 0);
}

static void beyond_the_limit_it_says_so_once_and_grants(void **state)
{
    (void)state;
    struct heap h = heap_of(1000);
    void *p = heap_alloc(&h, NULL, 0, 1000);
    assert_true(p != NULL && !h.over);
    void *q = heap_alloc(&h, NULL, 0, 1);
    assert_true(q != NULL && h.over && warnings == 1);
    void *r = heap_alloc(&h, NULL, 0, 2000);
    assert_true(r != NULL && warnings == 1);
    (void)heap_alloc(&h, r, 2000, 0);
    heap_forgive(&h);
    assert_false(h.over);
    void *s = heap_alloc(&h, NULL, 0, 1);
    assert_true(s != NULL && warnings == 2);
    (void)heap_alloc(&h, p, 1000, 0);
    (void)heap_alloc(&h, q, 1, 0);
    (void)heap_alloc(&h, s, 1, 0);
    assert_int_equal(h.used, 0);
}

static void far_beyond_it_refuses(void **state)
{
    (void)state;
    struct heap h = heap_of(1000);
    assert_null(heap_alloc(&h, NULL, 0, (HEAP_HARD_FACTOR + 1) * 1000));
    assert_true(h.over && h.used == 0);
    void *p = heap_alloc(&h, NULL, 0, HEAP_HARD_FACTOR * 1000);
    assert_non_null(p);
    assert_null(heap_alloc(&h, p, HEAP_HARD_FACTOR * 1000, 10 * 1000 * HEAP_HARD_FACTOR));
    (void)heap_alloc(&h, p, HEAP_HARD_FACTOR * 1000, 0);
}

static void where_nobody_listens_the_limit_is_hard(void **state)
{
    (void)state;
    struct heap h = heap_of(1000);
    h.on_over = NULL;
    assert_null(heap_alloc(&h, NULL, 0, 1001));
    assert_true(h.over);
    void *p = heap_alloc(&h, NULL, 0, 1000);
    assert_non_null(p);
    (void)heap_alloc(&h, p, 1000, 0);
}

static void shrinking_never_fails(void **state)
{
    (void)state;
    struct heap h = heap_of(0);
    void *p = heap_alloc(&h, NULL, 0, 5000);
    h.max = 100;
    h.on_over = NULL;
    p = heap_alloc(&h, p, 5000, 4000);
    assert_non_null(p);
    (void)heap_alloc(&h, p, 4000, 0);
}

static void a_lifted_limit_does_not_hold(void **state)
{
    (void)state;
    struct heap h = heap_of(100);
    h.on_over = NULL;
    heap_lift(&h);
    heap_lift(&h);
    heap_lower(&h);
    void *p = heap_alloc(&h, NULL, 0, 1000);
    assert_true(p != NULL && !h.over);
    heap_lower(&h);
    assert_null(heap_alloc(&h, NULL, 0, 1));
    (void)heap_alloc(&h, p, 1000, 0);
}

/* --- a state whose memory runs out --- */

static int call(lua_State *L, const char *text)
{
    lua_settop(L, 0);
    assert_int_equal(luaL_loadstring(L, text), 0);
    return lua_pcall(L, 0, 1, 0);
}

static void a_state_goes_on_after_a_memory_error(void **state)
{
    (void)state;
    struct heap h = heap_of(4 << 20);
    h.on_over = NULL;
    lua_State *L = lua_newstate(heap_alloc, &h);
    assert_non_null(L);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(call(L, "local t = {} for i = 1, 1e8 do t[i] = {i} end"), LUA_ERRMEM);
        assert_true(h.over);
        heap_forgive(&h);
        lua_settop(L, 0);
        lua_gc(L, LUA_GCCOLLECT, 0);
        assert_true(h.used < 1 << 20);
        assert_int_equal(call(L, "local n = 0 for i = 1, 1000 do n = n + i end return n"), 0);
        assert_true(lua_tonumber(L, 1) == 500500);
    }
    lua_close(L);
    assert_int_equal(h.used, 0);
}

/* Stopped by the watchdog inside the compiled loop; the record is tried again, then a dead letter;
 * the next records are as before. */
static void a_compiled_loop_that_eats_memory_costs_its_record_only(void **state)
{
    struct job *j = *state;
    job_open_with(j, "memory_max = '16MiB'",
                  "values:map(function(v)\n"
                  "   if v == 3 then\n"
                  "      local t = {}\n"
                  "      for i = 1, 1e9 do t[i] = {i} end\n"
                  "   end\n"
                  "   return v\n"
                  "end):to_stdout()",
                  1);
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[1,2,3,4,5]"), 0);
    assert_string_equal(job_rows(j, 0), "1\n2\n4\n5\n");
    assert_string_equal(job_letters(j),
                        "map at job.lua:1: needs more memory than memory_max allows\n");
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[1,3,6]"), 0);
    assert_string_equal(job_rows(j, 0), "1\n6\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, job_begin_test, job_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_counted),
        cmocka_unit_test(beyond_the_limit_it_says_so_once_and_grants),
        cmocka_unit_test(far_beyond_it_refuses),
        cmocka_unit_test(where_nobody_listens_the_limit_is_hard),
        cmocka_unit_test(shrinking_never_fails),
        cmocka_unit_test(a_lifted_limit_does_not_hold),
        cmocka_unit_test(a_state_goes_on_after_a_memory_error),
        TEST(a_compiled_loop_that_eats_memory_costs_its_record_only),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

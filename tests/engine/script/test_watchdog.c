/* Goal: a function that does not return is stopped within its deadline and 200 ms, compiled or not,
 * whatever it catches; several at once; and what moves is left alone.
 * Method: loops in states of their own, on threads of their own, with the time taken. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "job_world.h"
#include "script/watchdog.h"

enum { DEADLINE_MS = 100, SLACK_MS = 200, WATCHED_MAX = 2 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SLOWER = 5 };
#else
enum { SLOWER = 1 };
#endif

struct watched {
    lua_State *L;
    struct mill_control control;
    struct watch watch;
};

/* What a test that fails leaves is closed behind it: a watch on its dead frame would be read by the
 * watchdog for ever. */
static int begin(void **state)
{
    *state = memory_zero(WATCHED_MAX, sizeof(struct watched));
    return 0;
}

static void open_state(struct watched *w, int64_t deadline_ms)
{
    check(w->L == NULL);
    *w = (struct watched){.L = luaL_newstate()};
    watchdog_add(&w->watch, w->L, &w->control, deadline_ms);
    luaL_openlibs(w->L);
}

static void close_state(struct watched *w)
{
    watchdog_remove(&w->watch);
    lua_close(w->L);
    w->L = NULL;
}

static int end(void **state)
{
    struct watched *all = *state;
    for (int i = 0; i < WATCHED_MAX; i++) {
        if (all[i].L != NULL) {
            close_state(&all[i]);
        }
    }
    memory_free(all);
    return 0;
}

/* Run a chunk as one call. @return what lua_pcall gives; *took_ms */
static int call(struct watched *w, const char *text, int64_t *took_ms)
{
    lua_settop(w->L, 0);
    if (luaL_loadstring(w->L, text) != 0) {
        return -1;
    }
    w->control.call++;
    int64_t begun = clock_elapsed_us();
    watch_enter(&w->watch);
    int rc = lua_pcall(w->L, 0, 0, 0);
    watch_leave(&w->watch);
    *took_ms = (clock_elapsed_us() - begun) / 1000;
    return rc;
}

/* Of a machine that has other things to do: one of three tries is in time. */
#define IN_TIME(try) assert_true((try) || (try) || (try))

static bool is_stopped_in_time(struct watched *w, const char *text)
{
    int64_t took = 0;
    open_state(w, DEADLINE_MS);
    assert_int_equal(call(w, text, &took), LUA_ERRRUN);
    assert_true(watch_expired(&w->watch));
    assert_true(took >= DEADLINE_MS);
    close_state(w);
    return took <= DEADLINE_MS + SLACK_MS * SLOWER;
}

static void is_stopped(struct watched *w, const char *text)
{
    IN_TIME(is_stopped_in_time(w, text));
}

static void a_compiled_loop_is_stopped(void **state)
{
    is_stopped(*state, "while true do end");
    is_stopped(*state, "local n = 0 for i = 1, 1e18 do n = n + i % 7 end");
    is_stopped(*state, "local function f(n) if n > 0 then return f(n - 1) end return 0 end\n"
                       "while true do f(50) end");
}

static void an_interpreted_loop_is_stopped(void **state)
{
    is_stopped(*state, "jit.off() while true do end");
    is_stopped(*state, "jit.off() local function f() return f() end f()");
    is_stopped(*state, "while true do string.rep('x', 10) end");
}

static void catching_the_error_does_not_help(void **state)
{
    is_stopped(*state, "while true do pcall(function() while true do end end) end");
    is_stopped(*state,
               "local co = coroutine.wrap(function() while true do coroutine.yield() end end)\n"
               "while true do co() end");
}

/* Loops that were compiled before the deadline came are the ones that look at no hook. */
static bool are_traces_stopped_in_time(struct watched *w)
{
    int64_t took = 0;
    open_state(w, DEADLINE_MS);
    assert_int_equal(call(w, "function spin(n) while n > 0 do n = n - 1 end end spin(1e6)", &took),
                     0);
    assert_int_equal(call(w, "spin(1e18)", &took), LUA_ERRRUN);
    close_state(w);
    return took <= DEADLINE_MS + SLACK_MS * SLOWER;
}

static void traces_of_earlier_calls_are_stopped_too(void **state)
{
    IN_TIME(are_traces_stopped_in_time(*state));
}

struct racer {
    pthread_t thread;
    struct watched *w;
    int rc;
    int64_t took_ms;
};

static void *race(void *context)
{
    struct racer *r = context;
    open_state(r->w, DEADLINE_MS);
    r->rc = call(r->w, "while true do end", &r->took_ms);
    close_state(r->w);
    return NULL;
}

static bool are_two_stopped_in_time(struct watched *all)
{
    struct racer racers[2];
    for (int i = 0; i < 2; i++) {
        racers[i].w = &all[i];
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(racers[i].thread, NULL);
    }
    bool is_in_time = true;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(racers[i].rc, LUA_ERRRUN);
        is_in_time = is_in_time && racers[i].took_ms <= DEADLINE_MS + SLACK_MS * SLOWER;
    }
    return is_in_time;
}

static void two_at_once_are_both_stopped(void **state)
{
    IN_TIME(are_two_stopped_in_time(*state));
}

static int elapsed_ms(lua_State *L)
{
    lua_pushnumber(L, (double)clock_elapsed_us() / 1000);
    return 1;
}

static void what_moves_is_left_alone(void **state)
{
    struct watched *w = *state;
    int64_t took = 0;
    open_state(w, 400);
    lua_register(w->L, "elapsed_ms", elapsed_ms);
    for (int part = 0; part < 3; part++) {
        assert_int_equal(
            call(w, "local t = elapsed_ms() while elapsed_ms() < t + 150 do end", &took), 0);
    }
    assert_false(watch_expired(&w->watch));
    lua_pushlightuserdata(w->L, &w->control);
    lua_setglobal(w->L, "control");
    assert_int_equal(call(w,
                          "local i = require('ffi').cast('uint32_t *', control)\n"
                          "local t = elapsed_ms()\n"
                          "while elapsed_ms() < t + 900 do i[0] = i[0] + 1 end",
                          &took),
                     0);
    assert_true(took >= 900 && !watch_expired(&w->watch));
    close_state(w);
}

static void nobody_is_stopped_outside_of_a_call(void **state)
{
    struct watched *w = *state;
    open_state(w, 1);
    spin_ms(100);
    assert_false(watch_expired(&w->watch));
    int64_t took = 0;
    assert_int_equal(call(w, "return 1", &took), 0);
    close_state(w);
}

static bool is_stopped_at_once(struct watched *w)
{
    int64_t took = 0;
    open_state(w, 60000);
    assert_int_equal(luaL_loadstring(w->L, "while true do end"), 0);
    watch_enter(&w->watch);
    watchdog_hurry(&w->watch);
    int64_t begun = clock_elapsed_us();
    assert_int_equal(lua_pcall(w->L, 0, 0, 0), LUA_ERRRUN);
    took = (clock_elapsed_us() - begun) / 1000;
    watch_leave(&w->watch);
    assert_true(watch_expired(&w->watch));
    close_state(w);
    return took <= SLACK_MS * SLOWER;
}

static void a_call_in_a_hurry_is_stopped_at_once(void **state)
{
    IN_TIME(is_stopped_at_once(*state));
}

static int wait_for_expiry(lua_State *L)
{
    const struct watch *w = lua_touserdata(L, 1);
    int64_t until = clock_elapsed_us() + 10 * 1000 * 1000;
    while (lua_gethookmask(L) == 0 && clock_elapsed_us() < until) {
    }
    assert_true(watch_expired(w));
    return 0;
}

/* Generated code that goes on when its call has expired for memory. @return its result */
static int hurry_segment(struct watched *w, uint32_t op)
{
    static const char code[] = "local wait, watch = ... wait(watch) for i = 1, 1000 do end";
    open_state(w, 60000);
    w->control.op = op;
    assert_int_equal(luaL_loadbuffer(w->L, code, sizeof code - 1, "=segment1"), 0);
    lua_pushcfunction(w->L, wait_for_expiry);
    lua_pushlightuserdata(w->L, &w->watch);
    watch_enter(&w->watch);
    watchdog_hurry(&w->watch);
    int rc = lua_pcall(w->L, 2, 0, 0);
    watch_leave(&w->watch);
    assert_true(watch_expired_for_memory(&w->watch));
    close_state(w);
    return rc;
}

static void generated_code_in_a_hurry_is_stopped_only_where_it_reads(void **state)
{
    assert_int_equal(hurry_segment(*state, 3), 0);
    assert_int_equal(hurry_segment(*state, 3 + MILL_IN_LIST), 0);
    assert_int_equal(hurry_segment(*state, MILL_READING), LUA_ERRRUN);
    assert_int_equal(hurry_segment(*state, 3 + MILL_IN_LIST + MILL_READING), LUA_ERRRUN);
}

static bool is_forgiven_one_stopped_in_time(struct watched *w)
{
    int64_t took = 0;
    open_state(w, DEADLINE_MS);
    assert_int_equal(call(w, "while true do end", &took), LUA_ERRRUN);
    watchdog_forgive(&w->watch);
    assert_false(watch_expired(&w->watch));
    assert_int_equal(call(w, "local n = 0 for i = 1, 1e6 do n = n + i end", &took), 0);
    assert_int_equal(call(w, "while true do end", &took), LUA_ERRRUN);
    close_state(w);
    return took <= DEADLINE_MS + SLACK_MS * SLOWER;
}

static void a_state_that_is_forgiven_goes_on_and_is_watched_again(void **state)
{
    IN_TIME(is_forgiven_one_stopped_in_time(*state));
}

/* What is late ends before it can be stopped, and another record begins. */
static int end_late(lua_State *L)
{
    struct watched *w = lua_touserdata(L, lua_upvalueindex(1));
    while (lua_gethookmask(L) == 0) {
    }
    w->control.i++;
    return 0;
}

static void what_begins_before_the_stop_is_not_stopped(void **state)
{
    struct watched *w = *state;
    int64_t took = 0;
    open_state(w, DEADLINE_MS);
    lua_pushlightuserdata(w->L, w);
    lua_pushcclosure(w->L, end_late, 1);
    lua_setglobal(w->L, "end_late");
    assert_int_equal(call(w, "end_late() for i = 1, 1000 do end", &took), 0);
    assert_true(took >= DEADLINE_MS);
    assert_false(watch_expired(&w->watch));
    assert_int_equal(call(w, "end_late() while true do end", &took), LUA_ERRRUN);
    assert_true(took >= 2 * DEADLINE_MS);
    assert_true(watch_is_late(&w->watch));
    w->control.i++;
    assert_false(watch_is_late(&w->watch));
}

/* As watch_enter does for the next call. */
static int end_hurry(lua_State *L)
{
    struct watch *w = lua_touserdata(L, 1);
    watchdog_hurry(w);
    wait_for_expiry(L);
    atomic_store(&w->hurry, false);
    return 0;
}

static void a_call_behind_one_in_a_hurry_is_not_stopped(void **state)
{
    struct watched *w = *state;
    open_state(w, 60000);
    assert_int_equal(luaL_loadstring(w->L, "local f, watch = ... f(watch) for i = 1, 9 do end"), 0);
    lua_pushcfunction(w->L, end_hurry);
    lua_pushlightuserdata(w->L, &w->watch);
    watch_enter(&w->watch);
    assert_int_equal(lua_pcall(w->L, 2, 0, 0), 0);
    watch_leave(&w->watch);
    assert_false(watch_expired(&w->watch));
}

/* The whole process stands still, as after Ctrl-Z; before and behind that it is looked at. */
static int stand_still(lua_State *L)
{
    enum { STILL_MS = 1000, LOOKED_AT_MS = 100 };
    (void)L;
    pid_t parent = getpid();
    pid_t child = fork();
    check(child >= 0);
    while (child == 0) {
        usleep(STILL_MS * 1000);
        if (kill(parent, SIGCONT) != 0) {
            _exit(0);
        }
    }
    spin_ms(LOOKED_AT_MS);
    raise(SIGSTOP);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    spin_ms(LOOKED_AT_MS);
    return 0;
}

static void time_when_the_process_is_stopped_counts_for_no_call(void **state)
{
    struct watched *w = *state;
    open_state(w, 500);
    lua_register(w->L, "stand_still", stand_still);
    int64_t took = 0;
    assert_int_equal(call(w, "stand_still() for i = 1, 1000 do end", &took), 0);
    assert_true(took >= 1000);
    assert_false(watch_expired(&w->watch));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_compiled_loop_is_stopped),
        CASE(an_interpreted_loop_is_stopped),
        CASE(catching_the_error_does_not_help),
        CASE(traces_of_earlier_calls_are_stopped_too),
        CASE(two_at_once_are_both_stopped),
        CASE(what_moves_is_left_alone),
        CASE(nobody_is_stopped_outside_of_a_call),
        CASE(a_call_in_a_hurry_is_stopped_at_once),
        CASE(generated_code_in_a_hurry_is_stopped_only_where_it_reads),
        CASE(a_state_that_is_forgiven_goes_on_and_is_watched_again),
        CASE(what_begins_before_the_stop_is_not_stopped),
        CASE(a_call_behind_one_in_a_hurry_is_not_stopped),
        CASE(time_when_the_process_is_stopped_counts_for_no_call),
    };
    /* Its states compile, and what it measures is when the signal comes. */
    return UNDER_TSAN ? 0 : cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

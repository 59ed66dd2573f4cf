/* Goal: every state has the Lua half and a heap with a limit; errors come back as one message with
 * the user's own frames; the stack is as before. Method: functions that fail in every way. */
#include <string.h>

#include <lauxlib.h>

#include "job_world.h"

struct fixture {
    struct script_state s;
    struct error e;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    struct lua_options options = {.modules = embedded_modules, .memory_max = 32 << 20};
    assert_int_equal(script_state_open(&x->s, &options, &x->e), 0);
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    script_state_close(&x->s);
    script_state_close(&x->s);
    memory_free(x);
    return 0;
}

/* Call a chunk of the user's file "job.lua" with 7. */
static int call(struct fixture *x, const char *text)
{
    lua_State *L = x->s.L;
    x->e = (struct error){0};
    assert_int_equal(luaL_loadbuffer(L, text, strlen(text), "@job.lua"), 0);
    lua_pushnumber(L, 7);
    return script_call(&x->s, 1, 1, &x->e);
}

static void fails_with(struct fixture *x, const char *text, const char *message)
{
    int top = lua_gettop(x->s.L);
    assert_int_equal(call(x, text), MILL_ESCRIPT);
    assert_int_equal(lua_gettop(x->s.L), top);
    assert_string_equal(x->e.message, message);
}

static void the_lua_half_is_there(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(script_push(&x->s, "tidemill.units", "duration", &x->e), 0);
    lua_pushstring(x->s.L, "5s");
    assert_int_equal(script_call(&x->s, 1, 1, &x->e), 0);
    assert_int_equal(lua_tointeger(x->s.L, -1), 5000);
    assert_int_equal(script_push(&x->s, "tidemill.nothing", "f", &x->e), MILL_ESCRIPT);
    assert_non_null(strstr(x->e.message, "tidemill.nothing"));
    assert_int_equal(lua_gettop(x->s.L), 1);
}

static void results_are_on_the_stack(void **state)
{
    struct fixture *x = *state;
    lua_pushstring(x->s.L, "below");
    assert_int_equal(call(x, "local v = ... return v + 1, 'cut off'"), 0);
    assert_int_equal(lua_gettop(x->s.L), 2);
    assert_int_equal(lua_tointeger(x->s.L, 2), 8);
    assert_string_equal(lua_tostring(x->s.L, 1), "below");
}

static void an_error_has_the_user_s_frames_only(void **state)
{
    struct fixture *x = *state;
    fails_with(x,
               "local function inner() error('wrong') end\nlocal function outer() inner() end\n"
               "outer()",
               "job.lua:1: wrong\n\tat job.lua:1 in inner\n\tat job.lua:2 in outer\n"
               "\tat job.lua:3");
    fails_with(x,
               "require('tidemill.units').duration(setmetatable({}, {__tostring = function()\n"
               "error('deep') end}))",
               "job.lua:2: deep\n\tat job.lua:2 in tostring\n\tat job.lua:1");
}

static void any_value_can_be_an_error(void **state)
{
    struct fixture *x = *state;
    fails_with(x, "error('as it is', 0)", "as it is\n\tat job.lua:1");
    fails_with(x, "error({})", "(error of type table)\n\tat job.lua:1");
    fails_with(x, "error(nil)", "(error of type nil)\n\tat job.lua:1");
    fails_with(x, "error(5, 0)", "5\n\tat job.lua:1");
    fails_with(x, "error(setmetatable({}, {__tostring = function() return 'told' end}))",
               "told\n\tat job.lua:1");
}

static void memory_that_runs_out_is_told_apart(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(call(x, "local t = {} for i = 1, 1e9 do t[i] = {} end"), MILL_ENOMEM);
    heap_forgive(&x->s.heap);
    lua_gc(x->s.L, LUA_GCCOLLECT, 0);
    assert_int_equal(call(x, "return 1"), 0);
}

static void a_heap_that_is_too_small_is_no_state(void **state)
{
    (void)state;
    struct script_state s;
    struct error e = {0};
    struct lua_options options = {.modules = embedded_modules, .memory_max = 50000};
    assert_int_equal(script_state_open(&s, &options, &e), MILL_ENOMEM);
    assert_null(s.L);
    options.memory_max = 100;
    assert_int_equal(script_state_open(&s, &options, &e), MILL_ENOMEM);
    script_state_close(&s);
}

static void compiling_can_be_turned_off(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(call(x, "return (jit.status())"), 0);
    assert_true(lua_toboolean(x->s.L, -1));
    struct script_state s;
    struct lua_options options = {.modules = embedded_modules, .jit_off = true};
    assert_int_equal(script_state_open(&s, &options, NULL), 0);
    assert_int_equal(luaL_dostring(s.L, "return (jit.status())"), 0);
    assert_false(lua_toboolean(s.L, -1));
    script_state_close(&s);
}

/* A change of line costs a test wherever it is compiled (script/watchdog.h). */
static void a_function_of_the_lua_half_is_one_line(void **state)
{
    struct fixture *x = *state;
    static const char text[] =
        "local functions, lines = 0, 0\n"
        "for _, name in ipairs { 'views', 'tables', 'values', 'strings', 'options' } do\n"
        "   for _, f in pairs(require('tidemill.' .. name)) do\n"
        "      if type(f) == 'function' and debug.getinfo(f, 'S').what == 'Lua' then\n"
        "         functions = functions + 1\n"
        "         for line in pairs(debug.getinfo(f, 'L').activelines) do\n"
        "            lines = lines + 1\n"
        "            assert(line == debug.getinfo(f, 'S').linedefined and line > 1)\n"
        "         end\n"
        "      end\n"
        "   end\n"
        "end\n"
        "return functions > 30 and functions == lines";
    if (call(x, text) != 0) {
        fail_msg("%s", x->e.message);
    }
    assert_true(lua_toboolean(x->s.L, -1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_lua_half_is_there),
        TEST(results_are_on_the_stack),
        TEST(an_error_has_the_user_s_frames_only),
        TEST(any_value_can_be_an_error),
        TEST(memory_that_runs_out_is_told_apart),
        cmocka_unit_test(a_heap_that_is_too_small_is_no_state),
        TEST(compiling_can_be_turned_off),
        TEST(a_function_of_the_lua_half_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: what the command line asks beside running a job is answered with an exit code and a
 * message. Method: a Lua state with nothing else in it. */
#include <stdio.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/log.h"
#include "run/control.h"
#include "testing.h"

static lua_State *open_state(void)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_newtable(L);
    control_register(L);
    lua_setglobal(L, "engine");
    return L;
}

static void run(lua_State *L, const char *chunk)
{
    if (luaL_loadstring(L, chunk) != 0 || lua_pcall(L, 0, 2, 0) != 0) {
        fail_msg("%s", lua_tostring(L, -1));
    }
}

static void a_job_that_does_not_run_cannot_be_stopped(void **state)
{
    (void)state;
    lua_State *L = open_state();
    run(L, "return engine.stop('/no/such/folder')");
    assert_int_equal(lua_tointeger(L, -2), 1);
    assert_string_equal(lua_tostring(L, -1), "no job runs in /no/such/folder");
    lua_close(L);
}

static char logged[100];

static void remember(void *context, enum log_level level, const char *line)
{
    (void)context;
    snprintf(logged, sizeof logged, "%d %s", (int)level, line);
}

static void what_is_logged_has_a_level(void **state)
{
    (void)state;
    lua_State *L = open_state();
    log_to(remember, NULL, LOG_WARN);
    run(L, "engine.log('warn', 'one\\ntwo') engine.log('info', 'x')");
    assert_string_equal(logged, "1 one\ntwo");
    run(L, "assert(not pcall(engine.log, 'loud', 'x'))");
    run(L, "assert(not pcall(engine.log_as, 'loud', 'text'))");
    run(L, "engine.log_as('error', 'json')");
    run(L, "engine.log('warn', 'y') engine.log_as('info', 'text')");
    assert_string_equal(logged, "1 one\ntwo");
    assert_false(log_print("x"));
    log_to(NULL, NULL, LOG_INFO);
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_logged_has_a_level),
        cmocka_unit_test(a_job_that_does_not_run_cannot_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: what the command line asks beside running a job is answered with an exit code and a
 * message. Method: a Lua state with nothing else in it. */
#include <string.h>

#include <lauxlib.h>

#include "run/control.h"
#include "testing.h"

static lua_State *open_state(void)
{
    lua_State *L = luaL_newstate();
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_that_does_not_run_cannot_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "run/control.h"

#include <lauxlib.h>

#include "base/error.h"
#include "run/stop.h"

/* -> exit code, message */
static int stop(lua_State *L)
{
    struct error e = {0};
    int rc = stop_job(luaL_checkstring(L, 1), &e);
    lua_pushinteger(L, rc == 0 ? 0 : error_exit_code(rc));
    lua_pushstring(L, rc == 0 ? NULL : e.message);
    return 2;
}

void control_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"stop", stop},
        {NULL, NULL},
    };
    luaL_register(L, NULL, functions);
}

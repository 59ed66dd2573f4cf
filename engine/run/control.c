#include "run/control.h"

#include <string.h>

#include <lauxlib.h>

#include "base/error.h"
#include "base/log.h"
#include "run/log_writer.h"
#include "run/stop.h"
#include "run/versions.h"

static enum log_level check_level(lua_State *L, int index)
{
    int level = log_level_of(luaL_checkstring(L, index));
    luaL_argcheck(L, level >= 0, index, "no such level");
    return (enum log_level)level;
}

static int log_as(lua_State *L)
{
    enum log_level level = check_level(L, 1);
    bool is_json = strcmp(luaL_checkstring(L, 2), "json") == 0;
    log_to(is_json ? log_write_json : log_write_text, NULL, level);
    log_take_prints(is_json);
    return 0;
}

static int log_message(lua_State *L)
{
    log_text(check_level(L, 1), luaL_checkstring(L, 2));
    return 0;
}

/* -> table as tidemill.script wants it; or nil, message, exit code */
static int stored(lua_State *L)
{
    struct error e = {0};
    struct source_text text;
    const char *data = luaL_checkstring(L, 1);
    int rc = versions_read_stored(data, (uint32_t)luaL_checkinteger(L, 2), &text, &e);
    if (rc != 0) {
        lua_pushnil(L);
        lua_pushstring(L, e.message);
        lua_pushinteger(L, error_exit_code(rc));
        return 3;
    }
    source_text_push(L, &text);
    source_text_deinit(&text);
    return 1;
}

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
        {"log_as", log_as}, {"log", log_message}, {"stop", stop}, {"stored", stored}, {NULL, NULL},
    };
    luaL_register(L, NULL, functions);
}

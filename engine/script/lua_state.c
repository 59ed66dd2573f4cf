#include "script/lua_state.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>

#include "base/check.h"
#include "base/log.h"
#include "script/values.h"

/* Loops and the ways out of them are compiled later than by default: for what comes often, and not
 * for what comes first (keys that are new, columns that are made).
 * More traces and machine code than LuaJIT's defaults: reaching either flushes every trace.
 * More snapshots than instructions, so that a trace is given up for its length and never for their
 * number: that error leaves L->base wrong when it is raised while a call of a C function that
 * gives a boolean is recorded (crec_snap_caller of LuaJIT's lj_crecord.c), and the next call jumps
 * anywhere. */
static const char jit_settings[] =
    "jit.opt.start('hotloop=200', 'hotexit=200', 'maxtrace=8000', 'maxrecord=16000', "
    "'maxsnap=20000', 'minstitch=3', 'sizemcode=256', 'maxmcode=16384')";

static int load_module(lua_State *L)
{
    const struct embedded_module *module = lua_touserdata(L, lua_upvalueindex(1));
    lua_settop(L, 0);
    if (luaL_loadbuffer(L, module->code, module->size, module->name) != 0) {
        return lua_error(L);
    }
    lua_pushstring(L, module->name);
    lua_call(L, 1, 1);
    return 1;
}

static void preload(lua_State *L, const struct embedded_module *modules)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    for (const struct embedded_module *m = modules; m->name != NULL; m++) {
        union {
            const struct embedded_module *in;
            void *out;
        } p = {.in = m};
        lua_pushlightuserdata(L, p.out);
        lua_pushcclosure(L, load_module, 1);
        lua_setfield(L, -2, m->name);
    }
    lua_pop(L, 2);
}

static void call_require(lua_State *L, const char *module)
{
    lua_getglobal(L, "require");
    lua_pushstring(L, module);
    lua_call(L, 1, 1);
}

static int set_up(lua_State *L)
{
    const struct lua_options *options = lua_touserdata(L, 1);
    luaL_openlibs(L);
    preload(L, options->modules);
    if (luaL_dostring(L, jit_settings) != 0) {
        return lua_error(L);
    }
    if (options->jit_off) {
        luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    }
    call_require(L, "tidemill.values");
    lua_getfield(L, -1, "null");
    lua_getfield(L, -2, "OBJECT");
    lua_getfield(L, -3, "view_from_c");
    values_set_markers(L);
    lua_pushcfunction(L, values_unpack);
    lua_setfield(L, -2, "unpack");
    return 0;
}

/* An error outside of every pcall: the engine's fault, and there is no way on. */
static int panic(lua_State *L)
{
    const char *message = lua_tostring(L, -1);
    log_error("broken invariant: an error outside of a protected call: %s",
              message != NULL ? message : "(no message)");
    check(false);
    return 0;
}

int script_state_open(struct script_state *s, const struct lua_options *options, struct error *e)
{
    heap_init(&s->heap, options->memory_max);
    s->L = lua_newstate(heap_alloc, &s->heap);
    if (s->L == NULL) {
        return error_set(e, MILL_ENOMEM, "cannot make a Lua state");
    }
    lua_atpanic(s->L, panic);
    union {
        const struct lua_options *in;
        void *out;
    } p = {.in = options};
    if (lua_cpcall(s->L, set_up, p.out) != 0) {
        error_set(e, MILL_ENOMEM, "cannot set up a Lua state: %s", lua_tostring(s->L, -1));
        script_state_close(s);
        return MILL_ENOMEM;
    }
    return 0;
}

void script_state_close(struct script_state *s)
{
    if (s->L != NULL) {
        heap_lift(&s->heap);
        lua_close(s->L);
    }
    *s = (struct script_state){0};
}

/* "f12" is what generated code calls a user's function; the user does not. */
static bool is_generated_name(const char *name)
{
    return name[0] == 'f' && name[1] != '\0' && strspn(name + 1, "0123456789") == strlen(name + 1);
}

/* Frames that a user knows: chunks of files ("@path"), not the Lua half ("=tidemill.x") nor C. */
static void add_user_frames(lua_State *L, luaL_Buffer *b)
{
    lua_Debug frame;
    for (int level = 1; lua_getstack(L, level, &frame) != 0 && level < 64; level++) {
        lua_getinfo(L, "Snl", &frame);
        if (frame.source[0] != '@' || frame.currentline < 0) {
            continue;
        }
        char line[256];
        bool named =
            frame.name != NULL && *frame.namewhat != '\0' && !is_generated_name(frame.name);
        int size = snprintf(line, sizeof line, "\n\tat %s:%d%s%s", frame.short_src,
                            frame.currentline, named ? " in " : "", named ? frame.name : "");
        luaL_addlstring(b, line, size < (int)sizeof line ? (size_t)size : sizeof line - 1);
    }
}

/* The text of an error at index 1 that is no string: the script's own, if it makes one. */
static void push_error_text(lua_State *L)
{
    if (lua_isnumber(L, 1)) {
        lua_pushvalue(L, 1);
        lua_tostring(L, -1);
        return;
    }
    if (luaL_getmetafield(L, 1, "__tostring") != 0) {
        lua_pushvalue(L, 1);
        if (lua_pcall(L, 1, 1, 0) == 0 && lua_isstring(L, -1)) {
            return;
        }
    }
    lua_pushfstring(L, "(error of type %s)", luaL_typename(L, 1));
}

int script_traceback(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TSTRING) {
        if (lua_type(L, 1) == LUA_TLIGHTUSERDATA) {
            return 1; /* the engine's own signal */
        }
        push_error_text(L);
        lua_replace(L, 1);
    }
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    lua_pushvalue(L, 1);
    luaL_addvalue(&b);
    add_user_frames(L, &b);
    luaL_pushresult(&b);
    return 1;
}

int script_call(struct script_state *s, int argument_count, int result_count, struct error *e)
{
    int function = lua_gettop(s->L) - argument_count;
    heap_lift(&s->heap); /* outside of a pcall nothing may fail */
    lua_pushcfunction(s->L, script_traceback);
    lua_insert(s->L, function);
    heap_lower(&s->heap);
    int rc = lua_pcall(s->L, argument_count, result_count, function);
    lua_remove(s->L, function);
    if (rc == 0) {
        return 0;
    }
    const char *message = lua_tostring(s->L, -1);
    int code = rc == LUA_ERRMEM ? MILL_ENOMEM : MILL_ESCRIPT;
    error_set(e, code, "%s", message != NULL ? message : "unknown error");
    lua_pop(s->L, 1);
    return code;
}

int script_push(struct script_state *s, const char *module, const char *function, struct error *e)
{
    heap_lift(&s->heap);
    lua_getglobal(s->L, "require");
    lua_pushstring(s->L, module);
    int rc = script_call(s, 1, 1, e);
    if (rc == 0) {
        lua_getfield(s->L, -1, function);
        lua_remove(s->L, -2);
    }
    heap_lower(&s->heap);
    if (rc != 0) {
        return rc;
    }
    check(lua_isfunction(s->L, -1));
    return 0;
}

/*
 * Lua states: one for the control thread, one for each worker, one for for_each_batch functions.
 * Each has a heap with a limit, the Lua half's modules from the program itself, LuaJIT's settings
 * (reference: docs/internals/compiler.md), and the watchdog's line profiling on.
 *
 * Owner: one thread. @thread owner only
 */
#ifndef SCRIPT_LUA_STATE_H
#define SCRIPT_LUA_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

#include "base/error.h"
#include "script/embedded.h"
#include "script/heap.h"

struct lua_options {
    const struct embedded_module *modules; /**< borrowed for the state's life */
    size_t memory_max;                     /**< bytes; 0: no limit */
    bool jit_off;                          /**< interpret everything */
};

struct script_state {
    lua_State *L;
    struct heap heap;
};

/** @return 0, or MILL_ENOMEM */
int script_state_open(struct script_state *s, const struct lua_options *options, struct error *e);
void script_state_close(struct script_state *s);

/**
 * Call the function on the stack below its arguments, with a traceback handler.
 * @return 0 with the results on the stack; else MILL_ESCRIPT or MILL_ENOMEM: the stack is as
 *         before the function, and e holds the message with the user's own frames
 */
int script_call(struct script_state *s, int argument_count, int result_count, struct error *e);

/** Push a function of a module of the Lua half; e.g. ("tidemill.plan", "make").
 *  @return 0, or MILL_ESCRIPT with nothing pushed */
int script_push(struct script_state *s, const char *module, const char *function, struct error *e);

/** Make a message of the error value on top of the stack (a string, or anything): the message and
 *  under it the user's own frames. Replaces it. The handler of script_call; usable as msgh. */
int script_traceback(lua_State *L);

#endif

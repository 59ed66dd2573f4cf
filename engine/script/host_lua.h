/*
 * The Lua side of a host: its state, the script run in it, the compiled segments as references.
 * Can be thrown away and made anew while everything else of the host stays.
 *
 * @thread the host's worker
 */
#ifndef SCRIPT_HOST_LUA_H
#define SCRIPT_HOST_LUA_H

#include <stdint.h>

#include "base/error.h"
#include "script/host.h"

/** Make the state, run the script in it, compile. @return 0, MILL_ESCRIPT, MILL_ENOMEM */
int host_lua_open(struct host *h, struct error *e);
/** Closing a closed one is nothing. */
void host_lua_close(struct host *h);

/** Drop what is cached: function is "forget_table" (slots of a stage's keys), "forget_words"
 * (strings of a splitter) or "forget_lists" (what failed calls of emit left). */
void host_lua_forget(struct host *h, const char *function, uint32_t index);

#endif

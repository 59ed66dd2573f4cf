/*
 * The engine as the Lua half's command line sees it: the module tidemill.engine.
 *
 *     launch = engine.launch(spec, description)   a script that was loaded, and its plan
 *     launch:key(), launch:value()                buffers, as pointers for the FFI
 *     launch:key_text(), launch:value_text()      what is in them, as strings
 *     launch:add_batch(source)                    value: one batch of a queue_stream
 *     launch:add_initial(stage)                   key, value: an initial state
 *     launch:run(options)                         -> exit code, message
 *     launch:open(options), launch:step(), launch:close()
 *                                                 a job epoch by epoch, for tests
 *
 * @thread the main thread
 */
#ifndef RUN_COMMAND_H
#define RUN_COMMAND_H

#include <lua.h>

#include "script/embedded.h"

/** Make require("tidemill.engine") work in a state. */
void command_preload(lua_State *L, const struct embedded_module *modules);

#endif

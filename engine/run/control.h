/*
 * What the command line asks of the engine beside running a job, as functions of tidemill.engine:
 *
 *     engine.log_as(level, format)   from now on: error|warn|info|debug, text|json
 *     engine.log(level, text)
 *     engine.stored(data, number)    -> {path=, text=, modules=} of a version of the script;
 *                                       or nil, message, exit code
 *     engine.stop(data)              -> exit code, message
 *
 * @thread the main thread
 */
#ifndef RUN_CONTROL_H
#define RUN_CONTROL_H

#include <lua.h>

/** Add the functions to the table on top of the stack. */
void control_register(lua_State *L);

#endif

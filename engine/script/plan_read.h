/*
 * Reading the plan that Lua made (tidemill.plan, describe) into a struct graph.
 */
#ifndef SCRIPT_PLAN_READ_H
#define SCRIPT_PLAN_READ_H

#include <lua.h>

#include "base/error.h"
#include "base/memory.h"
#include "flow/graph.h"

/**
 * Read the table on top of the stack; it is popped.
 * @param arena  owns the graph's memory
 * @return 0, or MILL_ELIMIT when the job has more of something than the engine takes
 */
int plan_read(lua_State *L, struct arena *arena, struct graph *graph, struct error *e);

#endif

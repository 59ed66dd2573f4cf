/*
 * Values on their way into the Lua heap: msgpack and encoded keys, pushed on the stack.
 *
 * Whole numbers within 2^53 become Lua numbers, larger ones int64_t or uint64_t; nil inside an
 * array or a map becomes mill.null; an empty map is marked so that it stays an object.
 *
 * These raise Lua errors (memory), so call them where a pcall is around.
 */
#ifndef SCRIPT_VALUES_H
#define SCRIPT_VALUES_H

#include <stddef.h>

#include <lua.h>

#include "base/bytes.h"

/** Push the msgpack value at the start of the bytes.
 * @param used  out, may be NULL: its bytes
 * @return 0, or MILL_ECORRUPT with nothing pushed */
int values_push_msgpack(lua_State *L, struct slice bytes, size_t *used);

/** Push mill.null, which is what nil is where nil would be the end, or a hole. */
void values_push_null(lua_State *L);

/** Push a key. @return 0, or MILL_ECORRUPT with nothing pushed */
int values_push_key(lua_State *L, struct slice key);

/** A C function for Lua, of a string: true and its value, or false when it is not one msgpack
 * value.
 */
int values_unpack(lua_State *L);

/** Tell a state about mill.null, the mark of empty objects and the function that makes a view of a
 * record (pointer, bytes): on top of the stack in this order; they are popped. */
void values_set_markers(lua_State *L);

#endif

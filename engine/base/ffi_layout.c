/*
 * The layout of what C and Lua share. The same numbers stand in lua/tidemill/abi.lua.
 */
#include "base/ffi.h"
#include "base/limits.h"

_Static_assert(sizeof(struct mill_cell) == 16, "mill_cell");
_Static_assert(offsetof(struct mill_cell, num) == 8, "mill_cell.num");
_Static_assert(sizeof(struct mill_slice) == 16, "mill_slice");
_Static_assert(sizeof(struct mill_word) == 8, "mill_word");
_Static_assert(sizeof(struct mill_cursor) == 48, "mill_cursor");
_Static_assert(sizeof(struct mill_lives) == 12, "mill_lives");
_Static_assert(sizeof(struct mill_lookup) == 4, "mill_lookup");
_Static_assert(sizeof(struct mill_part) == 8, "mill_part");
_Static_assert(sizeof(struct mill_group) == 80, "mill_group");
_Static_assert(sizeof(struct mill_input) == 48, "mill_input");
_Static_assert(sizeof(struct mill_control) == 112, "mill_control");
_Static_assert(offsetof(struct mill_control, j3) == offsetof(struct mill_control, j[3]), "j3");
_Static_assert(offsetof(struct mill_control, m3) == offsetof(struct mill_control, m[3]), "m3");
_Static_assert(LIMIT_OPERATORS_MAX < MILL_IN_LIST, "mill_between");
_Static_assert(sizeof(struct mill_counter) == 48, "mill_counter");
_Static_assert(sizeof(struct mill_slot) == 16, "mill_slot");
_Static_assert(sizeof(struct mill_event) == 16, "mill_event");
_Static_assert(sizeof(struct mill_span) == 16, "mill_span");
_Static_assert(sizeof(struct mill_table) == 32, "mill_table");
_Static_assert(sizeof(((struct mill_tee *)0)->origin) / sizeof(uint32_t) == LIMIT_CHUNK_RECORDS_MAX,
               "mill_tee.origin");

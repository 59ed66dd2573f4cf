/*
 * Cells: msgpack values as numbers and slices, where no Lua is needed to look at them.
 */
#ifndef DATA_CELL_H
#define DATA_CELL_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/ffi.h"

/** A msgpack value as a cell: numbers that a double holds exactly as NUMBER, strings as STRING,
 * records as RECORD, all else as
 * PACKED. The cell borrows the bytes. Empty bytes give EMPTY. */
struct mill_cell cell_of_msgpack(struct slice bytes);

/** Append a cell as msgpack. EMPTY, BOXED, LIST and BAD are no values of ours: false, nothing
 * appended. */
bool cell_add_msgpack(const struct mill_cell *cell, struct buffer *into);

/** Whether two cells hold the same value: equal numbers (bit for bit), or equal bytes. */
bool cell_equals(const struct mill_cell *a, const struct mill_cell *b);

/** Whether its value is the len bytes at ptr. */
bool cell_has_bytes(const struct mill_cell *cell);

#endif

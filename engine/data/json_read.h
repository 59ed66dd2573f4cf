/*
 * Reading JSON text (RFC 8259) without allocating: tokens as cells, the members of an object, the
 * elements of an array. What splits whole chunks is json_walk.h; this
 * is for single documents: nested objects, records that the engine kept, what scripts decode.
 *
 * Numbers: an integer within 2^53 is a NUMBER, a larger one that 64 bits hold INT64 or UINT64, all
 * others the nearest double. What no double holds (1e400) is no value.
 *
 * Going through a text trusts that it was checked (json_check.h, or the walk): of one that was not,
 * the values are anyone's guess, but no byte outside is read, and it ends.
 */
#ifndef DATA_JSON_READ_H
#define DATA_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/ffi.h"
#include "base/memory.h"

/**
 * One value. Strings without escapes, objects and arrays stay where they are (RECORD and LIST have
 * the whole text of theirs); null is EMPTY.
 * @param token  without blanks around it
 * @return BAD (with the reason) when it is spelled wrong
 */
struct mill_cell json_cell(struct slice token, struct arena *arena);

/** The same for a value that is known to have no backslash. */
struct mill_cell json_plain_cell(struct slice token);

/** The same with a buffer, to which escaped strings are appended; it must have room for them
 * (token.size), so that it does not move. */
struct mill_cell json_cell_in(struct slice token, struct buffer *scratch);

/** Behind the last byte of the value at the beginning of a checked text. */
const char *json_skip(const char *at, const char *end);

#endif

/*
 * Fields of records whose names are known beforehand (CSV, patterns, access logs): name and type,
 * and a field's text as a value of that type.
 *
 *     string    the bytes
 *     number    12, -1.5, 2e3; a whole number beyond 2^53 as an exact 64-bit integer
 *     boolean   true or false
 *     time      as data/timestamp.h reads it, in milliseconds
 *
 * Blanks around what is no string do not count, and when nothing else is there, it has no value.
 * Pure. @thread any
 */
#ifndef DATA_FIELD_H
#define DATA_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/ffi.h"

enum field_type { FIELD_STRING, FIELD_NUMBER, FIELD_BOOLEAN, FIELD_TIME };

struct field {
    struct slice name;
    enum field_type type;
    bool is_hidden; /**< another one before it has its name: nobody sees it */
};

/** @return false: there is no type of that name */
bool field_type_of(struct slice name, enum field_type *type);

/**
 * Read a field.
 * @param cell  out: STRING borrows the text; EMPTY where a field that is no string has no value
 * @return NULL, or what the text is not: "no number"
 */
const char *field_read(enum field_type type, struct slice text, struct mill_cell *cell);

/** A decimal number as JSON or people write it ("+1", ".5", "007"), all of the text. What no double
 * holds ("1e400", "nan", "inf", "0x10") is none. @return NULL, or "no number" */
const char *field_read_number(struct slice text, struct mill_cell *cell);

#endif

/*
 * Patterns: lines of a fixed form, e.g. of a log, into named fields.
 *
 *     <ip> - - [<time>] "<method> <path> <_>" <status:number> <bytes:number>
 *
 * <name> takes the bytes up to the text that follows it in the pattern, at least none; the last one
 * takes the rest. <_> takes bytes that no one wants. <name:type> says what the bytes are: string,
 * number, boolean, or time (data/timestamp.h). All other text must stand in the line as it stands
 * in the pattern; << is a <.
 *
 * Compiled once; matching allocates nothing and looks at each byte about once: a field ends at the
 * first place where the text behind it stands, and that is never tried again. Pure. @thread any
 */
#ifndef DATA_PATTERN_H
#define DATA_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "data/field.h"

struct pattern; /* opaque */

/**
 * @param result  out. @owns the caller, until pattern_destroy
 * @return 0; MILL_EINVAL with what is wrong at which byte of the text
 */
int pattern_compile(const char *text, size_t size, struct pattern **result, struct error *e);
/** NULL is nothing. */
void pattern_destroy(struct pattern *p);

/** The fields that have names, in order. Borrowed from the pattern. */
const struct field *pattern_fields(const struct pattern *p, uint32_t *count);

/**
 * Match a whole line.
 * @param values   out: one for each field of pattern_fields, in the line
 * @param stopped  out, when it does not match: the byte of the line up to which it did...
 * @param wanted   out: ...and the text of the pattern that is not there; empty: the line's end
 */
bool pattern_match(const struct pattern *p, struct slice line, struct slice *values,
                   size_t *stopped, struct slice *wanted);

#endif

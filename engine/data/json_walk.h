/*
 * One walk over a line of JSON, from its opening brace to its closing one: finds the values of the
 * wanted members as they are spelled, and holds the rest to JSON's structure. By simdjson
 * On-Demand; json_walk.cc is the only file that knows it, and C++.
 *
 * Every key is compared first with the one that stood at its place in the line before, since
 * records of one source mostly look alike (measured in docs/internals/records.md). The first of
 * members of one name counts.
 *
 * What is checked: UTF-8, strings that end and have no control characters, braces, brackets, commas
 * and colons at any depth up to LIMIT_JSON_DEPTH_MAX, and that nothing but blanks follows. How
 * values are spelled is for those to check who read them (json_read.h), or all of it
 * (json_check.h).
 *
 * Owner: one worker. @thread owner only
 */
#ifndef DATA_JSON_WALK_H
#define DATA_JSON_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json_walk; /* opaque */

struct json_walk *json_walk_create(void);
void json_walk_destroy(struct json_walk *w);

/** What to look for: up to LIMIT_FIELDS_MAX names, without escapes. @param names  borrowed until
 * the next call */
void json_walk_want(struct json_walk *w, const struct slice *names, uint32_t count);

/**
 * Lines of this text come next, mostly one after another; they are walked several at a time, which
 * makes no difference but in speed. Lines in other memory may come, too, or all without a text.
 * @param text  LIMIT_TEXT_PADDING bytes behind it can be read; borrowed until the next begin
 */
void json_walk_begin(struct json_walk *w, struct slice text);

/**
 * @param line    all of a line: what is walked in a text does not overlap. LIMIT_TEXT_PADDING
 *                bytes behind it can be read
 * @param tokens  out, if the line is good: the value of each wanted name as it stands in the line,
 *                without blanks around it; data is NULL where there is none
 * @return NULL, or what is wrong with the line: borrowed until the next call
 */
const char *json_walk_line(struct json_walk *w, struct slice line, struct slice *tokens);

#ifdef __cplusplus
}
#endif

#endif

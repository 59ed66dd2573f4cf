/*
 * The grammar of JSON (RFC 8259), for tests that ask whether a text has it. Strings may hold any
 * bytes that JSON does not reserve, as data/json.h writes them.
 */
#ifndef TESTS_ENGINE_JSON_GRAMMAR_H
#define TESTS_ENGINE_JSON_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>

/** True when the text is one JSON value and nothing else, not even blanks. */
bool is_json(const char *text, size_t size);

#endif

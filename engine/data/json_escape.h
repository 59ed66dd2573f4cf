/*
 * Escapes in JSON strings, undone.
 */
#ifndef DATA_JSON_ESCAPE_H
#define DATA_JSON_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

/**
 * @param s     a string's bytes, without its quotes
 * @param into  room for size bytes; may be s
 * @return bytes of UTF-8 that were written; SIZE_MAX: an escape is wrong, or half of a surrogate
 * pair
 */
size_t json_unescape(const char *s, size_t size, char *into);

/** Whether a string's bytes, without its quotes, mean this text. */
bool json_means(const char *s, size_t size, struct slice text);

#endif

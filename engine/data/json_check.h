/*
 * Whether a text is JSON (RFC 8259), in every detail: what `strict = true` asks for, and what a
 * script's text must stand before it is decoded.
 */
#ifndef DATA_JSON_CHECK_H
#define DATA_JSON_CHECK_H

#include <stddef.h>

#include "base/bytes.h"

/**
 * One value of any kind with blanks around it, UTF-8, at most LIMIT_JSON_DEPTH_MAX deep.
 * @param at  out: when it is not, where
 * @return NULL, or what is wrong
 */
const char *json_check(struct slice text, size_t *at);

#endif

/*
 * Writing JSON (RFC 8259): tokens, and whole msgpack values and keys.
 *
 * Numbers are written as short as they read back to the same double; whole numbers within 2^53
 * without a fraction. NaN and infinities have no JSON: the caller turns them into an error.
 * Strings are bytes: those that JSON reserves are escaped, all others are written as they came, so
 * that a word of a binary file comes out as the word that it was. UTF-8 in gives valid JSON out.
 */
#ifndef DATA_JSON_H
#define DATA_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Appending. Reaching the buffer's maximum sets its failed flag. */
void json_add_boolean(struct buffer *b, bool v);
/** @return false for NaN and infinities: nothing was appended. */
bool json_add_number(struct buffer *b, double v);
void json_add_int64(struct buffer *b, int64_t v);
void json_add_uint64(struct buffer *b, uint64_t v);
void json_add_string(struct buffer *b, const char *s, size_t size);
void json_add_text(struct buffer *b, const char *s);

/**
 * Append one msgpack value as JSON. NaN and infinities become null (state and messages only).
 * @param used  out: bytes of the value
 * @return 0, or MILL_ECORRUPT
 */
int json_add_msgpack(struct buffer *b, const void *bytes, size_t size, size_t *used);

/** Append an encoded key as JSON. @return 0, or MILL_ECORRUPT */
int json_add_key(struct buffer *b, const void *key, size_t size);

/** Append bytes as a base64 string, with its quotes (RFC 4648, section 4). */
void json_add_base64(struct buffer *b, const void *bytes, size_t size);

#endif

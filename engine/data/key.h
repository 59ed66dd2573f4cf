/*
 * Keys as bytes, in an order that sorts them: memcmp of two encoded keys is their order.
 *
 *     false          01
 *     true           02
 *     number         10  8 bytes of the double at or below it, ordered; 2 bytes: what is above it
 *     string         20  its bytes
 *     array          30  its parts one after the other, then 00
 *       a string in an array: 20, its bytes with 00 written as 00 FF, then 00 01
 *
 * One value has one encoding whatever its Lua type: 1, 1.0 and 1LL are one key, 1 and "1" two.
 * A 64-bit integer that no double equals is the next double below it plus an offset, so integers
 * and fractions sort together. -0 is 0; NaN and nil are no keys.
 *
 * Stored in every data directory: changing it is a new format version.
 */
#ifndef DATA_KEY_H
#define DATA_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"

enum key_tag {
    KEY_END = 0x00,
    KEY_FALSE = 0x01,
    KEY_TRUE = 0x02,
    KEY_NUMBER = 0x10,
    KEY_STRING = 0x20,
    KEY_ARRAY = 0x30
};

#define KEY_NUMBER_BYTES 11 /* tag, double, offset */

/* Appending. Reaching the buffer's maximum sets its failed flag. */
void key_add_boolean(struct buffer *b, bool v);
/** @return false for NaN: nothing was appended. */
bool key_add_number(struct buffer *b, double v);
void key_add_int64(struct buffer *b, int64_t v);
void key_add_uint64(struct buffer *b, uint64_t v);
void key_add_string(struct buffer *b, const char *s, size_t size);
void key_add_part_string(struct buffer *b, const char *s, size_t size);
void key_add_array_begin(struct buffer *b);
void key_add_array_end(struct buffer *b);

enum key_type {
    KEY_IS_BOOLEAN,
    KEY_IS_NUMBER,
    KEY_IS_INT64,
    KEY_IS_UINT64,
    KEY_IS_STRING,
    KEY_IS_ARRAY,
    KEY_IS_END
};

struct key_part {
    enum key_type type;
    bool boolean;
    double number;
    int64_t int64;       /**< a value that no double equals */
    uint64_t uint64;     /**< one above INT64_MAX, likewise */
    struct slice string; /**< borrowed; inside an array still escaped: key_unescape */
};

/**
 * Read the next part of a key.
 * @param in_array  whether it stands inside an array
 * @return false when the bytes are no key (r->failed is set)
 */
bool key_read(struct reader *r, bool in_array, struct key_part *part);

/** Append the bytes of a string that stood inside an array. */
int key_unescape(struct slice escaped, struct buffer *into) __attribute__((warn_unused_result));

/** memcmp with lengths: below, equal or above 0. */
int key_compare(const void *a, size_t a_size, const void *b, size_t b_size);

#endif

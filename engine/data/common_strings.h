/*
 * Strings that come again and again in a field, as kinds of events and countries do: each gets a
 * number, by which a script's half keeps the Lua string of it, so that it need not be hashed and
 * looked for among all strings each time.
 *
 * Of a field there are the first 128 that are short. One that mostly has others is given up for
 * good: looking for them would cost more than it saves.
 *
 * Owner: one worker. @thread owner only
 */
#ifndef DATA_COMMON_STRINGS_H
#define DATA_COMMON_STRINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ffi.h"

#define COMMON_STRING_BYTES_MAX 16
#define COMMON_STRINGS_MAX      128

struct common_string {
    uint64_t words[2]; /**< its bytes, and 0 behind them */
    uint32_t size;
    uint16_t number; /**< 0: free */
};

struct common_strings {
    struct common_string *slots; /**< open addressing, linear; NULL when there are none */
    uint32_t count;
    uint32_t seen;    /**< strings since the field was last judged, */
    uint32_t unknown; /**< and those of them without a number */
    bool is_given_up;
};

void common_strings_init(struct common_strings *s);
void common_strings_deinit(struct common_strings *s);

/**
 * Set `known` of the strings in a field's column: they have none when it is called.
 * @param text  what most of the cells point into; all of it may be read
 * @param last  in and out: the number that was given last. Several fields may share it; behind
 *              65535 there is none
 */
void common_strings_number(struct common_strings *s, struct mill_cell *column, uint32_t count,
                           struct slice text, uint16_t *last);

#endif

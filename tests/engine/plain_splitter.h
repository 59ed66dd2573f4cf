/*
 * What data/words.h should find, found plainly: one line at a time, one byte at a time.
 */
#ifndef TESTS_ENGINE_PLAIN_SPLITTER_H
#define TESTS_ENGINE_PLAIN_SPLITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plain_word {
    size_t offset;    /**< in the text */
    size_t size;      /**< bytes */
    size_t line;      /**< offset of the line that it stands in */
    size_t line_size; /**< bytes, without line end */
    uint32_t ordinal; /**< among the words of its line */
};

struct plain_words {
    struct plain_word *list;
    uint32_t count;
};

/** @param separator  a C string; empty: blanks  @owns the list: the caller, until memory_free */
struct plain_words split_plainly(const char *text, size_t size, const char *separator,
                                 bool is_one_record);

#endif

/*
 * Text into lines, and lines into words, in C: what `text_file_stream`, `mill.words` and
 * `mill.split(sep)` do before any Lua runs.
 *
 * A word that was seen before is known by its number in a dictionary, so that its Lua string is
 * made once and then fetched from a list (measured: 18.7 M words/s for word count with user
 * functions on 100,000 distinct words, against 4.2 M when each word becomes a Lua string anew;
 * hand-written C: 35 M). Long words and those beyond the dictionary's limits have number 0.
 *
 * Positions are lazy: a word knows its offset in the text; the line that it stands in, and its
 * place among the line's words, are found by looking back when someone asks (a dead letter).
 *
 * Owner: one worker. @thread owner only
 */
#ifndef DATA_WORDS_H
#define DATA_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ffi.h"
#include "base/limits.h"
#include "data/keyset.h"

/**
 * Cut text into lines: up to count_max of them, without their "\n" or "\r\n".
 * @param text  borrowed; the slices point into it
 * @param size  in: bytes; out: bytes of the lines that were cut
 * @return lines cut; the last may lack its line end
 */
uint32_t lines_split(const char *text, size_t *size, struct mill_slice *lines, uint32_t count_max);

struct mill_splitter {
    struct keyset dictionary; /**< of the words; numbers are mill_word.id */
    char separator[256];      /**< between words; empty: runs of blanks, as awk does */
    uint32_t separator_size;  /**< bytes; 0: blanks */
    bool is_one_record;       /**< line ends are bytes like others */
    bool field_begins;        /**< a field begins at `at`, be it empty */
    const char *at;           /**< where to go on, borrowed */
    const char *end;
    const char *text;        /**< what mill_word.offset counts from */
    struct mill_word *words; /**< of the last splitter_next */
    uint32_t word_count;
    uint32_t word_capacity;
};

/** @param separator  empty: words are runs of bytes that are no blanks ("C" isspace);
 *                    else fields between exact separators, empty ones too; below 256 bytes */
void splitter_init(struct mill_splitter *s, const char *separator, size_t separator_size);
void splitter_deinit(struct mill_splitter *s);

/**
 * Begin with a text.
 * @param text           borrowed until the last splitter_next; below 4 GiB
 * @param is_one_record  true: one string; false: lines, whose ends end a word
 */
void splitter_begin(struct mill_splitter *s, const char *text, size_t size, bool is_one_record);

/** Find up to LIMIT_CHUNK_RECORDS_MAX more words. @return how many are in s->words; 0 at the end */
uint32_t splitter_next(struct mill_splitter *s);

/** True when so many words are not in the dictionary that it should be made anew. */
bool splitter_is_full(const struct mill_splitter *s);
/** Forget all words. Whoever keeps numbers of words forgets them too. */
void splitter_clear(struct mill_splitter *s);

/** The bytes of word i of the last splitter_next. */
struct slice splitter_word(const struct mill_splitter *s, uint32_t i);

/** The line in which word i stands, without its line end; *ordinal: its place among the words of
 * that line, from 0. Slow: for messages. */
struct slice splitter_line(const struct mill_splitter *s, uint32_t i, uint32_t *ordinal);

#endif

#include "data/words.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "data/key.h"

/* Words whose buckets are loaded ahead of being looked up. */
#define AHEAD 16

struct span {
    const char *start;
    size_t size;
};

uint32_t lines_split(const char *text, size_t *size, struct mill_slice *lines, uint32_t count_max)
{
    const char *at = text;
    const char *end = text + *size;
    uint32_t count = 0;
    while (at < end && count < count_max) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline == NULL ? end : newline;
        size_t length = (size_t)(stop - at);
        if (length > 0 && newline != NULL && stop[-1] == '\r') {
            length--;
        }
        check(length <= UINT32_MAX);
        lines[count++] = (struct mill_slice){.ptr = at, .len = (uint32_t)length};
        at = newline == NULL ? end : newline + 1;
    }
    *size = (size_t)(at - text);
    return count;
}

static inline bool is_blank(char c)
{
    static const bool blank[256] = {
        [' '] = true, ['\t'] = true, ['\n'] = true, ['\v'] = true, ['\f'] = true, ['\r'] = true};
    return blank[(uint8_t)c];
}

void splitter_init(struct mill_splitter *s, const char *separator, size_t separator_size)
{
    check(separator_size < sizeof s->separator);
    *s = (struct mill_splitter){.separator_size = (uint32_t)separator_size};
    if (separator_size > 0) {
        memcpy(s->separator, separator, separator_size);
    }
    keyset_init(&s->dictionary, LIMIT_DICTIONARY_ENTRIES_MAX, LIMIT_DICTIONARY_BYTES_MAX);
    s->word_capacity = LIMIT_CHUNK_RECORDS_MAX;
    s->words = memory_alloc(s->word_capacity * sizeof *s->words);
}

void splitter_deinit(struct mill_splitter *s)
{
    keyset_deinit(&s->dictionary);
    memory_free(s->words);
    *s = (struct mill_splitter){0};
}

bool splitter_is_full(const struct mill_splitter *s)
{
    const struct keyset *d = &s->dictionary;
    return d->count == d->count_max || d->arena.bytes + LIMIT_DICTIONARY_WORD_BYTES > d->bytes_max;
}

void splitter_clear(struct mill_splitter *s)
{
    keyset_clear(&s->dictionary);
}

static const char *find_blank(const char *at, const char *end)
{
    while (at < end && !is_blank(*at)) {
        at++;
    }
    return at;
}

/* Up to count_max runs of non-blanks. */
static uint32_t find_words(const char **from, const char *end, struct span *spans,
                           uint32_t count_max)
{
    const char *at = *from;
    uint32_t count = 0;
    while (count < count_max) {
        while (at < end && is_blank(*at)) {
            at++;
        }
        if (at == end) {
            break;
        }
        const char *stop = find_blank(at, end);
        spans[count++] = (struct span){at, (size_t)(stop - at)};
        at = stop;
    }
    *from = at;
    return count;
}

/* The end of the field that begins at `at`; *next is where to go on. */
static const char *find_field_end(struct mill_splitter *s, const char *at, const char **next)
{
    const char *newline = s->is_one_record ? NULL : memchr(at, '\n', (size_t)(s->end - at));
    const char *line_end = newline == NULL ? s->end : newline;
    if (newline != NULL && line_end > at && line_end[-1] == '\r') {
        line_end--; /* no separator reaches into a line end */
    }
    const char *separator = memmem(at, (size_t)(line_end - at), s->separator, s->separator_size);
    if (separator != NULL) {
        *next = separator + s->separator_size;
        return separator;
    }
    *next = newline == NULL ? s->end : newline + 1;
    s->field_begins = *next < s->end;
    return line_end;
}

static uint32_t find_fields(struct mill_splitter *s, struct span *spans, uint32_t count_max)
{
    uint32_t count = 0;
    while (count < count_max && s->field_begins) {
        const char *next = NULL;
        const char *stop = find_field_end(s, s->at, &next);
        spans[count++] = (struct span){s->at, (size_t)(stop - s->at)};
        s->at = next;
    }
    return count;
}

static void look_up(struct mill_splitter *s, const struct span *spans, uint32_t count,
                    struct mill_word *words)
{
    uint64_t hashes[AHEAD];
    for (uint32_t k = 0; k < count; k++) {
        hashes[k] = hash_tagged(KEY_STRING, spans[k].start, spans[k].size);
        keyset_prefetch(&s->dictionary, hashes[k]);
    }
    for (uint32_t k = 0; k < count; k++) {
        keyset_prefetch_key(&s->dictionary, hashes[k]);
    }
    for (uint32_t k = 0; k < count; k++) {
        keyset_prefetch_bytes(&s->dictionary, hashes[k]);
    }
    for (uint32_t k = 0; k < count; k++) {
        words[k].offset = (uint32_t)(spans[k].start - s->text);
        words[k].id =
            spans[k].size > LIMIT_DICTIONARY_WORD_BYTES
                ? 0
                : keyset_add(&s->dictionary, hashes[k], KEY_STRING, spans[k].start, spans[k].size);
    }
}

void splitter_begin(struct mill_splitter *s, const char *text, size_t size, bool is_one_record)
{
    check(size <= UINT32_MAX);
    s->is_one_record = is_one_record;
    s->field_begins = is_one_record || size > 0;
    s->text = text;
    s->at = text;
    s->end = text + size;
    s->word_count = 0;
}

static uint32_t find(struct mill_splitter *s, struct span *spans)
{
    return s->separator_size == 0 ? find_words(&s->at, s->end, spans, AHEAD)
                                  : find_fields(s, spans, AHEAD);
}

/* Appends to s->words up to count_max. */
static void split_up_to(struct mill_splitter *s, uint32_t count_max)
{
    struct span spans[AHEAD];
    while (s->word_count + AHEAD <= count_max) {
        uint32_t count = find(s, spans);
        if (count == 0) {
            return;
        }
        look_up(s, spans, count, s->words + s->word_count);
        s->word_count += count;
    }
}

uint32_t splitter_next(struct mill_splitter *s)
{
    s->word_count = 0;
    split_up_to(s, LIMIT_CHUNK_RECORDS_MAX);
    return s->word_count;
}

/* All words of one string at once: a list that a flat_map goes through. */
uint32_t mill_split(struct mill_splitter *s, const char *text, size_t size)
{
    splitter_begin(s, text, size, true);
    for (;;) {
        uint32_t before = s->word_count;
        split_up_to(s, s->word_capacity);
        if (s->word_count + AHEAD <= s->word_capacity || s->word_count == before) {
            return s->word_count;
        }
        s->word_capacity *= 2;
        s->words = memory_grow(s->words, s->word_capacity * sizeof *s->words);
    }
}

struct slice splitter_word(const struct mill_splitter *s, uint32_t i)
{
    check(i < s->word_count);
    const char *start = s->text + s->words[i].offset;
    if (s->separator_size == 0) {
        return (struct slice){start, (size_t)(find_blank(start, s->end) - start)};
    }
    struct mill_splitter copy = *s; /* find_field_end moves nothing that is shared */
    const char *next = NULL;
    return (struct slice){start, (size_t)(find_field_end(&copy, start, &next) - start)};
}

const char *mill_word_text(const struct mill_splitter *s, uint32_t i, uint32_t *size)
{
    struct slice word = splitter_word(s, i);
    *size = (uint32_t)word.size;
    return word.data;
}

struct slice splitter_line(const struct mill_splitter *s, uint32_t i, uint32_t *ordinal)
{
    const char *word = s->text + s->words[i].offset;
    const char *before = memrchr(s->text, '\n', (size_t)(word - s->text));
    const char *start = before == NULL || s->is_one_record ? s->text : before + 1;
    size_t size = (size_t)(s->end - start);
    struct mill_slice line = {.ptr = start, .len = (uint32_t)size};
    if (!s->is_one_record) {
        lines_split(start, &size, &line, 1);
    }
    struct mill_splitter copy = *s;
    copy.at = start;
    copy.field_begins = true;
    struct span span;
    *ordinal = 0;
    while (copy.at < word &&
           (s->separator_size == 0 ? find_words(&copy.at, s->end, &span, 1)
                                   : find_fields(&copy, &span, 1)) == 1 &&
           span.start < word) {
        ++*ordinal;
    }
    return (struct slice){line.ptr, line.len};
}

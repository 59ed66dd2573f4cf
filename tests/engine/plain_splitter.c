#include "plain_splitter.h"

#include <string.h>

#include "base/memory.h"

static void add(struct plain_words *w, const struct plain_word *word)
{
    w->list = memory_grow(w->list, (w->count + 1) * sizeof *w->list);
    w->list[w->count++] = *word;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void add_words(struct plain_words *w, const char *text, size_t line, size_t size)
{
    uint32_t ordinal = 0;
    for (size_t i = line; i < line + size;) {
        size_t start = i;
        while (i < line + size && !is_blank(text[i])) {
            i++;
        }
        if (i > start) {
            add(w, &(struct plain_word){start, i - start, line, size, ordinal++});
        } else {
            i++;
        }
    }
}

static void add_fields(struct plain_words *w, const char *text, size_t line, size_t size,
                       const char *separator)
{
    size_t width = strlen(separator);
    uint32_t ordinal = 0;
    size_t start = line;
    size_t i = line;
    while (i + width <= line + size) {
        if (memcmp(text + i, separator, width) == 0) {
            add(w, &(struct plain_word){start, i - start, line, size, ordinal++});
            i += width;
            start = i;
        } else {
            i++;
        }
    }
    add(w, &(struct plain_word){start, line + size - start, line, size, ordinal});
}

struct plain_words split_plainly(const char *text, size_t size, const char *separator,
                                 bool is_one_record)
{
    struct plain_words w = {0};
    for (size_t line = 0; line < size || (is_one_record && line == 0);) {
        size_t stop = line;
        while (stop < size && (is_one_record || text[stop] != '\n')) {
            stop++;
        }
        bool has_carriage = stop < size && stop > line && text[stop - 1] == '\r';
        if (separator[0] == '\0') {
            add_words(&w, text, line, stop - line - has_carriage);
        } else {
            add_fields(&w, text, line, stop - line - has_carriage, separator);
        }
        line = stop + 1;
    }
    return w;
}

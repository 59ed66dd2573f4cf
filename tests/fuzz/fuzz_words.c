/* Goal: the splitter finds the words, lines and ordinals that a plain one finds.
 * Input: a byte (separator size, and whether the text is one record), the separator, the text. */
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "data/words.h"
#include "fuzz/fuzz.h"
#include "plain_splitter.h"

static void check_word(const struct mill_splitter *s, uint32_t i, const char *text,
                       const struct plain_word *word)
{
    struct slice got = splitter_word(s, i);
    check(got.data == text + word->offset && got.size == word->size);
    uint32_t ordinal = 0;
    struct slice line = splitter_line(s, i, &ordinal);
    check(line.data == text + word->line && line.size == word->line_size);
    check(ordinal == word->ordinal);
}

static void check_words(struct mill_splitter *s, const char *text, size_t size, bool is_one_record)
{
    struct plain_words words = split_plainly(text, size, s->separator, is_one_record);
    splitter_begin(s, text, size, is_one_record);
    uint32_t seen = 0;
    for (uint32_t n = splitter_next(s); n > 0; n = splitter_next(s)) {
        check(seen + n <= words.count);
        for (uint32_t i = 0; i < n; i++) {
            check_word(s, i, text, &words.list[seen + i]);
        }
        seen += n;
    }
    check(seen == words.count);
    check(!is_one_record || mill_split(s, text, size) == words.count);
    memory_free(words.list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t separator_size = size > 0 ? data[0] % 4u : 0;
    if (size <= separator_size || memchr(data + 1, 0, separator_size) != NULL) {
        return 0; /* the plain one takes a C string */
    }
    bool is_one_record = data[0] >= 128;
    const char *bytes = (const char *)data + 1;
    struct mill_splitter s;
    splitter_init(&s, bytes, separator_size);
    check_words(&s, bytes + separator_size, size - 1 - separator_size, is_one_record);
    splitter_deinit(&s);
    return 0;
}

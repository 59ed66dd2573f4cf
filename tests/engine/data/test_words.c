/* Goal: texts are cut into the lines and words that a simple splitter finds; a word that was seen
 * before has its number; every word knows its line and its place in it.
 * Method: random texts of blanks of all kinds, line ends and separators, in memory that ends where
 * the text does, against a splitter that is slow and plain. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/words.h"
#include "plain_splitter.h"
#include "testing.h"

/* --- lines --- */

static void cuts_into(const char *text, size_t size, const char *expected)
{
    char *copy = exact_copy(text, size);
    struct mill_slice lines[8];
    char joined[100] = "";
    size_t used = size;
    uint32_t count = lines_split(copy, &used, lines, 8);
    for (uint32_t i = 0; i < count; i++) {
        strcat(strncat(joined, lines[i].ptr, lines[i].len), "|");
    }
    assert_string_equal(joined, expected);
    assert_int_equal(used, size);
    memory_free(copy);
}

static void lines_lose_their_line_ends(void **state)
{
    (void)state;
    cuts_into("", 0, "");
    cuts_into("a", 1, "a|");
    cuts_into("a\n", 2, "a|");
    cuts_into("\n", 1, "|");
    cuts_into("\n\n", 2, "||");
    cuts_into("a\nb", 3, "a|b|");
    cuts_into("a\r\nb\r\n", 6, "a|b|");
    cuts_into("\r\n", 2, "|");
    cuts_into("a\rb\n", 4, "a\rb|");
    cuts_into("a\r\r\n", 4, "a\r|");
    cuts_into("a\r", 2, "a\r|"); /* no line end follows: the byte is the line's */
}

static void lines_keep_nul_bytes(void **state)
{
    (void)state;
    size_t size = 5;
    struct mill_slice lines[2];
    assert_int_equal(lines_split("a\0b\n\0", &size, lines, 2), 2);
    assert_int_equal(lines[0].len, 3);
    assert_int_equal(lines[1].len, 1);
}

static void it_stops_after_as_many_lines_as_it_may_cut(void **state)
{
    (void)state;
    const char text[] = "a\nbb\n\nc";
    struct mill_slice lines[2];
    size_t size = 7;
    assert_int_equal(lines_split(text, &size, lines, 2), 2);
    assert_int_equal(size, 5);
    size_t rest = 2;
    assert_int_equal(lines_split(text + 5, &rest, lines, 2), 2);
    assert_int_equal(rest, 2);
    size = 7;
    assert_int_equal(lines_split(text, &size, lines, 0), 0);
    assert_int_equal(size, 0);
}

/* --- words --- */

static void is_word(const struct mill_splitter *s, uint32_t i, const char *text,
                    const struct plain_word *word)
{
    struct slice got = splitter_word(s, i);
    assert_int_equal(got.data - text, word->offset);
    assert_int_equal(got.size, word->size);
    uint32_t size = 0;
    assert_ptr_equal(mill_word_text(s, i, &size), got.data);
    assert_int_equal(size, got.size);
    uint32_t ordinal = 0;
    struct slice line = splitter_line(s, i, &ordinal);
    assert_int_equal(line.data - text, word->line);
    assert_int_equal(line.size, word->line_size);
    assert_int_equal(ordinal, word->ordinal);
}

static void splits_as_the_plain_one(struct mill_splitter *s, const char *text, size_t size,
                                    bool is_one_record)
{
    char *copy = exact_copy(text, size);
    struct plain_words x = split_plainly(text, size, s->separator, is_one_record);
    splitter_begin(s, copy, size, is_one_record);
    uint32_t seen = 0;
    for (uint32_t n = splitter_next(s); n > 0; n = splitter_next(s)) {
        assert_true(seen + n <= x.count);
        for (uint32_t i = 0; i < n; i++) {
            is_word(s, i, copy, &x.list[seen + i]);
        }
        seen += n;
    }
    assert_int_equal(seen, x.count);
    memory_free(copy);
    memory_free(x.list);
}

static void random_texts_split_alike(const char *separator, const char *alphabet, uint64_t seed)
{
    struct chance c = {seed};
    struct mill_splitter s;
    splitter_init(&s, separator, strlen(separator));
    for (uint32_t i = 0; i < rounds(20000); i++) {
        char text[40];
        size_t size = chance_below(&c, sizeof text + 1);
        for (size_t k = 0; k < size; k++) {
            text[k] = chance_of(&c, alphabet);
        }
        splits_as_the_plain_one(&s, text, size, i % 2 == 0);
    }
    splitter_deinit(&s);
}

static void words_stand_between_blanks_of_all_kinds(void **state)
{
    (void)state;
    random_texts_split_alike("", "ab \t\n\v\f\r", 40);
    random_texts_split_alike("", "a\n\r", 41);
    random_texts_split_alike("", "a\xa0\x85 \xff", 42); /* blanks of other encodings are none */
}

static void fields_stand_between_separators(void **state)
{
    (void)state;
    random_texts_split_alike(",", "a,\n", 43);
    random_texts_split_alike(",", "ab,\n\r", 44);
    random_texts_split_alike("ab", "abc\n", 45);
    random_texts_split_alike("aa", "ab\n", 46); /* that overlaps itself */
    random_texts_split_alike("aba", "ab\r\n", 47);
    random_texts_split_alike(" ", "a \t\n", 48);
}

static void separators_made_of_line_ends_do_not_reach_into_them(void **state)
{
    (void)state;
    random_texts_split_alike("\r", "a\r\n", 49);
    random_texts_split_alike("a\r", "ab\r\n", 50);
    random_texts_split_alike("\r\n", "a\r\n", 51);
    random_texts_split_alike("\n", "a\n", 52);
}

/* Words of the text, each followed by '|'. */
static void gives(const char *separator, const char *text, bool is_one_record, const char *expected)
{
    struct mill_splitter s;
    char joined[200] = "";
    splitter_init(&s, separator, strlen(separator));
    splitter_begin(&s, text, strlen(text), is_one_record);
    while (splitter_next(&s) > 0) {
        for (uint32_t i = 0; i < s.word_count; i++) {
            struct slice word = splitter_word(&s, i);
            strcat(strncat(joined, word.data, word.size), "|");
        }
    }
    assert_string_equal(joined, expected);
    splitter_deinit(&s);
}

static void empty_fields_are_fields_and_empty_words_are_none(void **state)
{
    (void)state;
    gives("", "  a  b ", false, "a|b|");
    gives("", "", true, "");
    gives(",", "", false, "");
    gives(",", "", true, "|");
    gives(",", ",", false, "||");
    gives(",", "a,,b,", false, "a||b||");
    gives(",", "a\n\n,b\n", false, "a|||b|");
    gives(",", "a,\r\nb", false, "a||b|");
    gives(",", "a\nb", true, "a\nb|");
}

static void a_separator_that_the_text_cuts_off_is_none(void **state)
{
    (void)state;
    gives("ab", "xa", false, "xa|");
    gives("ab", "xa\nbx", false, "xa|bx|");
    gives("ab", "xa\nbx", true, "xa\nbx|");
}

static void the_longest_separator_works(void **state)
{
    (void)state;
    char separator[256];
    memset(separator, '-', 255);
    separator[255] = '\0';
    char text[1000];
    snprintf(text, sizeof text, "a%sb%s", separator, separator + 1);
    struct mill_splitter s;
    splitter_init(&s, separator, 255);
    splits_as_the_plain_one(&s, text, strlen(text), false);
    splitter_deinit(&s);
}

static void long_texts_come_chunk_by_chunk(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    char *text = memory_alloc(COUNT * 2);
    for (size_t i = 0; i < COUNT; i++) {
        text[2 * i] = (char)('a' + i % 7);
        text[2 * i + 1] = i % 1000 == 999 ? '\n' : ' ';
    }
    struct mill_splitter s;
    splitter_init(&s, "", 0);
    splitter_begin(&s, text, (size_t)COUNT * 2, false);
    uint32_t total = 0;
    for (uint32_t n = splitter_next(&s); n > 0; n = splitter_next(&s)) {
        assert_true(n <= LIMIT_CHUNK_RECORDS_MAX);
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(s.words[i].offset, 2 * (total + i));
            assert_int_equal(s.words[i].id, (total + i) % 7 + 1);
        }
        total += n;
    }
    assert_int_equal(total, COUNT);
    assert_int_equal(splitter_next(&s), 0);
    splitter_deinit(&s);
    memory_free(text);
}

static void a_string_is_split_whole_whatever_its_length(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 15, 16, 17, 8175, 8176, 8191, 8192, 8193, 16384, 50000};
    char *text = memory_alloc(100000);
    for (size_t i = 0; i < 50000; i++) {
        memcpy(text + 2 * i, i % 3 == 0 ? "a " : "b\n", 2);
    }
    struct mill_splitter s;
    splitter_init(&s, "", 0);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        assert_int_equal(mill_split(&s, text, 2 * counts[i]), counts[i]);
        for (uint32_t k = 0; k < counts[i]; k++) {
            assert_int_equal(mill_split_words(&s)[k].offset, 2 * k);
        }
    }
    splitter_deinit(&s);
    memory_free(text);
}

/* --- the dictionary --- */

static uint32_t id_of(struct mill_splitter *s, const char *text, size_t size)
{
    splitter_begin(s, text, size, true);
    assert_int_equal(splitter_next(s), 1);
    return s->words[0].id;
}

static void a_word_keeps_its_number(void **state)
{
    (void)state;
    struct mill_splitter s;
    splitter_init(&s, "", 0);
    assert_int_equal(id_of(&s, "a", 1), 1);
    assert_int_equal(id_of(&s, "b", 1), 2);
    assert_int_equal(id_of(&s, "a\0", 2), 3);
    assert_int_equal(id_of(&s, "a", 1), 1);
    splitter_clear(&s);
    assert_int_equal(id_of(&s, "b", 1), 1);
    splitter_deinit(&s);
}

static void a_long_word_has_no_number(void **state)
{
    (void)state;
    char text[LIMIT_DICTIONARY_WORD_BYTES + 1];
    memset(text, 'x', sizeof text);
    struct mill_splitter s;
    splitter_init(&s, "", 0);
    assert_int_equal(id_of(&s, text, sizeof text), 0);
    assert_int_equal(splitter_word(&s, 0).size, sizeof text);
    assert_int_equal(id_of(&s, text, sizeof text - 1), 1);
    splitter_deinit(&s);
}

static void a_dictionary_with_all_its_words_keeps_them(void **state)
{
    (void)state;
    struct mill_splitter s;
    splitter_init(&s, "", 0);
    char text[16];
    for (uint32_t i = 0; i < LIMIT_DICTIONARY_ENTRIES_MAX; i++) {
        assert_false(splitter_is_full(&s));
        int size = snprintf(text, sizeof text, "%u", i);
        assert_int_equal(id_of(&s, text, (size_t)size), i + 1);
    }
    assert_true(splitter_is_full(&s));
    assert_int_equal(id_of(&s, "new", 3), 0);
    assert_int_equal(id_of(&s, "0", 1), 1);
    splitter_clear(&s);
    assert_false(splitter_is_full(&s));
    assert_int_equal(id_of(&s, "new", 3), 1);
    splitter_deinit(&s);
}

static void a_dictionary_with_all_its_bytes_is_full(void **state)
{
    (void)state;
    struct mill_splitter s;
    splitter_init(&s, "", 0);
    char text[LIMIT_DICTIONARY_WORD_BYTES + 1];
    memset(text, 'x', sizeof text);
    uint32_t count = 0;
    while (!splitter_is_full(&s)) {
        snprintf(text, sizeof text, "%0*u", LIMIT_DICTIONARY_WORD_BYTES, count);
        assert_int_equal(id_of(&s, text, LIMIT_DICTIONARY_WORD_BYTES), ++count);
    }
    assert_in_range(count, 60000, 70000);
    assert_true(s.dictionary.arena.bytes <= LIMIT_DICTIONARY_BYTES_MAX);
    splitter_deinit(&s);
}

static void a_steady_load_allocates_nothing(void **state)
{
    (void)state;
    struct mill_splitter s;
    splitter_init(&s, "", 0);
    char text[1000];
    struct chance c = {53};
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = chance_of(&c, "abc  \n");
    }
    uint64_t before = 0;
    for (int round = 0; round < 3; round++) {
        splitter_begin(&s, text, sizeof text, false);
        while (splitter_next(&s) > 0) {
        }
        before = round == 0 ? memory_allocation_count() : before;
    }
    assert_int_equal(memory_allocation_count(), before);
    splitter_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_lose_their_line_ends),
        cmocka_unit_test(lines_keep_nul_bytes),
        cmocka_unit_test(it_stops_after_as_many_lines_as_it_may_cut),
        cmocka_unit_test(words_stand_between_blanks_of_all_kinds),
        cmocka_unit_test(fields_stand_between_separators),
        cmocka_unit_test(separators_made_of_line_ends_do_not_reach_into_them),
        cmocka_unit_test(empty_fields_are_fields_and_empty_words_are_none),
        cmocka_unit_test(a_separator_that_the_text_cuts_off_is_none),
        cmocka_unit_test(the_longest_separator_works),
        cmocka_unit_test(long_texts_come_chunk_by_chunk),
        cmocka_unit_test(a_string_is_split_whole_whatever_its_length),
        cmocka_unit_test(a_word_keeps_its_number),
        cmocka_unit_test(a_long_word_has_no_number),
        cmocka_unit_test(a_dictionary_with_all_its_words_keeps_them),
        cmocka_unit_test(a_dictionary_with_all_its_bytes_is_full),
        cmocka_unit_test(a_steady_load_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: names and paths are built right, names that could leave a folder are refused, and UTF-8 is
 * told from what only looks like it.
 * Method: limits of names; every sequence of up to three bytes against a decoder that is simple. */
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "testing.h"

static void text_of_any_length_is_formatted(void **state)
{
    (void)state;
    char *text = text_format("%s-%05d", "a", 42);
    assert_string_equal(text, "a-00042");
    memory_free(text);
    text = text_format("%100000s", "x");
    assert_int_equal(strlen(text), 100000);
    memory_free(text);
}

static void joins(const char *folder, const char *name, const char *expected)
{
    char *path = text_path(folder, name);
    assert_string_equal(path, expected);
    memory_free(path);
}

static void a_path_has_one_slash_between(void **state)
{
    (void)state;
    joins("a", "b", "a/b");
    joins("a/", "b", "a/b");
    joins("/", "b", "/b");
    joins("a/b", "c", "a/b/c");
}

static void a_path_is_the_same_however_it_is_written(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        {"out/a", "./out//a/"}, {"/", "//./"}, {".", ""},      {"a", "a/./."},
        {"/a/b", "//a/b"},      {"..", "../"}, {".a", "./.a"},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_true(text_same_path(same[i][0], same[i][1]));
        assert_true(text_same_path(same[i][1], same[i][0]));
    }
    static const char *const other[][2] = {
        {"a", "/a"}, {"a", "a/b"},  {"ab", "a/b"}, {"a", "b"},
        {".", ".."}, {"a", "a/.."}, {"/", "."},
    };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        assert_false(text_same_path(other[i][0], other[i][1]));
        assert_false(text_same_path(other[i][1], other[i][0]));
    }
}

static void only_names_that_are_safe_as_files_are_names(void **state)
{
    (void)state;
    char longest[LIMIT_NAME_BYTES + 2];
    memset(longest, 'x', sizeof longest - 1);
    longest[LIMIT_NAME_BYTES + 1] = '\0';
    assert_false(text_is_name(longest));
    longest[LIMIT_NAME_BYTES] = '\0';
    assert_true(text_is_name(longest));
    static const char *const good[] = {"a", "_", "-", "word-count_2.v1", "AZaz09"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(text_is_name(good[i]));
    }
    static const char *const bad[] = {"",    ".",    "..", ".a",   "a/b", "/",        "a b", "a\n",
                                      "a:b", "a\\b", "~a", "$(a)", "a*",  "\xc3\xa4", "\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(text_is_name(bad[i]));
    }
}

static void starts_and_ends_are_found(void **state)
{
    (void)state;
    assert_true(text_starts_with("abc", "ab"));
    assert_true(text_starts_with("abc", ""));
    assert_true(text_starts_with("", ""));
    assert_false(text_starts_with("a", "ab"));
    assert_true(text_ends_with("a.gz", ".gz"));
    assert_true(text_ends_with("abc", ""));
    assert_false(text_ends_with("gz", ".gz"));
    assert_false(text_ends_with("abcd", "abc"));
}

/* As RFC 3629 says it: decode, then look whether the shortest form was used. */
static bool is_utf8_simply(const uint8_t *b, size_t size)
{
    static const uint32_t smallest[] = {1, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < size;) {
        int tail = b[i] < 0x80       ? 0
                   : b[i] >> 5 == 6  ? 1
                   : b[i] >> 4 == 14 ? 2
                   : b[i] >> 3 == 30 ? 3
                                     : -1;
        if (tail < 0 || size - i <= (size_t)tail) {
            return false;
        }
        uint32_t point = tail == 0 ? b[i] : b[i] & (0x3fu >> tail);
        for (int k = 1; k <= tail; k++) {
            if ((b[i + (size_t)k] & 0xc0) != 0x80) {
                return false;
            }
            point = point << 6 | (b[i + (size_t)k] & 0x3f);
        }
        if (point < smallest[tail] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
            return false;
        }
        i += (size_t)tail + 1;
    }
    return true;
}

static void every_short_sequence_is_judged_as_the_standard_does(void **state)
{
    (void)state;
    for (uint32_t v = 0; v < 1u << 24; v++) {
        const uint8_t b[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
        if (text_is_utf8((const char *)b, 3) != is_utf8_simply(b, 3)) {
            fail_msg("%02x %02x %02x", b[0], b[1], b[2]);
        }
    }
    for (uint32_t v = 0; v < 1u << 16; v++) {
        const uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};
        assert_int_equal(text_is_utf8((const char *)b, 2), is_utf8_simply(b, 2));
        assert_int_equal(text_is_utf8((const char *)b, 1), is_utf8_simply(b, 1));
    }
    assert_true(text_is_utf8("", 0));
}

static void longer_texts_are_judged_alike_wherever_they_end(void **state)
{
    (void)state;
    static const uint8_t telling[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                      0xc0, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff};
    struct chance c = {4};
    for (uint32_t i = 0; i < rounds(200000); i++) {
        uint8_t bytes[8];
        size_t size = chance_below(&c, sizeof bytes + 1);
        for (size_t k = 0; k < size; k++) {
            bytes[k] = telling[chance_below(&c, sizeof telling)];
        }
        char *copy = exact_copy(bytes, size);
        assert_int_equal(text_is_utf8(copy, size), is_utf8_simply(bytes, size));
        memory_free(copy);
    }
}

static void a_word_of_a_shell_has_quotes_where_it_needs_them(void **state)
{
    (void)state;
    static const char *const words[][2] = {
        {"send", "send"},
        {"to_files:out/a.b", "to_files:out/a.b"},
        {"update#2", "update#2"},
        {"#2", "'#2'"},
        {"", "''"},
        {"two words", "'two words'"},
        {"it's", "'it'\\''s'"},
        {"$HOME", "'$HOME'"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char *word = text_shell_word(words[i][0]);
        assert_string_equal(word, words[i][1]);
        memory_free(word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_any_length_is_formatted),
        cmocka_unit_test(a_path_has_one_slash_between),
        cmocka_unit_test(a_path_is_the_same_however_it_is_written),
        cmocka_unit_test(only_names_that_are_safe_as_files_are_names),
        cmocka_unit_test(starts_and_ends_are_found),
        cmocka_unit_test(a_word_of_a_shell_has_quotes_where_it_needs_them),
        cmocka_unit_test(every_short_sequence_is_judged_as_the_standard_does),
        cmocka_unit_test(longer_texts_are_judged_alike_wherever_they_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: escapes mean what RFC 8259 says, and wrong ones are found.
 * Method: each of them; strings by chance that were escaped by the writer. */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "data/json.h"
#include "data/json_escape.h"
#include "testing.h"

static void means_bytes(const char *text, const char *meant, size_t size)
{
    char *exact = exact_copy(text, strlen(text));
    char *into = memory_alloc(strlen(text) + 1);
    assert_int_equal(json_unescape(exact, strlen(text), into), size);
    assert_memory_equal(into, meant, size);
    assert_true(json_means(exact, strlen(text), (struct slice){meant, size}));
    memory_free(exact);
    memory_free(into);
}

static void means(const char *text, const char *meant)
{
    means_bytes(text, meant, strlen(meant));
}

static void is_wrong(const char *text)
{
    char *exact = exact_copy(text, strlen(text));
    char *into = memory_alloc(strlen(text) + 1);
    assert_int_equal(json_unescape(exact, strlen(text), into), SIZE_MAX);
    assert_false(json_means(exact, strlen(text), (struct slice){"", 0}));
    assert_false(json_means(exact, strlen(text), (struct slice){text, strlen(text)}));
    memory_free(exact);
    memory_free(into);
}

static void each_escape_means_its_character(void **state)
{
    (void)state;
    means("", "");
    means("plain", "plain");
    means("a\\\"b\\\\c\\/d\\be\\ff\\ng\\rh\\t", "a\"b\\c/d\be\ff\ng\rh\t");
    means_bytes("\\u0000", "\0", 1);
    means("\\u0041\\u00e9\\u00E9", "A\xc3\xa9\xc3\xa9");
    means("\\u20ac\\uFFFF", "\xe2\x82\xac\xef\xbf\xbf");
    means("\\ud83d\\ude00x", "\xf0\x9f\x98\x80x");
    means("\\udbff\\udfff", "\xf4\x8f\xbf\xbf");
}

static void others_are_wrong(void **state)
{
    (void)state;
    const char *wrong[] = {"\\",           "\\x",
                           "\\u",          "\\u12",
                           "\\u12g4",      "\\U0041",
                           "\\ud83d",      "\\ud83dx",
                           "\\ude00",      "\\ud83d\\n",
                           "\\ud83d\\u",   "\\ud83d\\ud83d",
                           "\\'",          "\\ud83d\\u0041",
                           "\\ud83d\\ude0"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        is_wrong(wrong[i]);
    }
}

static bool text_means(const char *text, const char *meant)
{
    char *exact = exact_copy(text, strlen(text));
    bool result = json_means(exact, strlen(text), (struct slice){meant, strlen(meant)});
    memory_free(exact);
    return result;
}

static void a_text_means_nothing_else(void **state)
{
    (void)state;
    assert_true(text_means("a\\u0062c", "abc"));
    assert_false(text_means("a\\u0062c", "ab"));
    assert_false(text_means("a\\u0062c", "abcd"));
    assert_false(text_means("a\\u0062c", "abd"));
    assert_false(text_means("a\\u0062c", "aBc"));
    assert_false(text_means("a\\u00e9", "a\xc3"));
    assert_false(text_means("", "a"));
    assert_false(text_means("a", ""));
}

static void what_the_writer_escaped_comes_back(void **state)
{
    (void)state;
    struct chance c = {3};
    for (uint32_t i = 0; i < rounds(5000); i++) {
        char bytes[64];
        size_t size = chance_below(&c, sizeof bytes);
        chance_bytes(&c, bytes, size);
        struct buffer b;
        buffer_init(&b, 1000);
        json_add_string(&b, bytes, size);
        assert_true(json_means(b.data + 1, b.size - 2, (struct slice){bytes, size}));
        /* in place: it never grows */
        size_t got = json_unescape(b.data + 1, b.size - 2, b.data + 1);
        assert_int_equal(got, size);
        assert_memory_equal(b.data + 1, bytes, size);
        buffer_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_escape_means_its_character),
        cmocka_unit_test(others_are_wrong),
        cmocka_unit_test(a_text_means_nothing_else),
        cmocka_unit_test(what_the_writer_escaped_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

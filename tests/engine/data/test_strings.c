/* Goal: parts of texts are found where they are, in any bytes, and nothing else is.
 * Method: examples; random texts against a search byte by byte, in memory that ends where it ends.
 */
#include <math.h>
#include <string.h>

#include "base/ffi.h"
#include "base/memory.h"
#include "testing.h"

static void text_is(const char *s, const struct mill_part *found, const char *expected)
{
    assert_int_equal(found->to - found->from, strlen(expected));
    assert_memory_equal(s + found->from, expected, strlen(expected));
}

static void a_text_begins_ends_with_and_contains(void **state)
{
    (void)state;
    assert_true(mill_text_starts("abc", 3, "ab", 2));
    assert_true(mill_text_starts("abc", 3, "", 0));
    assert_false(mill_text_starts("abc", 3, "bc", 2));
    assert_false(mill_text_starts("ab", 2, "abc", 3));
    assert_true(mill_text_ends("abc", 3, "bc", 2));
    assert_true(mill_text_ends("", 0, "", 0));
    assert_false(mill_text_ends("abc", 3, "ab", 2));
    assert_false(mill_text_ends("c", 1, "bc", 2));
    assert_true(mill_text_contains("a\0bc", 4, "\0b", 2));
    assert_true(mill_text_contains("abc", 3, "", 0));
    assert_false(mill_text_contains("abc", 3, "cb", 2));
}

static void a_text_is_found_at_its_first_place(void **state)
{
    (void)state;
    assert_int_equal(mill_text_find("a[b]c]", 6, 0, "]", 1), 3);
    assert_int_equal(mill_text_find("a[b]c]", 6, 4, "]", 1), 5);
    assert_int_equal(mill_text_find("a[b]c]", 6, 3, "]", 1), 3);
    assert_int_equal(mill_text_find("abc", 3, 0, "", 0), 0);
    assert_int_equal(mill_text_find("abc", 3, 3, "", 0), 3);
    assert_int_equal(mill_text_find("abc", 3, 4, "", 0), UINT32_MAX);
    assert_int_equal(mill_text_find("abc", 3, 3, "c", 1), UINT32_MAX);
    assert_int_equal(mill_text_find("abc", 3, 0, "abcd", 4), UINT32_MAX);
    assert_int_equal(mill_text_find("a\0b", 3, 0, "\0b", 2), 1);
}

static void fields_are_counted_from_1(void **state)
{
    (void)state;
    struct mill_part span;
    static const char text[] = "a,,bc";
    static const char *const expected[] = {"a", "", "bc"};
    for (uint32_t i = 1; i <= 3; i++) {
        assert_true(mill_text_field(text, 5, i, ",", 1, &span));
        text_is(text, &span, expected[i - 1]);
    }
    assert_false(mill_text_field(text, 5, 4, ",", 1, &span));
    assert_false(mill_text_field(text, 5, UINT32_MAX, ",", 1, &span));
    assert_true(mill_text_field("", 0, 1, ",", 1, &span));
    assert_true(mill_text_field("a::b", 4, 2, "::", 2, &span));
    text_is("a::b", &span, "b");
}

static void without_a_separator_fields_are_words(void **state)
{
    (void)state;
    struct mill_part span;
    static const char text[] = "  one \t two\n";
    assert_true(mill_text_field(text, 12, 1, "", 0, &span));
    text_is(text, &span, "one");
    assert_true(mill_text_field(text, 12, 2, "", 0, &span));
    text_is(text, &span, "two");
    assert_false(mill_text_field(text, 12, 3, "", 0, &span));
    assert_false(mill_text_field("", 0, 1, "", 0, &span));
    assert_false(mill_text_field("  ", 2, 1, "", 0, &span));
    assert_false(mill_text_field("a", 1, UINT32_MAX, "", 0, &span));
}

static void blanks_at_both_ends_are_trimmed(void **state)
{
    (void)state;
    struct mill_part span;
    mill_text_trim(" \t a b\r\n", 8, &span);
    text_is(" \t a b\r\n", &span, "a b");
    mill_text_trim("   ", 3, &span);
    text_is("   ", &span, "");
    mill_text_trim("", 0, &span);
    text_is("", &span, "");
}

static void times_and_numbers_are_read(void **state)
{
    (void)state;
    assert_true(mill_text_time("2000-10-10", 10) == 971136000000.0);
    assert_true(isnan(mill_text_time("soon", 4)));
    assert_true(mill_text_number(" 1.5 ", 5) == 1.5);
    assert_true(mill_text_number("9007199254740993", 16) == 9007199254740992.0);
    assert_true(mill_text_number("18446744073709551615", 20) == 18446744073709551616.0);
    assert_true(isnan(mill_text_number("", 0)));
    assert_true(isnan(mill_text_number("1x", 2)));
}

static int32_t find_plainly(const char *s, size_t size, size_t from, const char *what, size_t n)
{
    for (size_t at = from; at + n <= size; at++) {
        if (memcmp(s + at, what, n) == 0) {
            return (int32_t)at;
        }
    }
    return -1;
}

static void random_texts_are_searched_like_byte_by_byte(void **state)
{
    (void)state;
    struct chance c = {23};
    for (uint32_t round = 0; round < rounds(50000); round++) {
        char bytes[16];
        char what[2];
        size_t size = chance_below(&c, 16);
        size_t what_size = 1 + chance_below(&c, 2);
        uint32_t from = chance_below(&c, 18);
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = chance_of(&c, "ab");
            what[i % 2] = chance_of(&c, "ab");
        }
        char *s = exact_copy(bytes, size);
        int32_t expected = find_plainly(s, size, from, what, what_size);
        uint32_t found = mill_text_find(s, size, from, what, what_size);
        assert_int_equal(found, expected < 0 ? UINT32_MAX : (uint32_t)expected);
        assert_int_equal(mill_text_contains(s, size, what, what_size),
                         find_plainly(s, size, 0, what, what_size) >= 0);
        memory_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_begins_ends_with_and_contains),
        cmocka_unit_test(a_text_is_found_at_its_first_place),
        cmocka_unit_test(fields_are_counted_from_1),
        cmocka_unit_test(without_a_separator_fields_are_words),
        cmocka_unit_test(blanks_at_both_ends_are_trimmed),
        cmocka_unit_test(times_and_numbers_are_read),
        cmocka_unit_test(random_texts_are_searched_like_byte_by_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

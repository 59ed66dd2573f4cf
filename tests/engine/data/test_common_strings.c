/* Goal: two strings have the same number only if they have the same bytes; fields where numbers do
 * not pay get none; no byte outside the text is read.
 * Method: cells by hand, in texts whose memory ends with them, and by chance; numbers of them all
 * are compared with the bytes. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/common_strings.h"
#include "testing.h"

static struct mill_cell string_cell(const char *text, size_t size)
{
    return (struct mill_cell){.kind = MILL_STRING, .len = (uint32_t)size, .ptr = text};
}

static void the_same_string_has_the_same_number(void **state)
{
    (void)state;
    struct common_strings s;
    common_strings_init(&s);
    uint16_t last = 6;
    static const char source[] = {"view,click,view,c,0,view"};
    char *text = memory_alloc(24); /* the last string ends with it */
    for (size_t i = 0; i < 24; i++) {
        text[i] = source[i];
    }
    const char *elsewhere = "click";
    struct mill_cell cells[] = {
        string_cell(text, 4),      string_cell(text + 5, 5), string_cell(text + 11, 4),
        string_cell(text + 16, 1), string_cell(text, 0),     string_cell(text + 20, 4),
        string_cell(elsewhere, 5), string_cell(text, 17),    {.kind = MILL_NUMBER, .num = 1},
    };
    common_strings_number(&s, cells, 9, (struct slice){text, 24}, &last);
    const uint16_t meant[] = {7, 8, 7, 9, 10, 7, 8, 0, 0};
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(cells[i].known, meant[i]);
    }
    assert_int_equal(last, 10);
    common_strings_deinit(&s);
    memory_free(text);
}

static void bytes_of_zero_and_lengths_count(void **state)
{
    (void)state;
    struct common_strings s;
    common_strings_init(&s);
    uint16_t last = 0;
    static const char zeros[64];
    struct mill_cell cells[17];
    for (size_t i = 0; i < 17; i++) {
        cells[i] = string_cell(zeros, i);
    }
    common_strings_number(&s, cells, 17, (struct slice){zeros, sizeof zeros}, &last);
    for (uint16_t i = 0; i < 17; i++) {
        assert_int_equal(cells[i].known, i + 1);
    }
    common_strings_deinit(&s);
}

/* Of 200 strings 128 have numbers, whether they are read in the text or copied. */
static void only_so_many_have_numbers(void **state)
{
    (void)state;
    char text[200 * 8];
    struct mill_cell cells[400];
    for (size_t i = 0; i < 200; i++) {
        snprintf(text + 8 * i, 8, "s%zu", i);
        cells[i] = string_cell(text + 8 * i, strlen(text + 8 * i));
        cells[200 + i] = cells[i];
    }
    for (int inside = 0; inside < 2; inside++) {
        struct common_strings s;
        common_strings_init(&s);
        uint16_t last = 0;
        struct slice all = {text, inside == 1 ? sizeof text : 0};
        common_strings_number(&s, cells, 400, all, &last);
        for (uint16_t i = 0; i < 200; i++) {
            assert_int_equal(cells[i].known, i < COMMON_STRINGS_MAX ? i + 1 : 0);
            assert_int_equal(cells[200 + i].known, cells[i].known);
            cells[i].known = 0;
            cells[200 + i].known = 0;
        }
        common_strings_deinit(&s);
    }
}

static void numbers_end_with_65535(void **state)
{
    (void)state;
    struct common_strings s;
    common_strings_init(&s);
    uint16_t last = UINT16_MAX - 1;
    struct mill_cell cells[] = {string_cell("a", 1), string_cell("b", 1), string_cell("a", 1)};
    common_strings_number(&s, cells, 3, (struct slice){"", 0}, &last);
    assert_int_equal(cells[0].known, UINT16_MAX);
    assert_int_equal(cells[1].known, 0);
    assert_int_equal(cells[2].known, UINT16_MAX);
    common_strings_deinit(&s);
}

/* @param every  one of so many cells has a string that came before */
static bool is_given_up_with(uint32_t every)
{
    enum { COUNT = 20000 };
    struct common_strings s;
    common_strings_init(&s);
    uint16_t last = 0;
    char(*texts)[8] = memory_alloc(COUNT * sizeof *texts);
    struct mill_cell *cells = memory_alloc(COUNT * sizeof *cells);
    for (uint32_t i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof *texts, "%u", i % every == 0 ? 0 : i);
        cells[i] = string_cell(texts[i], strlen(texts[i]));
    }
    common_strings_number(&s, cells, COUNT, (struct slice){texts[0], COUNT * sizeof *texts}, &last);
    bool is_given_up = s.is_given_up;
    struct mill_cell more = string_cell("0", 1);
    common_strings_number(&s, &more, 1, (struct slice){"", 0}, &last);
    assert_int_equal(more.known, is_given_up ? 0 : 1);
    common_strings_deinit(&s);
    memory_free(cells);
    memory_free(texts);
    return is_given_up;
}

static void a_field_of_other_strings_is_given_up(void **state)
{
    (void)state;
    assert_false(is_given_up_with(1));
    assert_true(is_given_up_with(3));
    assert_true(is_given_up_with(1000));
}

static void what_is_no_string_says_nothing_about_a_field(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    struct common_strings s;
    common_strings_init(&s);
    uint16_t last = 0;
    struct mill_cell *cells = memory_zero(COUNT, sizeof *cells);
    common_strings_number(&s, cells, COUNT, (struct slice){"", 0}, &last);
    assert_null(s.slots);
    for (uint32_t i = 0; i < COUNT; i += 10) {
        cells[i] = string_cell("a", 1);
    }
    common_strings_number(&s, cells, COUNT, (struct slice){"", 0}, &last);
    assert_false(s.is_given_up);
    assert_int_equal(cells[0].known, 1);
    common_strings_deinit(&s);
    memory_free(cells);
}

static void numbers_are_equal_as_bytes_are(void **state)
{
    (void)state;
    struct chance c = {.state = 1};
    struct common_strings s;
    common_strings_init(&s);
    uint16_t last = 0;
    char text[1000];
    struct mill_cell cells[2000];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)('a' + chance_below(&c, 2));
    }
    for (size_t i = 0; i < 2000; i++) {
        size_t at = chance_below(&c, sizeof text + 1);
        size_t size = chance_below(&c, 20);
        cells[i] = string_cell(text + at, size < sizeof text - at ? size : sizeof text - at);
    }
    common_strings_number(&s, cells, 2000, (struct slice){text, sizeof text}, &last);
    for (size_t i = 0; i < 2000; i++) {
        for (size_t k = 0; k < i && cells[i].known != 0; k++) {
            bool is_same = cells[i].len == cells[k].len &&
                           memcmp(cells[i].ptr, cells[k].ptr, cells[i].len) == 0;
            assert_true(is_same == (cells[i].known == cells[k].known));
        }
    }
    assert_int_equal(last, COMMON_STRINGS_MAX);
    common_strings_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_string_has_the_same_number),
        cmocka_unit_test(bytes_of_zero_and_lengths_count),
        cmocka_unit_test(only_so_many_have_numbers),
        cmocka_unit_test(numbers_end_with_65535),
        cmocka_unit_test(a_field_of_other_strings_is_given_up),
        cmocka_unit_test(what_is_no_string_says_nothing_about_a_field),
        cmocka_unit_test(numbers_are_equal_as_bytes_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

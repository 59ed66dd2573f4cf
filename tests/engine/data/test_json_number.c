/* Goal: a JSON number is the double that is nearest, or every digit of a 64-bit integer.
 * Method: strtod is the other opinion, on decimals by chance; both sides of each limit. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/json_number.h"
#include "testing.h"

static struct mill_cell read(const char *text)
{
    char *exact = exact_copy(text, strlen(text));
    struct mill_cell c = json_number_cell((struct slice){exact, strlen(text)});
    memory_free(exact);
    return c;
}

static void is_number(const char *text, double v)
{
    struct mill_cell c = read(text);
    assert_int_equal(c.kind, MILL_NUMBER);
    assert_memory_equal(&c.num, &v, sizeof v);
}

static void is_bad(const char *text)
{
    assert_int_equal(read(text).kind, MILL_BAD);
}

static void whole_numbers_keep_their_digits(void **state)
{
    (void)state;
    is_number("0", 0);
    is_number("-0", -0.0);
    is_number("9007199254740992", 9007199254740992.0);
    is_number("-9007199254740992", -9007199254740992.0);
    assert_int_equal(read("9007199254740993").kind, MILL_INT64);
    assert_int_equal(read("9007199254740993").i64, 9007199254740993);
    assert_int_equal(read("-9007199254740993").i64, -9007199254740993);
    assert_int_equal(read("9223372036854775807").i64, INT64_MAX);
    assert_int_equal(read("-9223372036854775808").i64, INT64_MIN);
    assert_int_equal(read("9223372036854775808").kind, MILL_UINT64);
    assert_int_equal(read("18446744073709551615").u64, UINT64_MAX);
}

static void what_64_bits_do_not_hold_is_the_nearest_double(void **state)
{
    (void)state;
    is_number("18446744073709551616", 18446744073709551616.0);
    is_number("-9223372036854775809", -9223372036854775808.0);
    is_number("1.7976931348623157e308", 1.7976931348623157e308);
    is_number("5e-324", 5e-324);
    is_number("1e-400", 0);
    is_number("-1e-400", -0.0);
    is_number("0.1", 0.1);
    is_number("1E+2", 100);
    is_number("123456789012345678901234567890.5e-10", 12345678901234567890.1234567890);
    is_number("0e99999999999999999999", 0);
}

static void what_is_too_large_is_bad(void **state)
{
    (void)state;
    is_bad("1e400");
    is_bad("-1e400");
    is_bad("1.8e308");
    is_bad("1e99999999999999999999");
}

static void what_is_no_number_is_bad(void **state)
{
    (void)state;
    const char *wrong[] = {"",      "-",     "+1",  "01", "1.",  ".5",  "1.e1",    "1e",
                           "1e+",   "0x1",   "-01", "1 ", "1a",  "NaN", "inf",     "--1",
                           "1.2.3", "1e1.5", "1_0", "١",  "1e-", "-.1", "Infinity"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        is_bad(wrong[i]);
    }
}

static void its_size_ends_where_the_grammar_does(void **state)
{
    (void)state;
    const struct {
        const char *text;
        size_t size;
    } cases[] = {{"12,", 2}, {"01", 1}, {"1.5e3}", 5}, {"1.x", 0}, {"-", 0}, {"x", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice text = {cases[i].text, strlen(cases[i].text)};
        assert_int_equal(json_number_size(text), cases[i].size);
    }
}

static void a_double_reads_back_as_it_was(void **state)
{
    (void)state;
    struct chance c = {1};
    for (uint32_t i = 0; i < rounds(20000); i++) {
        uint64_t bits = chance_next(&c);
        double v = 0;
        memcpy(&v, &bits, sizeof v);
        char text[40];
        snprintf(text, sizeof text, "%.17e", v);
        if (isfinite(v)) {
            is_number(text, v);
        }
    }
}

static void decimals_are_what_strtod_says(void **state)
{
    (void)state;
    struct chance c = {2};
    for (uint32_t i = 0; i < rounds(20000); i++) {
        char text[80];
        uint64_t whole = chance_next(&c) >> chance_below(&c, 64);
        uint64_t fraction = chance_next(&c) >> chance_below(&c, 64);
        int exponent = (int)chance_below(&c, 60) - 30;
        snprintf(text, sizeof text, "%s%" PRIu64 ".%" PRIu64 "e%d",
                 chance_below(&c, 2) == 0 ? "-" : "", whole, fraction, exponent);
        is_number(text, strtod(text, NULL));
    }
}

static void a_long_number_is_read_too(void **state)
{
    (void)state;
    size_t size = 100000;
    char *text = memory_alloc(size + 1);
    memset(text, '1', size);
    text[1] = '.';
    text[size] = '\0';
    is_number(text, strtod(text, NULL));
    memory_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_keep_their_digits),
        cmocka_unit_test(what_64_bits_do_not_hold_is_the_nearest_double),
        cmocka_unit_test(what_is_too_large_is_bad),
        cmocka_unit_test(what_is_no_number_is_bad),
        cmocka_unit_test(its_size_ends_where_the_grammar_does),
        cmocka_unit_test(a_double_reads_back_as_it_was),
        cmocka_unit_test(decimals_are_what_strtod_says),
        cmocka_unit_test(a_long_number_is_read_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

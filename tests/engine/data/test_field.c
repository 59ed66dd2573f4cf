/* Goal: a field's text is the value of its type, or says what it is not.
 * Method: each type by examples; numbers against strtod. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/field.h"
#include "testing.h"

static const char *read(enum field_type type, const char *text, struct mill_cell *cell)
{
    char *exact = exact_copy(text, strlen(text));
    const char *reason = field_read(type, (struct slice){exact, strlen(text)}, cell);
    memory_free(exact);
    return reason;
}

static void is_number(const char *text, double v)
{
    struct mill_cell cell;
    assert_null(read(FIELD_NUMBER, text, &cell));
    assert_int_equal(cell.kind, MILL_NUMBER);
    assert_memory_equal(&cell.num, &v, sizeof v);
}

static void is_no(enum field_type type, const char *text, const char *because)
{
    struct mill_cell cell;
    const char *reason = read(type, text, &cell);
    assert_non_null(reason);
    assert_string_equal(reason, because);
}

static void types_have_names(void **state)
{
    (void)state;
    enum field_type type = FIELD_STRING;
    assert_true(field_type_of((struct slice){"number", 6}, &type));
    assert_int_equal(type, FIELD_NUMBER);
    assert_true(field_type_of((struct slice){"time", 4}, &type));
    assert_int_equal(type, FIELD_TIME);
    assert_false(field_type_of((struct slice){"int", 3}, &type));
    assert_false(field_type_of((struct slice){"", 0}, &type));
}

static void numbers_are_those_that_people_write(void **state)
{
    (void)state;
    is_number("0", 0);
    is_number("12", 12);
    is_number(" 12\t", 12);
    is_number("-1.5", -1.5);
    is_number("+3", 3);
    is_number("007", 7);
    is_number("-007.5", -7.5);
    is_number("000", 0);
    is_number(".5", 0.5);
    is_number("-.25", -0.25);
    is_number("2e3", 2000);
    is_number("1E-2", 0.01);
    is_number("9007199254740992", 9007199254740992.0);
    is_number("0.1", 0.1);
    is_number("123456789012345678901234567890", 123456789012345678901234567890.0);
}

static void wide_whole_numbers_are_exact(void **state)
{
    (void)state;
    struct mill_cell cell;
    assert_null(read(FIELD_NUMBER, "9007199254740993", &cell));
    assert_int_equal(cell.kind, MILL_INT64);
    assert_true(cell.i64 == 9007199254740993);
    assert_null(read(FIELD_NUMBER, "-9223372036854775808", &cell));
    assert_int_equal(cell.kind, MILL_INT64);
    assert_true(cell.i64 == INT64_MIN);
    assert_null(read(FIELD_NUMBER, "18446744073709551615", &cell));
    assert_int_equal(cell.kind, MILL_UINT64);
    assert_true(cell.u64 == UINT64_MAX);
}

static void what_is_no_number_says_so(void **state)
{
    (void)state;
    static const char *const texts[] = {"abc", "1x", "1 2", "--1", "+-1",   "1e",    "e5",
                                        ".",   "+",  "-",   "0x1", "nan",   "inf",   "1e400",
                                        "1,5", "1.", "$5",  "١",   "1.2.3", "-1e999"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        is_no(FIELD_NUMBER, texts[i], "no number");
    }
}

static void nothing_is_no_value_but_an_empty_string(void **state)
{
    (void)state;
    struct mill_cell cell;
    assert_null(read(FIELD_NUMBER, "", &cell));
    assert_int_equal(cell.kind, MILL_EMPTY);
    assert_null(read(FIELD_BOOLEAN, "  ", &cell));
    assert_int_equal(cell.kind, MILL_EMPTY);
    assert_null(read(FIELD_TIME, "", &cell));
    assert_int_equal(cell.kind, MILL_EMPTY);
    assert_null(read(FIELD_STRING, "", &cell));
    assert_int_equal(cell.kind, MILL_STRING);
    assert_int_equal(cell.len, 0);
}

static void strings_keep_their_blanks(void **state)
{
    (void)state;
    struct mill_cell cell;
    struct slice text = {" a ", 3};
    assert_null(field_read(FIELD_STRING, text, &cell));
    assert_int_equal(cell.kind, MILL_STRING);
    assert_int_equal(cell.len, 3);
    assert_ptr_equal(cell.ptr, text.data);
}

static void booleans_and_times(void **state)
{
    (void)state;
    struct mill_cell cell;
    assert_null(read(FIELD_BOOLEAN, "true", &cell));
    assert_int_equal(cell.kind, MILL_BOOLEAN);
    assert_int_equal(cell.len, 1);
    assert_null(read(FIELD_BOOLEAN, " false", &cell));
    assert_int_equal(cell.len, 0);
    is_no(FIELD_BOOLEAN, "yes", "neither true nor false");
    is_no(FIELD_BOOLEAN, "TRUE", "neither true nor false");
    assert_null(read(FIELD_TIME, "2000-10-10T13:55:36Z", &cell));
    assert_int_equal(cell.kind, MILL_NUMBER);
    assert_true(cell.num == 971186136000.0);
    is_no(FIELD_TIME, "2000-13-10", "no time");
}

static void random_numbers_are_those_of_strtod(void **state)
{
    (void)state;
    struct chance c = {91};
    for (uint32_t i = 0; i < rounds(50000); i++) {
        char text[32];
        size_t size = 1 + chance_below(&c, 20);
        for (size_t k = 0; k < size; k++) {
            text[k] = chance_of(&c, "0123456789012345678901234567890123456789.-e+");
        }
        text[size] = '\0';
        struct mill_cell cell;
        char *end = NULL;
        double v = strtod(text, &end);
        if (read(FIELD_NUMBER, text, &cell) == NULL) {
            assert_int_equal(end - text, size);
            assert_true(cell.kind != MILL_NUMBER || cell.num == v);
            assert_true(cell.kind != MILL_INT64 || (double)cell.i64 == v);
            assert_true(cell.kind != MILL_UINT64 || (double)cell.u64 == v);
        } else {
            assert_true(*end != '\0' || text[size - 1] == '.' || strstr(text, ".e") != NULL ||
                        !isfinite(v));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_names),
        cmocka_unit_test(numbers_are_those_that_people_write),
        cmocka_unit_test(wide_whole_numbers_are_exact),
        cmocka_unit_test(what_is_no_number_says_so),
        cmocka_unit_test(nothing_is_no_value_but_an_empty_string),
        cmocka_unit_test(strings_keep_their_blanks),
        cmocka_unit_test(booleans_and_times),
        cmocka_unit_test(random_numbers_are_those_of_strtod),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

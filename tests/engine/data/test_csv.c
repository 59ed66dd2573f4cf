/* Goal: records and fields are those of RFC 4180, whatever is in them; what is no record says why.
 * Method: the RFC's examples; random fields written by the RFC's rules and read again; random bytes
 * in memory that ends where they end. */
#include <string.h>

#include "base/memory.h"
#include "data/csv.h"
#include "testing.h"

#define FIELDS 8

static const char *show(const struct csv_field *f, char *into)
{
    size_t size = csv_unquote(f, into);
    into[size] = '\0';
    return into;
}

/* @param expected  the fields with | between them */
static void splits_into(const char *row, const char *expected)
{
    struct csv_field fields[FIELDS];
    const char *reason = NULL;
    uint32_t count = csv_split((struct slice){row, strlen(row)}, ',', fields, FIELDS, &reason);
    char shown[256] = "";
    for (uint32_t i = 0; i < count; i++) {
        char text[128];
        strncat(shown, i == 0 ? "" : "|", 2);
        strncat(shown, show(&fields[i], text), 100);
    }
    assert_string_equal(shown, expected);
    assert_true(count > 0);
}

static void is_refused(const char *row, const char *because)
{
    struct csv_field fields[FIELDS];
    const char *reason = NULL;
    char *exact = exact_copy(row, strlen(row));
    assert_int_equal(csv_split((struct slice){exact, strlen(row)}, ',', fields, FIELDS, &reason),
                     0);
    assert_string_equal(reason, because);
    memory_free(exact);
}

static void fields_stand_between_separators(void **state)
{
    (void)state;
    splits_into("aaa,bbb,ccc", "aaa|bbb|ccc");
    splits_into("", "");
    splits_into(",", "|");
    splits_into("a,,b", "a||b");
    splits_into("a,b,", "a|b|");
    splits_into(" a , b ", " a | b ");
}

static void quotes_hold_separators_and_double_quotes(void **state)
{
    (void)state;
    splits_into("\"aaa\",\"b,bb\",ccc", "aaa|b,bb|ccc");
    splits_into("\"aaa\",\"b\"\"bb\",\"ccc\"", "aaa|b\"bb|ccc");
    splits_into("\"\"", "");
    splits_into("\"\",\"\"\"\"", "|\"");
    splits_into("\"\"\"a\"\"\"", "\"a\"");
    splits_into("a\"b,c\"", "a\"b|c\"");
    splits_into("\"line\r\nend\",x", "line\r\nend|x");
}

static void what_is_no_record_says_why(void **state)
{
    (void)state;
    is_refused("\"", CSV_OPEN_QUOTE);
    is_refused("a,\"b", CSV_OPEN_QUOTE);
    is_refused("a,\"b\"\"", CSV_OPEN_QUOTE);
    is_refused("a,\"b\"c,d", CSV_BEHIND_THE_QUOTE);
    is_refused("\"a\" ,b", CSV_BEHIND_THE_QUOTE);
}

static void another_separator_can_stand_between(void **state)
{
    (void)state;
    struct csv_field fields[FIELDS];
    const char *reason = NULL;
    struct slice row = {"a,b\t\"c\td\"\te", 11};
    assert_int_equal(csv_split(row, '\t', fields, FIELDS, &reason), 3);
    assert_true(slice_is(fields[0].text, "a,b"));
    assert_true(slice_is(fields[1].text, "c\td"));
}

static void more_fields_than_asked_for_are_counted(void **state)
{
    (void)state;
    struct csv_field fields[2];
    const char *reason = NULL;
    struct slice row = {"a,b,c,\"d\"", 9};
    assert_int_equal(csv_split(row, ',', fields, 2, &reason), 4);
    assert_true(slice_is(fields[1].text, "b"));
}

static void record_is(const char *text, size_t size, bool expected_ends)
{
    bool ends = false;
    char *exact = exact_copy(text, strlen(text));
    assert_int_equal(csv_record_size((struct slice){exact, strlen(text)}, ',', &ends), size);
    assert_int_equal(ends, expected_ends);
    memory_free(exact);
}

static void a_record_ends_with_the_line_end_that_no_quotes_hold(void **state)
{
    (void)state;
    record_is("a,b\nc", 4, true);
    record_is("a,b\r\nc", 5, true);
    record_is("\n", 1, true);
    record_is("a,\"b\nc\"\nd", 8, true);
    record_is("a,\"b\"\"\nc\"\nd", 10, true);
    record_is("a,b\"\nc\"\n", 5, true);
    record_is("a,\"b\"x\"\nc\"\n", 8, true);
    record_is("a,b", 3, false);
    record_is("", 0, false);
    record_is("a,\"b\n", 5, false);
    record_is("a,\"b\n\"\"", 7, false);
}

/* A random field, as it is and as CSV. @return its bytes */
static size_t make_field(struct chance *c, char *plain, char *csv, size_t *csv_size)
{
    size_t size = chance_below(c, 6);
    bool quoted = chance_below(c, 2) == 0;
    size_t at = 0;
    for (size_t i = 0; i < size; i++) {
        plain[i] = chance_of(c, quoted ? "ab,\"\n\r " : "ab' ;");
    }
    if (quoted) {
        csv[at++] = '"';
    }
    for (size_t i = 0; i < size; i++) {
        csv[at++] = plain[i];
        if (plain[i] == '"') {
            csv[at++] = '"';
        }
    }
    if (quoted) {
        csv[at++] = '"';
    }
    *csv_size = at;
    return size;
}

static void what_was_written_by_the_rules_is_read_again(void **state)
{
    (void)state;
    struct chance c = {71};
    for (uint32_t round = 0; round < rounds(50000); round++) {
        char plain[FIELDS][8];
        size_t sizes[FIELDS];
        char row[256];
        size_t size = 0;
        uint32_t count = 1 + chance_below(&c, FIELDS);
        for (uint32_t i = 0; i < count; i++) {
            size_t csv_size = 0;
            sizes[i] = make_field(&c, plain[i], row + size, &csv_size);
            size += csv_size;
            row[size++] = i + 1 < count ? ',' : '\n';
        }
        char *exact = exact_copy(row, size);
        bool ends = false;
        assert_int_equal(csv_record_size((struct slice){exact, size}, ',', &ends), size);
        assert_true(ends);
        struct csv_field fields[FIELDS];
        const char *reason = NULL;
        assert_int_equal(csv_split((struct slice){exact, size - 1}, ',', fields, FIELDS, &reason),
                         count);
        for (uint32_t i = 0; i < count; i++) {
            char text[32];
            assert_int_equal(csv_unquote(&fields[i], text), sizes[i]);
            assert_memory_equal(text, plain[i], sizes[i]);
        }
        memory_free(exact);
    }
}

static void random_bytes_are_records_or_say_why_not(void **state)
{
    (void)state;
    struct chance c = {72};
    for (uint32_t round = 0; round < rounds(100000); round++) {
        char bytes[40];
        size_t size = chance_below(&c, sizeof bytes);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = chance_of(&c, "a,\"\"\n\r\xff");
        }
        char *exact = exact_copy(bytes, size);
        struct csv_field fields[FIELDS];
        const char *reason = NULL;
        uint32_t count = csv_split((struct slice){exact, size}, ',', fields, FIELDS, &reason);
        assert_true((count == 0) == (reason != NULL));
        for (uint32_t i = 0; i < count && i < FIELDS; i++) {
            char text[40];
            assert_true(csv_unquote(&fields[i], text) <= fields[i].text.size);
        }
        bool ends = false;
        size_t used = csv_record_size((struct slice){exact, size}, ',', &ends);
        assert_true(ends ? used > 0 && used <= size && exact[used - 1] == '\n' : used == size);
        memory_free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_stand_between_separators),
        cmocka_unit_test(quotes_hold_separators_and_double_quotes),
        cmocka_unit_test(what_is_no_record_says_why),
        cmocka_unit_test(another_separator_can_stand_between),
        cmocka_unit_test(more_fields_than_asked_for_are_counted),
        cmocka_unit_test(a_record_ends_with_the_line_end_that_no_quotes_hold),
        cmocka_unit_test(what_was_written_by_the_rules_is_read_again),
        cmocka_unit_test(random_bytes_are_records_or_say_why_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: columns have the names and types that a file's first line and the script give them; what
 * does not fit is one bad record with its reason.
 * Method: texts and what they give; the same text cut into pieces of every size. */
#include <stdio.h>
#include <string.h>

#include "data/csv_decoder.h"
#include "decoded.h"
#include "testing.h"

static struct decoder *with_head(void)
{
    return csv_decoder_create(&(struct csv_options){.separator = ','});
}

static struct decoder *multiline(void)
{
    return csv_decoder_create(&(struct csv_options){.separator = ',', .is_multiline = true});
}

static struct decoder *typed(const char *name, enum field_type type)
{
    struct field types[] = {{.name = {name, strlen(name)}, .type = type}};
    struct csv_options options = {.separator = ',', .types = types, .type_count = 1};
    return csv_decoder_create(&options);
}

static struct decoder *with_columns(bool has_head)
{
    struct slice columns[] = {{"a", 1}, {"b", 1}};
    return csv_decoder_create(&(struct csv_options){
        .separator = ',', .columns = columns, .column_count = 2, .has_head = has_head});
}

static void the_first_line_names_the_columns(void **state)
{
    (void)state;
    decodes_to(with_head(), "a,b\n1,2\n3,4\n", "b a c", "2|1|~\n4|3|~\n");
    decodes_to(with_head(), "a,b\r\n1,2\r\n3,4", "b a", "2|1\n4|3\n");
    decodes_to(with_head(),
               "\xef\xbb\xbf"
               "a,b\n1,2\n",
               "a", "1\n");
    decodes_to(with_head(), "\"a\",\"b \"\"x\"\"\"\n1,2\n", "a", "1\n");
    decodes_to(with_head(), "a,b\n", "a", "");
    decodes_to(with_head(), "", "a", "");
}

static void the_script_names_the_columns(void **state)
{
    (void)state;
    decodes_to(with_columns(false), "1,2\n3,4\n", "a b", "1|2\n3|4\n");
    decodes_to(with_columns(true), "x,y\n3,4\n", "a b", "3|4\n");
}

static void empty_lines_are_no_records_and_empty_fields_empty_strings(void **state)
{
    (void)state;
    decodes_to(with_head(), "a,b\n\n1,\n\r\n,2\n\n", "a b", "1|\n|2\n");
}

static void types_make_numbers_booleans_and_times(void **state)
{
    (void)state;
    decodes_to(typed("a", FIELD_NUMBER), "a,b\n1.5,2\n ,3\n\"7\",4\n", "a b", "1.5|2\n~|3\n7|4\n");
    decodes_to(typed("a", FIELD_BOOLEAN), "a\ntrue\nfalse\n", "a", "true\nfalse\n");
    decodes_to(typed("a", FIELD_TIME), "a\n2000-10-10\n", "a", "971136000000\n");
}

static void what_is_not_of_its_type_makes_a_bad_record(void **state)
{
    (void)state;
    decodes_to(typed("a", FIELD_NUMBER), "a,b\n1,x\nabc,y\n3,z\n", "b",
               "x\nz\n! a: \"abc\" is no number\n");
    decodes_to(typed("a", FIELD_NUMBER), "a\n\"1\"\"\"\n", "a", "! a: \"1\"\"\" is no number\n");
}

static void a_type_for_no_column_is_said_once(void **state)
{
    (void)state;
    decodes_to(typed("prise", FIELD_NUMBER), "price\n1\n2\n", "price",
               "1\n2\n! types: there is no column \"prise\"\n");
}

static void a_record_has_as_many_fields_as_there_are_columns(void **state)
{
    (void)state;
    decodes_to(with_head(), "a,b\n1\n1,2\n1,2,3\n", "a b",
               "1|2\n! 1 fields; there are 2 columns\n! 3 fields; there are 2 columns\n");
    decodes_to(with_head(), "a,b\n\"1,2\n3,4\n", "a b", "3|4\n! a quoted field has no end\n");
    decodes_to(with_head(), "a,b\n\"1\"x,2\n3,4\n", "a b",
               "3|4\n! text behind the closing quote of a field\n");
}

static void the_first_of_two_columns_of_one_name_counts(void **state)
{
    (void)state;
    decodes_to(with_head(), "a,a,b\n1,2,3\n", "a b", "1|3\n");
    const char text[] = "a,a,b\n1,2,3\n";
    char *json = decode_to_json(with_head(), text, strlen(text));
    assert_string_equal(json, "{\"a\":\"1\",\"b\":\"3\"}\n");
    memory_free(json);
}

static void a_head_that_is_none_makes_all_records_bad(void **state)
{
    (void)state;
    decodes_to(with_head(), "\"a,b\n1,2\n", "a",
               "! a quoted field has no end\n! the file's first line has no names of columns\n");
    decodes_to(with_head(), "\n1,2\n", "a",
               "! the file's first line has no names of columns\n"
               "! the file's first line has no names of columns\n");
    char text[5000];
    size_t size = 0;
    for (int i = 0; i < 1025; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%sa", i == 0 ? "" : ",");
    }
    decodes_to(with_head(), text, "a", "! more than 1,024 columns\n");
}

static void a_block_in_the_middle_of_a_file_is_given_the_head(void **state)
{
    (void)state;
    struct decoder *d = with_head();
    struct mill_records *r = records_create(d);
    assert_true(d->ops->head(d, (struct slice){"b,a\n9,9\n", 8}));
    struct slice text = {"1,2\n", 4};
    records_begin(r, text, 100, 0);
    assert_int_equal(records_next(r, text, 100), 4);
    assert_int_equal(r->count, 1);
    assert_int_equal(mill_records_field(r, "a", 1)[0].ptr[0], '2');
    assert_false(d->ops->head(d, (struct slice){"c,d", 3}));
    assert_true(d->ops->head(d, (struct slice){"\xef\xbb\xbf"
                                               "a,c\r\n",
                                               8}));
    records_begin(r, text, 200, 0);
    assert_int_equal(records_next(r, text, 200), 4);
    assert_int_equal(mill_records_field(r, "a", 1)[0].ptr[0], '1');
    assert_int_equal(mill_records_field(r, "c", 1)[0].ptr[0], '2');
    assert_false(d->ops->head(d, (struct slice){NULL, 0}));
    records_begin(r, text, 300, 0);
    assert_int_equal(records_next(r, text, 300), 4);
    assert_int_equal(r->count, 0);
    assert_int_equal(r->fault_count, 1);
    records_destroy(r);
}

static void quoted_fields_hold_line_ends_when_they_may(void **state)
{
    (void)state;
    decodes_to(multiline(), "a,b\n1,\"x\ny\"\n2,\"z\"\"\r\n\"\r\n", "a b", "1|x\ny\n2|z\"\r\n\n");
    decodes_to(multiline(), "\"a\nb\",c\n1,2\n", "c", "2\n");
}

static void an_open_quote_costs_its_own_line(void **state)
{
    (void)state;
    decodes_to(multiline(), "a,b\n1,2\n3,\"4\n5,6\n7,8", "a b",
               "1|2\n5|6\n7|8\n! a quoted field has no end\n");
}

static void pieces_of_any_size_give_the_same(void **state)
{
    (void)state;
    static const char text[] =
        "a,b\n1,\"x\ny\"\n\n2,\"z\"\"\r\n\"\r\n3,4,5\n\"6\"7,8\n9,\"0\n1,2\n";
    for (int lines = 0; lines < 2; lines++) {
        char *whole = NULL;
        for (size_t piece = sizeof text; piece > 0; piece--) {
            struct mill_records *r = records_create(lines ? with_head() : multiline());
            char *shown = decode_in_pieces(r, text, sizeof text - 1, piece, "");
            size_t size = strlen(shown);
            records_destroy(r);
            if (whole == NULL) {
                whole = shown;
                continue;
            }
            assert_int_equal(size, strlen(whole)); /* bad ones come with their chunk */
            memory_free(shown);
        }
        memory_free(whole);
    }
}

static void records_become_json(void **state)
{
    (void)state;
    static const char text[] = "n,s\n1.5,a\"b\n,\"x\"\"y\"\n9007199254740993,\xc3\xa4\n";
    char *json = decode_to_json(typed("n", FIELD_NUMBER), text, sizeof text - 1);
    assert_string_equal(json, "{\"n\":1.5,\"s\":\"a\\\"b\"}\n{\"s\":\"x\\\"y\"}\n"
                              "{\"n\":9007199254740993,\"s\":\"\xc3\xa4\"}\n");
    memory_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_names_the_columns),
        cmocka_unit_test(the_script_names_the_columns),
        cmocka_unit_test(empty_lines_are_no_records_and_empty_fields_empty_strings),
        cmocka_unit_test(types_make_numbers_booleans_and_times),
        cmocka_unit_test(what_is_not_of_its_type_makes_a_bad_record),
        cmocka_unit_test(a_type_for_no_column_is_said_once),
        cmocka_unit_test(a_record_has_as_many_fields_as_there_are_columns),
        cmocka_unit_test(the_first_of_two_columns_of_one_name_counts),
        cmocka_unit_test(a_head_that_is_none_makes_all_records_bad),
        cmocka_unit_test(a_block_in_the_middle_of_a_file_is_given_the_head),
        cmocka_unit_test(quoted_fields_hold_line_ends_when_they_may),
        cmocka_unit_test(an_open_quote_costs_its_own_line),
        cmocka_unit_test(pieces_of_any_size_give_the_same),
        cmocka_unit_test(records_become_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

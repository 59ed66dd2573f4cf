/* Goal: each key finds its last row, as JSON; a text with anything wrong in it is no table, and
 * says in which line. Method: small CSV and JSON texts; a large random one against a list; a small
 * budget. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "base/memory.h"
#include "data/csv_decoder.h"
#include "data/json_decoder.h"
#include "data/side.h"
#include "testing.h"

static struct decoder *csv(void)
{
    return csv_decoder_create(&(struct csv_options){.separator = ','});
}

/* The column n has numbers. */
static struct decoder *typed(void)
{
    static const struct field types[] = {{.name = {"n", 1}, .type = FIELD_NUMBER}};
    return csv_decoder_create(
        &(struct csv_options){.separator = ',', .types = types, .type_count = 1});
}

static struct mill_side *build(const char *text, struct decoder *decoder, const char *key)
{
    struct side_options options = {.key = {key, strlen(key)}, .bytes_max = 64 * MIB};
    struct mill_side *t = NULL;
    struct error e = {0};
    char *exact = exact_copy(text, strlen(text));
    int rc = side_build((struct slice){exact, strlen(text)}, 0, decoder, &options, &t, &e);
    memory_free(exact);
    if (rc != 0) {
        fail_msg("%s", e.message);
    }
    return t;
}

static void is_refused(const char *text, struct decoder *decoder, const char *because)
{
    struct side_options options = {.key = {"id", 2}, .bytes_max = 64 * MIB};
    struct mill_side *t = NULL;
    struct error e = {0};
    char *exact = exact_copy(text, strlen(text));
    int rc = side_build((struct slice){exact, strlen(text)}, 0, decoder, &options, &t, &e);
    memory_free(exact);
    assert_int_equal(rc, MILL_EFAILED);
    assert_string_equal(e.message, because);
    assert_null(t);
}

static void finds(const struct mill_side *t, const char *key, const char *expected)
{
    uint32_t number = mill_side_find(t, key, strlen(key));
    assert_true(number > 0);
    const struct mill_slice *row = &mill_side_rows(t)[number];
    assert_int_equal(row->len, strlen(expected));
    assert_memory_equal(row->ptr, expected, row->len);
}

static bool has(const struct mill_side *t, const char *key)
{
    return mill_side_find(t, key, strlen(key)) > 0;
}

static void a_key_finds_its_row(void **state)
{
    (void)state;
    struct mill_side *t = build("id,city,n\nu1,Rome,1\nu2,\"a \"\"b\"\"\",\n", typed(), "id");
    assert_int_equal(mill_side_count(t), 2);
    finds(t, "u1", "{\"id\":\"u1\",\"city\":\"Rome\",\"n\":1}");
    finds(t, "u2", "{\"id\":\"u2\",\"city\":\"a \\\"b\\\"\"}");
    assert_false(has(t, "u3"));
    assert_false(has(t, ""));
    side_destroy(t);
}

static void json_rows_stay_as_they_are(void **state)
{
    (void)state;
    struct mill_side *t = build("{\"id\" : \"a\\u0062\", \"x\":[1]}\n\n{\"id\":5}\n",
                                json_decoder_create(false), "id");
    finds(t, "ab", "{\"id\" : \"a\\u0062\", \"x\":[1]}");
    assert_true(mill_side_find_number(t, 5) > 0);
    assert_int_equal(mill_side_find_number(t, 6), 0);
    assert_false(has(t, "5"));
    side_destroy(t);
}

static void numbers_are_keys(void **state)
{
    (void)state;
    struct mill_side *t = build("n,s\n1,a\n-0,b\n2.5,c\n", typed(), "n");
    assert_true(mill_side_find_number(t, 1) > 0);
    assert_true(mill_side_find_number(t, 0) > 0);
    assert_true(mill_side_find_number(t, -0.0) > 0);
    assert_true(mill_side_find_number(t, 2.5) > 0);
    assert_int_equal(mill_side_find_number(t, (double)NAN), 0);
    assert_false(has(t, "1"));
    side_destroy(t);
}

static void the_last_row_of_a_key_counts(void **state)
{
    (void)state;
    struct mill_side *t = build("id,v\na,1\nb,2\na,3\n", csv(), "id");
    assert_int_equal(mill_side_count(t), 2);
    finds(t, "a", "{\"id\":\"a\",\"v\":\"3\"}");
    side_destroy(t);
}

static void a_text_without_rows_is_an_empty_table(void **state)
{
    (void)state;
    struct mill_side *t = build("id,v\n", csv(), "id");
    assert_int_equal(mill_side_count(t), 0);
    assert_false(has(t, "a"));
    side_destroy(t);
    t = build("", json_decoder_create(false), "id");
    assert_false(has(t, "a"));
    side_destroy(t);
}

static void a_wrong_line_makes_it_no_table(void **state)
{
    (void)state;
    is_refused("id,v\na,1\nb\nc\n", csv(), "line 3: 1 fields; there are 2 columns");
    is_refused("v\n1\n", csv(), "line 2: the key \"id\" has no value");
    is_refused("{\"id\":\"a\"}\n{\"id\":null}\n", json_decoder_create(false),
               "line 2: the key \"id\" has no value");
    is_refused("{\"id\":{}}", json_decoder_create(false),
               "line 1: the key \"id\" is neither a string nor a number within 2^53");
    is_refused("{\"id\":9007199254740993}", json_decoder_create(false),
               "line 1: the key \"id\" is neither a string nor a number within 2^53");
    is_refused("{\"id\":1}\n{\"id\":true}\n{\"id\"", json_decoder_create(false),
               "line 2: the key \"id\" is neither a string nor a number within 2^53");
    is_refused("\"id,v\na,1\n", csv(), "line 1: a quoted field has no end");
    is_refused("id\na\n", typed(), "line 1: types: there is no column \"n\"");
}

static void many_keys_find_their_rows(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    struct buffer b;
    buffer_init(&b, 16 * MIB);
    assert_int_equal(buffer_append_text(&b, "id,v\n"), 0);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(buffer_printf(&b, "key%d,%d\n", i % 40000, i), 0);
    }
    assert_int_equal(buffer_append_byte(&b, '\0'), 0);
    struct mill_side *t = build(b.data, csv(), "id");
    assert_int_equal(mill_side_count(t), 40000);
    for (int i = 0; i < 40000; i++) {
        char key[16];
        char row[64];
        snprintf(key, sizeof key, "key%d", i);
        snprintf(row, sizeof row, "{\"id\":\"%s\",\"v\":\"%d\"}", key, i < 10000 ? i + 40000 : i);
        finds(t, key, row);
    }
    assert_false(has(t, "key40000"));
    side_destroy(t);
    buffer_deinit(&b);
}

static void a_table_has_a_budget(void **state)
{
    (void)state;
    struct side_options options = {.key = {"id", 2}, .bytes_max = MIB};
    struct mill_side *t = NULL;
    struct error e = {0};
    struct buffer b;
    buffer_init(&b, 16 * MIB);
    assert_int_equal(buffer_append_text(&b, "id,v\n"), 0);
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(buffer_printf(&b, "key%d,%d\n", i, i), 0);
    }
    int rc = side_build((struct slice){b.data, b.size}, 0, csv(), &options, &t, &e);
    assert_int_equal(rc, MILL_ELIMIT);
    assert_string_equal(e.message, "the table needs more than 1 MiB of memory");
    buffer_deinit(&b);
}

static void each_row_knows_its_key(void **state)
{
    (void)state;
    struct mill_side *t = build("id,n\na,1\n,2\n\"b\"\"c\",3\na,4\n", csv(), "id");
    static const char *const keys[] = {"a", "", "b\"c"};
    assert_int_equal(mill_side_count(t), 3);
    for (uint32_t i = 0; i < 3; i++) {
        struct mill_slice key;
        assert_true(mill_side_key(t, i + 1, &key));
        assert_int_equal(key.len, strlen(keys[i]));
        assert_memory_equal(key.ptr, keys[i], key.len);
    }
    side_destroy(t);
    struct mill_slice key;
    t = build("id,n\na,1\n", typed(), "n");
    assert_false(mill_side_key(t, 1, &key));
    side_destroy(t);
}

static void a_table_in_the_place_of_another_is_another(void **state)
{
    (void)state;
    uint32_t before = 0;
    for (int i = 0; i < 10; i++) {
        struct mill_side *t = build("id,v\na,1\n", csv(), "id");
        uint32_t serial = ((const struct mill_side_head *)(const void *)t)->serial;
        assert_true(serial > before);
        before = serial;
        side_destroy(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_finds_its_row),
        cmocka_unit_test(json_rows_stay_as_they_are),
        cmocka_unit_test(numbers_are_keys),
        cmocka_unit_test(the_last_row_of_a_key_counts),
        cmocka_unit_test(a_text_without_rows_is_an_empty_table),
        cmocka_unit_test(a_wrong_line_makes_it_no_table),
        cmocka_unit_test(many_keys_find_their_rows),
        cmocka_unit_test(a_table_has_a_budget),
        cmocka_unit_test(each_row_knows_its_key),
        cmocka_unit_test(a_table_in_the_place_of_another_is_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: members and elements come one after the other with their values, and a member is found by
 * its name; of a text that is no JSON nothing is read outside, and it ends.
 * Method: texts with blanks, escapes, nesting; texts by chance, in memory that ends with them. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "data/json_read.h"
#include "testing.h"

struct reading {
    struct mill_buffer *scratch;
    struct mill_cursor cursor;
    char shown[1000];
};

static int begin(void **state)
{
    struct reading *r = memory_zero(1, sizeof *r);
    r->scratch = mill_buffer_create(MIB);
    *state = r;
    return 0;
}

static int end(void **state)
{
    struct reading *r = *state;
    mill_buffer_destroy(r->scratch);
    memory_free(r);
    return 0;
}

static void show_cell(char *into, size_t size, const struct mill_cell *c)
{
    static const char *names[] = {"-", "", "'", "packed", "boxed", "?", "i", "u", "", "", "!"};
    if (c->kind == MILL_NUMBER) {
        snprintf(into, size, "%g", c->num);
    } else if (c->kind == MILL_BOOLEAN) {
        snprintf(into, size, "%s", c->len != 0 ? "yes" : "no");
    } else if (c->kind == MILL_EMPTY || c->kind == MILL_INT64 || c->kind == MILL_UINT64) {
        snprintf(into, size, "%s", names[c->kind]);
    } else {
        snprintf(into, size, "%s%.*s", names[c->kind], (int)c->len, c->ptr);
    }
}

/* "name=value;..." of all members, "value;..." of elements. */
static const char *walk(struct reading *r, const char *text)
{
    size_t used = 0;
    r->shown[0] = '\0';
    if (!mill_json_begin(&r->cursor, text, strlen(text))) {
        return "neither";
    }
    while (mill_json_next(&r->cursor, r->scratch)) {
        char value[300];
        show_cell(value, sizeof value, &r->cursor.value);
        used += (size_t)snprintf(r->shown + used, sizeof r->shown - used, "%.*s%s%s;",
                                 (int)r->cursor.key.len, r->cursor.key.ptr,
                                 r->cursor.key.reserved != 0 ? "=" : "", value);
    }
    return r->shown;
}

static void members_come_in_order_with_their_values(void **state)
{
    struct reading *r = *state;
    assert_string_equal(walk(r, "{}"), "");
    assert_string_equal(walk(r, " {\"a\" : 1 , \"b\":\"x\"}"), "a=1;b='x;");
    assert_string_equal(walk(r, "{\"a\":null,\"b\":true,\"c\":false}"), "a=-;b=yes;c=no;");
    assert_string_equal(walk(r, "{\"o\":{\"p\":[1,\"}\"]},\"l\":[{}]}"),
                        "o={\"p\":[1,\"}\"]};l=[{}];");
    assert_string_equal(walk(r, "{\"a\\nb\":\"c\\td\",\"\":\"\\\\\"}"), "a\nb='c\td;='\\;");
    assert_string_equal(walk(r, "{\"a\":9007199254740993,\"b\":18446744073709551615}"), "a=i;b=u;");
}

static void elements_come_in_order(void **state)
{
    struct reading *r = *state;
    assert_string_equal(walk(r, "[]"), "");
    assert_string_equal(walk(r, "[ 1,\"a\" ,[2],{\"b\":3} ]"), "1;'a;[2];{\"b\":3};");
    assert_string_equal(walk(r, "[\"a:b\",\"\\\"\"]"), "'a:b;'\";");
}

static void other_values_have_neither(void **state)
{
    struct reading *r = *state;
    assert_string_equal(walk(r, ""), "neither");
    assert_string_equal(walk(r, "  1"), "neither");
    assert_string_equal(walk(r, "\"{\""), "neither");
}

static void wrong_values_are_bad_cells(void **state)
{
    struct reading *r = *state;
    assert_string_equal(walk(r, "{\"a\":nul,\"b\":1e999,\"c\":\"\\x\"}"),
                        "a=!no JSON value;b=!a number that is too large;"
                        "c=!a string with a wrong escape;");
}

static const char *find(struct reading *r, const char *text, const char *name)
{
    if (!mill_json_find(&r->cursor, text, strlen(text), name, strlen(name), r->scratch)) {
        return "none";
    }
    show_cell(r->shown, sizeof r->shown, &r->cursor.value);
    return r->shown;
}

static void a_member_is_found_by_its_name(void **state)
{
    struct reading *r = *state;
    const char *text = "{\"a\":{\"b\":1},\"b\":2,\"\\u0063\":\"\\u0064\",\"b\":3,\"\":4}";
    assert_string_equal(find(r, text, "a"), "{\"b\":1}");
    assert_string_equal(find(r, text, "b"), "2"); /* the first of two, and not the inner one */
    assert_string_equal(find(r, text, "c"), "'d");
    assert_string_equal(find(r, text, ""), "4");
    assert_string_equal(find(r, text, "d"), "none");
    assert_string_equal(find(r, "[\"a\",1]", "a"), "none");
    assert_string_equal(find(r, "1", "a"), "none");
}

static void a_whole_text_is_checked_and_read(void **state)
{
    struct reading *r = *state;
    struct mill_cursor *c = &r->cursor;
    assert_null(mill_json_value(c, " \"a\\n\" ", 7, r->scratch));
    assert_int_equal(c->value.kind, MILL_STRING);
    assert_memory_equal(c->value.ptr, "a\n", 2);
    assert_null(mill_json_value(c, "[1, 2]", 6, r->scratch));
    assert_int_equal(c->value.kind, MILL_LIST);
    assert_string_equal(mill_json_value(c, "[1, 2", 5, r->scratch), "it ends too early");
    assert_string_equal(mill_json_value(c, "", 0, r->scratch), "it is empty");
}

static void what_is_larger_than_the_scratch_is_bad(void **state)
{
    struct reading *r = *state;
    size_t size = MIB + 100;
    char *text = memory_alloc(size);
    memset(text, 'x', size);
    memcpy(text, "[\"", 2);
    memcpy(text + size - 2, "\"]", 2);
    assert_true(mill_json_begin(&r->cursor, text, size));
    assert_true(mill_json_next(&r->cursor, r->scratch));
    assert_int_equal(r->cursor.value.kind, MILL_BAD);
    assert_false(mill_json_next(&r->cursor, r->scratch));
    memory_free(text);
}

/* A quote that is behind many backslashes must not be looked at from each of them. */
static void a_long_string_of_escapes_is_skipped_in_one_pass(void **state)
{
    struct reading *r = *state;
    size_t size = 500000;
    char *text = memory_alloc(size + 1);
    for (size_t i = 0; i < size; i += 2) {
        memcpy(text + i, i % 4 == 0 ? "\\\\" : "\\\"", 2);
    }
    memcpy(text, "[\"", 2);
    memcpy(text + size - 2, "\"]", 2);
    text[size] = '\0';
    assert_true(mill_json_begin(&r->cursor, text, size));
    assert_true(mill_json_next(&r->cursor, r->scratch));
    assert_int_equal(r->cursor.value.kind, MILL_STRING);
    assert_int_equal(r->cursor.value.len, size / 2 - 2);
    memory_free(text);
}

static void any_text_ends_within_its_bytes(void **state)
{
    struct reading *r = *state;
    struct chance c = {5};
    for (uint32_t i = 0; i < rounds(50000); i++) {
        char text[40];
        size_t size = chance_below(&c, sizeof text);
        for (size_t k = 0; k < size; k++) {
            text[k] = chance_of(&c, "{}[]:,\"\\ntu0 ");
        }
        char *exact = exact_copy(text, size);
        mill_json_find(&r->cursor, exact, size, "n", 1, r->scratch);
        bool more = mill_json_begin(&r->cursor, exact, size);
        for (size_t steps = 0; more; steps++) {
            assert_true(steps <= size);
            more = mill_json_next(&r->cursor, r->scratch);
        }
        memory_free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(members_come_in_order_with_their_values, begin, end),
        cmocka_unit_test_setup_teardown(elements_come_in_order, begin, end),
        cmocka_unit_test_setup_teardown(other_values_have_neither, begin, end),
        cmocka_unit_test_setup_teardown(wrong_values_are_bad_cells, begin, end),
        cmocka_unit_test_setup_teardown(a_member_is_found_by_its_name, begin, end),
        cmocka_unit_test_setup_teardown(a_whole_text_is_checked_and_read, begin, end),
        cmocka_unit_test_setup_teardown(what_is_larger_than_the_scratch_is_bad, begin, end),
        cmocka_unit_test_setup_teardown(a_long_string_of_escapes_is_skipped_in_one_pass, begin,
                                        end),
        cmocka_unit_test_setup_teardown(any_text_ends_within_its_bytes, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

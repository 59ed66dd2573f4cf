/* Goal: lines of JSON become rows and cells; whatever is wrong with a line costs that line alone,
 * and no byte behind the text's padding is read.
 * Method: texts in memory that ends with them, with and without padding. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "data/json_decoder.h"
#include "data/records.h"
#include "testing.h"

static const char *faults_of(const struct mill_records *r)
{
    static char shown[1000];
    size_t used = 0;
    shown[0] = '\0';
    for (uint32_t i = 0; i < r->fault_count; i++) {
        used += (size_t)snprintf(shown + used, sizeof shown - used, "%s;", r->faults[i].reason);
    }
    return shown;
}

/* Read a text whole. @return its memory, for memory_free */
static char *read_text(struct mill_records *r, const char *text, size_t padding)
{
    size_t size = strlen(text);
    char *memory = memory_alloc(size + padding + (size + padding == 0));
    memcpy(memory, text, size);
    memset(memory + size, '}', padding);
    struct slice all = {memory, size};
    records_begin(r, all, 0, padding);
    assert_int_equal(records_next(r, all, 0), size);
    return memory;
}

static void cell_is(const struct mill_cell *c, const char *meant)
{
    assert_int_equal(c->kind, MILL_STRING);
    assert_int_equal(c->len, strlen(meant));
    assert_memory_equal(c->ptr, meant, c->len);
}

static void lines_become_rows_with_and_without_padding(void **state)
{
    (void)state;
    const size_t paddings[] = {0, 1, LIMIT_TEXT_PADDING - 1, LIMIT_TEXT_PADDING, 1000};
    for (size_t i = 0; i < sizeof paddings / sizeof *paddings; i++) {
        struct mill_records *r = records_create(json_decoder_create(false));
        char *text =
            read_text(r, "{\"a\":\"x\"}\r\n{\"a\":\"y\\n\"}\n{}\n{\"a\":1.5}", paddings[i]);
        const struct mill_cell *a = mill_records_field(r, "a", 1);
        assert_int_equal(r->count, 4);
        cell_is(&a[0], "x");
        cell_is(&a[1], "y\n");
        assert_int_equal(a[2].kind, MILL_EMPTY);
        assert_true(a[3].kind == MILL_NUMBER && a[3].num == 1.5);
        assert_true(a[0].ptr == text + 6); /* where it stands, not in a copy */
        records_destroy(r);
        memory_free(text);
    }
}

static void lines_of_blanks_are_no_records(void **state)
{
    (void)state;
    struct mill_records *r = records_create(json_decoder_create(true));
    char *text = read_text(r, "\n{}\n \t\r\n\r\n{}\n\n", 0);
    assert_int_equal(r->count, 2);
    assert_int_equal(r->fault_count, 0);
    records_destroy(r);
    memory_free(text);
}

static void a_bad_line_costs_itself_alone(void **state)
{
    (void)state;
    struct mill_records *r = records_create(json_decoder_create(false));
    char *text = read_text(r, "{\"a\":1}\n{\"a\":\n[]\n{\"a\":\"\xff\"}\n{\"a\":2}\n", 0);
    const struct mill_cell *a = mill_records_field(r, "a", 1);
    assert_int_equal(r->count, 2);
    assert_true(a[0].num == 1 && a[1].num == 2);
    assert_string_equal(faults_of(r), "it does not end with };"
                                      "a record is a JSON object, not an array;invalid UTF-8;");
    records_destroy(r);
    memory_free(text);
}

static void only_strict_looks_at_values_that_no_one_reads(void **state)
{
    (void)state;
    const char *lines = "{\"a\":1,\"b\":[nul]}\n{\"a\":1,\"b\":1e400}\n{\"a\":1,\"b\":\"\\x\"}\n";
    struct mill_records *r = records_create(json_decoder_create(false));
    char *text = read_text(r, lines, 0);
    assert_int_equal(r->count, 3);
    const struct mill_cell *b = mill_records_field(r, "b", 1);
    assert_int_equal(b[0].kind, MILL_LIST);
    assert_int_equal(b[1].kind, MILL_BAD);
    assert_int_equal(b[2].kind, MILL_BAD);
    records_destroy(r);
    memory_free(text);
    r = records_create(json_decoder_create(true));
    text = read_text(r, lines, 0);
    assert_int_equal(r->count, 0);
    assert_string_equal(faults_of(r), "no value, at byte 12;a number that is too large, at byte 11;"
                                      "a wrong escape, at byte 13;");
    records_destroy(r);
    memory_free(text);
}

static void a_record_is_its_own_json(void **state)
{
    (void)state;
    struct mill_records *r = records_create(json_decoder_create(false));
    char *text = read_text(r, " {\"a\" : 1}\n", 0);
    struct mill_slice json;
    mill_records_text(r, 0, &json);
    assert_true(json.ptr == text);
    assert_int_equal(json.len, 10);
    records_destroy(r);
    memory_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_rows_with_and_without_padding),
        cmocka_unit_test(lines_of_blanks_are_no_records),
        cmocka_unit_test(a_bad_line_costs_itself_alone),
        cmocka_unit_test(only_strict_looks_at_values_that_no_one_reads),
        cmocka_unit_test(a_record_is_its_own_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

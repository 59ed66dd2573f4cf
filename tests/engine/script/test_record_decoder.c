/* Goal: each source has the decoder of its format, and none where records have no fields.
 * Method: sources as the plan describes them, and what their decoder says of a line. */
#include <string.h>

#include "base/memory.h"
#include "data/records.h"
#include "script/record_decoder.h"
#include "testing.h"

static void text_and_values_have_no_decoder(void **state)
{
    (void)state;
    const struct graph_source text = {.kind = SOURCE_FILES, .format = RECORDS_TEXT};
    const struct graph_source queue = {.kind = SOURCE_QUEUE, .format = RECORDS_TEXT};
    assert_null(record_decoder_create(&text));
    assert_null(record_decoder_create(&queue));
}

static uint32_t good_of(const struct graph_source *source, const char *line)
{
    struct mill_records *r = records_create(record_decoder_create(source));
    struct slice text = {line, strlen(line)};
    records_begin(r, text, 0, 0);
    records_next(r, text, 0);
    uint32_t count = r->count;
    records_destroy(r);
    return count;
}

static void json_is_strict_where_the_source_is(void **state)
{
    (void)state;
    struct graph_source source = {.kind = SOURCE_STDIN, .format = RECORDS_JSON};
    assert_int_equal(good_of(&source, "{\"a\":1}"), 1);
    assert_int_equal(good_of(&source, "{\"a\":nul}"), 1);
    source.is_strict = true;
    assert_int_equal(good_of(&source, "{\"a\":1}"), 1);
    assert_int_equal(good_of(&source, "{\"a\":nul}"), 0);
}

static void each_format_has_its_own(void **state)
{
    (void)state;
    struct slice columns[] = {{"a", 1}, {"b", 1}};
    struct graph_source source = {.kind = SOURCE_FILES, .format = RECORDS_CSV};
    source.csv = (struct csv_options){.separator = ';', .columns = columns, .column_count = 2};
    assert_int_equal(good_of(&source, "1;2"), 1);
    assert_int_equal(good_of(&source, "1;2;3"), 0);
    source = (struct graph_source){.format = RECORDS_PATTERN, .layout = "<a>=<b>"};
    assert_int_equal(good_of(&source, "x=y"), 1);
    assert_int_equal(good_of(&source, "xy"), 0);
    source = (struct graph_source){.format = RECORDS_ACCESS_LOG};
    assert_int_equal(good_of(&source, "h - - [10/Oct/2000:13:55:36] \"-\" 200 -"), 1);
    assert_int_equal(good_of(&source, "x=y"), 0);
    source = (struct graph_source){.format = RECORDS_MSGPACK};
    assert_int_equal(good_of(&source, "\x81\xa1x\x01"), 1);
    assert_int_equal(good_of(&source, "x"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_values_have_no_decoder),
        cmocka_unit_test(json_is_strict_where_the_source_is),
        cmocka_unit_test(each_format_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: names find their fields, whatever is wanted and in which order; values are read as their
 * types.
 * Method: a decoder whose split cuts a row at each byte. */
#include <string.h>

#include "base/memory.h"
#include "data/named_decoder.h"
#include "decoded.h"
#include "testing.h"

static const char *split(struct named_decoder *d, struct slice row, struct csv_field *values)
{
    if (row.size != d->field_count) {
        return named_decoder_refuse(d, "%zu bytes", row.size);
    }
    for (uint32_t i = 0; i < d->field_count; i++) {
        bool is_none = row.data[i] == '.';
        values[i] = (struct csv_field){.text = {is_none ? NULL : row.data + i, !is_none}};
    }
    return NULL;
}

static void destroy(struct decoder *d)
{
    named_decoder_deinit((struct named_decoder *)d);
    memory_free(d);
}

static const struct decoder_ops ops = {.want = named_decoder_want,
                                       .read = named_decoder_read,
                                       .to_json = named_decoder_to_json,
                                       .destroy = destroy};

static struct decoder *create(void)
{
    static const struct field fields[] = {{.name = {"s", 1}, .type = FIELD_STRING},
                                          {.name = {"n", 1}, .type = FIELD_NUMBER},
                                          {.name = {"s", 1}, .is_hidden = true}};
    struct named_decoder *d = memory_zero(1, sizeof *d);
    d->base.ops = &ops;
    d->split = split;
    named_decoder_init(d);
    named_decoder_set_fields(d, fields, 3);
    return &d->base;
}

static void names_find_their_fields(void **state)
{
    (void)state;
    decodes_to(create(), "a1b\n.2.\n", "n s none n", "1|a|~|1\n2|~|~|2\n");
}

static void a_bad_value_is_bad_whoever_reads_it(void **state)
{
    (void)state;
    decodes_to(create(), "axb\n", "s", "! n: \"x\" is no number\n");
    decodes_to(create(), "a.b\nabcd\n", "s", "a\n! 4 bytes\n");
}

static void long_values_are_cut_in_reasons(void **state)
{
    (void)state;
    static const struct field field = {.name = {"n", 1}, .type = FIELD_NUMBER};
    struct named_decoder *d = (struct named_decoder *)create();
    named_decoder_set_fields(d, &field, 1);
    char reason[NAMED_REASON_BYTES];
    memset(reason, 'x', sizeof reason);
    reason[sizeof reason - 1] = '\0';
    assert_string_equal(named_decoder_refuse(d, "%s%s", reason, reason), reason);
    destroy(&d->base);
}

static void fields_may_change_under_the_names(void **state)
{
    (void)state;
    static const struct field swapped[] = {{.name = {"n", 1}, .type = FIELD_NUMBER},
                                           {.name = {"s", 1}, .type = FIELD_STRING}};
    struct decoder *d = create();
    struct slice name = {"n", 1};
    struct mill_cell cell = {.kind = MILL_EMPTY};
    struct mill_cell *column = &cell;
    struct arena arena;
    arena_init(&arena);
    named_decoder_want(d, &name, 1);
    assert_int_equal(named_decoder_read(d, (struct slice){"a1b", 3}, &column, 0, &arena),
                     DECODER_RECORD);
    assert_true(cell.num == 1);
    named_decoder_set_fields((struct named_decoder *)d, swapped, 2);
    assert_int_equal(named_decoder_read(d, (struct slice){"7b", 2}, &column, 0, &arena),
                     DECODER_RECORD);
    assert_true(cell.num == 7);
    arena_deinit(&arena);
    destroy(d);
}

static void records_become_json_without_what_has_no_value(void **state)
{
    (void)state;
    char *json = decode_to_json(create(), "a1b\n.2.\n...\n", 12);
    assert_string_equal(json, "{\"s\":\"a\",\"n\":1}\n{\"n\":2}\n{}\n");
    memory_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_find_their_fields),
        cmocka_unit_test(a_bad_value_is_bad_whoever_reads_it),
        cmocka_unit_test(long_values_are_cut_in_reasons),
        cmocka_unit_test(fields_may_change_under_the_names),
        cmocka_unit_test(records_become_json_without_what_has_no_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

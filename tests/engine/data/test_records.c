/* Goal: good rows stand together in every column, bad ones aside; a field is read from the running
 * chunk when it is first asked for, and with the others from then on.
 * Method: a decoder that knows "name=digit" pairs and notes what it is asked. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "data/records.h"
#include "testing.h"

/* Rows are lines: "a1b2" has the fields a and b; "!" is bad, "" is none. Names are one letter. */
struct toy {
    struct decoder base;
    const struct slice *names;
    uint32_t name_count;
    uint32_t reads;
    uint64_t began_at;
};

static void toy_begin(struct decoder *d, struct slice text, uint64_t offset)
{
    (void)text;
    ((struct toy *)d)->began_at = offset;
}

static void toy_want(struct decoder *d, const struct slice *names, uint32_t count)
{
    struct toy *t = (struct toy *)d;
    t->names = names;
    t->name_count = count;
}

static enum decoder_result toy_read(struct decoder *d, struct slice row,
                                    struct mill_cell *const *columns, uint32_t at,
                                    struct arena *arena)
{
    struct toy *t = (struct toy *)d;
    (void)arena;
    t->reads++;
    if (row.size == 0) {
        return DECODER_NOTHING;
    }
    if (row.data[0] == '!') {
        char reason[] = "bad";
        static char kept[sizeof reason];
        memcpy(kept, reason, sizeof reason);
        d->reason = kept;
        return DECODER_BAD;
    }
    for (size_t k = 0; k + 1 < row.size; k += 2) {
        for (uint32_t i = 0; i < t->name_count; i++) {
            if (t->names[i].data[0] == row.data[k]) {
                columns[i][at] =
                    (struct mill_cell){.kind = MILL_NUMBER, .num = row.data[k + 1] - '0'};
            }
        }
    }
    return DECODER_RECORD;
}

static void toy_to_json(struct decoder *d, struct slice row, struct buffer *into)
{
    (void)d;
    assert_int_equal(buffer_printf(into, "{\"row\":\"%.*s\"}", (int)row.size, row.data), 0);
}

static void toy_destroy(struct decoder *d)
{
    memory_free(d);
}

static struct toy *toy_create(void)
{
    static const struct decoder_ops ops = {.begin = toy_begin,
                                           .want = toy_want,
                                           .read = toy_read,
                                           .to_json = toy_to_json,
                                           .destroy = toy_destroy};
    struct toy *t = memory_zero(1, sizeof *t);
    t->base.ops = &ops;
    return t;
}

static size_t next(struct mill_records *r, const char *text, uint64_t offset)
{
    struct slice all = {text, strlen(text)};
    records_begin(r, all, offset, 0);
    return records_next(r, all, offset);
}

static void a_field_is_a_column_from_its_first_read_on(void **state)
{
    (void)state;
    struct toy *t = toy_create();
    struct mill_records *r = records_create(&t->base);
    assert_int_equal(next(r, "a1b2\nb3\na4\n", 100), 11);
    assert_int_equal(t->began_at, 100);
    assert_int_equal(r->count, 3);
    const struct mill_cell *a = mill_records_field(r, "a", 1);
    const struct mill_cell *b = mill_records_field(r, "b", 1);
    assert_true(a[0].num == 1 && a[1].kind == MILL_EMPTY && a[2].num == 4);
    assert_true(b[0].num == 2 && b[1].num == 3 && b[2].kind == MILL_EMPTY);
    assert_true(mill_records_field(r, "a", 1) == a);
    t->reads = 0;
    next(r, "a7b8\n", 0);
    assert_true(a[0].num == 7 && b[0].num == 8);
    assert_int_equal(t->reads, 1);
    records_destroy(r);
}

static void bad_rows_stand_aside_in_order(void **state)
{
    (void)state;
    struct mill_records *r = records_create(&toy_create()->base);
    next(r, "a1\n!x\n\na2\n!y", 0);
    const struct mill_cell *a = mill_records_field(r, "a", 1);
    assert_int_equal(r->count, 2);
    assert_true(a[0].num == 1 && a[1].num == 2);
    assert_int_equal(r->fault_count, 2);
    assert_memory_equal(r->faults[0].row.data, "!x", 2);
    assert_memory_equal(r->faults[1].row.data, "!y", 2);
    assert_string_equal(r->faults[1].reason, "bad");
    next(r, "a3", 0);
    assert_int_equal(r->fault_count, 0);
    records_destroy(r);
}

static void a_byte_order_mark_is_skipped_at_the_start_only(void **state)
{
    (void)state;
    struct mill_records *r = records_create(&toy_create()->base);
    assert_int_equal(next(r,
                          "\xef\xbb\xbf"
                          "a1\na2",
                          0),
                     8);
    assert_int_equal(r->count, 2);
    assert_memory_equal(r->rows[0].ptr, "a1", 2);
    assert_int_equal(next(r, "\xef\xbb\xbf", 0), 3);
    assert_int_equal(r->count, 0);
    next(r,
         "\xef\xbb\xbf"
         "a1",
         5);
    assert_int_equal(r->rows[0].len, 5);
    records_destroy(r);
}

static void a_chunk_has_so_many_rows_and_no_more(void **state)
{
    (void)state;
    struct mill_records *r = records_create(&toy_create()->base);
    size_t lines = LIMIT_CHUNK_RECORDS_MAX + 5;
    char *text = memory_alloc(3 * lines);
    for (size_t i = 0; i < lines; i++) {
        memcpy(text + 3 * i, "a1\n", 3);
    }
    struct slice all = {text, 3 * lines};
    records_begin(r, all, 0, 0);
    size_t used = records_next(r, all, 0);
    assert_int_equal(used, 3 * LIMIT_CHUNK_RECORDS_MAX);
    assert_int_equal(r->count, LIMIT_CHUNK_RECORDS_MAX);
    records_next(r, (struct slice){text + used, all.size - used}, used);
    assert_int_equal(r->count, 5);
    memory_free(text);
    records_destroy(r);
}

static void there_are_so_many_columns_and_no_more(void **state)
{
    (void)state;
    struct mill_records *r = records_create(&toy_create()->base);
    next(r, "a1", 0);
    char name[16];
    for (int i = 0; i < LIMIT_FIELDS_MAX; i++) {
        int size = snprintf(name, sizeof name, "x%d", i);
        assert_non_null(mill_records_field(r, name, (size_t)size));
    }
    assert_null(mill_records_field(r, "a", 1));
    assert_non_null(mill_records_field(r, "x0", 2));
    records_destroy(r);
}

static void a_record_is_shown_as_json(void **state)
{
    (void)state;
    struct mill_records *r = records_create(&toy_create()->base);
    next(r, "a1\nb2", 0);
    struct mill_slice one;
    struct mill_slice two;
    mill_records_text(r, 0, &one);
    mill_records_text(r, 1, &two);
    assert_int_equal(one.len, 12);
    assert_memory_equal(one.ptr, "{\"row\":\"a1\"}", 12);
    assert_memory_equal(two.ptr, "{\"row\":\"b2\"}", 12);
    records_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_is_a_column_from_its_first_read_on),
        cmocka_unit_test(bad_rows_stand_aside_in_order),
        cmocka_unit_test(a_byte_order_mark_is_skipped_at_the_start_only),
        cmocka_unit_test(a_chunk_has_so_many_rows_and_no_more),
        cmocka_unit_test(there_are_so_many_columns_and_no_more),
        cmocka_unit_test(a_record_is_shown_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

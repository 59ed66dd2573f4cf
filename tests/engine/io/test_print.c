/* Goal: print shows a batch as Spark does: the first rows, by key where there are keys.
 * Method: whole texts, and random batches against sorting all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "data/key.h"
#include "io/print.h"
#include "testing.h"

#define RULE "-------------------------------------------\n"

static void add_row(struct mill_rows *rows, const char *key, const char *text)
{
    struct buffer *b = (struct buffer *)mill_row_begin(rows);
    struct buffer k;
    buffer_init(&k, 1000);
    if (key != NULL) {
        key_add_string(&k, key, strlen(key));
    }
    assert_int_equal(buffer_append_text(b, text), 0);
    assert_int_equal(mill_row_end(rows, (struct mill_buffer *)&k), 0);
    buffer_deinit(&k);
}

/* Render what is in `rows`; the text lives until the next call. */
static const char *render(struct mill_rows *rows, uint32_t count, int64_t time_ms)
{
    static char text[100000];
    struct rows_reader reader;
    struct mill_rows into;
    struct mill_rows *list = &into;
    struct slice bytes;
    rows_reader_open(&reader, &rows, 1);
    rows_init(&into, ROWS_LINES, "/no/such/folder", 64 * MIB);
    assert_int_equal(print_render(&reader, count, time_ms, &into, NULL), 0);
    rows_reader_close(&reader);
    size_t size = 0;
    rows_reader_open(&reader, &list, 1);
    while (rows_reader_bytes(&reader, &bytes, NULL) == 1) {
        memcpy(text + size, bytes.data, bytes.size);
        size += bytes.size;
    }
    rows_reader_close(&reader);
    rows_deinit(&into);
    text[size] = '\0';
    return text;
}

static int begin(void **state)
{
    struct mill_rows *rows = memory_zero(1, sizeof *rows);
    rows_init(rows, ROWS_KEYED, "/no/such/folder", 64 * MIB);
    *state = rows;
    return 0;
}

static int end(void **state)
{
    rows_deinit(*state);
    memory_free(*state);
    return 0;
}

static void a_batch_without_rows_has_its_header(void **state)
{
    assert_string_equal(render(*state, 10, 1700000000000),
                        RULE "Time: 1700000000000 ms\n" RULE "\n");
}

static void rows_with_keys_are_sorted_by_them(void **state)
{
    add_row(*state, "b", "(b,1)");
    add_row(*state, "a", "(a,2)");
    add_row(*state, "c", "(c,3)");
    assert_string_equal(render(*state, 10, 0), RULE "Time: 0 ms\n" RULE "(a,2)\n(b,1)\n(c,3)\n\n");
}

static void rows_without_keys_come_in_order(void **state)
{
    add_row(*state, NULL, "z");
    add_row(*state, NULL, "a");
    add_row(*state, NULL, "m");
    assert_string_equal(render(*state, 10, 0), RULE "Time: 0 ms\n" RULE "z\na\nm\n\n");
}

static void more_rows_than_are_shown_end_in_points(void **state)
{
    add_row(*state, "c", "c");
    add_row(*state, "a", "a");
    assert_string_equal(render(*state, 2, 0), RULE "Time: 0 ms\n" RULE "a\nc\n\n");
    add_row(*state, "b", "b");
    assert_string_equal(render(*state, 2, 0), RULE "Time: 0 ms\n" RULE "a\nb\n...\n\n");
}

struct row {
    uint32_t key;
    uint32_t ordinal;
};

static int compare(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;
    return a->key != b->key ? (a->key < b->key ? -1 : 1) : a->ordinal < b->ordinal ? -1 : 1;
}

/* Equal keys keep their order. */
static void random_batches_show_their_first_rows(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < rounds(100); seed++) {
        struct chance chance = {seed};
        struct row list[200];
        void *own = NULL;
        begin(&own);
        uint32_t n = chance_below(&chance, 200);
        uint32_t shown = 1 + chance_below(&chance, 30);
        for (uint32_t i = 0; i < n; i++) {
            char key[8];
            char text[16];
            list[i] = (struct row){chance_below(&chance, 60), i};
            snprintf(key, sizeof key, "%04u", list[i].key);
            snprintf(text, sizeof text, "%u/%u", list[i].key, i);
            add_row(own, key, text);
        }
        qsort(list, n, sizeof *list, compare);
        char expected[10000] = RULE "Time: 5 ms\n" RULE;
        size_t size = strlen(expected);
        for (uint32_t i = 0; i < n && i < shown; i++) {
            size += (size_t)snprintf(expected + size, sizeof expected - size, "%u/%u\n",
                                     list[i].key, list[i].ordinal);
        }
        snprintf(expected + size, sizeof expected - size, "%s\n", n > shown ? "...\n" : "");
        assert_string_equal(render(own, shown, 5), expected);
        end(&own);
    }
}

static void damaged_rows_are_an_error(void **state)
{
    struct mill_rows *lines = *state;
    struct mill_rows into;
    struct rows_reader reader;
    rows_deinit(lines);
    rows_init(lines, ROWS_LINES, "/no/such/folder", 64 * MIB);
    assert_int_equal(rows_add(lines, "\xff\xff\xff\xff", 4), 0);
    rows_reader_open(&reader, &lines, 1);
    rows_init(&into, ROWS_LINES, "/no/such/folder", 64 * MIB);
    assert_int_equal(print_render(&reader, 10, 0, &into, NULL), MILL_ECORRUPT);
    rows_reader_close(&reader);
    rows_deinit(&into);
}

static void text_that_cannot_be_kept_is_an_error(void **state)
{
    struct mill_rows *rows = *state;
    struct mill_rows into;
    struct rows_reader reader;
    struct error e = {0};
    add_row(rows, "a", "a");
    rows_reader_open(&reader, &rows, 1);
    rows_init(&into, ROWS_LINES, "/no/such/folder", 10);
    assert_int_not_equal(print_render(&reader, 10, 0, &into, &e), 0);
    assert_non_null(strstr(e.message, "cannot collect the rows to print"));
    rows_reader_close(&reader);
    rows_deinit(&into);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_without_rows_has_its_header),
        TEST(rows_with_keys_are_sorted_by_them),
        TEST(rows_without_keys_come_in_order),
        TEST(more_rows_than_are_shown_end_in_points),
        cmocka_unit_test(random_batches_show_their_first_rows),
        TEST(damaged_rows_are_an_error),
        TEST(text_that_cannot_be_kept_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

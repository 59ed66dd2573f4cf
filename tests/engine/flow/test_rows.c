/* Goal: all workers' rows come out in order of position, byte for byte, in every framing, from
 * memory and from disk; a row that is too large goes, the others stay.
 * Method: random rows over several workers with tiny budgets, against a list sorted by order. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "flow/rows.h"
#include "testing.h"

enum { ROOMY = 1 << 20, WORKERS_MAX = 4 };

static int add_row(struct mill_rows *r, const char *key, size_t key_size, const char *row,
                   size_t size)
{
    struct buffer *b = (struct buffer *)mill_row_begin(r);
    (void)!buffer_append(b, row, size); /* a failure sticks */
    struct buffer k;
    buffer_init(&k, 1000);
    (void)!buffer_append(&k, key, key_size);
    int rc = mill_row_end(r, (struct mill_buffer *)&k);
    buffer_deinit(&k);
    return rc;
}

/* All bytes of the rows of one worker; clears `all` first. */
static void read_all(struct mill_rows *r, struct buffer *all)
{
    struct rows_reader reader;
    struct slice bytes;
    buffer_clear(all);
    rows_reader_open(&reader, &r, 1);
    while (rows_reader_bytes(&reader, &bytes, NULL) == 1) {
        assert_true(bytes.size > 0 && bytes.size <= 256 * KIB);
        assert_int_equal(buffer_append(all, bytes.data, bytes.size), 0);
    }
    assert_true(all->size == reader.byte_count);
    rows_reader_close(&reader);
}

static void framed_as(enum rows_framing framing, const char *expected, size_t size)
{
    struct mill_rows r;
    struct buffer all;
    rows_init(&r, framing, "/no/such/folder", ROOMY);
    buffer_init(&all, 1000);
    assert_int_equal(add_row(&r, "k", 1, "ab", 2), 0);
    assert_int_equal(add_row(&r, "", 0, "", 0), 0);
    assert_int_equal(rows_add(&r, "c\0", 2), 0);
    read_all(&r, &all);
    assert_int_equal(all.size, size);
    assert_memory_equal(all.data, expected, size);
    buffer_deinit(&all);
    rows_deinit(&r);
}

static void each_framing_is_as_it_says(void **state)
{
    (void)state;
    framed_as(ROWS_LINES, "ab\n\nc\0\n", 7);
    framed_as(ROWS_FRAMED, "\0\0\0\2ab\0\0\0\0\0\0\0\2c\0", 16);
    framed_as(ROWS_KEYED,
              "\0\0\0\1k\0\0\0\2ab"
              "\0\0\0\0\0\0\0\0"
              "\0\0\0\0\0\0\0\2c\0",
              29);
}

static void memory_of_a_large_row_does_not_stay(void **state)
{
    (void)state;
    struct mill_rows r;
    struct buffer large;
    buffer_init(&large, 2 * MIB);
    while (large.size < MIB) {
        assert_int_equal(buffer_append_text(&large, "a row "), 0);
    }
    rows_init(&r, ROWS_LINES, "/no/such/folder", 600 * KIB);
    assert_int_equal(rows_add(&r, large.data, 500 * KIB), 0);
    rows_clear(&r);
    assert_true(r.data.capacity >= 500 * KIB); /* as much as is wanted each time */
    rows_deinit(&r);
    rows_init(&r, ROWS_LINES, "/no/such/folder", 2 * KIB);
    struct buffer *b = (struct buffer *)mill_row_begin(&r);
    assert_int_equal(buffer_append(b, large.data, MIB), 0);
    (void)mill_row_begin(&r); /* it is given up */
    rows_clear(&r);
    assert_true(r.data.capacity <= 2 * 2 * KIB + 64 * KIB);
    assert_int_equal(add_row(&r, "k", 1, "ab", 2), 0);
    buffer_deinit(&large);
    rows_deinit(&r);
}

static void no_rows_are_read_as_nothing(void **state)
{
    (void)state;
    struct rows_reader reader;
    struct slice bytes;
    rows_reader_open(&reader, NULL, 0);
    assert_int_equal(rows_reader_bytes(&reader, &bytes, NULL), 0);
    assert_true(reader.row_count == 0 && reader.byte_count == 0);
    rows_reader_close(&reader);
}

/* --- many rows, many workers --- */

struct row {
    uint64_t order;
    uint32_t appearance;
    char key[8];
    size_t key_size;
    size_t start; /* in the world's bytes */
    size_t size;
};

struct world {
    struct chance chance;
    enum rows_framing framing;
    char *folder;
    struct mill_rows rows[WORKERS_MAX];
    struct mill_rows *list[WORKERS_MAX];
    uint32_t worker_count;
    struct row *expected;
    uint32_t count;
    char bytes[5000];
};

static void begin_world(struct world *w, uint64_t seed, enum rows_framing framing)
{
    *w = (struct world){.chance = {seed}, .framing = framing, .folder = folder_create()};
    for (size_t i = 0; i < sizeof w->bytes; i++) {
        w->bytes[i] = (char)('a' + chance_below(&w->chance, 26));
    }
    w->worker_count = 1 + chance_below(&w->chance, WORKERS_MAX);
    for (uint32_t i = 0; i < w->worker_count; i++) {
        uint32_t budget =
            chance_below(&w->chance, 3) == 0 ? 1 << 20 : chance_below(&w->chance, 3000);
        rows_init(&w->rows[i], framing, w->folder, budget);
        w->list[i] = &w->rows[i];
    }
}

static void end_world(struct world *w)
{
    for (uint32_t i = 0; i < w->worker_count; i++) {
        rows_deinit(&w->rows[i]);
    }
    memory_free(w->expected);
    folder_remove(w->folder);
}

static void add_random_row(struct world *w, struct mill_rows *r)
{
    struct chance *c = &w->chance;
    w->expected = memory_grow(w->expected, (w->count + 1) * sizeof *w->expected);
    struct row *row = &w->expected[w->count];
    *row = (struct row){.order = r->order, .appearance = w->count, .key_size = chance_below(c, 8)};
    chance_bytes(c, row->key, row->key_size);
    row->size = chance_below(c, 20) == 0 ? chance_below(c, 5000) : chance_below(c, 30);
    row->start = chance_below(c, (uint32_t)(sizeof w->bytes - row->size));
    assert_int_equal(add_row(r, row->key, row->key_size, w->bytes + row->start, row->size), 0);
    w->count++;
}

/* Blocks go to workers in order; each worker's rows of a block are one piece. */
static void fill_world(struct world *w)
{
    for (uint64_t order = 0; order < 40; order++) {
        struct mill_rows *r = w->list[chance_below(&w->chance, w->worker_count)];
        r->order = order << 55;
        uint32_t count = chance_below(&w->chance, 20);
        for (uint32_t i = 0; i < count; i++) {
            add_random_row(w, r);
        }
    }
}

static int compare_rows(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    return a->appearance < b->appearance ? -1 : a->appearance > b->appearance;
}

static void lines_come_out_in_order(struct world *w)
{
    struct buffer expected;
    struct buffer all;
    struct rows_reader reader;
    struct slice bytes;
    buffer_init(&expected, 1 << 30);
    buffer_init(&all, 1 << 30);
    for (uint32_t i = 0; i < w->count; i++) {
        const struct row *row = &w->expected[i];
        assert_int_equal(buffer_append(&expected, w->bytes + row->start, row->size), 0);
        assert_int_equal(buffer_append_byte(&expected, '\n'), 0);
    }
    rows_reader_open(&reader, w->list, w->worker_count);
    assert_true(reader.row_count == w->count && reader.byte_count == expected.size);
    while (rows_reader_bytes(&reader, &bytes, NULL) == 1) {
        assert_int_equal(buffer_append(&all, bytes.data, bytes.size), 0);
    }
    assert_int_equal(all.size, expected.size);
    assert_true(all.size == 0 || memcmp(all.data, expected.data, all.size) == 0);
    rows_reader_close(&reader);
    buffer_deinit(&expected);
    buffer_deinit(&all);
}

static void rows_come_out_in_order(struct world *w)
{
    struct rows_reader reader;
    struct rows_cursor cursor;
    struct slice key;
    struct slice bytes;
    rows_reader_open(&reader, w->list, w->worker_count);
    rows_cursor_init(&cursor, &reader);
    assert_true(reader.row_count == w->count);
    for (uint32_t i = 0; i < w->count; i++) {
        const struct row *row = &w->expected[i];
        assert_int_equal(rows_cursor_next(&cursor, w->framing, &key, &bytes, NULL), 1);
        assert_int_equal(bytes.size, row->size);
        assert_memory_equal(bytes.data, w->bytes + row->start, row->size);
        size_t key_size = w->framing == ROWS_KEYED ? row->key_size : 0;
        assert_int_equal(key.size, key_size);
        assert_memory_equal(key.data, row->key, key_size);
    }
    assert_int_equal(rows_cursor_next(&cursor, w->framing, &key, &bytes, NULL), 0);
    rows_cursor_deinit(&cursor);
    rows_reader_close(&reader);
}

static void everything_comes_out_in_order_of_position(void **state)
{
    (void)state;
    static const enum rows_framing framings[] = {ROWS_LINES, ROWS_FRAMED, ROWS_KEYED};
    uint32_t spilled = 0;
    for (uint32_t seed = 1; seed <= rounds(90); seed++) {
        struct world w;
        begin_world(&w, seed, framings[seed % 3]);
        for (int epoch = 0; epoch < 2; epoch++) {
            fill_world(&w);
            qsort(w.expected, w.count, sizeof *w.expected, compare_rows);
            if (w.framing == ROWS_LINES) {
                lines_come_out_in_order(&w);
            } else {
                rows_come_out_in_order(&w);
            }
            w.count = 0;
            for (uint32_t i = 0; i < w.worker_count; i++) {
                spilled += w.rows[i].spill.size > 0;
                rows_clear(&w.rows[i]);
            }
        }
        end_world(&w);
    }
    assert_true(spilled > 100);
}

/* --- limits and failures --- */

static void a_row_that_is_too_large_goes_and_the_others_stay(void **state)
{
    (void)state;
    static const enum rows_framing framings[] = {ROWS_LINES, ROWS_FRAMED, ROWS_KEYED};
    size_t max = LIMIT_RECORD_BYTES_MAX;
    char *large = memory_zero(4 * max, 1);
    for (size_t i = 0; i < 3; i++) {
        struct mill_rows r;
        rows_init(&r, framings[i], "/no/such/folder", 64 * MIB);
        assert_int_equal(add_row(&r, "k", 1, "a", 1), 0);
        assert_int_equal(add_row(&r, "k", 1, large, max + 1), MILL_ELIMIT);
        assert_int_equal(add_row(&r, "k", 1, large, 4 * max), MILL_ELIMIT);
        assert_int_equal(add_row(&r, "k", 1, large, max), 0);
        assert_int_equal(add_row(&r, "k", 1, "b", 1), 0);
        assert_int_equal(r.piece_count, 1);
        assert_true(r.pieces[0].row_count == 3);
        assert_true(r.pieces[0].size == r.data.size);
        assert_false(r.data.failed);
        rows_deinit(&r);
    }
    memory_free(large);
}

static void a_row_beyond_the_buffer_is_dropped_whole(void **state)
{
    (void)state;
    struct mill_rows r;
    rows_init(&r, ROWS_KEYED, "/no/such/folder", 0);
    size_t size = r.data.max + 1;
    char *large = memory_zero(size, 1);
    assert_int_equal(add_row(&r, "k", 1, large, size), MILL_ELIMIT);
    assert_int_equal(r.data.size, 0);
    assert_false(r.data.failed);
    assert_int_equal(r.piece_count, 0);
    memory_free(large);
    rows_deinit(&r);
}

static void the_largest_row_is_read_by_the_cursor(void **state)
{
    (void)state;
    char *folder = folder_create();
    char *large = memory_zero(LIMIT_RECORD_BYTES_MAX, 1);
    large[LIMIT_RECORD_BYTES_MAX - 1] = 'x';
    struct mill_rows r;
    struct mill_rows *list = &r;
    struct rows_reader reader;
    struct rows_cursor cursor;
    struct slice key;
    struct slice row;
    rows_init(&r, ROWS_KEYED, folder, 1000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(add_row(&r, "key", 3, large, LIMIT_RECORD_BYTES_MAX), 0);
    }
    rows_reader_open(&reader, &list, 1);
    rows_cursor_init(&cursor, &reader);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rows_cursor_next(&cursor, ROWS_KEYED, &key, &row, NULL), 1);
        assert_memory_equal(key.data, "key", 3);
        assert_int_equal(row.size, LIMIT_RECORD_BYTES_MAX);
        assert_memory_equal(row.data, large, LIMIT_RECORD_BYTES_MAX);
    }
    assert_int_equal(rows_cursor_next(&cursor, ROWS_KEYED, &key, &row, NULL), 0);
    rows_cursor_deinit(&cursor);
    rows_reader_close(&reader);
    rows_deinit(&r);
    memory_free(large);
    folder_remove(folder);
}

/* What a cursor says of bytes that were written as lines. */
static int misread(const char *bytes, size_t size, enum rows_framing framing)
{
    struct mill_rows r;
    struct mill_rows *list = &r;
    struct rows_reader reader;
    struct rows_cursor cursor;
    struct slice key;
    struct slice row;
    rows_init(&r, ROWS_LINES, "/no/such/folder", ROOMY);
    assert_int_equal(rows_add(&r, bytes, size), 0);
    rows_reader_open(&reader, &list, 1);
    rows_cursor_init(&cursor, &reader);
    int rc = rows_cursor_next(&cursor, framing, &key, &row, NULL);
    rows_cursor_deinit(&cursor);
    rows_reader_close(&reader);
    rows_deinit(&r);
    return rc;
}

static void a_sequence_that_ends_inside_a_row_is_damaged(void **state)
{
    (void)state;
    assert_int_equal(misread("\0\0", 2, ROWS_FRAMED), MILL_ECORRUPT);
    assert_int_equal(misread("\0\0\0\5ab", 6, ROWS_FRAMED), MILL_ECORRUPT);
    assert_int_equal(misread("\0\0\0\1k\0\0", 7, ROWS_KEYED), MILL_ECORRUPT);
    assert_int_equal(misread("\0\0\0\1k\0\0\0\2", 9, ROWS_KEYED), MILL_ECORRUPT);
    assert_int_equal(misread("\xff\xff\xff\xff", 4, ROWS_FRAMED), MILL_ECORRUPT);
}

static void a_disk_that_fails_is_remembered_until_the_next_epoch(void **state)
{
    (void)state;
    struct mill_rows r;
    rows_init(&r, ROWS_LINES, "/no/such/folder", 10);
    assert_int_equal(rows_add(&r, "12345", 5), 0);
    assert_int_not_equal(rows_add(&r, "67890", 5), 0);
    int code = r.error.code;
    assert_int_not_equal(code, 0);
    assert_int_equal(rows_add(&r, "x", 1), code);
    rows_clear(&r);
    assert_int_equal(r.error.code, 0);
    assert_int_equal(rows_add(&r, "x", 1), 0);
    rows_deinit(&r);
}

static void a_file_that_is_cut_is_an_error(void **state)
{
    (void)state;
    char *folder = folder_create();
    struct mill_rows r;
    struct mill_rows *list = &r;
    struct rows_reader reader;
    struct slice bytes;
    struct error e = {0};
    rows_init(&r, ROWS_LINES, folder, 10);
    assert_int_equal(rows_add(&r, "0123456789", 10), 0);
    assert_int_equal(ftruncate(r.spill.fd, 5), 0);
    rows_reader_open(&reader, &list, 1);
    assert_int_equal(rows_reader_bytes(&reader, &bytes, &e), MILL_EIO);
    assert_int_equal(e.code, MILL_EIO);
    rows_reader_close(&reader);
    rows_deinit(&r);
    folder_remove(folder);
}

static void the_first_pieces_are_left_out(void **state)
{
    (void)state;
    struct mill_rows r;
    struct mill_rows *list = &r;
    struct rows_reader reader;
    struct slice bytes;
    rows_init(&r, ROWS_LINES, "/no/such/folder", ROOMY);
    for (r.order = 1; r.order <= 4; r.order++) {
        assert_int_equal(rows_add(&r, "abcdefghi", 8 + (r.order == 4)), 0);
    }
    rows_reader_open(&reader, &list, 1);
    rows_reader_limit(&reader, 20);
    assert_true(reader.byte_count == 19 && reader.row_count == 2);
    assert_int_equal(rows_reader_bytes(&reader, &bytes, NULL), 1);
    assert_memory_equal(bytes.data, "abcdefgh\n", 9);
    rows_reader_close(&reader);
    rows_reader_open(&reader, &list, 1);
    rows_reader_limit(&reader, 5);
    assert_true(reader.byte_count == 0 && reader.row_count == 0);
    assert_int_equal(rows_reader_bytes(&reader, &bytes, NULL), 0);
    rows_reader_close(&reader);
    rows_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_framing_is_as_it_says),
        cmocka_unit_test(memory_of_a_large_row_does_not_stay),
        cmocka_unit_test(no_rows_are_read_as_nothing),
        cmocka_unit_test(everything_comes_out_in_order_of_position),
        cmocka_unit_test(a_row_that_is_too_large_goes_and_the_others_stay),
        cmocka_unit_test(a_row_beyond_the_buffer_is_dropped_whole),
        cmocka_unit_test(the_largest_row_is_read_by_the_cursor),
        cmocka_unit_test(a_sequence_that_ends_inside_a_row_is_damaged),
        cmocka_unit_test(a_disk_that_fails_is_remembered_until_the_next_epoch),
        cmocka_unit_test(a_file_that_is_cut_is_an_error),
        cmocka_unit_test(the_first_pieces_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

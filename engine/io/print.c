#include "io/print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/key.h"

#define RULE "-------------------------------------------"

struct kept_row {
    char *key;
    size_t key_size;
    char *text;
    size_t size;
    uint64_t ordinal; /* place in the batch: rows with equal keys keep their order */
};

/* The `count` first rows by (key, place): a binary heap with the last of them on top. */
struct first_rows {
    struct kept_row *rows;
    uint32_t size;
    uint32_t count;
};

static int compare(const struct kept_row *a, const struct kept_row *b)
{
    int order = key_compare(a->key, a->key_size, b->key, b->key_size);
    if (order != 0) {
        return order;
    }
    return a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
}

static int compare_rows(const void *left, const void *right)
{
    return compare(left, right);
}

static void swap(struct first_rows *f, uint32_t a, uint32_t b)
{
    struct kept_row row = f->rows[a];
    f->rows[a] = f->rows[b];
    f->rows[b] = row;
}

static void sift_up(struct first_rows *f, uint32_t at)
{
    while (at > 0 && compare(&f->rows[at], &f->rows[(at - 1) / 2]) > 0) {
        swap(f, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct first_rows *f, uint32_t at)
{
    for (uint32_t child = 2 * at + 1; child < f->size; child = 2 * at + 1) {
        if (child + 1 < f->size && compare(&f->rows[child + 1], &f->rows[child]) > 0) {
            child++;
        }
        if (compare(&f->rows[child], &f->rows[at]) <= 0) {
            return;
        }
        swap(f, at, child);
        at = child;
    }
}

static void free_row(struct kept_row *row)
{
    memory_free(row->key);
    memory_free(row->text);
}

static void offer(struct first_rows *f, struct slice key, struct slice text, uint64_t ordinal)
{
    struct kept_row row = {.key_size = key.size, .size = text.size, .ordinal = ordinal};
    union {
        const char *borrowed;
        char *seen;
    } at = {.borrowed = key.data};
    row.key = at.seen;
    if (f->size == f->count && compare(&row, &f->rows[0]) > 0) {
        return;
    }
    row.key = memory_copy(key.data, key.size);
    row.text = memory_copy(text.data, text.size);
    if (f->size < f->count) {
        f->rows[f->size] = row;
        sift_up(f, f->size++);
        return;
    }
    free_row(&f->rows[0]);
    f->rows[0] = row;
    sift_down(f, 0);
}

static int read_rows(struct rows_reader *rows, struct first_rows *f, struct error *e)
{
    struct rows_cursor cursor;
    rows_cursor_init(&cursor, rows);
    struct slice key;
    struct slice text;
    uint64_t ordinal = 0;
    int rc = rows_cursor_next(&cursor, ROWS_KEYED, &key, &text, e);
    while (rc == 1) {
        offer(f, key, text, ordinal++);
        rc = rows_cursor_next(&cursor, ROWS_KEYED, &key, &text, e);
    }
    rows_cursor_deinit(&cursor);
    return rc;
}

static int add_text(struct mill_rows *into, const char *text)
{
    return rows_add(into, text, strlen(text));
}

static int add_header(struct mill_rows *into, int64_t time_ms)
{
    char time[64];
    snprintf(time, sizeof time, "Time: %" PRId64 " ms", time_ms);
    int rc = add_text(into, RULE);
    rc = rc == 0 ? add_text(into, time) : rc;
    return rc == 0 ? add_text(into, RULE) : rc;
}

/* The rows that were kept, in order. */
static int add_rows(struct mill_rows *into, const struct first_rows *f)
{
    int rc = 0;
    for (uint32_t i = 0; i < f->size && rc == 0; i++) {
        rc = rows_add(into, f->rows[i].text, f->rows[i].size);
    }
    return rc;
}

static void free_rows(struct first_rows *f)
{
    for (uint32_t i = 0; i < f->size; i++) {
        free_row(&f->rows[i]);
    }
    memory_free(f->rows);
}

static int keep_first(struct first_rows *f, struct rows_reader *rows, uint32_t count,
                      struct error *e)
{
    *f = (struct first_rows){.rows = memory_zero(count, sizeof *f->rows), .count = count};
    int rc = read_rows(rows, f, e);
    if (rc == 0 && f->size > 0) {
        qsort(f->rows, f->size, sizeof *f->rows, compare_rows);
    }
    return rc;
}

int print_render(struct rows_reader *rows, uint32_t count, int64_t time_ms, struct mill_rows *into,
                 struct error *e)
{
    struct first_rows f;
    int rc = keep_first(&f, rows, count, e);
    if (rc == 0) {
        rc = add_header(into, time_ms);
        rc = rc == 0 ? add_rows(into, &f) : rc;
        rc = rc == 0 && rows->row_count > f.size ? add_text(into, "...") : rc;
        rc = rc == 0 ? add_text(into, "") : rc;
        if (rc != 0) {
            error_set(e, rc, "cannot collect the rows to print: %s", into->error.message);
        }
    }
    free_rows(&f);
    return rc;
}

int print_all(struct rows_reader *rows, struct mill_rows *into, struct error *e)
{
    if (rows->row_count == 0) {
        return 0;
    }
    if (rows->row_count > UINT32_MAX) {
        return error_set(e, MILL_ELIMIT, "too many rows to print");
    }
    struct first_rows f;
    int rc = keep_first(&f, rows, (uint32_t)rows->row_count, e);
    rc = rc == 0 ? add_rows(into, &f) : rc;
    free_rows(&f);
    return rc;
}

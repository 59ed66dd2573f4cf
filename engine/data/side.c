#include "data/side.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/memory.h"
#include "data/key.h"
#include "data/keyset.h"
#include "data/records.h"

#define KEYS_MAX (UINT32_C(1) << 30)

struct mill_side {
    struct mill_side_head head; /* first: Lua sees it */
    struct keyset keys;
    struct mill_slice *rows; /* by the key's number, from 1 on */
    size_t row_capacity;
    struct arena text; /* of the rows */
};

struct builder {
    struct mill_side *t;
    const struct side_options *options;
    struct mill_records *records;
    struct slice text;
    struct error *e;
};

static int fail(const struct builder *b, const char *row, const char *reason)
{
    uint64_t line = 1;
    for (const char *at = b->text.data; at < row; at++) {
        line += *at == '\n';
    }
    return error_set(b->e, MILL_EFAILED, "line %llu: %s", (unsigned long long)line, reason);
}

static size_t count_bytes(const struct mill_side *t)
{
    return keyset_memory(&t->keys) + t->row_capacity * sizeof *t->rows + t->text.bytes;
}

static int check_bytes(const struct builder *b)
{
    if (count_bytes(b->t) <= b->options->bytes_max) {
        return 0;
    }
    return error_set(b->e, MILL_ELIMIT, "the table needs more than %zu MiB of memory",
                     b->options->bytes_max >> 20);
}

/* 0 and -0 are one key. */
static double normalise(double v)
{
    return v == 0 ? 0 : v;
}

/* @return the key's number; 0: there is no room, or it is none (*wrong says why) */
static uint32_t add_key(struct keyset *keys, const struct mill_cell *cell, const char **wrong)
{
    *wrong = NULL;
    if (cell->kind == MILL_STRING && cell->len <= LIMIT_KEY_BYTES_MAX) {
        uint64_t hash = hash_tagged(KEY_STRING, cell->ptr, cell->len);
        return keyset_add(keys, hash, KEY_STRING, cell->ptr, cell->len);
    }
    if (cell->kind == MILL_NUMBER) {
        double v = normalise(cell->num);
        return keyset_add(keys, hash_tagged(KEY_NUMBER, &v, sizeof v), KEY_NUMBER, &v, sizeof v);
    }
    *wrong = cell->kind == MILL_EMPTY    ? "has no value"
             : cell->kind == MILL_STRING ? "is longer than 64 KiB"
                                         : "is neither a string nor a number within 2^53";
    return 0;
}

static void put_row(struct mill_side *t, uint32_t number, struct mill_slice json)
{
    if (number >= t->row_capacity) {
        t->row_capacity = t->row_capacity == 0 ? 1024 : 2 * t->row_capacity;
        t->rows = memory_grow(t->rows, t->row_capacity * sizeof *t->rows);
    }
    t->rows[number] =
        (struct mill_slice){.ptr = arena_copy(&t->text, json.ptr, json.len), .len = json.len};
}

static int add_row(struct builder *b, uint32_t i, const struct mill_cell *cell)
{
    struct slice name = b->options->key;
    const char *row = b->records->rows[i].ptr;
    const char *wrong = NULL;
    uint32_t number = add_key(&b->t->keys, cell, &wrong);
    if (wrong != NULL) {
        char reason[128];
        snprintf(reason, sizeof reason, "the key \"%.*s\" %s",
                 (int)(name.size < 40 ? name.size : 40), name.data, wrong);
        return fail(b, row, reason);
    }
    if (number == 0) {
        return error_set(b->e, MILL_ELIMIT, "the table needs more than %zu MiB of memory",
                         b->options->bytes_max >> 20);
    }
    struct mill_slice json;
    mill_records_text(b->records, i, &json);
    put_row(b->t, number, json);
    return 0;
}

static int add_chunk(struct builder *b)
{
    const struct mill_records *r = b->records;
    const struct record_fault *fault = r->fault_count > 0 ? &r->faults[0] : NULL;
    const struct mill_cell *keys =
        mill_records_field(b->records, b->options->key.data, b->options->key.size);
    int rc = 0;
    for (uint32_t i = 0; i < r->count && rc == 0; i++) {
        if (fault != NULL && fault->row.data < r->rows[i].ptr) {
            break; /* the first line that is wrong is said */
        }
        rc = add_row(b, i, &keys[i]);
    }
    if (rc == 0 && fault != NULL) {
        rc = fail(b, fault->row.data, fault->reason);
    }
    return rc == 0 ? check_bytes(b) : rc;
}

static int add_all(struct builder *b, size_t padding)
{
    struct slice left = b->text;
    size_t used = 1;
    int rc = 0;
    records_begin(b->records, left, 0, padding);
    b->records->decoder->is_whole = true;
    while (left.size > 0 && used > 0 && rc == 0) {
        used = records_next(b->records, left, (uint64_t)(left.data - b->text.data));
        rc = add_chunk(b);
        left = (struct slice){left.data + used, left.size - used};
    }
    return rc;
}

int side_build(struct slice text, size_t padding, struct decoder *decoder,
               const struct side_options *options, struct mill_side **result, struct error *e)
{
    static atomic_uint_least32_t made;
    struct mill_side *t = memory_zero(1, sizeof *t);
    t->head.serial = atomic_fetch_add(&made, 1) + 1;
    keyset_init(&t->keys, KEYS_MAX, options->bytes_max);
    arena_init(&t->text);
    struct builder b = {
        .t = t, .options = options, .records = records_create(decoder), .text = text, .e = e};
    int rc = add_all(&b, padding);
    records_destroy(b.records);
    if (rc != 0) {
        side_destroy(t);
        return rc;
    }
    *result = t;
    return 0;
}

void side_destroy(struct mill_side *t)
{
    if (t != NULL) {
        keyset_deinit(&t->keys);
        arena_deinit(&t->text);
        memory_free(t->rows);
        memory_free(t);
    }
}

uint32_t mill_side_count(const struct mill_side *t)
{
    return t->keys.count;
}

uint32_t mill_side_find(const struct mill_side *t, const char *key, size_t size)
{
    return keyset_find(&t->keys, hash_tagged(KEY_STRING, key, size), KEY_STRING, key, size);
}

uint32_t mill_side_find_number(const struct mill_side *t, double key)
{
    double v = normalise(key);
    return keyset_find(&t->keys, hash_tagged(KEY_NUMBER, &v, sizeof v), KEY_NUMBER, &v, sizeof v);
}

bool mill_side_key(const struct mill_side *t, uint32_t number, struct mill_slice *key)
{
    const struct keyset_key *k = &t->keys.keys[number];
    *key = (struct mill_slice){.ptr = k->bytes + 1, .len = k->size - 1};
    return (uint8_t)k->bytes[0] == KEY_STRING;
}

const struct mill_slice *mill_side_rows(const struct mill_side *t)
{
    return t->rows;
}

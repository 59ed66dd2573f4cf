#include "flow/top.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "data/key.h"

void top_init(struct mill_top *t, uint32_t max)
{
    *t = (struct mill_top){.max = max};
}

void top_clear(struct mill_top *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        memory_free(t->entries[i].bytes);
    }
    t->count = 0;
    t->ordinal = 0;
}

void top_deinit(struct mill_top *t)
{
    top_clear(t);
    memory_free(t->entries);
    *t = (struct mill_top){0};
}

/* Below 0 when a comes before b in the result. */
static int compare(const struct top_entry *a, const struct top_entry *b)
{
    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    int order = key_compare(a->bytes, a->key_size, b->bytes, b->key_size);
    if (order != 0) {
        return order;
    }
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    return a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
}

static int compare_entries(const void *left, const void *right)
{
    return compare(left, right);
}

static void swap(struct mill_top *t, uint32_t a, uint32_t b)
{
    struct top_entry entry = t->entries[a];
    t->entries[a] = t->entries[b];
    t->entries[b] = entry;
}

/* The last in order is on top, so that it can make room. */
static void sift_up(struct mill_top *t, uint32_t at)
{
    while (at > 0 && compare(&t->entries[at], &t->entries[(at - 1) / 2]) > 0) {
        swap(t, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct mill_top *t, uint32_t at)
{
    for (uint32_t child = 2 * at + 1; child < t->count; child = 2 * at + 1) {
        if (child + 1 < t->count && compare(&t->entries[child + 1], &t->entries[child]) > 0) {
            child++;
        }
        if (compare(&t->entries[child], &t->entries[at]) <= 0) {
            return;
        }
        swap(t, at, child);
        at = child;
    }
}

bool mill_top_wants(const struct mill_top *t, double score)
{
    return t->count < t->max || score >= t->entries[0].score;
}

/* Takes the entry; one that is not among the n largest is freed. */
static void put(struct mill_top *t, const struct top_entry *entry)
{
    if (t->count < t->max) {
        if (t->count == t->capacity) {
            t->capacity = t->capacity == 0 ? 64 : t->capacity * 2;
            t->entries = memory_grow(t->entries, t->capacity * sizeof *t->entries);
        }
        t->entries[t->count] = *entry;
        sift_up(t, t->count++);
        return;
    }
    if (compare(entry, &t->entries[0]) >= 0) {
        memory_free(entry->bytes);
        return;
    }
    memory_free(t->entries[0].bytes);
    t->entries[0] = *entry;
    sift_down(t, 0);
}

int mill_top_put(struct mill_top *t, double score, const struct mill_buffer *key,
                 const struct mill_buffer *value)
{
    const struct buffer *k = (const struct buffer *)key;
    const struct buffer *v = (const struct buffer *)value;
    if (v->failed || v->size > LIMIT_RECORD_BYTES_MAX) {
        return MILL_ELIMIT;
    }
    struct top_entry entry = {
        .score = score,
        .order = t->order,
        .ordinal = t->ordinal++,
        .key_size = (uint32_t)k->size,
        .size = (uint32_t)(k->size + v->size),
    };
    entry.bytes = memory_alloc(entry.size);
    if (k->size > 0) {
        memcpy(entry.bytes, k->data, k->size);
    }
    memcpy(entry.bytes + k->size, v->data, v->size);
    put(t, &entry);
    return 0;
}

void top_merge(struct mill_top *const *tops, uint32_t top_count)
{
    struct mill_top *all = tops[0];
    for (uint32_t i = 1; i < top_count; i++) {
        for (uint32_t k = 0; k < tops[i]->count; k++) {
            put(all, &tops[i]->entries[k]);
        }
        tops[i]->count = 0;
    }
    if (all->count > 0) {
        qsort(all->entries, all->count, sizeof *all->entries, compare_entries);
    }
}

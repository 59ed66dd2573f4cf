#include "flow/shuffle.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "data/key.h"
#include "flow/run_file.h"

/* Sorting moves these instead of the entries: 64 bits of the key decide nearly every comparison. */
struct shuffle_key {
    uint64_t prefix;
    const struct shuffle_entry *entry;
};

#define INSERTION_SORT_MAX 24
#define CAPACITY_MIN       1024 /* entries */
#define JUDGED_AFTER       100 /* epochs: is there room that none of them has used? */

void shuffle_init(struct mill_shuffle *s, const char *spill_folder, size_t bytes_max)
{
    *s = (struct mill_shuffle){.spill_folder = spill_folder, .bytes_max = bytes_max};
    arena_init(&s->arena);
    spill_init(&s->spill);
}

void shuffle_deinit(struct mill_shuffle *s)
{
    arena_deinit(&s->arena);
    spill_close(&s->spill);
    memory_free(s->entries);
    memory_free(s->sorted);
    memory_free(s->sort_keys);
    memory_free(s->runs);
    *s = (struct mill_shuffle){0};
}

static struct shuffle_entry *append(struct mill_shuffle *s)
{
    if (s->count == s->capacity) {
        s->capacity = s->capacity == 0 ? CAPACITY_MIN : s->capacity * 2;
        s->entries = memory_grow(s->entries, (size_t)s->capacity * sizeof *s->entries);
    }
    return &s->entries[s->count++];
}

size_t shuffle_memory(const struct mill_shuffle *s)
{
    size_t entry = sizeof *s->entries + sizeof *s->sort_keys + sizeof *s->sorted;
    return s->arena.bytes + (size_t)s->count * entry;
}

static uint64_t origin_of(const struct shuffle_origin *o, uint32_t index)
{
    if (o->lines != NULL) {
        return o->base + (uint64_t)(o->lines[index].ptr - o->text);
    }
    return o->words != NULL ? o->base + o->words[index].offset : o->base + index;
}

int shuffle_add_entry(struct mill_shuffle *s, const struct shuffle_entry *given)
{
    check(given->key_size > 0 && given->key_size <= LIMIT_KEY_BYTES_MAX + PANE_HEAD_BYTES);
    const struct mill_cell *cell = &given->cell;
    if (cell->kind != MILL_NUMBER && cell->len > LIMIT_RECORD_BYTES_MAX) {
        return MILL_ELIMIT;
    }
    if (shuffle_memory(s) > s->bytes_max) {
        int rc = shuffle_spill(s);
        if (rc != 0) {
            return rc;
        }
    }
    struct shuffle_entry *entry = append(s);
    *entry = *given;
    entry->key = arena_copy(&s->arena, given->key, given->key_size);
    if (cell->kind != MILL_NUMBER) {
        entry->cell.ptr = arena_copy(&s->arena, cell->ptr, cell->len);
    }
    return 0;
}

int shuffle_add(struct mill_shuffle *s, struct slice key, const struct mill_cell *cell,
                uint32_t index)
{
    check(key.size > 0 && key.size <= LIMIT_KEY_BYTES_MAX);
    return shuffle_add_entry(s, &(struct shuffle_entry){
                                    .key = key.data,
                                    .key_size = (uint32_t)key.size,
                                    .key_group = key_group_of(hash_key(key.data, key.size)),
                                    .order = s->order,
                                    .origin = origin_of(&s->origin, index),
                                    .cell = *cell,
                                });
}

/* A double holds 53 bits: the source or stage above 44, the block's number below. */
void mill_place(const struct mill_shuffle *s, uint32_t i, double place[3])
{
    place[0] = (double)s->epoch;
    place[1] = (double)((s->order >> 56) << 44 | (s->order & (((uint64_t)1 << 44) - 1)));
    place[2] = (double)origin_of(&s->origin, i);
}

static struct slice key_of(const struct mill_buffer *key)
{
    const struct buffer *b = (const struct buffer *)key;
    return (struct slice){b->data, b->size};
}

int mill_shuffle_number(struct mill_shuffle *s, const struct mill_buffer *key, double value,
                        uint32_t origin)
{
    struct mill_cell cell = {.kind = MILL_NUMBER, .len = 1, .num = value};
    return shuffle_add(s, key_of(key), &cell, origin);
}

int mill_shuffle_string(struct mill_shuffle *s, const struct mill_buffer *key, const char *text,
                        size_t size, uint32_t origin)
{
    if (size > LIMIT_RECORD_BYTES_MAX) {
        return MILL_ELIMIT;
    }
    struct mill_cell cell = {.kind = MILL_STRING, .len = (uint32_t)size, .ptr = text};
    return shuffle_add(s, key_of(key), &cell, origin);
}

int mill_shuffle_record(struct mill_shuffle *s, const struct mill_buffer *key, const char *json,
                        size_t size, uint32_t origin)
{
    if (size > LIMIT_RECORD_BYTES_MAX) {
        return MILL_ELIMIT;
    }
    struct mill_cell cell = {.kind = MILL_RECORD, .len = (uint32_t)size, .ptr = json};
    return shuffle_add(s, key_of(key), &cell, origin);
}

int mill_shuffle_packed(struct mill_shuffle *s, const struct mill_buffer *key,
                        const struct mill_buffer *value, uint32_t origin)
{
    const struct buffer *b = (const struct buffer *)value;
    if (b->failed || b->size > LIMIT_RECORD_BYTES_MAX) {
        return MILL_ELIMIT;
    }
    struct mill_cell cell = {.kind = MILL_PACKED, .len = (uint32_t)b->size, .ptr = b->data};
    return shuffle_add(s, key_of(key), &cell, origin);
}

/* The first group of a group's shard: entries of a shard are dealt to it, and sorted by their keys
 * alone. */
static uint32_t first_group(uint32_t group)
{
    return group - group % (KEY_GROUP_COUNT / SHARD_COUNT);
}

static void set_pane(struct shuffle_entry *entry, const struct table *t, uint32_t slot)
{
    uint32_t group = pane_head_group(entry->key);
    if (t->panes == TABLE_PANES) {
        entry->key_group = first_group(group);
        entry->order = 0;
        return;
    }
    const struct mill_span *span = &t->shared.spans[slot];
    entry->key += PANE_HEAD_BYTES;
    entry->key_size -= PANE_HEAD_BYTES;
    entry->key_group = group;
    entry->order = (uint64_t)span->first_ms;
    entry->origin = (uint64_t)span->last_ms;
}

void shuffle_add_table(struct mill_shuffle *s, const struct table *t)
{
    for (uint32_t i = 0; i < t->touched_count; i++) {
        uint32_t slot = t->touched[i];
        if (t->shared.slots[slot].kind == MILL_EMPTY) {
            continue; /* its first value could not be kept */
        }
        const struct keyset_key *key = &t->keys.keys[slot];
        struct shuffle_entry *entry = append(s);
        *entry = (struct shuffle_entry){
            .key = key->bytes,
            .key_size = key->size,
            .key_group = key_group_of(t->keys.hashes[slot]),
            .order = s->order,
            .cell = table_cell(t, slot),
        };
        if (entry->cell.kind == MILL_NUMBER) {
            entry->cell.len = t->shared.slots[slot].count;
        }
        if (t->panes != TABLE_KEYS) {
            set_pane(entry, t, slot);
        }
    }
}

int shuffle_compare(const struct shuffle_entry *a, const struct shuffle_entry *b)
{
    if (a->key_group != b->key_group) {
        return a->key_group < b->key_group ? -1 : 1;
    }
    int order = key_compare(a->key, a->key_size, b->key, b->key_size);
    if (order != 0) {
        return order;
    }
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    return a->origin < b->origin ? -1 : a->origin > b->origin;
}

/* The first eight bytes of a key, as a number that sorts like them. */
static uint64_t prefix_of(const struct shuffle_entry *entry)
{
    uint8_t first[8] = {0};
    memcpy(first, entry->key, entry->key_size < 8 ? entry->key_size : 8);
    return bytes_get_u64(first);
}

/* Entries lie in the order of their appearance, so their addresses make the sort stable. */
static int compare_keys(const void *left, const void *right)
{
    const struct shuffle_key *a = left;
    const struct shuffle_key *b = right;
    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix ? -1 : 1;
    }
    int order = shuffle_compare(a->entry, b->entry);
    if (order != 0) {
        return order;
    }
    return a->entry < b->entry ? -1 : a->entry > b->entry;
}

static void sort_group(struct shuffle_key *keys, uint32_t count)
{
    if (count > INSERTION_SORT_MAX) {
        qsort(keys, count, sizeof *keys, compare_keys);
        return;
    }
    for (uint32_t i = 1; i < count; i++) {
        struct shuffle_key key = keys[i];
        uint32_t at = i;
        while (at > 0 && compare_keys(&key, &keys[at - 1]) < 0) {
            keys[at] = keys[at - 1];
            at--;
        }
        keys[at] = key;
    }
}

/* Deal the entries to their key groups (they are hashes: even), then sort each group. */
static void sort(struct mill_shuffle *s)
{
    if (s->sort_capacity < s->count) {
        s->sort_capacity = s->capacity;
        s->sort_keys = memory_grow(s->sort_keys, (size_t)s->sort_capacity * sizeof *s->sort_keys);
        s->sorted = memory_grow(s->sorted, (size_t)s->sort_capacity * sizeof *s->sorted);
    }
    uint32_t start[KEY_GROUP_COUNT + 1] = {0};
    for (uint32_t i = 0; i < s->count; i++) {
        start[s->entries[i].key_group + 1]++;
    }
    for (uint32_t g = 0; g < KEY_GROUP_COUNT; g++) {
        start[g + 1] += start[g];
    }
    for (uint32_t shard = 0; shard <= SHARD_COUNT; shard++) {
        s->shard_start[shard] = start[(size_t)shard * (KEY_GROUP_COUNT / SHARD_COUNT)];
    }
    for (uint32_t i = 0; i < s->count; i++) {
        const struct shuffle_entry *entry = &s->entries[i];
        s->sort_keys[start[entry->key_group]++] = (struct shuffle_key){prefix_of(entry), entry};
    }
    uint32_t from = 0;
    for (uint32_t g = 0; g < KEY_GROUP_COUNT; g++) {
        sort_group(s->sort_keys + from, start[g] - from);
        from = start[g];
    }
    for (uint32_t i = 0; i < s->count; i++) {
        s->sorted[i] = (uint32_t)(s->sort_keys[i].entry - s->entries);
    }
}

void shuffle_seal(struct mill_shuffle *s)
{
    if (s->count > 0) {
        sort(s);
    } else {
        memset(s->shard_start, 0, sizeof s->shard_start);
    }
}

/* An epoch that was larger than others, because something held the job up, would keep its memory
 * for ever. */
static void give_back(struct mill_shuffle *s)
{
    uint32_t wanted = CAPACITY_MIN;
    while (wanted < s->peak) {
        wanted *= 2;
    }
    if (wanted <= s->capacity / 2) {
        s->capacity = wanted;
        s->entries = memory_grow(s->entries, (size_t)wanted * sizeof *s->entries);
    }
    if (wanted <= s->sort_capacity / 2) {
        memory_free(s->sort_keys);
        memory_free(s->sorted);
        s->sort_keys = NULL;
        s->sorted = NULL;
        s->sort_capacity = 0;
    }
    s->peak = 0;
    s->clear_count = 0;
}

static void forget_entries(struct mill_shuffle *s)
{
    s->peak = s->count > s->peak ? s->count : s->peak;
    s->count = 0;
    arena_reset(&s->arena);
}

int shuffle_spill(struct mill_shuffle *s)
{
    if (s->error.code != 0 || s->count == 0) {
        return s->error.code;
    }
    if (s->spill.fd < 0 && spill_open(&s->spill, s->spill_folder, &s->error) != 0) {
        return s->error.code;
    }
    sort(s);
    s->runs = memory_grow(s->runs, ((size_t)s->run_count + 1) * sizeof *s->runs);
    if (run_file_write(s, &s->runs[s->run_count], &s->error) != 0) {
        return s->error.code;
    }
    s->run_count++;
    s->spilled_bytes = s->spill.size;
    forget_entries(s);
    return 0;
}

void shuffle_clear(struct mill_shuffle *s)
{
    forget_entries(s);
    s->run_count = 0;
    s->spilled_bytes = 0;
    error_clear(&s->error);
    if (s->spill.fd >= 0) {
        spill_reset(&s->spill);
    }
    if (++s->clear_count == JUDGED_AFTER) {
        give_back(s);
    }
}

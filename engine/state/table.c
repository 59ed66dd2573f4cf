#include "state/table.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "data/key.h"

#define TABLE_KEYS_MAX  ((uint32_t)1 << 30)
#define TABLE_SLOTS_MIN 512

static void grow_slots(struct table *t, uint32_t capacity)
{
    t->shared.slots = memory_grow(t->shared.slots, (size_t)capacity * sizeof *t->shared.slots);
    memset(t->shared.slots + t->slot_capacity, 0,
           (size_t)(capacity - t->slot_capacity) * sizeof *t->shared.slots);
    if (t->panes == TABLE_SPANS) {
        t->shared.spans = memory_grow(t->shared.spans, (size_t)capacity * sizeof *t->shared.spans);
    }
    if (t->packed != NULL) {
        t->packed = memory_grow(t->packed, (size_t)capacity * sizeof *t->packed);
    }
    t->slot_capacity = capacity;
}

void table_init(struct table *t, size_t bytes_max)
{
    *t = (struct table){.bytes_max = bytes_max, .generation = 1};
    keyset_init(&t->keys, TABLE_KEYS_MAX, SIZE_MAX / 2);
    arena_init(&t->arena);
    buffer_init(&t->pane_key, LIMIT_KEY_BYTES_MAX + PANE_HEAD_BYTES);
    grow_slots(t, TABLE_SLOTS_MIN);
}

void table_use_panes(struct table *t, bool has_spans)
{
    check(t->keys.count == 0);
    t->panes = has_spans ? TABLE_SPANS : TABLE_PANES;
    if (has_spans) {
        t->shared.spans = memory_alloc((size_t)t->slot_capacity * sizeof *t->shared.spans);
    }
}

void table_deinit(struct table *t)
{
    keyset_deinit(&t->keys);
    arena_deinit(&t->arena);
    buffer_deinit(&t->pane_key);
    memory_free(t->shared.slots);
    memory_free(t->shared.spans);
    memory_free(t->touched);
    memory_free(t->packed);
    *t = (struct table){0};
}

uint32_t table_slot(struct table *t, uint64_t hash, uint8_t tag, const void *payload, size_t size)
{
    if (size + 1 > LIMIT_KEY_BYTES_MAX) {
        return 0;
    }
    uint32_t slot = keyset_add(&t->keys, hash, tag, payload, size);
    check(slot != 0);
    if (slot >= t->slot_capacity) {
        grow_slots(t, t->slot_capacity * 2);
    }
    return slot;
}

uint32_t mill_table_string(struct mill_table *shared, const char *s, size_t size)
{
    struct table *t = (struct table *)shared;
    return table_slot(t, hash_tagged(KEY_STRING, s, size), KEY_STRING, s, size);
}

uint32_t mill_table_key(struct mill_table *shared, const struct mill_buffer *key)
{
    const struct buffer *b = (const struct buffer *)key;
    if (b->failed || b->size == 0) {
        return 0;
    }
    return table_slot((struct table *)shared, hash_key(b->data, b->size), (uint8_t)b->data[0],
                      b->data + 1, b->size - 1);
}

void pane_head_put(char head[PANE_HEAD_BYTES], uint64_t pane_ms, uint16_t key_group)
{
    bytes_put_u64(head, pane_ms << 16 | key_group);
}

uint64_t pane_head_time(const char *head)
{
    return bytes_get_u64(head) >> 16;
}

uint16_t pane_head_group(const char *head)
{
    return bytes_get_u16(head + 6);
}

static uint32_t pane_slot(struct table *t, double pane_ms, uint8_t tag, const void *payload,
                          size_t size)
{
    check(t->panes != TABLE_KEYS && pane_ms >= 0);
    if (size + 1 > LIMIT_KEY_BYTES_MAX) {
        return 0;
    }
    char head[PANE_HEAD_BYTES];
    uint32_t group = key_group_of(hash_tagged(tag, payload, size));
    pane_head_put(head, (uint64_t)pane_ms, (uint16_t)group);
    struct buffer *key = &t->pane_key;
    buffer_clear(key);
    int rc = buffer_append(key, head, sizeof head);
    rc = rc == 0 ? bytes_add_u8(key, tag) : rc;
    rc = rc == 0 ? buffer_append(key, payload, size) : rc;
    check(rc == 0);
    uint64_t hash = hash_key(key->data, key->size);
    uint32_t slot = keyset_add(&t->keys, hash, (uint8_t)key->data[0], key->data + 1, key->size - 1);
    check(slot != 0);
    if (slot >= t->slot_capacity) {
        grow_slots(t, t->slot_capacity * 2);
    }
    return slot;
}

uint32_t mill_pane_string(struct mill_table *shared, double pane_ms, const char *s, size_t size)
{
    return pane_slot((struct table *)shared, pane_ms, KEY_STRING, s, size);
}

uint32_t mill_pane_key(struct mill_table *shared, double pane_ms, const struct mill_buffer *key)
{
    const struct buffer *b = (const struct buffer *)key;
    if (b->failed || b->size == 0) {
        return 0;
    }
    return pane_slot((struct table *)shared, pane_ms, (uint8_t)b->data[0], b->data + 1,
                     b->size - 1);
}

void mill_table_touch(struct mill_table *shared, uint32_t slot)
{
    struct table *t = (struct table *)shared;
    check(slot > 0 && slot <= t->keys.count);
    if (t->touched_count == t->touched_capacity) {
        t->touched_capacity = t->touched_capacity == 0 ? 512 : t->touched_capacity * 2;
        t->touched = memory_grow(t->touched, t->touched_capacity * sizeof *t->touched);
    }
    t->touched[t->touched_count++] = slot;
    if (table_memory(t) > t->bytes_max) {
        t->shared.full = 1;
    }
}

uint32_t mill_table_touched(const struct mill_table *shared, uint32_t i)
{
    const struct table *t = (const struct table *)shared;
    check(i < t->touched_count);
    return t->touched[i];
}

int mill_table_pack(struct mill_table *shared, uint32_t slot, const struct mill_buffer *value)
{
    struct table *t = (struct table *)shared;
    const struct buffer *b = (const struct buffer *)value;
    if (b->failed || b->size > LIMIT_RECORD_BYTES_MAX) {
        t->shared.slots[slot].kind = MILL_EMPTY;
        return MILL_ELIMIT;
    }
    table_pack(t, slot, MILL_PACKED, b->data, b->size);
    return 0;
}

bool mill_table_put_record(struct mill_table *shared, uint32_t slot, const char *json, size_t size)
{
    if (size > LIMIT_RECORD_BYTES_MAX) {
        return false;
    }
    struct table *t = (struct table *)shared;
    bool is_there = t->shared.slots[slot].kind == MILL_RECORD && t->packed[slot].data == json;
    if (!is_there) {
        table_pack(t, slot, MILL_RECORD, json, size);
        t->shared.full |= table_memory(t) > t->bytes_max;
    }
    return true;
}

void mill_table_record(const struct mill_table *shared, uint32_t slot, struct mill_slice *json)
{
    const struct table *t = (const struct table *)shared;
    check(t->shared.slots[slot].kind == MILL_RECORD);
    *json = (struct mill_slice){.ptr = t->packed[slot].data, .len = (uint32_t)t->packed[slot].size};
}

static bool has_bytes(enum mill_kind kind)
{
    return kind == MILL_STRING || kind == MILL_PACKED || kind == MILL_RECORD;
}

void table_pack(struct table *t, uint32_t slot, enum mill_kind kind, const void *bytes, size_t size)
{
    check(has_bytes(kind));
    check(slot < t->slot_capacity && size <= UINT32_MAX);
    if (t->packed == NULL) {
        t->packed = memory_alloc((size_t)t->slot_capacity * sizeof *t->packed);
    }
    t->packed[slot] = (struct slice){arena_copy(&t->arena, bytes, size), size};
    t->shared.slots[slot].kind = (uint32_t)kind;
}

struct mill_cell table_cell(const struct table *t, uint32_t slot)
{
    const struct mill_slot *s = &t->shared.slots[slot];
    struct mill_cell cell = {.kind = (uint16_t)s->kind};
    if (s->kind == MILL_NUMBER) {
        cell.num = s->num;
    } else {
        check(has_bytes((enum mill_kind)s->kind));
        cell.ptr = t->packed[slot].data;
        cell.len = (uint32_t)t->packed[slot].size;
    }
    return cell;
}

/* Slots go too: they are numbered by the keys, and alone could hold the table above its budget. */
static void forget_keys(struct table *t)
{
    keyset_deinit(&t->keys);
    keyset_init(&t->keys, TABLE_KEYS_MAX, SIZE_MAX / 2);
    memory_free(t->shared.slots);
    memory_free(t->shared.spans);
    memory_free(t->packed);
    t->shared.slots = NULL;
    t->shared.spans = NULL;
    t->packed = NULL;
    t->slot_capacity = 0;
    grow_slots(t, TABLE_SLOTS_MIN);
    t->generation++;
}

void table_clear(struct table *t)
{
    for (uint32_t i = 0; i < t->touched_count; i++) {
        t->shared.slots[t->touched[i]] = (struct mill_slot){0};
    }
    t->touched_count = 0;
    arena_reset(&t->arena);
    t->shared.full = 0;
    if (table_memory(t) > t->bytes_max) {
        forget_keys(t);
    }
}

size_t table_memory(const struct table *t)
{
    return keyset_memory(&t->keys) + t->arena.bytes +
           (size_t)t->slot_capacity *
               (sizeof *t->shared.slots + (t->packed ? sizeof *t->packed : 0) +
                (t->shared.spans ? sizeof *t->shared.spans : 0));
}

#include "data/keyset.h"

#include <string.h>

#include "base/check.h"

#define KEYSET_BUCKETS_MIN ((uint32_t)1024)

static void alloc_keys(struct keyset *s, uint32_t capacity)
{
    s->capacity = capacity;
    s->keys = memory_grow(s->keys, (size_t)capacity * sizeof *s->keys);
    s->hashes = memory_grow(s->hashes, (size_t)capacity * sizeof *s->hashes);
}

void keyset_init(struct keyset *s, uint32_t count_max, size_t bytes_max)
{
    check(count_max > 0 && count_max < (uint32_t)1 << 31);
    *s = (struct keyset){.count_max = count_max, .bytes_max = bytes_max};
    s->mask = KEYSET_BUCKETS_MIN - 1;
    s->buckets = memory_zero(KEYSET_BUCKETS_MIN, sizeof *s->buckets);
    alloc_keys(s, KEYSET_BUCKETS_MIN / 2 + 1);
    arena_init(&s->arena);
}

void keyset_deinit(struct keyset *s)
{
    memory_free(s->buckets);
    memory_free(s->keys);
    memory_free(s->hashes);
    arena_deinit(&s->arena);
    *s = (struct keyset){0};
}

void keyset_clear(struct keyset *s)
{
    memset(s->buckets, 0, ((size_t)s->mask + 1) * sizeof *s->buckets);
    s->count = 0;
    arena_reset(&s->arena);
}

static void put_bucket(struct keyset *s, uint64_t hash, uint32_t number)
{
    uint32_t i = (uint32_t)hash & s->mask;
    while (s->buckets[i].number != 0) {
        i = (i + 1) & s->mask;
    }
    s->buckets[i] = (struct keyset_bucket){(uint32_t)(hash >> 32), number};
}

static void grow(struct keyset *s)
{
    uint32_t bucket_count = (s->mask + 1) * 2;
    check(bucket_count > s->mask);
    memory_free(s->buckets);
    s->buckets = memory_zero(bucket_count, sizeof *s->buckets);
    s->mask = bucket_count - 1;
    for (uint32_t number = 1; number <= s->count; number++) {
        put_bucket(s, s->hashes[number], number);
    }
    alloc_keys(s, bucket_count / 2 + 1);
}

static uint32_t add_new(struct keyset *s, uint64_t hash, uint8_t tag, const void *payload,
                        size_t size)
{
    if (s->count == s->count_max || s->arena.bytes + size + 1 > s->bytes_max) {
        return 0;
    }
    if (s->count + 1 >= s->capacity) {
        grow(s);
    }
    char *bytes = arena_alloc(&s->arena, size + 1);
    bytes[0] = (char)tag;
    memcpy(bytes + 1, payload, size);
    uint32_t number = ++s->count;
    s->keys[number] = (struct keyset_key){bytes, (uint32_t)size + 1};
    s->hashes[number] = hash;
    put_bucket(s, hash, number);
    return number;
}

uint32_t keyset_find(const struct keyset *s, uint64_t hash, uint8_t tag, const void *payload,
                     size_t size)
{
    uint32_t upper = (uint32_t)(hash >> 32);
    uint32_t i = (uint32_t)hash & s->mask;
    for (;; i = (i + 1) & s->mask) {
        struct keyset_bucket bucket = s->buckets[i];
        if (bucket.number == 0) {
            return 0;
        }
        if (bucket.tag != upper) {
            continue;
        }
        const struct keyset_key *key = &s->keys[bucket.number];
        if (key->size == size + 1 && key->bytes[0] == (char)tag &&
            memcmp(key->bytes + 1, payload, size) == 0) {
            return bucket.number;
        }
    }
}

uint32_t keyset_add(struct keyset *s, uint64_t hash, uint8_t tag, const void *payload, size_t size)
{
    uint32_t number = keyset_find(s, hash, tag, payload, size);
    return number != 0 ? number : add_new(s, hash, tag, payload, size);
}

size_t keyset_memory(const struct keyset *s)
{
    return ((size_t)s->mask + 1) * sizeof *s->buckets +
           (size_t)s->capacity * (sizeof *s->keys + sizeof *s->hashes) + s->arena.bytes;
}

/*
 * A set of keys with dense numbers: each new key gets the next number, from 1 on, and keeps it
 * until the set is cleared. What belongs to a key lives in arrays indexed by its number.
 *
 * Why this shape: a lookup touches one 8-byte bucket (32 bits of the hash, the number) and, when
 * those agree, the key's bytes. 100,000 words make buckets of 2 MiB, and a miss of the cache on
 * the way to the bucket is the cost that counts.
 *
 *     buckets    [ tag | number ]  open addressing, linear, at most half full
 *     keys       number -> bytes, length      bytes include the type tag (data/key.h)
 *     hashes     number -> 64-bit hash        for growing and for the key group
 *
 * Owner: one worker. No removal: clear all. @thread owner only
 */
#ifndef DATA_KEYSET_H
#define DATA_KEYSET_H

#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

struct keyset_bucket {
    uint32_t tag;    /**< upper half of the hash */
    uint32_t number; /**< 0: free */
};

struct keyset_key {
    const char *bytes; /**< in the arena */
    uint32_t size;     /**< bytes, with the type tag */
};

struct keyset {
    struct keyset_bucket *buckets;
    uint32_t mask; /**< bucket count - 1 */
    uint32_t count;
    uint32_t count_max;
    uint32_t capacity; /**< of keys and hashes, with the unused number 0 */
    struct keyset_key *keys;
    uint64_t *hashes;
    struct arena arena; /**< the keys' bytes */
    size_t bytes_max;   /**< of the arena */
};

/** @param count_max  keys at most, below 2^31  @param bytes_max  of all keys together */
void keyset_init(struct keyset *s, uint32_t count_max, size_t bytes_max);
void keyset_deinit(struct keyset *s);
/** Forget all keys; numbers begin at 1 again. Keeps the memory. */
void keyset_clear(struct keyset *s);

/**
 * The number of the key `tag payload`; a new key is copied.
 * @param hash  hash_tagged(tag, payload, size)
 * @return 0 when the key is new and the set is full
 */
uint32_t keyset_add(struct keyset *s, uint64_t hash, uint8_t tag, const void *payload, size_t size);

/** The number of a key that is there; else 0. Several threads may look while none adds. */
uint32_t keyset_find(const struct keyset *s, uint64_t hash, uint8_t tag, const void *payload,
                     size_t size);

/** Bytes of memory that the set holds on to. */
size_t keyset_memory(const struct keyset *s);

/** Begin to load the bucket of a hash that will be looked up soon... */
static inline void keyset_prefetch(const struct keyset *s, uint64_t hash)
{
    __builtin_prefetch(&s->buckets[(uint32_t)hash & s->mask]);
}

/** ...and, once that has come, the key that it leads to. */
static inline void keyset_prefetch_key(const struct keyset *s, uint64_t hash)
{
    __builtin_prefetch(&s->keys[s->buckets[(uint32_t)hash & s->mask].number]);
}

static inline void keyset_prefetch_bytes(const struct keyset *s, uint64_t hash)
{
    __builtin_prefetch(s->keys[s->buckets[(uint32_t)hash & s->mask].number].bytes);
}

#endif

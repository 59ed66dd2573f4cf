/*
 * The hash of keys: XXH3 of the encoded key, seeded by its first byte (the type tag), so that
 * the hash of a word is known without first writing the tag in front of it (data/key.h).
 * Stable for ever: a key's group, and with it its place in the store, comes from it.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"
#include "base/limits.h"

/** @param tag  the encoded key's first byte  @param payload  the bytes behind it */
static inline uint64_t hash_tagged(uint8_t tag, const void *payload, size_t size)
{
    return XXH3_64bits_withSeed(payload, size, tag);
}

/** Hash of an encoded key; size > 0. */
static inline uint64_t hash_key(const void *key, size_t size)
{
    const uint8_t *bytes = key;
    return hash_tagged(bytes[0], bytes + 1, size - 1);
}

/** Checksum of stored bytes. */
static inline uint64_t hash_bytes(const void *bytes, size_t size)
{
    return XXH3_64bits(bytes, size);
}

/** A checksum of bytes that come piece by piece: XXH3_64bits_update, then XXH3_64bits_digest.
 * @owns the caller, until XXH3_freeState */
static inline XXH3_state_t *hash_sum_create(void)
{
    XXH3_state_t *sum = XXH3_createState();
    check(sum != NULL);
    XXH3_64bits_reset(sum);
    return sum;
}

/** The same, different for each seed. */
static inline uint64_t hash_bytes_seeded(const void *bytes, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, size, seed);
}

static inline uint32_t key_group_of(uint64_t hash)
{
    return (uint32_t)(hash % KEY_GROUP_COUNT);
}

static inline uint32_t shard_of_group(uint32_t key_group)
{
    return key_group / (KEY_GROUP_COUNT / SHARD_COUNT);
}

#endif

/*
 * Reading and writing the fields of stored records: fixed-width big-endian integers (so that
 * keys sort by value) and length-prefixed byte strings.
 *
 * A reader never goes past its end: a read that would sets `failed`, returns zero or an empty
 * string, and so does every read after it. Check `failed` once, when all fields are read.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buffer.h"

struct slice {
    const char *data; /**< borrowed */
    size_t size;
};

static inline bool slice_is(struct slice s, const char *text)
{
    return s.size == strlen(text) && memcmp(s.data, text, s.size) == 0;
}

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline uint16_t bytes_get_u16(const void *p)
{
    const uint8_t *b = (const uint8_t *)p;
    return (uint16_t)((unsigned)b[0] << 8 | b[1]);
}

static inline uint32_t bytes_get_u32(const void *p)
{
    uint32_t v = 0;
    __builtin_memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

static inline uint64_t bytes_get_u64(const void *p)
{
    uint64_t v = 0;
    __builtin_memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

static inline void bytes_put_u16(void *p, uint16_t v)
{
    uint16_t big = __builtin_bswap16(v);
    __builtin_memcpy(p, &big, sizeof big);
}

static inline void bytes_put_u32(void *p, uint32_t v)
{
    uint32_t big = __builtin_bswap32(v);
    __builtin_memcpy(p, &big, sizeof big);
}

static inline void bytes_put_u64(void *p, uint64_t v)
{
    uint64_t big = __builtin_bswap64(v);
    __builtin_memcpy(p, &big, sizeof big);
}

/* Appending to a buffer. @return 0, or MILL_ELIMIT when the buffer's maximum is reached. */
int bytes_add_u8(struct buffer *b, uint8_t v) __attribute__((warn_unused_result));
int bytes_add_u16(struct buffer *b, uint16_t v) __attribute__((warn_unused_result));
int bytes_add_u32(struct buffer *b, uint32_t v) __attribute__((warn_unused_result));
int bytes_add_u64(struct buffer *b, uint64_t v) __attribute__((warn_unused_result));
/** u32 length, then the bytes. */
int bytes_add_string(struct buffer *b, const void *bytes, size_t size)
    __attribute__((warn_unused_result));

void reader_init(struct reader *r, const void *bytes, size_t size);
size_t reader_left(const struct reader *r);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
/** @return borrowed from what is read; empty after a failure. */
struct slice reader_string(struct reader *r);
struct slice reader_bytes(struct reader *r, size_t size);

#endif

#include "base/bytes.h"

#include <string.h>

#include "base/error.h"

int bytes_add_u8(struct buffer *b, uint8_t v)
{
    return buffer_append(b, &v, sizeof v);
}

int bytes_add_u16(struct buffer *b, uint16_t v)
{
    uint8_t raw[sizeof v];
    bytes_put_u16(raw, v);
    return buffer_append(b, raw, sizeof raw);
}

int bytes_add_u32(struct buffer *b, uint32_t v)
{
    uint8_t raw[sizeof v];
    bytes_put_u32(raw, v);
    return buffer_append(b, raw, sizeof raw);
}

int bytes_add_u64(struct buffer *b, uint64_t v)
{
    uint8_t raw[sizeof v];
    bytes_put_u64(raw, v);
    return buffer_append(b, raw, sizeof raw);
}

int bytes_add_string(struct buffer *b, const void *bytes, size_t size)
{
    if (size > UINT32_MAX) {
        b->failed = true;
        return MILL_ELIMIT;
    }
    int rc = buffer_reserve(b, size + sizeof(uint32_t));
    if (rc == 0) {
        rc = bytes_add_u32(b, (uint32_t)size);
    }
    return rc == 0 ? buffer_append(b, bytes, size) : rc;
}

void reader_init(struct reader *r, const void *bytes, size_t size)
{
    r->at = bytes;
    r->end = r->at + size;
    r->failed = false;
}

size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

struct slice reader_bytes(struct reader *r, size_t size)
{
    if (r->failed || size > reader_left(r)) {
        r->failed = true;
        return (struct slice){"", 0};
    }
    struct slice s = {(const char *)r->at, size};
    r->at += size;
    return s;
}

uint8_t reader_u8(struct reader *r)
{
    struct slice s = reader_bytes(r, 1);
    return r->failed ? 0 : (uint8_t)s.data[0];
}

uint16_t reader_u16(struct reader *r)
{
    struct slice s = reader_bytes(r, sizeof(uint16_t));
    return r->failed ? 0 : bytes_get_u16(s.data);
}

uint32_t reader_u32(struct reader *r)
{
    struct slice s = reader_bytes(r, sizeof(uint32_t));
    return r->failed ? 0 : bytes_get_u32(s.data);
}

uint64_t reader_u64(struct reader *r)
{
    struct slice s = reader_bytes(r, sizeof(uint64_t));
    return r->failed ? 0 : bytes_get_u64(s.data);
}

struct slice reader_string(struct reader *r)
{
    uint32_t size = reader_u32(r);
    return reader_bytes(r, size);
}

#include "data/msgpack.h"

#include <math.h>
#include <msgpack.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"

#define EXACT_INTEGER_MAX 9007199254740992.0 /* 2^53 */

static int append(void *data, const char *bytes, size_t size)
{
    return buffer_append(data, bytes, size);
}

/* The library keeps nothing between calls, so a packer is made for each value. */
#define PACK(b, call)                                                                              \
    do {                                                                                           \
        msgpack_packer packer = {.data = (b), .callback = append};                                 \
        call;                                                                                      \
    } while (0)

void msgpack_add_nil(struct buffer *b)
{
    PACK(b, msgpack_pack_nil(&packer));
}

void msgpack_add_boolean(struct buffer *b, bool v)
{
    PACK(b, v ? msgpack_pack_true(&packer) : msgpack_pack_false(&packer));
}

void msgpack_add_number(struct buffer *b, double v)
{
    bool whole = v >= -EXACT_INTEGER_MAX && v <= EXACT_INTEGER_MAX && v == floor(v);
    if (whole && !(v == 0 && signbit(v))) {
        PACK(b, msgpack_pack_int64(&packer, (int64_t)v));
    } else {
        PACK(b, msgpack_pack_double(&packer, v));
    }
}

void msgpack_add_int64(struct buffer *b, int64_t v)
{
    PACK(b, msgpack_pack_int64(&packer, v));
}

void msgpack_add_uint64(struct buffer *b, uint64_t v)
{
    PACK(b, msgpack_pack_uint64(&packer, v));
}

void msgpack_add_string(struct buffer *b, const char *s, size_t size)
{
    if (size > UINT32_MAX) {
        b->failed = true;
        return;
    }
    PACK(b, msgpack_pack_str_with_body(&packer, s, size));
}

void msgpack_add_array(struct buffer *b, uint32_t count)
{
    PACK(b, msgpack_pack_array(&packer, count));
}

void msgpack_add_map(struct buffer *b, uint32_t count)
{
    PACK(b, msgpack_pack_map(&packer, count));
}

void msgpack_add_record(struct buffer *b, const char *json, size_t size)
{
    if (size > UINT32_MAX) {
        b->failed = true;
        return;
    }
    PACK(b, msgpack_pack_ext_with_body(&packer, json, size, MSGPACK_RECORD));
}

/* What one head byte announces: bytes of content, and values that follow. */
struct head {
    size_t skip;
    uint64_t values;
    bool is_container;
    bool is_extension;
    bool is_bad; /* also extensions that we do not write */
};

static uint64_t read_size(struct reader *r, unsigned width)
{
    return width == 1 ? reader_u8(r) : width == 2 ? reader_u16(r) : reader_u32(r);
}

static struct head read_wide_head(struct reader *r, uint8_t byte)
{
    struct head h = {0};
    switch (byte) {
    case 0xc4:
    case 0xc5:
    case 0xc6: /* bin */
        h.skip = read_size(r, 1u << (byte - 0xc4));
        break;
    case 0xd9:
    case 0xda:
    case 0xdb: /* str */
        h.skip = read_size(r, 1u << (byte - 0xd9));
        break;
    case 0xca:
    case 0xce:
    case 0xd2:
        h.skip = 4;
        break;
    case 0xcb:
    case 0xcf:
    case 0xd3:
        h.skip = 8;
        break;
    case 0xcc:
    case 0xd0:
        h.skip = 1;
        break;
    case 0xcd:
    case 0xd1:
        h.skip = 2;
        break;
    case 0xdc:
    case 0xdd: /* array */
        h.values = read_size(r, byte == 0xdc ? 2 : 4);
        h.is_container = true;
        break;
    case 0xde:
    case 0xdf: /* map */
        h.values = 2 * read_size(r, byte == 0xde ? 2 : 4);
        h.is_container = true;
        break;
    case 0xc7:
    case 0xc8:
    case 0xc9: /* ext */
        h.skip = read_size(r, 1u << (byte - 0xc7));
        h.is_bad = reader_u8(r) != MSGPACK_RECORD;
        h.is_extension = true;
        break;
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8: /* fixext */
        h.skip = (size_t)1 << (byte - 0xd4);
        h.is_bad = reader_u8(r) != MSGPACK_RECORD;
        h.is_extension = true;
        break;
    default: /* the byte that is never used, and those without content */
        h.is_bad = byte == 0xc1;
        break;
    }
    return h;
}

static struct head read_head(struct reader *r)
{
    uint8_t byte = reader_u8(r);
    if (byte >= 0xc0 && byte < 0xe0) {
        return read_wide_head(r, byte);
    }
    struct head h = {0};
    if (byte >= 0x80 && byte <= 0x8f) {
        h.values = 2 * (uint64_t)(byte & 0x0f);
        h.is_container = true;
    } else if (byte >= 0x90 && byte <= 0x9f) {
        h.values = byte & 0x0f;
        h.is_container = true;
    } else if (byte >= 0xa0 && byte <= 0xbf) {
        h.skip = byte & 0x1f;
    }
    return h;
}

size_t msgpack_array_head(const void *bytes, size_t size, uint32_t *count)
{
    struct reader r;
    reader_init(&r, bytes, size);
    uint8_t byte = reader_u8(&r);
    bool is_array = (byte & 0xf0) == 0x90 || byte == 0xdc || byte == 0xdd;
    *count = byte == 0xdc ? reader_u16(&r) : byte == 0xdd ? reader_u32(&r) : byte & 0x0f;
    return r.failed || !is_array ? 0 : size - reader_left(&r);
}

struct slice msgpack_record(struct slice value)
{
    struct reader r;
    reader_init(&r, value.data, value.size);
    uint8_t byte = reader_u8(&r);
    bool is_record = (byte >= 0xc7 && byte <= 0xc9) || (byte >= 0xd4 && byte <= 0xd8);
    if (!is_record) {
        return (struct slice){NULL, 0};
    }
    size_t size = byte <= 0xc9 ? read_size(&r, 1u << (byte - 0xc7)) : (size_t)1 << (byte - 0xd4);
    is_record = reader_u8(&r) == MSGPACK_RECORD;
    struct slice json = reader_bytes(&r, size);
    return r.failed || !is_record ? (struct slice){NULL, 0} : json;
}

static int scan(const void *bytes, size_t size, bool takes_extensions, size_t *value_size)
{
    struct reader r;
    reader_init(&r, bytes, size);
    uint64_t left[LIMIT_VALUE_DEPTH_MAX + 1]; /* values still to come, by depth */
    int depth = 0;
    left[0] = 1;
    while (depth >= 0) {
        if (left[depth] == 0) {
            depth--;
            continue;
        }
        left[depth]--;
        struct head h = read_head(&r);
        reader_bytes(&r, h.skip);
        if (r.failed || h.is_bad || h.values > reader_left(&r) ||
            (h.is_extension && !takes_extensions)) {
            return MILL_ECORRUPT;
        }
        if (h.is_container) {
            if (depth == LIMIT_VALUE_DEPTH_MAX) {
                return MILL_ECORRUPT;
            }
            left[++depth] = h.values;
        }
    }
    *value_size = size - reader_left(&r);
    return 0;
}

int msgpack_scan(const void *bytes, size_t size, size_t *value_size)
{
    return scan(bytes, size, true, value_size);
}

bool msgpack_is_plain(const void *bytes, size_t size)
{
    size_t value_size = 0;
    return scan(bytes, size, false, &value_size) == 0 && value_size == size;
}

enum msgpack_found msgpack_measure(const void *bytes, size_t size, size_t *value_size)
{
    struct reader r;
    reader_init(&r, bytes, size);
    uint64_t left = 1; /* values still to come, at all depths */
    while (left > 0) {
        struct head h = read_head(&r);
        left += h.values - 1;
        if (h.is_bad && !h.is_extension) {
            return MSGPACK_NONE;
        }
        if (left > LIMIT_RECORD_BYTES_MAX || h.skip > LIMIT_RECORD_BYTES_MAX) {
            return MSGPACK_NONE;
        }
        reader_bytes(&r, h.skip);
        if (r.failed) {
            return MSGPACK_SHORT;
        }
    }
    *value_size = size - reader_left(&r);
    return MSGPACK_WHOLE;
}

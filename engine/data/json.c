#include "data/json.h"

#include <math.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "data/key.h"
#include "data/msgpack.h"

#define EXACT_INTEGER_MAX 9007199254740992.0 /* 2^53 */

static void add(struct buffer *b, const char *s, size_t size)
{
    (void)!buffer_append(b, s, size); /* a failure sticks in b->failed */
}

static void add_byte(struct buffer *b, char c)
{
    add(b, &c, 1);
}

void json_add_text(struct buffer *b, const char *s)
{
    add(b, s, strlen(s));
}

void json_add_boolean(struct buffer *b, bool v)
{
    json_add_text(b, v ? "true" : "false");
}

static void add_unsigned(struct buffer *b, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    add(b, digits + at, sizeof digits - at);
}

void json_add_int64(struct buffer *b, int64_t v)
{
    if (v < 0) {
        add_byte(b, '-');
    }
    add_unsigned(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void json_add_uint64(struct buffer *b, uint64_t v)
{
    add_unsigned(b, v);
}

bool json_add_number(struct buffer *b, double v)
{
    if (!isfinite(v)) {
        return false;
    }
    bool whole = v >= -EXACT_INTEGER_MAX && v <= EXACT_INTEGER_MAX && v == floor(v);
    if (whole && !(v == 0 && signbit(v))) {
        json_add_int64(b, (int64_t)v);
        return true;
    }
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) {
            break;
        }
    }
    json_add_text(b, text);
    return true;
}

static void add_escape(struct buffer *b, uint8_t c)
{
    static const char named[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *at = c == 0 ? NULL : memchr(named, c, sizeof named - 1);
    if (at != NULL) {
        char escape[2] = {'\\', letters[at - named]};
        add(b, escape, sizeof escape);
        return;
    }
    char escape[7];
    snprintf(escape, sizeof escape, "\\u%04x", c);
    add(b, escape, 6);
}

static bool needs_escape(uint8_t c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

void json_add_string(struct buffer *b, const char *s, size_t size)
{
    const char *end = s + size;
    add_byte(b, '"');
    while (s < end) {
        const char *plain = s;
        while (s < end && !needs_escape((uint8_t)*s)) {
            s++;
        }
        add(b, plain, (size_t)(s - plain));
        if (s < end) {
            add_escape(b, (uint8_t)*s++);
        }
    }
    add_byte(b, '"');
}

static void add_object(struct buffer *b, const msgpack_object *o);

/* Names are strings in JSON. Of a key that is a container, which we never write, only that: its
 * JSON inside a string would double its escapes at every level. */
static void add_member_name(struct buffer *b, const msgpack_object *name)
{
    switch (name->type) {
    case MSGPACK_OBJECT_STR:
    case MSGPACK_OBJECT_BIN:
        add_object(b, name);
        break;
    case MSGPACK_OBJECT_ARRAY:
        json_add_text(b, "\"[...]\"");
        break;
    case MSGPACK_OBJECT_MAP:
        json_add_text(b, "\"{...}\"");
        break;
    case MSGPACK_OBJECT_NIL:
    case MSGPACK_OBJECT_BOOLEAN:
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
    case MSGPACK_OBJECT_EXT:
        add_byte(b, '"');
        add_object(b, name);
        add_byte(b, '"');
        break;
    }
}

static void add_map(struct buffer *b, const msgpack_object_map *map)
{
    add_byte(b, '{');
    for (uint32_t i = 0; i < map->size; i++) {
        if (i > 0) {
            add_byte(b, ',');
        }
        add_member_name(b, &map->ptr[i].key);
        add_byte(b, ':');
        add_object(b, &map->ptr[i].val);
    }
    add_byte(b, '}');
}

static void add_array(struct buffer *b, const msgpack_object_array *array)
{
    add_byte(b, '[');
    for (uint32_t i = 0; i < array->size; i++) {
        if (i > 0) {
            add_byte(b, ',');
        }
        add_object(b, &array->ptr[i]);
    }
    add_byte(b, ']');
}

/* As deep as msgpack_scan lets it be. */
static void add_object(struct buffer *b, const msgpack_object *o)
{
    switch (o->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        json_add_boolean(b, o->via.boolean);
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        json_add_uint64(b, o->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        json_add_int64(b, o->via.i64);
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        if (!json_add_number(b, o->via.f64)) {
            json_add_text(b, "null");
        }
        break;
    case MSGPACK_OBJECT_STR:
        json_add_string(b, o->via.str.ptr, o->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        json_add_string(b, o->via.bin.ptr, o->via.bin.size);
        break;
    case MSGPACK_OBJECT_ARRAY:
        add_array(b, &o->via.array);
        break;
    case MSGPACK_OBJECT_MAP:
        add_map(b, &o->via.map);
        break;
    case MSGPACK_OBJECT_EXT: /* a record, by msgpack_scan */
        add(b, o->via.ext.ptr, o->via.ext.size);
        break;
    case MSGPACK_OBJECT_NIL:
        json_add_text(b, "null");
        break;
    }
}

int json_add_msgpack(struct buffer *b, const void *bytes, size_t size, size_t *used)
{
    int rc = msgpack_scan(bytes, size, used);
    if (rc != 0) {
        return rc;
    }
    msgpack_zone zone;
    msgpack_object object;
    size_t offset = 0;
    if (!msgpack_zone_init(&zone, MSGPACK_ZONE_CHUNK_SIZE)) {
        return MILL_ENOMEM;
    }
    int got = msgpack_unpack(bytes, *used, &offset, &zone, &object);
    if (got == MSGPACK_UNPACK_SUCCESS) {
        add_object(b, &object);
    }
    msgpack_zone_destroy(&zone);
    return got == MSGPACK_UNPACK_SUCCESS ? 0 : MILL_ECORRUPT;
}

static int add_key_string(struct buffer *b, const struct key_part *part, bool in_array)
{
    if (!in_array) {
        json_add_string(b, part->string.data, part->string.size);
        return 0;
    }
    struct buffer plain;
    buffer_init(&plain, LIMIT_KEY_BYTES_MAX);
    int rc = key_unescape(part->string, &plain);
    if (rc == 0) {
        json_add_string(b, plain.data, plain.size);
    }
    buffer_deinit(&plain);
    return rc;
}

static int add_key_part(struct buffer *b, const struct key_part *part, bool in_array)
{
    switch (part->type) {
    case KEY_IS_BOOLEAN:
        json_add_boolean(b, part->boolean);
        return 0;
    case KEY_IS_NUMBER:
        if (!json_add_number(b, part->number)) {
            json_add_text(b, part->number > 0 ? "1e999" : "-1e999");
        }
        return 0;
    case KEY_IS_INT64:
        json_add_int64(b, part->int64);
        return 0;
    case KEY_IS_UINT64:
        json_add_uint64(b, part->uint64);
        return 0;
    case KEY_IS_STRING:
        return add_key_string(b, part, in_array);
    case KEY_IS_ARRAY:
        add_byte(b, '[');
        return 0;
    case KEY_IS_END:
        add_byte(b, ']');
        return 0;
    }
    return MILL_ECORRUPT;
}

int json_add_key(struct buffer *b, const void *key, size_t size)
{
    struct reader r;
    reader_init(&r, key, size);
    int depth = 0;
    bool comma = false;
    do {
        struct key_part part;
        if (!key_read(&r, depth > 0, &part)) {
            return MILL_ECORRUPT;
        }
        if (comma && part.type != KEY_IS_END) {
            add_byte(b, ',');
        }
        int rc = add_key_part(b, &part, depth > 0);
        if (rc != 0) {
            return rc;
        }
        depth += part.type == KEY_IS_ARRAY ? 1 : part.type == KEY_IS_END ? -1 : 0;
        comma = part.type != KEY_IS_ARRAY;
    } while (depth > 0);
    return reader_left(&r) == 0 ? 0 : MILL_ECORRUPT;
}

void json_add_base64(struct buffer *b, const void *bytes, size_t size)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *in = bytes;
    add_byte(b, '"');
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t v = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                     (left > 2 ? in[i + 2] : 0);
        char four[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63], '=', '='};
        if (left > 1) {
            four[2] = alphabet[v >> 6 & 63];
        }
        if (left > 2) {
            four[3] = alphabet[v & 63];
        }
        add(b, four, sizeof four);
    }
    add_byte(b, '"');
}

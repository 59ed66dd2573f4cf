/*
 * The exported functions over buffers: what the Lua half writes values, JSON and keys with.
 * Their contracts are in base/tidemill_ffi.h.
 */
#include "base/buffer.h"
#include "base/ffi.h"
#include "base/memory.h"
#include "data/json.h"
#include "data/key.h"
#include "data/msgpack.h"
#include "data/timestamp.h"
#include "data/words.h"

static struct buffer *buffer_of(struct mill_buffer *b)
{
    return (struct buffer *)b;
}

void mill_pack_nil(struct mill_buffer *b)
{
    msgpack_add_nil(buffer_of(b));
}

void mill_pack_boolean(struct mill_buffer *b, bool v)
{
    msgpack_add_boolean(buffer_of(b), v);
}

void mill_pack_number(struct mill_buffer *b, double v)
{
    msgpack_add_number(buffer_of(b), v);
}

void mill_pack_int64(struct mill_buffer *b, int64_t v)
{
    msgpack_add_int64(buffer_of(b), v);
}

void mill_pack_uint64(struct mill_buffer *b, uint64_t v)
{
    msgpack_add_uint64(buffer_of(b), v);
}

void mill_pack_string(struct mill_buffer *b, const char *s, size_t size)
{
    msgpack_add_string(buffer_of(b), s, size);
}

void mill_pack_array(struct mill_buffer *b, uint32_t count)
{
    msgpack_add_array(buffer_of(b), count);
}

void mill_pack_map(struct mill_buffer *b, uint32_t count)
{
    msgpack_add_map(buffer_of(b), count);
}

void mill_pack_record(struct mill_buffer *b, const char *json, size_t size)
{
    msgpack_add_record(buffer_of(b), json, size);
}

void mill_json_boolean(struct mill_buffer *b, bool v)
{
    json_add_boolean(buffer_of(b), v);
}

bool mill_json_number(struct mill_buffer *b, double v)
{
    return json_add_number(buffer_of(b), v);
}

void mill_json_int64(struct mill_buffer *b, int64_t v)
{
    json_add_int64(buffer_of(b), v);
}

void mill_json_uint64(struct mill_buffer *b, uint64_t v)
{
    json_add_uint64(buffer_of(b), v);
}

void mill_json_string(struct mill_buffer *b, const char *s, size_t size)
{
    json_add_string(buffer_of(b), s, size);
}

void mill_json_raw(struct mill_buffer *b, const char *s, size_t size)
{
    (void)!buffer_append(buffer_of(b), s, size);
}

void mill_buffer_clear(struct mill_buffer *b)
{
    buffer_clear(buffer_of(b));
}

bool mill_buffer_failed(const struct mill_buffer *b)
{
    return ((const struct buffer *)b)->failed;
}

struct mill_buffer *mill_buffer_create(size_t max)
{
    struct buffer *b = memory_alloc(sizeof *b);
    buffer_init(b, max);
    return (struct mill_buffer *)b;
}

void mill_buffer_destroy(struct mill_buffer *b)
{
    buffer_deinit(buffer_of(b));
    memory_free(b);
}

const char *mill_buffer_text(const struct mill_buffer *b, size_t *size)
{
    const struct buffer *text = (const struct buffer *)b;
    *size = text->size;
    return text->size == 0 ? "" : text->data;
}

const char *mill_buffer_data(const struct mill_buffer *b)
{
    return ((const struct buffer *)b)->data;
}

uint32_t mill_buffer_size(const struct mill_buffer *b)
{
    return (uint32_t)((const struct buffer *)b)->size;
}

bool mill_timestamp(const char *text, size_t size, double *ms)
{
    int64_t parsed = 0;
    bool is_time = timestamp_parse(text, size, &parsed);
    *ms = (double)parsed;
    return is_time;
}

void mill_key_boolean(struct mill_buffer *b, bool v)
{
    key_add_boolean(buffer_of(b), v);
}

bool mill_key_number(struct mill_buffer *b, double v)
{
    return key_add_number(buffer_of(b), v);
}

void mill_key_int64(struct mill_buffer *b, int64_t v)
{
    key_add_int64(buffer_of(b), v);
}

void mill_key_uint64(struct mill_buffer *b, uint64_t v)
{
    key_add_uint64(buffer_of(b), v);
}

void mill_key_string(struct mill_buffer *b, const char *s, size_t size)
{
    key_add_string(buffer_of(b), s, size);
}

void mill_key_part_string(struct mill_buffer *b, const char *s, size_t size)
{
    key_add_part_string(buffer_of(b), s, size);
}

void mill_key_array_begin(struct mill_buffer *b)
{
    key_add_array_begin(buffer_of(b));
}

void mill_key_array_end(struct mill_buffer *b)
{
    key_add_array_end(buffer_of(b));
}

const struct mill_word *mill_split_words(const struct mill_splitter *s)
{
    return s->words;
}

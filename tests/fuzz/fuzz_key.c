/* Goal: bytes that read as a key are the bytes that writing what was read gives: one value has one
 * encoding, and a damaged key is none or another. */
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "data/json.h"
#include "data/key.h"
#include "fuzz/fuzz.h"
#include "json_grammar.h"

static void write_string(struct buffer *b, struct slice string, bool in_array)
{
    if (!in_array) {
        key_add_string(b, string.data, string.size);
        return;
    }
    struct buffer plain;
    buffer_init(&plain, string.size);
    check(key_unescape(string, &plain) == 0);
    key_add_part_string(b, plain.data, plain.size);
    buffer_deinit(&plain);
}

static void write_part(struct buffer *b, const struct key_part *part, bool in_array)
{
    switch (part->type) {
    case KEY_IS_BOOLEAN:
        key_add_boolean(b, part->boolean);
        break;
    case KEY_IS_NUMBER:
        check(key_add_number(b, part->number));
        break;
    case KEY_IS_INT64:
        key_add_int64(b, part->int64);
        break;
    case KEY_IS_UINT64:
        key_add_uint64(b, part->uint64);
        break;
    case KEY_IS_STRING:
        write_string(b, part->string, in_array);
        break;
    case KEY_IS_ARRAY:
        key_add_array_begin(b);
        break;
    case KEY_IS_END:
        key_add_array_end(b);
        break;
    }
}

/* Read a key and write it again. @return whether it was one */
static bool copy_key(const uint8_t *data, size_t size, struct buffer *copy)
{
    struct reader r;
    struct key_part part;
    int depth = 0;
    reader_init(&r, data, size);
    do {
        if (!key_read(&r, depth > 0, &part)) {
            return false;
        }
        write_part(copy, &part, depth > 0);
        depth += part.type == KEY_IS_ARRAY ? 1 : part.type == KEY_IS_END ? -1 : 0;
    } while (depth > 0);
    return reader_left(&r) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer copy;
    struct buffer json;
    buffer_init(&copy, size + KEY_NUMBER_BYTES);
    buffer_init(&json, 32 * size + 100);
    bool is_key = size <= LIMIT_KEY_BYTES_MAX && copy_key(data, size, &copy);
    bool is_good = json_add_key(&json, data, size) == 0;
    if (is_key) {
        check(!copy.failed && key_compare(copy.data, copy.size, data, size) == 0);
        check(is_good && !json.failed && is_json(json.data, json.size));
    }
    check(is_key || !is_good || size > LIMIT_KEY_BYTES_MAX);
    buffer_deinit(&copy);
    buffer_deinit(&json);
    return 0;
}

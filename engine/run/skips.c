#include "run/skips.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"

#define SKIP_BYTES_MAX ((size_t)(LIMIT_KEY_BYTES_MAX + 256))

static struct slice skip_key(char bytes[5], uint32_t n)
{
    bytes[0] = 's';
    bytes_put_u32(bytes + 1, n);
    return (struct slice){bytes, 5};
}

static int encode(const struct runner *r, const struct host_skip *s, struct buffer *b)
{
    int rc = bytes_add_u64(b, r->script_hash);
    const uint64_t numbers[] = {r->epoch.number, s->operator_id, s->has_key,   s->source,
                                s->partition,    s->offset,      s->ordinal,   s->element[0],
                                s->element[1],   s->element[2],  s->element[3]};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && rc == 0; i++) {
        rc = bytes_add_u64(b, numbers[i]);
    }
    return rc == 0 ? bytes_add_string(b, s->key, s->key_size) : rc;
}

static void append(struct host_skip **list, uint32_t *count, const struct host_skip *skip)
{
    *list = memory_grow(*list, (*count + 1) * sizeof **list);
    struct host_skip *s = &(*list)[(*count)++];
    *s = *skip;
    s->key = skip->key == NULL ? NULL : memory_copy(skip->key, skip->key_size);
}

static void clear(struct host_skip **list, uint32_t *count)
{
    for (uint32_t i = 0; i < *count; i++) {
        memory_free((*list)[i].key);
    }
    memory_free(*list);
    *list = NULL;
    *count = 0;
}

void skips_take_pending(struct runner *r)
{
    for (uint32_t i = 0; i < r->pending_skip_count; i++) {
        append(&r->skips, &r->skip_count, &r->pending_skips[i]);
    }
    clear(&r->pending_skips, &r->pending_skip_count);
    r->saved_skip_count = 0;
}

static void put(const struct runner *r, struct store_batch *batch, const struct host_skip *skip,
                uint32_t n)
{
    struct buffer value;
    buffer_init(&value, SKIP_BYTES_MAX);
    int rc = encode(r, skip, &value);
    check(rc == 0);
    char key[5];
    store_batch_put(batch, STORE_META, skip_key(key, n), (struct slice){value.data, value.size});
    buffer_deinit(&value);
}

void skips_add(struct runner *r, const struct host_skip *skip)
{
    append(&r->pending_skips, &r->pending_skip_count, skip);
}

int skips_save(struct runner *r, struct error *e)
{
    struct store_batch *batch = store_batch_create();
    for (uint32_t i = r->saved_skip_count; i < r->pending_skip_count; i++) {
        put(r, batch, &r->pending_skips[i], r->skip_count + i);
    }
    int rc = store_batch_bytes(batch) > 0 ? store_write(r->data.store, batch, true, e) : 0;
    store_batch_destroy(batch);
    r->saved_skip_count = rc == 0 ? r->pending_skip_count : r->saved_skip_count;
    return rc;
}

/* @return whether it concerns this script and the next epoch */
static bool decode(const struct runner *r, struct slice bytes, struct host_skip *s)
{
    struct reader in;
    reader_init(&in, bytes.data, bytes.size);
    bool same_script = reader_u64(&in) == r->script_hash;
    bool next_epoch = reader_u64(&in) == r->last_number + 1;
    *s = (struct host_skip){.operator_id = (uint32_t)reader_u64(&in)};
    s->has_key = reader_u64(&in) != 0;
    s->source = (uint32_t)reader_u64(&in);
    s->partition = reader_u64(&in);
    s->offset = reader_u64(&in);
    s->ordinal = (uint32_t)reader_u64(&in);
    for (int d = 0; d < 4; d++) {
        s->element[d] = (uint32_t)reader_u64(&in);
    }
    struct slice key = reader_string(&in);
    if (in.failed || !same_script || !next_epoch || s->operator_id > r->graph->operator_count) {
        return false;
    }
    s->key_size = (uint32_t)key.size;
    s->key = s->has_key ? memory_copy(key.data, key.size) : NULL;
    return true;
}

int skips_load(struct runner *r, struct error *e)
{
    char from[5];
    struct slice to = {"s\xff\xff\xff\xff", 5};
    struct store_iterator *i = store_iterate(r->data.store, STORE_META, skip_key(from, 0), to);
    struct slice key;
    struct slice value;
    int rc = store_next(i, &key, &value, e);
    while (rc == 1) {
        struct host_skip s;
        if (decode(r, value, &s)) {
            append(&r->skips, &r->skip_count, &s);
            memory_free(s.key);
        }
        rc = store_next(i, &key, &value, e);
    }
    store_iterate_end(i);
    return rc;
}

void skips_commit_into(struct runner *r, struct store_batch *batch)
{
    if (r->skip_count > 0) {
        char from[5];
        struct slice to = {"s\xff\xff\xff\xff", 5};
        store_batch_remove_range(batch, STORE_META, skip_key(from, 0), to);
    }
}

void skips_clear(struct runner *r)
{
    clear(&r->skips, &r->skip_count);
    clear(&r->pending_skips, &r->pending_skip_count);
    r->saved_skip_count = 0;
}

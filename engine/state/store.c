#include "state/store.h"

#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "data/key.h"

/* Far above what an epoch writes (LIMIT_DELTA_BYTES and its rows): reaching it is a mistake. */
#define BATCH_BYTES_MAX ((size_t)(1 * GIB))
/* An unusually large batch gives its memory back when it is cleared. */
#define BATCH_BYTES_KEPT ((size_t)(16 * MIB))

/* One change in the buffer; the key's bytes and then the value's follow it. */
struct change {
    uint32_t key_size;
    uint32_t value_size;
    uint8_t change; /* enum store_change */
    uint8_t family; /* enum store_family */
    uint8_t reserved[2];
};

struct store_batch {
    struct buffer changes;
};

struct store_batch *store_batch_create(void)
{
    struct store_batch *b = memory_zero(1, sizeof *b);
    buffer_init(&b->changes, BATCH_BYTES_MAX);
    return b;
}

void store_batch_destroy(struct store_batch *b)
{
    if (b != NULL) {
        buffer_deinit(&b->changes);
        memory_free(b);
    }
}

void store_batch_clear(struct store_batch *b)
{
    if (b->changes.capacity > BATCH_BYTES_KEPT) {
        buffer_deinit(&b->changes);
        buffer_init(&b->changes, BATCH_BYTES_MAX);
    }
    buffer_clear(&b->changes);
}

static void append(struct store_batch *b, const struct change *change, struct slice key,
                   struct slice value)
{
    check(change->family < STORE_FAMILY_COUNT);
    check(key.size <= LIMIT_RECORD_BYTES_MAX && value.size <= BATCH_BYTES_MAX);
    struct change header = *change;
    header.key_size = (uint32_t)key.size;
    header.value_size = (uint32_t)value.size;
    int rc = buffer_reserve(&b->changes, sizeof header + key.size + value.size);
    check(rc == 0);
    rc = buffer_append(&b->changes, &header, sizeof header) +
         buffer_append(&b->changes, key.data, key.size) +
         buffer_append(&b->changes, value.data, value.size);
    check(rc == 0);
}

void store_batch_put(struct store_batch *b, enum store_family f, struct slice key,
                     struct slice value)
{
    append(b, &(struct change){.change = STORE_PUT, .family = (uint8_t)f}, key, value);
}

void store_batch_remove(struct store_batch *b, enum store_family f, struct slice key)
{
    append(b, &(struct change){.change = STORE_REMOVE, .family = (uint8_t)f}, key,
           (struct slice){0});
}

void store_batch_remove_range(struct store_batch *b, enum store_family f, struct slice from,
                              struct slice to)
{
    /* RocksDB takes an end before the beginning for an error; to us it is an empty range. */
    if (key_compare(from.data, from.size, to.data, to.size) < 0) {
        append(b, &(struct change){.change = STORE_REMOVE_RANGE, .family = (uint8_t)f}, from, to);
    }
}

size_t store_batch_bytes(const struct store_batch *b)
{
    return b->changes.size;
}

void store_batch_each(const struct store_batch *b, store_batch_fn fn, void *context)
{
    size_t at = 0;
    while (at < b->changes.size) {
        struct change header;
        memcpy(&header, b->changes.data + at, sizeof header);
        at += sizeof header;
        struct slice key = {b->changes.data + at, header.key_size};
        struct slice value = {key.data + key.size, header.value_size};
        at += key.size + value.size;
        check(at <= b->changes.size);
        fn(context, (enum store_change)header.change, (enum store_family)header.family, key, value);
    }
}

void store_close(struct store *s)
{
    if (s != NULL) {
        s->ops->close(s);
    }
}

void store_set_cache(struct store *s, size_t bytes)
{
    if (s->ops->set_cache != NULL) {
        s->ops->set_cache(s, bytes);
    }
}

int store_get(struct store *s, enum store_family f, struct slice key, struct buffer *value,
              struct error *e)
{
    check(f < STORE_FAMILY_COUNT);
    return s->ops->get(s, f, key, value, e);
}

int store_get_many(struct store *s, struct store_lookup *l, struct error *e)
{
    check(l->count <= STORE_LOOKUP_MAX);
    return l->count == 0 ? 0 : s->ops->get_many(s, l, e);
}

int store_write(struct store *s, const struct store_batch *b, bool sync, struct error *e)
{
    return s->ops->write(s, b, sync, e);
}

struct store_iterator *store_iterate(struct store *s, enum store_family f, struct slice from,
                                     struct slice to)
{
    check(f < STORE_FAMILY_COUNT);
    return s->ops->iterate(s, f, from, to);
}

int store_next(struct store_iterator *i, struct slice *key, struct slice *value, struct error *e)
{
    return i->ops->next(i, key, value, e);
}

void store_iterate_end(struct store_iterator *i)
{
    if (i != NULL) {
        i->ops->iterate_end(i);
    }
}

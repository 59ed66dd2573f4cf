#include "run/open_windows.h"

#include "base/hash.h"
#include "base/memory.h"
#include "data/keyset.h"
#include "run/receiving.h"
#include "run/times.h"
#include "state/keys.h"

/* Keys of one stage whose newest pane is remembered; beyond that a window may count twice. */
#define KEYS_MAX ((uint32_t)1 << 22)

static struct store_iterator *iterate(struct runner *r, uint32_t stage, bool by_time)
{
    uint32_t number = identity_find(&r->identities, IDENTITY_STATE, stage)->number;
    number |= by_time ? STORE_DEADLINE_OPERATOR : 0;
    char from[sizeof(uint16_t)];
    char to[sizeof(uint16_t)];
    bytes_put_u16(from, (uint16_t)number);
    bytes_put_u16(to, (uint16_t)(number + 1));
    return store_iterate(r->data.store, STORE_STATE, (struct slice){from, sizeof from},
                         (struct slice){to, sizeof to});
}

/* Panes, or the entries of keys with open sessions. */
static int has_open(struct runner *r, uint32_t stage, struct error *e)
{
    struct slice key;
    struct slice value;
    struct store_iterator *i = iterate(r, stage, true);
    int rc = store_next(i, &key, &value, e);
    store_iterate_end(i);
    return rc;
}

int open_windows_must_close(struct runner *r, struct error *e)
{
    int rc = 0;
    bool ends = r->options.once || receiving_is_over(r);
    for (uint32_t i = 0; i < r->graph->stage_count && rc == 0; i++) {
        if (ends && !r->options.keep_open && r->graph->stages[i].kind == STAGE_WINDOW) {
            rc = has_open(r, i, e);
        }
    }
    return rc;
}

/* A key's value is the time of its entry, then its sessions. */
static uint64_t count_sessions(struct slice value)
{
    struct reader in;
    uint64_t count = 0;
    reader_init(&in, value.data, value.size);
    reader_u64(&in);
    while (reader_left(&in) > 0 && !in.failed) {
        reader_u64(&in);
        reader_u64(&in);
        reader_string(&in);
        count++;
    }
    return count;
}

struct counting {
    const struct window_shape *shape;
    int64_t open_from; /* the first window that is open begins here; WATERMARK_NONE */
    struct keyset keys;
    int64_t *newest; /* by number of the key: its pane that was met last */
    uint32_t capacity;
};

/* Windows with this pane and not with the one before it of the same key. Panes come by time. */
static uint64_t count_pane(struct counting *c, int64_t pane_ms, struct slice key)
{
    uint64_t hash = hash_key(key.data, key.size);
    uint32_t before = c->keys.count;
    uint32_t number = keyset_add(&c->keys, hash, (uint8_t)key.data[0], key.data + 1, key.size - 1);
    int64_t first = window_first(c->shape, pane_ms);
    int64_t last = window_last(c->shape, pane_ms);
    first = first < c->open_from ? c->open_from : first;
    if (number >= c->capacity) {
        c->capacity = number * 2 + 64;
        c->newest = memory_grow(c->newest, c->capacity * sizeof *c->newest);
    }
    if (number > 0 && number <= before && window_last(c->shape, c->newest[number]) >= first) {
        first = window_last(c->shape, c->newest[number]) + c->shape->slide_ms;
    }
    if (number > 0) {
        c->newest[number] = pane_ms;
    }
    return first > last ? 0 : (uint64_t)((last - first) / c->shape->slide_ms + 1);
}

static uint64_t count_stage(struct runner *r, uint32_t stage)
{
    struct counting c = {.shape = &r->graph->stages[stage].window};
    bool is_session = c.shape->kind == WINDOW_SESSION;
    c.open_from = window_needed_from(c.shape, times_in_force(r, stage));
    keyset_init(&c.keys, KEYS_MAX, SIZE_MAX / 2);
    struct store_iterator *i = iterate(r, stage, !is_session);
    struct slice key;
    struct slice value;
    uint64_t count = 0;
    while (store_next(i, &key, &value, NULL) == 1) {
        if (is_session) {
            count += count_sessions(value);
        } else if (key.size > DEADLINE_KEY_HEAD_BYTES) {
            struct slice user = {key.data + DEADLINE_KEY_HEAD_BYTES,
                                 key.size - DEADLINE_KEY_HEAD_BYTES};
            count += count_pane(&c, (int64_t)bytes_get_u64(key.data + 4), user);
        }
    }
    store_iterate_end(i);
    keyset_deinit(&c.keys);
    memory_free(c.newest);
    return count;
}

uint64_t open_windows_count(struct runner *r)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < r->graph->stage_count; i++) {
        count += r->graph->stages[i].kind == STAGE_WINDOW ? count_stage(r, i) : 0;
    }
    return count;
}

#include "script/with_state.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "data/cell.h"
#include "data/key.h"
#include "flow/merge.h"
#include "state/keys.h"

#define EXPIRED_BYTES_MAX (4 * MIB) /* in memory; then runs on disk */
#define VALUE_HEAD_BYTES  16
/* States of one chunk: as many keys as seem to need no more than a part of this. */
#define VALUES_WANTED     (32 * MIB)
#define KEYS_FIRST        16 /* nothing is known about their size yet */
#define LOOKUP_VALUES_MAX ((size_t)STAGE_CHUNK_GROUPS_MAX * (LIMIT_STATE_VALUE_BYTES_MAX + 16))

/* A key of the chunk. Its groups are those from `group` to the next key's. */
struct with_key {
    uint32_t group;
    bool is_carried;   /* its first records were in the chunk before */
    bool exists;       /* in the store, or so written by the chunk before */
    uint64_t deadline; /* as it is stored */
    uint64_t indexed;
};

struct with_state {
    struct stage_chunk *c;
    uint64_t now_ms;
    uint64_t timeout_ms;
    struct mill_shuffle expired;
    struct with_key *keys; /* of the chunk */
    uint32_t key_count;
    uint32_t keys_max;     /* of the next chunk */
    struct slice *lookups; /* by key */
    struct slice *found;
    struct buffer values;
    struct buffer key; /* that is being collected */
    bool in_key;
    uint32_t records;     /* of that key so far, in all chunks */
    struct with_key left; /* the last key of the chunk before, as it was written... */
    struct buffer left_value;
    bool *initial_seen; /* by place in task->initial */
};

/* --- keys and values of the store --- */

static uint16_t group_of_key(struct slice key)
{
    return (uint16_t)key_group_of(hash_key(key.data, key.size));
}

static struct slice key_of_group(const struct mill_group *g)
{
    return (struct slice){g->key, g->key_len};
}

static struct slice deadline_key(const struct with_state *w, struct slice key, uint64_t time_ms)
{
    char head[DEADLINE_KEY_HEAD_BYTES];
    store_deadline_head(head, w->c->task->operator_number, group_of_key(key), time_ms);
    return stage_chunk_key(w->c, (struct slice){head, sizeof head}, key);
}

static struct store_batch *batch_of(const struct with_state *w)
{
    const struct stage_task *t = w->c->task;
    return delta_batch(t->delta, t->stage, t->shard);
}

/* --- deadlines that are past --- */

static int add_expired(struct with_state *w, struct slice entry, struct error *e)
{
    if (entry.size <= DEADLINE_KEY_HEAD_BYTES) {
        return error_set(e, MILL_ECORRUPT, "a key of the deadlines is damaged");
    }
    /* A number that stands for no value marks the key among the records. */
    struct mill_cell mark = {.kind = MILL_NUMBER, .num = (double)bytes_get_u64(entry.data + 4)};
    struct slice key = {entry.data + DEADLINE_KEY_HEAD_BYTES, entry.size - DEADLINE_KEY_HEAD_BYTES};
    int rc = shuffle_add(&w->expired, key, &mark, 0);
    if (rc != 0) {
        *e = w->expired.error;
        return rc;
    }
    store_batch_remove(batch_of(w), STORE_STATE, entry);
    return 0;
}

static int collect_expired(struct with_state *w, struct error *e)
{
    const struct stage_task *t = w->c->task;
    uint16_t first_group = (uint16_t)(t->shard * (KEY_GROUP_COUNT / SHARD_COUNT));
    char from[DEADLINE_KEY_HEAD_BYTES];
    char to[DEADLINE_KEY_HEAD_BYTES];
    store_deadline_head(from, t->operator_number, first_group, 0);
    store_deadline_head(to, t->operator_number, first_group, w->now_ms + 1);
    struct store_iterator *i =
        store_iterate(t->store, STORE_STATE, (struct slice){from, 12}, (struct slice){to, 12});
    struct slice key;
    struct slice value;
    size_t before = store_batch_bytes(batch_of(w));
    int rc = store_next(i, &key, &value, e);
    while (rc == 1) {
        rc = add_expired(w, key, e);
        rc = rc == 0 ? store_next(i, &key, &value, e) : rc;
    }
    store_iterate_end(i);
    shuffle_seal(&w->expired);
    return rc == 0 ? delta_check(t->delta, t->stage, t->shard, before, e) : rc;
}

static bool is_mark(const struct shuffle_entry *entry)
{
    return entry->cell.kind == MILL_NUMBER && entry->cell.len == 0;
}

/* --- states of a chunk --- */

static int read_value(struct with_key *k, struct mill_group *g, struct slice value, struct error *e)
{
    if (value.size <= VALUE_HEAD_BYTES) {
        return error_set(e, MILL_ECORRUPT, "a state of map_with_state is damaged");
    }
    k->exists = true;
    k->deadline = bytes_get_u64(value.data);
    k->indexed = bytes_get_u64(value.data + 8);
    g->state = cell_of_msgpack(
        (struct slice){value.data + VALUE_HEAD_BYTES, value.size - VALUE_HEAD_BYTES});
    return 0;
}

static int compare_initial(const struct stage_initial *i, uint16_t key_group, struct slice key)
{
    if (i->key_group != key_group) {
        return i->key_group < key_group ? -1 : 1;
    }
    return key_compare(i->key, i->key_size, key.data, key.size);
}

/* Of an operator that is new. */
static void read_initial(struct with_state *w, struct mill_group *g)
{
    const struct stage_task *t = w->c->task;
    uint16_t key_group = group_of_key(key_of_group(g));
    uint32_t low = 0;
    uint32_t high = t->initial_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_initial(&t->initial[middle], key_group, key_of_group(g));
        if (order == 0) {
            const struct stage_initial *i = &t->initial[middle];
            g->state = cell_of_msgpack((struct slice){i->value, i->value_size});
            g->changed = GROUP_INITIAL;
            w->initial_seen[middle] = true;
            return;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
}

static int load(struct with_state *w, struct error *e)
{
    struct host *h = w->c->h;
    for (uint32_t i = 0; i < w->key_count; i++) {
        w->lookups[i] = stage_chunk_state_key(w->c, key_of_group(&h->groups[w->keys[i].group]));
    }
    buffer_clear(&w->values);
    struct store_lookup l = {STORE_STATE, w->lookups, w->key_count, &w->values, w->found};
    int rc = store_get_many(w->c->task->store, &l, e);
    for (uint32_t i = 0; i < w->key_count && rc == 0; i++) {
        struct with_key *k = &w->keys[i];
        struct mill_group *g = &h->groups[k->group];
        if (k->is_carried) {
            k->exists = w->left.exists;
            k->deadline = w->left.deadline;
            k->indexed = w->left.indexed;
            g->state = cell_of_msgpack((struct slice){w->left_value.data, w->left_value.size});
        } else if (w->found[i].data != NULL) {
            rc = read_value(k, g, w->found[i], e);
        } else {
            read_initial(w, g);
        }
    }
    return rc;
}

/* --- what becomes of a key --- */

static void put(struct with_state *w, struct slice key, const struct with_key *k,
                const struct mill_cell *state)
{
    struct buffer *value = &w->c->h->value;
    char head[VALUE_HEAD_BYTES];
    bytes_put_u64(head, k->deadline);
    bytes_put_u64(head + 8, k->indexed);
    buffer_clear(value);
    int rc = buffer_append(value, head, sizeof head);
    check(rc == 0);
    bool is_value = cell_add_msgpack(state, value);
    check(is_value);
    store_batch_put(batch_of(w), STORE_STATE, stage_chunk_state_key(w->c, key),
                    (struct slice){value->data, value->size});
}

static void put_deadline(struct with_state *w, struct slice key, struct with_key *k)
{
    k->indexed = k->deadline;
    store_batch_put(batch_of(w), STORE_STATE, deadline_key(w, key, k->deadline),
                    (struct slice){"", 0});
}

/* Whether the key's own entry is among those that came, which are all whose time it is. (What has
 * come for the key may be entries that were left over.) */
static bool has_come(const struct with_state *w, const struct with_key *k)
{
    return k->exists && k->indexed != 0 && k->indexed <= w->now_ms;
}

/* A key without records. @return whether it times out now */
static bool times_out(struct with_state *w, struct with_key *k, const struct mill_group *g)
{
    if (!has_come(w, k)) {
        return false;
    }
    if (k->deadline <= w->now_ms) {
        return true;
    }
    put_deadline(w, key_of_group(g), k); /* it was touched since */
    put(w, key_of_group(g), k, &g->state);
    return false;
}

static uint32_t end_of_key(const struct with_state *w, uint32_t i)
{
    return i + 1 < w->key_count ? w->keys[i + 1].group : w->c->group_count;
}

/* Leave only the keys that are to be called for. */
static void drop_others(struct with_state *w)
{
    struct mill_group *groups = w->c->h->groups;
    uint32_t group_count = 0;
    uint32_t key_count = 0;
    for (uint32_t i = 0; i < w->key_count; i++) {
        struct with_key k = w->keys[i];
        uint32_t end = end_of_key(w, i);
        if (groups[k.group].count == 0 && !times_out(w, &k, &groups[k.group])) {
            continue;
        }
        uint32_t head = group_count;
        for (uint32_t g = k.group; g < end; g++) {
            groups[group_count] = groups[g];
            groups[group_count++].head = head;
        }
        k.group = head;
        w->keys[key_count++] = k;
    }
    w->key_count = key_count;
    w->c->group_count = group_count;
}

static void write_key(struct with_state *w, struct with_key *k, uint32_t end)
{
    const struct mill_group *groups = w->c->h->groups;
    const struct mill_group *head = &groups[k->group];
    struct mill_cell state = head->state;
    uint32_t changed = head->changed;
    for (uint32_t g = k->group; g < end; g++) {
        changed |= groups[g].changed;
        state = (groups[g].changed & GROUP_CHANGED) != 0 ? groups[g].after : state;
    }
    bool is_gone = state.kind == MILL_EMPTY; /* also of one that timed out, but where f failed */
    if (is_gone) {
        if (k->exists) {
            store_batch_remove(batch_of(w), STORE_STATE,
                               stage_chunk_state_key(w->c, key_of_group(head)));
        }
    } else if (w->timeout_ms > 0) {
        bool needs_entry = !k->exists || k->indexed == 0 || has_come(w, k);
        k->deadline = w->now_ms + w->timeout_ms;
        if (needs_entry) {
            put_deadline(w, key_of_group(head), k);
        }
        put(w, key_of_group(head), k, &state);
    } else if (changed != 0) {
        k->deadline = 0;
        k->indexed = 0;
        put(w, key_of_group(head), k, &state);
    }
    w->left = *k;
    w->left.exists = !is_gone;
    buffer_clear(&w->left_value);
    if (!is_gone) {
        (void)cell_add_msgpack(&state, &w->left_value);
    }
}

static int flush(struct with_state *w, struct error *e)
{
    const struct stage_task *t = w->c->task;
    if (w->c->group_count == 0) {
        return 0;
    }
    size_t before = store_batch_bytes(batch_of(w));
    int rc = load(w, e);
    if (rc == 0) {
        drop_others(w);
        rc = w->c->group_count > 0 ? stage_chunk_run(w->c, e) : 0;
    }
    for (uint32_t i = 0; i < w->key_count && rc == 0; i++) {
        write_key(w, &w->keys[i], end_of_key(w, i));
    }
    if (w->values.size > VALUES_WANTED) {
        w->keys_max = w->keys_max > 4 ? w->keys_max / 4 : 1;
    } else if (w->values.size < VALUES_WANTED / 4 && w->keys_max < STAGE_CHUNK_GROUPS_MAX) {
        w->keys_max *= 2;
    }
    stage_chunk_clear(w->c);
    w->key_count = 0;
    return rc == 0 ? delta_check(t->delta, t->stage, t->shard, before, e) : rc;
}

/* --- collecting --- */

static struct with_key *add_key(struct with_state *w, bool is_carried)
{
    struct with_key *k = &w->keys[w->key_count++];
    *k = (struct with_key){.group = w->c->group_count, .is_carried = is_carried};
    return k;
}

static struct mill_group *add_group(struct with_state *w)
{
    struct mill_group *g = stage_chunk_add_group(w->c, w->key.data, (uint32_t)w->key.size);
    g->head = w->keys[w->key_count - 1].group;
    g->ordinal = w->records;
    return g;
}

/* A key of which only its deadline has come has one group, without a value. */
static void end_key(struct with_state *w)
{
    if (w->in_key && w->records == 0) {
        add_group(w);
    }
    w->in_key = false;
}

static int begin_key(struct with_state *w, const struct shuffle_entry *entry)
{
    end_key(w);
    w->in_key = true;
    w->records = 0;
    buffer_clear(&w->key);
    return buffer_append(&w->key, entry->key, entry->key_size);
}

static bool is_same_key(const struct with_state *w, const struct shuffle_entry *entry)
{
    return w->in_key && w->key.size == entry->key_size &&
           memcmp(w->key.data, entry->key, entry->key_size) == 0;
}

static int add_entry(struct with_state *w, const struct shuffle_entry *entry, struct error *e)
{
    bool is_same = is_same_key(w, entry);
    if (is_same && is_mark(entry)) {
        return 0; /* the key is there, and perhaps already in the chunk before */
    }
    int rc = is_same ? 0 : begin_key(w, entry);
    bool is_full = stage_chunk_is_full(w->c) || (!is_same && w->key_count >= w->keys_max);
    if (rc == 0 && is_full) {
        rc = flush(w, e);
    }
    if (rc != 0) {
        return rc;
    }
    if (!is_same || w->key_count == 0) {
        add_key(w, is_same);
    }
    if (is_mark(entry)) {
        return 0;
    }
    struct mill_group *g = add_group(w);
    stage_chunk_add_cell(w->c, &entry->cell, true);
    g->count = 1;
    w->records++;
    return 0;
}

static int run_entries(struct with_state *w, struct merge *m, struct error *e)
{
    const struct shuffle_entry *entry = NULL;
    int rc = merge_next(m, &entry, e);
    while (rc == 1) {
        rc = add_entry(w, entry, e);
        rc = rc == 0 ? merge_next(m, &entry, e) : rc;
    }
    if (rc == 0) {
        end_key(w);
        rc = flush(w, e);
    }
    return rc;
}

/* Initial states that no record has touched are stored as they are. */
static int keep_initials(struct with_state *w, struct error *e)
{
    const struct stage_task *t = w->c->task;
    size_t before = store_batch_bytes(batch_of(w));
    for (uint32_t n = 0; n < t->initial_count; n++) {
        const struct stage_initial *i = &t->initial[n];
        if (w->initial_seen[n] || shard_of_group(i->key_group) != t->shard) {
            continue;
        }
        struct with_key k = {.exists = false};
        struct slice key = {i->key, i->key_size};
        struct mill_cell state = cell_of_msgpack((struct slice){i->value, i->value_size});
        if (w->timeout_ms > 0) {
            k.deadline = w->now_ms + w->timeout_ms;
            put_deadline(w, key, &k);
        }
        put(w, key, &k, &state);
    }
    arena_reset(&w->c->h->arena);
    return delta_check(t->delta, t->stage, t->shard, before, e);
}

static int merge_all(struct with_state *w, struct error *e)
{
    const struct stage_task *t = w->c->task;
    struct mill_shuffle **all = memory_alloc((t->worker_count + 1) * sizeof(struct mill_shuffle *));
    for (uint32_t i = 0; i < t->worker_count; i++) {
        all[i] = t->shuffles[i];
    }
    all[t->worker_count] = &w->expired;
    struct merge m;
    int rc = merge_open(&m, all, t->worker_count + 1, t->shard, e);
    rc = rc == 0 ? run_entries(w, &m, e) : rc;
    merge_close(&m);
    memory_free(all);
    return rc;
}

int with_state_run(struct stage_chunk *c, struct error *e)
{
    struct with_state w = {
        .c = c,
        .now_ms = (uint64_t)c->h->clock_ms,
        .timeout_ms = (uint64_t)c->stage->timeout_ms,
        .keys_max = KEYS_FIRST,
        .keys = memory_alloc((STAGE_CHUNK_GROUPS_MAX + 1) * sizeof *w.keys),
        .lookups = memory_alloc((STAGE_CHUNK_GROUPS_MAX + 1) * sizeof *w.lookups),
        .found = memory_alloc((STAGE_CHUNK_GROUPS_MAX + 1) * sizeof *w.found),
        .initial_seen = memory_zero(c->task->initial_count + 1, sizeof *w.initial_seen),
    };
    buffer_init(&w.values, LOOKUP_VALUES_MAX);
    buffer_init(&w.key, LIMIT_KEY_BYTES_MAX + 64);
    buffer_init(&w.left_value, LIMIT_STATE_VALUE_BYTES_MAX + 64);
    shuffle_init(&w.expired, c->h->options.spill_folder, EXPIRED_BYTES_MAX);
    int rc = w.timeout_ms > 0 ? collect_expired(&w, e) : 0;
    if (rc == 0 && w.timeout_ms == 0) {
        shuffle_seal(&w.expired);
    }
    rc = rc == 0 ? merge_all(&w, e) : rc;
    rc = rc == 0 ? keep_initials(&w, e) : rc;
    shuffle_deinit(&w.expired);
    buffer_deinit(&w.values);
    buffer_deinit(&w.key);
    buffer_deinit(&w.left_value);
    memory_free(w.keys);
    memory_free(w.lookups);
    memory_free(w.found);
    memory_free(w.initial_seen);
    return rc;
}

#include "script/window_run.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "flow/combine.h"
#include "flow/merge.h"
#include "flow/pane_queue.h"
#include "script/dead_letter.h"
#include "script/window_part.h"
#include "state/keys.h"

#define CLOSING_BYTES_MAX ((size_t)(8 * MIB)) /* in memory; then runs on disk */
/* Parts of one chunk: as many as seem to need no more than a part of this. */
#define VALUES_WANTED     (32 * MIB)
#define GROUPS_FIRST      16 /* nothing is known about their size yet */
#define LOOKUP_VALUES_MAX ((size_t)STAGE_CHUNK_GROUPS_MAX * (LIMIT_STATE_VALUE_BYTES_MAX + 16))

struct window_run {
    struct stage_chunk *c;
    const struct window_shape *shape;
    int64_t before_ms;
    int64_t now_ms;
    int64_t needed_from; /* panes from here on are kept */
    bool slides;         /* C combines panes to overlapping windows: flow/pane_queue.h */
    struct mill_shuffle closing;
    struct mill_shuffle slid; /* of them: windows */
    struct slice *lookups;
    struct slice *found;
    struct buffer values;
    uint32_t groups_max; /* of the next chunk of panes */
};

static struct store_batch *batch_of(const struct window_run *w)
{
    const struct stage_task *t = w->c->task;
    return delta_batch(t->delta, t->stage, t->shard);
}

static struct slice key_of(const struct mill_group *g)
{
    return (struct slice){g->key, g->key_len};
}

static uint16_t group_of(struct slice key)
{
    return (uint16_t)key_group_of(hash_key(key.data, key.size));
}

static struct slice pane_key(const struct window_run *w, int64_t pane_ms, struct slice key)
{
    char head[DEADLINE_KEY_HEAD_BYTES];
    store_deadline_head(head, w->c->task->operator_number, group_of(key), (uint64_t)pane_ms);
    return stage_chunk_key(w->c, (struct slice){head, sizeof head}, key);
}

/* --- what a pane adds to windows --- */

static int add_entry(struct window_run *w, struct mill_shuffle *to,
                     const struct shuffle_entry *entry, struct error *e)
{
    int rc = shuffle_add_entry(to, entry);
    if (rc == MILL_ELIMIT) {
        return error_set(e, rc, "%s: a window's value is larger than 16 MiB",
                         dead_letter_label(w->c->h, w->c->stage->operator_id));
    }
    if (rc != 0) {
        *e = to->error;
    }
    return rc;
}

static int add_part(struct window_run *w, struct mill_shuffle *to, int64_t end_ms,
                    const struct shuffle_entry *part, struct error *e)
{
    char head[PANE_HEAD_BYTES];
    pane_head_put(head, (uint64_t)end_ms, (uint16_t)part->key_group);
    struct slice full = stage_chunk_key(w->c, (struct slice){head, sizeof head},
                                        (struct slice){part->key, part->key_size});
    struct shuffle_entry entry = *part;
    entry.key = full.data;
    entry.key_size = (uint32_t)full.size;
    entry.key_group = w->c->task->shard * (KEY_GROUP_COUNT / SHARD_COUNT);
    return add_entry(w, to, &entry, e);
}

/* @param is_old  as the store has it; what was merged in this epoch counts instead, if it comes */
static int contribute(struct window_run *w, int64_t pane_ms, struct slice key,
                      const struct mill_cell *cell, bool is_old, struct error *e)
{
    const struct window_shape *s = w->shape;
    struct shuffle_entry part = {
        .key = key.data,
        .key_size = (uint32_t)key.size,
        .key_group = group_of(key),
        .order = (uint64_t)pane_ms << 1 | (is_old ? 1 : 0),
        .cell = *cell,
    };
    if (w->slides) {
        bool is_in_closed = pane_ms < window_open_from(s, w->now_ms);
        return is_in_closed ? add_entry(w, &w->closing, &part, e) : 0;
    }
    int64_t last = window_last(s, pane_ms);
    int rc = 0;
    for (int64_t start = window_first(s, pane_ms); start <= last && rc == 0; start += s->slide_ms) {
        bool closes = w->c->stage->updates || window_is_closed(s, start, w->now_ms);
        if (closes && !window_is_closed(s, start, w->before_ms)) {
            rc = add_part(w, &w->closing, start + s->size_ms, &part, e);
        }
    }
    return rc;
}

/* --- panes with records --- */

static bool may_be_stored(const struct window_run *w, const struct mill_group *g)
{
    return (int64_t)g->start_ms <= w->c->task->stored_until_ms;
}

/* The first cell of each group is the stored part's; a group without one begins behind it. */
static int load(struct window_run *w, struct error *e)
{
    struct host *h = w->c->h;
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->c->group_count; i++) {
        const struct mill_group *g = &h->groups[i];
        if (may_be_stored(w, g)) {
            w->lookups[count++] = pane_key(w, (int64_t)g->start_ms, key_of(g));
        }
    }
    buffer_clear(&w->values);
    struct store_lookup l = {STORE_STATE, w->lookups, count, &w->values, w->found};
    int rc = count > 0 ? store_get_many(w->c->task->store, &l, e) : 0;
    uint32_t at = 0;
    for (uint32_t i = 0; i < w->c->group_count && rc == 0; i++) {
        struct mill_group *g = &h->groups[i];
        struct slice value = {0};
        if (may_be_stored(w, g)) {
            value = w->found[at++];
        }
        if (value.data != NULL) {
            rc = window_part_get(w->c->stage, value, &h->cells[g->first], e);
        } else {
            g->first++;
            g->count--;
        }
    }
    return rc;
}

static int put(struct window_run *w, const struct mill_group *g)
{
    struct buffer *value = &w->c->h->value;
    buffer_clear(value);
    if (!window_part_put(w->c->stage, &g->after, value)) {
        return MILL_ELIMIT;
    }
    store_batch_put(batch_of(w), STORE_STATE, pane_key(w, (int64_t)g->start_ms, key_of(g)),
                    (struct slice){value->data, value->size});
    return 0;
}

static int keep(struct window_run *w, const struct mill_group *g, struct error *e)
{
    if ((g->changed & GROUP_CHANGED) == 0) {
        return 0; /* a dead letter; the store has what it had */
    }
    int64_t pane_ms = (int64_t)g->start_ms;
    if (pane_ms >= w->needed_from && put(w, g) != 0) {
        return error_set(e, MILL_ELIMIT, "%s: a window's value is larger than 16 MiB",
                         dead_letter_label(w->c->h, w->c->stage->operator_id));
    }
    return contribute(w, pane_ms, key_of(g), &g->after, false, e);
}

static int flush_touched(struct window_run *w, struct error *e)
{
    const struct stage_task *t = w->c->task;
    if (w->c->group_count == 0) {
        return 0;
    }
    size_t before = store_batch_bytes(batch_of(w));
    int rc = load(w, e);
    rc = rc == 0 ? window_part_merge(w->c, e) : rc;
    for (uint32_t i = 0; i < w->c->group_count && rc == 0; i++) {
        rc = keep(w, &w->c->h->groups[i], e);
    }
    stage_chunk_clear(w->c);
    if (w->values.size > VALUES_WANTED) {
        w->groups_max = w->groups_max > 4 ? w->groups_max / 4 : 1;
    } else if (w->values.size < VALUES_WANTED / 4 && w->groups_max < STAGE_CHUNK_GROUPS_MAX) {
        w->groups_max *= 2;
    }
    return rc == 0 ? delta_check(t->delta, t->stage, t->shard, before, e) : rc;
}

static struct mill_group *begin_group(struct window_run *w, const struct shuffle_entry *entry)
{
    struct mill_group *g = stage_chunk_add_group(w->c, entry->key + PANE_HEAD_BYTES,
                                                 entry->key_size - PANE_HEAD_BYTES);
    int64_t time_ms = (int64_t)pane_head_time(entry->key);
    g->start_ms = (double)time_ms;
    g->ordinal = (uint32_t)(time_ms / w->shape->pane_ms) << 1;
    return g;
}

static bool is_of(const struct mill_group *g, const struct shuffle_entry *entry)
{
    return g->start_ms == (double)pane_head_time(entry->key) &&
           g->key_len == entry->key_size - PANE_HEAD_BYTES &&
           memcmp(g->key, entry->key + PANE_HEAD_BYTES, g->key_len) == 0;
}

static int check_size(struct window_run *w, size_t bytes, struct error *e)
{
    return bytes <= LIMIT_GROUP_BYTES_MAX
               ? 0
               : error_set(e, MILL_ELIMIT, "%s: one key has more than 64 MiB of values in a window",
                           dead_letter_label(w->c->h, w->c->stage->operator_id));
}

static int read_touched(struct window_run *w, struct merge *m, struct error *e)
{
    static const struct mill_cell stored = {.kind = MILL_EMPTY};
    const struct shuffle_entry *entry = NULL;
    int rc = merge_next(m, &entry, e);
    while (rc == 1) {
        struct mill_group *g = begin_group(w, entry);
        size_t bytes = w->c->h->arena.bytes;
        stage_chunk_add_cell(w->c, &stored, false);
        while (rc == 1 && is_of(g, entry)) {
            stage_chunk_add_cell(w->c, &entry->cell, true);
            rc = check_size(w, w->c->h->arena.bytes - bytes, e);
            rc = rc == 0 ? merge_next(m, &entry, e) : rc;
        }
        g->count = w->c->cell_count - g->first;
        bool is_full = stage_chunk_is_full(w->c) || w->c->group_count >= w->groups_max;
        if (rc >= 0 && is_full) {
            int flushed = flush_touched(w, e);
            rc = flushed != 0 ? flushed : rc;
        }
    }
    return rc == 0 ? flush_touched(w, e) : rc;
}

static int merge_touched(struct window_run *w, struct error *e)
{
    const struct stage_task *t = w->c->task;
    struct merge m;
    int rc = merge_open(&m, t->shuffles, t->worker_count, t->shard, e);
    rc = rc == 0 ? read_touched(w, &m, e) : rc;
    merge_close(&m);
    return rc;
}

/* --- panes of the store that close --- */

static int take_stored(struct window_run *w, struct slice key, struct slice value, struct error *e)
{
    if (key.size <= DEADLINE_KEY_HEAD_BYTES) {
        return error_set(e, MILL_ECORRUPT, "the key of a window in the store is damaged");
    }
    int64_t pane_ms = (int64_t)bytes_get_u64(key.data + 4);
    struct slice user = {key.data + DEADLINE_KEY_HEAD_BYTES, key.size - DEADLINE_KEY_HEAD_BYTES};
    struct mill_cell cell;
    int rc = 0;
    if (!w->c->stage->updates) {
        rc = window_part_get(w->c->stage, value, &cell, e);
        rc = rc == 0 ? contribute(w, pane_ms, user, &cell, true, e) : rc;
    }
    if (pane_ms < w->needed_from) {
        store_batch_remove(batch_of(w), STORE_STATE, key);
    }
    if (w->c->h->arena.bytes > MIB) {
        arena_reset(&w->c->h->arena);
    }
    return rc;
}

static int scan_closing(struct window_run *w, struct error *e)
{
    const struct stage_task *t = w->c->task;
    int64_t open_from = window_open_from(w->shape, w->now_ms);
    if (open_from == window_open_from(w->shape, w->before_ms) || open_from <= 0) {
        return 0;
    }
    uint16_t first_group = (uint16_t)(t->shard * (KEY_GROUP_COUNT / SHARD_COUNT));
    char from[DEADLINE_KEY_HEAD_BYTES];
    char to[DEADLINE_KEY_HEAD_BYTES];
    store_deadline_head(from, t->operator_number, first_group, 0);
    store_deadline_head(to, t->operator_number, first_group, (uint64_t)open_from);
    size_t before = store_batch_bytes(batch_of(w));
    struct store_iterator *i =
        store_iterate(t->store, STORE_STATE, (struct slice){from, 12}, (struct slice){to, 12});
    struct slice key;
    struct slice value;
    int rc = store_next(i, &key, &value, e);
    while (rc == 1) {
        rc = take_stored(w, key, value, e);
        rc = rc == 0 ? store_next(i, &key, &value, e) : rc;
    }
    store_iterate_end(i);
    arena_reset(&w->c->h->arena);
    return rc == 0 ? delta_check(t->delta, t->stage, t->shard, before, e) : rc;
}

/* --- sliding --- */

static bool continues(struct slice key, const struct shuffle_entry *entry)
{
    return key.size == entry->key_size && memcmp(key.data, entry->key, key.size) == 0;
}

/* The windows of a key that close; its panes are in the queue. */
static int slide_key(struct window_run *w, struct pane_queue *q, struct shuffle_entry *row,
                     struct error *e)
{
    const struct window_shape *s = w->shape;
    int64_t start = window_first(s, q->panes[0]);
    int64_t last = window_last(s, q->panes[q->count - 1]);
    int64_t open = window_needed_from(s, w->before_ms);
    int64_t still_open = window_needed_from(s, w->now_ms);
    start = open > start ? open : start;
    last = still_open != WATERMARK_END && still_open <= last ? still_open - s->slide_ms : last;
    int rc = 0;
    for (; rc == 0 && pane_queue_next(q, &start, last, &row->cell); start += s->slide_ms) {
        row->order = (uint64_t)(start + s->size_ms) << 1;
        rc = add_part(w, &w->slid, start + s->size_ms, row, e);
    }
    arena_reset(&w->c->h->arena);
    return rc;
}

/* The panes of one key: of one that was touched, the new part stands before the old. */
static int read_panes(struct window_run *w, struct merge *m, const struct shuffle_entry **entry,
                      struct pane_queue *q, struct error *e)
{
    struct buffer *kept = &w->c->h->value;
    buffer_clear(kept);
    pane_queue_clear(q);
    int rc = buffer_append(kept, (*entry)->key, (*entry)->key_size);
    check(rc == 0);
    struct slice key = {kept->data, kept->size};
    struct shuffle_entry row = {
        .key = key.data, .key_size = (uint32_t)key.size, .key_group = (*entry)->key_group};
    rc = 1;
    while (rc == 1 && continues(key, *entry)) {
        int64_t pane_ms = (int64_t)((*entry)->order >> 1);
        if (q->count == 0 || q->panes[q->count - 1] != pane_ms) {
            pane_queue_add(q, pane_ms, &(*entry)->cell);
        }
        rc = check_size(w, q->count * sizeof **entry, e);
        rc = rc == 0 ? merge_next(m, entry, e) : rc;
    }
    int slid = rc >= 0 ? slide_key(w, q, &row, e) : rc;
    return slid != 0 ? slid : rc;
}

static int slide_all(struct window_run *w, struct merge *m, struct error *e)
{
    struct pane_queue q;
    const struct shuffle_entry *entry = NULL;
    pane_queue_init(&q, w->shape, w->c->stage->combine);
    int rc = merge_next(m, &entry, e);
    while (rc == 1) {
        rc = read_panes(w, m, &entry, &q, e);
    }
    pane_queue_deinit(&q);
    return rc;
}

typedef int (*merged_fn)(struct window_run *w, struct merge *m, struct error *e);

/* Go through a shuffle of this shard, sorted. */
static int go_through(struct window_run *w, struct mill_shuffle *s, merged_fn fn, struct error *e)
{
    struct merge m;
    shuffle_seal(s);
    int rc = merge_open(&m, &s, 1, w->c->task->shard, e);
    rc = rc == 0 ? fn(w, &m, e) : rc;
    merge_close(&m);
    return rc;
}

/* --- windows --- */

static int flush_windows(struct window_run *w, struct error *e)
{
    int rc = w->c->group_count > 0 ? stage_chunk_run(w->c, e) : 0;
    stage_chunk_clear(w->c);
    return rc;
}

static void add_part_to_group(struct window_run *w, struct mill_group *g,
                              const struct shuffle_entry *entry)
{
    enum graph_combine how = w->c->stage->combine;
    if (how != COMBINE_LUA && w->c->cell_count > g->first) {
        combine_cells(how, &w->c->h->cells[g->first], &entry->cell);
    } else {
        stage_chunk_add_cell(w->c, &entry->cell, true);
    }
}

/* The parts of one window of a key: of a pane that was touched, the new one stands before the old.
 */
static int read_window(struct window_run *w, struct merge *m, const struct shuffle_entry **entry,
                       struct error *e)
{
    struct mill_group *g = begin_group(w, *entry);
    size_t bytes = w->c->h->arena.bytes;
    uint64_t pane = UINT64_MAX;
    int rc = 1;
    while (rc == 1 && is_of(g, *entry)) {
        if ((*entry)->order >> 1 != pane) {
            pane = (*entry)->order >> 1;
            add_part_to_group(w, g, *entry);
        }
        rc = check_size(w, w->c->h->arena.bytes - bytes, e);
        rc = rc == 0 ? merge_next(m, entry, e) : rc;
    }
    g->count = w->c->cell_count - g->first;
    combine_finish(w->c->stage->combine, &w->c->h->cells[g->first]);
    g->end_ms = g->start_ms;
    g->start_ms = g->end_ms - (double)w->shape->size_ms;
    g->ordinal |= 1;
    int64_t *last = &w->c->h->window_ends[w->c->task->stage];
    *last = (int64_t)g->end_ms > *last ? (int64_t)g->end_ms : *last;
    return rc;
}

static int run_windows(struct window_run *w, struct merge *m, struct error *e)
{
    const struct shuffle_entry *entry = NULL;
    int rc = merge_next(m, &entry, e);
    while (rc == 1) {
        rc = read_window(w, m, &entry, e);
        if (rc >= 0 && stage_chunk_is_full(w->c)) {
            int flushed = flush_windows(w, e);
            rc = flushed != 0 ? flushed : rc;
        }
    }
    return rc == 0 ? flush_windows(w, e) : rc;
}

int window_run(struct stage_chunk *c, struct error *e)
{
    struct window_run w = {
        .c = c,
        .shape = &c->stage->window,
        .before_ms = c->task->before_ms,
        .now_ms = c->task->watermark_ms,
        .needed_from = window_needed_from(&c->stage->window, c->task->watermark_ms),
        .slides = c->stage->window.kind == WINDOW_SLIDING && c->stage->combine != COMBINE_LUA,
        .groups_max = GROUPS_FIRST,
        .lookups = memory_alloc((STAGE_CHUNK_GROUPS_MAX + 1) * sizeof *w.lookups),
        .found = memory_alloc((STAGE_CHUNK_GROUPS_MAX + 1) * sizeof *w.found),
    };
    buffer_init(&w.values, LOOKUP_VALUES_MAX);
    shuffle_init(&w.closing, c->h->options.spill_folder, CLOSING_BYTES_MAX);
    shuffle_init(&w.slid, c->h->options.spill_folder, CLOSING_BYTES_MAX);
    int rc = merge_touched(&w, e);
    rc = rc == 0 ? scan_closing(&w, e) : rc;
    rc = rc == 0 && w.slides ? go_through(&w, &w.closing, slide_all, e) : rc;
    rc = rc == 0 ? go_through(&w, w.slides ? &w.slid : &w.closing, run_windows, e) : rc;
    shuffle_deinit(&w.closing);
    shuffle_deinit(&w.slid);
    buffer_deinit(&w.values);
    memory_free(w.lookups);
    memory_free(w.found);
    return rc;
}

#include "script/stage_run.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "data/cell.h"
#include "data/key.h"
#include "flow/combine.h"
#include "flow/merge.h"
#include "script/dead_letter.h"
#include "script/session_run.h"
#include "script/stage_chunk.h"
#include "script/state_scan.h"
#include "script/window_run.h"
#include "script/with_state.h"
#include "state/keys.h"

/* What the loop decided about the state of each group becomes part of the epoch's delta. */
static int write_state(struct stage_chunk *c, struct error *e)
{
    const struct stage_task *t = c->task;
    struct store_batch *batch = delta_batch(t->delta, t->stage, t->shard);
    size_t before = store_batch_bytes(batch);
    struct buffer *value = &c->h->value;
    for (uint32_t i = 0; i < c->group_count; i++) {
        const struct mill_group *g = &c->h->groups[i];
        if (g->changed == 0) {
            continue;
        }
        struct slice at = stage_chunk_state_key(c, (struct slice){g->key, g->key_len});
        buffer_clear(value);
        bool is_changed = (g->changed & GROUP_CHANGED) != 0;
        if (cell_add_msgpack(is_changed ? &g->after : &g->state, value)) {
            store_batch_put(batch, STORE_STATE, at, (struct slice){value->data, value->size});
        } else {
            store_batch_remove(batch, STORE_STATE, at);
        }
    }
    return delta_check(t->delta, t->stage, t->shard, before, e);
}

static int flush(struct stage_chunk *c, struct error *e)
{
    if (c->group_count == 0) {
        return 0;
    }
    int rc = stage_chunk_run(c, e);
    if (rc == 0 && c->stage->kind == STAGE_UPDATE) {
        rc = write_state(c, e);
    }
    stage_chunk_clear(c);
    return rc;
}

static void finish_group(struct stage_chunk *c, struct mill_group *g)
{
    g->count = c->cell_count - g->first;
    if (c->stage->kind == STAGE_TABLE) {
        combine_finish(c->stage->combine, &c->h->cells[g->first]);
    }
}

static void add_value(struct stage_chunk *c, struct mill_group *g, const struct mill_cell *cell,
                      bool copy)
{
    bool folds = c->stage->kind == STAGE_TABLE && c->stage->combine != COMBINE_LUA;
    if (folds && c->cell_count > g->first) {
        combine_cells(c->stage->combine, &c->h->cells[g->first], cell);
    } else {
        stage_chunk_add_cell(c, cell, copy);
    }
}

static bool same_key(const struct mill_group *g, const struct shuffle_entry *entry)
{
    return g->key_len == entry->key_size && memcmp(g->key, entry->key, g->key_len) == 0;
}

/* One pass over the shard's records: the values of the key that `entry` begins with.
 * @return as merge_next: *entry is the first record of the next key */
static int read_group(struct stage_chunk *c, struct merge *m, const struct shuffle_entry **entry,
                      struct mill_group *g, struct error *e)
{
    int rc = 1;
    size_t bytes = c->h->arena.bytes;
    while (rc == 1 && same_key(g, *entry)) {
        add_value(c, g, &(*entry)->cell, true);
        if (c->h->arena.bytes - bytes > LIMIT_GROUP_BYTES_MAX) {
            return error_set(e, MILL_ELIMIT,
                             "%s: one key has more than 64 MiB of values in one batch",
                             dead_letter_label(c->h, c->stage->operator_id));
        }
        rc = merge_next(m, entry, e);
    }
    finish_group(c, g);
    return rc;
}

static int run_records(struct stage_chunk *c, struct merge *m, struct error *e)
{
    const struct shuffle_entry *entry = NULL;
    int rc = merge_next(m, &entry, e);
    while (rc == 1) {
        struct mill_group *g = stage_chunk_add_group(c, entry->key, entry->key_size);
        rc = read_group(c, m, &entry, g, e);
        if (rc >= 0 && stage_chunk_is_full(c)) {
            int flushed = flush(c, e);
            rc = flushed != 0 ? flushed : rc;
        }
    }
    return rc;
}

static void set_state(struct stage_chunk *c, struct mill_group *g, const struct state_scan *scan)
{
    const char *value = arena_copy(&c->h->arena, scan->value.data, scan->value.size);
    g->state = cell_of_msgpack((struct slice){value, scan->value.size});
    g->changed = scan->is_initial ? GROUP_INITIAL : 0;
}

static int flush_when_full(struct stage_chunk *c, struct error *e)
{
    return stage_chunk_is_full(c) ? flush(c, e) : 0;
}

/* update_state_by_key: every key that has state or data, in key order. */
static int run_update(struct stage_chunk *c, struct merge *m, struct error *e)
{
    struct state_scan scan;
    state_scan_open(&scan, c->task);
    const struct shuffle_entry *entry = NULL;
    int data = merge_next(m, &entry, e);
    int state = state_scan_next(&scan, e);
    while (data >= 0 && state >= 0 && (data == 1 || state == 1)) {
        int order = data == 0 ? 1 : state == 0 ? -1 : state_scan_compare(&scan, entry);
        struct mill_group *g =
            order <= 0 ? stage_chunk_add_group(c, entry->key, entry->key_size)
                       : stage_chunk_add_group(c, scan.key.data, (uint32_t)scan.key.size);
        if (order >= 0) {
            set_state(c, g, &scan);
        }
        if (order <= 0) {
            data = read_group(c, m, &entry, g, e);
        }
        if (order >= 0 && data >= 0) {
            state = state_scan_next(&scan, e);
        }
        int flushed = data >= 0 && state >= 0 ? flush_when_full(c, e) : 0;
        state = flushed != 0 ? flushed : state;
    }
    state_scan_close(&scan);
    return data < 0 ? data : state < 0 ? state : 0;
}

/* The n largest records, which top_merge has put into the first worker's list. */
static int run_top(struct stage_chunk *c, struct error *e)
{
    const struct mill_top *top = c->task->tops[0];
    int rc = 0;
    for (uint32_t i = 0; i < top->count && rc == 0; i++) {
        const struct top_entry *entry = &top->entries[i];
        struct mill_group *g = stage_chunk_add_group(c, entry->bytes, entry->key_size);
        struct slice value = {entry->bytes + entry->key_size, entry->size - entry->key_size};
        struct mill_cell cell = cell_of_msgpack(value);
        stage_chunk_add_cell(c, &cell, true);
        g->count = 1;
        g->ordinal = i;
        if (stage_chunk_is_full(c)) {
            rc = flush(c, e);
        }
    }
    return rc;
}

/* count() gives 0 for a batch without records. */
static void add_zero(struct stage_chunk *c)
{
    struct mill_cell zero = {.kind = MILL_NUMBER, .len = 1, .num = 0};
    struct mill_group *g = stage_chunk_add_group(c, GLOBAL_KEY, sizeof GLOBAL_KEY - 1);
    stage_chunk_add_cell(c, &zero, false);
    g->count = 1;
}

int stage_run(struct host *h, const struct stage_task *task, struct error *e)
{
    struct stage_chunk c = {.h = h, .task = task, .stage = &h->graph->stages[task->stage]};
    host_set_order(h, STAGE_ORDER(task->stage, task->shard));
    h->position.input = INPUT_GROUPS;
    h->position.source = task->stage;
    arena_reset(&h->arena);
    host_give_back_cells(h);
    int rc = 0;
    if (c.stage->kind == STAGE_TOP) {
        rc = run_top(&c, e);
    } else if (c.stage->kind == STAGE_WITH_STATE) {
        return with_state_run(&c, e);
    } else if (c.stage->kind == STAGE_WINDOW) {
        bool is_session = c.stage->window.kind == WINDOW_SESSION;
        return is_session ? session_run(&c, e) : window_run(&c, e);
    } else {
        struct merge m;
        rc = merge_open(&m, task->shuffles, task->worker_count, task->shard, e);
        if (rc == 0) {
            rc = c.stage->kind == STAGE_UPDATE ? run_update(&c, &m, e) : run_records(&c, &m, e);
        }
        merge_close(&m);
    }
    if (rc == 0 && c.stage->emits_if_empty && c.groups_run + c.group_count == 0) {
        add_zero(&c);
    }
    return rc == 0 ? flush(&c, e) : rc;
}

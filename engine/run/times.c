#include "run/times.h"

#include "base/check.h"
#include "base/memory.h"
#include "io/source.h"
#include "run/ranges.h"
#include "run/receiving.h"
#include "state/keys.h"

#define RECORD_BYTES_MAX    64
#define PARTITION_KEY_BYTES 13 /* store_key_watermark_partition; an event time's own is shorter */

struct times {
    struct watermark marks[LIMIT_EVENT_TIMES_MAX];
    uint16_t numbers[LIMIT_EVENT_TIMES_MAX]; /* in the store */
    int64_t before_ms[LIMIT_STAGES_MAX];     /* by stage: in force */
    int64_t
        sizes_ms; /* of all windows: how far a result's time can be ahead of what it is made of */
    int64_t gone_ms;  /* the largest time of event times that are in the script no more */
    bool is_advanced; /* in this run of the epoch */
    bool closes_all;  /* ...to the end of the input */
};

static bool has_windows(const struct runner *r, uint32_t stage)
{
    return r->graph->stages[stage].kind == STAGE_WINDOW;
}

/* --- opening --- */

/* What the store has of the event times with these numbers, without the last. */
static struct store_iterator *iterate_events(const struct runner *r, uint16_t first, uint16_t last)
{
    struct store_key from = store_key_watermark(first);
    struct store_key to = store_key_watermark(last);
    return store_iterate(r->data.store, STORE_META, store_key_slice(&from), store_key_slice(&to));
}

static int load_partitions(struct runner *r, uint32_t event, struct error *e)
{
    uint16_t number = r->times->numbers[event];
    struct store_iterator *i = iterate_events(r, number, (uint16_t)(number + 1));
    struct slice key;
    struct slice value;
    int rc = store_next(i, &key, &value, e);
    while (rc == 1) {
        struct watermark *w = &r->times->marks[event];
        rc = key.size == PARTITION_KEY_BYTES
                 ? watermark_partition_decode(w, bytes_get_u16(key.data + 3),
                                              bytes_get_u64(key.data + 5), value, e)
                 : watermark_decode(w, value, e);
        rc = rc == 0 ? store_next(i, &key, &value, e) : rc;
    }
    store_iterate_end(i);
    return rc;
}

static bool is_in_script(const struct times *t, uint32_t count, uint16_t number)
{
    for (uint32_t i = 0; i < count; i++) {
        if (t->numbers[i] == number) {
            return true;
        }
    }
    return false;
}

/* Windows may have reached as far by a branch that was taken out, or has another name now. */
static int load_gone(struct runner *r, struct error *e)
{
    struct store_iterator *i = iterate_events(r, 0, UINT16_MAX);
    struct slice key;
    struct slice value;
    int rc = store_next(i, &key, &value, e);
    while (rc == 1) {
        bool is_mark = key.size != PARTITION_KEY_BYTES;
        if (is_mark &&
            !is_in_script(r->times, r->graph->event_count, bytes_get_u16(key.data + 1))) {
            struct watermark w;
            watermark_init(&w, &(struct watermark_options){0});
            rc = watermark_decode(&w, value, e);
            r->times->gone_ms = w.largest_ms > r->times->gone_ms ? w.largest_ms : r->times->gone_ms;
            watermark_deinit(&w);
        }
        rc = rc >= 0 ? store_next(i, &key, &value, e) : rc;
    }
    store_iterate_end(i);
    return rc;
}

int times_open(struct runner *r, struct error *e)
{
    r->times = memory_zero(1, sizeof *r->times);
    r->times->gone_ms = WATERMARK_NONE;
    int rc = 0;
    for (uint32_t i = 0; i < r->graph->event_count && rc == 0; i++) {
        const struct graph_event *g = &r->graph->events[i];
        struct watermark_options options = {g->max_delay_ms, g->idle_ms, r->options.once};
        watermark_init(&r->times->marks[i], &options);
        r->times->numbers[i] = identity_find(&r->identities, IDENTITY_EVENT, i)->number;
        rc = load_partitions(r, i, e);
    }
    rc = rc == 0 ? load_gone(r, e) : rc;
    for (uint32_t i = 0; i < r->graph->stage_count; i++) {
        r->times->sizes_ms += has_windows(r, i) ? r->graph->stages[i].window.size_ms : 0;
    }
    return rc;
}

void times_close(struct runner *r)
{
    for (uint32_t i = 0; r->times != NULL && i < r->graph->event_count; i++) {
        watermark_deinit(&r->times->marks[i]);
    }
    memory_free(r->times);
    r->times = NULL;
}

/* --- an epoch --- */

/* The minimum over what the stage goes by. */
static int64_t least_of(const struct runner *r, uint32_t stage, bool next)
{
    const struct graph_stage *s = &r->graph->stages[stage];
    int64_t least = WATERMARK_END;
    for (uint32_t i = 0; i < s->event_count; i++) {
        const struct watermark *w = &r->times->marks[s->events[i]];
        int64_t ms = next ? w->next_ms : w->now_ms;
        least = ms < least ? ms : least;
    }
    return least;
}

int64_t times_in_force(const struct runner *r, uint32_t stage)
{
    return least_of(r, stage, false);
}

void times_begin(struct runner *r, struct host_epoch *epoch)
{
    for (uint32_t i = 0; i < r->graph->event_count; i++) {
        watermark_abandon(&r->times->marks[i]);
    }
    for (uint32_t i = 0; i < r->graph->stage_count; i++) {
        r->times->before_ms[i] = has_windows(r, i) ? least_of(r, i, false) : WATERMARK_NONE;
    }
    r->times->is_advanced = false;
    r->times->closes_all = false;
    epoch->watermarks = r->times->before_ms;
    epoch->latest_ms = r->options.virtual_clock ? WATERMARK_END : r->epoch.clock_ms;
}

struct found {
    struct watermark *mark;
    uint16_t source;
};

static void on_partition(void *context, uint64_t partition, enum watermark_place place)
{
    const struct found *f = context;
    watermark_found(f->mark, f->source, partition, place);
}

static void find_partitions(struct runner *r, uint32_t event)
{
    const struct graph_event *g = &r->graph->events[event];
    for (uint32_t i = 0; i < g->source_count; i++) {
        const struct source *s = r->sources[g->sources[i]];
        struct found f = {&r->times->marks[event], s->store_id};
        for (uint32_t k = 0; k < r->ranges->count; k++) {
            const struct epoch_range *range = &r->ranges->items[k];
            if (range->source == s->store_id && range->to > range->from) {
                watermark_read(f.mark, s->store_id, range->partition);
            }
        }
        source_each_partition(s, on_partition, &f);
    }
}

static void take_seen(struct runner *r, const struct host *h)
{
    for (uint32_t i = 0; i < h->seen_count; i++) {
        const struct host_seen *s = &h->seen[i];
        watermark_saw(&r->times->marks[s->event], r->sources[s->source]->store_id, s->partition,
                      s->time_ms);
    }
}

void times_advance(struct runner *r)
{
    if (r->times->is_advanced) {
        return;
    }
    r->times->is_advanced = true;
    for (uint32_t w = 0; w < r->worker_count; w++) {
        const struct pool_worker *worker = &r->pool.workers[w];
        if (worker->attempt == r->attempt) {
            take_seen(r, worker->host);
        }
    }
    /* Time in which the engine was down or held its sources back does not count. */
    bool was_at_work = r->epochs_run > 0 && !r->was_held;
    int64_t elapsed_ms = was_at_work ? r->epoch.clock_ms - r->last_clock_ms : 0;
    for (uint32_t i = 0; i < r->graph->event_count; i++) {
        find_partitions(r, i);
        watermark_advance(&r->times->marks[i], elapsed_ms);
    }
    bool ends = r->options.once || receiving_is_over(r);
    r->times->closes_all = ends && !r->options.keep_open && r->epoch.is_last && !r->stop_wanted;
}

void times_fill_task(const struct runner *r, uint32_t stage, struct stage_task *t)
{
    if (!has_windows(r, stage)) {
        return;
    }
    const struct graph_stage *s = &r->graph->stages[stage];
    t->before_ms = r->times->before_ms[stage];
    t->watermark_ms = r->times->closes_all ? WATERMARK_END : least_of(r, stage, true);
    int64_t largest = r->times->gone_ms;
    for (uint32_t i = 0; i < s->event_count; i++) {
        int64_t seen = r->times->marks[s->events[i]].largest_ms;
        largest = seen > largest ? seen : largest;
    }
    t->stored_until_ms = largest == WATERMARK_NONE ? largest : largest + r->times->sizes_ms;
}

void times_end_stages(struct runner *r)
{
    for (uint32_t i = 0; i < r->graph->stage_count && r->times->closes_all; i++) {
        const struct graph_stage *s = &r->graph->stages[i];
        for (uint32_t w = 0; w < r->worker_count; w++) {
            const struct pool_worker *worker = &r->pool.workers[w];
            for (uint32_t k = 0; k < s->event_count && worker->attempt == r->attempt; k++) {
                watermark_close(&r->times->marks[s->events[k]], worker->host->window_ends[i]);
            }
        }
    }
}

/* --- the commit --- */

static int commit_one(struct runner *r, uint32_t event, struct store_batch *batch)
{
    const struct watermark *w = &r->times->marks[event];
    uint16_t number = r->times->numbers[event];
    struct buffer value;
    buffer_init(&value, RECORD_BYTES_MAX);
    int rc = watermark_encode(w, &value);
    struct store_key key = store_key_watermark(number);
    store_batch_put(batch, STORE_META, store_key_slice(&key),
                    (struct slice){value.data, value.size});
    buffer_deinit(&value);
    for (uint32_t i = 0; i < w->count; i++) {
        const struct watermark_partition *p = &w->partitions[i];
        char bytes[WATERMARK_PARTITION_BYTES];
        key = store_key_watermark_partition(number, p->source, p->partition);
        if (!p->was_found) {
            store_batch_remove(batch, STORE_META, store_key_slice(&key));
        } else if (p->is_dirty) {
            watermark_partition_encode(p, bytes);
            store_batch_put(batch, STORE_META, store_key_slice(&key),
                            (struct slice){bytes, sizeof bytes});
        }
    }
    return rc;
}

int times_commit_into(struct runner *r, struct store_batch *batch)
{
    int rc = 0;
    for (uint32_t i = 0; i < r->graph->event_count && rc == 0; i++) {
        rc = commit_one(r, i, batch);
    }
    return rc;
}

void times_committed(struct runner *r)
{
    for (uint32_t i = 0; i < r->graph->event_count; i++) {
        watermark_committed(&r->times->marks[i]);
    }
    r->was_held = false;
}

#include "run/drive.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/file_source.h"
#include "run/commit.h"
#include "run/open_windows.h"
#include "run/ranges.h"
#include "run/receiving.h"
#include "run/rerun.h"
#include "run/times.h"

/* Blocks that wait so that no worker does. */
#define BLOCKS_AHEAD 2

static int64_t now_ms(const struct runner *r)
{
    return clock_now_ms(&r->clock);
}

/* --- beginning ------------------------------------------------------------------------------ */

static int poll_sources(struct runner *r, struct error *e)
{
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        int rc = source_poll(r->sources[i], now_ms(r), e);
        if (rc != 0 && (r->epochs_run == 0 || r->options.once)) {
            return rc;
        }
        if (rc != 0) {
            log_warn("%s", e->message);
        }
    }
    return 0;
}

/* The sources share batch_bytes equally, in order; who has less left lends the rest to the next. No
 * source gives more than its own limit. */
static int plan(struct runner *r, struct error *e)
{
    uint64_t left = r->graph->options.batch_bytes;
    uint64_t planned = 0;
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        uint64_t share = left / (r->graph->source_count - i);
        uint64_t bytes_max = r->graph->sources[i].bytes_max;
        share = bytes_max > 0 && bytes_max < share ? bytes_max : share;
        uint64_t bytes = 0;
        int rc = source_plan(r->sources[i], share > 0 ? share : 1, &bytes, e);
        if (rc != 0) {
            return rc;
        }
        left -= bytes < left ? bytes : left;
        planned += bytes;
    }
    r->planned_bytes = planned;
    return 0;
}

static void set_times(struct runner *r)
{
    int64_t interval = r->graph->options.batch_ms;
    if (r->options.virtual_clock) {
        r->clock.fixed_ms = epoch_time(r->last_time_ms, interval, 0);
    }
    int64_t now = now_ms(r);
    if (r->once_clock_ms == 0) {
        r->once_clock_ms = now;
    }
    int64_t clock = r->options.once ? r->once_clock_ms : now;
    r->epoch.number = r->last_number + 1;
    r->epoch.time_ms = epoch_time(r->last_time_ms, interval, now);
    r->epoch.clock_ms =
        r->options.virtual_clock ? r->epoch.time_ms : epoch_clock(r->last_clock_ms, clock);
    uint64_t seed[2] = {r->options.capture ? 0 : r->data.store_id, r->epoch.number};
    r->epoch.seed = hash_bytes(seed, sizeof seed);
}

static void cut(struct runner *r)
{
    r->epoch_cut_us = r->epoch.phase == EPOCH_FILLING ? clock_elapsed_us() : r->epoch_cut_us;
    epoch_cut(&r->epoch);
}

static void on_cut(uv_timer_t *timer)
{
    struct runner *r = timer->data;
    cut(r);
    drive(r);
}

/* A multiple of the interval on the machine's clock ends the epoch. */
static void start_cut_timer(struct runner *r)
{
    if (r->options.virtual_clock || (r->options.once && !r->options.cut_by_time)) {
        return;
    }
    int64_t wait = pace_input_ms(&r->pace, r->graph->options.batch_ms, now_ms(r));
    r->epoch_due_us = clock_elapsed_us() + wait * 1000;
    uv_timer_start(&r->cut_timer, on_cut, (uint64_t)wait, 0);
}

int drive_attempt(struct runner *r, struct error *e)
{
    r->attempt++;
    r->is_abandoned = false;
    r->next_source = 0;
    r->handed_bytes = 0;
    r->handed_blocks = 0;
    ranges_clear(r->ranges);
    int rc = delta_begin(&r->delta, r->epoch.number, e);
    if (rc != 0) {
        return rc;
    }
    struct pool_epoch epoch = {
        .attempt = r->attempt,
        .epoch = {.number = r->epoch.number,
                  .time_ms = r->epoch.time_ms,
                  .clock_ms = r->epoch.clock_ms,
                  .seed = r->epoch.seed,
                  .skips = r->skips,
                  .skip_count = r->skip_count},
    };
    times_begin(r, &epoch.epoch);
    pool_begin_epoch(&r->pool, &epoch);
    r->epoch.stage_count = 2 * r->graph->stage_count; /* each: seal, then run */
    epoch_begin(&r->epoch);
    return 0;
}

/* The job ends when what there is was processed. */
static bool ends(const struct runner *r)
{
    return r->options.once || receiving_is_over(r);
}

static bool wants_commit(const struct runner *r)
{
    if (r->is_mended) {
        return true;
    }
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        if (source_wants_commit(r->sources[i])) {
            return true;
        }
    }
    return false;
}

static bool cuts_by_time(const struct runner *r)
{
    return !r->options.virtual_clock && (!r->options.once || r->options.cut_by_time) &&
           !r->is_replay;
}

int drive_begin(struct runner *r, struct error *e)
{
    set_times(r);
    if (!r->options.once && r->epochs_run > 0) {
        side_tables_poll(r->sides);
    }
    int rc = poll_sources(r, e);
    rc = rc == 0 ? plan(r, e) : rc;
    if (rc != 0) {
        return rc;
    }
    bool nothing_new = ends(r) && r->planned_bytes == 0;
    if (nothing_new && !runner_has_hidden_rows(r) && !wants_commit(r)) {
        rc = open_windows_must_close(r, e);
        if (rc <= 0) {
            return rc;
        }
    }
    r->is_replay = false;
    /* An epoch that the clock cuts may leave some of its plan: end_handing_out sees whether. */
    r->epoch.is_last = ends(r) && !cuts_by_time(r) && runner_is_drained(r);
    r->strikes = 0;
    r->epoch_begun_us = clock_elapsed_us();
    r->epoch_cut_us = 0;
    r->scheduling_us = r->epoch_due_us > 0 ? r->epoch_begun_us - r->epoch_due_us : 0;
    rc = drive_attempt(r, e);
    if (rc == 0) {
        start_cut_timer(r);
    }
    return rc == 0 ? 1 : rc;
}

/* --- handing out ------------------------------------------------------------------------------ */

/* The next block of any source, in turn. @return 1, 0 when all are through, or an error */
static int next_block(struct runner *r, struct source_block *block, struct error *e)
{
    uint32_t count = r->graph->source_count;
    for (uint32_t tried = 0; tried < count; tried++) {
        uint32_t index = (r->next_source + tried) % count;
        int rc = source_next_block(r->sources[index], block, e);
        if (rc != 0) {
            r->next_source = index + 1;
            return rc;
        }
    }
    return 0;
}

static void post_block(struct runner *r, const struct source_block *block)
{
    struct task *t = pool_task(TASK_BLOCK);
    t->block = *block;
    r->handed_bytes += block->bytes;
    r->handed_blocks++;
    r->posted++;
    epoch_block_handed(&r->epoch);
    pool_post(&r->pool, t);
}

static bool is_waiting(const struct runner *r)
{
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        if (source_is_waiting(r->sources[i])) {
            return true;
        }
    }
    return false;
}

/* All that can be handed out now is. @return false when more may come */
static bool end_handing_out(struct runner *r)
{
    bool drained = ends(r) && runner_is_drained(r);
    if (is_waiting(r) || (cuts_by_time(r) && !drained)) {
        return false;
    }
    bool is_empty = ends(r) && r->handed_blocks == 0 && !r->is_replay;
    if (is_empty && !runner_has_hidden_rows(r) && !wants_commit(r) &&
        open_windows_must_close(r, NULL) <= 0) {
        runner_nothing_new(r); /* what was planned did not come */
        return false;
    }
    r->epoch.is_last = r->epoch.is_last || drained;
    cut(r);
    return true;
}

/* @return false: nothing to do until a worker, a source or the clock says so */
static bool hand_out(struct runner *r)
{
    if (r->stop_wanted) {
        cut(r);
        return true;
    }
    while (r->posted < r->worker_count + BLOCKS_AHEAD) {
        struct source_block block;
        struct error e;
        if (cuts_by_time(r) && r->handed_bytes >= r->graph->options.batch_bytes) {
            cut(r);
            return true;
        }
        int rc = next_block(r, &block, &e);
        if (rc < 0) {
            rerun_failed(r, &e);
            return false;
        }
        if (rc == 0) {
            return end_handing_out(r);
        }
        post_block(r, &block);
    }
    return false;
}

/* --- stages ------------------------------------------------------------------------------------
 */

static struct mill_shuffle **shuffles_of(struct runner *r, uint32_t stage)
{
    struct mill_shuffle **list = memory_alloc(r->worker_count * sizeof(struct mill_shuffle *));
    for (uint32_t w = 0; w < r->worker_count; w++) {
        list[w] = &r->pool.workers[w].host->shuffles[stage];
    }
    return list;
}

static void merge_tops(struct runner *r, uint32_t stage)
{
    for (uint32_t w = 0; w < r->worker_count; w++) {
        r->tops[w] = &r->pool.workers[w].host->tops[stage];
    }
    top_merge(r->tops, r->worker_count);
}

static void post_seals(struct runner *r, uint32_t stage)
{
    epoch_stage_posted(&r->epoch, r->worker_count);
    for (uint32_t w = 0; w < r->worker_count; w++) {
        struct task *t = pool_task(TASK_SEAL);
        t->stage.stage = stage;
        r->posted++;
        pool_pin(&r->pool, w, t);
    }
}

static void fill_state_task(struct runner *r, uint32_t stage, struct stage_task *t)
{
    const struct identity *i = identity_find(&r->identities, IDENTITY_STATE, stage);
    t->operator_number = i->number;
    t->store = r->data.store;
    t->delta = &r->delta;
    const struct runner_initial *initial =
        r->options.initials == NULL ? NULL : &r->options.initials[stage];
    if (i->is_new && initial != NULL && initial->count > 0) {
        t->initial = initial->items;
        t->initial_count = initial->count;
    }
}

static void post_shards(struct runner *r, uint32_t stage)
{
    const struct graph_stage *s = &r->graph->stages[stage];
    memory_free(r->shuffles);
    r->shuffles = shuffles_of(r, stage);
    if (s->kind == STAGE_TOP) {
        merge_tops(r, stage);
    }
    bool is_single = s->is_global || s->kind == STAGE_TOP;
    epoch_stage_posted(&r->epoch, is_single ? 1 : SHARD_COUNT);
    for (uint32_t shard = 0; shard < SHARD_COUNT; shard++) {
        if (is_single && shard != graph_global_shard()) {
            continue;
        }
        struct task *t = pool_task(TASK_SHARD);
        t->stage = (struct stage_task){
            .stage = stage,
            .shard = shard,
            .shuffles = r->shuffles,
            .tops = r->tops,
            .worker_count = r->worker_count,
        };
        if (graph_stage_has_state(s)) {
            fill_state_task(r, stage, &t->stage);
        }
        times_fill_task(r, stage, &t->stage);
        r->posted++;
        pool_post(&r->pool, t);
    }
}

static void run_stage(struct runner *r)
{
    uint32_t stage = r->epoch.stage / 2;
    if (r->epoch.stage % 2 == 0) {
        post_seals(r, stage);
    } else {
        post_shards(r, stage);
    }
}

/* --- results -------------------------------------------------------------------------------------
 */

static void on_block_done(struct runner *r, const struct task *t)
{
    if (t->rc == 0 && !r->is_abandoned) {
        r->bytes_done += t->done.bytes;
        source_block_done(r->sources[t->block.source], &t->block, &t->done);
        ranges_add(r->ranges, r->sources[t->block.source]->store_id, t->block.partition,
                   t->block.start, t->done.next);
    }
    epoch_block_done(&r->epoch);
}

static void on_renewed(struct runner *r, const struct task *t)
{
    r->renewing--;
    if (t->rc != 0) {
        runner_fail(r, &t->error);
    }
}

void drive_tasks_done(struct runner *r)
{
    struct task *t = pool_take_done(&r->pool);
    while (t != NULL) {
        struct task *next = t->next;
        r->posted--;
        if (t->kind == TASK_RENEW) {
            on_renewed(r, t);
        } else if (t->kind == TASK_BLOCK) {
            on_block_done(r, t);
        } else {
            epoch_task_done(&r->epoch);
        }
        bool is_wanted = r->ends_as == RUNNER_RUNS;
        if (is_wanted && t->rc == MILL_EDEADLINE) {
            rerun_without(r, t);
        } else if (is_wanted && t->rc != 0 && t->kind != TASK_RENEW) {
            rerun_failed(r, &t->error);
        }
        pool_task_free(t);
        t = next;
    }
    drive(r);
}

static void drive_on(struct runner *r)
{
    while (r->end == RUNNER_RUNS && r->ends_as == RUNNER_RUNS) {
        if (r->is_abandoned) {
            if (!rerun_is_ready(r)) {
                return;
            }
            rerun(r);
            continue;
        }
        switch (epoch_next(&r->epoch)) {
        case EPOCH_HAND_OUT:
            if (!hand_out(r)) {
                return;
            }
            break;
        case EPOCH_RUN_STAGE:
            times_advance(r);
            run_stage(r);
            break;
        case EPOCH_PREPARE:
            uv_timer_stop(&r->cut_timer);
            times_advance(r);
            times_end_stages(r);
            commit_prepare(r);
            return;
        case EPOCH_COMMIT:
            commit_write(r);
            return;
        case EPOCH_WAIT:
        case EPOCH_FINISH:
            return;
        }
    }
}

void drive(struct runner *r)
{
    drive_on(r);
    receiving_update(r);
}

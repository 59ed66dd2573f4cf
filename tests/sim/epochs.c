/* One epoch: the state machine asks, blocks and shards are computed, the outputs prepare, and the
 * batch is built in the order of run/commit.c. */
#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "data/cell.h"
#include "io/source.h"
#include "sim.h"
#include "state/keys.h"

#define ATTEMPTS_MAX 2000 /* of an epoch: then nothing moves any more */

static uint32_t all_outputs(const struct sim *s)
{
    return s->job.output_count + 1;
}

/* --- beginning --- */

static void set_times(struct sim *s)
{
    struct process *p = &s->process;
    int64_t interval = s->job.interval_ms;
    s->clock_ms += sim_maybe(s, 5) ? -2000 : (int64_t)sim_below(s, (uint32_t)interval * 3);
    p->epoch.number = p->last_number + 1;
    p->epoch.time_ms = epoch_time(p->last_time_ms, interval, s->clock_ms);
    p->epoch.clock_ms = epoch_clock(p->last_clock_ms, s->clock_ms);
    p->epoch.seed = s->seed;
}

static void plan(struct sim *s)
{
    struct process *p = &s->process;
    uint32_t left = s->job.record_count - p->position;
    uint32_t share = sim_maybe(s, 25) ? 0 : sim_below(s, 24);
    p->plan_end = p->position + (share < left ? share : left);
    if (p->once && p->plan_end == p->position) {
        p->plan_end += left > 0;
    }
    p->block_count = 0;
}

/* @return 0, or why the parts of the run before could not be removed */
static int start_attempt(struct sim *s, struct error *e)
{
    struct process *p = &s->process;
    p->blocks_given = 0;
    int rc = delta_begin(&p->delta, p->epoch.number, e);
    for (uint32_t i = 0; i < all_outputs(s); i++) {
        for (uint32_t w = 0; w < s->job.worker_count; w++) {
            rows_clear(&p->rows[w][i]);
        }
    }
    p->epoch.stage_count = 2 * s->job.stage_count;
    epoch_begin(&p->epoch);
    return rc;
}

/* --- blocks --- */

static void hand_out(struct sim *s)
{
    struct process *p = &s->process;
    bool is_through =
        p->is_replay ? p->blocks_given == p->block_count
                     : p->blocks_given == SIM_BLOCKS_MAX ||
                           (p->block_count > 0 ? p->blocks[p->block_count - 1].to == p->plan_end
                                               : p->position == p->plan_end);
    if (is_through || (!p->is_replay && !p->once && sim_maybe(s, 5))) {
        epoch_cut(&p->epoch);
        return;
    }
    struct sim_block *b = &p->blocks[p->blocks_given];
    if (!p->is_replay) {
        b->from = p->block_count == 0 ? p->position : b[-1].to;
        b->to = b->from + 1 + sim_below(s, p->plan_end - b->from);
        p->block_count++;
    }
    b->is_done = false;
    p->blocks_given++;
    epoch_block_handed(&p->epoch);
}

static void add_row(struct sim *s, uint32_t output, uint64_t order, const struct buffer *row)
{
    /* All rows of one block or shard are made by one worker. */
    struct mill_rows *rows = &s->process.rows[order % s->job.worker_count][output];
    rows->order = order;
    int rc = rows_add(rows, row->data, row->size);
    check(rc == 0);
}

static int skip_one(struct sim *s, const struct sim_block *b, struct error *e)
{
    uint32_t record = b->from + sim_below(s, b->to - b->from);
    s->job.is_skipped[record] = true;
    sim_note(s, "record %" PRIu32 " runs past its deadline", record);
    return error_set(e, MILL_EDEADLINE, "a record ran past its deadline");
}

static void run_block(struct sim *s, uint32_t sequence)
{
    struct buffer row;
    buffer_init(&row, MIB);
    const struct sim_block *b = &s->process.blocks[sequence];
    for (uint32_t o = 0; o < all_outputs(s); o++) {
        for (uint32_t i = b->from; i < b->to && !s->job.outputs[o].of_stage; i++) {
            if (!s->job.is_skipped[i] && sim_row_of_record(s, o, i, &row)) {
                add_row(s, o, SOURCE_ORDER(0, sequence), &row);
            }
        }
    }
    buffer_deinit(&row);
}

/* One of the blocks that are out, whichever comes first. Now and then a record in it runs past
 * its deadline: the epoch is run again without it. */
static int finish_block(struct sim *s, struct error *e)
{
    struct process *p = &s->process;
    uint32_t first = sim_below(s, p->blocks_given);
    for (uint32_t k = 0; k < p->blocks_given; k++) {
        struct sim_block *b = &p->blocks[(first + k) % p->blocks_given];
        if (!b->is_done) {
            run_block(s, (first + k) % p->blocks_given);
            b->is_done = true;
            epoch_block_done(&p->epoch);
            return sim_maybe(s, 1) ? skip_one(s, b, e) : 0;
        }
    }
    return 0;
}

static uint32_t read_to(const struct process *p)
{
    return p->blocks_given == 0 ? p->position : p->blocks[p->blocks_given - 1].to;
}

/* --- stages --- */

struct state_key {
    char bytes[32];
    size_t size;
};

static struct slice state_key(const struct sim *s, uint32_t stage, uint32_t key,
                              struct state_key *k)
{
    store_state_head(k->bytes, (uint16_t)(stage + 1), s->job.keys[key].key_group);
    memcpy(k->bytes + STATE_KEY_HEAD_BYTES, s->job.keys[key].bytes, s->job.keys[key].size);
    return (struct slice){k->bytes, STATE_KEY_HEAD_BYTES + s->job.keys[key].size};
}

static int read_count(struct sim *s, struct slice key, uint32_t *count, struct error *e)
{
    struct buffer value;
    buffer_init(&value, 64);
    int rc = store_get(&s->store, STORE_STATE, key, &value, e);
    struct mill_cell cell = {0};
    if (rc == 0) {
        cell = cell_of_msgpack((struct slice){value.data, value.size});
        check(cell.kind == MILL_NUMBER);
    }
    *count = rc == 0 ? (uint32_t)cell.num : 0;
    buffer_deinit(&value);
    return rc == MILL_ENOENT ? 0 : rc;
}

static void write_count(struct store_batch *batch, struct slice key, uint32_t count)
{
    if (count == 0) {
        store_batch_remove(batch, STORE_STATE, key);
        return;
    }
    struct buffer value;
    buffer_init(&value, 64);
    struct mill_cell cell = {.kind = MILL_NUMBER, .len = 1, .num = count};
    bool added = cell_add_msgpack(&cell, &value);
    check(added);
    store_batch_put(batch, STORE_STATE, key, (struct slice){value.data, value.size});
    buffer_deinit(&value);
}

static void add_key_rows(struct sim *s, uint32_t stage, uint32_t key, uint32_t count, uint32_t last)
{
    struct buffer row;
    buffer_init(&row, MIB);
    bool is_last_stage = stage == s->job.stage_count - 1;
    for (uint32_t o = 0; o < all_outputs(s) && is_last_stage; o++) {
        if (s->job.outputs[o].of_stage && sim_row_of_key(s, o, key, count, last, &row)) {
            add_row(s, o, STAGE_ORDER(stage, s->job.keys[key].shard), &row);
        }
    }
    buffer_deinit(&row);
}

static int run_key(struct sim *s, uint32_t stage, uint32_t key, struct error *e)
{
    struct process *p = &s->process;
    uint32_t last = sim_last_record(s, stage, key, p->position, read_to(p));
    if (last == UINT32_MAX) {
        return 0;
    }
    struct state_key bytes;
    struct slice at = state_key(s, stage, key, &bytes);
    uint32_t count = 0;
    int rc = read_count(s, at, &count, e);
    for (uint32_t i = p->position; i < read_to(p); i++) {
        bool counts = s->job.key_of[stage][i] == key && !s->job.is_skipped[i];
        count = (count + counts) % SIM_COUNT_AROUND;
    }
    struct store_batch *batch = delta_batch(&p->delta, stage, s->job.keys[key].shard);
    size_t before = store_batch_bytes(batch);
    write_count(batch, at, count);
    add_key_rows(s, stage, key, count, last);
    return rc == 0 ? delta_check(&p->delta, stage, s->job.keys[key].shard, before, e) : rc;
}

/* The shards in any order, their keys in order. */
static int run_shards(struct sim *s, uint32_t stage, struct error *e)
{
    epoch_stage_posted(&s->process.epoch, SHARD_COUNT);
    uint32_t first = sim_below(s, SHARD_COUNT);
    int rc = 0;
    for (uint32_t k = 0; k < SHARD_COUNT && rc == 0; k++) {
        for (uint32_t key = 0; key < s->job.key_count && rc == 0; key++) {
            if (s->job.keys[key].shard == (first + k) % SHARD_COUNT) {
                rc = run_key(s, stage, key, e);
            }
        }
        if (rc == 0) {
            epoch_task_done(&s->process.epoch);
        }
    }
    return rc;
}

static int run_stage(struct sim *s, struct error *e)
{
    struct epoch *epoch = &s->process.epoch;
    if (epoch->stage % 2 == 1) {
        return run_shards(s, epoch->stage / 2, e);
    }
    epoch_stage_posted(epoch, s->job.worker_count); /* sealing: there are no tables here */
    for (uint32_t w = 0; w < s->job.worker_count; w++) {
        epoch_task_done(epoch);
    }
    return 0;
}

/* --- preparing --- */

static int prepare_output(struct sim *s, uint32_t output, struct error *e)
{
    struct process *p = &s->process;
    struct output_epoch epoch = {
        .number = p->epoch.number,
        .time_ms = p->epoch.time_ms,
        .clock_ms = p->epoch.clock_ms,
        .is_last = p->epoch.is_last,
    };
    struct mill_rows *rows[SIM_WORKERS_MAX];
    for (uint32_t w = 0; w < s->job.worker_count; w++) {
        rows[w] = &p->rows[w][output];
    }
    struct rows_reader reader;
    rows_reader_open(&reader, rows, s->job.worker_count);
    buffer_clear(&p->manifests[output]);
    int rc =
        output_prepare(sim_process_output(s, output), &epoch, &reader, &p->manifests[output], e);
    rows_reader_close(&reader);
    return rc;
}

static int prepare(struct sim *s, struct error *e)
{
    epoch_prepare_posted(&s->process.epoch);
    int rc = 0;
    for (uint32_t i = 0; i < all_outputs(s) && rc == 0; i++) {
        rc = prepare_output(s, i, e);
    }
    epoch_prepared(&s->process.epoch); /* so that the epoch is quiet */
    return rc;
}

/* --- the commit --- */

static struct slice position_key(void)
{
    return (struct slice){"q\0\1", 3};
}

static void commit_source(const struct sim *s, struct store_batch *batch)
{
    char position[sizeof(uint32_t)];
    bytes_put_u32(position, read_to(&s->process));
    store_batch_put(batch, STORE_META, position_key(), (struct slice){position, sizeof position});
}

static int add_record(struct process *p, struct store_batch *batch)
{
    struct buffer value;
    buffer_init(&value, MIB);
    int rc = epoch_record_encode(&p->record, &value);
    struct store_key newest = store_key_text("epoch");
    struct store_key history = store_key_history(p->record.number);
    struct slice bytes = {value.data, value.size};
    store_batch_put(batch, STORE_META, store_key_slice(&newest), bytes);
    store_batch_put(batch, STORE_META, store_key_slice(&history), bytes);
    buffer_deinit(&value);
    return rc;
}

static void add_manifests(struct sim *s, struct store_batch *batch)
{
    struct process *p = &s->process;
    for (uint32_t i = 0; i < all_outputs(s); i++) {
        const struct buffer *m = &p->manifests[i];
        if (m->size > 0) {
            struct store_key key =
                store_key_outbox(p->record.number, sim_process_output(s, i)->number);
            store_batch_put(batch, STORE_OUTBOX, store_key_slice(&key),
                            (struct slice){m->data, m->size});
        }
    }
}

static int build(struct sim *s, struct store_batch *batch, struct error *e)
{
    struct process *p = &s->process;
    int rc = delta_commit_into(&p->delta, batch, &p->record, e);
    if (rc == 0) {
        commit_source(s, batch);
    }
    for (uint32_t i = 0; i < all_outputs(s) && rc == 0; i++) {
        rc = output_commit_into(sim_process_output(s, i), batch);
    }
    rc = rc == 0 ? add_record(p, batch) : rc;
    add_manifests(s, batch);
    publisher_commit_into(&p->publisher, batch);
    return rc;
}

static void sum_up(struct sim *s, struct epoch_range *range)
{
    struct process *p = &s->process;
    *range = (struct epoch_range){.source = 1, .from = p->position, .to = read_to(p)};
    p->record = (struct epoch_record){
        .number = p->epoch.number,
        .time_ms = p->epoch.time_ms,
        .clock_ms = p->epoch.clock_ms,
        .interval_ms = s->job.interval_ms,
        .seed = p->epoch.seed,
        .records = read_to(p) - p->position,
        .ranges = range,
        .range_count = 1,
    };
    s->pending_number = p->epoch.number;
    s->pending = (struct sim_epoch){.from = p->position,
                                    .to = read_to(p),
                                    .time_ms = p->epoch.time_ms,
                                    .clock_ms = p->epoch.clock_ms};
}

static void take_over(struct sim *s)
{
    struct process *p = &s->process;
    if (s->pending_number != 0) {
        s->epochs[++s->epoch_count] = s->pending;
        s->pending_number = 0;
    }
    sim_note(s, "epoch %" PRIu64 " is committed: records %" PRIu32 " to %" PRIu32, p->epoch.number,
             s->epochs[s->epoch_count].from, s->epochs[s->epoch_count].to);
    for (uint32_t i = 0; i < all_outputs(s); i++) {
        output_committed(sim_process_output(s, i));
    }
    p->position = s->epochs[s->epoch_count].to;
    p->last_number = p->epoch.number;
    p->last_time_ms = p->epoch.time_ms;
    p->last_clock_ms = p->epoch.clock_ms;
    publisher_committed(&p->publisher);
    for (uint32_t i = 0; i < all_outputs(s); i++) {
        const struct buffer *m = &p->manifests[i];
        if (m->size > 0) {
            publisher_add(&p->publisher, (struct slice){m->data, m->size});
        }
    }
}

static int commit(struct sim *s, struct error *e)
{
    struct process *p = &s->process;
    struct epoch_range range;
    epoch_commit_posted(&p->epoch);
    sum_up(s, &range);
    struct store_batch *batch = store_batch_create();
    int rc = build(s, batch, e);
    /* Publishing goes on meanwhile. */
    if (rc == 0 && !sim_process_publish(s, false)) {
        store_batch_destroy(batch);
        return MILL_ESTOPPED;
    }
    rc = rc == 0 ? store_write(&s->store, batch, true, e) : rc;
    rc = rc == 0 ? delta_committed(&p->delta, &p->record, e) : rc;
    store_batch_destroy(batch);
    epoch_committed(&p->epoch);
    p->store_is_suspect = rc != 0;
    if (rc == 0 && sim_process_publish(s, false)) {
        take_over(s);
    }
    return rc;
}

/* --- running it again --- */

/* A full disk: wait, look whether the batch is there after all, and begin the epoch again.
 * @return false when the life is over; *is_done: it was there */
static bool begin_again(struct sim *s, struct error *e, bool *is_done)
{
    struct process *p = &s->process;
    *is_done = false;
    int rc = 0;
    if (p->store_is_suspect) {
        rc = sim_process_recover(s, e);
        if (rc == 0 && p->last_number == p->epoch.number) {
            p->epoch.phase = EPOCH_DONE;
            take_over(s);
            *is_done = true;
            return true;
        }
        p->store_is_suspect = rc != 0;
    }
    p->is_replay = true;
    rc = rc == 0 ? start_attempt(s, e) : rc;
    p->store_is_suspect = p->store_is_suspect || rc != 0;
    return rc == 0 || sim_process_failed(s, rc, e, "beginning again");
}

/* @return 0, or what went wrong */
static int step(struct sim *s, struct error *e)
{
    struct process *p = &s->process;
    switch (epoch_next(&p->epoch)) {
    case EPOCH_HAND_OUT:
        if (p->epoch.blocks_out > 0 && sim_maybe(s, 40)) {
            return finish_block(s, e);
        }
        hand_out(s);
        return 0;
    case EPOCH_WAIT:
        return finish_block(s, e);
    case EPOCH_RUN_STAGE:
        return run_stage(s, e);
    case EPOCH_PREPARE:
        return prepare(s, e);
    case EPOCH_COMMIT:
        return commit(s, e);
    case EPOCH_FINISH:
        break;
    }
    return 0;
}

static bool begin(struct sim *s, bool is_last, struct error *e)
{
    struct process *p = &s->process;
    if (p->last_number + 1 == SIM_EPOCHS_MAX) {
        sim_fail(s, "it does not come to an end");
    }
    set_times(s);
    plan(s);
    p->epoch.is_last = is_last || (p->once && p->plan_end == s->job.record_count);
    p->is_replay = false;
    p->store_is_suspect = false;
    sim_note(s, "epoch %" PRIu64 " begins at record %" PRIu32 "%s", p->epoch.number, p->position,
             p->epoch.is_last ? ", the last" : "");
    int rc = start_attempt(s, e);
    p->store_is_suspect = rc != 0;
    return rc == 0 || sim_process_failed(s, rc, e, "beginning an epoch");
}

bool sim_epoch_run(struct sim *s, bool is_last)
{
    struct process *p = &s->process;
    struct error e = {0};
    if (!begin(s, is_last, &e)) {
        return false;
    }
    bool is_done = false;
    for (uint32_t failures = 0; !is_done;) {
        int rc = p->store_is_suspect ? MILL_ENOSPC : step(s, &e);
        if (s->end != SIM_RUNS || (rc == 0 && !sim_process_publish(s, false))) {
            return false;
        }
        if (rc != 0) {
            if (!sim_process_failed(s, rc, &e, "an epoch") || !begin_again(s, &e, &is_done)) {
                return false;
            }
            if (++failures > ATTEMPTS_MAX) {
                sim_fail(s, "nothing moves: %s", e.message);
            }
        }
        is_done = is_done || (!p->store_is_suspect && epoch_next(&p->epoch) == EPOCH_FINISH);
    }
    return true;
}

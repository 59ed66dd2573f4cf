#include "run/commit.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/memory.h"
#include "flow/conservation.h"
#include "run/drive.h"
#include "run/gone_logs.h"
#include "run/late.h"
#include "run/mend.h"
#include "run/publishing.h"
#include "run/ranges.h"
#include "run/receiving.h"
#include "run/rerun.h"
#include "run/skips.h"
#include "run/times.h"
#include "state/keys.h"

#define RECORD_BYTES_MAX ((size_t)1 << 30)
#define GIVE_BACK_US     (60 * 1000000ll)

/* Over how many records errors are judged, and how few are never too many. */
#define ERROR_WINDOW_RECORDS 10000
#define ERRORS_MIN           100

/* --- preparing ----------------------------------------------------------------------------------
 */

void commit_open_rows(struct runner *r, uint32_t output, struct rows_reader *reader)
{
    struct mill_rows *rows[LIMIT_WORKERS_MAX];
    uint32_t count = 0;
    for (uint32_t w = 0; w < r->worker_count; w++) {
        struct pool_worker *worker = &r->pool.workers[w];
        if (worker->attempt == r->attempt) {
            struct host *h = worker->host;
            uint32_t beyond = output - r->graph->output_count;
            rows[count++] = output < r->graph->output_count ? &h->rows[output]
                            : beyond == 0                   ? &h->dead
                                                            : &h->late;
        }
    }
    rows_reader_open(reader, rows, count);
}

static int prepare_output(struct runner *r, uint32_t output, struct error *e)
{
    struct output_epoch epoch = {
        .number = r->epoch.number,
        .time_ms = r->epoch.time_ms,
        .clock_ms = r->epoch.clock_ms,
        .is_last = r->epoch.is_last,
    };
    struct rows_reader reader;
    commit_open_rows(r, output, &reader);
    if (output > r->graph->output_count) {
        late_limit(r, &reader);
    }
    buffer_clear(&r->manifests[output]);
    int rc = output_prepare(runner_output(r, output), &epoch, &reader, &r->manifests[output], e);
    if (output == r->graph->output_count) {
        r->dead_prepared = reader.byte_count;
    } else if (output < r->graph->output_count) {
        r->rows_prepared += reader.row_count;
    }
    rows_reader_close(&reader);
    return rc;
}

/* What was looked for and is not there has left its trace in the error, though all went well. */
static void settle(struct runner *r, int rc)
{
    if (rc == 0) {
        error_clear(&r->work_error);
    }
}

static void prepare_all(uv_work_t *work)
{
    struct runner *r = work->data;
    int rc = 0;
    error_clear(&r->work_error);
    r->rows_prepared = 0;
    for (uint32_t i = 0; i < r->graph->source_count && rc == 0; i++) {
        rc = source_prepare(r->sources[i], &r->work_error);
    }
    for (uint32_t i = 0; i < runner_output_count(r) && rc == 0 && r->outputs_open; i++) {
        rc = prepare_output(r, i, &r->work_error);
    }
    settle(r, rc);
}

static void sum_up(struct runner *r)
{
    r->record = (struct epoch_record){
        .number = r->epoch.number,
        .time_ms = r->epoch.time_ms,
        .clock_ms = r->epoch.clock_ms,
        .interval_ms = r->graph->options.batch_ms,
        .seed = r->epoch.seed,
        .script_hash = r->script_hash,
        .ranges = r->ranges->items,
        .range_count = r->ranges->count,
    };
    r->epoch_errors = 0;
    r->epoch_late = 0;
    r->epoch_bytes = 0;
    for (uint32_t w = 0; w < r->worker_count; w++) {
        const struct pool_worker *worker = &r->pool.workers[w];
        if (worker->attempt == r->attempt) {
            r->record.records += worker->host->records;
            r->epoch_errors += worker->host->errors;
            r->epoch_late += late_count(worker->host);
            r->epoch_bytes += worker->host->bytes;
        }
    }
}

/* Debug builds look at every commit whether a record got lost between two operators. */
static void check_conservation(struct runner *r)
{
#ifdef TIDEMILL_DEBUG
    uint32_t operators = r->graph->operator_count + 1;
    uint32_t stages = r->graph->stage_count + 1;
    struct mill_counter *counters = memory_zero(operators, sizeof *counters);
    struct mill_counter *heads = memory_zero(stages, sizeof *heads);
    for (uint32_t w = 0; w < r->worker_count; w++) {
        const struct pool_worker *worker = &r->pool.workers[w];
        if (worker->attempt == r->attempt) {
            conservation_add(counters, worker->host->counters, operators);
            conservation_add(heads, worker->host->heads, stages);
        }
    }
    struct error e = {0};
    if (conservation_check(r->graph, counters, heads, &e) != 0) {
        log_error("epoch %" PRIu64 ": %s", r->epoch.number, e.message);
        check(false);
    }
    memory_free(counters);
    memory_free(heads);
#else
    (void)r;
#endif
}

/* The last 10,000 records: this epoch's, and as many of those before as are missing. */
static void judge(struct runner *r)
{
    uint64_t records = r->record.records;
    uint64_t errors = r->epoch_errors;
    if (records < ERROR_WINDOW_RECORDS && r->window_records > 0) {
        uint64_t missing = ERROR_WINDOW_RECORDS - records;
        uint64_t before = r->window_records < missing ? r->window_records : missing;
        errors += r->window_errors * before / r->window_records;
        records += before;
    }
    /* A record can fail at several operators; a ratio above one says no more than one. */
    r->record.window_records = records;
    r->record.window_errors = errors < records ? errors : records;
}

static double ratio(uint64_t errors, uint64_t records)
{
    return records == 0 ? 0 : (double)errors / (double)records;
}

/* A new script must not do worse than the one before. @return false: it is on probation and does */
static bool passes_probation(struct runner *r)
{
    struct error e;
    double now = ratio(r->record.window_errors, r->record.window_records);
    if (!r->on_probation || r->epoch_errors < ERRORS_MIN || now <= r->ratio_before) {
        return true;
    }
    error_set(&e, MILL_EFAILED,
              "the script is new, and its first epoch fails for %" PRIu64 " of %" PRIu64
              " records, more than the script before: nothing was committed",
              r->epoch_errors, r->record.records);
    runner_fail(r, &e);
    return false;
}

static void on_prepared(uv_work_t *work, int status)
{
    struct runner *r = work->data;
    check(status == 0);
    r->is_working = false;
    if (r->end != RUNNER_RUNS) {
        return;
    }
    if (r->work_error.code != 0) {
        epoch_prepared(&r->epoch); /* so that the epoch is quiet */
        rerun_failed(r, &r->work_error);
        drive(r);
        return;
    }
    epoch_prepared(&r->epoch);
    sum_up(r);
    check_conservation(r);
    judge(r);
    if (passes_probation(r)) {
        drive(r);
    }
}

void commit_prepare(struct runner *r)
{
    epoch_prepare_posted(&r->epoch);
    receiving_save(r);
    r->is_working = true;
    r->work.data = r;
    int rc = uv_queue_work(&r->loop, &r->work, prepare_all, on_prepared);
    check(rc == 0);
}

/* --- the batch
 * ------------------------------------------------------------------------------------ */

static int add_record(struct runner *r, struct store_batch *batch, struct error *e)
{
    struct buffer value;
    buffer_init(&value, RECORD_BYTES_MAX);
    int rc = epoch_record_encode(&r->record, &value);
    if (rc == 0) {
        struct store_key newest = store_key_text("epoch");
        struct store_key history = store_key_history(r->record.number);
        struct slice bytes = {value.data, value.size};
        store_batch_put(batch, STORE_META, store_key_slice(&newest), bytes);
        store_batch_put(batch, STORE_META, store_key_slice(&history), bytes);
    }
    if (rc == 0 && r->record.number > LIMIT_EPOCHS_KEPT) {
        struct store_key old = store_key_history(r->record.number - LIMIT_EPOCHS_KEPT);
        store_batch_remove(batch, STORE_META, store_key_slice(&old));
    }
    buffer_deinit(&value);
    return rc == 0 ? 0 : error_set(e, rc, "the record of the epoch is too large");
}

static void add_manifests(struct runner *r, struct store_batch *batch)
{
    for (uint32_t i = 0; i < runner_output_count(r) && r->outputs_open; i++) {
        const struct buffer *m = &r->manifests[i];
        if (m->size > 0) {
            struct store_key key = store_key_outbox(r->record.number, runner_output(r, i)->number);
            store_batch_put(batch, STORE_OUTBOX, store_key_slice(&key),
                            (struct slice){m->data, m->size});
        }
    }
}

static int build(struct runner *r, struct store_batch *batch, struct error *e)
{
    int rc = delta_commit_into(&r->delta, batch, &r->record, e);
    for (uint32_t i = 0; i < r->graph->source_count && rc == 0; i++) {
        rc = source_commit_into(r->sources[i], batch, e);
    }
    for (uint32_t i = 0; i < runner_output_count(r) && rc == 0 && r->outputs_open; i++) {
        rc = output_commit_into(runner_output(r, i), batch);
    }
    rc = rc == 0 ? times_commit_into(r, batch) : rc;
    rc = rc == 0 ? commit_start_into(r, batch, e) : rc;
    rc = rc == 0 ? add_record(r, batch, e) : rc;
    add_manifests(r, batch);
    skips_commit_into(r, batch);
    if (r->publisher_open) {
        publisher_commit_into(&r->publisher, batch);
    }
    return rc;
}

/* What is free lies scattered over a heap that grows to the highest sum of all that ever fell
 * together. */
static void give_memory_back(struct runner *r)
{
    int64_t now = clock_elapsed_us();
    if (now - r->gave_back_us >= GIVE_BACK_US) {
        memory_give_back();
        r->gave_back_us = now;
    }
}

static void write_batch(uv_work_t *work)
{
    struct runner *r = work->data;
    struct error *e = &r->work_error;
    struct store_batch *batch = store_batch_create();
    error_clear(e);
    int rc = build(r, batch, e);
    rc = rc == 0 ? FAILPOINT_RESULT(commit_before_write, e) : rc;
    rc = rc == 0 ? store_write(r->data.store, batch, true, e) : rc;
    r->was_written = rc == 0;
    rc = rc == 0 ? FAILPOINT_RESULT(commit_after_write, e) : rc;
    rc = rc == 0 ? delta_committed(&r->delta, &r->record, e) : rc;
    store_batch_destroy(batch);
    give_memory_back(r);
    settle(r, rc);
}

static void take_over(struct runner *r)
{
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        source_committed(r->sources[i]);
    }
    for (uint32_t i = 0; i < runner_output_count(r) && r->outputs_open; i++) {
        output_committed(runner_output(r, i));
    }
    for (uint32_t i = 0; i < r->identities.count; i++) {
        r->identities.items[i].is_new = false;
    }
    times_committed(r);
    r->identities_changed = false;
    r->script_changed = false;
    r->on_probation = false;
    mend_committed(r);
    gone_logs_committed(&r->gone_logs, &r->data);
    r->last_number = r->record.number;
    r->last_time_ms = r->record.time_ms;
    r->last_clock_ms = r->record.clock_ms;
    r->window_records = r->record.window_records;
    r->window_errors = r->record.window_errors;
    r->dead_bytes += r->dead_prepared;
    r->dead_prepared = 0;
    r->late_bytes += r->late_prepared;
    r->late_prepared = 0;
    skips_clear(r);
    if (r->publisher_open) {
        publisher_committed(&r->publisher);
        publishing_add(r);
    }
}

static int check_limits(struct runner *r, struct error *e)
{
    double now = ratio(r->record.window_errors, r->record.window_records);
    if (r->record.window_errors >= ERRORS_MIN && now > r->graph->options.max_error_ratio) {
        return error_set(e, MILL_EFAILED,
                         "%" PRIu64 " of the last %" PRIu64 " records failed, more than "
                         "max_error_ratio = %g allows; the epoch was committed. Look into %s, mend "
                         "the script and start again, or go on with --option max_error_ratio=1",
                         r->record.window_errors, r->record.window_records,
                         r->graph->options.max_error_ratio, r->data.dead_letters);
    }
    if (r->dead_bytes > r->graph->options.dead_letters_max) {
        return error_set(e, MILL_EFAILED,
                         "the dead letters in %s have %" PRIu64 " bytes, more than "
                         "dead_letters_max = %" PRIu64
                         " allows; the epoch was committed. Move its files part-* away and start "
                         "again, or raise it",
                         r->data.dead_letters, r->dead_bytes, r->graph->options.dead_letters_max);
    }
    return 0;
}

static void on_written(uv_work_t *work, int status)
{
    struct runner *r = work->data;
    check(status == 0);
    r->is_working = false;
    runner_die_if_fatal(&r->work_error);
    epoch_committed(&r->epoch);
    if (r->work_error.code != 0) {
        /* Written or not: applying a large change may have found the disk full, too. */
        r->store_is_suspect = true;
        rerun_failed(r, &r->work_error);
        drive(r);
        return;
    }
    commit_take_over(r);
}

void commit_take_over(struct runner *r)
{
    struct error e;
    r->said_full = false;
    r->is_abandoned = false;
    take_over(r);
    if (check_limits(r, &e) != 0) {
        r->fails_after_publishing = true;
        r->error = e;
    }
    runner_epoch_done(r);
}

int commit_reopen_store(struct runner *r, struct error *e)
{
    int rc = data_folder_reopen(&r->data, e);
    if (rc != 0) {
        return rc;
    }
    r->store_is_suspect = false;
    r->place.store = r->data.store;
    r->delta.store = r->data.store;
    r->was_written = r->data.last.number == r->epoch.number;
    return 0;
}

void commit_write(struct runner *r)
{
    epoch_commit_posted(&r->epoch);
    r->is_working = true;
    r->work.data = r;
    int rc = uv_queue_work(&r->loop, &r->work, write_batch, on_written);
    check(rc == 0);
}

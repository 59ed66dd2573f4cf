/* A life of the engine: it starts in the order of run/start.c, publishes as run/publishing.c does,
 * and stops as run/runner.c does. */
#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/file_output.h"
#include "sim.h"
#include "state/keys.h"

#define DATA_FOLDER   "data"
#define OUTBOX_FOLDER "data/outbox"
#define ATTEMPTS_MAX  4 /* of a batch function, as run/publishing.c */

struct output *sim_process_output(struct sim *s, uint32_t output)
{
    return &s->process.outputs[output];
}

static uint32_t all_outputs(const struct sim *s)
{
    return s->job.output_count + 1;
}

bool sim_process_failed(struct sim *s, int rc, const struct error *e, const char *where)
{
    if (s->is_dead) {
        s->end = SIM_CRASHED;
    } else if (rc == MILL_ENOSPC || rc == MILL_EDEADLINE) {
        return true;
    } else if (s->has_failed && (rc == MILL_EIO || rc == MILL_ESYNC)) {
        sim_note(s, "%s: %s", where, e->message);
        s->end = SIM_FAILED;
    } else {
        sim_fail(s, "%s: %s: %s", where, error_name(rc), e->message);
    }
    return false;
}

/* --- starting --- */

static int read_record(struct sim *s, struct epoch_record *record, struct error *e)
{
    struct store_key key = store_key_text("epoch");
    struct buffer value;
    buffer_init(&value, MIB);
    *record = (struct epoch_record){0};
    int rc = store_get(&s->store, STORE_META, store_key_slice(&key), &value, e);
    if (rc == 0) {
        rc = epoch_record_decode((struct slice){value.data, value.size}, record, e);
    } else if (rc == MILL_ENOENT) {
        rc = 0;
    }
    buffer_deinit(&value);
    return rc;
}

/* The epoch that was being committed when something went wrong: is it, or is it not? */
static void settle_pending(struct sim *s, uint64_t number)
{
    if (s->is_misused) {
        return;
    }
    if (number == s->pending_number && number == s->epoch_count + 1) {
        s->epochs[number] = s->pending;
        s->epoch_count = number;
    }
    s->pending_number = 0;
    if (number != s->epoch_count) {
        sim_fail(s, "the store is at epoch %" PRIu64 ", and %" PRIu64 " was committed", number,
                 s->epoch_count);
    }
}

/* A database that is opened makes safe what it finds. */
static void sync_store(struct sim *s)
{
    struct store_batch *nothing = store_batch_create();
    int rc = store_write(s->memory, nothing, true, NULL);
    check(rc == 0);
    store_batch_destroy(nothing);
}

int sim_process_recover(struct sim *s, struct error *e)
{
    struct process *p = &s->process;
    struct epoch_record record;
    sync_store(s);
    int rc = read_record(s, &record, e);
    rc = rc == 0 ? delta_recover(&s->store, record.number > 0 ? &record : NULL, e) : rc;
    if (rc == 0) {
        settle_pending(s, record.number);
        p->last_number = record.number;
        p->last_time_ms = record.time_ms;
        p->last_clock_ms = record.clock_ms;
        p->position = record.range_count > 0 ? (uint32_t)record.ranges[0].to : 0;
    }
    epoch_record_deinit(&record);
    return rc;
}

static int open_outputs(struct sim *s, struct error *e)
{
    struct process *p = &s->process;
    p->place = (struct output_place){
        .disk = &s->disk,
        .outbox = OUTBOX_FOLDER,
        .store_id = s->store_id,
        .store = &s->store,
        .epoch = p->last_number,
    };
    int rc = 0;
    for (uint32_t i = 0; i < all_outputs(s) && rc == 0; i++) {
        const struct sim_output *o = &s->job.outputs[i];
        rc = output_open(&p->outputs[i], &p->place, &o->graph, "an output", o->number, e);
    }
    return rc;
}

static int close_stale_rolls(struct sim *s, struct error *e)
{
    struct slice from = {"r", 1};
    struct slice to = {"s", 1};
    struct file_output_past past = {s->process.outputs, s->job.output_count, &s->disk, s->store_id,
                                    s->process.last_number};
    struct store_batch *batch = store_batch_create();
    struct store_iterator *i = store_iterate(&s->store, STORE_META, from, to);
    struct slice key;
    struct slice value;
    int rc = store_next(i, &key, &value, e);
    while (rc == 1) {
        rc = file_output_close_stale(&past, bytes_get_u16(key.data + 1), value, batch, e);
        rc = rc == 0 ? store_next(i, &key, &value, e) : rc;
    }
    store_iterate_end(i);
    if (rc == 0 && store_batch_bytes(batch) > 0) {
        rc = store_write(&s->store, batch, true, e);
    }
    store_batch_destroy(batch);
    return rc;
}

static bool keeps(void *context, const char *name)
{
    struct sim *s = context;
    struct process *p = &s->process;
    bool kept = publisher_names(&p->publisher, name);
    for (uint32_t i = 0; i < s->job.output_count; i++) {
        kept = kept || output_keeps(&p->outputs[i], name);
    }
    return kept;
}

static int sweep_outputs(struct sim *s, struct error *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < all_outputs(s) && rc == 0; i++) {
        struct output *o = &s->process.outputs[i];
        if (o->has_target) {
            rc = target_sweep(&o->target, keeps, s, e);
        }
    }
    return rc;
}

static int sweep_outbox_file(void *context, const char *name)
{
    struct sim *s = context;
    if (!publisher_names_rows(&s->process.publisher, name)) {
        char *path = text_path(OUTBOX_FOLDER, name);
        disk_remove(&s->disk, path, NULL);
        memory_free(path);
    }
    return 0;
}

/* --- the sinks --- */

static int take(struct sim *s, const void *bytes, size_t size)
{
    int rc = buffer_append(&s->given, bytes, size);
    check(rc == 0);
    return rc;
}

static int write_stdout(void *context, const void *bytes, size_t size, struct error *e)
{
    struct sim *s = context;
    if (sim_maybe(s, s->faults.sink_fails / 8)) {
        s->has_failed = true;
        take(s, bytes, sim_below(s, (uint32_t)size + 1));
        return error_set(e, MILL_EIO, "standard output is gone");
    }
    return take(s, bytes, size);
}

static int call_batch(void *context, const struct manifest *m, const char *path, struct error *e)
{
    struct sim *s = context;
    if (sim_maybe(s, s->faults.sink_fails)) {
        return error_set(e, MILL_EFAILED, "the batch function fails");
    }
    return path == NULL ? take(s, m->rows.data, m->rows.size)
                        : disk_read(&s->disk, path, &s->given, e);
}

static int open_publisher(struct sim *s, struct error *e)
{
    struct process *p = &s->process;
    int rc = publisher_open(&p->publisher, &p->place, DATA_FOLDER, e);
    p->publisher.sinks = (struct publisher_sinks){
        .context = s, .write_stdout = write_stdout, .call_batch = call_batch};
    p->is_open = true;
    return rc;
}

static int open_all(struct sim *s, struct error *e)
{
    int rc = disk_make_folder(&s->disk, OUTBOX_FOLDER, e);
    rc = rc == 0 ? sim_process_recover(s, e) : rc;
    rc = rc == 0 ? publisher_check(&s->disk, DATA_FOLDER, s->store_id, s->process.last_number, e)
                 : rc;
    rc = rc == 0 ? open_outputs(s, e) : rc;
    rc = rc == 0 ? close_stale_rolls(s, e) : rc;
    rc = rc == 0 ? open_publisher(s, e) : rc;
    rc = rc == 0 ? sweep_outputs(s, e) : rc;
    return rc == 0 ? disk_list(&s->disk, OUTBOX_FOLDER, sweep_outbox_file, s, e) : rc;
}

static void begin(struct sim *s)
{
    struct process *p = &s->process;
    *p = (struct process){0};
    /* Most lives have changes that do not fit, so that they go through parts. */
    size_t delta_max = sim_maybe(s, 60) ? sim_below(s, 120) : MIB;
    delta_init(&p->delta, &s->store, s->job.stage_count, delta_max);
    for (uint32_t i = 0; i < all_outputs(s); i++) {
        buffer_init(&p->manifests[i], 2 * LIMIT_INLINE_ROWS_BYTES);
        for (uint32_t w = 0; w < s->job.worker_count; w++) {
            rows_init(&p->rows[w][i], output_framing(&s->job.outputs[i].graph), "/no/such/folder",
                      64 * MIB);
        }
    }
}

static void clear_up(struct sim *s)
{
    struct process *p = &s->process;
    for (uint32_t i = 0; i < all_outputs(s); i++) {
        output_close(&p->outputs[i]);
        buffer_deinit(&p->manifests[i]);
        for (uint32_t w = 0; w < s->job.worker_count; w++) {
            rows_deinit(&p->rows[w][i]);
        }
    }
    if (p->is_open) {
        publisher_close(&p->publisher);
    }
    delta_deinit(&p->delta);
}

/* --- publishing --- */

static int copy_head(void *context, const struct manifest *m)
{
    struct manifest *head = context;
    *head = (struct manifest){.kind = m->kind, .output = m->output, .epoch = m->epoch};
    return 1;
}

/* @return as publisher_step */
static int publish_one(struct sim *s, struct error *e)
{
    struct publisher *publisher = &s->process.publisher;
    struct manifest head = {0};
    (void)publisher_each(publisher, copy_head, &head);
    buffer_clear(&s->given);
    int rc = publisher_step(publisher, e);
    if (rc == 1) {
        sim_note(s, "output %u has published epoch %" PRIu64, head.output, head.epoch);
        s->process.batch_failures = 0;
        bool is_seen = head.kind != MANIFEST_HELD && head.epoch > s->published_epoch;
        s->published_epoch = is_seen ? head.epoch : s->published_epoch;
        if (head.kind == MANIFEST_STREAM || head.kind == MANIFEST_BATCH) {
            sim_verdict_delivery(s, head.output, head.epoch);
        }
    }
    return rc;
}

bool sim_process_publish(struct sim *s, bool all)
{
    struct error e = {0};
    while (publisher_waiting(&s->process.publisher) > 0) {
        if (!all && sim_maybe(s, s->faults.sink_waits)) {
            return true;
        }
        int rc = publish_one(s, &e);
        if (rc == MILL_EFAILED && !s->is_dead) {
            if (++s->process.batch_failures == ATTEMPTS_MAX) {
                s->end = SIM_FAILED;
                return false;
            }
        } else if (rc < 0 && !sim_process_failed(s, rc, &e, "publishing")) {
            return false;
        }
    }
    return true;
}

static bool is_behind(struct sim *s)
{
    uint64_t oldest = publisher_oldest(&s->process.publisher);
    return oldest > 0 && s->process.last_number - oldest + 1 >= LIMIT_UNPUBLISHED_EPOCHS;
}

/* --- running and stopping --- */

static bool has_hidden_rows(const struct sim *s)
{
    for (uint32_t i = 0; i < s->job.output_count; i++) {
        if (s->process.outputs[i].roll.is_open) {
            return true;
        }
    }
    return false;
}

/* The marks, so that the next start publishes nothing twice. */
static void write_marks(struct sim *s)
{
    struct publisher *publisher = &s->process.publisher;
    struct error e = {0};
    struct store_batch *batch = store_batch_create();
    publisher_commit_into(publisher, batch);
    int rc = store_batch_bytes(batch) > 0 ? store_write(&s->store, batch, true, &e) : 0;
    store_batch_destroy(batch);
    if (rc == 0) {
        publisher_committed(publisher);
    } else if (sim_process_failed(s, rc, &e, "writing the marks")) {
        s->end = SIM_FAILED;
    }
}

/* A stop waits for the outputs for a while only; the end of everything waits for all. */
static void stop(struct sim *s, bool publish_all)
{
    if (!sim_process_publish(s, publish_all)) {
        return;
    }
    write_marks(s);
    if (s->end == SIM_RUNS && !s->is_dead) {
        s->end = SIM_STOPPED;
    }
}

static void wish_to_stop(struct sim *s)
{
    struct process *p = &s->process;
    uint32_t percent = p->position < s->job.record_count ? 3 : 30;
    p->stop_wanted = p->stop_wanted || (!p->once && sim_maybe(s, percent));
}

static void run_epochs(struct sim *s)
{
    struct process *p = &s->process;
    while (s->end == SIM_RUNS && sim_process_publish(s, false)) {
        if (is_behind(s) && !sim_process_publish(s, sim_maybe(s, 20))) {
            return;
        }
        if (is_behind(s)) {
            continue;
        }
        bool is_through = p->position == s->job.record_count && !has_hidden_rows(s);
        if (p->once && is_through) {
            stop(s, true);
            return;
        }
        wish_to_stop(s);
        if (!sim_epoch_run(s, p->stop_wanted)) {
            return;
        }
        wish_to_stop(s);
        if (p->stop_wanted && !has_hidden_rows(s)) {
            stop(s, sim_maybe(s, 50));
            return;
        }
    }
}

int sim_process_try_start(struct sim *s, struct error *e)
{
    begin(s);
    int rc = open_all(s, e);
    clear_up(s);
    return rc;
}

/* Skips are forgotten with the process when their epoch was not committed. */
static void forget_skips(struct sim *s)
{
    for (uint32_t i = s->process.position; i < s->job.record_count; i++) {
        s->job.is_skipped[i] = false;
    }
}

void sim_process_run(struct sim *s, bool to_the_end)
{
    struct error e = {0};
    s->end = SIM_RUNS;
    begin(s);
    s->process.once = to_the_end || sim_maybe(s, 30);
    sim_note(s, "start%s", s->process.once ? " --once" : "");
    int rc = open_all(s, &e);
    if (rc != 0 && sim_process_failed(s, rc, &e, "starting")) {
        s->end = SIM_FAILED; /* a full disk at the start is for a person */
    } else if (rc == 0) {
        forget_skips(s);
        sim_verdict_start(s);
        run_epochs(s);
    }
    if (s->is_dead) {
        s->end = SIM_CRASHED;
    }
    if (to_the_end && s->end == SIM_STOPPED) {
        sim_verdict_end(s, s->calm_lives > 1);
    }
    clear_up(s);
}

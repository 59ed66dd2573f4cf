#include "run/runner.h"

#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/file_source.h"
#include "io/queue_source.h"
#include "io/receiver_source.h"
#include "run/commit.h"
#include "run/drive.h"
#include "run/events.h"
#include "run/publishing.h"
#include "run/ranges.h"
#include "run/receiving.h"
#include "run/skips.h"
#include "run/start.h"

#define STOP_WAIT_MS       5000
#define TICK_MS            250
#define MANIFEST_BYTES_MAX ((size_t)(2 * LIMIT_INLINE_ROWS_BYTES))

void runner_die_if_fatal(const struct error *e)
{
    if (error_is_fatal(e->code)) {
        log_error("%s; ending at once, because what is on disk is not known. Start again to go on "
                  "from the last committed epoch",
                  e->message);
        _exit(1);
    }
}

static void finish(struct runner *r, enum runner_end end)
{
    r->end = end;
    uv_timer_stop(&r->cut_timer);
    uv_timer_stop(&r->retry_timer);
    uv_stop(&r->loop);
}

void runner_fail(struct runner *r, const struct error *e)
{
    if (r->end == RUNNER_RUNS) {
        r->error = *e;
        pool_cancel(&r->pool);
        pool_hurry(&r->pool); /* nothing of the epoch counts any more */
        finish(r, RUNNER_FAILED);
    }
}

/* --- what is left
 * ----------------------------------------------------------------------------------- */

struct runner_rest runner_left(const struct runner *r)
{
    struct runner_rest rest = {0};
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        uint64_t bytes = 0;
        uint64_t files = 0;
        if (r->receiving[i] != NULL) {
            rest.received_bytes += receiver_source_left(r->sources[i]);
        } else if (r->graph->sources[i].kind == SOURCE_FILES && !r->options.queues_only) {
            file_source_left(r->sources[i], &bytes, &files);
        } else if (r->graph->sources[i].kind != SOURCE_RATE) {
            files = queue_source_left(r->sources[i]);
        }
        rest.bytes += bytes;
        rest.files += files;
    }
    return rest;
}

bool runner_is_drained(const struct runner *r)
{
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        if (!source_is_drained(r->sources[i])) {
            return false;
        }
    }
    return true;
}

/* --- epochs, one after the other
 * ---------------------------------------------------------------------- */

bool runner_has_hidden_rows(const struct runner *r)
{
    for (uint32_t i = 0; i < r->graph->output_count && r->outputs_open; i++) {
        if (r->outputs[i].roll.is_open) {
            return true;
        }
    }
    return false;
}

static void on_stop_timer(uv_timer_t *timer)
{
    struct runner *r = timer->data;
    publisher_stop(&r->publisher);
    if (r->end == RUNNER_RUNS) { /* the rest goes out at the next start */
        finish(r, r->fails_after_publishing ? RUNNER_FAILED : RUNNER_STOPPED);
    }
}

static void limit_publishing(struct runner *r)
{
    if (!uv_is_active((uv_handle_t *)&r->stop_timer)) {
        uv_timer_start(&r->stop_timer, on_stop_timer, STOP_WAIT_MS, 0);
    }
}

/* Everything is committed; the end comes when it is published too. */
static void end_when_published(struct runner *r, enum runner_end end)
{
    if (!r->publisher_open || publisher_waiting(&r->publisher) == 0) {
        if (r->fails_after_publishing) {
            end = RUNNER_FAILED;
        }
        finish(r, end);
        return;
    }
    r->ends_as = end;
    publishing_start(r);
    if (r->stop_wanted) {
        limit_publishing(r);
    }
}

/* Once, until the outputs have caught up. */
static void say_behind(struct runner *r)
{
    if (!r->said_behind) {
        log_warn("%" PRIu64 " epochs are not published yet; no input is taken until one is",
                 r->last_number - publisher_oldest(&r->publisher) + 1);
    }
    r->said_behind = true;
}

static void begin_next(struct runner *r)
{
    struct error e;
    if (publishing_is_behind(r)) {
        r->waits_for_publishing = true;
        say_behind(r);
        r->was_held = true;
        if (r->stop_wanted) {
            limit_publishing(r);
        }
        return;
    }
    int rc = drive_begin(r, &e);
    if (rc < 0) {
        runner_fail(r, &e);
    } else if (rc == 0) {
        end_when_published(r, RUNNER_FINISHED);
    } else {
        if (r->stop_wanted) {
            r->epoch.is_last = true;
        }
        events_started(r);
        drive(r);
    }
}

void runner_nothing_new(struct runner *r)
{
    end_when_published(r, RUNNER_FINISHED);
}

void runner_dropped(struct runner *r)
{
    end_when_published(r, RUNNER_STOPPED);
}

void runner_epoch_done(struct runner *r)
{
    if (r->options.capture) {
        publishing_give(r);
    }
    events_completed(r);
    if (r->end != RUNNER_RUNS) {
        return;
    }
    if (r->fails_after_publishing) {
        end_when_published(r, RUNNER_FAILED);
    } else if (r->is_stepping) {
        uv_stop(&r->loop);
    } else if (r->stop_wanted && (r->options.once || !runner_has_hidden_rows(r))) {
        end_when_published(r, RUNNER_STOPPED);
    } else {
        begin_next(r);
    }
}

void runner_published(struct runner *r)
{
    r->said_behind = r->said_behind && publisher_waiting(&r->publisher) > 0;
    if (r->ends_as != RUNNER_RUNS) {
        end_when_published(r, r->ends_as);
    } else if (r->waits_for_publishing && !publishing_is_behind(r)) {
        r->waits_for_publishing = false;
        uv_timer_stop(&r->stop_timer); /* a signal's, for the last epoch that is made now */
        begin_next(r);
    }
}

/* --- signals
 * -------------------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct runner *r = handle->data;
    (void)number;
    if (r->stop_wanted) {
        _exit(1); /* safe at any point: what was not committed leaves no trace */
    }
    r->stop_wanted = true;
    if (r->end != RUNNER_RUNS) {
        return;
    }
    if (r->ends_as != RUNNER_RUNS) { /* only publishing is left */
        end_when_published(r, r->ends_as);
        return;
    }
    if (r->waits_for_publishing && !r->options.once && runner_has_hidden_rows(r)) {
        limit_publishing(r); /* one more epoch shows them */
        return;
    }
    bool computing = r->epoch.phase < EPOCH_PREPARING;
    if (r->options.once && computing) {
        pool_cancel(&r->pool);
        pool_hurry(&r->pool);
        end_when_published(r, RUNNER_STOPPED);
        return;
    }
    if (computing) {
        r->epoch.is_last = true;
        epoch_cut(&r->epoch);
    }
    if (r->waits_for_publishing || r->waits_for_space) {
        end_when_published(r, RUNNER_STOPPED);
        return;
    }
    drive(r);
}

/* --- opening and closing
 * ---------------------------------------------------------------------------------- */

static void on_task_done(uv_async_t *handle)
{
    struct runner *r = handle->data;
    if (r->end == RUNNER_RUNS) {
        drive_tasks_done(r);
    }
}

static void notify(void *context)
{
    struct runner *r = context;
    uv_async_send(&r->task_done);
}

static void init_timer(struct runner *r, uv_timer_t *timer)
{
    uv_timer_init(&r->loop, timer);
    timer->data = r;
}

static void open_loop(struct runner *r)
{
    int rc = uv_loop_init(&r->loop);
    check(rc == 0);
    r->is_loop_open = true;
    r->loop.data = r;
    rc = uv_async_init(&r->loop, &r->task_done, on_task_done);
    check(rc == 0);
    r->task_done.data = r;
    init_timer(r, &r->cut_timer);
    init_timer(r, &r->retry_timer);
    init_timer(r, &r->publish_timer);
    init_timer(r, &r->tick_timer);
    init_timer(r, &r->stop_timer);
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&r->loop, &r->signals[i]);
        r->signals[i].data = r;
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct runner *r = timer->data;
    r->options.on_tick(r->options.context);
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void close_loop(struct runner *r)
{
    uv_walk(&r->loop, close_handle, NULL);
    while (uv_loop_close(&r->loop) == UV_EBUSY) {
        uv_run(&r->loop, UV_RUN_DEFAULT); /* handles, and what the thread pool still does */
    }
}

static uint32_t count_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : count > LIMIT_WORKERS_MAX ? LIMIT_WORKERS_MAX : (uint32_t)count;
}

/* Each worker makes its host; the first error counts. */
static int create_hosts(struct runner *r, struct error *e)
{
    for (uint32_t w = 0; w < r->worker_count; w++) {
        pool_pin(&r->pool, w, pool_task(TASK_CREATE));
    }
    uint32_t done = 0;
    int rc = 0;
    while (done < r->worker_count) {
        uv_run(&r->loop, UV_RUN_ONCE);
        struct task *t = pool_take_done(&r->pool);
        while (t != NULL) {
            struct task *next = t->next;
            if (t->rc != 0 && rc == 0) {
                rc = t->rc;
                *e = t->error;
            }
            pool_task_free(t);
            t = next;
            done++;
        }
    }
    return rc;
}

static int open_pool(struct runner *r, struct error *e)
{
    struct host_options options = {
        .modules = r->options.modules,
        .source = r->options.source,
        .graph = r->graph,
        .sides = r->sides,
        .spill_folder = r->data.spill,
        .jit_off = r->options.jit_off,
        .capture = r->options.capture,
        .trace = r->options.trace,
    };
    pool_open(&r->pool, &options, r->worker_count, notify, r);
    r->is_pool_open = true;
    r->end = RUNNER_FAILED; /* results are taken by create_hosts, not by the loop */
    int rc = create_hosts(r, e);
    r->end = RUNNER_RUNS;
    return rc;
}

int runner_open(struct runner *r, const struct runner_options *options, struct error *e)
{
    *r = (struct runner){.options = *options, .graph = options->graph};
    r->epoch.phase = EPOCH_DONE; /* none runs yet, also while the start waits for outputs */
    r->clock = options->virtual_clock ? clock_virtual(0) : clock_machine();
    r->worker_count = r->graph->options.workers > 0 ? r->graph->options.workers : count_cores();
    r->gave_back_us = clock_elapsed_us();
    r->ranges = ranges_create();
    for (uint32_t i = 0; i < LIMIT_OUTPUTS_MAX + 2; i++) {
        buffer_init(&r->manifests[i], MANIFEST_BYTES_MAX);
    }
    open_loop(r);
    int rc = options->data_folder == NULL
                 ? data_folder_open_memory(&r->data, e)
                 : data_folder_open(&r->data, options->data_folder, options->fresh, e);
    if (rc == 0) {
        data_folder_set_cache(&r->data, (size_t)r->graph->options.state_cache);
    }
    rc = rc == 0 ? side_tables_open(r->graph, &r->sides, e) : rc;
    rc = rc == 0 ? start_compare(r, e) : rc;
    rc = rc == 0 ? start_open(r, e) : rc;
    events_open(r);
    return rc == 0 ? open_pool(r, e) : rc;
}

/* Committing and publishing use the workers' rows and the store: let them end. A function of
 * for_each_batch that runs is stopped; its batch comes again at the next start. Then nothing writes
 * to the store but the caller. */
static void end_background_work(struct runner *r)
{
    if (r->is_publishing) {
        watchdog_hurry(&r->batch_caller.watch);
        limit_publishing(r);
    }
    while (r->is_working || r->is_publishing) {
        uv_run(&r->loop, UV_RUN_ONCE);
    }
    if (r->is_pool_open) {
        r->is_pool_open = false;
        while (pool_stop(&r->pool)) { /* in the loop: a second signal is heard */
            uv_run(&r->loop, UV_RUN_ONCE);
        }
        pool_close(&r->pool); /* before the loop, which workers wake when they end a task */
    }
}

/* The marks of what was published since the last commit. */
static int save_marks(struct runner *r, struct error *e)
{
    if (!r->publisher_open) {
        return 0;
    }
    int rc = r->store_is_suspect ? data_folder_reopen(&r->data, e) : 0;
    return rc == 0 ? publishing_sync(r, e) : rc;
}

int runner_run(struct runner *r, struct error *e)
{
    uv_signal_start(&r->signals[0], on_signal, SIGINT);
    uv_signal_start(&r->signals[1], on_signal, SIGTERM);
    if (r->options.on_tick != NULL) {
        uv_timer_start(&r->tick_timer, on_tick, TICK_MS, TICK_MS);
    }
    if (r->publisher_open) {
        publishing_start(r);
    }
    if (receiving_start(r, e) != 0) {
        return e->code;
    }
    begin_next(r);
    if (r->end == RUNNER_RUNS) {
        uv_run(&r->loop, UV_RUN_DEFAULT);
    }
    end_background_work(r);
    events_ended(r);
    if (r->end != RUNNER_FAILED) {
        return save_marks(r, e);
    }
    *e = r->error;
    return e->code;
}

int runner_step(struct runner *r, struct error *e)
{
    r->is_stepping = true;
    begin_next(r);
    if (r->end == RUNNER_RUNS) {
        uv_run(&r->loop, UV_RUN_DEFAULT);
    }
    if (r->end == RUNNER_FAILED) {
        *e = r->error;
        return e->code;
    }
    return 0;
}

void runner_close(struct runner *r)
{
    if (r->end == RUNNER_RUNS) {
        r->end = RUNNER_STOPPED;
    }
    end_background_work(r);
    receiving_stop(r);
    if (r->is_loop_open) {
        close_loop(r);
    }
    receiving_close(r);
    events_close(r);
    start_close(r);
    side_tables_close(r->sides);
    data_folder_close(&r->data);
    for (uint32_t i = 0; i < LIMIT_OUTPUTS_MAX + 2; i++) {
        buffer_deinit(&r->manifests[i]);
    }
    ranges_destroy(r->ranges);
    memory_free(r->shuffles);
}

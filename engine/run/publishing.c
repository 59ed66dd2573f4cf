#include "run/publishing.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/print.h"
#include "run/commit.h"
#include "run/drive.h"
#include "run/late.h"
#include "run/mend_rows.h"

#define ATTEMPTS_MAX  4 /* one, and three again */
#define FIRST_WAIT_MS 200

static int call_batch(void *context, const struct manifest *m, const char *path, struct error *e)
{
    struct runner *r = context;
    for (uint32_t i = 0; i < r->graph->output_count; i++) {
        if (r->outputs[i].number == m->output && r->graph->outputs[i].kind == OUTPUT_BATCH) {
            return batch_call(&r->batch_caller, i, m, path, e);
        }
    }
    return error_set(e, MILL_EREFUSED, "%.*s is not in the script any more", (int)m->label.size,
                     m->label.data);
}

static int write_stdout(void *context, const void *bytes, size_t size, struct error *e)
{
    struct runner *r = context;
    return r->options.write_stdout(r->options.context, bytes, size, e);
}

int publishing_open(struct runner *r, struct error *e)
{
    struct lua_options options = {
        .modules = r->options.modules,
        .memory_max = r->graph->options.memory_max,
        .jit_off = r->options.jit_off,
    };
    batch_caller_init(&r->batch_caller, r->graph, r->options.source, &options, r->sides);
    int rc = publisher_open(&r->publisher, &r->place, r->data.path, e);
    r->publisher.sinks = (struct publisher_sinks){
        .context = r, .write_stdout = write_stdout, .call_batch = call_batch};
    r->publisher_open = true;
    return rc;
}

void publishing_add(struct runner *r)
{
    for (uint32_t i = 0; i < runner_output_count(r); i++) {
        const struct buffer *m = &r->manifests[i];
        if (m->size > 0) {
            publisher_add(&r->publisher, (struct slice){m->data, m->size});
        }
    }
    publishing_start(r);
}

static void publish_all(uv_work_t *work)
{
    struct runner *r = work->data;
    error_clear(&r->publish_error);
    int rc = publisher_step(&r->publisher, &r->publish_error);
    while (rc == 1) {
        r->batch_failures = 0;
        rc = publisher_step(&r->publisher, &r->publish_error);
    }
    if (rc == 0) {
        error_clear(&r->publish_error);
    }
}

static void on_retry(uv_timer_t *timer)
{
    publishing_start(timer->data);
}

/* Nothing that waits behind these rows goes out: say how to go on. */
static void advise(struct runner *r)
{
    struct error *e = &r->publish_error;
    if (e->code != MILL_EFAILED && e->code != MILL_ECORRUPT && e->code != MILL_ENOENT) {
        return;
    }
    uint64_t epoch = publisher_oldest(&r->publisher);
    char *name = mend_output_name(r, publisher_oldest_output(&r->publisher));
    char *choice =
        name == NULL ? text_format("%" PRIu64, epoch) : text_format("%s=%" PRIu64, name, epoch);
    error_prefix(e,
                 e->code == MILL_EFAILED
                     ? "epoch %" PRIu64 " waits (mend the function and start again, or give its "
                       "rows up with --skip-epoch %s): "
                     : "epoch %" PRIu64 " cannot be published (give its rows up with "
                       "--skip-epoch %s): ",
                 epoch, choice);
    memory_free(choice);
    memory_free(name);
}

/* @return whether it will be tried again */
static bool try_again(struct runner *r)
{
    const struct error *e = &r->publish_error;
    if (e->code == MILL_ENOSPC) {
        log_warn("%s; waiting for space", e->message);
        uv_timer_start(&r->publish_timer, on_retry, 1000, 0);
        return true;
    }
    if (e->code == MILL_EFAILED && ++r->batch_failures < ATTEMPTS_MAX) {
        uint64_t wait_ms = (uint64_t)FIRST_WAIT_MS << (2 * (r->batch_failures - 1));
        log_warn("epoch %" PRIu64 ": %s; trying again", publisher_oldest(&r->publisher),
                 e->message);
        uv_timer_start(&r->publish_timer, on_retry, wait_ms, 0);
        return true;
    }
    return false;
}

static void on_published(uv_work_t *work, int status)
{
    struct runner *r = work->data;
    check(status == 0);
    r->is_publishing = false;
    runner_die_if_fatal(&r->publish_error);
    late_trim(r); /* the last epoch's, too */
    if (r->end != RUNNER_RUNS) {
        return;
    }
    if (r->publish_error.code != 0) {
        if (!try_again(r)) {
            advise(r);
            runner_fail(r, &r->publish_error);
        }
        return;
    }
    publishing_start(r);
    runner_published(r);
}

void publishing_start(struct runner *r)
{
    if (r->end != RUNNER_RUNS || r->is_publishing || publisher_waiting(&r->publisher) == 0 ||
        uv_is_active((uv_handle_t *)&r->publish_timer)) {
        return;
    }
    r->is_publishing = true;
    r->publishing.data = r;
    int rc = uv_queue_work(&r->loop, &r->publishing, publish_all, on_published);
    check(rc == 0);
}

bool publishing_is_behind(struct runner *r)
{
    uint64_t oldest = r->publisher_open ? publisher_oldest(&r->publisher) : 0;
    return oldest > 0 && r->last_number - oldest + 1 >= LIMIT_UNPUBLISHED_EPOCHS;
}

int publishing_sync(struct runner *r, struct error *e)
{
    struct store_batch *batch = store_batch_create();
    publisher_commit_into(&r->publisher, batch);
    int rc = FAILPOINT_RESULT(stop_before_marks, e);
    if (rc == 0 && store_batch_bytes(batch) > 0) {
        rc = store_write(r->data.store, batch, true, e);
    }
    if (rc == 0) {
        publisher_committed(&r->publisher);
    }
    store_batch_destroy(batch);
    return rc;
}

static void give_bytes(struct runner *r, uint32_t output, struct rows_reader *reader)
{
    struct slice bytes;
    while (rows_reader_bytes(reader, &bytes, NULL) == 1) {
        r->options.on_rows(r->options.context, output, r->record.number, bytes);
    }
}

/* print() sorts when it prints. */
static void give_printed(struct runner *r, uint32_t output, struct rows_reader *reader)
{
    struct mill_rows text;
    struct mill_rows *only = &text;
    rows_init(&text, ROWS_LINES, r->data.spill, LIMIT_COLLECT_BYTES);
    if (print_all(reader, &text, NULL) == 0) {
        struct rows_reader printed;
        rows_reader_open(&printed, &only, 1);
        give_bytes(r, output, &printed);
        rows_reader_close(&printed);
    }
    rows_deinit(&text);
}

void publishing_give(struct runner *r)
{
    for (uint32_t i = 0; i < runner_output_count(r); i++) {
        struct rows_reader reader;
        commit_open_rows(r, i, &reader);
        if (i < r->graph->output_count && r->graph->outputs[i].kind == OUTPUT_PRINT) {
            give_printed(r, i, &reader);
        } else {
            give_bytes(r, i, &reader);
        }
        rows_reader_close(&reader);
    }
}

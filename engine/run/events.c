#include "run/events.h"

#include "base/log.h"

void events_open(struct runner *r)
{
    struct lua_options options = {
        .modules = r->options.modules,
        .memory_max = r->graph->options.memory_max,
        .jit_off = r->options.jit_off,
    };
    batch_caller_init(&r->event_caller, r->graph, r->options.source, &options, r->sides);
}

void events_close(struct runner *r)
{
    batch_caller_deinit(&r->event_caller);
}

/* --- calling --- */

struct event {
    enum graph_happening kind;
    uint64_t epoch;
    const struct runner_report *report; /* of EVENT_BATCH_COMPLETED */
    int64_t time_ms;                    /* of EVENT_BATCH_STARTED and -COMPLETED */
    const char *text;                   /* of EVENT_ERROR: message; of EVENT_STOPPED: reason */
};

static void set_number(lua_State *L, const char *name, double value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, name);
}

static void push_info(lua_State *L, const struct event *event)
{
    lua_createtable(L, 0, 13);
    set_number(L, "epoch", (double)event->epoch);
    if (event->text != NULL) {
        lua_pushstring(L, event->text);
        lua_setfield(L, -2, event->kind == EVENT_ERROR ? "message" : "reason");
        return;
    }
    set_number(L, "batch_time", (double)event->time_ms);
    const struct runner_report *report = event->report;
    if (report == NULL) {
        return;
    }
    set_number(L, "records", (double)report->records);
    set_number(L, "bytes", (double)report->bytes);
    set_number(L, "errors", (double)report->errors);
    set_number(L, "late", (double)report->late);
    set_number(L, "rows", (double)report->rows);
    set_number(L, "keys", (double)report->keys);
    set_number(L, "scheduling_delay", (double)report->scheduling_us / 1e3);
    set_number(L, "processing_delay", (double)report->processing_us / 1e3);
    set_number(L, "total_delay", (double)(report->scheduling_us + report->processing_us) / 1e3);
}

static void call(struct runner *r, uint32_t index, const struct event *event)
{
    struct batch_caller *c = &r->event_caller;
    const char *label = r->graph->handlers[index].label;
    struct error e;
    int rc = batch_caller_push(c, "tidemill.job", "call_handler", &e);
    if (rc == 0) {
        heap_lift(&c->lua.heap);
        lua_pushnumber(c->lua.L, index + 1);
        push_info(c->lua.L, event);
        heap_lower(&c->lua.heap);
        c->control.time_ms = (double)event->time_ms;
        rc = batch_caller_call(c, 3, LIMIT_HANDLER_MS, &e);
    }
    if (rc == MILL_EDEADLINE) {
        r->handler_is_over[index] = true;
        log_warn("%s: %s; it was stopped, and is not called again", label, e.message);
    } else if (rc != 0) {
        log_warn("%s: %s", label, e.message);
    }
}

static void tell(struct runner *r, const struct event *event)
{
    for (uint32_t i = 0; i < r->graph->handler_count; i++) {
        if (r->graph->handlers[i].event == event->kind && !r->handler_is_over[i]) {
            call(r, i, event);
        }
    }
}

/* --- events --- */

/* Keys with state that the epoch's update_state_by_key operators went through. */
static uint64_t count_keys(const struct runner *r)
{
    uint64_t keys = 0;
    for (uint32_t w = 0; w < r->worker_count; w++) {
        const struct pool_worker *worker = &r->pool.workers[w];
        for (uint32_t i = 0; i < r->graph->stage_count && worker->attempt == r->attempt; i++) {
            if (r->graph->stages[i].kind == STAGE_UPDATE) {
                keys += worker->host->heads[i].out;
            }
        }
    }
    return keys;
}

void events_started(struct runner *r)
{
    struct event event = {
        .kind = EVENT_BATCH_STARTED, .epoch = r->epoch.number, .time_ms = r->epoch.time_ms};
    tell(r, &event);
}

void events_completed(struct runner *r)
{
    r->total_records += r->record.records;
    r->total_late += r->epoch_late;
    r->epochs_run++;
    int64_t now_us = clock_elapsed_us();
    if (r->epoch_cut_us > 0) {
        pace_add(&r->pace, now_us - r->epoch_cut_us);
    }
    bool by_time = r->epoch_due_us > r->epoch_begun_us && r->epoch_due_us < now_us;
    struct runner_report report = {
        .epoch = r->record.number,
        .time_ms = r->record.time_ms,
        .records = r->record.records,
        .bytes = r->epoch_bytes,
        .errors = r->epoch_errors,
        .late = r->epoch_late,
        .rows = r->rows_prepared,
        .keys = count_keys(r),
        .processing_us = now_us - (by_time ? r->epoch_due_us : r->epoch_begun_us),
        .scheduling_us = r->scheduling_us,
        .total_records = r->total_records,
    };
    if (r->options.on_epoch != NULL) {
        r->options.on_epoch(r->options.context, &report);
    }
    struct event event = {.kind = EVENT_BATCH_COMPLETED,
                          .epoch = report.epoch,
                          .report = &report,
                          .time_ms = report.time_ms};
    tell(r, &event);
}

void events_ended(struct runner *r)
{
    struct event event = {.epoch = r->last_number, .time_ms = r->last_time_ms};
    if (r->end == RUNNER_FAILED) {
        event.kind = EVENT_ERROR;
        event.text = r->error.message;
        tell(r, &event);
    }
    event.kind = EVENT_STOPPED;
    event.text = r->end == RUNNER_FAILED    ? "failed"
                 : r->end == RUNNER_STOPPED ? "stopped"
                                            : "finished";
    tell(r, &event);
}

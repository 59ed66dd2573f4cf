#include "run/receiving.h"

#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/receiver_source.h"
#include "run/drive.h"
#include "run/receive_listen.h"
#include "run/receive_socket.h"
#include "run/receive_stdin.h"

const char *receiving_name(const struct graph_source *g)
{
    return g->kind == SOURCE_STDIN ? "stdin" : g->target;
}

static bool is_received(const struct runner *r, uint32_t source)
{
    return graph_is_received(&r->graph->sources[source]) && !r->options.queues_only &&
           !r->options.capture;
}

static struct receiving *create(const struct graph_source *g)
{
    switch (g->kind) {
    case SOURCE_STDIN:
        return receive_stdin_create(STDIN_FILENO);
    case SOURCE_SOCKET:
        return receive_socket_create();
    case SOURCE_LISTEN:
        return receive_listen_create();
    case SOURCE_FILES:
    case SOURCE_QUEUE:
    case SOURCE_RATE:
        break;
    }
    return NULL;
}

static void destroy(struct receiving *x)
{
    line_receiver_destroy(x->lines);
    switch (x->graph->kind) {
    case SOURCE_STDIN:
        receive_stdin_destroy(x);
        break;
    case SOURCE_SOCKET:
        receive_socket_destroy(x);
        break;
    case SOURCE_LISTEN:
        receive_listen_destroy(x);
        break;
    case SOURCE_FILES:
    case SOURCE_QUEUE:
    case SOURCE_RATE:
        break;
    }
}

int receiving_open(struct runner *r, struct error *e)
{
    (void)e;
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        const struct graph_source *g = &r->graph->sources[i];
        if (!is_received(r, i)) {
            continue;
        }
        struct receiving *x = create(g);
        r->receiving[i] = x;
        x->runner = r;
        x->graph = g;
        x->source = r->sources[i];
        x->log = receiver_source_log(x->source);
        x->lines = line_receiver_create(x->log, LIMIT_UNFINISHED_BYTES, g->kind == SOURCE_STDIN);
    }
    return 0;
}

static void on_received(uv_async_t *handle)
{
    struct runner *r = handle->data;
    for (uint32_t i = 0; i < r->graph->source_count && r->end == RUNNER_RUNS; i++) {
        struct receiving *x = r->receiving[i];
        if (x != NULL && x->ops->heard != NULL) {
            x->ops->heard(x);
            receiving_drive(x);
        }
    }
}

/* What lines have begun becomes dead letters: nobody will end them. */
static void end_lines(struct receiving *x)
{
    struct error e = {0};
    if (line_receiver_break(x->lines, &e) != 0) {
        log_warn("%s: %s; what its peers had begun to send is lost", receiving_name(x->graph),
                 e.message);
    }
}

/* --once: the interval is over. */
static void on_once_timer(uv_timer_t *timer)
{
    struct runner *r = timer->data;
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        struct receiving *x = r->receiving[i];
        if (x != NULL && x->graph->kind != SOURCE_STDIN && !x->has_ended) {
            x->ops->stop(x);
            x->is_started = false;
            end_lines(x);
            receiving_ended(x);
        }
    }
    if (r->end == RUNNER_RUNS) {
        drive(r);
    }
}

static void start_once_timer(struct runner *r)
{
    uint64_t interval_ms = (uint64_t)r->graph->options.batch_ms;
    uv_timer_start(&r->once_timer, on_once_timer, interval_ms, 0);
}

int receiving_start(struct runner *r, struct error *e)
{
    int rc = uv_async_init(&r->loop, &r->received, on_received);
    check(rc == 0);
    r->received.data = r;
    uv_timer_init(&r->loop, &r->once_timer);
    r->once_timer.data = r;
    if (r->options.once) {
        start_once_timer(r);
    }
    for (uint32_t i = 0; i < r->graph->source_count && rc == 0; i++) {
        struct receiving *x = r->receiving[i];
        if (x != NULL) {
            rc = x->ops->start(x, e);
            x->is_started = rc == 0;
        }
    }
    return rc;
}

void receiving_update(struct runner *r)
{
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        struct receiving *x = r->receiving[i];
        if (x != NULL && x->is_started) {
            x->ops->update(x);
        }
    }
}

bool receiving_is_over(const struct runner *r)
{
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        const struct receiving *x = r->receiving[i];
        if (x == NULL || x->graph->kind != SOURCE_STDIN || !x->has_ended) {
            return false;
        }
    }
    return r->graph->source_count > 0;
}

bool receiving_is_blocked(const struct runner *r)
{
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        if (r->receiving[i] != NULL && r->receiving[i]->said_blocked) {
            return true;
        }
    }
    return false;
}

void receiving_save(struct runner *r)
{
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        struct receiving *x = r->receiving[i];
        if (x != NULL && x->ops->save != NULL) {
            x->ops->save(x);
        }
    }
}

void receiving_stop(struct runner *r)
{
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        struct receiving *x = r->receiving[i];
        struct error e = {0};
        if (x == NULL) {
            continue;
        }
        x->ops->stop(x);
        x->is_started = false;
        end_lines(x);
        int rc = receiver_log_sync(x->log, &e);
        rc = rc == 0 ? receiver_source_release(x->source, &e) : rc;
        if (rc != 0) {
            log_warn("%s: %s", receiving_name(x->graph), e.message);
        }
    }
}

void receiving_close(struct runner *r)
{
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        if (r->receiving[i] != NULL) {
            destroy(r->receiving[i]);
            r->receiving[i] = NULL;
        }
    }
}

/* --- for the ends --- */

void receiving_save_lines(struct receiving *x)
{
    struct error e = {0};
    int rc = line_receiver_save(x->lines, &e);
    if (rc != 0 && rc != MILL_ELIMIT && rc != MILL_ENOSPC) { /* these are met when reading */
        runner_die_if_fatal(&e);
        runner_fail(x->runner, &e);
    }
}

void receiving_ended(struct receiving *x)
{
    x->has_ended = true;
    receiver_source_end_input(x->source);
}

void receiving_blocked(struct receiving *x, const struct error *why)
{
    receiver_source_block_input(x->source, why->code != 0);
    if (why->code != 0 && !x->said_blocked) {
        log_warn(why->code == MILL_ENOSPC ? "%s; waiting for space"
                                          : "%s; nothing is received until there is room",
                 why->message);
    }
    x->said_blocked = why->code != 0;
}

void receiving_drive(struct receiving *x)
{
    struct runner *r = x->runner;
    if (r->end == RUNNER_RUNS && r->attempt > 0) {
        drive(r);
    }
}

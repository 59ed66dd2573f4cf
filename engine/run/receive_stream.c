#include "run/receive_stream.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "io/receiver_source.h"

#define RETRY_MS 1000 /* the disk was full: look again */

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer);

/* --- peers --- */

struct stream_peer *stream_peer_create(struct stream_set *s)
{
    struct stream_peer *p = memory_zero(1, sizeof *p);
    p->set = s;
    p->since_ms = uv_now(&s->x->runner->loop);
    return p;
}

static void on_closed(uv_handle_t *handle)
{
    struct stream_peer *p = handle->data;
    memory_free(p->head);
    memory_free(p);
}

static bool is_listed(const struct stream_peer *p)
{
    return p->before != NULL || p->set->peers == p;
}

static void unlist(struct stream_peer *p)
{
    struct stream_set *s = p->set;
    if (!is_listed(p)) {
        return;
    }
    if (p->before != NULL) {
        p->before->next = p->next;
    } else {
        s->peers = p->next;
    }
    if (p->next != NULL) {
        p->next->before = p->before;
    }
    p->next = p->before = NULL;
    s->count--;
}

void stream_peer_close(struct stream_peer *p)
{
    unlist(p);
    p->uv.handle.data = p;
    if (!uv_is_closing(&p->uv.handle)) {
        uv_close(&p->uv.handle, on_closed);
    }
}

void stream_peer_refuse(struct stream_peer *p, const char *line)
{
    /* The union only reads it. */
    union {
        const char *in;
        char *out;
    } text = {.in = line};
    uv_buf_t buffer = uv_buf_init(text.out, (unsigned)strlen(line));
    uv_try_write(&p->uv.stream, &buffer, 1); /* who does not read it, misses it */
    stream_peer_close(p);
}

static void on_wanted(uv_handle_t *handle, size_t size, uv_buf_t *buffer)
{
    (void)size;
    struct stream_peer *p = handle->data;
    *buffer = uv_buf_init(p->set->bytes, (unsigned)LIMIT_RECEIVE_BYTES);
}

static void read_on(struct stream_peer *p)
{
    int rc = uv_read_start(&p->uv.stream, on_wanted, on_read);
    if (rc != 0 && rc != UV_EALREADY) {
        on_read(&p->uv.stream, rc, NULL);
    }
}

void stream_peer_begin(struct stream_peer *p)
{
    struct stream_set *s = p->set;
    p->uv.handle.data = p;
    p->next = s->peers;
    if (p->next != NULL) {
        p->next->before = p;
    }
    s->peers = p;
    s->count++;
    if (s->admit == NULL) {
        p->lines = line_receiver_begin(s->x->lines);
    }
    if (!s->is_paused) {
        read_on(p);
    }
}

/* --- pausing --- */

static void pause_all(struct stream_set *s)
{
    s->is_paused = true;
    for (struct stream_peer *p = s->peers; p != NULL; p = p->next) {
        uv_read_stop(&p->uv.stream);
    }
}

static void resume_all(struct stream_set *s)
{
    s->is_paused = false;
    for (struct stream_peer *p = s->peers; p != NULL && !s->is_paused;) {
        struct stream_peer *next = p->next;
        read_on(p);
        p = next;
    }
}

static uint64_t unread(const struct stream_set *s)
{
    return receiver_log_text_end(s->x->log) - receiver_source_handed(s->x->source);
}

static void on_retry(uv_timer_t *timer)
{
    struct stream_set *s = timer->data;
    s->rest_epoch = UINT64_MAX; /* not only after a commit */
    stream_set_update(s);
    receiving_drive(s->x);
}

/* The log does not take what this peer has sent. */
static void wait_with(struct stream_set *s, struct stream_peer *p, const struct error *e)
{
    if (e->code != MILL_ELIMIT && e->code != MILL_ENOSPC) {
        runner_die_if_fatal(e);
        runner_fail(s->x->runner, e);
        return;
    }
    s->waiting = p;
    s->rest_epoch = s->x->runner->last_number;
    pause_all(s);
    receiving_blocked(s->x, e);
    uv_timer_start(&s->retry, on_retry, RETRY_MS, 0);
}

/* --- bytes --- */

static void end_peer(struct stream_peer *p)
{
    struct stream_set *s = p->set;
    struct error e = {0};
    bool has_sent = p->has_sent;
    if (p->lines != NULL && line_receiver_end(s->x->lines, p->lines, &e) != 0) {
        p->must_end = true;
        wait_with(s, p, &e);
        return;
    }
    p->lines = NULL;
    stream_peer_close(p);
    if (s->gone != NULL) {
        s->gone(s, has_sent);
    }
}

static void take(struct stream_peer *p, const char *bytes, size_t size)
{
    struct stream_set *s = p->set;
    struct error e = {0};
    size_t taken = 0;
    p->has_sent = true;
    if (line_receiver_take(s->x->lines, p->lines, bytes, size, &taken, &e) != 0) {
        s->rest = memory_copy(bytes + taken, size - taken);
        s->rest_size = size - taken;
        wait_with(s, p, &e);
    } else if (unread(s) >= s->x->runner->unread_max) {
        pause_all(s);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct stream_peer *p = stream->data;
    struct stream_set *s = p->set;
    if (n == 0) {
        return;
    }
    if (n < 0) {
        end_peer(p);
        receiving_drive(s->x);
        return;
    }
    check(buffer != NULL);
    const char *bytes = buffer->base;
    size_t size = (size_t)n;
    if (p->lines == NULL) {
        size_t used = s->admit(p, bytes, size);
        if (used == SIZE_MAX) {
            return;
        }
        bytes += used;
        size -= used;
    }
    if (size > 0) {
        take(p, bytes, size);
        receiving_drive(s->x);
    }
}

/* What the log did not take. */
static void try_again(struct stream_set *s)
{
    struct stream_peer *p = s->waiting;
    char *rest = s->rest;
    size_t size = s->rest_size;
    s->waiting = NULL;
    s->rest = NULL;
    s->rest_size = 0;
    if (p->must_end) {
        end_peer(p);
    } else {
        take(p, rest, size);
    }
    memory_free(rest);
    if (s->waiting == NULL) {
        struct error good = {0};
        uv_timer_stop(&s->retry);
        receiving_blocked(s->x, &good);
    }
}

void stream_set_update(struct stream_set *s)
{
    if (s->waiting != NULL && s->rest_epoch != s->x->runner->last_number) {
        try_again(s);
    }
    if (s->is_paused && s->waiting == NULL && unread(s) < s->x->runner->unread_max / 2) {
        resume_all(s);
    }
}

/* --- the set --- */

void stream_set_init(struct stream_set *s, struct receiving *x)
{
    *s = (struct stream_set){.x = x};
    s->bytes = memory_alloc(LIMIT_RECEIVE_BYTES);
    uv_timer_init(&x->runner->loop, &s->retry);
    s->retry.data = s;
}

void stream_set_stop(struct stream_set *s)
{
    uv_timer_stop(&s->retry);
    s->waiting = NULL;
    while (s->peers != NULL) {
        stream_peer_close(s->peers);
    }
}

void stream_set_deinit(struct stream_set *s)
{
    memory_free(s->rest);
    memory_free(s->bytes);
}

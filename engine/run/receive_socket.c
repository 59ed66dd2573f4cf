#include "run/receive_socket.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "run/receive_stream.h"

#define WAIT_MS_MIN 100
#define WAIT_MS_MAX 10000
#define KEEPALIVE_S 60

struct receive_socket {
    struct receiving base;
    struct stream_set set;
    uv_timer_t timer;         /* connect again */
    uv_getaddrinfo_t resolve; /* on its way, while is_resolving */
    uv_connect_t connect;     /* on its way, while `peer` is set */
    struct addrinfo *addresses;
    struct addrinfo *address; /* that is tried */
    struct stream_peer *peer; /* that is being connected */
    uint64_t wait_ms;
    bool is_open; /* started and not stopped */
    bool is_resolving;
    bool said_down;
};

static struct receive_socket *of(struct receiving *x)
{
    return (struct receive_socket *)x;
}

static void resolve(struct receive_socket *s);

static void on_timer(uv_timer_t *timer)
{
    resolve(timer->data);
}

static void forget_addresses(struct receive_socket *s)
{
    if (s->addresses != NULL) {
        uv_freeaddrinfo(s->addresses);
    }
    s->addresses = s->address = NULL;
}

/* There is no connection: try again in a while. */
static void wait(struct receive_socket *s, const char *why)
{
    forget_addresses(s);
    if (!s->is_open) {
        return;
    }
    if (!s->said_down) {
        s->said_down = true;
        log_warn("%s: %s; connecting again", s->base.graph->target, why);
    }
    uv_timer_start(&s->timer, on_timer, s->wait_ms, 0);
    s->wait_ms = s->wait_ms * 2 < WAIT_MS_MAX ? s->wait_ms * 2 : WAIT_MS_MAX;
}

static void try_address(struct receive_socket *s, int last_error);

static void on_connected(uv_connect_t *request, int status)
{
    struct receive_socket *s = request->data;
    struct stream_peer *p = s->peer;
    if (!s->is_open) {
        return; /* it is being closed */
    }
    s->peer = NULL;
    if (status != 0) {
        stream_peer_close(p);
        s->address = s->address->ai_next;
        try_address(s, status);
        return;
    }
    forget_addresses(s);
    if (s->said_down) {
        s->said_down = false;
        log_info("%s: connected", s->base.graph->target);
    }
    uv_tcp_keepalive(&p->uv.tcp, 1, KEEPALIVE_S);
    stream_peer_begin(p);
}

static void try_address(struct receive_socket *s, int last_error)
{
    if (s->address == NULL) {
        char why[160];
        snprintf(why, sizeof why, "cannot connect: %s", uv_strerror(last_error));
        wait(s, why);
        return;
    }
    s->peer = stream_peer_create(&s->set);
    int rc = uv_tcp_init(s->timer.loop, &s->peer->uv.tcp);
    check(rc == 0);
    s->connect.data = s;
    rc = uv_tcp_connect(&s->connect, &s->peer->uv.tcp, s->address->ai_addr, on_connected);
    if (rc != 0) {
        stream_peer_close(s->peer);
        s->peer = NULL;
        s->address = s->address->ai_next;
        try_address(s, rc);
    }
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
    struct receive_socket *s = request->data;
    s->is_resolving = false;
    s->addresses = s->address = addresses;
    if (!s->is_open) {
        forget_addresses(s);
    } else if (status != 0) {
        char why[160];
        snprintf(why, sizeof why, "cannot find the host: %s", uv_strerror(status));
        wait(s, why);
    } else {
        try_address(s, UV_EADDRNOTAVAIL);
    }
}

static void resolve(struct receive_socket *s)
{
    char port[8];
    const struct graph_source *g = s->base.graph;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    snprintf(port, sizeof port, "%" PRIu32, g->port);
    s->resolve.data = s;
    s->is_resolving = true;
    int rc = uv_getaddrinfo(s->timer.loop, &s->resolve, on_resolved, g->host, port, &hints);
    if (rc != 0) {
        on_resolved(&s->resolve, rc, NULL);
    }
}

/* The connection has ended. */
static void gone(struct stream_set *set, bool has_sent)
{
    struct receive_socket *s = of(set->x);
    if (s->base.runner->options.once) {
        receiving_ended(&s->base);
        return;
    }
    s->wait_ms = has_sent ? WAIT_MS_MIN : s->wait_ms;
    wait(s, "the connection has ended");
}

static int start(struct receiving *base, struct error *e)
{
    (void)e;
    struct receive_socket *s = of(base);
    stream_set_init(&s->set, base);
    s->set.gone = gone;
    uv_timer_init(&base->runner->loop, &s->timer);
    s->timer.data = s;
    s->wait_ms = WAIT_MS_MIN;
    s->is_open = true;
    resolve(s);
    return 0;
}

static void update(struct receiving *base)
{
    stream_set_update(&of(base)->set);
}

static void stop(struct receiving *base)
{
    struct receive_socket *s = of(base);
    if (!s->is_open) {
        return;
    }
    s->is_open = false;
    uv_timer_stop(&s->timer);
    if (s->is_resolving) {
        uv_cancel((uv_req_t *)&s->resolve); /* or it comes, and is dropped */
    }
    if (s->peer != NULL) {
        stream_peer_close(s->peer); /* on_connected comes, with UV_ECANCELED */
        s->peer = NULL;
    }
    stream_set_stop(&s->set);
}

static const struct receiving_ops socket_ops = {
    .start = start,
    .update = update,
    .save = receiving_save_lines,
    .stop = stop,
};

struct receiving *receive_socket_create(void)
{
    struct receive_socket *s = memory_zero(1, sizeof *s);
    s->base.ops = &socket_ops;
    return &s->base;
}

void receive_socket_destroy(struct receiving *base)
{
    struct receive_socket *s = of(base);
    forget_addresses(s);
    stream_set_deinit(&s->set);
    memory_free(s);
}

#include "run/receive_listen.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "run/receive_stream.h"

#define BACKLOG         128
#define KEEPALIVE_S     60
#define TOKEN_WAIT_MS   10000
#define TOKEN_LOOK_MS   1000
#define TOKEN_BYTES_MAX 256
#define FILES_KEPT      512 /* descriptors: the store's 256, inputs, outputs, logs */

struct receive_listen {
    struct receiving base;
    struct stream_set set;
    union stream_handle uv;
    uv_timer_t token_timer;
    bool is_listening;
    bool has_path; /* a unix socket was made */
    dev_t device;  /* of it */
    ino_t inode;
    uint32_t clients_max;
    uint64_t refused; /* clients: too many... */
    uint64_t denied;  /* ...or without the token */
};

static struct receive_listen *of(struct receiving *x)
{
    return (struct receive_listen *)x;
}

static bool is_unix(const struct receive_listen *l)
{
    return l->base.graph->path != NULL;
}

/* --- tokens --- */

/* As long for a wrong one as for the right one. */
static bool is_token(const char *token, const char *given, size_t size)
{
    size_t length = strlen(token);
    unsigned differs = length != size;
    for (size_t i = 0; i < size; i++) {
        differs |= (unsigned)(given[i] ^ token[i < length ? i : 0]);
    }
    return differs == 0;
}

static size_t deny(struct receive_listen *l, struct stream_peer *p)
{
    if (l->denied++ == 0) {
        log_warn("%s: a client did not send the token, and was closed", l->base.graph->target);
    }
    stream_peer_refuse(p, "tidemill: the first line is not the token\n");
    return SIZE_MAX;
}

/* The first line, perhaps in pieces. */
static size_t admit(struct stream_peer *p, const char *bytes, size_t size)
{
    struct receive_listen *l = of(p->set->x);
    const char *newline = memchr(bytes, '\n', size);
    size_t used = newline == NULL ? size : (size_t)(newline + 1 - bytes);
    if (p->head_size + used > TOKEN_BYTES_MAX + 2) {
        return deny(l, p);
    }
    p->head = memory_grow(p->head, p->head_size + used);
    memcpy(p->head + p->head_size, bytes, used);
    p->head_size += used;
    if (newline == NULL) {
        return used;
    }
    size_t length = p->head_size - 1;
    length -= length > 0 && p->head[length - 1] == '\r';
    if (!is_token(l->base.graph->token, p->head, length)) {
        return deny(l, p);
    }
    memory_free(p->head);
    p->head = NULL;
    p->lines = line_receiver_begin(l->base.lines);
    return used;
}

/* Who has not sent the token takes nobody's place for long. */
static void on_token_timer(uv_timer_t *timer)
{
    struct receive_listen *l = timer->data;
    uint64_t now = uv_now(timer->loop);
    if (l->set.is_paused) { /* nobody is read: what they sent is not looked at */
        for (struct stream_peer *p = l->set.peers; p != NULL; p = p->next) {
            p->since_ms = now;
        }
        return;
    }
    for (struct stream_peer *p = l->set.peers; p != NULL;) {
        struct stream_peer *next = p->next;
        if (p->lines == NULL && now - p->since_ms >= TOKEN_WAIT_MS) {
            deny(l, p);
        }
        p = next;
    }
}

/* --- clients --- */

static void refuse(struct receive_listen *l, struct stream_peer *p)
{
    char line[96];
    uint32_t max = l->clients_max;
    if (l->refused++ == 0) {
        log_warn("%s: more than %" PRIu32 " clients; others are refused (%s)",
                 l->base.graph->target, max,
                 max == l->base.graph->clients_max ? "option clients"
                                                   : "ulimit -n allows no more files");
    }
    snprintf(line, sizeof line,
             "tidemill: too many clients (at most %" PRIu32 "); try again later\n", max);
    stream_peer_refuse(p, line);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct receive_listen *l = server->data;
    if (status < 0) {
        return; /* it has gone already, or there are too many open files: libuv drops it */
    }
    struct stream_peer *p = stream_peer_create(&l->set);
    int rc = is_unix(l) ? uv_pipe_init(server->loop, &p->uv.pipe, 0)
                        : uv_tcp_init(server->loop, &p->uv.tcp);
    check(rc == 0);
    if (uv_accept(server, &p->uv.stream) != 0) {
        stream_peer_close(p);
    } else if (l->set.count >= l->clients_max) {
        refuse(l, p);
    } else {
        if (!is_unix(l)) {
            uv_tcp_keepalive(&p->uv.tcp, 1, KEEPALIVE_S);
        }
        stream_peer_begin(p);
    }
}

/* --- the socket --- */

static int fail(const struct receive_listen *l, int rc, struct error *e)
{
    return error_set_system(e, -rc, "cannot listen on %s", l->base.graph->target);
}

static int bind_tcp(struct receive_listen *l, struct error *e)
{
    const struct graph_source *g = l->base.graph;
    struct sockaddr_storage address = {0};
    int rc = uv_tcp_init(&l->base.runner->loop, &l->uv.tcp);
    check(rc == 0);
    if (uv_ip4_addr(g->host, (int)g->port, (struct sockaddr_in *)&address) != 0 &&
        uv_ip6_addr(g->host, (int)g->port, (struct sockaddr_in6 *)&address) != 0) {
        return error_set(e, MILL_ESCRIPT,
                         "cannot listen on %s: %s is no address; a name is not looked up here",
                         g->target, g->host);
    }
    rc = uv_tcp_bind(&l->uv.tcp, (struct sockaddr *)&address, 0);
    return rc == 0 ? 0 : fail(l, rc, e);
}

/* @return 0: nobody listens there, and nothing is in the way now */
static int clear_path(const struct receive_listen *l, const struct sockaddr_un *address,
                      struct error *e)
{
    const char *path = l->base.graph->path;
    struct stat s;
    if (lstat(path, &s) != 0) {
        return errno == ENOENT ? 0 : fail(l, -errno, e);
    }
    if (!S_ISSOCK(s.st_mode)) {
        return error_set(e, MILL_EREFUSED, "cannot listen on %s: %s is there, and is no socket",
                         l->base.graph->target, path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return fail(l, -errno, e);
    }
    int rc = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    close(fd);
    if (rc != ECONNREFUSED) {
        return error_set(e, MILL_EREFUSED, "cannot listen on %s: another program does",
                         l->base.graph->target);
    }
    return unlink(path) == 0 || errno == ENOENT ? 0 : fail(l, -errno, e);
}

static int bind_unix(struct receive_listen *l, struct error *e)
{
    const char *path = l->base.graph->path;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat s;
    int rc = uv_pipe_init(&l->base.runner->loop, &l->uv.pipe, 0);
    check(rc == 0);
    check(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    rc = clear_path(l, &address, e);
    if (rc != 0) {
        return rc;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* The mode is set before there is a name: nobody else can come in between. */
    bool is_bound = fd >= 0 && fchmod(fd, 0600) == 0 &&
                    bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (!is_bound || lstat(path, &s) != 0 || uv_pipe_open(&l->uv.pipe, fd) != 0) {
        rc = fail(l, -errno, e);
        if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    l->has_path = true;
    l->device = s.st_dev;
    l->inode = s.st_ino;
    return 0;
}

/* With the port, when the system has chosen it. */
static void say_where(const struct receive_listen *l)
{
    const struct graph_source *g = l->base.graph;
    struct sockaddr_storage address;
    int size = sizeof address;
    if (is_unix(l) || uv_tcp_getsockname(&l->uv.tcp, (struct sockaddr *)&address, &size) != 0) {
        log_info("listening on %s", g->target);
        return;
    }
    in_port_t port = address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                   : ((struct sockaddr_in *)&address)->sin_port;
    bool is_v6 = address.ss_family == AF_INET6;
    log_info("listening on tcp://%s%s%s:%u", is_v6 ? "[" : "", g->host, is_v6 ? "]" : "",
             (unsigned)ntohs(port));
}

/* Clients that do nothing must not take the descriptors that everything else needs. */
static uint32_t count_clients_max(const struct runner *r, uint32_t wanted)
{
    struct rlimit files;
    uint32_t listeners = 0;
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        listeners += r->graph->sources[i].kind == SOURCE_LISTEN;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) {
        return wanted;
    }
    uint64_t kept = files.rlim_cur > 2 * FILES_KEPT ? FILES_KEPT : files.rlim_cur / 2;
    uint64_t share = (files.rlim_cur - kept) / listeners;
    return share < wanted ? (uint32_t)share : wanted;
}

static int start(struct receiving *base, struct error *e)
{
    struct receive_listen *l = of(base);
    stream_set_init(&l->set, base);
    l->clients_max = count_clients_max(base->runner, base->graph->clients_max);
    l->set.admit = base->graph->token != NULL ? admit : NULL;
    int rc = is_unix(l) ? bind_unix(l, e) : bind_tcp(l, e);
    if (rc != 0) {
        return rc;
    }
    l->uv.handle.data = l;
    rc = uv_listen(&l->uv.stream, BACKLOG, on_connection);
    if (rc != 0) {
        return fail(l, rc, e);
    }
    l->is_listening = true;
    say_where(l);
    uv_timer_init(&base->runner->loop, &l->token_timer);
    l->token_timer.data = l;
    if (l->set.admit != NULL) {
        uv_timer_start(&l->token_timer, on_token_timer, TOKEN_LOOK_MS, TOKEN_LOOK_MS);
    }
    return 0;
}

static void update(struct receiving *base)
{
    stream_set_update(&of(base)->set);
}

static void say_refused(const struct receive_listen *l)
{
    if (l->refused > 0 || l->denied > 0) {
        log_info("%s: refused %" PRIu64 " clients that were too many, and %" PRIu64
                 " without the token",
                 l->base.graph->target, l->refused, l->denied);
    }
}

static void stop(struct receiving *base)
{
    struct receive_listen *l = of(base);
    if (l->is_listening) {
        l->is_listening = false;
        uv_timer_stop(&l->token_timer);
        uv_close(&l->uv.handle, NULL);
        stream_set_stop(&l->set);
        say_refused(l);
    }
    struct stat s;
    const char *path = base->graph->path;
    if (l->has_path && lstat(path, &s) == 0 && s.st_dev == l->device && s.st_ino == l->inode) {
        unlink(path);
    }
    l->has_path = false;
}

static const struct receiving_ops listen_ops = {
    .start = start,
    .update = update,
    .save = receiving_save_lines,
    .stop = stop,
};

struct receiving *receive_listen_create(void)
{
    struct receive_listen *l = memory_zero(1, sizeof *l);
    l->base.ops = &listen_ops;
    return &l->base;
}

void receive_listen_destroy(struct receiving *base)
{
    struct receive_listen *l = of(base);
    stream_set_deinit(&l->set);
    memory_free(l);
}

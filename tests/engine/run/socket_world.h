/*
 * Peers of a job that receives, for tests of run/: each a thread with a socket, beside a runner.
 */
#ifndef TESTS_ENGINE_RUN_SOCKET_WORLD_H
#define TESTS_ENGINE_RUN_SOCKET_WORLD_H

#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "run_world.h"

enum { ANSWER_BYTES = 256 };

/* A client of a unix socket: connects when somebody listens, sends texts with a little time between
 * them, and reads what it is told until the other side closes, or at once closes. */
struct client {
    pthread_t thread;
    char path[108];
    const char *const *texts; /* up to NULL */
    bool waits;               /* for the other side to close */
    char answer[ANSWER_BYTES];
};

static inline int connect_client(const struct client *c)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, c->path, strlen(c->path));
    for (int i = 0; i < 2000; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
            return fd;
        }
        close(fd);
        usleep(1000);
    }
    return -1;
}

static inline void *run_client(void *context)
{
    struct client *c = context;
    int fd = connect_client(c);
    for (size_t i = 0; fd >= 0 && c->texts[i] != NULL; i++) {
        if (send(fd, c->texts[i], strlen(c->texts[i]), MSG_NOSIGNAL) < 0) {
            break;
        }
        usleep(5000);
    }
    size_t size = 0;
    while (fd >= 0 && c->waits && size < ANSWER_BYTES - 1) {
        ssize_t n = recv(fd, c->answer + size, ANSWER_BYTES - 1 - size, 0);
        if (n <= 0) {
            break;
        }
        size += (size_t)n;
    }
    close(fd);
    return NULL;
}

/* To the socket FOLDER/s. */
static inline void client_start(struct client *c, const struct run *x, const char *const *texts,
                                bool waits)
{
    *c = (struct client){.texts = texts, .waits = waits};
    strncpy(c->path, run_path(x, "s"), sizeof c->path - 1);
    assert_int_equal(pthread_create(&c->thread, NULL, run_client, c), 0);
}

static inline void client_end(struct client *c)
{
    pthread_join(c->thread, NULL);
}

/* A server on the loopback address: gives each text to one connection, and closes it. */
struct server {
    pthread_t thread;
    int fd;
    uint16_t port;
    const char *const *texts; /* up to NULL */
};

static inline void *run_server(void *context)
{
    struct server *s = context;
    for (size_t i = 0; s->texts[i] != NULL; i++) {
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0 || send(fd, s->texts[i], strlen(s->texts[i]), MSG_NOSIGNAL) < 0) {
            break;
        }
        close(fd);
    }
    return NULL;
}

static inline void server_start(struct server *s, const char *const *texts)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *s = (struct server){.texts = texts};
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&address, &size), 0);
    s->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, run_server, s), 0);
}

static inline void server_end(struct server *s)
{
    pthread_join(s->thread, NULL);
    close(s->fd);
}

/* Run with --once on the machine's clock. @return what run_once gives */
static inline int run_sockets(struct run *x, const char *options, const char *script)
{
    run_plan(x, options, script);
    x->options.virtual_clock = false;
    return run_once(x);
}

static inline void expect_run(struct run *x, const char *options, const char *script)
{
    if (run_sockets(x, options, script) != 0) {
        fail_msg("%s", x->error.message);
    }
}

#endif

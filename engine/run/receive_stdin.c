#include "run/receive_stdin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "io/receiver_source.h"

#define RETRY_MS 1000 /* the disk was full: look again */

struct receive_stdin {
    struct receiving base;
    int fd;
    int wake[2]; /* a pipe: stop reading */
    pthread_t thread;
    struct line_connection *connection; /* the thread's */
    char *bytes;                        /* likewise */

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    uint64_t handed;  /* of the text, to workers */
    uint64_t commits; /* goes up when there may be room in the log */
    bool stop_wanted;
    bool has_ended;
    struct error blocked; /* code 0: not */
    struct error failed;  /* code 0: not */
};

static struct receive_stdin *of(struct receiving *x)
{
    return (struct receive_stdin *)x;
}

/* --- the thread --- */

static void tell(struct receive_stdin *s)
{
    uv_async_send(&s->base.runner->received);
}

/* @return false: stop */
static bool wait_for_room(struct receive_stdin *s)
{
    pthread_mutex_lock(&s->lock);
    while (!s->stop_wanted &&
           receiver_log_text_end(s->base.log) - s->handed >= s->base.runner->unread_max) {
        pthread_cond_wait(&s->changed, &s->lock);
    }
    bool goes_on = !s->stop_wanted;
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

static void set_blocked(struct receive_stdin *s, const struct error *why)
{
    pthread_mutex_lock(&s->lock);
    bool changes = s->blocked.code != why->code;
    s->blocked = *why;
    pthread_mutex_unlock(&s->lock);
    if (changes) {
        tell(s);
    }
}

/* Until something was committed, or for a second. @return false: stop */
static bool wait_for_space(struct receive_stdin *s)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += RETRY_MS / 1000;
    pthread_mutex_lock(&s->lock);
    uint64_t commits = s->commits;
    int rc = 0;
    while (!s->stop_wanted && s->commits == commits && rc == 0) {
        rc = pthread_cond_clockwait(&s->changed, &s->lock, CLOCK_MONOTONIC, &until);
    }
    bool goes_on = !s->stop_wanted;
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

static void fail(struct receive_stdin *s, const struct error *e)
{
    pthread_mutex_lock(&s->lock);
    s->failed = *e;
    pthread_mutex_unlock(&s->lock);
    tell(s);
}

/* What the log gave. @return true: try again; false: it was an error, or the end is wanted */
static bool bear(struct receive_stdin *s, const struct error *e)
{
    if (e->code != MILL_ELIMIT && e->code != MILL_ENOSPC) {
        fail(s, e);
        return false;
    }
    set_blocked(s, e);
    return wait_for_space(s);
}

/* @return false: stop */
static bool take(struct receive_stdin *s, size_t size)
{
    static const struct error good = {0};
    struct error e = {0};
    size_t at = 0;
    for (;;) {
        size_t taken = 0;
        int rc =
            line_receiver_take(s->base.lines, s->connection, s->bytes + at, size - at, &taken, &e);
        at += taken;
        rc = rc == 0 ? line_receiver_save(s->base.lines, &e) : rc;
        if (rc == 0) {
            set_blocked(s, &good);
            return true;
        }
        if (!bear(s, &e)) {
            return false;
        }
    }
}

/* @return false: stop */
static bool end_line(struct receive_stdin *s)
{
    struct error e = {0};
    while (line_receiver_end(s->base.lines, s->connection, &e) != 0) {
        if (!bear(s, &e)) {
            return false;
        }
    }
    s->connection = NULL;
    return true;
}

/* @return bytes; 0 at the end; -1: stop */
static ssize_t read_some(struct receive_stdin *s)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = s->fd, .events = POLLIN},
                               {.fd = s->wake[0], .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            return -1;
        }
        if (fds[1].revents != 0) {
            return -1;
        }
        if (fds[0].revents == 0) {
            continue;
        }
        ssize_t n = read(s->fd, s->bytes, LIMIT_RECEIVE_BYTES);
        if (n >= 0) {
            return n;
        }
        if (errno != EINTR && errno != EAGAIN) {
            struct error e;
            error_set_system(&e, errno, "cannot read standard input");
            fail(s, &e);
            return -1;
        }
    }
}

static void *read_all(void *context)
{
    struct receive_stdin *s = context;
    while (wait_for_room(s)) {
        ssize_t n = read_some(s);
        if (n < 0) {
            return NULL;
        }
        if (n == 0) {
            if (end_line(s)) {
                pthread_mutex_lock(&s->lock);
                s->has_ended = true;
                pthread_mutex_unlock(&s->lock);
                tell(s);
            }
            return NULL;
        }
        if (!take(s, (size_t)n)) {
            return NULL;
        }
        tell(s);
    }
    return NULL;
}

/* --- the coordinator --- */

static int start(struct receiving *base, struct error *e)
{
    struct receive_stdin *s = of(base);
    if (pipe2(s->wake, O_CLOEXEC) != 0) {
        s->wake[0] = s->wake[1] = -1;
        return error_set_system(e, errno, "cannot make a pipe");
    }
    s->handed = receiver_source_handed(base->source);
    s->connection = line_receiver_begin(base->lines);
    int rc = pthread_create(&s->thread, NULL, read_all, s);
    return rc == 0 ? 0 : error_set_system(e, rc, "cannot make a thread for standard input");
}

static void update(struct receiving *base)
{
    struct receive_stdin *s = of(base);
    pthread_mutex_lock(&s->lock);
    s->handed = receiver_source_handed(base->source);
    s->commits = base->runner->last_number;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void heard(struct receiving *base)
{
    struct receive_stdin *s = of(base);
    pthread_mutex_lock(&s->lock);
    bool has_ended = s->has_ended;
    struct error blocked = s->blocked;
    struct error failed = s->failed;
    pthread_mutex_unlock(&s->lock);
    receiving_blocked(base, &blocked);
    if (has_ended) {
        receiving_ended(base);
    }
    if (failed.code != 0) {
        runner_die_if_fatal(&failed);
        runner_fail(base->runner, &failed);
    }
}

static void stop(struct receiving *base)
{
    struct receive_stdin *s = of(base);
    if (!base->is_started) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->stop_wanted = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    char byte = 0;
    ssize_t n = write(s->wake[1], &byte, 1);
    check(n == 1);
    pthread_join(s->thread, NULL);
}

static const struct receiving_ops stdin_ops = {
    .start = start,
    .update = update,
    .heard = heard,
    .stop = stop,
};

struct receiving *receive_stdin_create(int fd)
{
    struct receive_stdin *s = memory_zero(1, sizeof *s);
    s->base.ops = &stdin_ops;
    s->fd = fd;
    s->wake[0] = s->wake[1] = -1;
    s->bytes = memory_alloc(LIMIT_RECEIVE_BYTES);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    return &s->base;
}

void receive_stdin_destroy(struct receiving *base)
{
    struct receive_stdin *s = of(base);
    for (int i = 0; i < 2; i++) {
        if (s->wake[i] >= 0) {
            close(s->wake[i]);
        }
    }
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    memory_free(s->bytes);
    memory_free(s);
}

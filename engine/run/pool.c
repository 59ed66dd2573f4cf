#include "run/pool.h"

#include <signal.h>

#include "base/check.h"
#include "base/memory.h"
#include "script/block_run.h"

struct task *pool_task(enum task_kind kind)
{
    struct task *t = memory_zero(1, sizeof *t);
    t->kind = kind;
    return t;
}

void pool_task_free(struct task *t)
{
    memory_free(t);
}

/* The first task of an epoch finds a host that still holds the one before. */
static void begin_epoch(struct pool_worker *w, const struct pool_epoch *epoch)
{
    if (w->attempt != epoch->attempt) {
        w->attempt = epoch->attempt;
        host_begin(w->host, &epoch->epoch);
    }
}

static int run(struct pool_worker *w, struct task *t, const struct pool_epoch *epoch)
{
    switch (t->kind) {
    case TASK_CREATE:
        return host_create(&w->pool->host_options, &w->host, &t->error);
    case TASK_RENEW:
        w->attempt = 0;
        return host_renew(w->host, &t->error);
    case TASK_BLOCK:
        begin_epoch(w, epoch);
        return block_run(w->host, &t->block, &t->done, &t->error);
    case TASK_SEAL:
        begin_epoch(w, epoch);
        return host_seal_stage(w->host, t->stage.stage, &t->error);
    case TASK_SHARD:
        begin_epoch(w, epoch);
        return stage_run(w->host, &t->stage, &t->error);
    }
    return 0;
}

static struct task *take(struct pool_worker *w)
{
    struct pool *p = w->pool;
    struct task *t = w->pinned;
    if (t != NULL) {
        w->pinned = t->next;
    } else if (p->head != NULL && !w->is_lost) {
        t = p->head;
        p->head = t->next;
        p->tail = p->head == NULL ? NULL : p->tail;
    }
    return t;
}

static void *work(void *context)
{
    struct pool_worker *w = context;
    struct pool *p = w->pool;
    pthread_mutex_lock(&p->lock);
    while (!p->stopping) {
        struct task *t = take(w);
        if (t == NULL) {
            pthread_cond_wait(&p->wake, &p->lock);
            continue;
        }
        struct pool_epoch epoch = p->epoch;
        p->running++;
        pthread_mutex_unlock(&p->lock);
        t->worker = w->index;
        t->rc = run(w, t, &epoch);
        pthread_mutex_lock(&p->lock);
        if (t->rc == MILL_EDEADLINE || (t->rc == 0 && t->kind == TASK_RENEW)) {
            w->is_lost = t->rc != 0;
        }
        t->next = p->done;
        p->done = t;
        p->running--;
        p->notify(p->context);
    }
    pthread_mutex_unlock(&p->lock);
    if (w->host != NULL) {
        host_destroy(w->host);
        w->host = NULL;
    }
    return NULL;
}

void pool_open(struct pool *p, const struct host_options *options, uint32_t worker_count,
               void (*notify)(void *context), void *context)
{
    *p = (struct pool){.host_options = *options,
                       .worker_count = worker_count,
                       .notify = notify,
                       .context = context};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    p->workers = memory_zero(worker_count, sizeof *p->workers);
    /* Signals are the coordinator's. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigdelset(&all, SIGPROF);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (uint32_t i = 0; i < worker_count; i++) {
        p->workers[i].pool = p;
        p->workers[i].index = i;
        int rc = pthread_create(&p->workers[i].thread, NULL, work, &p->workers[i]);
        check(rc == 0);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void free_tasks(struct task *t)
{
    while (t != NULL) {
        struct task *next = t->next;
        pool_task_free(t);
        t = next;
    }
}

bool pool_stop(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    bool is_running = p->running > 0;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    return is_running;
}

void pool_close(struct pool *p)
{
    pool_stop(p);
    for (uint32_t i = 0; i < p->worker_count; i++) {
        pthread_join(p->workers[i].thread, NULL);
        free_tasks(p->workers[i].pinned);
    }
    free_tasks(p->head);
    free_tasks(p->done);
    memory_free(p->workers);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    *p = (struct pool){0};
}

void pool_begin_epoch(struct pool *p, const struct pool_epoch *epoch)
{
    pthread_mutex_lock(&p->lock);
    p->epoch = *epoch;
    pthread_mutex_unlock(&p->lock);
}

void pool_post(struct pool *p, struct task *t)
{
    t->next = NULL;
    pthread_mutex_lock(&p->lock);
    if (p->tail == NULL) {
        p->head = t;
    } else {
        p->tail->next = t;
    }
    p->tail = t;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

void pool_pin(struct pool *p, uint32_t worker, struct task *t)
{
    t->next = NULL;
    pthread_mutex_lock(&p->lock);
    struct task **at = &p->workers[worker].pinned;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = t;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

struct task *pool_take_done(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct task *newest_first = p->done;
    p->done = NULL;
    pthread_mutex_unlock(&p->lock);
    struct task *oldest_first = NULL;
    while (newest_first != NULL) {
        struct task *next = newest_first->next;
        newest_first->next = oldest_first;
        oldest_first = newest_first;
        newest_first = next;
    }
    return oldest_first;
}

void pool_hurry(struct pool *p)
{
    for (uint32_t i = 0; i < p->worker_count; i++) {
        if (p->workers[i].host != NULL) {
            host_stop(p->workers[i].host);
        }
    }
}

uint32_t pool_cancel(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct task *waiting = p->head;
    p->head = NULL;
    p->tail = NULL;
    pthread_mutex_unlock(&p->lock);
    uint32_t count = 0;
    for (const struct task *t = waiting; t != NULL; t = t->next) {
        count++;
    }
    free_tasks(waiting);
    return count;
}

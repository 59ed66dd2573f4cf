/*
 * The worker threads. Each has a host (its Lua state and everything around it) and takes tasks:
 * pinned ones, which only it can do, and shared ones, in the order in which they were posted.
 *
 *     coordinator ──post──► shared queue ──► any worker ──► done list ──wake──► coordinator
 *                 └─pin──► a worker's own queue ─┘
 *
 * A task carries everything that its worker needs, and its result. The coordinator owns it before
 * it is posted and after pool_take_done gave it back.
 */
#ifndef RUN_POOL_H
#define RUN_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "io/source.h"
#include "script/host.h"
#include "script/stage_run.h"

enum task_kind {
    TASK_CREATE, /**< pinned: make the host */
    TASK_RENEW,  /**< pinned: a fresh Lua state */
    TASK_BLOCK,  /**< run a source's block */
    TASK_SEAL,   /**< pinned: make the worker's part of a stage ready */
    TASK_SHARD   /**< run a stage's shard */
};

struct task {
    struct task *next;
    enum task_kind kind;
    uint32_t worker;           /**< that did it */
    struct source_block block; /**< TASK_BLOCK */
    struct source_done done;   /**< TASK_BLOCK, out */
    struct stage_task stage;   /**< TASK_SEAL (stage only), TASK_SHARD */
    int rc;                    /**< out */
    struct error error;        /**< out */
};

/** An epoch as workers see it: they begin it when they take their first task of it. */
struct pool_epoch {
    uint64_t attempt; /**< changes whenever an epoch begins, or begins again */
    struct host_epoch epoch;
};

struct pool;

struct pool_worker {
    struct pool *pool;
    uint32_t index;
    pthread_t thread;
    struct host *host;   /**< the worker's; the coordinator reads it while the worker is idle */
    uint64_t attempt;    /**< of the epoch that the host has begun */
    struct task *pinned; /**< oldest first */
    bool is_lost; /**< a deadline stopped its Lua state: pinned tasks only, until TASK_RENEW */
};

struct pool {
    struct host_options host_options;
    struct pool_worker *workers;
    uint32_t worker_count;
    pthread_mutex_t lock; /**< over what follows, and the pinned queues */
    pthread_cond_t wake;
    struct task *head; /**< shared queue, oldest first */
    struct task *tail;
    struct task *done; /**< newest first */
    uint32_t running; /**< tasks that workers do now */
    struct pool_epoch epoch;
    bool stopping;
    void (*notify)(void *context); /**< called by a worker when the done list has something new */
    void *context;
};

/** Start the threads; they have no hosts yet: post TASK_CREATE to each. */
void pool_open(struct pool *p, const struct host_options *options, uint32_t worker_count,
               void (*notify)(void *context), void *context);
/** Tasks that wait are not begun any more. @return whether one runs still: its end is notified */
bool pool_stop(struct pool *p);
/** Stop the threads when their running tasks end; tasks that wait are dropped. */
void pool_close(struct pool *p);

/** From now on tasks belong to this epoch. No task may be out. */
void pool_begin_epoch(struct pool *p, const struct pool_epoch *epoch);

/** @return a task, zeroed. @owns the caller until it is posted */
struct task *pool_task(enum task_kind kind);
void pool_task_free(struct task *t);
void pool_post(struct pool *p, struct task *t);
void pool_pin(struct pool *p, uint32_t worker, struct task *t);

/** All finished tasks since the last call, oldest first; the caller frees them. */
struct task *pool_take_done(struct pool *p);

/** Stop what runs now: nobody wants its results any more. Its tasks end with MILL_ESTOPPED as soon
 * as they run a function of the script's. */
void pool_hurry(struct pool *p);

/** Take back the tasks that no worker has begun. @return how many; they are freed */
uint32_t pool_cancel(struct pool *p);

#endif

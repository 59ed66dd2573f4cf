/*
 * The watchdog: stops a user's function that runs past its deadline, compiled or not.
 *
 * LuaJIT's compiled loops look at no hooks. But a state whose line profiling is on has a test in
 * every trace that leaves it when a hook is set; so each watched state has line profiling on from
 * the start, and on expiry the watchdog's thread sets a hook and starts the profiler's timer
 * once: the loop ends within a few ms. The hook stays armed, so a pcall in the script cannot
 * swallow the error. It costs a test at each change of line in a trace, which is why generated
 * code is one line (docs/internals/compiler.md has the measurements).
 *
 * It stops a call in the same way when the state's heap is over its limit (watchdog_hurry). But
 * while after a deadline the whole epoch runs again, after this the call goes on with the record
 * that it had; so what the generated loop does with what a function returned must not be torn
 * apart. Such a call is stopped inside a function of the script, or where the loop has done nothing
 * yet with a record or element (MILL_READING), and nowhere else.
 *
 * What it looks at is struct mill_control: a deadline is per record, so it expires when call, i and
 * j have not changed for that long. A C function that does not return (a catastrophic pattern)
 * cannot be stopped this way: then on_stuck is called, which ends the process.
 *
 * One per process, because LuaJIT has one profiler. @thread any
 */
#ifndef SCRIPT_WATCHDOG_H
#define SCRIPT_WATCHDOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "base/ffi.h"

enum watch_state {
    WATCH_IDLE,
    WATCH_ACTIVE, /**< the owner is inside a call */
    WATCH_EXPIRED /**< the watchdog has stopped the call, or is about to */
};

/** One watched state. Lives in its owner; registered while the state lives. */
struct watch {
    lua_State *L;
    const struct mill_control *control;
    int nothing_ref;          /**< a function that does nothing, for the hook */
    atomic_llong deadline_us; /**< may change between two calls: watch_allow */
    atomic_int state;         /**< enum watch_state */
    atomic_bool hurry;        /**< stop the call, whatever the deadline */
    atomic_bool for_memory;   /**< it was stopped for that, and its deadline has not passed */
    struct mill_control late; /**< what it was stopped for, when it is not for memory */
    bool has_stopped;         /**< the hook's: it has raised an error... */
    struct mill_control at;   /**< ...here */
    struct watch *next;       /**< the watchdog's list */
    struct mill_control seen; /**< the watchdog's: what it saw last */
    int64_t since_us;         /**< the watchdog's: since when it has not changed */
};

typedef void (*watchdog_stuck_fn)(void *context, const struct watch *w);

/** Start the thread, when the first state is watched. */
void watchdog_start(watchdog_stuck_fn on_stuck, void *context);
/** Stop it; no state may be watched. */
void watchdog_stop(void);

/** Turn line profiling on in a fresh state, before any code is compiled; and watch it. */
void watchdog_add(struct watch *w, lua_State *L, const struct mill_control *control,
                  int64_t deadline_ms);
/** Before the state is closed. @thread the state's owner */
void watchdog_remove(struct watch *w);

/** Another deadline from the next call on. @thread the state's owner, outside of a call */
static inline void watch_allow(struct watch *w, int64_t deadline_ms)
{
    atomic_store_explicit(&w->deadline_us, deadline_ms * 1000, memory_order_relaxed);
}

/** Around a call into Lua. @thread the state's owner */
static inline void watch_enter(struct watch *w)
{
    atomic_store_explicit(&w->hurry, false, memory_order_relaxed);
    atomic_store_explicit(&w->state, WATCH_ACTIVE, memory_order_release);
}

/** An expired watch stays expired: the state is lost, or the call ended on its own just then and
 * watchdog_forgive makes it as before. */
static inline void watch_leave(struct watch *w)
{
    int active = WATCH_ACTIVE;
    atomic_compare_exchange_strong(&w->state, &active, WATCH_IDLE);
}

static inline bool watch_expired(const struct watch *w)
{
    return atomic_load_explicit(&w->state, memory_order_acquire) == WATCH_EXPIRED;
}

/** An expired watch: whether the call can go on with the record that it had. */
static inline bool watch_expired_for_memory(const struct watch *w)
{
    return watch_expired(w) && atomic_load_explicit(&w->for_memory, memory_order_acquire);
}

/** Whether what the call does now is what the watch has expired for. Between the watchdog's look
 * and the stop that may have ended, and what runs then is not to blame. @thread the owner */
bool watchdog_is_due(const struct watch *w);

/** Whether it is to be blamed for its deadline. @thread the owner */
static inline bool watch_is_late(const struct watch *w)
{
    return watchdog_is_due(w) && !watch_expired_for_memory(w);
}

/** Stop the running call as soon as possible: its heap is over the limit. @thread the owner, from
 * inside the call */
void watchdog_hurry(struct watch *w);

/** The call ended well although the watch has expired meanwhile: disarm. @thread the owner */
void watchdog_forgive(struct watch *w);

#endif

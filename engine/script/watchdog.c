#include "script/watchdog.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>
#include <luajit.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"

#define POLL_MS 20
/* Of a longer pause between two looks the rest is nobody's: the process was stopped, or the machine
 * slept. */
#define PAUSE_US ((int64_t)5 * POLL_MS * 1000)
/* A C function that has not returned this long after it was told to will not. */
#define STUCK_US ((int64_t)10 * 1000 * 1000)

/* LuaJIT has one profiler for the process, so there is one of these. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool running;
    bool stopping;
    lua_State *owner;                     /* owns the profiler while no state is being stopped */
    _Atomic(struct watch *) stopping_one; /* owns it meanwhile */
    struct watch *watches;
    int64_t looked_us; /* the thread's */
    watchdog_stuck_fn on_stuck;
    void *context;
} dog = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static void ignore_sample(void *data, lua_State *L, int samples, int vm_state)
{
    (void)data;
    (void)L;
    (void)samples;
    (void)vm_state;
}

/* A timer that never fires in practice; owning the profiler is what matters. */
static void own_profiler(void)
{
    luaJIT_profile_start(dog.owner, "i1000000000", ignore_sample, NULL);
}

/* Whether a function of the script's runs, itself or in what it called. */
static bool in_script(lua_State *L)
{
    lua_Debug frame;
    for (int level = 0; lua_getstack(L, level, &frame) != 0; level++) {
        lua_getinfo(L, "S", &frame);
        if (*frame.what != 'C' && !text_starts_with(frame.source, "=tidemill.") &&
            !text_starts_with(frame.source, "=segment")) {
            return true;
        }
    }
    return false;
}

static bool moved(const struct mill_control *seen, const struct mill_control *now)
{
    return now->call != seen->call || now->i != seen->i ||
           memcmp(now->j, seen->j, sizeof now->j) != 0;
}

/* The words are written meanwhile, by plain stores of the compiled loop: no lock or atomic of C
 * reaches those. Each is read whole; words of two moments only say that the loop has moved, which
 * it has. ThreadSanitizer sees no loop, only the stores of C around it, and is told to look away.
 */
__attribute__((no_sanitize("thread"))) static void read_control(const struct watch *w,
                                                                struct mill_control *now)
{
    const struct mill_control *c = w->control;
    now->call = __atomic_load_n(&c->call, __ATOMIC_RELAXED);
    now->i = __atomic_load_n(&c->i, __ATOMIC_RELAXED);
    for (int d = 0; d < 4; d++) {
        now->j[d] = __atomic_load_n(&c->j[d], __ATOMIC_RELAXED);
    }
}

bool watchdog_is_due(const struct watch *w)
{
    if (watch_expired_for_memory(w)) {
        return atomic_load_explicit(&w->hurry, memory_order_relaxed);
    }
    return watch_expired(w) && !moved(&w->late, w->control);
}

/* A pcall in the script may have caught the error, and be the last thing that its function did. */
static bool has_stopped_here(const struct watch *w)
{
    return w->has_stopped && w->control->op == w->at.op && !moved(&w->at, w->control);
}

/* Under the lock. */
static void disarm(struct watch *w)
{
    if (dog.stopping_one == w) {
        luaJIT_profile_stop(w->L);
        own_profiler();
        dog.stopping_one = NULL;
    }
    lua_sethook(w->L, NULL, 0, 0);
}

/* As if the watch had not expired. */
static void rearm(struct watch *w, enum watch_state state)
{
    pthread_mutex_lock(&dog.lock);
    disarm(w);
    luaJIT_profile_start(w->L, "l", ignore_sample, NULL);
    w->since_us = clock_elapsed_us();
    atomic_store_explicit(&w->state, state, memory_order_release);
    pthread_mutex_unlock(&dog.lock);
}

static int nothing(lua_State *L)
{
    (void)L;
    return 0;
}

/* A trace that was being recorded when the hook was set is given up at the next call: not before
 * its traces go, or LuaJIT writes to one that is gone. */
static void settle(lua_State *L, const struct watch *w)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, w->nothing_ref);
    lua_call(L, 0, 0);
}

/* The hook: it raises at every instruction until its owner is gone. */
static void stop(lua_State *L, lua_Debug *frame)
{
    (void)frame;
    struct watch *w = dog.stopping_one;
    if (!watchdog_is_due(w)) {
        settle(L, w);
        rearm(w, WATCH_ACTIVE);
        return;
    }
    if (watch_expired_for_memory(w) && (w->control->op & MILL_READING) == 0 &&
        !has_stopped_here(w) && !in_script(L)) {
        return;
    }
    w->has_stopped = true;
    w->at = *w->control;
    luaL_error(L, "stopped");
}

static void expire(struct watch *w, bool for_memory)
{
    if (dog.stopping_one != NULL) {
        return; /* one at a time; this one's turn comes when that one is removed */
    }
    w->late = w->seen;
    atomic_store_explicit(&w->for_memory, for_memory, memory_order_release);
    int active = WATCH_ACTIVE;
    if (!atomic_compare_exchange_strong(&w->state, &active, WATCH_EXPIRED)) {
        return; /* it ended just now */
    }
    w->has_stopped = false;
    dog.stopping_one = w;
    lua_sethook(w->L, stop, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
    luaJIT_profile_stop(dog.owner);
    luaJIT_profile_start(w->L, "i2", ignore_sample, NULL);
}

static void look_at(struct watch *w, int64_t now_us)
{
    if (atomic_load_explicit(&w->state, memory_order_acquire) == WATCH_IDLE) {
        w->since_us = now_us;
        return;
    }
    struct mill_control now = {0};
    read_control(w, &now);
    if (moved(&w->seen, &now)) {
        w->seen = now;
        w->since_us = now_us;
    }
    int64_t still_us = now_us - w->since_us;
    int64_t deadline_us = atomic_load_explicit(&w->deadline_us, memory_order_relaxed);
    bool is_late = still_us > deadline_us;
    if (watch_expired(w)) {
        if (is_late && watch_expired_for_memory(w)) {
            w->late = now;
            atomic_store_explicit(&w->for_memory, false, memory_order_release);
        }
        if (still_us > deadline_us + STUCK_US && dog.on_stuck != NULL) {
            dog.on_stuck(dog.context, w);
        }
    } else if (is_late || atomic_load_explicit(&w->hurry, memory_order_relaxed)) {
        expire(w, !is_late);
    }
}

static void look_at_all(int64_t now_us)
{
    int64_t pause_us = now_us - dog.looked_us;
    int64_t lost_us = pause_us > PAUSE_US ? pause_us - PAUSE_US : 0;
    dog.looked_us = now_us;
    for (struct watch *w = dog.watches; w != NULL; w = w->next) {
        w->since_us += lost_us;
        look_at(w, now_us);
    }
}

static void *run(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&dog.lock);
    dog.looked_us = clock_elapsed_us();
    while (!dog.stopping) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += POLL_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000L;
        }
        pthread_cond_clockwait(&dog.wake, &dog.lock, CLOCK_MONOTONIC, &until);
        look_at_all(clock_elapsed_us());
    }
    pthread_mutex_unlock(&dog.lock);
    return NULL;
}

void watchdog_start(watchdog_stuck_fn on_stuck, void *context)
{
    pthread_mutex_lock(&dog.lock);
    check(!dog.running);
    /* What LuaJIT puts back when its timer stops: a last signal on its way must not end us. */
    signal(SIGPROF, SIG_IGN);
    dog.on_stuck = on_stuck;
    dog.context = context;
    dog.stopping = false;
    dog.owner = luaL_newstate();
    check(dog.owner != NULL);
    own_profiler();
    int rc = pthread_create(&dog.thread, NULL, run, NULL);
    check(rc == 0);
    dog.running = true;
    pthread_mutex_unlock(&dog.lock);
}

void watchdog_stop(void)
{
    pthread_mutex_lock(&dog.lock);
    check(dog.running && dog.watches == NULL);
    dog.stopping = true;
    pthread_cond_signal(&dog.wake);
    pthread_mutex_unlock(&dog.lock);
    pthread_join(dog.thread, NULL);
    luaJIT_profile_stop(dog.owner);
    lua_close(dog.owner);
    dog.owner = NULL;
    dog.running = false;
}

void watchdog_add(struct watch *w, lua_State *L, const struct mill_control *control,
                  int64_t deadline_ms)
{
    *w = (struct watch){.L = L, .control = control};
    atomic_init(&w->deadline_us, deadline_ms * 1000);
    atomic_init(&w->state, WATCH_IDLE);
    atomic_init(&w->hurry, false);
    atomic_init(&w->for_memory, false);
    lua_pushcfunction(L, nothing);
    w->nothing_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    pthread_mutex_lock(&dog.lock);
    check(dog.running);
    /* The profiler is taken, so this only marks the state: its traces get the test. */
    luaJIT_profile_start(L, "l", ignore_sample, NULL);
    w->since_us = clock_elapsed_us();
    w->next = dog.watches;
    dog.watches = w;
    pthread_mutex_unlock(&dog.lock);
}

void watchdog_hurry(struct watch *w)
{
    atomic_store_explicit(&w->hurry, true, memory_order_relaxed);
    pthread_cond_signal(&dog.wake);
}

void watchdog_remove(struct watch *w)
{
    pthread_mutex_lock(&dog.lock);
    struct watch **at = &dog.watches;
    while (*at != w) {
        check(*at != NULL);
        at = &(*at)->next;
    }
    *at = w->next;
    disarm(w);
    pthread_mutex_unlock(&dog.lock);
}

void watchdog_forgive(struct watch *w)
{
    rearm(w, WATCH_IDLE);
}

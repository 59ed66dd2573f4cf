#include "script/segment.h"

#include <string.h>

#include <lauxlib.h>

#include "base/check.h"
#include "script/dead_letter.h"
#include "script/host_lua.h"

/* Writing a value is the engine's work: a record's deadline may be too short for it. */
#define SEAL_US ((int64_t)LIMIT_DEADLINE_MS_DEFAULT * 1000)

const char segment_skipped;
const char segment_late;

enum outcome { OUTCOME_DONE, OUTCOME_YIELD, OUTCOME_ERROR };

/* The result is on the Lua stack only as long as nothing else is called: it is read at once. */
static enum outcome call(struct host *h, int ref, int *rc)
{
    lua_State *L = h->lua.L;
    heap_lift(&h->lua.heap); /* outside of a pcall nothing may fail */
    lua_settop(L, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, h->traceback_ref);
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    heap_lower(&h->lua.heap);
    watch_enter(&h->watch);
    /* What watch_enter has just taken back of a host_stop. It writes, so that either this sees the
     * stop or the stop comes behind it. */
    if (atomic_fetch_or(&h->is_unwanted, 0) != 0) {
        watchdog_hurry(&h->watch);
    }
    *rc = lua_pcall(L, 0, 1, 1);
    watch_leave(&h->watch);
    if (*rc != 0) {
        return OUTCOME_ERROR;
    }
    if (watch_expired(&h->watch)) {
        watchdog_forgive(&h->watch);
    }
    enum outcome outcome = lua_isnil(L, -1) ? OUTCOME_DONE : OUTCOME_YIELD;
    if (h->lua.heap.over) { /* the call ended first, or a pcall of the script's dealt with it */
        heap_forgive(&h->lua.heap);
        host_relieve_caches(h);
    }
    return outcome;
}

/* Go on behind the element that an operator at this depth had. */
static void advance(struct mill_control *c, uint32_t depth)
{
    if (depth == 0) {
        c->i++;
    } else {
        c->j[depth - 1]++;
    }
    c->depth = depth;
}

static int flush_tee(struct host *h, uint32_t tee, struct error *e)
{
    uint32_t count = h->tees[tee].count;
    if (count == 0) {
        return 0;
    }
    struct mill_control saved = h->control;
    int rc = 0;
    for (uint32_t s = 0; s < h->graph->segment_count && rc == 0; s++) {
        const struct graph_segment *segment = &h->graph->segments[s];
        if (segment->input == INPUT_TEE && segment->from == tee) {
            rc = segment_run(h, s, 0, count, e);
        }
    }
    uint64_t call_number = h->control.call;
    h->control = saved;
    h->control.call = call_number;
    h->tees[tee].count = 0;
    return rc;
}

/* Empty what the loop found full. */
static int make_room(struct host *h, uint32_t segment, struct error *e)
{
    const struct graph_segment *s = &h->graph->segments[segment];
    if (s->terminal == TERMINAL_TEE) {
        return flush_tee(h, s->to, e);
    }
    struct mill_control saved = h->control;
    int rc = host_relieve_tables(h, false, e);
    h->control = saved;
    return rc;
}

/* Remember which element it is, for when the epoch is run again. */
static int expire(struct host *h, uint32_t segment, const struct graph_place *at, struct error *e)
{
    dead_letter_mark(h, segment, &h->expired);
    return error_set(e, MILL_EDEADLINE, "%s: a call ran past its deadline",
                     dead_letter_label(h, at->operator_id));
}

static bool was_retried(const struct host *h)
{
    return h->retried_call == h->control.call && h->retried_i == h->control.i &&
           memcmp(h->retried_j, h->control.j, sizeof h->retried_j) == 0;
}

/* The lists that a failed call left. An element of a list needs the list to go on behind it. */
static void drop_lists(struct host *h, uint32_t segment, uint32_t depth)
{
    if (depth == 0) {
        host_lua_forget(h, "forget_lists", segment);
    }
}

/* A group that begins again has not changed its state yet. */
static void restore_state(struct host *h, const struct graph_segment *s,
                          const struct graph_place *at)
{
    if (s->input == INPUT_GROUPS && at->depth == 0) {
        h->groups[h->control.i].changed &= ~GROUP_CHANGED;
    }
}

/* Values that are cached go back to where they can be read again; then the element gets another
 * chance, with the whole heap for itself. */
static int retry_with_memory(struct host *h, uint32_t segment, const struct graph_place *at,
                             struct error *e)
{
    const struct graph_segment *s = &h->graph->segments[segment];
    if (at->doing == DOING_OPERATOR && at->operator_id == graph_terminal_operator(h->graph, s)) {
        h->counters[at->operator_id].elements--; /* it will arrive there once more */
    }
    h->retried_call = h->control.call;
    h->retried_i = h->control.i;
    memcpy(h->retried_j, h->control.j, sizeof h->retried_j);
    restore_state(h, s, at);
    struct mill_control saved = h->control;
    lua_settop(h->lua.L, 0);
    int rc = host_relieve_tables(h, true, e);
    drop_lists(h, segment, at->depth);
    host_relieve_caches(h);
    h->control = saved;
    h->control.depth = at->depth;
    return rc;
}

/* @return 0, or why no more is called */
static int check_goes_on(struct host *h, struct error *e)
{
    if (h->fatal.code != 0) {
        *e = h->fatal;
        return e->code;
    }
    if (host_is_stopped(h)) {
        watchdog_forgive(&h->watch);
        return error_set(e, MILL_ESTOPPED, "stopped");
    }
    return 0;
}

/* @return 0 to go on with the loop */
static int on_error(struct host *h, uint32_t segment, int lua_rc, struct error *e)
{
    int rc = check_goes_on(h, e);
    if (rc != 0) {
        return rc;
    }
    lua_State *L = h->lua.L;
    const struct graph_place at =
        graph_place_of(h->graph, &h->graph->segments[segment], &h->control);
    bool no_memory = lua_rc == LUA_ERRMEM || h->lua.heap.over;
    heap_forgive(&h->lua.heap);
    if (watch_is_late(&h->watch)) {
        return expire(h, segment, &at, e);
    }
    if (watch_expired(&h->watch)) {
        watchdog_forgive(&h->watch);
    }
    if (host_write_error(h, e) != 0) {
        return e->code;
    }
    if (no_memory && !was_retried(h)) {
        return retry_with_memory(h, segment, &at, e);
    }
    if (lua_touserdata(L, -1) == (const void *)&segment_late) {
        rc = dead_letter_of_late(h, segment, e);
        advance(&h->control, at.depth);
        return rc;
    }
    heap_lift(&h->lua.heap);
    const char *message = lua_tostring(L, -1);
    if (lua_touserdata(L, -1) == (const void *)&segment_skipped) {
        message = "ran past its deadline";
    } else if (no_memory) {
        message = "needs more memory than memory_max allows";
    }
    rc = dead_letter_of_segment(h, segment, message == NULL ? "unknown error" : message, e);
    heap_lower(&h->lua.heap);
    if (no_memory) { /* what the call left must not be held against the next record */
        struct mill_control saved = h->control;
        lua_settop(L, 0);
        drop_lists(h, segment, at.depth);
        host_relieve_caches(h);
        h->control = saved;
    }
    advance(&h->control, at.depth);
    return rc;
}

static int ref_of(struct host *h, uint32_t segment)
{
    if (!h->checked) {
        return h->segment_refs[segment];
    }
    if (h->checked_refs[segment] == LUA_NOREF) {
        lua_State *L = h->lua.L;
        lua_settop(L, 0);
        lua_rawgeti(L, LUA_REGISTRYINDEX, h->linked_ref);
        lua_getfield(L, -1, "checked");
        lua_pushnumber(L, segment + 1);
        heap_lift(&h->lua.heap);
        int rc = lua_pcall(L, 1, 1, 0);
        heap_lower(&h->lua.heap);
        check(rc == 0);
        h->checked_refs[segment] = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    return h->checked_refs[segment];
}

int segment_run(struct host *h, uint32_t segment, uint32_t from, uint32_t to, struct error *e)
{
    const struct graph_segment *s = &h->graph->segments[segment];
    int ref = ref_of(h, segment);
    check(ref != LUA_NOREF);
    h->control.i = from;
    h->control.n = to;
    h->control.depth = 0;
    h->control.call++;
    int rc = 0;
    while (rc == 0 && h->control.i < to) {
        int lua_rc = 0;
        h->control.op = 0;
        enum outcome outcome = call(h, ref, &lua_rc);
        if (outcome == OUTCOME_DONE) {
            break;
        }
        if (outcome == OUTCOME_YIELD) {
            rc = make_room(h, segment, e);
            advance(&h->control, s->depth);
        } else {
            rc = on_error(h, segment, lua_rc, e);
        }
    }
    if (rc == 0 && s->terminal == TERMINAL_TEE) {
        rc = flush_tee(h, s->to, e);
    }
    return rc;
}

int segment_seal(struct host *h, uint32_t stage, struct error *e)
{
    struct mill_control saved = h->control;
    struct mill_control *c = &h->control;
    c->i = 0;
    c->n = h->tables[stage].touched_count;
    c->op = h->graph->stages[stage].operator_id;
    c->call++;
    int rc = 0;
    int64_t deadline_us = h->watch.deadline_us;
    h->watch.deadline_us = deadline_us > SEAL_US ? deadline_us : SEAL_US;
    while (rc == 0 && c->i < c->n) {
        int lua_rc = 0;
        if (call(h, h->seal_refs[stage], &lua_rc) == OUTCOME_DONE) {
            break;
        }
        rc = check_goes_on(h, e);
        if (rc != 0) {
            break;
        }
        const char *message = lua_tostring(h->lua.L, -1);
        if (watchdog_is_due(&h->watch)) {
            message = "takes too long to be kept";
        }
        if (watch_expired(&h->watch)) {
            watchdog_forgive(&h->watch);
        }
        heap_forgive(&h->lua.heap);
        rc = dead_letter_of_slot(h, stage, h->tables[stage].touched[c->i],
                                 message == NULL ? "cannot be kept" : message, e);
        c->i++;
    }
    h->watch.deadline_us = deadline_us;
    uint64_t call_number = c->call;
    *c = saved;
    c->call = call_number;
    return rc;
}

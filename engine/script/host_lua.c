#include "script/host_lua.h"

#include <lauxlib.h>

#include "base/check.h"
#include "data/json.h"
#include "script/segment.h"
#include "script/values.h"

static void *point(const void *p)
{
    union {
        const void *in;
        void *out;
    } both = {.in = p};
    return both.out;
}

static void set_pointer(lua_State *L, const char *field, const void *p)
{
    lua_pushlightuserdata(L, point(p));
    lua_setfield(L, -2, field);
}

/* A list of pointers to the elements of an array. */
static void set_pointers(lua_State *L, const char *field, const void *array, size_t size,
                         uint32_t count)
{
    lua_createtable(L, (int)count, 0);
    for (uint32_t i = 0; i < count; i++) {
        lua_pushlightuserdata(L, point((const char *)array + i * size));
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, field);
}

static int unpack_arg(lua_State *L)
{
    const struct host *h = lua_touserdata(L, lua_upvalueindex(1));
    struct slice bytes = {h->control.arg_ptr, h->control.arg_len};
    if (values_push_msgpack(L, bytes, NULL) != 0) {
        return luaL_error(L, "a stored value is damaged");
    }
    return 1;
}

static int read_key(lua_State *L)
{
    const struct host *h = lua_touserdata(L, lua_upvalueindex(1));
    struct slice bytes = {h->control.arg_ptr, h->control.arg_len};
    if (values_push_key(L, bytes) != 0) {
        return luaL_error(L, "a stored key is damaged");
    }
    return 1;
}

/* The key of the group whose state, or of the slot whose running value is written. */
static void add_key(const struct host *h, const struct table *t, struct buffer *into)
{
    uint32_t i = h->control.i;
    if (t != NULL) {
        const struct keyset_key *key = &t->keys.keys[t->touched[i]];
        uint32_t head = t->panes == TABLE_KEYS ? 0 : PANE_HEAD_BYTES;
        (void)!json_add_key(into, key->bytes + head, key->size - head);
    } else {
        (void)!json_add_key(into, h->groups[i].key, h->groups[i].key_len);
    }
}

/* What is to be kept holds a view: refuse_view(where[, stage of the table]). The job ends. */
static int refuse_view(lua_State *L)
{
    struct host *h = lua_touserdata(L, lua_upvalueindex(1));
    const struct table *t =
        lua_isnil(L, 2) || lua_isnone(L, 2) ? NULL : &h->tables[lua_tointeger(L, 2) - 1];
    const struct graph_operator *o = &h->graph->operators[h->control.op];
    struct buffer key;
    buffer_init(&key, (size_t)LIMIT_KEY_BYTES_MAX * 7);
    add_key(h, t, &key);
    error_set(&h->fatal, MILL_EFAILED, "%s: key %.*s: %s is a view; store mill.copy(e)",
              o->name != NULL ? o->name : o->label, (int)key.size, key.data, lua_tostring(L, 1));
    buffer_deinit(&key);
    return luaL_error(L, "%s", h->fatal.message);
}

static void push_host(lua_State *L, struct host *h)
{
    const struct graph *g = h->graph;
    lua_createtable(L, 0, 20);
    set_pointer(L, "control", &h->control);
    set_pointer(L, "counters", h->counters);
    set_pointer(L, "heads", h->heads);
    set_pointer(L, "input", &h->input);
    set_pointer(L, "key", &h->key);
    set_pointer(L, "value", &h->value);
    set_pointer(L, "arena", &h->arena);
    set_pointer(L, "lives", &h->lives);
    if (h->sides.rows != NULL) {
        set_pointer(L, "sides", h->sides.rows);
        lua_pushinteger(L, (lua_Integer)g->side_count);
        lua_setfield(L, -2, "side_count");
    }
    set_pointer(L, "skipped", &segment_skipped);
    set_pointer(L, "late", &segment_late);
    set_pointers(L, "events", h->events, sizeof *h->events, g->event_count);
    set_pointers(L, "splitters", h->splitters, sizeof *h->splitters, g->splitter_count);
    set_pointers(L, "tables", h->tables, sizeof *h->tables, g->stage_count);
    set_pointers(L, "shuffles", h->shuffles, sizeof *h->shuffles, g->stage_count);
    set_pointers(L, "tops", h->tops, sizeof *h->tops, g->stage_count);
    set_pointers(L, "rows", h->rows, sizeof *h->rows, g->output_count);
    lua_createtable(L, (int)g->source_count, 0);
    for (uint32_t i = 0; i < g->source_count; i++) {
        lua_pushlightuserdata(L, h->chunks[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "records");
    set_pointers(L, "tees", h->tees, sizeof *h->tees, g->tee_count);
    if (h->options.capture) {
        lua_pushliteral(L, "json");
        lua_setfield(L, -2, "format");
    }
    lua_pushlightuserdata(L, h);
    lua_pushcclosure(L, unpack_arg, 1);
    lua_setfield(L, -2, "unpack");
    lua_pushlightuserdata(L, h);
    lua_pushcclosure(L, refuse_view, 1);
    lua_setfield(L, -2, "refuse_view");
    lua_pushlightuserdata(L, h);
    lua_pushcclosure(L, read_key, 1);
    lua_setfield(L, -2, "read_key");
}

/* Takes a list of functions on top of the stack into the registry; false stays LUA_NOREF. */
static void ref_functions(lua_State *L, const char *field, int *refs, uint32_t count)
{
    lua_getfield(L, -1, field);
    for (uint32_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        if (lua_isfunction(L, -1)) {
            refs[i] = luaL_ref(L, LUA_REGISTRYINDEX);
        } else {
            refs[i] = LUA_NOREF;
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

/* The plan is on top of the stack, and stays there. */
static int start_tracing(struct host *h, struct error *e)
{
    int rc = script_push(&h->lua, "tidemill.tracing", "start", e);
    if (rc != 0) {
        return rc;
    }
    lua_pushvalue(h->lua.L, -2);
    return script_call(&h->lua, 1, 0, e);
}

int host_trace_report(struct host *h, struct buffer *into, struct error *e)
{
    int rc = script_push(&h->lua, "tidemill.tracing", "report", e);
    rc = rc == 0 ? script_call(&h->lua, 0, 1, e) : rc;
    if (rc == 0) {
        size_t size = 0;
        const char *text = lua_tolstring(h->lua.L, -1, &size);
        rc = buffer_append(into, text, size);
        lua_pop(h->lua.L, 1);
    }
    return rc;
}

static int link_segments(struct host *h, struct error *e)
{
    lua_State *L = h->lua.L;
    int rc = script_push(&h->lua, "tidemill.script", "plan", e);
    if (rc != 0) {
        return rc;
    }
    heap_lift(&h->lua.heap);
    source_text_push(L, h->options.source);
    set_pointer(L, "control", &h->control);
    heap_lower(&h->lua.heap);
    rc = script_call(&h->lua, 1, 1, e);
    if (rc != 0) {
        return rc;
    }
    rc = h->options.trace ? start_tracing(h, e) : 0;
    rc = rc == 0 ? script_push(&h->lua, "tidemill.segments", "link", e) : rc;
    if (rc != 0) {
        return rc;
    }
    lua_insert(L, -2);
    heap_lift(&h->lua.heap);
    push_host(L, h);
    heap_lower(&h->lua.heap);
    rc = script_call(&h->lua, 2, 1, e);
    if (rc != 0) {
        return rc;
    }
    heap_lift(&h->lua.heap);
    ref_functions(L, "segments", h->segment_refs, h->graph->segment_count);
    ref_functions(L, "seals", h->seal_refs, h->graph->stage_count);
    for (uint32_t i = 0; i < h->graph->segment_count; i++) {
        h->checked_refs[i] = LUA_NOREF;
    }
    h->linked_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushcfunction(L, script_traceback);
    h->traceback_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    heap_lower(&h->lua.heap);
    return 0;
}

static void stop_call(void *context)
{
    watchdog_hurry(context);
}

/* The script ran; it may have been told to stop in the meantime, without being stopped. */
static int end_of_loading(struct host *h, int rc, struct error *e)
{
    bool is_over = h->lua.heap.over;
    bool is_late = watch_is_late(&h->watch);
    if (watch_expired(&h->watch)) {
        watchdog_forgive(&h->watch);
    }
    heap_forgive(&h->lua.heap);
    if (rc != 0 && (is_late || is_over)) {
        return error_set(e, MILL_ESCRIPT, "the script %s",
                         is_over ? "needs more memory than memory_max allows"
                                 : "takes longer to load than a function may take");
    }
    return rc;
}

int host_lua_open(struct host *h, struct error *e)
{
    struct lua_options options = {
        .modules = h->options.modules,
        .memory_max = h->graph->options.memory_max,
        .jit_off = h->options.jit_off,
    };
    int rc = script_state_open(&h->lua, &options, e);
    if (rc != 0) {
        return rc;
    }
    /* A deadline for records may be much too short for a script. */
    watchdog_add(&h->watch, h->lua.L, &h->control, LIMIT_DEADLINE_MS_DEFAULT);
    h->lua.heap.on_over = stop_call;
    h->lua.heap.context = &h->watch;
    watch_enter(&h->watch);
    rc = link_segments(h, e);
    watch_leave(&h->watch);
    h->watch.deadline_us = h->graph->options.deadline_ms * 1000;
    return end_of_loading(h, rc, e);
}

void host_lua_close(struct host *h)
{
    if (h->lua.L != NULL) {
        watchdog_remove(&h->watch);
        script_state_close(&h->lua);
    }
}

int host_renew(struct host *h, struct error *e)
{
    host_lua_close(h);
    for (uint32_t i = 0; i < h->graph->splitter_count; i++) {
        splitter_clear(&h->splitters[i]);
    }
    return host_lua_open(h, e);
}

/* The caches in the Lua heap must not outlive what they point to. */
void host_lua_forget(struct host *h, const char *function, uint32_t index)
{
    lua_State *L = h->lua.L;
    heap_lift(&h->lua.heap);
    lua_rawgeti(L, LUA_REGISTRYINDEX, h->linked_ref);
    lua_getfield(L, -1, function);
    lua_pushnumber(L, index + 1);
    int rc = lua_pcall(L, 1, 0, 0);
    check(rc == 0);
    lua_pop(L, 1);
    heap_lower(&h->lua.heap);
}

#include "run/command.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/hash.h"
#include "base/memory.h"
#include "data/key.h"
#include "run/control.h"
#include "run/runner.h"
#include "run/standard_output.h"
#include "run/status.h"
#include "script/plan_read.h"

#define LAUNCH "tidemill.launch"

struct launch {
    const struct embedded_module *modules;
    struct source_text source;
    struct arena arena;
    struct graph graph;
    struct buffer key;
    struct buffer value;
    struct runner_queue *queues;     /* by source */
    struct runner_initial *initials; /* by stage */
    struct choices choices;
    struct runner *runner; /* between open and close, or while it runs */
    lua_State *L;          /* during a step: where rows are appended */
    struct status status;
};

static struct launch *check_launch(lua_State *L)
{
    return luaL_checkudata(L, 1, LAUNCH);
}

/* --- the script
 * ----------------------------------------------------------------------------------- */

static struct slice get_slice(lua_State *L, int index, const char *field)
{
    lua_getfield(L, index, field);
    struct slice s = {NULL, 0};
    s.data = lua_tolstring(L, -1, &s.size);
    lua_pop(L, 1); /* the table still holds it */
    return s;
}

static void read_pairs(lua_State *L, const char *field, struct named_texts *list)
{
    lua_getfield(L, 2, field);
    for (lua_pushnil(L); lua_istable(L, -2) && lua_next(L, -2) != 0; lua_pop(L, 1)) {
        size_t size = 0;
        const char *text = lua_tolstring(L, -1, &size);
        named_texts_add(list, lua_tostring(L, -2), NULL,
                        (struct slice){text == NULL ? "" : text, size});
    }
    lua_pop(L, lua_istable(L, -1) ? 1 : 0);
}

static void read_modules(lua_State *L, struct named_texts *list)
{
    lua_getfield(L, 2, "modules");
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        int module = lua_gettop(L);
        struct slice text = get_slice(L, module, "text");
        struct slice path = get_slice(L, module, "path");
        named_texts_add(list, lua_tostring(L, -2), path.data, text);
    }
    lua_pop(L, 1);
}

static int launch_new(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    const struct embedded_module *modules = lua_touserdata(L, lua_upvalueindex(1));
    struct launch *l = lua_newuserdata(L, sizeof *l);
    lua_insert(L, 1); /* launch, spec, description */
    *l = (struct launch){.modules = modules};
    arena_init(&l->arena);
    buffer_init(&l->key, LIMIT_KEY_BYTES_MAX);
    buffer_init(&l->value, (size_t)1 << 31);
    luaL_getmetatable(L, LAUNCH);
    lua_setmetatable(L, 1);
    source_text_init(&l->source, get_slice(L, 2, "path").data, get_slice(L, 2, "canonical").data,
                     get_slice(L, 2, "text"));
    read_modules(L, &l->source.modules);
    read_pairs(L, "args", &l->source.args);
    read_pairs(L, "overrides", &l->source.overrides);
    read_pairs(L, "allow", &l->source.allow);
    struct error e;
    lua_settop(L, 3);
    if (plan_read(L, &l->arena, &l->graph, &e) != 0) {
        return luaL_error(L, "%s", e.message);
    }
    l->queues = memory_zero(l->graph.source_count + 1, sizeof *l->queues);
    l->initials = memory_zero(l->graph.stage_count + 1, sizeof *l->initials);
    lua_settop(L, 1);
    return 1;
}

static int launch_gc(lua_State *L)
{
    struct launch *l = check_launch(L);
    if (l->runner != NULL) {
        runner_close(l->runner);
        memory_free(l->runner);
    }
    for (uint32_t i = 0; i < l->graph.source_count && l->queues != NULL; i++) {
        memory_free(l->queues[i].batches);
    }
    for (uint32_t i = 0; i < l->graph.stage_count && l->initials != NULL; i++) {
        memory_free(l->initials[i].items);
    }
    memory_free(l->queues);
    memory_free(l->initials);
    memory_free(l->choices.items);
    buffer_deinit(&l->key);
    buffer_deinit(&l->value);
    arena_deinit(&l->arena);
    source_text_deinit(&l->source);
    *l = (struct launch){0};
    return 0;
}

static int launch_key(lua_State *L)
{
    lua_pushlightuserdata(L, &check_launch(L)->key);
    return 1;
}

static int launch_value(lua_State *L)
{
    lua_pushlightuserdata(L, &check_launch(L)->value);
    return 1;
}

static int push_buffer(lua_State *L, const struct buffer *b)
{
    lua_pushlstring(L, b->data == NULL ? "" : b->data, b->size);
    return 1;
}

static int launch_key_text(lua_State *L)
{
    return push_buffer(L, &check_launch(L)->key);
}

static int launch_value_text(lua_State *L)
{
    return push_buffer(L, &check_launch(L)->value);
}

/* The first batch tells one queue from another; a list that grows keeps it. */
static const char *hash_text(struct arena *arena, const char *bytes, size_t size)
{
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, hash_bytes(bytes, size));
    return arena_copy(arena, text, sizeof text);
}

static int launch_add_batch(lua_State *L)
{
    struct launch *l = check_launch(L);
    uint32_t source = (uint32_t)luaL_checkinteger(L, 2) - 1;
    luaL_argcheck(L, source < l->graph.source_count, 2, "no such source");
    struct runner_queue *q = &l->queues[source];
    q->batches = memory_grow(q->batches, (q->count + 1) * sizeof *q->batches);
    char *bytes = arena_copy(&l->arena, l->value.data, l->value.size);
    if (q->count == 0 && l->graph.sources[source].kind == SOURCE_QUEUE) {
        uint32_t id = l->graph.sources[source].operator_id;
        l->graph.operators[id].content = hash_text(&l->arena, bytes, l->value.size);
    }
    q->batches[q->count++] = (struct slice){bytes, l->value.size};
    return 0;
}

static int launch_add_initial(lua_State *L)
{
    struct launch *l = check_launch(L);
    uint32_t stage = (uint32_t)luaL_checkinteger(L, 2) - 1;
    luaL_argcheck(L, stage < l->graph.stage_count, 2, "no such stage");
    struct runner_initial *list = &l->initials[stage];
    list->items = memory_grow(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = (struct stage_initial){
        .key = arena_copy(&l->arena, l->key.data, l->key.size),
        .key_size = (uint32_t)l->key.size,
        .key_group = (uint16_t)key_group_of(hash_key(l->key.data, l->key.size)),
        .value = arena_copy(&l->arena, l->value.data, l->value.size),
        .value_size = (uint32_t)l->value.size,
    };
    return 0;
}

static int compare_initials(const void *left, const void *right)
{
    const struct stage_initial *a = left;
    const struct stage_initial *b = right;
    if (a->key_group != b->key_group) {
        return a->key_group < b->key_group ? -1 : 1;
    }
    return key_compare(a->key, a->key_size, b->key, b->key_size);
}

/* --- running
 * ---------------------------------------------------------------------------------------- */

static int write_stdout(void *context, const void *bytes, size_t size, struct error *e)
{
    const struct launch *l = context;
    return standard_output_write(&l->runner->publisher, bytes, size, e);
}

static void on_epoch(void *context, const struct runner_report *report)
{
    struct launch *l = context;
    status_add(&l->status, l->runner, report);
}

static void on_tick(void *context)
{
    struct launch *l = context;
    status_show(&l->status, l->runner);
}

static bool get_flag(lua_State *L, const char *field)
{
    lua_getfield(L, 2, field);
    bool flag = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return flag;
}

/* A list of {option, name}. The table keeps the texts as long as the run lasts. */
static void read_choices(lua_State *L, struct choices *list)
{
    lua_getfield(L, 2, "choices");
    uint32_t count = lua_istable(L, -1) ? (uint32_t)lua_objlen(L, -1) : 0;
    list->items = memory_grow(list->items, (count + 1) * sizeof *list->items);
    list->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        enum choice_kind kind = choice_of_option(luaL_checkstring(L, -2));
        luaL_argcheck(L, kind < CHOICE_COUNT, 2, "no such choice");
        list->items[list->count++] = (struct choice){kind, luaL_checkstring(L, -1), false};
        lua_pop(L, 3);
    }
    lua_pop(L, 1);
}

static void read_options(lua_State *L, struct launch *l, struct runner_options *o)
{
    luaL_checktype(L, 2, LUA_TTABLE);
    read_choices(L, &l->choices);
    for (uint32_t i = 0; i < l->graph.stage_count; i++) {
        if (l->initials[i].count > 0) {
            qsort(l->initials[i].items, l->initials[i].count, sizeof(struct stage_initial),
                  compare_initials);
        }
    }
    *o = (struct runner_options){
        .modules = l->modules,
        .source = &l->source,
        .graph = &l->graph,
        .data_folder = get_slice(L, 2, "data").data,
        .queues = l->queues,
        .initials = l->initials,
        .choices = &l->choices,
        .once = get_flag(L, "once"),
        .fresh = get_flag(L, "fresh"),
        .keep_open = get_flag(L, "keep_open"),
        .cut_by_time = get_flag(L, "cut_by_time"),
        .virtual_clock = get_flag(L, "virtual_clock"),
        .jit_off = get_flag(L, "jit_off"),
        .capture = get_flag(L, "capture"),
        .queues_only = get_flag(L, "queues_only"),
        .trace = get_flag(L, "trace"),
        .on_epoch = on_epoch,
        .write_stdout = write_stdout,
        .context = l,
    };
}

static int launch_run(lua_State *L)
{
    struct launch *l = check_launch(L);
    struct runner_options options;
    struct error e = {0};
    read_options(L, l, &options);
    struct runner *r = memory_zero(1, sizeof *r);
    l->runner = r;
    status_open(&l->status, get_flag(L, "show_status"));
    options.on_tick = l->status.is_live ? on_tick : NULL;
    int rc = runner_open(r, &options, &e);
    rc = rc == 0 ? runner_run(r, &e) : rc;
    status_close(&l->status);
    if (rc == 0) {
        error_clear(&e);
        status_describe_end(r, &e);
    }
    runner_close(r);
    memory_free(r);
    l->runner = NULL;
    if (e.code == MILL_EPIPE && standard_output_ends_quietly()) {
        lua_pushinteger(L, standard_output_end_code());
        return 1;
    }
    lua_pushinteger(L, e.code == 0 ? 0 : error_exit_code(e.code));
    lua_pushstring(L, e.code == 0 ? NULL : e.message);
    return 2;
}

/* --- epoch by epoch
 * ------------------------------------------------------------------------------------ */

/* The step's result is on top of the stack: a list of rows' bytes by output, in pieces. */
static void take_rows(void *context, uint32_t output, uint64_t epoch, struct slice rows)
{
    struct launch *l = context;
    (void)epoch;
    lua_State *L = l->L;
    lua_rawgeti(L, -1, (int)output + 1);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushliteral(L, "");
    }
    lua_pushlstring(L, rows.data, rows.size);
    lua_concat(L, 2);
    lua_rawseti(L, -2, (int)output + 1);
}

static int launch_open(lua_State *L)
{
    struct launch *l = check_launch(L);
    luaL_argcheck(L, l->runner == NULL, 1, "is open");
    struct runner_options options;
    struct error e = {0};
    read_options(L, l, &options);
    options.on_rows = take_rows;
    options.on_epoch = NULL;
    l->runner = memory_zero(1, sizeof *l->runner);
    if (runner_open(l->runner, &options, &e) != 0) {
        runner_close(l->runner);
        memory_free(l->runner);
        l->runner = NULL;
        return luaL_error(L, "%s", e.message);
    }
    return 0;
}

/* -> rows by output (the last is the dead letters), batch time; or nil and a message */
static int launch_step(lua_State *L)
{
    struct launch *l = check_launch(L);
    luaL_argcheck(L, l->runner != NULL, 1, "is not open");
    struct error e = {0};
    lua_newtable(L);
    l->L = L;
    if (runner_step(l->runner, &e) != 0) {
        lua_pushnil(L);
        lua_pushstring(L, e.message);
        return 2;
    }
    lua_pushnumber(L, (double)l->runner->last_time_ms);
    return 2;
}

/* What the first worker's LuaJIT compiled, as text. */
static int launch_trace_report(lua_State *L)
{
    struct launch *l = check_launch(L);
    luaL_argcheck(L, l->runner != NULL, 1, "is not open");
    struct error e = {0};
    buffer_clear(&l->value);
    if (host_trace_report(l->runner->pool.workers[0].host, &l->value, &e) != 0) {
        return luaL_error(L, "%s", e.message);
    }
    return launch_value_text(L);
}

static int launch_close(lua_State *L)
{
    struct launch *l = check_launch(L);
    if (l->runner != NULL) {
        runner_close(l->runner);
        memory_free(l->runner);
        l->runner = NULL;
    }
    return 0;
}

/* The names of the failpoints; empty in builds without them. */
static int failpoints(lua_State *L)
{
    lua_newtable(L);
#ifdef TIDEMILL_FAILPOINTS
    for (int i = 0; failpoint_name(i) != NULL; i++) {
        lua_pushstring(L, failpoint_name(i));
        lua_rawseti(L, -2, i + 1);
    }
#endif
    return 1;
}

/* The absolute path without links; nil when there is no such file. */
static int real_path(lua_State *L)
{
    char path[PATH_MAX];
    lua_pushstring(L, realpath(luaL_checkstring(L, 1), path));
    return 1;
}

static int open_module(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"key", launch_key},
        {"value", launch_value},
        {"add_batch", launch_add_batch},
        {"run", launch_run},
        {"open", launch_open},
        {"add_initial", launch_add_initial},
        {"step", launch_step},
        {"close", launch_close},
        {"key_text", launch_key_text},
        {"value_text", launch_value_text},
        {"trace_report", launch_trace_report},
        {NULL, NULL},
    };
    luaL_newmetatable(L, LAUNCH);
    lua_newtable(L);
    luaL_register(L, NULL, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, launch_gc);
    lua_setfield(L, -2, "__gc");
    lua_newtable(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, launch_new, 1);
    lua_setfield(L, -2, "launch");
    lua_pushcfunction(L, failpoints);
    lua_setfield(L, -2, "failpoints");
    lua_pushcfunction(L, real_path);
    lua_setfield(L, -2, "real_path");
    control_register(L);
    lua_pushliteral(L, TIDEMILL_VERSION);
    lua_setfield(L, -2, "version");
    return 1;
}

void command_preload(lua_State *L, const struct embedded_module *modules)
{
    union {
        const struct embedded_module *in;
        void *out;
    } p = {.in = modules};
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushlightuserdata(L, p.out);
    lua_pushcclosure(L, open_module, 1);
    lua_setfield(L, -2, "tidemill.engine");
    lua_pop(L, 2);
}

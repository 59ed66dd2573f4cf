#include "script/batch_call.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "data/msgpack.h"
#include "script/values.h"

struct row_reader;

/* What the rows of one call stand on. A full userdata, because a script may keep the rows. */
struct batch_source {
    const struct manifest *manifest; /* NULL when the call is over */
    const char *path;
    struct row_reader *readers; /* of a file, that are open */
};

/* Reads framed rows, from memory or from a file. A full userdata: closed at the end of the rows, of
 * the call, or when it is collected. */
struct row_reader {
    int fd;            /* -1: memory, or closed */
    struct slice rows; /* of memory */
    size_t at;
    struct buffer window;        /* of a file: bytes read ahead */
    struct batch_source *source; /* while it is among its readers */
    struct row_reader *next;
};

static void close_file(struct row_reader *r)
{
    if (r->fd < 0) {
        return;
    }
    struct row_reader **at = &r->source->readers;
    while (*at != r) {
        at = &(*at)->next;
    }
    *at = r->next;
    close(r->fd);
    r->fd = -1;
    r->rows = (struct slice){NULL, 0}; /* nothing more comes */
    r->at = 0;
    r->source = NULL;
    buffer_deinit(&r->window);
}

void batch_caller_init(struct batch_caller *c, const struct graph *graph,
                       const struct source_text *source, const struct lua_options *options,
                       struct side_tables *sides)
{
    *c = (struct batch_caller){.graph = graph, .source = source, .options = *options};
    side_reader_init(&c->sides, sides);
}

static void close_state(struct batch_caller *c)
{
    if (c->lua.L != NULL) {
        watchdog_remove(&c->watch);
        script_state_close(&c->lua);
    }
}

void batch_caller_deinit(struct batch_caller *c)
{
    close_state(c);
    side_reader_deinit(&c->sides);
}

static int bind_sides(struct batch_caller *c, struct error *e)
{
    if (c->sides.rows == NULL) {
        return 0;
    }
    int rc = script_push(&c->lua, "tidemill.tables", "bind_rows", e);
    if (rc == 0) {
        lua_pushlightuserdata(c->lua.L, c->sides.rows);
        lua_pushinteger(c->lua.L, (lua_Integer)c->graph->side_count);
        rc = script_call(&c->lua, 2, 0, e);
    }
    return rc;
}

static void stop_call(void *context)
{
    watchdog_hurry(context);
}

static int open_state(struct batch_caller *c, struct error *e)
{
    int rc = script_state_open(&c->lua, &c->options, e);
    if (rc != 0) {
        return rc;
    }
    watchdog_add(&c->watch, c->lua.L, &c->control, LIMIT_DEADLINE_MS_DEFAULT);
    c->lua.heap.on_over = stop_call;
    c->lua.heap.context = &c->watch;
    lua_State *L = c->lua.L;
    rc = script_push(&c->lua, "tidemill.script", "plan", e);
    if (rc == 0) {
        source_text_push(L, c->source);
        lua_pushlightuserdata(L, &c->control);
        lua_setfield(L, -2, "control");
        rc = script_call(&c->lua, 1, 1, e);
    }
    if (rc == 0) {
        c->plan_ref = luaL_ref(L, LUA_REGISTRYINDEX);
        rc = bind_sides(c, e);
    }
    if (rc != 0) {
        close_state(c);
    }
    return rc;
}

/* Have `size` bytes ahead of at. @return false at the end */
static bool fill(struct row_reader *r, size_t size)
{
    if (r->fd < 0) {
        return r->rows.size - r->at >= size;
    }
    struct buffer *w = &r->window;
    if (r->at > 0 && w->size - r->at < size) {
        memmove(w->data, w->data + r->at, w->size - r->at);
        w->size -= r->at;
        r->at = 0;
    }
    while (w->size - r->at < size) {
        if (buffer_reserve(w, size > 65536 ? size : 65536) != 0) {
            return false;
        }
        ssize_t n = read(r->fd, w->data + w->size, w->capacity - w->size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        w->size += (size_t)n;
    }
    return true;
}

static struct batch_source *check_source(lua_State *L, int upvalue)
{
    struct batch_source *source = lua_touserdata(L, lua_upvalueindex(upvalue));
    if (source->manifest == NULL) {
        luaL_error(L, "rows used after their call; collect() them into a list");
    }
    return source;
}

/* An array of a key, a value and perhaps a window. */
static int push_pair(lua_State *L, struct slice row)
{
    uint32_t count = 0;
    size_t at = msgpack_array_head(row.data, row.size, &count);
    bool good = at > 0 && count <= 3;
    for (uint32_t i = 0; i < count && good; i++) {
        size_t used = 0;
        good = values_push_msgpack(L, (struct slice){row.data + at, row.size - at}, &used) == 0;
        at += used;
    }
    return good ? (int)count : luaL_error(L, "a row is damaged");
}

static int next_row(lua_State *L)
{
    struct row_reader *r = lua_touserdata(L, lua_upvalueindex(1));
    bool keyed = lua_toboolean(L, lua_upvalueindex(2));
    check_source(L, 3);
    if (!fill(r, sizeof(uint32_t))) {
        close_file(r);
        return 0;
    }
    const char *base = r->fd < 0 ? r->rows.data : r->window.data;
    uint32_t size = bytes_get_u32(base + r->at);
    if (!fill(r, sizeof(uint32_t) + (size_t)size)) {
        return luaL_error(L, "the rows are cut short");
    }
    base = r->fd < 0 ? r->rows.data : r->window.data;
    struct slice row = {base + r->at + sizeof(uint32_t), size};
    r->at += sizeof(uint32_t) + size;
    if (keyed) {
        return push_pair(L, row);
    }
    if (values_push_msgpack(L, row, NULL) != 0) {
        return luaL_error(L, "a row is damaged");
    }
    if (lua_isnil(L, -1)) {
        values_push_null(L); /* nil is the end */
    }
    return 1;
}

static int close_reader(lua_State *L)
{
    close_file(lua_touserdata(L, 1));
    return 0;
}

/* open(): an iterator that begins at the first row. */
static int open_rows(lua_State *L)
{
    struct batch_source *source = check_source(L, 1);
    struct row_reader *r = lua_newuserdata(L, sizeof *r);
    *r = (struct row_reader){.fd = -1, .rows = source->manifest->rows};
    buffer_init(&r->window, 2 * LIMIT_RECORD_BYTES_MAX);
    if (luaL_newmetatable(L, "tidemill.rows") != 0) {
        lua_pushcfunction(L, close_reader);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    if (source->path != NULL) {
        r->fd = open(source->path, O_RDONLY | O_CLOEXEC);
        if (r->fd < 0) {
            return luaL_error(L, "cannot open %s: %s", source->path, strerror(errno));
        }
        r->source = source;
        r->next = source->readers;
        source->readers = r;
    }
    lua_pushboolean(L, source->manifest->is_keyed);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, next_row, 3);
    return 1;
}

/* @return owned by the Lua state */
static struct batch_source *push_rows(const struct batch_caller *c, const struct manifest *m,
                                      const char *path)
{
    lua_State *L = c->lua.L;
    lua_createtable(L, 0, 5);
    struct batch_source *source = lua_newuserdata(L, sizeof *source);
    *source = (struct batch_source){.manifest = m, .path = path};
    lua_pushcclosure(L, open_rows, 1);
    lua_setfield(L, -2, "open");
    lua_pushnumber(L, (double)m->row_count);
    lua_setfield(L, -2, "row_count");
    lua_pushnumber(L, (double)m->byte_count);
    lua_setfield(L, -2, "byte_count");
    lua_pushboolean(L, m->is_keyed);
    lua_setfield(L, -2, "keyed");
    lua_pushnumber(L, (double)c->graph->options.rows_max);
    lua_setfield(L, -2, "collect_max");
    return source;
}

/* Views of rows that are older may not be read any more. */
static int refresh_sides(struct batch_caller *c, struct error *e)
{
    if (!side_reader_refresh(&c->sides) || c->lua.L == NULL) {
        return 0;
    }
    int rc = script_push(&c->lua, "tidemill.views", "end_rows", e);
    return rc == 0 ? script_call(&c->lua, 0, 0, e) : rc;
}

int batch_caller_push(struct batch_caller *c, const char *module, const char *function,
                      struct error *e)
{
    int rc = refresh_sides(c, e);
    rc = rc == 0 && c->lua.L == NULL ? open_state(c, e) : rc;
    rc = rc == 0 ? script_push(&c->lua, module, function, e) : rc;
    if (rc == 0) {
        lua_rawgeti(c->lua.L, LUA_REGISTRYINDEX, c->plan_ref);
    }
    return rc;
}

int batch_caller_call(struct batch_caller *c, int argument_count, int64_t timeout_ms,
                      struct error *e)
{
    c->control.call++;
    watch_allow(&c->watch, timeout_ms);
    watch_enter(&c->watch);
    int rc = script_call(&c->lua, argument_count, 0, e);
    watch_leave(&c->watch);
    if (watchdog_is_due(&c->watch) && rc != 0) {
        const char *why =
            c->lua.heap.over ? "needs more memory than memory_max allows" : "ran past its timeout";
        close_state(c);
        return error_set(e, MILL_EDEADLINE, "the function %s", why);
    }
    if (watch_expired(&c->watch)) {
        watchdog_forgive(&c->watch);
    }
    if (c->lua.heap.over) { /* or the next call over the limit would not be stopped */
        heap_forgive(&c->lua.heap);
        heap_lift(&c->lua.heap);
        lua_gc(c->lua.L, LUA_GCCOLLECT, 0);
        heap_lower(&c->lua.heap);
    }
    return rc;
}

int batch_call(struct batch_caller *c, uint32_t output, const struct manifest *m, const char *path,
               struct error *e)
{
    int rc = batch_caller_push(c, "tidemill.rows", "call", e);
    if (rc != 0) {
        return rc;
    }
    lua_State *L = c->lua.L;
    heap_lift(&c->lua.heap);
    lua_pushnumber(L, output + 1);
    struct batch_source *source = push_rows(c, m, path);
    lua_pushvalue(L, -1);
    int rows_ref = luaL_ref(L, LUA_REGISTRYINDEX); /* so that *source outlives the call */
    lua_pushnumber(L, (double)m->time_ms);
    lua_pushnumber(L, (double)m->epoch);
    heap_lower(&c->lua.heap);
    c->control.time_ms = (double)m->time_ms;
    c->control.op = c->graph->outputs[output].operator_id;
    rc = batch_caller_call(c, 5, c->graph->outputs[output].timeout_ms, e);
    if (c->lua.L != NULL) { /* else it is gone, with its rows */
        while (source->readers != NULL) {
            close_file(source->readers);
        }
        source->manifest = NULL;
        luaL_unref(L, LUA_REGISTRYINDEX, rows_ref);
    }
    if (rc != 0 && e != NULL) {
        e->code = MILL_EFAILED;
    }
    return rc == 0 ? 0 : MILL_EFAILED;
}

#include "script/values.h"

#include <msgpack.h>

#include <lauxlib.h>

#include "base/check.h"
#include "base/error.h"
#include "base/limits.h"
#include "data/key.h"
#include "data/msgpack.h"

#define EXACT_INTEGER_MAX ((uint64_t)1 << 53)

/* Their addresses are the keys in the registry. */
static const char null_key;
static const char object_key;
static const char int64_key;
static const char uint64_key;
static const char zone_key;
static const char view_key;

static void registry_set(lua_State *L, const char *key)
{
    union {
        const char *in;
        void *out;
    } p = {.in = key};
    lua_pushlightuserdata(L, p.out);
    lua_insert(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

static void registry_get(lua_State *L, const char *key)
{
    union {
        const char *in;
        void *out;
    } p = {.in = key};
    lua_pushlightuserdata(L, p.out);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

static int free_zone(lua_State *L)
{
    msgpack_zone **zone = lua_touserdata(L, 1);
    msgpack_zone_free(*zone);
    return 0;
}

/* One zone for each state, emptied before each use: pushing may end in an error at any point. */
static void make_zone(lua_State *L)
{
    msgpack_zone **zone = lua_newuserdata(L, sizeof(msgpack_zone *));
    *zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
    check(*zone != NULL);
    lua_newtable(L);
    lua_pushcfunction(L, free_zone);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    registry_set(L, &zone_key);
}

void values_set_markers(lua_State *L)
{
    registry_set(L, &view_key);
    registry_set(L, &object_key);
    registry_set(L, &null_key);
    make_zone(L);
    /* C cannot make an int64_t; these functions of (high, low) can. */
    int rc = luaL_loadstring(L, "local ffi = require 'ffi'\n"
                                "local i, u = ffi.typeof('int64_t'), ffi.typeof('uint64_t')\n"
                                "return function(h, l) return i(h) * 4294967296 + i(l) end,\n"
                                "       function(h, l) return u(h) * 4294967296 + u(l) end");
    check(rc == 0);
    lua_call(L, 0, 2);
    registry_set(L, &uint64_key);
    registry_set(L, &int64_key);
}

static void push_wide(lua_State *L, const char *maker, double high, double low)
{
    registry_get(L, maker);
    lua_pushnumber(L, high);
    lua_pushnumber(L, low);
    lua_call(L, 2, 1);
}

static void push_int64(lua_State *L, int64_t v)
{
    if (v >= -(int64_t)EXACT_INTEGER_MAX && v <= (int64_t)EXACT_INTEGER_MAX) {
        lua_pushnumber(L, (double)v);
        return;
    }
    int64_t high = v >> 32;
    push_wide(L, &int64_key, (double)high, (double)(uint32_t)v);
}

static void push_uint64(lua_State *L, uint64_t v)
{
    if (v <= (uint64_t)INT64_MAX) {
        push_int64(L, (int64_t)v);
        return;
    }
    push_wide(L, &uint64_key, (double)(v >> 32), (double)(uint32_t)v);
}

static void push_record(lua_State *L, const char *json, size_t size)
{
    union {
        const char *in;
        void *out;
    } p = {.in = json};
    registry_get(L, &view_key);
    lua_pushlightuserdata(L, p.out);
    lua_pushnumber(L, (double)size);
    lua_call(L, 2, 1);
}

void values_push_null(lua_State *L)
{
    registry_get(L, &null_key);
}

static void push_object(lua_State *L, const msgpack_object *o);

static void push_element(lua_State *L, const msgpack_object *o)
{
    if (o->type == MSGPACK_OBJECT_NIL) {
        values_push_null(L);
    } else {
        push_object(L, o);
    }
}

static void push_array(lua_State *L, const msgpack_object_array *array)
{
    lua_createtable(L, (int)array->size, 0);
    for (uint32_t i = 0; i < array->size; i++) {
        push_element(L, &array->ptr[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

static void push_map(lua_State *L, const msgpack_object_map *map)
{
    lua_createtable(L, 0, (int)map->size);
    for (uint32_t i = 0; i < map->size; i++) {
        push_element(L, &map->ptr[i].key);
        push_element(L, &map->ptr[i].val);
        lua_rawset(L, -3);
    }
    if (map->size == 0) {
        registry_get(L, &object_key);
        lua_setmetatable(L, -2);
    }
}

/* As deep as msgpack_scan lets it be. */
static void push_object(lua_State *L, const msgpack_object *o)
{
    luaL_checkstack(L, 4, "value nested too deep");
    switch (o->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        lua_pushboolean(L, o->via.boolean);
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        push_uint64(L, o->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        push_int64(L, o->via.i64);
        break;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        lua_pushnumber(L, o->via.f64);
        break;
    case MSGPACK_OBJECT_STR:
        lua_pushlstring(L, o->via.str.ptr, o->via.str.size);
        break;
    case MSGPACK_OBJECT_BIN:
        lua_pushlstring(L, o->via.bin.ptr, o->via.bin.size);
        break;
    case MSGPACK_OBJECT_ARRAY:
        push_array(L, &o->via.array);
        break;
    case MSGPACK_OBJECT_MAP:
        push_map(L, &o->via.map);
        break;
    case MSGPACK_OBJECT_EXT: /* a record, by msgpack_scan */
        push_record(L, o->via.ext.ptr, o->via.ext.size);
        break;
    case MSGPACK_OBJECT_NIL:
        lua_pushnil(L);
        break;
    }
}

static msgpack_zone *empty_zone(lua_State *L)
{
    registry_get(L, &zone_key);
    msgpack_zone **zone = lua_touserdata(L, -1);
    lua_pop(L, 1);
    check(zone != NULL);
    msgpack_zone_clear(*zone);
    return *zone;
}

int values_push_msgpack(lua_State *L, struct slice bytes, size_t *used)
{
    size_t size = 0;
    int rc = msgpack_scan(bytes.data, bytes.size, &size);
    if (rc != 0) {
        return rc;
    }
    if (used != NULL) {
        *used = size;
    }
    msgpack_object object;
    size_t offset = 0;
    int got = msgpack_unpack(bytes.data, size, &offset, empty_zone(L), &object);
    if (got != MSGPACK_UNPACK_SUCCESS) {
        return MILL_ECORRUPT;
    }
    push_object(L, &object);
    return 0;
}

int values_unpack(lua_State *L)
{
    size_t size = 0;
    size_t used = 0;
    const char *text = luaL_checklstring(L, 1, &size);
    bool is_one = msgpack_scan(text, size, &used) == 0 && used == size;
    lua_pushboolean(L, is_one && values_push_msgpack(L, (struct slice){text, size}, NULL) == 0);
    lua_insert(L, 2);
    return lua_gettop(L) - 1;
}

/* Inside an array a NUL byte is written as NUL and one byte more. */
static void push_key_string(lua_State *L, const struct key_part *part, bool in_array)
{
    if (!in_array) {
        lua_pushlstring(L, part->string.data, part->string.size);
        return;
    }
    luaL_Buffer plain;
    luaL_buffinit(L, &plain);
    for (size_t i = 0; i < part->string.size; i++) {
        luaL_addchar(&plain, part->string.data[i]);
        i += part->string.data[i] == '\0';
    }
    luaL_pushresult(&plain);
}

static int push_key_value(lua_State *L, struct reader *r, bool in_array);

static int push_key_array(lua_State *L, struct reader *r)
{
    luaL_checkstack(L, 4, "key nested too deep");
    lua_newtable(L);
    for (int i = 1;; i++) {
        int rc = push_key_value(L, r, true);
        if (rc <= 0) {
            return rc == 0 ? 1 : rc;
        }
        lua_rawseti(L, -2, i);
    }
}

/* @return 1 pushed, 0 the array's end, MILL_ECORRUPT */
static int push_key_value(lua_State *L, struct reader *r, bool in_array)
{
    struct key_part part;
    if (!key_read(r, in_array, &part)) {
        return MILL_ECORRUPT;
    }
    switch (part.type) {
    case KEY_IS_BOOLEAN:
        lua_pushboolean(L, part.boolean);
        return 1;
    case KEY_IS_NUMBER:
        lua_pushnumber(L, part.number);
        return 1;
    case KEY_IS_INT64:
        push_int64(L, part.int64);
        return 1;
    case KEY_IS_UINT64:
        push_uint64(L, part.uint64);
        return 1;
    case KEY_IS_STRING:
        push_key_string(L, &part, in_array);
        return 1;
    case KEY_IS_ARRAY:
        return push_key_array(L, r);
    case KEY_IS_END:
        return 0;
    }
    return MILL_ECORRUPT;
}

int values_push_key(lua_State *L, struct slice key)
{
    struct reader r;
    reader_init(&r, key.data, key.size);
    int top = lua_gettop(L);
    if (push_key_value(L, &r, false) != 1 || reader_left(&r) > 0) {
        lua_settop(L, top);
        return MILL_ECORRUPT;
    }
    return 0;
}

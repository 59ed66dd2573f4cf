#include "script/source_text.h"

#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

#define TEXT_VERSION 1

void source_text_init(struct source_text *s, const char *path, const char *canonical,
                      struct slice text)
{
    *s = (struct source_text){.path = memory_text(path),
                              .canonical = memory_text(canonical != NULL ? canonical : path),
                              .text = memory_copy(text.data, text.size),
                              .size = text.size};
}

static void deinit_list(struct named_texts *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        memory_free(list->items[i].name);
        memory_free(list->items[i].path);
        memory_free(list->items[i].text);
    }
    memory_free(list->items);
}

void source_text_deinit(struct source_text *s)
{
    memory_free(s->path);
    memory_free(s->canonical);
    memory_free(s->text);
    deinit_list(&s->modules);
    deinit_list(&s->args);
    deinit_list(&s->overrides);
    deinit_list(&s->allow);
    *s = (struct source_text){0};
}

void named_texts_add(struct named_texts *list, const char *name, const char *path,
                     struct slice text)
{
    list->items = memory_grow(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = (struct named_text){
        .name = memory_text(name),
        .path = memory_text(path),
        .text = memory_copy(text.data, text.size),
        .size = text.size,
    };
}

static void push_modules(lua_State *L, const struct named_texts *list)
{
    lua_createtable(L, 0, (int)list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        lua_createtable(L, 0, 2);
        lua_pushlstring(L, list->items[i].text, list->items[i].size);
        lua_setfield(L, -2, "text");
        lua_pushstring(L, list->items[i].path);
        lua_setfield(L, -2, "path");
        lua_setfield(L, -2, list->items[i].name);
    }
}

static void push_pairs(lua_State *L, const struct named_texts *list)
{
    lua_createtable(L, 0, (int)list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        lua_pushlstring(L, list->items[i].text, list->items[i].size);
        lua_setfield(L, -2, list->items[i].name);
    }
}

void source_text_push(lua_State *L, const struct source_text *s)
{
    lua_createtable(L, 0, 8);
    lua_pushstring(L, s->path);
    lua_setfield(L, -2, "path");
    lua_pushlstring(L, s->text, s->size);
    lua_setfield(L, -2, "text");
    push_modules(L, &s->modules);
    lua_setfield(L, -2, "modules");
    push_pairs(L, &s->args);
    lua_setfield(L, -2, "args");
    push_pairs(L, &s->overrides);
    lua_setfield(L, -2, "overrides");
    push_pairs(L, &s->allow);
    lua_setfield(L, -2, "allow");
}

uint64_t source_text_hash(const struct source_text *s)
{
    uint64_t sum = hash_bytes(s->text, s->size);
    for (uint32_t i = 0; i < s->modules.count; i++) {
        /* Modules come in no order, so their hashes are added. */
        const struct named_text *m = &s->modules.items[i];
        uint64_t parts[2] = {hash_bytes(m->name, strlen(m->name)), hash_bytes(m->text, m->size)};
        sum += hash_bytes(parts, sizeof parts);
    }
    return sum;
}

int source_text_encode(const struct source_text *s, struct buffer *into)
{
    int rc = bytes_add_u8(into, TEXT_VERSION);
    rc = rc == 0 ? bytes_add_string(into, s->canonical, strlen(s->canonical)) : rc;
    rc = rc == 0 ? bytes_add_string(into, s->text, s->size) : rc;
    rc = rc == 0 ? bytes_add_u32(into, s->modules.count) : rc;
    for (uint32_t i = 0; i < s->modules.count && rc == 0; i++) {
        const struct named_text *m = &s->modules.items[i];
        rc = bytes_add_string(into, m->name, strlen(m->name));
        rc = rc == 0 ? bytes_add_string(into, m->path, strlen(m->path)) : rc;
        rc = rc == 0 ? bytes_add_string(into, m->text, m->size) : rc;
    }
    return rc;
}

static char *take_text(struct slice s)
{
    return memory_copy(s.data, s.size);
}

int source_text_decode(struct slice bytes, struct source_text *s, struct error *e)
{
    struct reader in;
    reader_init(&in, bytes.data, bytes.size);
    bool known = reader_u8(&in) == TEXT_VERSION;
    struct slice path = reader_string(&in);
    struct slice text = reader_string(&in);
    char *path_text = take_text(path);
    source_text_init(s, path_text, NULL, text);
    memory_free(path_text);
    uint32_t count = reader_u32(&in);
    for (uint32_t i = 0; i < count && !in.failed; i++) {
        char *name = take_text(reader_string(&in));
        char *module_path = take_text(reader_string(&in));
        struct slice module_text = reader_string(&in);
        named_texts_add(&s->modules, name, module_path, module_text);
        memory_free(name);
        memory_free(module_path);
    }
    if (known && !in.failed && reader_left(&in) == 0) {
        return 0;
    }
    source_text_deinit(s);
    return error_set(e, MILL_ECORRUPT, "a script's text in the store is damaged");
}

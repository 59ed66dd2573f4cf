/*
 * A script as it was read once: its text, the modules that it required, its arguments. Every Lua
 * state of a job runs this, so that a file that changes meanwhile cannot make them differ; the
 * store keeps it, so that a reload can compare.
 *
 * Filled by the control thread before any worker starts, read-only then.
 */
#ifndef SCRIPT_SOURCE_TEXT_H
#define SCRIPT_SOURCE_TEXT_H

#include <stdint.h>

#include <lua.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

struct named_text {
    char *name;
    char *path; /**< of a module; NULL for an argument */
    char *text;
    size_t size;
};

struct named_texts {
    struct named_text *items;
    uint32_t count;
};

struct source_text {
    char *path;      /**< of the script, as the user gave it: what messages say */
    char *canonical; /**< absolute, without links: what the store compares */
    char *text;
    size_t size;
    struct named_texts modules;
    struct named_texts args;      /**< --set */
    struct named_texts overrides; /**< --option */
    struct named_texts allow;     /**< --allow; names only */
};

/** @param canonical  NULL: the same as path */
void source_text_init(struct source_text *s, const char *path, const char *canonical,
                      struct slice text);
void source_text_deinit(struct source_text *s);
void named_texts_add(struct named_texts *list, const char *name, const char *path,
                     struct slice text);

/** Push the table that tidemill.script wants: path, text, modules, args, overrides, allow.
 * Raises only for want of memory. */
void source_text_push(lua_State *L, const struct source_text *s);

/** Hash of the text and of all modules: a script that changed has another. */
uint64_t source_text_hash(const struct source_text *s);

/** For the store: canonical path, text and modules. @return 0, or MILL_ELIMIT */
int source_text_encode(const struct source_text *s, struct buffer *into)
    __attribute__((warn_unused_result));
/** @param s  out: initialised; without arguments. @return 0, or MILL_ECORRUPT */
int source_text_decode(struct slice bytes, struct source_text *s, struct error *e)
    __attribute__((warn_unused_result));

#endif

#include "json_shape.h"

#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/json_check.h"
#include "data/json_read.h"

struct shape_walk {
    const char *at;
    const char *end;
    bool is_uncertain;
};

static bool is_one_of(char c, const char *bytes)
{
    return c != '\0' && strchr(bytes, c) != NULL;
}

static void skip_blanks(struct shape_walk *w)
{
    while (w->at < w->end && is_one_of(*w->at, " \t\r\n")) {
        w->at++;
    }
}

static bool take(struct shape_walk *w, char c)
{
    skip_blanks(w);
    bool is_there = w->at < w->end && *w->at == c;
    w->at += is_there;
    return is_there;
}

static bool take_string(struct shape_walk *w)
{
    if (!take(w, '"')) {
        return false;
    }
    while (w->at < w->end && *w->at != '"') {
        if ((unsigned char)*w->at < 0x20) {
            return false;
        }
        bool is_escape = *w->at++ == '\\';
        if (is_escape && w->at < w->end) {
            if ((unsigned char)*w->at < 0x20) {
                return false;
            }
            w->at++;
        }
    }
    return take(w, '"');
}

static bool take_word(struct shape_walk *w)
{
    static const char first[] = "-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (w->at == w->end || !is_one_of(*w->at, first)) {
        w->is_uncertain = w->at < w->end && is_one_of(*w->at, "\\");
        return false;
    }
    while (w->at < w->end && !is_one_of(*w->at, " \t\r\n{}[]:,")) {
        if (is_one_of(*w->at, "\"\\\x0c\x1a")) {
            w->is_uncertain = true;
            return false;
        }
        w->at++;
    }
    return true;
}

static bool take_value(struct shape_walk *w, int depth);

static bool take_list(struct shape_walk *w, char close, int depth)
{
    if (depth > LIMIT_JSON_DEPTH_MAX) {
        return false;
    }
    if (take(w, close)) {
        return true;
    }
    do {
        if (close == '}' && !(take_string(w) && take(w, ':'))) {
            return false;
        }
        if (!take_value(w, depth)) {
            return false;
        }
    } while (take(w, ','));
    return take(w, close);
}

static bool take_value(struct shape_walk *w, int depth)
{
    if (take(w, '[')) {
        return take_list(w, ']', depth + 1);
    }
    if (take(w, '{')) {
        return take_list(w, '}', depth + 1);
    }
    return w->at < w->end && *w->at == '"' ? take_string(w) : take_word(w);
}

/* A NUL is UTF-8, but text_is_utf8 has none of it. */
static bool is_utf8(const char *text, size_t size)
{
    for (const char *nul = NULL; size > 0 && (nul = memchr(text, 0, size)) != NULL;) {
        size_t piece = (size_t)(nul - text);
        if (!text_is_utf8(text, piece)) {
            return false;
        }
        text += piece + 1;
        size -= piece + 1;
    }
    return text_is_utf8(text, size);
}

enum json_shape json_shape(const char *text, size_t size)
{
    struct shape_walk w = {text, text + size, false};
    if (!is_utf8(text, size)) {
        return SHAPE_WRONG;
    }
    bool is_right = take(&w, '{') && take_list(&w, '}', 1);
    skip_blanks(&w);
    is_right = is_right && w.at == w.end;
    return w.is_uncertain ? SHAPE_UNCERTAIN : is_right ? SHAPE_RIGHT : SHAPE_WRONG;
}

/* --- what is found --- */

static bool is_same(const struct mill_cell *a, const struct mill_cell *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch ((enum mill_kind)a->kind) {
    case MILL_NUMBER:
    case MILL_INT64:
    case MILL_UINT64:
        return a->u64 == b->u64;
    case MILL_BOOLEAN:
        return a->len == b->len;
    case MILL_EMPTY:
        return true;
    case MILL_STRING:
    case MILL_PACKED:
    case MILL_BOXED:
    case MILL_RECORD:
    case MILL_LIST:
    case MILL_BAD:
        break;
    }
    return a->len == b->len && memcmp(a->ptr, b->ptr, a->len) == 0;
}

static bool finds_the_same(struct slice line, struct slice name, struct slice token,
                           struct mill_buffer *scratch, struct arena *arena)
{
    struct mill_cursor c;
    bool is_there = mill_json_find(&c, line.data, line.size, name.data, name.size, scratch);
    if (is_there != (token.data != NULL)) {
        return false;
    }
    if (!is_there) {
        return true;
    }
    struct mill_cell cell = json_cell(token, arena);
    return token.data > line.data && token.data + token.size < line.data + line.size &&
           is_same(&cell, &c.value);
}

static const char *found_differs(struct slice line, const struct slice *names, uint32_t count,
                                 const struct slice *tokens)
{
    const char *differs = NULL;
    struct mill_buffer *scratch = mill_buffer_create(2 * line.size);
    struct arena arena;
    arena_init(&arena);
    for (uint32_t i = 0; i < count; i++) {
        if (!finds_the_same(line, names[i], tokens[i], scratch, &arena)) {
            differs = "the walk finds another value than the reader";
        }
    }
    arena_deinit(&arena);
    mill_buffer_destroy(scratch);
    return differs;
}

static char first_of(struct slice line)
{
    struct shape_walk w = {line.data, line.data + line.size, false};
    skip_blanks(&w);
    return w.at < w.end ? *w.at : '\0';
}

static const char *verdict_differs(bool is_taken, struct slice line)
{
    size_t at = 0;
    bool is_json = json_check(line, &at) == NULL;
    bool is_object = first_of(line) == '{';
    enum json_shape shape = json_shape(line.data, line.size);
    if (shape == SHAPE_WRONG && is_taken) {
        return "the walk takes what has not the shape of a record";
    }
    if (shape == SHAPE_RIGHT && !is_taken) {
        return "the walk refuses what has the shape of a record";
    }
    return is_json && is_object && !is_taken ? "the walk refuses JSON" : NULL;
}

/* Bytes that may stand behind a line or a text. */
static const char behind[] = "}]\"\0{,\n\\:x";

const char *json_walk_differs(struct json_walk *walk, const struct slice *names, uint32_t count,
                              const char *text, size_t size)
{
    struct slice tokens[LIMIT_FIELDS_MAX];
    char *memory = memory_alloc(size + LIMIT_TEXT_PADDING);
    memcpy(memory, text, size);
    struct slice line = {memory, size};
    const char *differs = NULL;
    bool was_taken = false;
    for (size_t i = 0; i < sizeof behind - 1 && differs == NULL; i++) {
        memset(memory + size, behind[i], LIMIT_TEXT_PADDING);
        bool is_taken = json_walk_line(walk, line, tokens) == NULL;
        differs = i > 0 && is_taken != was_taken ? "what stands behind a line is looked at"
                                                 : verdict_differs(is_taken, line);
        was_taken = is_taken;
        if (differs == NULL && is_taken && json_shape(memory, size) == SHAPE_RIGHT) {
            differs = found_differs(line, names, count, tokens);
        }
    }
    memory_free(memory);
    return differs;
}

static bool has_more_than_blanks(struct slice line)
{
    for (size_t i = 0; i < line.size; i++) {
        if (line.data[i] != ' ' && line.data[i] != '\t' && line.data[i] != '\r') {
            return true;
        }
    }
    return false;
}

static const char *line_differs(struct json_walk *together, struct json_walk *alone, uint32_t count,
                                struct slice line)
{
    struct slice tokens[LIMIT_FIELDS_MAX];
    struct slice meant[LIMIT_FIELDS_MAX];
    const char *wrong = json_walk_line(together, line, tokens);
    const char *meant_wrong = json_walk_line(alone, line, meant);
    if ((wrong == NULL) != (meant_wrong == NULL)) {
        return wrong == NULL ? "a line is good only in its text" : "a line is bad only in its text";
    }
    if (wrong != NULL) {
        return strcmp(wrong, meant_wrong) == 0 ? NULL : "a line is bad for another reason";
    }
    for (uint32_t i = 0; i < count; i++) {
        bool is_same = tokens[i].data == meant[i].data &&
                       (tokens[i].data == NULL || tokens[i].size == meant[i].size);
        if (!is_same) {
            return "another value is found in a text";
        }
    }
    return NULL;
}

static const char *lines_differ(struct json_walk *together, struct json_walk *alone, uint32_t count,
                                struct slice text)
{
    const char *differs = NULL;
    for (size_t at = 0; at < text.size && differs == NULL;) {
        const char *end = memchr(text.data + at, '\n', text.size - at);
        size_t size = end == NULL ? text.size - at : (size_t)(end - text.data) - at;
        struct slice line = {text.data + at, size};
        differs = has_more_than_blanks(line) ? line_differs(together, alone, count, line) : NULL;
        at += size + 1;
    }
    return differs;
}

const char *json_walk_text_differs(struct json_walk *together, struct json_walk *alone,
                                   uint32_t count, const char *text, size_t size)
{
    char *memory = memory_alloc(size + LIMIT_TEXT_PADDING);
    memcpy(memory, text, size);
    const char *differs = NULL;
    for (size_t i = 0; i < sizeof behind - 1 && differs == NULL; i++) {
        memset(memory + size, behind[i], LIMIT_TEXT_PADDING);
        struct slice all = {memory, size};
        json_walk_begin(together, all);
        differs = lines_differ(together, alone, count, all);
    }
    json_walk_begin(together, (struct slice){NULL, 0});
    memory_free(memory);
    return differs;
}

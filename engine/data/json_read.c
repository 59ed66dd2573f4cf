#include "data/json_read.h"

#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "data/json_check.h"
#include "data/json_escape.h"
#include "data/json_number.h"

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at)) {
        at++;
    }
    return at;
}

/* --- values --- */

static struct mill_cell bytes_cell(enum mill_kind kind, struct slice bytes)
{
    check(bytes.size <= UINT32_MAX);
    return (struct mill_cell){
        .kind = (uint16_t)kind, .len = (uint32_t)bytes.size, .ptr = bytes.data};
}

static struct mill_cell bad_cell(const char *reason)
{
    return bytes_cell(MILL_BAD, (struct slice){reason, strlen(reason)});
}

static struct mill_cell word_cell(struct slice token)
{
    if (slice_is(token, "null")) {
        return (struct mill_cell){.kind = MILL_EMPTY};
    }
    if (slice_is(token, "true") || slice_is(token, "false")) {
        return (struct mill_cell){.kind = MILL_BOOLEAN, .len = token.size == 4};
    }
    return bad_cell("no JSON value");
}

static struct mill_cell unescaped(struct slice inner, char *into)
{
    size_t size = json_unescape(inner.data, inner.size, into);
    return size == SIZE_MAX ? bad_cell("a string with a wrong escape")
                            : bytes_cell(MILL_STRING, (struct slice){into, size});
}

/* What is not a string, or a string without its quotes in *inner. */
static bool is_string(struct slice token, struct slice *inner)
{
    if (token.size < 2 || token.data[0] != '"' || token.data[token.size - 1] != '"') {
        return false;
    }
    *inner = (struct slice){token.data + 1, token.size - 2};
    return true;
}

static struct mill_cell other_cell(struct slice token)
{
    switch (token.size == 0 ? '\0' : token.data[0]) {
    case '{':
        return bytes_cell(MILL_RECORD, token);
    case '[':
        return bytes_cell(MILL_LIST, token);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return json_number_cell(token);
    default:
        return word_cell(token);
    }
}

struct mill_cell json_cell(struct slice token, struct arena *arena)
{
    struct slice inner;
    if (!is_string(token, &inner)) {
        return other_cell(token);
    }
    if (memchr(inner.data, '\\', inner.size) == NULL) {
        return bytes_cell(MILL_STRING, inner);
    }
    return unescaped(inner, arena_alloc(arena, inner.size));
}

struct mill_cell json_plain_cell(struct slice token)
{
    struct slice inner;
    return is_string(token, &inner) ? bytes_cell(MILL_STRING, inner) : other_cell(token);
}

struct mill_cell json_cell_in(struct slice token, struct buffer *scratch)
{
    struct slice inner;
    if (!is_string(token, &inner)) {
        return other_cell(token);
    }
    if (memchr(inner.data, '\\', inner.size) == NULL) {
        return bytes_cell(MILL_STRING, inner);
    }
    check(scratch->capacity - scratch->size >= inner.size);
    struct mill_cell cell = unescaped(inner, scratch->data + scratch->size);
    scratch->size += cell.kind == MILL_STRING ? cell.len : 0;
    return cell;
}

/* --- going through --- */

/* @param start  behind the quote that opens it @return behind the quote that ends it, or the end */
static const char *skip_string(const char *start, const char *end)
{
    for (const char *at = start; at < end;) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        if (quote == NULL) {
            return end;
        }
        const char *before = quote;
        while (before > start && before[-1] == '\\') {
            before--;
        }
        if ((quote - before) % 2 == 0) {
            return quote + 1;
        }
        at = quote + 1;
    }
    return end;
}

static const char *skip_container(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        char c = *at++;
        if (c == '"') {
            at = skip_string(at, end);
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return at;
        }
    }
    return end;
}

const char *json_skip(const char *at, const char *end)
{
    if (at == end) {
        return end;
    }
    if (*at == '"') {
        return skip_string(at + 1, end);
    }
    if (*at == '{' || *at == '[') {
        return skip_container(at, end);
    }
    while (at < end && *at != ',' && *at != '}' && *at != ']' && !is_blank(*at)) {
        at++;
    }
    return at;
}

bool mill_json_begin(struct mill_cursor *c, const char *text, size_t size)
{
    const char *end = text + size;
    const char *at = skip_blanks(text, end);
    *c = (struct mill_cursor){.at = at, .end = end};
    if (at == end || (*at != '{' && *at != '[')) {
        return false;
    }
    c->key.reserved = *at == '{'; /* its elements have names */
    c->at++;
    return true;
}

static struct slice take_token(struct mill_cursor *c)
{
    const char *start = c->at;
    c->at = json_skip(start, c->end);
    return (struct slice){start, (size_t)(c->at - start)};
}

/* To the next member or element. @return false: there is none */
static bool advance(struct mill_cursor *c)
{
    c->at = skip_blanks(c->at, c->end);
    if (c->at < c->end && *c->at == ',') {
        c->at = skip_blanks(c->at + 1, c->end);
    }
    return c->at < c->end && *c->at != '}' && *c->at != ']';
}

/* To the value behind a member's name. */
static struct slice take_name(struct mill_cursor *c)
{
    struct slice name = take_token(c);
    c->at = skip_blanks(c->at, c->end);
    c->at += c->at < c->end && *c->at == ':';
    c->at = skip_blanks(c->at, c->end);
    return name;
}

bool mill_json_next(struct mill_cursor *c, struct mill_buffer *scratch)
{
    struct buffer *s = (struct buffer *)scratch;
    buffer_clear(s);
    if (!advance(c)) {
        return false;
    }
    struct slice name = c->key.reserved != 0 ? take_name(c) : (struct slice){"", 0};
    struct slice token = take_token(c);
    if (buffer_reserve(s, name.size + token.size) != 0) {
        c->value = bad_cell("larger than 16 MiB");
        return true;
    }
    struct mill_cell key = json_cell_in(name, s);
    c->key.ptr = key.kind == MILL_STRING ? key.ptr : NULL;
    c->key.len = key.kind == MILL_STRING ? key.len : 0;
    c->value = json_cell_in(token, s);
    return true;
}

static bool is_named(struct slice token, struct slice name)
{
    struct slice inner;
    return is_string(token, &inner) && inner.size >= name.size &&
           json_means(inner.data, inner.size, name);
}

bool mill_json_find(struct mill_cursor *c, const char *text, size_t size, const char *name,
                    size_t name_size, struct mill_buffer *scratch)
{
    struct buffer *s = (struct buffer *)scratch;
    if (!mill_json_begin(c, text, size) || c->key.reserved == 0) {
        return false;
    }
    while (advance(c)) {
        bool found = is_named(take_name(c), (struct slice){name, name_size});
        struct slice token = take_token(c);
        if (!found) {
            continue;
        }
        buffer_clear(s);
        c->value = buffer_reserve(s, token.size) == 0 ? json_cell_in(token, s)
                                                      : bad_cell("larger than 16 MiB");
        return true;
    }
    return false;
}

const char *mill_json_value(struct mill_cursor *c, const char *text, size_t size,
                            struct mill_buffer *scratch)
{
    size_t wrong_at = 0;
    const char *wrong = json_check((struct slice){text, size}, &wrong_at);
    if (wrong != NULL) {
        return wrong;
    }
    struct buffer *s = (struct buffer *)scratch;
    buffer_clear(s);
    if (buffer_reserve(s, size) != 0) {
        return "larger than 16 MiB";
    }
    *c = (struct mill_cursor){.at = skip_blanks(text, text + size), .end = text + size};
    c->value = json_cell_in(take_token(c), s);
    return NULL;
}

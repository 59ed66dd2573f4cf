#include "data/access_log.h"

#include <string.h>

enum { IP, IDENT, USER, TIME, REQUEST, METHOD, PATH, PROTOCOL, STATUS, BYTES, REFERER, AGENT };

struct cursor {
    const char *at;
    const char *end;
};

#define FIELD(text, kind)                                                                          \
    {                                                                                              \
        .name = {(text), sizeof(text) - 1}, .type = (kind)                                         \
    }

const struct field *access_log_fields(void)
{
    static const struct field fields[ACCESS_LOG_FIELDS] = {
        [IP] = FIELD("ip", FIELD_STRING),           [IDENT] = FIELD("ident", FIELD_STRING),
        [USER] = FIELD("user", FIELD_STRING),       [TIME] = FIELD("time", FIELD_TIME),
        [REQUEST] = FIELD("request", FIELD_STRING), [METHOD] = FIELD("method", FIELD_STRING),
        [PATH] = FIELD("path", FIELD_STRING),       [PROTOCOL] = FIELD("protocol", FIELD_STRING),
        [STATUS] = FIELD("status", FIELD_NUMBER),   [BYTES] = FIELD("bytes", FIELD_NUMBER),
        [REFERER] = FIELD("referer", FIELD_STRING), [AGENT] = FIELD("agent", FIELD_STRING),
    };
    return fields;
}

static struct slice or_none(struct slice s)
{
    return slice_is(s, "-") ? (struct slice){NULL, 0} : s;
}

/* Bytes up to a text, at least one; the cursor goes behind the text. */
static bool take_until(struct cursor *c, const char *text, struct slice *value)
{
    size_t size = strlen(text);
    const char *stop = memmem(c->at, (size_t)(c->end - c->at), text, size);
    if (stop == NULL || stop == c->at) {
        return false;
    }
    *value = or_none((struct slice){c->at, (size_t)(stop - c->at)});
    c->at = stop + size;
    return true;
}

/* Up to a blank or the line's end, where the cursor stays. */
static bool take_word(struct cursor *c, struct slice *value)
{
    const char *start = c->at;
    while (c->at < c->end && *c->at != ' ') {
        c->at++;
    }
    *value = or_none((struct slice){start, (size_t)(c->at - start)});
    return c->at > start;
}

static bool take_text(struct cursor *c, const char *text)
{
    size_t size = strlen(text);
    if ((size_t)(c->end - c->at) < size || memcmp(c->at, text, size) != 0) {
        return false;
    }
    c->at += size;
    return true;
}

/* Behind an opening quote, up to the next one that no backslash stands before. */
static bool take_quoted(struct cursor *c, struct slice *value)
{
    const char *start = c->at;
    for (const char *at = start; at < c->end; at++) {
        if (*at == '\\') {
            at++;
        } else if (*at == '"') {
            *value = or_none((struct slice){start, (size_t)(at - start)});
            c->at = at + 1;
            return true;
        }
    }
    return false;
}

static const char *find_last_blank(struct slice s)
{
    return memrchr(s.data, ' ', s.size);
}

/* METHOD PATH [PROTOCOL]; HTTP/0.9 has none. */
static void split_request(struct slice request, struct slice *values)
{
    values[METHOD] = values[PATH] = values[PROTOCOL] = (struct slice){NULL, 0};
    size_t size = 0;
    while (size < request.size && request.data[size] >= 'A' && request.data[size] <= 'Z') {
        size++;
    }
    if (size == 0 || size + 1 >= request.size || request.data[size] != ' ') {
        return;
    }
    struct slice path = {request.data + size + 1, request.size - size - 1};
    const char *blank = find_last_blank(path);
    if (blank != NULL) {
        struct slice protocol = {blank + 1, (size_t)(path.data + path.size - blank - 1)};
        if (protocol.size < 5 || memcmp(protocol.data, "HTTP/", 5) != 0 || blank == path.data) {
            return;
        }
        values[PROTOCOL] = protocol;
        path.size = (size_t)(blank - path.data);
    }
    values[METHOD] = (struct slice){request.data, size};
    values[PATH] = path;
}

/* Referer and agent are there together, or neither is. */
static const char *split_combined(struct cursor *c, struct slice *values)
{
    values[REFERER] = values[AGENT] = (struct slice){NULL, 0};
    if (!take_text(c, " \"")) {
        return NULL;
    }
    if (!take_quoted(c, &values[REFERER])) {
        return "the end of the referer";
    }
    if (!take_text(c, " \"")) {
        return "the agent in quotes";
    }
    return take_quoted(c, &values[AGENT]) ? NULL : "the end of the agent";
}

static const char *split(struct cursor *c, struct slice *values)
{
    if (!take_until(c, " ", &values[IP])) {
        return "an address";
    }
    if (!take_until(c, " ", &values[IDENT])) {
        return "an identity";
    }
    if (!take_until(c, " [", &values[USER])) {
        return "a user and [";
    }
    if (!take_until(c, "] \"", &values[TIME])) {
        return "a time and ] \"";
    }
    if (!take_quoted(c, &values[REQUEST])) {
        return "the end of the request";
    }
    split_request(values[REQUEST], values);
    if (!take_text(c, " ") || !take_word(c, &values[STATUS])) {
        return "a status";
    }
    if (!take_text(c, " ") || !take_word(c, &values[BYTES])) {
        return "a number of bytes";
    }
    const char *wanted = split_combined(c, values);
    bool is_through = c->at == c->end || *c->at == ' ';
    return wanted != NULL || is_through ? wanted : "the line's end";
}

const char *access_log_split(struct slice line, struct slice *values, size_t *stopped)
{
    struct cursor c = {.at = line.data, .end = line.data + line.size};
    const char *wanted = split(&c, values);
    *stopped = (size_t)(c.at - line.data);
    return wanted;
}

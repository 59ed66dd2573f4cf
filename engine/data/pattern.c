#include "data/pattern.h"

#include <stdio.h>
#include <string.h>

#include "base/ffi.h"
#include "base/limits.h"
#include "base/memory.h"

/* A pattern is text, field, text, field, ..., text: the texts stand between the fields, the first
 * and the last may be empty. */
struct part {
    struct slice text; /* behind the field, or, of the first, at the line's start */
    int field;         /* its place among the names; FIELD_SKIPPED */
};

#define FIELD_SKIPPED (-1)

struct pattern {
    char *source; /* texts and names point into it */
    struct part parts[LIMIT_PATTERN_FIELDS_MAX + 1];
    uint32_t part_count; /* the first has no field */
    struct field fields[LIMIT_PATTERN_FIELDS_MAX];
    uint32_t field_count;
};

struct compiler {
    struct pattern *p;
    const char *start;
    char *at;
    char *end;
    struct error *e;
};

static int refuse(const struct compiler *c, const char *at, const char *what)
{
    return error_set(c->e, MILL_EINVAL, "at byte %d of the pattern: %s", (int)(at - c->start) + 1,
                     what);
}

/* Text up to the next field; "<<" becomes "<" in place. */
static struct slice take_text(struct compiler *c)
{
    char *into = c->at;
    struct slice text = {c->at, 0};
    while (c->at < c->end && (c->at[0] != '<' || (c->end - c->at > 1 && c->at[1] == '<'))) {
        c->at += c->at[0] == '<';
        *into++ = *c->at++;
        text.size++;
    }
    return text;
}

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        char c = s.data[i];
        bool is_word = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!is_word && c != '_' && c != '-' && c != '.') {
            return false;
        }
    }
    return s.size > 0;
}

static bool has_field(const struct pattern *p, struct slice name)
{
    for (uint32_t i = 0; i < p->field_count; i++) {
        struct slice other = p->fields[i].name;
        if (other.size == name.size && memcmp(other.data, name.data, name.size) == 0) {
            return true;
        }
    }
    return false;
}

/* A field's name, and its type when it has one. @param number  out: its place among the names */
static int add_field(struct compiler *c, struct slice name, struct slice type, int *number)
{
    struct pattern *p = c->p;
    *number = FIELD_SKIPPED;
    if (slice_is(name, "_")) {
        return type.data == NULL ? 0 : refuse(c, type.data, "<_> takes bytes of no type");
    }
    struct field *f = &p->fields[p->field_count];
    *f = (struct field){.name = name, .type = FIELD_STRING};
    if (!is_name(name)) {
        return refuse(c, name.data, "a name is of A-Z a-z 0-9 _ - and '.'");
    }
    if (has_field(p, name)) {
        return refuse(c, name.data, "two fields of one name");
    }
    if (type.data != NULL && !field_type_of(type, &f->type)) {
        return refuse(c, type.data, "a type is string, number, boolean or time");
    }
    *number = (int)p->field_count++;
    return 0;
}

/* <name> or <name:type> */
static int take_field(struct compiler *c, int *number)
{
    const char *opening = c->at;
    const char *closing = memchr(c->at, '>', (size_t)(c->end - c->at));
    if (closing == NULL) {
        return refuse(c, opening, "a field has no >; write << for a <");
    }
    struct slice name = {opening + 1, (size_t)(closing - opening - 1)};
    struct slice type = {0};
    const char *colon = memchr(name.data, ':', name.size);
    if (colon != NULL) {
        type = (struct slice){colon + 1, (size_t)(closing - colon - 1)};
        name.size = (size_t)(colon - name.data);
    }
    c->at += closing + 1 - opening;
    return add_field(c, name, type, number);
}

static int take_part(struct compiler *c)
{
    struct pattern *p = c->p;
    const char *opening = c->at;
    if (p->part_count > LIMIT_PATTERN_FIELDS_MAX) {
        return refuse(c, opening, "more than 64 fields");
    }
    if (p->part_count > 1 && p->parts[p->part_count - 1].text.size == 0) {
        return refuse(c, opening, "two fields need text between them");
    }
    struct part *part = &p->parts[p->part_count];
    int rc = take_field(c, &part->field);
    part->text = take_text(c);
    p->part_count++;
    return rc;
}

int pattern_compile(const char *text, size_t size, struct pattern **result, struct error *e)
{
    struct pattern *p = memory_zero(1, sizeof *p);
    p->source = memory_copy(text, size);
    struct compiler c = {
        .p = p, .start = p->source, .at = p->source, .end = p->source + size, .e = e};
    p->parts[p->part_count++] = (struct part){.text = take_text(&c), .field = FIELD_SKIPPED};
    int rc = 0;
    while (rc == 0 && c.at < c.end) {
        rc = take_part(&c);
    }
    if (rc == 0 && p->field_count == 0) {
        rc = error_set(e, MILL_EINVAL, "the pattern has no field with a name");
    }
    if (rc != 0) {
        pattern_destroy(p);
        return rc;
    }
    *result = p;
    return 0;
}

void pattern_destroy(struct pattern *p)
{
    if (p != NULL) {
        memory_free(p->source);
        memory_free(p);
    }
}

const struct field *pattern_fields(const struct pattern *p, uint32_t *count)
{
    *count = p->field_count;
    return p->fields;
}

static bool stands_at(const char *at, const char *end, struct slice text)
{
    return (size_t)(end - at) >= text.size && memcmp(at, text.data, text.size) == 0;
}

/* Where the text behind a field stands: the last one at the line's end, others where they are
 * first.
 * @return NULL: nowhere */
static const char *find_text(const char *at, const char *end, struct slice text, bool is_last)
{
    if (!is_last) {
        return memmem(at, (size_t)(end - at), text.data, text.size);
    }
    if ((size_t)(end - at) < text.size) {
        return NULL;
    }
    return stands_at(end - text.size, end, text) ? end - text.size : NULL;
}

bool pattern_match(const struct pattern *p, struct slice line, struct slice *values,
                   size_t *stopped, struct slice *wanted)
{
    const char *at = line.data;
    const char *end = line.data + line.size;
    if (!stands_at(at, end, p->parts[0].text)) {
        *stopped = 0;
        *wanted = p->parts[0].text;
        return false;
    }
    at += p->parts[0].text.size;
    for (uint32_t i = 1; i < p->part_count; i++) {
        const struct part *part = &p->parts[i];
        const char *stop = find_text(at, end, part->text, i + 1 == p->part_count);
        if (stop == NULL) {
            *stopped = (size_t)(at - line.data);
            *wanted = part->text;
            return false;
        }
        if (part->field != FIELD_SKIPPED) {
            values[part->field] = (struct slice){at, (size_t)(stop - at)};
        }
        at = stop + part->text.size;
    }
    return true;
}

bool mill_pattern_check(const char *text, size_t size, char *message, size_t message_size)
{
    struct pattern *p = NULL;
    struct error e = {0};
    if (pattern_compile(text, size, &p, &e) != 0) {
        snprintf(message, message_size, "%s", e.message);
        return false;
    }
    pattern_destroy(p);
    return true;
}

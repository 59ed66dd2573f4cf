#include "data/csv.h"

#include <string.h>

static const char *find(const char *at, const char *end, char byte)
{
    const char *found = memchr(at, byte, (size_t)(end - at));
    return found == NULL ? end : found;
}

/* Fields are short: a loop finds their ends sooner than memchr. */
static const char *find_near(const char *at, const char *end, char byte)
{
    while (at < end && *at != byte) {
        at++;
    }
    return at;
}

/* The quote that closes a field, `end` when none does. @param at  behind the quote that opens it */
static const char *find_closing(const char *at, const char *end, bool *has_double)
{
    *has_double = false;
    for (;;) {
        at = find(at, end, '"');
        if (end - at < 2 || at[1] != '"') {
            return at;
        }
        *has_double = true;
        at += 2;
    }
}

/* @return where the field ends, NULL when it does not */
static const char *take_quoted(const char *at, const char *end, char separator,
                               struct csv_field *field, const char **reason)
{
    const char *closing = find_closing(at + 1, end, &field->has_double_quotes);
    if (closing == end) {
        *reason = CSV_OPEN_QUOTE;
        return NULL;
    }
    if (closing + 1 != end && closing[1] != separator) {
        *reason = CSV_BEHIND_THE_QUOTE;
        return NULL;
    }
    field->text = (struct slice){at + 1, (size_t)(closing - at - 1)};
    return closing + 1;
}

uint32_t csv_split(struct slice row, char separator, struct csv_field *fields, uint32_t fields_max,
                   const char **reason)
{
    const char *at = row.data;
    const char *end = row.data + row.size;
    for (uint32_t count = 1;; count++) {
        struct csv_field field = {.has_double_quotes = false};
        const char *stop = NULL;
        if (at < end && *at == '"') {
            stop = take_quoted(at, end, separator, &field, reason);
            if (stop == NULL) {
                return 0;
            }
        } else {
            stop = find_near(at, end, separator);
            field.text = (struct slice){at, (size_t)(stop - at)};
        }
        if (count <= fields_max) {
            fields[count - 1] = field;
        }
        if (stop == end) {
            return count;
        }
        at = stop + 1;
    }
}

size_t csv_unquote(const struct csv_field *field, char *into)
{
    const char *at = field->text.data;
    const char *end = at + field->text.size;
    size_t size = 0;
    if (!field->has_double_quotes) {
        memcpy(into, at, field->text.size);
        return field->text.size;
    }
    while (at < end) {
        const char *quote = find(at, end, '"');
        size_t run = (size_t)(quote - at) + (quote != end);
        memcpy(into + size, at, run);
        size += run;
        at = quote == end ? end : quote + 2; /* the second of the two */
    }
    return size;
}

size_t csv_record_size(struct slice text, char separator, bool *ends)
{
    const char *at = text.data;
    const char *end = text.data + text.size;
    bool begins_field = true;
    for (; at < end && *at != '\n'; at++) {
        bool has_double = false;
        if (begins_field && *at == '"') {
            at = find_closing(at + 1, end, &has_double);
            if (at == end) {
                break;
            }
        }
        begins_field = *at == separator;
    }
    *ends = at < end;
    return (size_t)(at - text.data) + (at < end);
}

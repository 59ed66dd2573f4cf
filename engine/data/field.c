#include "data/field.h"

#include <string.h>

#include "data/json_number.h"
#include "data/timestamp.h"

#define NUMBER_TEXT_MAX 400 /* of those that JSON writes otherwise */

static const char *const type_names[] = {"string", "number", "boolean", "time"};

bool field_type_of(struct slice name, enum field_type *type)
{
    for (int i = 0; i < 4; i++) {
        if (slice_is(name, type_names[i])) {
            *type = (enum field_type)i;
            return true;
        }
    }
    return false;
}

/* --- numbers --- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* As JSON wants it: no plus, no zeros in front, a digit before the point.
 * @return bytes written, 0 when there is too little room */
static size_t normalise(struct slice text, char *into, size_t room)
{
    const char *at = text.data;
    const char *end = at + text.size;
    size_t size = 0;
    if (text.size == 0 || text.size + 1 > room) {
        return 0;
    }
    if (*at == '-') {
        into[size++] = '-';
    }
    at += *at == '-' || *at == '+';
    if (at < end && (*at == '-' || *at == '+')) {
        return 0;
    }
    while (end - at > 1 && at[0] == '0' && is_digit(at[1])) {
        at++;
    }
    if (end - at > 1 && at[0] == '.' && is_digit(at[1])) {
        into[size++] = '0';
    }
    memcpy(into + size, at, (size_t)(end - at));
    return size + (size_t)(end - at);
}

const char *field_read_number(struct slice text, struct mill_cell *cell)
{
    char copy[NUMBER_TEXT_MAX];
    *cell = json_number_cell(text);
    if (cell->kind == MILL_BAD) {
        size_t size = normalise(text, copy, sizeof copy);
        *cell = json_number_cell((struct slice){copy, size});
    }
    return cell->kind == MILL_BAD ? "no number" : NULL;
}

/* --- fields --- */

static struct slice trim(struct slice s)
{
    while (s.size > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s = (struct slice){s.data + 1, s.size - 1};
    }
    while (s.size > 0 && (s.data[s.size - 1] == ' ' || s.data[s.size - 1] == '\t')) {
        s.size--;
    }
    return s;
}

static bool read_boolean(struct slice text, struct mill_cell *cell)
{
    bool is_true = slice_is(text, "true");
    *cell = (struct mill_cell){.kind = MILL_BOOLEAN, .len = is_true};
    return is_true || slice_is(text, "false");
}

static bool read_time(struct slice text, struct mill_cell *cell)
{
    int64_t ms = 0;
    bool is_one = timestamp_parse(text.data, text.size, &ms);
    *cell = (struct mill_cell){.kind = MILL_NUMBER, .len = 1, .num = (double)ms};
    return is_one;
}

const char *field_read(enum field_type type, struct slice text, struct mill_cell *cell)
{
    if (type == FIELD_STRING) {
        *cell =
            (struct mill_cell){.kind = MILL_STRING, .len = (uint32_t)text.size, .ptr = text.data};
        return NULL;
    }
    struct slice value = trim(text);
    if (value.size == 0) {
        *cell = (struct mill_cell){.kind = MILL_EMPTY};
        return NULL;
    }
    switch (type) {
    case FIELD_NUMBER:
        return field_read_number(value, cell);
    case FIELD_BOOLEAN:
        return read_boolean(value, cell) ? NULL : "neither true nor false";
    case FIELD_TIME:
        return read_time(value, cell) ? NULL : "no time";
    case FIELD_STRING:
    default:
        return NULL;
    }
}

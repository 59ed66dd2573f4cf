#include "data/named_decoder.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "data/json.h"
#include "data/key.h"

#define SHOWN_BYTES 60 /* of a value, in a reason */

static struct named_decoder *of(struct decoder *d)
{
    return (struct named_decoder *)d;
}

void named_decoder_init(struct named_decoder *d)
{
    d->values = memory_zero(LIMIT_COLUMNS_MAX, sizeof *d->values);
}

void named_decoder_deinit(struct named_decoder *d)
{
    memory_free(d->values);
}

/* The first of several of one name. @return -1: there is none */
static int32_t find(const struct field *fields, uint32_t count, struct slice name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (key_compare(fields[i].name.data, fields[i].name.size, name.data, name.size) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

static void find_places(struct named_decoder *d)
{
    for (uint32_t i = 0; i < d->wanted_count; i++) {
        d->places[i] = find(d->fields, d->field_count, d->names[i]);
    }
}

void named_decoder_set_fields(struct named_decoder *d, const struct field *fields, uint32_t count)
{
    check(count <= LIMIT_COLUMNS_MAX);
    d->fields = fields;
    d->field_count = count;
    find_places(d);
}

void named_decoder_want(struct decoder *decoder, const struct slice *names, uint32_t count)
{
    struct named_decoder *d = of(decoder);
    check(count <= LIMIT_FIELDS_MAX);
    memcpy(d->names, names, count * sizeof *names);
    d->wanted_count = count;
    find_places(d);
}

const char *named_decoder_refuse(struct named_decoder *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(d->reason, sizeof d->reason, format, args);
    va_end(args);
    return d->reason;
}

static const char *refuse_value(struct named_decoder *d, uint32_t place, const char *reason)
{
    struct slice name = d->fields[place].name;
    struct slice text = d->values[place].text;
    return named_decoder_refuse(d, "%.*s: \"%.*s%s\" is %s",
                                (int)(name.size < SHOWN_BYTES ? name.size : SHOWN_BYTES), name.data,
                                (int)(text.size < SHOWN_BYTES ? text.size : SHOWN_BYTES), text.data,
                                text.size > SHOWN_BYTES ? "..." : "", reason);
}

/* Types are looked at whoever wants the field. @return NULL, or which is none of its type */
static const char *check_types(struct named_decoder *d)
{
    for (uint32_t i = 0; i < d->field_count; i++) {
        if (d->fields[i].type != FIELD_STRING && d->values[i].text.data != NULL) {
            struct mill_cell cell;
            const char *reason = field_read(d->fields[i].type, d->values[i].text, &cell);
            if (reason != NULL) {
                return refuse_value(d, i, reason);
            }
        }
    }
    return NULL;
}

/* A value that is good, or was found to be. */
static struct mill_cell read_value(const struct named_decoder *d, uint32_t place,
                                   struct arena *arena)
{
    struct mill_cell cell = {.kind = MILL_EMPTY};
    const struct csv_field *value = &d->values[place];
    if (value->text.data == NULL) {
        return cell;
    }
    struct slice text = value->text;
    if (value->has_double_quotes) {
        char *plain = arena_alloc(arena, text.size);
        text = (struct slice){plain, csv_unquote(value, plain)};
    }
    const char *reason = field_read(d->fields[place].type, text, &cell);
    check(reason == NULL);
    return cell;
}

enum decoder_result named_decoder_read(struct decoder *decoder, struct slice row,
                                       struct mill_cell *const *columns, uint32_t at,
                                       struct arena *arena)
{
    struct named_decoder *d = of(decoder);
    if (row.size == 0) {
        return DECODER_NOTHING;
    }
    const char *reason = d->split(d, row, d->values);
    reason = reason == NULL ? check_types(d) : reason;
    if (reason != NULL) {
        decoder->reason = reason;
        return DECODER_BAD;
    }
    for (uint32_t i = 0; i < d->wanted_count; i++) {
        if (d->places[i] >= 0) {
            columns[i][at] = read_value(d, (uint32_t)d->places[i], arena);
        }
    }
    return DECODER_RECORD;
}

static void add_json(const struct mill_cell *cell, struct buffer *into)
{
    switch ((enum mill_kind)cell->kind) {
    case MILL_NUMBER:
        (void)json_add_number(into, cell->num);
        break;
    case MILL_INT64:
        json_add_int64(into, cell->i64);
        break;
    case MILL_UINT64:
        json_add_uint64(into, cell->u64);
        break;
    case MILL_BOOLEAN:
        json_add_boolean(into, cell->len != 0);
        break;
    case MILL_STRING:
        json_add_string(into, cell->ptr, cell->len);
        break;
    case MILL_EMPTY:
    case MILL_PACKED:
    case MILL_BOXED:
    case MILL_RECORD:
    case MILL_LIST:
    case MILL_BAD:
        check(false);
        break;
    }
}

void named_decoder_to_json(struct decoder *decoder, struct slice row, struct buffer *into)
{
    struct named_decoder *d = of(decoder);
    const char *reason = d->split(d, row, d->values);
    check(reason == NULL);
    struct arena arena;
    arena_init(&arena);
    (void)!buffer_append_byte(into, '{');
    bool is_first = true;
    for (uint32_t i = 0; i < d->field_count; i++) {
        struct slice name = d->fields[i].name;
        struct mill_cell cell = read_value(d, i, &arena);
        if (cell.kind == MILL_EMPTY || d->fields[i].is_hidden) {
            continue;
        }
        if (!is_first) {
            (void)!buffer_append_byte(into, ',');
        }
        json_add_string(into, name.data, name.size);
        (void)!buffer_append_byte(into, ':');
        add_json(&cell, into);
        is_first = false;
    }
    (void)!buffer_append_byte(into, '}');
    arena_deinit(&arena);
}

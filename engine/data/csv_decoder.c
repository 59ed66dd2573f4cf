#include "data/csv_decoder.h"

#include <string.h>

#include "base/check.h"
#include "data/key.h"
#include "data/named_decoder.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define NO_HEAD         "the file's first line has no names of columns"

struct csv_decoder {
    struct named_decoder base; /* first */
    struct arena type_names;
    struct field *types;
    uint32_t type_count;
    char separator;
    bool has_head;
    bool names_in_head;
    bool is_multiline;
    const char *head_at;      /* of the piece that was begun; NULL: it has none */
    struct buffer head;       /* the line that the columns are of; their names point into it */
    const char *head_wrong;   /* why no record of this file can be read, or NULL */
    const char *type_unknown; /* a type for a column that the head does not have, or NULL */
    struct field *columns;    /* LIMIT_COLUMNS_MAX */
    uint32_t column_count;
};

static struct csv_decoder *of(struct decoder *d)
{
    return (struct csv_decoder *)d;
}

/* --- columns --- */

static bool same(struct slice a, struct slice b)
{
    return key_compare(a.data, a.size, b.data, b.size) == 0;
}

static void add_column(struct csv_decoder *c, struct slice name)
{
    struct field *column = &c->columns[c->column_count];
    *column = (struct field){.name = name, .type = FIELD_STRING};
    for (uint32_t i = 0; i < c->column_count; i++) {
        column->is_hidden = column->is_hidden || same(c->columns[i].name, name);
    }
    for (uint32_t i = 0; i < c->type_count && !column->is_hidden; i++) {
        if (same(c->types[i].name, name)) {
            column->type = c->types[i].type;
        }
    }
    c->column_count++;
}

static const char *find_unknown_type(const struct csv_decoder *c)
{
    for (uint32_t t = 0; t < c->type_count; t++) {
        bool is_known = false;
        for (uint32_t i = 0; i < c->column_count; i++) {
            is_known = is_known || same(c->types[t].name, c->columns[i].name);
        }
        if (!is_known) {
            return c->types[t].name.data;
        }
    }
    return NULL;
}

/* @return NULL, or why the line is no head */
static const char *split_head(struct csv_decoder *c)
{
    const char *reason = NULL;
    struct slice line = {c->head.data, c->head.size};
    if (line.size == 0) {
        return NO_HEAD;
    }
    struct csv_field *names = c->base.values;
    uint32_t count = csv_split(line, c->separator, names, LIMIT_COLUMNS_MAX, &reason);
    if (count == 0) {
        return reason;
    }
    if (count > LIMIT_COLUMNS_MAX) {
        return "more than 1,024 columns";
    }
    char *name_at = c->head.data; /* unquoted names are not longer, and written over their own */
    for (uint32_t i = 0; i < count; i++) {
        size_t size = names[i].text.size;
        if (names[i].has_double_quotes) {
            char *plain = memory_alloc(size);
            size = csv_unquote(&names[i], plain);
            memcpy(name_at, plain, size);
            memory_free(plain);
        } else {
            memmove(name_at, names[i].text.data, size);
        }
        add_column(c, (struct slice){name_at, size});
        name_at += size;
    }
    return NULL;
}

/* Take a line's names as the columns, once for all pieces of files that begin with it. */
static void set_head(struct csv_decoder *c, struct slice line)
{
    buffer_clear(&c->head);
    c->column_count = 0;
    c->type_unknown = NULL;
    c->head_wrong = buffer_append(&c->head, line.data, line.size) != 0
                        ? "a first line of more than 1 MiB"
                        : split_head(c);
    if (c->head_wrong == NULL) {
        c->type_unknown = find_unknown_type(c);
    }
    named_decoder_set_fields(&c->base, c->columns, c->column_count);
}

/* --- records --- */

static struct slice strip_line_end(const char *line, size_t size)
{
    if (size > 0 && line[size - 1] == '\n') {
        size--;
        size -= size > 0 && line[size - 1] == '\r';
    }
    return (struct slice){line, size};
}

static struct slice skip_mark(struct slice text)
{
    size_t mark = sizeof BYTE_ORDER_MARK - 1;
    bool has_mark = text.size >= mark && memcmp(text.data, BYTE_ORDER_MARK, mark) == 0;
    return has_mark ? (struct slice){text.data + mark, text.size - mark} : text;
}

/* The first record with its line end. @param ends  out: whether it has one */
static struct slice first_record(const struct csv_decoder *c, struct slice text, bool *ends)
{
    if (c->is_multiline) {
        return (struct slice){text.data, csv_record_size(text, c->separator, ends)};
    }
    const char *newline = text.size == 0 ? NULL : memchr(text.data, '\n', text.size);
    *ends = newline != NULL;
    return *ends ? (struct slice){text.data, (size_t)(newline + 1 - text.data)} : text;
}

static void begin(struct decoder *d, struct slice text, uint64_t offset)
{
    struct csv_decoder *c = of(d);
    bool ends = false;
    c->head_at = NULL;
    if (offset == 0 && c->has_head) {
        text = skip_mark(text);
        c->head_at = text.data;
    }
    if (c->head_at != NULL && c->names_in_head) {
        struct slice line = first_record(c, text, &ends);
        set_head(c, strip_line_end(line.data, line.size));
    }
}

/* Records follow it, so a line without an end is only a part of one. */
static bool take_head(struct decoder *d, struct slice text)
{
    struct csv_decoder *c = of(d);
    bool ends = true;
    if (c->names_in_head) {
        struct slice line = first_record(c, skip_mark(text), &ends);
        set_head(c, ends ? strip_line_end(line.data, line.size) : (struct slice){NULL, 0});
    }
    return ends;
}

/* Rows that quoted line ends do not cut. An open quote costs its own line, not all that follow. */
static uint32_t cut(struct decoder *d, const char *text, size_t *size, struct mill_slice *rows,
                    uint32_t rows_max)
{
    const char *at = text;
    const char *end = text + *size;
    uint32_t count = 0;
    while (at < end && at < d->own_end && count < rows_max) {
        bool ends = false;
        size_t used =
            csv_record_size((struct slice){at, (size_t)(end - at)}, of(d)->separator, &ends);
        if (!ends && !d->is_whole) {
            break;
        }
        if (!ends) {
            const char *newline = memchr(at, '\n', used);
            used = newline == NULL ? used : (size_t)(newline + 1 - at);
        }
        struct slice row = strip_line_end(at, used);
        rows[count++] = (struct mill_slice){.ptr = row.data, .len = (uint32_t)row.size};
        at += used;
    }
    *size = (size_t)(at - text);
    return count;
}

static const char *split(struct named_decoder *d, struct slice row, struct csv_field *values)
{
    struct csv_decoder *c = (struct csv_decoder *)d;
    const char *reason = c->head_wrong;
    if (reason != NULL) {
        return NO_HEAD;
    }
    uint32_t count = csv_split(row, c->separator, values, c->column_count, &reason);
    if (count != 0 && count != c->column_count) {
        return named_decoder_refuse(d, "%u fields; there are %u columns", count, c->column_count);
    }
    return reason;
}

static enum decoder_result read_head(struct csv_decoder *c)
{
    if (c->head_wrong == NULL && c->type_unknown == NULL) {
        return DECODER_NOTHING;
    }
    c->base.base.reason =
        c->head_wrong != NULL
            ? c->head_wrong
            : named_decoder_refuse(&c->base, "types: there is no column \"%.100s\"",
                                   c->type_unknown);
    return DECODER_BAD;
}

static enum decoder_result read_row(struct decoder *d, struct slice row,
                                    struct mill_cell *const *columns, uint32_t at,
                                    struct arena *arena)
{
    return row.data == of(d)->head_at ? read_head(of(d))
                                      : named_decoder_read(d, row, columns, at, arena);
}

/* --- making one --- */

static void destroy(struct decoder *d)
{
    struct csv_decoder *c = of(d);
    arena_deinit(&c->type_names);
    memory_free(c->types);
    memory_free(c->columns);
    buffer_deinit(&c->head);
    named_decoder_deinit(&c->base);
    memory_free(c);
}

static void copy_types(struct csv_decoder *c, const struct csv_options *options)
{
    c->type_count = options->type_count;
    c->types = memory_zero(options->type_count + 1, sizeof *c->types);
    for (uint32_t i = 0; i < c->type_count; i++) {
        struct slice name = options->types[i].name;
        char *text = arena_alloc(&c->type_names, name.size + 1);
        memcpy(text, name.data, name.size);
        text[name.size] = '\0';
        c->types[i] = (struct field){.name = {text, name.size}, .type = options->types[i].type};
    }
}

/* The names stand one after the other, as those of a head do. */
static void copy_columns(struct csv_decoder *c, const struct csv_options *options)
{
    size_t size = 0;
    for (uint32_t i = 0; i < options->column_count; i++) {
        size += options->columns[i].size;
    }
    int rc = buffer_reserve(&c->head, size);
    for (uint32_t i = 0; i < options->column_count && rc == 0; i++) {
        const char *at = c->head.data + c->head.size;
        rc = buffer_append(&c->head, options->columns[i].data, options->columns[i].size);
        add_column(c, (struct slice){at, options->columns[i].size});
    }
    check(rc == 0);
    named_decoder_set_fields(&c->base, c->columns, c->column_count);
}

struct decoder *csv_decoder_create(const struct csv_options *options)
{
    static const struct decoder_ops lines = {.begin = begin,
                                             .head = take_head,
                                             .want = named_decoder_want,
                                             .read = read_row,
                                             .to_json = named_decoder_to_json,
                                             .destroy = destroy};
    static const struct decoder_ops multiline = {.begin = begin,
                                                 .head = take_head,
                                                 .cut = cut,
                                                 .want = named_decoder_want,
                                                 .read = read_row,
                                                 .to_json = named_decoder_to_json,
                                                 .destroy = destroy};
    struct csv_decoder *c = memory_zero(1, sizeof *c);
    c->base.base.ops = options->is_multiline ? &multiline : &lines;
    c->base.split = split;
    named_decoder_init(&c->base);
    arena_init(&c->type_names);
    c->separator = options->separator;
    c->is_multiline = options->is_multiline;
    c->names_in_head = options->column_count == 0;
    c->has_head = options->has_head || c->names_in_head;
    c->head_wrong = c->names_in_head ? NO_HEAD : NULL;
    c->columns = memory_zero(LIMIT_COLUMNS_MAX, sizeof *c->columns);
    buffer_init(&c->head, LIMIT_HEAD_BYTES);
    copy_types(c, options);
    copy_columns(c, options);
    return &c->base.base;
}

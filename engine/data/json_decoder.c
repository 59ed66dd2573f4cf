#include "data/json_decoder.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "data/json_check.h"
#include "data/json_read.h"
#include "data/json_walk.h"

#define KEPT_BYTES_MAX   MIB
#define PADDED_BYTES_MAX (LIMIT_RECORD_BYTES_MAX + LIMIT_TEXT_PADDING)

struct json_decoder {
    struct decoder base; /* first */
    struct json_walk *walk;
    uint32_t field_count;
    bool is_strict;
    struct slice tokens[LIMIT_FIELDS_MAX];
    struct buffer padded; /* a line that has too little behind it */
    struct slice plain;   /* no backslash is in it; it ends with the text, or in front of one */
    char reason[128];
};

static struct json_decoder *of(struct decoder *d)
{
    return (struct json_decoder *)d;
}

static void begin(struct decoder *d, struct slice text, uint64_t offset)
{
    (void)offset;
    of(d)->plain = (struct slice){text.data, 0};
    size_t readable = (size_t)(d->readable_end - text.data);
    size_t padded = readable < LIMIT_TEXT_PADDING ? 0 : readable - LIMIT_TEXT_PADDING;
    struct slice walked = {text.data, padded < text.size ? padded : text.size};
    json_walk_begin(of(d)->walk, walked);
}

static void want(struct decoder *d, const struct slice *names, uint32_t count)
{
    of(d)->field_count = count;
    json_walk_want(of(d)->walk, names, count);
}

static bool is_blank(struct slice row)
{
    for (size_t i = 0; i < row.size; i++) {
        if (row.data[i] != ' ' && row.data[i] != '\t' && row.data[i] != '\r') {
            return false;
        }
    }
    return true;
}

/* The last lines of a text whose memory ends with it are copied. */
static struct slice with_padding(struct json_decoder *j, struct slice row)
{
    if ((size_t)(j->base.readable_end - (row.data + row.size)) >= LIMIT_TEXT_PADDING) {
        return row;
    }
    if (j->padded.capacity > KEPT_BYTES_MAX) {
        buffer_deinit(&j->padded);
        buffer_init(&j->padded, PADDED_BYTES_MAX);
    }
    buffer_clear(&j->padded);
    if (buffer_reserve(&j->padded, row.size + LIMIT_TEXT_PADDING) != 0) {
        return (struct slice){NULL, 0};
    }
    memcpy(j->padded.data, row.data, row.size);
    memset(j->padded.data + row.size, 0, LIMIT_TEXT_PADDING);
    return (struct slice){j->padded.data, row.size};
}

/* Most texts have no escapes. To look for the next one in all that is left costs less than to look
 * into each value. */
static bool is_plain(struct json_decoder *j, struct slice row)
{
    const char *row_end = row.data + row.size;
    if (row.data < j->plain.data || row.data >= j->plain.data + j->plain.size) {
        const char *text_end = j->base.own_end > row_end ? j->base.own_end : row_end;
        const char *escape = memchr(row.data, '\\', (size_t)(text_end - row.data));
        const char *end = escape == NULL ? text_end : escape;
        j->plain = (struct slice){row.data, (size_t)(end - row.data)};
    }
    return row_end <= j->plain.data + j->plain.size;
}

static bool is_spelled_wrong(struct json_decoder *j, struct slice row)
{
    size_t at = 0;
    const char *wrong = json_check(row, &at);
    if (wrong != NULL) {
        snprintf(j->reason, sizeof j->reason, "%s, at byte %zu", wrong, at);
        j->base.reason = j->reason;
    }
    return wrong != NULL;
}

static enum decoder_result read_row(struct decoder *d, struct slice row,
                                    struct mill_cell *const *columns, uint32_t at,
                                    struct arena *arena)
{
    struct json_decoder *j = of(d);
    if (is_blank(row)) {
        return DECODER_NOTHING;
    }
    struct slice line = with_padding(j, row);
    if (line.data == NULL) {
        d->reason = "larger than 16 MiB";
        return DECODER_BAD;
    }
    d->reason = json_walk_line(j->walk, line, j->tokens);
    if (d->reason != NULL || (j->is_strict && is_spelled_wrong(j, row))) {
        return DECODER_BAD;
    }
    bool has_no_escape = is_plain(j, row);
    for (uint32_t i = 0; i < j->field_count; i++) {
        struct slice token = j->tokens[i];
        if (token.data != NULL) {
            token.data = row.data + (token.data - line.data);
            columns[i][at] = has_no_escape ? json_plain_cell(token) : json_cell(token, arena);
        }
    }
    return DECODER_RECORD;
}

static void destroy(struct decoder *d)
{
    json_walk_destroy(of(d)->walk);
    buffer_deinit(&of(d)->padded);
    memory_free(d);
}

struct decoder *json_decoder_create(bool strict)
{
    static const struct decoder_ops ops = {
        .begin = begin, .want = want, .read = read_row, .destroy = destroy};
    struct json_decoder *j = memory_zero(1, sizeof *j);
    j->base.ops = &ops;
    j->walk = json_walk_create();
    j->is_strict = strict;
    buffer_init(&j->padded, PADDED_BYTES_MAX);
    return &j->base;
}

#include "data/msgpack_decoder.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "data/cell.h"
#include "data/json.h"
#include "data/key.h"
#include "data/msgpack.h"

struct msgpack_decoder {
    struct decoder base; /* first */
    const struct slice *names;
    uint32_t name_count;
    const char *broken_at; /* the row that is broken; NULL: none is */
    const char *broken_why;
    bool is_found[LIMIT_FIELDS_MAX]; /* of the names, in the row that is read */
    struct buffer json;
};

static struct msgpack_decoder *of(struct decoder *d)
{
    return (struct msgpack_decoder *)d;
}

static void begin(struct decoder *d, struct slice text, uint64_t offset)
{
    (void)text;
    (void)offset;
    of(d)->broken_at = NULL;
    d->is_broken = false;
}

static void want(struct decoder *d, const struct slice *names, uint32_t count)
{
    of(d)->names = names;
    of(d)->name_count = count;
}

/* --- telling records apart --- */

#define NO_MSGPACK "no msgpack, or larger than 16 MiB; the rest is not read"
#define BREAKS_OFF "msgpack that breaks off"

static void break_off(struct decoder *d, struct slice rest, struct mill_slice *row, bool is_short)
{
    size_t size = rest.size < MSGPACK_BROKEN_BYTES ? rest.size : MSGPACK_BROKEN_BYTES;
    *row = (struct mill_slice){.ptr = rest.data, .len = (uint32_t)size};
    of(d)->broken_at = rest.data;
    bool is_cut = is_short && rest.size <= LIMIT_RECORD_BYTES_MAX;
    of(d)->broken_why = is_cut ? BREAKS_OFF : NO_MSGPACK;
    d->is_broken = true;
}

static uint32_t cut(struct decoder *d, const char *text, size_t *size, struct mill_slice *rows,
                    uint32_t rows_max)
{
    const char *at = text;
    const char *end = text + *size;
    uint32_t count = 0;
    while (at < end && at < d->own_end && count < rows_max) {
        struct slice rest = {at, (size_t)(end - at)};
        size_t used = 0;
        enum msgpack_found found = msgpack_measure(at, rest.size, &used);
        if (found == MSGPACK_SHORT && !d->is_whole) {
            break;
        }
        if (found != MSGPACK_WHOLE) {
            break_off(d, rest, &rows[count++], found == MSGPACK_SHORT);
            at = end;
            break;
        }
        rows[count++] = (struct mill_slice){.ptr = at, .len = (uint32_t)used};
        at += used;
    }
    *size = (size_t)(at - text);
    return count;
}

/* --- reading --- */

static struct mill_cell as_json(struct msgpack_decoder *m, struct slice value, enum mill_kind kind,
                                struct arena *arena)
{
    size_t used = 0;
    buffer_clear(&m->json);
    int rc = json_add_msgpack(&m->json, value.data, value.size, &used);
    if (rc != 0 || m->json.failed) {
        static const char why[] = "too large to be read";
        return (struct mill_cell){.kind = MILL_BAD, .len = sizeof why - 1, .ptr = why};
    }
    char *copy = arena_copy(arena, m->json.data, m->json.size);
    return (struct mill_cell){.kind = (uint16_t)kind, .len = (uint32_t)m->json.size, .ptr = copy};
}

static struct mill_cell number_or_none(double v)
{
    return isfinite(v) ? (struct mill_cell){.kind = MILL_NUMBER, .len = 1, .num = v}
                       : (struct mill_cell){.kind = MILL_EMPTY};
}

static struct mill_cell read_float32(const char *at)
{
    uint32_t bits = bytes_get_u32(at);
    float v = 0;
    memcpy(&v, &bits, sizeof v);
    return number_or_none((double)v);
}

/* What cell_of_msgpack leaves packed. */
static struct mill_cell read_packed(struct msgpack_decoder *m, struct slice value,
                                    struct arena *arena)
{
    uint8_t head = (uint8_t)value.data[0];
    switch (head) {
    case 0xc0:
        return (struct mill_cell){.kind = MILL_EMPTY};
    case 0xc2:
    case 0xc3:
        return (struct mill_cell){.kind = MILL_BOOLEAN, .len = head == 0xc3};
    case 0xc4:
    case 0xc5:
    case 0xc6: { /* bin: head, size of 1, 2 or 4 bytes */
        size_t skip = 1 + ((size_t)1 << (head - 0xc4));
        return (struct mill_cell){
            .kind = MILL_STRING, .len = (uint32_t)(value.size - skip), .ptr = value.data + skip};
    }
    case 0xca:
        return read_float32(value.data + 1);
    case 0xcf: {
        uint64_t v = bytes_get_u64(value.data + 1);
        return v > INT64_MAX ? (struct mill_cell){.kind = MILL_UINT64, .u64 = v}
                             : (struct mill_cell){.kind = MILL_INT64, .i64 = (int64_t)v};
    }
    case 0xd3:
        return (struct mill_cell){.kind = MILL_INT64,
                                  .i64 = (int64_t)bytes_get_u64(value.data + 1)};
    default: { /* arrays and maps */
        bool is_list = (head & 0xf0) == 0x90 || head == 0xdc || head == 0xdd;
        return as_json(m, value, is_list ? MILL_LIST : MILL_RECORD, arena);
    }
    }
}

static struct mill_cell read_value(struct msgpack_decoder *m, struct slice value,
                                   struct arena *arena)
{
    struct mill_cell cell = cell_of_msgpack(value);
    if (cell.kind == MILL_NUMBER) {
        return number_or_none(cell.num);
    }
    return cell.kind == MILL_PACKED ? read_packed(m, value, arena) : cell;
}

/* The bytes of a map's head and how many members follow. @return 0: it is no map */
static size_t map_head(struct slice row, uint32_t *members)
{
    struct reader r;
    reader_init(&r, row.data, row.size);
    uint8_t head = reader_u8(&r);
    bool is_map = (head & 0xf0) == 0x80 || head == 0xde || head == 0xdf;
    *members = head == 0xde ? reader_u16(&r) : head == 0xdf ? reader_u32(&r) : head & 0x0f;
    return is_map && !r.failed ? row.size - reader_left(&r) : 0;
}

static struct slice take_value(struct slice *rest)
{
    size_t size = 0;
    enum msgpack_found found = msgpack_measure(rest->data, rest->size, &size);
    check(found == MSGPACK_WHOLE); /* the row was scanned */
    struct slice value = {rest->data, size};
    *rest = (struct slice){rest->data + size, rest->size - size};
    return value;
}

/* The first of several members of one name counts. */
static void read_member(struct msgpack_decoder *m, struct slice key, struct slice value,
                        struct mill_cell *const *columns, uint32_t at, struct arena *arena)
{
    struct mill_cell name = cell_of_msgpack(key);
    for (uint32_t i = 0; i < m->name_count && name.kind == MILL_STRING; i++) {
        struct slice wanted = m->names[i];
        if (!m->is_found[i] && key_compare(wanted.data, wanted.size, name.ptr, name.len) == 0) {
            columns[i][at] = read_value(m, value, arena);
            m->is_found[i] = true;
        }
    }
}

static const char *find_wrong(const struct msgpack_decoder *m, struct slice row, size_t *head,
                              uint32_t *members)
{
    if (row.data == m->broken_at) {
        return m->broken_why;
    }
    *head = map_head(row, members);
    if (*head == 0) {
        return "no map";
    }
    return msgpack_is_plain(row.data, row.size) ? NULL : "an extension, or deeper than 32 levels";
}

static enum decoder_result read_row(struct decoder *d, struct slice row,
                                    struct mill_cell *const *columns, uint32_t at,
                                    struct arena *arena)
{
    struct msgpack_decoder *m = of(d);
    size_t head = 0;
    uint32_t members = 0;
    d->reason = find_wrong(m, row, &head, &members);
    if (d->reason != NULL) {
        return DECODER_BAD;
    }
    struct slice rest = {row.data + head, row.size - head};
    memset(m->is_found, 0, m->name_count * sizeof *m->is_found);
    for (uint32_t i = 0; i < members && m->name_count > 0; i++) {
        struct slice key = take_value(&rest);
        struct slice value = take_value(&rest);
        read_member(m, key, value, columns, at, arena);
    }
    return DECODER_RECORD;
}

static void to_json(struct decoder *d, struct slice row, struct buffer *into)
{
    (void)d;
    size_t used = 0;
    int rc = json_add_msgpack(into, row.data, row.size, &used);
    check(rc == 0);
}

static void destroy(struct decoder *d)
{
    buffer_deinit(&of(d)->json);
    memory_free(d);
}

struct decoder *msgpack_decoder_create(void)
{
    static const struct decoder_ops ops = {.begin = begin,
                                           .cut = cut,
                                           .want = want,
                                           .read = read_row,
                                           .to_json = to_json,
                                           .destroy = destroy};
    struct msgpack_decoder *m = memory_zero(1, sizeof *m);
    m->base.ops = &ops;
    buffer_init(&m->json, 7 * LIMIT_RECORD_BYTES_MAX);
    return &m->base;
}

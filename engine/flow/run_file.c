#include "flow/run_file.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"

#define WRITE_BYTES   ((size_t)256 * 1024)
#define KEY_BYTES_MAX (LIMIT_KEY_BYTES_MAX + PANE_HEAD_BYTES)
#define READ_BYTES    ((size_t)64 * 1024)

struct frame {
    uint64_t order;
    uint64_t origin;
    uint32_t key_size;
    uint32_t key_group;
    uint32_t kind;
    uint32_t len; /* bytes of the value behind the key; of a number: values in it */
    uint32_t reserved;
    double num;
};

static size_t value_bytes(uint32_t kind, uint32_t len)
{
    return kind == MILL_NUMBER ? 0 : len;
}

static int append_entry(struct buffer *b, const struct shuffle_entry *entry)
{
    struct frame frame = {
        .order = entry->order,
        .key_size = entry->key_size,
        .key_group = entry->key_group,
        .origin = entry->origin,
        .kind = entry->cell.kind,
        .len = entry->cell.len,
        .num = entry->cell.kind == MILL_NUMBER ? entry->cell.num : 0,
    };
    int rc = buffer_append(b, &frame, sizeof frame);
    if (rc == 0) {
        rc = buffer_append(b, entry->key, entry->key_size);
    }
    size_t size = value_bytes(entry->cell.kind, entry->cell.len);
    return rc == 0 && size > 0 ? buffer_append(b, entry->cell.ptr, size) : rc;
}

static int write_out(struct mill_shuffle *s, struct buffer *b, struct error *e)
{
    int rc = spill_write(&s->spill, b->data, b->size, e);
    buffer_clear(b);
    return rc;
}

static int write_shard(struct mill_shuffle *s, uint32_t shard, struct buffer *b, struct error *e)
{
    for (uint32_t i = s->shard_start[shard]; i < s->shard_start[shard + 1]; i++) {
        int rc = append_entry(b, &s->entries[s->sorted[i]]);
        check(rc == 0);
        if (b->size >= WRITE_BYTES && (rc = write_out(s, b, e)) != 0) {
            return rc;
        }
    }
    return 0;
}

int run_file_write(struct mill_shuffle *s, struct shuffle_run *run, struct error *e)
{
    struct buffer b;
    buffer_init(&b, WRITE_BYTES + sizeof(struct frame) + KEY_BYTES_MAX + LIMIT_RECORD_BYTES_MAX);
    int rc = 0;
    for (uint32_t shard = 0; shard < SHARD_COUNT && rc == 0; shard++) {
        run->shard_offset[shard] = s->spill.size + b.size;
        rc = write_shard(s, shard, &b, e);
    }
    run->shard_offset[SHARD_COUNT] = s->spill.size + b.size;
    if (rc == 0) {
        rc = write_out(s, &b, e);
    }
    buffer_deinit(&b);
    return rc;
}

void run_reader_init(struct run_reader *r, const struct spill *spill, uint64_t from, uint64_t end)
{
    *r = (struct run_reader){.spill = spill, .offset = from, .end = end};
    buffer_init(&r->window,
                READ_BYTES + sizeof(struct frame) + KEY_BYTES_MAX + LIMIT_RECORD_BYTES_MAX);
}

void run_reader_deinit(struct run_reader *r)
{
    buffer_deinit(&r->window);
}

/* Have at least `needed` bytes of the window ahead of r->at, or all that is left of the run. */
static int fill(struct run_reader *r, size_t needed, struct error *e)
{
    size_t have = r->window.size - r->at;
    if (have >= needed || r->offset == r->end) {
        return 0;
    }
    if (r->at > 0) {
        memmove(r->window.data, r->window.data + r->at, have);
        r->window.size = have;
        r->at = 0;
    }
    uint64_t left = r->end - r->offset;
    size_t more = needed - have > READ_BYTES ? needed - have : READ_BYTES;
    more = more < left ? more : (size_t)left;
    int rc = buffer_reserve(&r->window, more);
    check(rc == 0);
    rc = spill_read(r->spill, r->window.data + have, more, r->offset, e);
    if (rc == 0) {
        r->window.size += more;
        r->offset += more;
    }
    return rc;
}

int run_reader_next(struct run_reader *r, struct shuffle_entry *entry, struct error *e)
{
    struct frame frame;
    int rc = fill(r, sizeof frame, e);
    if (rc != 0) {
        return rc;
    }
    if (r->window.size == r->at) {
        return 0;
    }
    check(r->window.size - r->at >= sizeof frame);
    memcpy(&frame, r->window.data + r->at, sizeof frame);
    size_t value = value_bytes(frame.kind, frame.len);
    rc = fill(r, sizeof frame + frame.key_size + value, e);
    if (rc != 0) {
        return rc;
    }
    check(r->window.size - r->at >= sizeof frame + frame.key_size + value);
    const char *key = r->window.data + r->at + sizeof frame;
    *entry = (struct shuffle_entry){
        .key = key,
        .key_size = frame.key_size,
        .key_group = frame.key_group,
        .order = frame.order,
        .origin = frame.origin,
        .cell = {.kind = (uint16_t)frame.kind, .len = frame.len, .num = frame.num},
    };
    if (frame.kind != MILL_NUMBER) {
        entry->cell.ptr = key + frame.key_size;
    }
    r->at += sizeof frame + frame.key_size + value;
    return 1;
}

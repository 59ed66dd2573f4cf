#include "io/file_plan.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"

#define OPEN_FILES_MAX 64

void file_plan_init(struct file_plan *p)
{
    *p = (struct file_plan){0};
}

void file_plan_deinit(struct file_plan *p)
{
    file_plan_clear(p);
    memory_free(p->ranges);
    *p = (struct file_plan){0};
}

static void forget(struct file_range *range)
{
    memory_free(range->path);
    input_file_close(range->file);
}

void file_plan_clear(struct file_plan *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        forget(&p->ranges[i]);
    }
    p->count = 0;
    p->is_rerun = false;
    p->cursor = 0;
    p->bytes = 0;
    p->sequence = 0;
    p->in_flight = 0;
}

static struct file_range *append(struct file_plan *p)
{
    if (p->count == p->capacity) {
        p->capacity = p->capacity == 0 ? 16 : p->capacity * 2;
        p->ranges = memory_grow(p->ranges, (size_t)p->capacity * sizeof *p->ranges);
    }
    return &p->ranges[p->count++];
}

/* @param share  bytes of it, > 0 */
static void add_range(struct file_plan *p, const struct known_file *f, uint64_t share)
{
    bool is_packed = (f->flags & FILE_PACKED) != 0;
    *append(p) = (struct file_range){
        .serial = f->serial,
        .is_packed = is_packed,
        .takes_unfinished = f->is_still,
        .start = f->offset,
        .at = f->offset,
        .end = is_packed ? UINT64_MAX : f->offset + share,
        .limit = f->size,
        .share = share,
    };
    p->bytes += share;
}

void file_plan_make(struct file_plan *p, const struct file_registry *r, uint64_t bytes_max)
{
    file_plan_clear(p);
    for (uint32_t i = 0; i < r->count && p->bytes < bytes_max; i++) {
        const struct known_file *f = &r->files[i];
        uint64_t share = known_file_unread(f);
        uint64_t left = bytes_max - p->bytes;
        if (share > left && (f->flags & FILE_PACKED) == 0) {
            share = left;
        }
        if (share > 0) {
            add_range(p, f, share);
        }
    }
}

struct file_range *file_plan_current(struct file_plan *p)
{
    while (p->cursor < p->count && p->ranges[p->cursor].at >= p->ranges[p->cursor].end) {
        p->cursor++;
    }
    return p->cursor < p->count ? &p->ranges[p->cursor] : NULL;
}

bool file_plan_is_through(const struct file_plan *p)
{
    for (uint32_t i = p->cursor; i < p->count; i++) {
        if (p->ranges[i].at < p->ranges[i].end) {
            return false;
        }
    }
    return true;
}

static struct file_range *find(struct file_plan *p, uint64_t serial)
{
    uint32_t low = 0;
    uint32_t high = p->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (p->ranges[middle].serial < serial) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < p->count && p->ranges[low].serial == serial ? &p->ranges[low] : NULL;
}

void file_plan_drop(struct file_plan *p)
{
    struct file_range *range = file_plan_current(p);
    check(range != NULL && range->at == range->start);
    range->end = range->at;
    p->bytes -= range->share;
    range->share = 0;
}

static uint64_t block_end(const struct file_plan *p, const struct file_range *range)
{
    if (range->is_packed || p->is_stream) {
        return range->end;
    }
    uint64_t boundary = (range->at / LIMIT_BLOCK_BYTES + 1) * LIMIT_BLOCK_BYTES;
    return boundary < range->end ? boundary : range->end;
}

/* So many files stay open until the epoch is committed, for a rerun that finds them removed. Of a
 * longer plan only those do that are being read. */
static void close_if_many(const struct file_plan *p, struct file_range *range)
{
    if (p->count > OPEN_FILES_MAX && range->in_flight == 0 && range->at >= range->limit) {
        input_file_close(range->file);
        range->file = NULL;
    }
}

void file_plan_peek(struct file_plan *p, uint32_t source, struct source_block *block)
{
    const struct file_range *range = file_plan_current(p);
    check(range != NULL && range->file != NULL);
    *block = (struct source_block){
        .source = source,
        .order = SOURCE_ORDER(source, p->sequence),
        .partition = range->serial,
        .partition_name = range->path,
        .file = range->file,
        .start = range->at,
        .end = block_end(p, range),
        .limit = range->is_packed ? UINT64_MAX : range->limit,
        .bytes = range->is_packed ? range->share : block_end(p, range) - range->at,
        .starts_a_record = range->at == range->start,
        .takes_unfinished = range->takes_unfinished,
        .is_stream = p->is_stream,
    };
}

void file_plan_take(struct file_plan *p, const struct source_block *block)
{
    struct file_range *range = file_plan_current(p);
    check(range != NULL && range->serial == block->partition && range->at == block->start);
    range->at = block->end;
    range->in_flight++;
    p->sequence++;
    p->in_flight++;
}

static void shorten(struct file_plan *p, struct file_range *range, uint64_t end)
{
    check(end >= range->at);
    uint64_t dropped = range->is_packed ? range->share : range->end - end;
    range->end = end;
    range->share -= dropped;
    p->bytes -= dropped;
}

void file_plan_end(struct file_plan *p, uint64_t end)
{
    struct file_range *range = file_plan_current(p);
    check(range != NULL);
    if (end < range->end) {
        shorten(p, range, end);
    }
    while (p->count > p->cursor + 1) {
        p->bytes -= p->ranges[--p->count].share;
        forget(&p->ranges[p->count]);
    }
}

struct file_range *file_plan_done(struct file_plan *p, const struct source_block *block)
{
    struct file_range *range = find(p, block->partition);
    check(range != NULL && range->in_flight > 0);
    range->in_flight--;
    p->in_flight--;
    close_if_many(p, range);
    return range;
}

void file_plan_rewind(struct file_plan *p)
{
    p->bytes = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        struct file_range *range = &p->ranges[i];
        range->end = p->is_rerun ? range->end : range->at;
        range->at = range->start;
        if (!range->is_packed || range->end == range->start) {
            range->share = range->end - range->start;
        }
        p->bytes += range->share;
        range->in_flight = 0;
    }
    p->is_rerun = true;
    p->cursor = 0;
    p->sequence = 0;
    p->in_flight = 0;
}

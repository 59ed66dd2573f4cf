#include "flow/watermark.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"

#define RECORD_VERSION 1

void watermark_init(struct watermark *w, const struct watermark_options *options)
{
    *w = (struct watermark){
        .options = *options,
        .now_ms = WATERMARK_NONE,
        .largest_ms = WATERMARK_NONE,
    };
    watermark_abandon(w);
}

void watermark_deinit(struct watermark *w)
{
    memory_free(w->partitions);
    *w = (struct watermark){0};
}

static int compare(const struct watermark_partition *p, uint16_t source, uint64_t partition)
{
    if (p->source != source) {
        return p->source < source ? -1 : 1;
    }
    return p->partition < partition ? -1 : p->partition > partition;
}

/* Where it is, or belongs. */
static uint32_t place_of(const struct watermark *w, uint16_t source, uint64_t partition)
{
    uint32_t low = 0;
    uint32_t high = w->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare(&w->partitions[middle], source, partition) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct watermark_partition *find(struct watermark *w, uint16_t source, uint64_t partition)
{
    uint32_t at = place_of(w, source, partition);
    if (at < w->count && compare(&w->partitions[at], source, partition) == 0) {
        return &w->partitions[at];
    }
    if (w->count == w->capacity) {
        w->capacity = w->capacity == 0 ? 16 : w->capacity * 2;
        w->partitions = memory_grow(w->partitions, w->capacity * sizeof *w->partitions);
    }
    struct watermark_partition *p = &w->partitions[at];
    memmove(p + 1, p, (w->count - at) * sizeof *p);
    w->count++;
    *p = (struct watermark_partition){
        .source = source,
        .partition = partition,
        .seen_ms = WATERMARK_NONE,
        .new_seen_ms = WATERMARK_NONE,
    };
    return p;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void watermark_saw(struct watermark *w, uint16_t source, uint64_t partition, int64_t time_ms)
{
    struct watermark_partition *p = find(w, source, partition);
    p->new_seen_ms = larger(p->new_seen_ms, time_ms);
    p->was_read = true;
    w->next_largest_ms = larger(w->next_largest_ms, time_ms);
}

void watermark_read(struct watermark *w, uint16_t source, uint64_t partition)
{
    find(w, source, partition)->was_read = true;
}

void watermark_found(struct watermark *w, uint16_t source, uint64_t partition,
                     enum watermark_place place)
{
    struct watermark_partition *p = find(w, source, partition);
    p->place = place;
    p->was_found = true;
}

static bool counts(const struct watermark *w, const struct watermark_partition *p)
{
    if (!p->was_found) {
        return false;
    }
    if (p->place != PARTITION_ENDED) {
        return true;
    }
    return !w->options.once && p->new_seen_ms != WATERMARK_NONE &&
           p->new_idle_ms < w->options.idle_ms;
}

static void note_idle(struct watermark *w, struct watermark_partition *p, int64_t elapsed_ms)
{
    bool is_quiet = p->was_found && p->place == PARTITION_ENDED && !p->was_read;
    p->new_idle_ms = is_quiet ? p->idle_ms + elapsed_ms : 0;
    bool was_idle = p->idle_ms >= w->options.idle_ms;
    bool is_idle = p->new_idle_ms >= w->options.idle_ms;
    p->is_dirty = p->is_dirty || was_idle != is_idle || p->new_seen_ms > p->seen_ms;
}

/* The least of those that count; NONE when one of them holds. @return false: none counts */
static bool least(const struct watermark *w, int64_t *seen_ms)
{
    bool some = false;
    int64_t found = INT64_MAX;
    for (uint32_t i = 0; i < w->count; i++) {
        const struct watermark_partition *p = &w->partitions[i];
        if (counts(w, p)) {
            int64_t seen = p->place == PARTITION_WAITS ? WATERMARK_NONE : p->new_seen_ms;
            found = seen < found ? seen : found;
            some = true;
        }
    }
    *seen_ms = found;
    return some;
}

static int64_t behind(const struct watermark *w, int64_t seen_ms)
{
    return seen_ms == WATERMARK_NONE ? WATERMARK_NONE : seen_ms - w->options.max_delay_ms;
}

void watermark_advance(struct watermark *w, int64_t elapsed_ms)
{
    check(elapsed_ms >= 0);
    for (uint32_t i = 0; i < w->count; i++) {
        note_idle(w, &w->partitions[i], elapsed_ms);
    }
    int64_t seen_ms = WATERMARK_NONE;
    bool some_count = least(w, &seen_ms);
    w->next_ms = w->now_ms;
    w->next_runs_alone = !some_count && !w->options.once && w->next_largest_ms != WATERMARK_NONE;
    if (some_count) {
        w->next_ms = larger(w->now_ms, behind(w, seen_ms));
        return;
    }
    w->next_ms = larger(w->now_ms, behind(w, w->next_largest_ms));
    if (w->next_runs_alone && w->runs_alone) {
        w->next_ms = larger(w->next_ms, w->now_ms + elapsed_ms);
    }
}

void watermark_close(struct watermark *w, int64_t end_ms)
{
    w->next_ms = larger(w->next_ms, end_ms);
}

void watermark_abandon(struct watermark *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        struct watermark_partition *p = &w->partitions[i];
        p->new_seen_ms = p->seen_ms;
        p->new_idle_ms = p->idle_ms;
        p->was_read = false;
        p->was_found = false;
    }
    w->next_ms = w->now_ms;
    w->next_largest_ms = w->largest_ms;
    w->next_runs_alone = w->runs_alone;
}

void watermark_committed(struct watermark *w)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        struct watermark_partition *p = &w->partitions[i];
        if (!p->was_found) {
            continue;
        }
        p->seen_ms = p->new_seen_ms;
        p->idle_ms = p->new_idle_ms;
        p->is_dirty = false;
        w->partitions[kept++] = *p;
    }
    w->count = kept;
    w->now_ms = w->next_ms;
    w->largest_ms = w->next_largest_ms;
    w->runs_alone = w->next_runs_alone;
    watermark_abandon(w);
}

/* --- the store --- */

int watermark_encode(const struct watermark *w, struct buffer *into)
{
    int rc = bytes_add_u8(into, RECORD_VERSION);
    rc = rc == 0 ? bytes_add_u64(into, (uint64_t)w->next_ms) : rc;
    rc = rc == 0 ? bytes_add_u64(into, (uint64_t)w->next_largest_ms) : rc;
    return rc == 0 ? bytes_add_u8(into, w->next_runs_alone ? 1 : 0) : rc;
}

int watermark_decode(struct watermark *w, struct slice bytes, struct error *e)
{
    struct reader in;
    reader_init(&in, bytes.data, bytes.size);
    bool known = reader_u8(&in) == RECORD_VERSION;
    w->now_ms = (int64_t)reader_u64(&in);
    w->largest_ms = (int64_t)reader_u64(&in);
    w->runs_alone = reader_u8(&in) != 0;
    watermark_abandon(w);
    bool good = known && !in.failed && reader_left(&in) == 0;
    return good ? 0 : error_set(e, MILL_ECORRUPT, "the record of a watermark is damaged");
}

void watermark_partition_encode(const struct watermark_partition *p,
                                char bytes[WATERMARK_PARTITION_BYTES])
{
    bytes_put_u64(bytes, (uint64_t)p->new_seen_ms);
    bytes_put_u64(bytes + 8, (uint64_t)p->new_idle_ms);
}

int watermark_partition_decode(struct watermark *w, uint16_t source, uint64_t partition,
                               struct slice bytes, struct error *e)
{
    if (bytes.size != WATERMARK_PARTITION_BYTES) {
        return error_set(e, MILL_ECORRUPT, "the record of a watermark's partition is damaged");
    }
    struct watermark_partition *p = find(w, source, partition);
    p->seen_ms = p->new_seen_ms = (int64_t)bytes_get_u64(bytes.data);
    p->idle_ms = p->new_idle_ms = (int64_t)bytes_get_u64(bytes.data + 8);
    return 0;
}

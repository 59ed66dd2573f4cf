#include "io/received_walk.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"

#define STEP_BYTES ((size_t)LIMIT_CHUNK_BYTES)

/* What is kept between segments; a longer record's memory is given back. */
#define KEPT_BYTES_MAX (4 * STEP_BYTES)

void received_walk_init(struct received_walk *w)
{
    *w = (struct received_walk){0};
}

void received_walk_deinit(struct received_walk *w)
{
    memory_free(w->window);
    *w = (struct received_walk){0};
}

void received_walk_begin(struct received_walk *w, struct disk_file *file, uint64_t start,
                         uint64_t at, uint64_t limit)
{
    check(start <= at && at <= limit);
    w->file = file;
    w->start = start;
    w->at = at;
    w->limit = limit;
    w->have = 0;
    w->window_at = at;
    if (w->capacity > KEPT_BYTES_MAX) {
        memory_free(w->window);
        w->window = NULL;
        w->capacity = 0;
    }
}

static void reserve(struct received_walk *w, size_t size)
{
    if (size > w->capacity) {
        size_t capacity = w->capacity == 0 ? STEP_BYTES : w->capacity;
        while (capacity < size) {
            capacity *= 2;
        }
        w->window = memory_grow(w->window, capacity + LIMIT_TEXT_PADDING);
        w->capacity = capacity;
    }
}

/* Let the window begin at the next record, and hold `size` bytes of it if there are as many.
 * @return 0, or MILL_EIO */
static int fill(struct received_walk *w, size_t size, struct error *e)
{
    check(w->at >= w->window_at && w->at <= w->window_at + w->have);
    size_t passed = (size_t)(w->at - w->window_at);
    if (w->have - passed >= size) {
        return 0;
    }
    if (passed > 0 && passed < w->have) {
        memmove(w->window, w->window + passed, w->have - passed);
    }
    w->have -= passed;
    w->window_at = w->at;
    uint64_t from = w->window_at + w->have;
    uint64_t left = w->limit - from;
    size_t want = size - w->have < STEP_BYTES ? STEP_BYTES : size - w->have;
    want = want < left ? want : (size_t)left;
    reserve(w, w->have + want);
    int rc = disk_read_at(w->disk, w->file, w->window + w->have, &want, from - w->start, e);
    w->have += rc == 0 ? want : 0;
    return rc;
}

static size_t held(const struct received_walk *w)
{
    return w->have - (size_t)(w->at - w->window_at);
}

static const char *here(const struct received_walk *w)
{
    return w->window + (w->at - w->window_at);
}

int received_walk_next(struct received_walk *w, struct received_record *record, struct slice *bytes,
                       struct error *e)
{
    int rc = fill(w, RECEIVED_HEAD_BYTES, e);
    if (rc != 0) {
        return rc;
    }
    if (held(w) < RECEIVED_HEAD_BYTES) {
        return held(w) == 0 ? 0 : MILL_ENOENT;
    }
    if (!received_record_decode(here(w), record)) {
        return MILL_ECORRUPT;
    }
    size_t size = RECEIVED_HEAD_BYTES + (size_t)record->size;
    rc = fill(w, size, e);
    if (rc != 0) {
        return rc;
    }
    if (held(w) < size) {
        return MILL_ENOENT;
    }
    *bytes = (struct slice){here(w) + RECEIVED_HEAD_BYTES, record->size};
    if (!received_record_is_whole(here(w), bytes->data, bytes->size,
                                  received_seed(w->key, w->at))) {
        return MILL_ECORRUPT;
    }
    w->at += size;
    return 1;
}

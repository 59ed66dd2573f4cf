#include "io/receiver_segment.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"

#define DIGITS     16
#define NAME_BYTES (2 * DIGITS + 5) /* "<start>-<text>.log" */

struct receiver_segment *receiver_segments_add(struct receiver_segments *s, uint64_t start,
                                               uint64_t text)
{
    if (s->count == s->capacity) {
        s->capacity = s->capacity == 0 ? 16 : s->capacity * 2;
        s->items = memory_grow(s->items, s->capacity * sizeof(struct receiver_segment *));
    }
    struct receiver_segment *segment = memory_zero(1, sizeof *segment);
    segment->start = segment->end = segment->synced = start;
    segment->text = text;
    uint32_t place = s->count++;
    while (place > 0 && s->items[place - 1]->start > start) {
        s->items[place] = s->items[place - 1];
        place--;
    }
    s->items[place] = segment;
    return segment;
}

void receiver_segments_drop_first(struct receiver_segments *s)
{
    check(s->count > 0 && !s->items[0]->is_open);
    memory_free(s->items[0]);
    s->count--;
    memmove(s->items, s->items + 1, s->count * sizeof(struct receiver_segment *));
}

void receiver_segments_drop_last(struct receiver_segments *s)
{
    check(s->count > 0 && !s->items[s->count - 1]->is_open);
    memory_free(s->items[--s->count]);
}

void receiver_segments_deinit(struct receiver_segments *s)
{
    while (s->count > 0) {
        receiver_segments_drop_last(s);
    }
    memory_free(s->items);
    *s = (struct receiver_segments){0};
}

struct receiver_segment *receiver_segments_at(const struct receiver_segments *s, uint64_t at)
{
    for (uint32_t i = s->count; i > 0; i--) {
        if (s->items[i - 1]->start <= at) {
            return s->items[i - 1];
        }
    }
    return NULL;
}

char *receiver_segment_path(const char *folder, uint64_t start, uint64_t text)
{
    return text_format("%s/%016" PRIx64 "-%016" PRIx64 ".log", folder, start, text);
}

static bool read_name(const char *name, uint64_t *start, uint64_t *text)
{
    size_t first = strspn(name, "0123456789abcdef");
    if (strlen(name) != NAME_BYTES || first != DIGITS || name[DIGITS] != '-' ||
        strspn(name + DIGITS + 1, "0123456789abcdef") != DIGITS || !text_ends_with(name, ".log")) {
        return false;
    }
    *start = strtoull(name, NULL, 16);
    *text = strtoull(name + DIGITS + 1, NULL, 16);
    return true;
}

struct finding {
    const struct disk *disk;
    const char *folder;
    struct receiver_segments *segments;
    struct error *e;
};

static int find_one(void *context, const char *name)
{
    struct finding *f = context;
    uint64_t start = 0;
    uint64_t text = 0;
    if (!read_name(name, &start, &text)) {
        return 0;
    }
    char *path = text_path(f->folder, name);
    struct disk_entry entry;
    int rc = disk_look(f->disk, path, &entry, f->e);
    memory_free(path);
    if (rc == 0 && entry.exists && !entry.is_folder) {
        receiver_segments_add(f->segments, start, text)->end = start + entry.size;
    }
    return rc;
}

int receiver_segments_find(const struct disk *disk, const char *folder, struct receiver_segments *s,
                           struct error *e)
{
    struct finding f = {disk, folder, s, e};
    return disk_list(disk, folder, find_one, &f, e);
}

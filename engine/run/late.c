#include "run/late.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

struct part {
    char *name;
    uint64_t size;
};

struct parts {
    const struct runner *r;
    struct part *items;
    uint32_t count;
    uint64_t bytes;
};

bool late_is_wanted(const struct runner *r)
{
    bool has_windows = false;
    for (uint32_t i = 0; i < r->graph->stage_count; i++) {
        has_windows = has_windows || r->graph->stages[i].kind == STAGE_WINDOW;
    }
    return has_windows && r->graph->options.late == LATE_DEAD_LETTER;
}

static int add_part(void *context, const char *name)
{
    struct parts *p = context;
    if (!text_starts_with(name, "part-")) {
        return 0;
    }
    char *path = text_path(p->r->data.late, name);
    struct disk_entry entry;
    if (disk_look(&p->r->data.disk, path, &entry, NULL) == 0 && entry.exists) {
        p->items = memory_grow(p->items, (p->count + 1) * sizeof *p->items);
        p->items[p->count++] = (struct part){memory_text(name), entry.size};
        p->bytes += entry.size;
    }
    memory_free(path);
    return 0;
}

/* By name, which is by epoch. */
static int compare(const void *left, const void *right)
{
    return strcmp(((const struct part *)left)->name, ((const struct part *)right)->name);
}

static void list_parts(const struct runner *r, struct parts *p)
{
    *p = (struct parts){.r = r};
    disk_list(&r->data.disk, r->data.late, add_part, p, NULL);
    if (p->count > 1) {
        qsort(p->items, p->count, sizeof *p->items, compare);
    }
}

static void free_parts(struct parts *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        memory_free(p->items[i].name);
    }
    memory_free(p->items);
}

int late_open(struct runner *r, struct error *e)
{
    if (!r->has_late) {
        return 0;
    }
    r->late_graph =
        (struct graph_output){.kind = OUTPUT_FILES, .format = FORMAT_JSON, .target = r->data.late};
    int rc =
        output_open(&r->late_output, &r->place, &r->late_graph, "late records", LATE_NUMBER, e);
    struct parts parts;
    list_parts(r, &parts);
    r->late_bytes = parts.bytes;
    free_parts(&parts);
    return rc;
}

uint64_t late_count(const struct host *h)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < h->graph->stage_count; i++) {
        count += h->counters[h->graph->stages[i].operator_id].late;
    }
    return count;
}

void late_limit(struct runner *r, struct rows_reader *rows)
{
    rows_reader_limit(rows, r->late_bytes_max);
    r->late_prepared = rows->byte_count;
}

void late_trim(struct runner *r)
{
    if (!r->has_late || r->late_bytes <= r->late_bytes_max) {
        return;
    }
    struct parts parts;
    list_parts(r, &parts);
    uint32_t removed = 0;
    uint64_t wanted = r->late_bytes_max - r->late_bytes_max / 8; /* or each epoch would come here */
    while (removed + 1 < parts.count && parts.bytes > wanted) {
        char *path = text_path(r->data.late, parts.items[removed].name);
        disk_remove(&r->data.disk, path, NULL);
        memory_free(path);
        parts.bytes -= parts.items[removed++].size;
    }
    if (removed > 0) {
        log_warn("late records have more than %" PRIu64 " MiB: the oldest %" PRIu32
                 " files of %s were removed",
                 (uint64_t)(r->late_bytes_max / MIB), removed, r->data.late);
    }
    r->late_bytes = parts.bytes;
    free_parts(&parts);
}

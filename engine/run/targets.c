#include "run/targets.h"

#include <string.h>

/* A folder that parts are written into, or files removed from. */
struct owned {
    const char *label;
    const char *path;
    const struct graph_output *batches; /* the folders prefix-TIME[.suffix] in it only; or NULL */
    struct disk_entry entry;
};

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static bool is_shared(const struct owned *a, const struct owned *b)
{
    if (!a->entry.exists || !b->entry.exists || a->entry.device != b->entry.device ||
        a->entry.inode != b->entry.inode) {
        return false;
    }
    if (a->batches == NULL || b->batches == NULL) {
        return a->batches == b->batches;
    }
    return same_text(a->batches->suffix, b->batches->suffix) &&
           same_text(last_name(a->batches->target), last_name(b->batches->target));
}

static int refuse_shared(const struct owned *a, const struct owned *b, struct error *e)
{
    if (strcmp(a->path, b->path) == 0) {
        return error_set(e, MILL_EREFUSED, "%s and %s write into one folder, %s; give each its own",
                         a->label, b->label, a->path);
    }
    return error_set(e, MILL_EREFUSED,
                     "%s and %s write into one folder: %s and %s are the same; give each its own",
                     a->label, b->label, a->path, b->path);
}

int targets_check(const struct runner *r, struct error *e)
{
    struct owned folders[LIMIT_OUTPUTS_MAX + 5] = {
        {.label = "dead letters", .path = r->data.dead_letters},
        {.label = "the data directory", .path = r->data.path},
        {.label = "rows that wait", .path = r->data.outbox},
        {.label = "rows that do not fit into memory", .path = r->data.spill},
        {.label = "late records", .path = r->data.late},
    };
    uint32_t count = 5;
    for (uint32_t i = 0; i < r->graph->output_count; i++) {
        const struct output *o = &r->outputs[i];
        if (o->has_target) {
            folders[count++] = (struct owned){
                .label = o->label,
                .path = o->target.folder,
                .batches = o->graph->kind == OUTPUT_FOLDERS ? o->graph : NULL,
            };
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        struct owned *a = &folders[i];
        int rc = disk_look(&r->data.disk, a->path, &a->entry, e);
        for (uint32_t k = 0; k < i && rc == 0; k++) {
            rc = is_shared(&folders[k], a) ? refuse_shared(&folders[k], a, e) : 0;
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

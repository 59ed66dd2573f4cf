#include "run/targets.h"

#include <string.h>

/* A folder that parts are written into, or files removed from. */
struct owned {
    const char *label;
    const char *path;
    struct disk_entry entry;
};

/* Those that are in nobody's way: prints, and save_as_text_files, whose parts have folders of their
 * own. */
static bool owns_folder(const struct output *o)
{
    return o->has_target && o->graph->kind == OUTPUT_FILES;
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
    struct owned folders[LIMIT_OUTPUTS_MAX + 4] = {
        {.label = "dead letters", .path = r->data.dead_letters},
        {.label = "the data directory", .path = r->data.path},
        {.label = "rows that wait", .path = r->data.outbox},
        {.label = "rows that do not fit into memory", .path = r->data.spill},
    };
    uint32_t count = 4;
    for (uint32_t i = 0; i < r->graph->output_count; i++) {
        const struct output *o = &r->outputs[i];
        if (owns_folder(o)) {
            folders[count++] = (struct owned){.label = o->label, .path = o->target.folder};
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        struct owned *a = &folders[i];
        int rc = disk_look(&r->data.disk, a->path, &a->entry, e);
        for (uint32_t k = 0; k < i && rc == 0; k++) {
            const struct owned *b = &folders[k];
            bool is_same = a->entry.exists && b->entry.exists &&
                           a->entry.device == b->entry.device && a->entry.inode == b->entry.inode;
            rc = is_same ? refuse_shared(b, a, e) : 0;
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

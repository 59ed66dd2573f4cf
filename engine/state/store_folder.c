#include "state/store_folder.h"

#include <string.h>

#include "base/disk.h"
#include "base/memory.h"
#include "base/text.h"

static int stop_at_data(void *context, const char *name)
{
    (void)context;
    return text_ends_with(name, ".sst") || text_ends_with(name, ".log") ? 1 : 0;
}

static int sync_folder_above(const struct disk *d, const char *path, struct error *e)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path);
    char *folder = length == 0 ? memory_text(slash == NULL ? "." : "/") : memory_copy(path, length);
    int rc = disk_sync_folder(d, folder, e);
    memory_free(folder);
    return rc;
}

static int make_room_for_new(const struct disk *d, const char *path, struct error *e)
{
    int rc = disk_make_folder(d, path, e);
    if (rc == 0) {
        rc = sync_folder_above(d, path, e);
    }
    if (rc == 0) {
        rc = disk_list(d, path, stop_at_data, NULL, e);
    }
    return rc != 1 ? rc
                   : error_set(e, MILL_ECORRUPT,
                               "store %s: the file CURRENT is missing beside data; restore the "
                               "data directory from a backup, or start over with --fresh",
                               path);
}

int store_folder_prepare(const char *path, bool create, struct error *e)
{
    struct disk d = disk_real();
    char *current = text_path(path, "CURRENT");
    struct disk_entry entry;
    int rc = disk_look(&d, current, &entry, e);
    memory_free(current);
    if (rc != 0 || entry.exists) {
        return rc;
    }
    return create ? make_room_for_new(&d, path, e)
                  : error_set(e, MILL_ENOENT, "store %s: there is none", path);
}

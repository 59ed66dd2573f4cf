#include "io/manifest_rows.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"

#define PIECE_BYTES ((size_t)256 * 1024)

int manifest_rows_each(const struct disk *disk, const struct manifest *m, const char *path,
                       manifest_rows_fn fn, void *context, struct error *e)
{
    if (path == NULL) {
        return m->rows.size == 0 ? 0 : fn(context, m->rows, e);
    }
    struct disk_file file;
    int rc = disk_open(disk, path, DISK_READ, &file, e);
    if (rc != 0) {
        return rc;
    }
    char *piece = memory_alloc(PIECE_BYTES);
    uint64_t offset = 0;
    size_t size = PIECE_BYTES;
    while (rc == 0 && size == PIECE_BYTES) {
        rc = disk_read_at(disk, &file, piece, &size, offset, e);
        rc = rc == 0 && size > 0 ? fn(context, (struct slice){piece, size}, e) : rc;
        offset += size;
    }
    memory_free(piece);
    disk_close(disk, &file);
    return rc;
}

static int add_to_sum(void *context, struct slice bytes, struct error *e)
{
    (void)e;
    XXH3_64bits_update(context, bytes.data, bytes.size);
    return 0;
}

int manifest_rows_check(const struct disk *disk, const struct manifest *m, const char *path,
                        struct error *e)
{
    XXH3_state_t *state = hash_sum_create();
    int rc = manifest_rows_each(disk, m, path, add_to_sum, state, e);
    if (rc == 0 && XXH3_64bits_digest(state) != m->checksum) {
        rc = error_set(e, MILL_ECORRUPT, "%.*s: the rows of epoch %" PRIu64 " are damaged (%s)",
                       (int)m->label.size, m->label.data, m->epoch,
                       path != NULL ? path : "in the store");
    }
    XXH3_freeState(state);
    return rc;
}

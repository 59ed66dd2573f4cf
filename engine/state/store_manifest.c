#include "state/store_manifest.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/disk.h"
#include "base/memory.h"
#include "base/text.h"

#define NAME           "MANIFEST-"
#define NAME_BYTES_MAX 64

/* CURRENT holds the name, and a newline. @return the number, 0 when it is not such a name */
static uint64_t number_of(struct buffer *current)
{
    if (buffer_append_byte(current, 0) != 0 || !text_starts_with(current->data, NAME)) {
        return 0;
    }
    return strtoull(current->data + strlen(NAME), NULL, 10);
}

static int look_at_file(const struct disk *d, const char *folder, struct store_manifest *m,
                        struct error *e)
{
    char *name = text_format(NAME "%06" PRIu64, m->number);
    char *path = text_path(folder, name);
    struct disk_entry entry;
    int rc = disk_look(d, path, &entry, e);
    if (rc == 0) {
        m->bytes = entry.size;
    }
    memory_free(path);
    memory_free(name);
    return rc;
}

int store_manifest_look(const char *folder, struct store_manifest *m, struct error *e)
{
    *m = (struct store_manifest){0};
    struct disk d = disk_real();
    struct buffer current;
    buffer_init(&current, NAME_BYTES_MAX);
    char *path = text_path(folder, "CURRENT");
    int rc = disk_read(&d, path, &current, e);
    if (rc == 0) {
        m->number = number_of(&current);
        rc = look_at_file(&d, folder, m, e);
    }
    memory_free(path);
    buffer_deinit(&current);
    /* RocksDB has the words for a CURRENT that is damaged. */
    return rc == MILL_ENOENT || rc == MILL_ELIMIT ? 0 : rc;
}

void store_manifest_encode(const struct store_manifest *m, char bytes[STORE_MANIFEST_BYTES])
{
    bytes_put_u64((uint8_t *)bytes, m->number);
    bytes_put_u64((uint8_t *)bytes + sizeof(uint64_t), m->bytes);
}

int store_manifest_check(const char *folder, const struct store_manifest *found, struct slice noted,
                         struct error *e)
{
    struct reader in;
    reader_init(&in, noted.data, noted.size);
    uint64_t number = reader_u64(&in);
    uint64_t bytes = reader_u64(&in);
    bool is_whole = found->number > number || (found->number == number && found->bytes >= bytes);
    if (!in.failed && is_whole) {
        return 0;
    }
    return error_set(e, MILL_ECORRUPT,
                     "store %s: it is damaged; restore the data directory from a backup, or begin "
                     "a new one (MANIFEST-%06" PRIu64 " has lost its end)",
                     folder, found->number);
}

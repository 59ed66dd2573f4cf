#include "io/floor.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "base/failpoint.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

#define SLOT_BYTES ((size_t)32)
#define SLOT_COUNT 2

static void write_slot(uint8_t slot[SLOT_BYTES], uint64_t store_id, uint64_t epoch)
{
    memset(slot, 0, SLOT_BYTES);
    bytes_put_u64(slot, store_id);
    bytes_put_u64(slot + 8, epoch);
    bytes_put_u64(slot + 16, hash_bytes(slot, 16));
}

/* What a slot says; false when it is damaged. */
static bool read_slot(struct floor_file *f, uint32_t index, const uint8_t *slot, bool *foreign)
{
    if (bytes_get_u64(slot + 16) != hash_bytes(slot, 16)) {
        return false;
    }
    if (bytes_get_u64(slot) != f->store_id) {
        *foreign = true;
        return true;
    }
    uint64_t epoch = bytes_get_u64(slot + 8);
    if (epoch >= f->epoch) {
        f->epoch = epoch;
        f->next = (index + 1) % SLOT_COUNT;
    }
    return true;
}

static int refuse(const struct floor_file *f, const char *what, struct error *e)
{
    return error_set(e, MILL_EREFUSED,
                     "%s is %s: whether the store is as new as what was published cannot be told; "
                     "bring the file back, or start over with --fresh",
                     f->path, what);
}

static int read_slots(struct floor_file *f, struct slice bytes, struct error *e)
{
    bool foreign = false;
    uint32_t valid = 0;
    if (bytes.size == SLOT_COUNT * SLOT_BYTES) {
        for (uint32_t i = 0; i < SLOT_COUNT; i++) {
            const uint8_t *slot = (const uint8_t *)bytes.data + i * SLOT_BYTES;
            valid += read_slot(f, i, slot, &foreign) ? 1 : 0;
        }
    }
    if (foreign) {
        return error_set(
            e, MILL_EREFUSED,
            "%s belongs to another store; bring that one back, or start over with --fresh",
            f->path);
    }
    return valid > 0 ? 0 : refuse(f, "damaged", e);
}

static int create(struct floor_file *f, struct error *e)
{
    uint8_t slots[SLOT_COUNT * SLOT_BYTES];
    write_slot(slots, f->store_id, 0);
    write_slot(slots + SLOT_BYTES, f->store_id, 0);
    return disk_replace(f->disk, f->path, slots, sizeof slots, e);
}

int floor_open(struct floor_file *f, const struct disk *disk, const char *data_folder,
               struct floor_store store, struct error *e)
{
    *f = (struct floor_file){
        .disk = disk, .path = text_path(data_folder, FLOOR_FILE), .store_id = store.id};
    struct buffer bytes;
    buffer_init(&bytes, 64 * KIB);
    int rc = disk_read(disk, f->path, &bytes, e);
    if (rc == MILL_ENOENT) {
        rc = store.epoch == 0 ? create(f, e) : refuse(f, "missing", e);
    } else if (rc == MILL_ELIMIT) {
        rc = refuse(f, "damaged", e);
    } else if (rc == 0) {
        rc = read_slots(f, (struct slice){bytes.data, bytes.size}, e);
    }
    buffer_deinit(&bytes);
    return rc;
}

void floor_close(struct floor_file *f)
{
    memory_free(f->path);
    *f = (struct floor_file){0};
}

int floor_raise(struct floor_file *f, uint64_t epoch, struct error *e)
{
    if (epoch <= f->epoch) {
        return 0;
    }
    uint8_t slot[SLOT_BYTES];
    write_slot(slot, f->store_id, epoch);
    struct disk_file file;
    int rc = FAILPOINT_RESULT(epochs_before_write, e);
    rc = rc == 0 ? disk_open(f->disk, f->path, DISK_UPDATE, &file, e) : rc;
    if (rc != 0) {
        return rc;
    }
    rc = disk_write(f->disk, &file, slot, sizeof slot, f->next * SLOT_BYTES, e);
    rc = rc == 0 ? disk_sync(f->disk, &file, e) : rc;
    disk_close(f->disk, &file);
    if (rc == 0) {
        f->epoch = epoch;
        f->next = (f->next + 1) % SLOT_COUNT;
        rc = FAILPOINT_RESULT(epochs_after_sync, e);
    }
    return rc;
}

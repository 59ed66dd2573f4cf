#include "io/roll.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/memory.h"

#define ROLL_VERSION 2
#define READ_BYTES   ((size_t)256 * 1024)

void roll_file_name(uint16_t output, uint64_t first_epoch, char name[PART_NAME_MAX])
{
    snprintf(name, PART_NAME_MAX, "open-%" PRIu16 "-%010" PRIu64, output, first_epoch);
}

int roll_encode(const struct roll *r, const char *folder, const char *suffix, struct buffer *into)
{
    int rc = bytes_add_u8(into, ROLL_VERSION);
    rc = rc == 0 ? bytes_add_u64(into, r->first_epoch) : rc;
    rc = rc == 0 ? bytes_add_u64(into, r->length) : rc;
    rc = rc == 0 ? bytes_add_u64(into, r->rows) : rc;
    rc = rc == 0 ? bytes_add_u64(into, (uint64_t)r->opened_ms) : rc;
    rc = rc == 0 ? bytes_add_u64(into, r->checksum) : rc;
    rc = rc == 0 ? bytes_add_string(into, folder, strlen(folder)) : rc;
    return rc == 0 ? bytes_add_string(into, suffix, strlen(suffix)) : rc;
}

int roll_decode(struct slice bytes, struct roll *r, struct slice *folder, struct slice *suffix,
                struct error *e)
{
    struct reader in;
    reader_init(&in, bytes.data, bytes.size);
    bool known = reader_u8(&in) == ROLL_VERSION;
    r->is_open = true;
    r->first_epoch = reader_u64(&in);
    r->length = reader_u64(&in);
    r->rows = reader_u64(&in);
    r->opened_ms = (int64_t)reader_u64(&in);
    r->checksum = reader_u64(&in);
    *folder = reader_string(&in);
    *suffix = reader_string(&in);
    bool good = known && !in.failed && reader_left(&in) == 0;
    return good ? 0 : error_set(e, MILL_ECORRUPT, "the record of an open file is damaged");
}

/* @param length  as it was looked up: the file has that much, or reading fails */
static int sum_up(const struct disk *disk, struct disk_file *file, uint64_t length,
                  XXH3_state_t *sum, struct error *e)
{
    char *piece = memory_alloc(READ_BYTES);
    uint64_t offset = 0;
    int rc = 0;
    while (rc == 0 && offset < length) {
        size_t size = length - offset < READ_BYTES ? (size_t)(length - offset) : READ_BYTES;
        size_t wanted = size;
        rc = disk_read_at(disk, file, piece, &size, offset, e);
        if (rc == 0 && size < wanted) {
            rc = error_set(e, MILL_EIO, "it became shorter while it was read");
        }
        if (rc == 0) {
            XXH3_64bits_update(sum, piece, size);
        }
        offset += size;
    }
    memory_free(piece);
    return rc;
}

int roll_cut(const struct roll *r, const struct disk *disk, const char *path, XXH3_state_t *sum,
             struct error *e)
{
    struct disk_entry entry;
    struct disk_file file;
    int rc = disk_look(disk, path, &entry, e);
    if (rc == 0 && (!entry.exists || entry.size < r->length)) {
        return error_set(e, MILL_EREFUSED, "%s is %s: rows that were committed are missing", path,
                         entry.exists ? "shorter than committed" : "gone");
    }
    rc = rc == 0 ? disk_open(disk, path, DISK_UPDATE, &file, e) : rc;
    if (rc != 0) {
        return rc;
    }
    XXH3_64bits_reset(sum);
    rc = sum_up(disk, &file, r->length, sum, e);
    if (rc == 0 && XXH3_64bits_digest(sum) != r->checksum) {
        rc = error_set(e, MILL_ECORRUPT, "%s is damaged: it holds other rows than were committed",
                       path);
    }
    rc = rc == 0 ? disk_truncate(disk, &file, r->length, e) : rc;
    /* An epoch without rows may publish it as it is. */
    rc = rc == 0 ? disk_sync(disk, &file, e) : rc;
    rc = rc == 0 ? FAILPOINT_RESULT(roll_after_truncate, e) : rc;
    disk_close(disk, &file);
    return rc;
}

#include "state/store_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/disk.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

#define BLOCK_BYTES     ((size_t)32768)
#define HEADER_BYTES    ((size_t)7)
#define KIND_AT         ((size_t)6) /* in the header; the checksum begins with it */
#define SECTOR_BYTES    ((size_t)512)
#define READ_BYTES_MAX  ((size_t)(2 * GIB))
#define POLYNOMIAL      0x82f63b78u /* CRC-32C, reflected */
#define MASK_DELTA      0xa282ead8u /* RocksDB rotates a checksum and adds this */
#define NOTHING_IS_TORN SIZE_MAX

enum piece {
    PIECE_WHOLE = 1,
    PIECE_FIRST,
    PIECE_MIDDLE,
    PIECE_LAST,
    PIECE_OTHER,
    PIECE_END,
    PIECE_DAMAGED
};

struct walk {
    const uint8_t *bytes;
    size_t size;
    size_t at;          /* where the next piece is looked for */
    size_t piece_start; /* of the piece that was read last */
    uint32_t table[256];
};

/* --- pieces --- */

static void fill_table(uint32_t table[256])
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t v = i;
        for (int bit = 0; bit < 8; bit++) {
            v = v >> 1 ^ ((v & 1) != 0 ? POLYNOMIAL : 0);
        }
        table[i] = v;
    }
}

static uint32_t checksum_of(const uint32_t table[256], const uint8_t *bytes, size_t size)
{
    uint32_t v = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        v = v >> 8 ^ table[(v ^ bytes[i]) & 0xff];
    }
    v = ~v;
    return (v >> 15 | v << 17) + MASK_DELTA;
}

static size_t left_in_block(const struct walk *w)
{
    size_t left = BLOCK_BYTES - w->at % BLOCK_BYTES;
    return left < w->size - w->at ? left : w->size - w->at;
}

/* Its header is whole. */
static size_t piece_size(const struct walk *w)
{
    const uint8_t *header = w->bytes + w->at;
    return HEADER_BYTES + ((size_t)header[4] | (size_t)header[5] << 8);
}

static bool is_valid(const struct walk *w, size_t size)
{
    uint32_t stored = 0;
    memcpy(&stored, w->bytes + w->at, sizeof stored);
    return stored == checksum_of(w->table, w->bytes + w->at + KIND_AT, size - KIND_AT);
}

/* Read one piece and go behind it; behind a damaged one, whose end is not known, to the next
 * block, which begins with a piece. */
static enum piece next_piece(struct walk *w)
{
    if (BLOCK_BYTES - w->at % BLOCK_BYTES < HEADER_BYTES) {
        w->at += BLOCK_BYTES - w->at % BLOCK_BYTES; /* no header fits: filled with zeros */
    }
    if (w->at >= w->size || left_in_block(w) < HEADER_BYTES) {
        return PIECE_END;
    }
    w->piece_start = w->at;
    uint8_t kind = w->bytes[w->at + KIND_AT];
    size_t size = piece_size(w);
    if (size > left_in_block(w) || !is_valid(w, size)) {
        w->at += left_in_block(w);
        return PIECE_DAMAGED;
    }
    w->at += size;
    return kind < PIECE_OTHER ? (enum piece)kind : PIECE_OTHER;
}

/* --- records --- */

/* Where the first record begins that is not whole; or NOTHING_IS_TORN. */
static size_t find_damage(struct walk *w)
{
    size_t record_start = 0;
    bool inside = false;
    for (;;) {
        enum piece piece = next_piece(w);
        if (piece == PIECE_END || piece == PIECE_OTHER) {
            return NOTHING_IS_TORN;
        }
        if (!inside) {
            record_start = w->piece_start;
        }
        if (piece == PIECE_DAMAGED) {
            return record_start;
        }
        inside = piece == PIECE_FIRST || piece == PIECE_MIDDLE;
    }
}

/* Whether a record begins anywhere in the block behind a damaged piece. What begins one has a
 * checksum, so looking at every byte finds nothing that is none. */
static bool record_begins_in_block(const struct walk *w)
{
    struct walk look = *w;
    for (look.at = w->piece_start + 1; look.at < w->at; look.at++) {
        if (left_in_block(&look) < HEADER_BYTES) {
            return false;
        }
        uint8_t kind = look.bytes[look.at + KIND_AT];
        size_t size = piece_size(&look);
        if ((kind == PIECE_WHOLE || kind == PIECE_FIRST) && size <= left_in_block(&look) &&
            is_valid(&look, size)) {
            return true;
        }
    }
    return false;
}

/* Whether a record begins behind the damage at which the walk stands. */
static bool record_follows(struct walk *w)
{
    for (;;) {
        switch (next_piece(w)) {
        case PIECE_WHOLE:
        case PIECE_FIRST:
        case PIECE_OTHER:
            return true;
        case PIECE_DAMAGED:
            if (record_begins_in_block(w)) {
                return true;
            }
            break;
        case PIECE_END:
            return false;
        case PIECE_MIDDLE:
        case PIECE_LAST:
            break;
        }
    }
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* What was lost reads as zeros, sector by sector; a flipped bit does not. */
static bool has_hole(const struct walk *w, size_t from)
{
    while (from < w->size) {
        size_t size = SECTOR_BYTES - from % SECTOR_BYTES;
        size = size < w->size - from ? size : w->size - from;
        if (is_zero(w->bytes + from, size)) {
            return true;
        }
        from += size;
    }
    return false;
}

static size_t find_torn_record(const struct buffer *log)
{
    struct walk w = {.bytes = (const uint8_t *)log->data, .size = log->size};
    fill_table(w.table);
    size_t start = find_damage(&w);
    if (start == NOTHING_IS_TORN) {
        return NOTHING_IS_TORN;
    }
    w.at = w.piece_start;
    return record_follows(&w) || !has_hole(&w, start) ? NOTHING_IS_TORN : start;
}

/* --- files --- */

/* Names are numbers with leading zeros; when they grow longer, longer is newer. */
static int keep_newest(void *context, const char *name)
{
    char **newest = context;
    if (!text_ends_with(name, ".log")) {
        return 0;
    }
    if (*newest == NULL || strtoull(name, NULL, 10) > strtoull(*newest, NULL, 10)) {
        memory_free(*newest);
        *newest = memory_text(name);
    }
    return 0;
}

static int cut(const struct disk *d, const char *path, size_t size, struct error *e)
{
    struct disk_file f;
    int rc = disk_open(d, path, DISK_UPDATE, &f, e);
    if (rc != 0) {
        return rc;
    }
    rc = disk_truncate(d, &f, size, e);
    rc = rc == 0 ? disk_sync(d, &f, e) : rc;
    disk_close(d, &f);
    return rc;
}

static int mend(const struct disk *d, const char *path, struct error *e)
{
    struct buffer log;
    buffer_init(&log, READ_BYTES_MAX);
    int rc = disk_read(d, path, &log, e);
    size_t start = rc == 0 ? find_torn_record(&log) : NOTHING_IS_TORN;
    if (start != NOTHING_IS_TORN) {
        check(start < log.size);
        rc = cut(d, path, start, e);
        rc = rc == 0 ? 1 : rc;
    }
    if (rc == 1) {
        log_warn("store: cut off what a power cut left of the last write; file=%s from=%zu to=%zu",
                 path, start, log.size);
    }
    buffer_deinit(&log);
    return rc;
}

int store_log_mend(const char *folder, struct error *e)
{
    struct disk d = disk_real();
    char *newest = NULL;
    int rc = disk_list(&d, folder, keep_newest, &newest, e);
    if (rc == 0 && newest != NULL) {
        char *path = text_path(folder, newest);
        rc = mend(&d, path, e);
        memory_free(path);
    }
    memory_free(newest);
    return rc;
}

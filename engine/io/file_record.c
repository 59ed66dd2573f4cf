#include "io/file_record.h"

#include <limits.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

#define RECORD_VERSION  1
#define SOURCE_KEY_SIZE 3
#define FILE_KEY_SIZE   7

struct store_key file_record_source_key(uint16_t source)
{
    struct store_key k = {.bytes = "f", .size = SOURCE_KEY_SIZE};
    bytes_put_u16(k.bytes + 1, source);
    return k;
}

struct store_key file_record_key(uint16_t source, uint32_t serial)
{
    struct store_key k = file_record_source_key(source);
    bytes_put_u32(k.bytes + SOURCE_KEY_SIZE, serial);
    k.size = FILE_KEY_SIZE;
    return k;
}

struct store_key file_record_end_key(uint16_t source)
{
    struct store_key k = file_record_key(source, UINT32_MAX);
    k.bytes[k.size++] = '\0';
    return k;
}

static uint32_t mark_count(uint32_t head_size)
{
    uint32_t count = 0;
    while (count < FILE_HEAD_MARKS && (1u << count) < head_size) {
        count++;
    }
    return count;
}

static int encode_head(const struct file_head *h, struct buffer *into)
{
    int failed = bytes_add_u32(into, h->size);
    failed |= bytes_add_u64(into, h->hash);
    for (uint32_t i = 0; i < mark_count(h->size); i++) {
        failed |= bytes_add_u32(into, h->marks[i]);
    }
    return failed;
}

void file_record_encode(const struct known_file *f, struct buffer *into)
{
    int failed = bytes_add_u8(into, RECORD_VERSION);
    failed |= bytes_add_u8(into, f->flags);
    failed |= bytes_add_u64(into, f->identity.device);
    failed |= bytes_add_u64(into, f->identity.inode);
    failed |= bytes_add_u64(into, (uint64_t)f->identity.birth_ns);
    failed |= bytes_add_string(into, f->name, strlen(f->name));
    failed |= encode_head(&f->head, into);
    failed |= bytes_add_u64(into, f->next_offset);
    failed |= bytes_add_u64(into, f->next_packed_size);
    failed |= bytes_add_u64(into, f->size);
    failed |= bytes_add_u64(into, (uint64_t)f->mtime_ns);
    failed |= bytes_add_u64(into, (uint64_t)f->missed_ms);
    check(failed == 0); /* a name has at most NAME_MAX bytes */
}

static void decode_head(struct reader *r, struct file_head *h)
{
    h->size = reader_u32(r);
    h->hash = reader_u64(r);
    if (h->size > FILE_HEAD_BYTES) {
        r->failed = true;
        return;
    }
    for (uint32_t i = 0; i < mark_count(h->size); i++) {
        h->marks[i] = reader_u32(r);
    }
}

static bool is_name_valid(struct slice name)
{
    return name.size > 0 && name.size <= NAME_MAX && memchr(name.data, '/', name.size) == NULL &&
           memchr(name.data, '\0', name.size) == NULL;
}

/* What was read has a head; only a .gz has a packed size. */
static bool is_plausible(const struct known_file *f)
{
    bool is_packed = (f->flags & FILE_PACKED) != 0;
    bool was_read = f->offset > 0 || f->packed_size > 0;
    return (f->flags & ~FILE_FLAGS_KEPT) == 0 && (!was_read || f->head.size > 0) &&
           (is_packed || f->packed_size == 0) && f->offset <= INT64_MAX &&
           f->packed_size <= INT64_MAX && f->size <= INT64_MAX;
}

static int fail(struct slice key, struct error *e)
{
    if (key.size < SOURCE_KEY_SIZE) {
        return error_set(e, MILL_ECORRUPT, "a record of a file source has a damaged key");
    }
    unsigned source = bytes_get_u16(key.data + 1);
    if (key.size != FILE_KEY_SIZE) {
        return error_set(e, MILL_ECORRUPT, "the record META f/%u of a file source is damaged",
                         source);
    }
    return error_set(e, MILL_ECORRUPT, "the record META f/%u/%u of a known file is damaged", source,
                     bytes_get_u32(key.data + SOURCE_KEY_SIZE));
}

int file_record_decode(struct slice key, struct slice value, struct known_file *f, struct error *e)
{
    *f = (struct known_file){0};
    if (key.size != FILE_KEY_SIZE) {
        return fail(key, e);
    }
    f->serial = bytes_get_u32(key.data + SOURCE_KEY_SIZE);
    struct reader r;
    reader_init(&r, value.data, value.size);
    uint8_t version = reader_u8(&r);
    f->flags = reader_u8(&r);
    f->identity.device = reader_u64(&r);
    f->identity.inode = reader_u64(&r);
    f->identity.birth_ns = (int64_t)reader_u64(&r);
    struct slice name = reader_string(&r);
    decode_head(&r, &f->head);
    f->offset = f->next_offset = reader_u64(&r);
    f->packed_size = f->next_packed_size = reader_u64(&r);
    f->size = reader_u64(&r);
    f->mtime_ns = (int64_t)reader_u64(&r);
    f->missed_ms = (int64_t)reader_u64(&r);
    if (r.failed || reader_left(&r) > 0 || version != RECORD_VERSION || !is_name_valid(name) ||
        !is_plausible(f)) {
        return fail(key, e);
    }
    f->name = memory_copy(name.data, name.size);
    return 0;
}

void file_source_record_encode(const struct file_source_record *record, struct buffer *into)
{
    int failed = bytes_add_u8(into, RECORD_VERSION);
    failed |= bytes_add_u32(into, record->next_serial);
    failed |= bytes_add_u8(into, record->was_polled);
    check(failed == 0);
}

int file_source_record_decode(struct slice key, struct slice value,
                              struct file_source_record *record, struct error *e)
{
    struct reader r;
    reader_init(&r, value.data, value.size);
    uint8_t version = reader_u8(&r);
    record->next_serial = reader_u32(&r);
    uint8_t was_polled = reader_u8(&r);
    record->was_polled = was_polled == 1;
    if (r.failed || reader_left(&r) > 0 || version != RECORD_VERSION || was_polled > 1) {
        return fail(key, e);
    }
    return 0;
}

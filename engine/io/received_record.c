#include "io/received_record.h"

#include "base/check.h"
#include "base/hash.h"

enum { AT_SUM = 0, AT_SIZE = 8, AT_KIND = 12, AT_FLAGS = 13, AT_ZERO = 14 };
enum { AT_CONNECTION = 16, AT_TEXT = 24, AT_LINE_SIZE = 32 };

#define FLAG_RESTARTS 1

static uint64_t checksum(const char *head, const void *bytes, size_t size, uint64_t seed)
{
    uint64_t of_head = hash_bytes_seeded(head + AT_SIZE, RECEIVED_HEAD_BYTES - AT_SIZE, seed);
    return hash_bytes_seeded(bytes, size, of_head);
}

void received_record_encode(const struct received_record *r, uint64_t seed, const void *bytes,
                            char head[RECEIVED_HEAD_BYTES])
{
    check(r->size <= RECEIVED_BYTES_MAX);
    bytes_put_u32(head + AT_SIZE, r->size);
    head[AT_KIND] = (char)r->kind;
    head[AT_FLAGS] = r->restarts ? FLAG_RESTARTS : 0;
    bytes_put_u16(head + AT_ZERO, 0);
    bytes_put_u64(head + AT_CONNECTION, r->connection);
    bytes_put_u64(head + AT_TEXT, r->text);
    bytes_put_u64(head + AT_LINE_SIZE, r->line_size);
    bytes_put_u64(head + AT_SUM, checksum(head, bytes, r->size, seed));
}

bool received_record_decode(const char head[RECEIVED_HEAD_BYTES], struct received_record *r)
{
    unsigned kind = (unsigned char)head[AT_KIND];
    *r = (struct received_record){
        .kind = (enum received_kind)kind,
        .restarts = (head[AT_FLAGS] & FLAG_RESTARTS) != 0,
        .connection = bytes_get_u64(head + AT_CONNECTION),
        .text = bytes_get_u64(head + AT_TEXT),
        .line_size = bytes_get_u64(head + AT_LINE_SIZE),
        .size = bytes_get_u32(head + AT_SIZE),
    };
    return kind >= RECEIVED_LINES && kind <= RECEIVED_PART && r->size <= RECEIVED_BYTES_MAX;
}

bool received_record_is_whole(const char head[RECEIVED_HEAD_BYTES], const void *bytes, size_t size,
                              uint64_t seed)
{
    return bytes_get_u64(head + AT_SUM) == checksum(head, bytes, size, seed);
}

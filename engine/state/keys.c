#include "state/keys.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"

struct store_key store_key_text(const char *text)
{
    struct store_key k = {.size = strlen(text)};
    check(k.size <= sizeof k.bytes);
    memcpy(k.bytes, text, k.size);
    return k;
}

static struct store_key with_u16(char letter, uint16_t number)
{
    struct store_key k = {.size = 3};
    k.bytes[0] = letter;
    bytes_put_u16(k.bytes + 1, number);
    return k;
}

struct store_key store_key_history(uint64_t epoch)
{
    struct store_key k = {.size = 9};
    k.bytes[0] = 'e';
    bytes_put_u64(k.bytes + 1, epoch);
    return k;
}

struct store_key store_key_mark(uint16_t output)
{
    return with_u16('m', output);
}

struct store_key store_key_roll(uint16_t output)
{
    return with_u16('r', output);
}

struct store_key store_key_queue(uint16_t source)
{
    return with_u16('q', source);
}

struct store_key store_key_received(uint16_t source)
{
    return with_u16('l', source);
}

struct store_key store_key_rate(uint16_t source)
{
    return with_u16('n', source);
}

struct store_key store_key_watermark(uint16_t event)
{
    return with_u16('w', event);
}

struct store_key store_key_watermark_partition(uint16_t event, uint16_t source, uint64_t partition)
{
    struct store_key k = with_u16('w', event);
    bytes_put_u16(k.bytes + 3, source);
    bytes_put_u64(k.bytes + 5, partition);
    k.size = 13;
    return k;
}

struct store_key store_key_script(uint8_t slot)
{
    struct store_key k = store_key_text("text");
    k.bytes[k.size++] = (char)slot;
    return k;
}

struct store_key store_key_outbox(uint64_t epoch, uint16_t output)
{
    struct store_key k = {.size = 10};
    bytes_put_u64(k.bytes, epoch);
    bytes_put_u16(k.bytes + 8, output);
    return k;
}

struct store_key store_key_redo(uint64_t epoch, uint32_t part)
{
    struct store_key k = {.size = 12};
    bytes_put_u64(k.bytes, epoch);
    bytes_put_u32(k.bytes + 8, part);
    return k;
}

void store_state_head(char head[STATE_KEY_HEAD_BYTES], uint16_t operator_id, uint16_t key_group)
{
    bytes_put_u16(head, operator_id);
    bytes_put_u16(head + 2, key_group);
}

void store_deadline_head(char head[DEADLINE_KEY_HEAD_BYTES], uint16_t operator_id,
                         uint16_t key_group, uint64_t time_ms)
{
    bytes_put_u16(head, (uint16_t)(operator_id | STORE_DEADLINE_OPERATOR));
    bytes_put_u16(head + 2, (uint16_t)shard_of_group(key_group));
    bytes_put_u64(head + 4, time_ms);
    bytes_put_u16(head + 12, key_group);
}

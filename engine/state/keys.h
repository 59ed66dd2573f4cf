/*
 * Keys of the store: one function for each, so that the layout stands in one place.
 *
 * META
 *     "version"                     u32 format version, u64 store id
 *     "job"                         name, path of the script
 *     "graph"                       identities and kinds of sources, operators, outputs
 *     "text" u8 slot                text of the script and its modules, newest two versions
 *     "epoch"                       newest epoch record
 *     "e" u64                       record of an epoch (history)
 *     "f" u16 u32                   files of a source (io/file_registry.h)
 *     "l" u16                       how far a receiver log was read (io/receiver_source.h)
 *     "q" u16                       position in a queue (io/queue_source.h)
 *     "n" u16                       how far a rate_stream was made (io/rate_source.h)
 *     "w" u16                       a watermark (flow/watermark.h)
 *     "w" u16, source u16, u64      what it knows of a partition
 *     "m" u16                       an output's mark: published up to this epoch
 *     "r" u16                       an output's open file (roll)
 *     "s" ...                       elements that ran past their deadline in the running epoch
 *     "a" path                      stores whose parts may stay in a folder (io/adoption.h)
 *     "t" path                      a folder of this store: "claiming" or "claimed"
 * STATE   operator u16, key group u16, encoded key
 *         operator u16 + 0x8000, shard u16, time u64, key group u16, encoded key: map_with_state
 *             looks at the key at that time; sessions likewise; of other windows a pane's start,
 * and the key's part of it OUTBOX  epoch u64, output u16 REDO    epoch u64, part u32
 */
#ifndef STATE_KEYS_H
#define STATE_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define STORE_FORMAT_VERSION 1

/** Room for any key of META, OUTBOX or REDO but "t". */
#define STORE_KEY_BYTES 32

struct store_key {
    char bytes[STORE_KEY_BYTES];
    size_t size;
};

static inline struct slice store_key_slice(const struct store_key *k)
{
    return (struct slice){k->bytes, k->size};
}

struct store_key store_key_text(const char *text);
struct store_key store_key_history(uint64_t epoch);
struct store_key store_key_mark(uint16_t output);
struct store_key store_key_roll(uint16_t output);
struct store_key store_key_queue(uint16_t source);
struct store_key store_key_received(uint16_t source);
struct store_key store_key_rate(uint16_t source);
struct store_key store_key_watermark(uint16_t event);
struct store_key store_key_watermark_partition(uint16_t event, uint16_t source, uint64_t partition);
struct store_key store_key_script(uint8_t slot);
struct store_key store_key_outbox(uint64_t epoch, uint16_t output);
struct store_key store_key_redo(uint64_t epoch, uint32_t part);

#define STATE_KEY_HEAD_BYTES 4
/** Write operator and key group; the encoded key follows. */
void store_state_head(char head[STATE_KEY_HEAD_BYTES], uint16_t operator_id, uint16_t key_group);

/** Numbers of operators are below: the others are those of their deadlines. */
#define STORE_DEADLINE_OPERATOR 0x8000u
#define DEADLINE_KEY_HEAD_BYTES 14
/** Write what stands before the encoded key: keys of a shard, in order of time. */
void store_deadline_head(char head[DEADLINE_KEY_HEAD_BYTES], uint16_t operator_id,
                         uint16_t key_group, uint64_t time_ms);

#endif

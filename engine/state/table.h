/*
 * A worker's private table of one keyed operator: key -> running value of this epoch. What Spark
 * calls the map-side combine.
 *
 * Keys keep their slot from epoch to epoch, so that the loop's caches (Lua string -> slot, word
 * -> slot) stay right and a steady job allocates nothing; `touched` lists the slots that have a
 * value in this epoch. When the table has grown beyond its budget, table_clear() drops all keys
 * between two epochs and `generation` tells the caches.
 *
 *     keyset     key -> slot number
 *     slots      slot -> {num, kind, count}    read and written by the compiled loop
 *     packed     slot -> bytes, for kind RECORD; STRING and PACKED (after sealing)
 *
 * Values that are neither numbers nor records live in the Lua heap while the epoch fills (kind
 * BOXED) and are written into the table's arena when it is sealed. A record that takes the place of
 * another is put behind it: whoever looks at the old one may go on until table_clear.
 *
 * Of windows the keys are in panes (flow/window.h): a key has a slot for each pane.
 *
 * Owner: one worker until it is sealed; then read by whoever merges. @thread owner only
 */
#ifndef STATE_TABLE_H
#define STATE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/ffi.h"
#include "base/memory.h"
#include "data/keyset.h"

/** What a slot is of. */
enum table_panes {
    TABLE_KEYS,  /**< a key */
    TABLE_PANES, /**< a key in a pane: its bytes are a pane's head, then the key's */
    TABLE_SPANS  /**< the same, and the slot knows its first and last time */
};

/** Pane u48 (ms), key group u16: what stands before the encoded key. */
#define PANE_HEAD_BYTES 8
void pane_head_put(char head[PANE_HEAD_BYTES], uint64_t pane_ms, uint16_t key_group);
uint64_t pane_head_time(const char *head);
uint16_t pane_head_group(const char *head);

struct table {
    struct mill_table shared; /**< first: the loop's view */
    struct keyset keys;
    uint32_t slot_capacity;
    uint32_t *touched; /**< slots with a value in this epoch, in order of appearance */
    uint32_t touched_count;
    uint32_t touched_capacity;
    struct slice *packed; /**< by slot; NULL until a value is packed */
    struct arena arena;   /**< packed values of this epoch */
    size_t bytes_max;     /**< memory that it may use before it says that it is full */
    uint32_t generation;  /**< changes when keys were forgotten */
    enum table_panes panes;
    struct buffer pane_key; /**< of the key that is looked up */
};

void table_init(struct table *t, size_t bytes_max);
/** Keys are in panes from now on. The table is empty. */
void table_use_panes(struct table *t, bool has_spans);
void table_deinit(struct table *t);

/** The slot of `tag payload`. @return 0 when the key is longer than LIMIT_KEY_BYTES_MAX */
uint32_t table_slot(struct table *t, uint64_t hash, uint8_t tag, const void *payload, size_t size);

/** Give a slot that was touched its value as bytes (kind STRING, PACKED or RECORD); they are
 * copied. */
void table_pack(struct table *t, uint32_t slot, enum mill_kind kind, const void *bytes,
                size_t size);

/** The value of a touched slot; borrowed until the next table_clear. */
struct mill_cell table_cell(const struct table *t, uint32_t slot);

/** Begin an epoch: no slot has a value. Forgets all keys when the table is full. */
void table_clear(struct table *t);

/** Bytes of memory in use, for the budget. */
size_t table_memory(const struct table *t);

#endif

/*
 * The state change of one epoch. Workers add to it shard by shard, in key order; the commit writes
 * it with everything else. Beyond LIMIT_DELTA_BYTES it goes into the store's REDO family in parts,
 * whose number and checksum the commit then names: small, synced, whole or not at all.
 *
 *     add (worker, per stage and shard) ──► batch ─┬─► into the epoch's batch      (small)
 *                                                  └─► REDO (n, part), then applied (large)
 *
 * delta_recover, on opening: parts that the newest commit names are applied (again: harmless), all
 * others are removed.
 *
 * @thread delta_add: any worker, each its own (stage, shard); the rest: the coordinator
 */
#ifndef STATE_DELTA_H
#define STATE_DELTA_H

#include <pthread.h>
#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"
#include "state/epoch_record.h"
#include "state/store.h"

struct delta {
    struct store *store;
    uint64_t epoch;
    struct store_batch **batches; /**< [stage * SHARD_COUNT + shard]; NULL until used */
    uint32_t stage_count;
    size_t bytes_max;     /**< LIMIT_DELTA_BYTES; tests make it small */
    pthread_mutex_t lock; /**< over what follows */
    size_t bytes;         /**< in all batches */
    uint32_t part_count;  /**< written to REDO */
    uint64_t checksum;    /**< over the parts' checksums, in order */
};

void delta_init(struct delta *d, struct store *store, uint32_t stage_count, size_t bytes_max);
void delta_deinit(struct delta *d);

/** Begin an epoch (again): forget everything, parts in REDO too. */
int delta_begin(struct delta *d, uint64_t epoch, struct error *e);

/** Where the changes of a shard are added; keys ascending. Valid until delta_check. */
struct store_batch *delta_batch(struct delta *d, uint32_t stage, uint32_t shard);
/** After some changes: write a part when there is too much. @param before  bytes of the batch
 * before they were added */
int delta_check(struct delta *d, uint32_t stage, uint32_t shard, size_t before, struct error *e);

/** The end of the epoch: add the change to its batch, or the rest of it to REDO; says in the
 * record how many parts there are. */
int delta_commit_into(struct delta *d, struct store_batch *batch, struct epoch_record *record,
                      struct error *e);
/** The batch was written: apply the parts and remove them. */
int delta_committed(struct delta *d, const struct epoch_record *record, struct error *e);

/** On opening a store. @param record  newest epoch; NULL for an empty store */
int delta_recover(struct store *store, const struct epoch_record *record, struct error *e);

#endif

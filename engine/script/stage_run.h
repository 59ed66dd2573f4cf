/*
 * A shard of a stage: all workers' records of its key groups, merged in key order, with their
 * state, through the segments that begin at the stage.
 *
 *     shuffles of all workers ─merge─► groups {key, values, state} ─► segments ─► state delta
 *     state of the store ──────────────┘ (update_state_by_key: every known key)
 *
 * @thread the host's worker; different shards of one stage may run side by side
 */
#ifndef SCRIPT_STAGE_RUN_H
#define SCRIPT_STAGE_RUN_H

#include <stdint.h>

#include "base/error.h"
#include "flow/graph.h"
#include "script/host.h"
#include "state/delta.h"
#include "state/store.h"

/** A value that an operator starts with; key order within the list. */
struct stage_initial {
    char *key;
    uint32_t key_size;
    uint16_t key_group;
    char *value; /**< msgpack */
    uint32_t value_size;
};

struct stage_task {
    uint32_t stage;
    uint32_t shard;
    struct mill_shuffle *const *shuffles; /**< of all workers, sealed */
    struct mill_top *const *tops;         /**< of all workers; merged into the first */
    uint32_t worker_count;
    uint16_t operator_number; /**< in the store, of stages with state; likewise... */
    struct store *store;
    struct delta *delta;
    const struct stage_initial
        *initial; /**< of an operator that is new, sorted by key group and key */
    uint32_t initial_count;

    /* Of STAGE_WINDOW. */
    int64_t before_ms;       /**< the watermark in force before the epoch: closed up to here */
    int64_t watermark_ms;    /**< what the epoch's windows close by; WATERMARK_END: all do */
    int64_t stored_until_ms; /**< no pane that begins behind it is in the store */
};

/** @return 0; MILL_EDEADLINE; MILL_EFAILED; MILL_ELIMIT (one key has more values than fit);
 *  MILL_ECORRUPT; MILL_ENOSPC; MILL_EIO */
int stage_run(struct host *h, const struct stage_task *task, struct error *e);

#endif

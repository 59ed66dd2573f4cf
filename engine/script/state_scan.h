/*
 * The state of one operator's shard, in key order: what the store has, or for an operator that is
 * new, what it starts with.
 */
#ifndef SCRIPT_STATE_SCAN_H
#define SCRIPT_STATE_SCAN_H

#include <stdbool.h>

#include "base/error.h"
#include "flow/shuffle.h"
#include "script/stage_run.h"
#include "state/store.h"

struct state_scan {
    struct store_iterator *iterator; /**< NULL when the operator is new */
    const struct stage_task *task;
    uint32_t at;        /**< in task->initial */
    uint16_t key_group; /**< of the current key */
    struct slice key;   /**< encoded; borrowed until the next call */
    struct slice value; /**< msgpack */
    bool is_initial;    /**< not in the store yet */
};

void state_scan_open(struct state_scan *s, const struct stage_task *task);
void state_scan_close(struct state_scan *s);
/** @return 1, 0 at the end, MILL_ECORRUPT, MILL_EIO */
int state_scan_next(struct state_scan *s, struct error *e);
/** Below 0 when the entry's key comes before the current one, 0 when they are the same. */
int state_scan_compare(const struct state_scan *s, const struct shuffle_entry *entry);

#endif

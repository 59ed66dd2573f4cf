/*
 * The n largest records of a batch by a score, as one worker saw them: a bounded heap. At the end
 * of the epoch top_merge takes the n largest of all workers.
 *
 * Order: larger scores first; equal scores by key, then by position.
 *
 * Owner: one worker until the epoch has ended. @thread owner only
 */
#ifndef FLOW_TOP_H
#define FLOW_TOP_H

#include <stdint.h>

#include "base/ffi.h"

struct top_entry {
    double score;
    uint64_t order;   /**< position: block... */
    uint64_t ordinal; /**< ...and place in it */
    char *bytes;      /**< key, then the value as msgpack; owned */
    uint32_t key_size;
    uint32_t size;
};

struct mill_top {
    struct top_entry *entries; /**< a heap with the smallest on top */
    uint32_t count;
    uint32_t capacity;
    uint32_t max;     /**< n */
    uint64_t order;   /**< of the block that runs; the host sets it */
    uint64_t ordinal; /**< records put since the epoch began */
};

void top_init(struct mill_top *t, uint32_t max);
void top_deinit(struct mill_top *t);
void top_clear(struct mill_top *t);

/** Move the n largest of all into the first, sorted with the largest first. The others become
 * empty. */
void top_merge(struct mill_top *const *tops, uint32_t top_count);

#endif

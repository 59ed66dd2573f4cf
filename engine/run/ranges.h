/*
 * What an epoch read: for each partition from where to where. Kept with the epoch, so that it can
 * be run again later, and two scripts compared on the same past.
 */
#ifndef RUN_RANGES_H
#define RUN_RANGES_H

#include <stdint.h>

#include "state/epoch_record.h"

struct range_list {
    struct epoch_range *items;
    uint32_t count;
    uint32_t capacity;
};

struct range_list *ranges_create(void);
void ranges_destroy(struct range_list *l);
void ranges_clear(struct range_list *l);
/** A block was read; blocks of a partition come in any order. */
void ranges_add(struct range_list *l, uint16_t source, uint64_t partition, uint64_t from,
                uint64_t to);

#endif

/*
 * Records that the engine makes itself, so many a second: rate_stream. Value n, from 0, is due at
 *
 *     since_ms + (n - first) * 1000 / rows_per_second
 *
 * which is its time, too: a record depends on its number only, so it can be made again. An epoch
 * takes the values that are due when it begins; after a restart the first epoch takes those that
 * were due meanwhile, as far as its share goes (Spark's rate source does the same). A rate that
 * changed holds from the first value that was not committed.
 *
 * With --once, all values are taken, whenever they are due; so there must be an end.
 *
 * One partition, 0, whose offsets are values. The store keeps, in META, "n" u16 source -> u64
 * position, u64 first, i64 since_ms, u64 rows_per_second.
 */
#ifndef IO_RATE_SOURCE_H
#define IO_RATE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "io/source.h"

/** When values are due. */
struct rate {
    uint64_t first;   /**< value... */
    int64_t since_ms; /**< ...that is due then */
    uint64_t rows_per_second;
};

struct rate_source_options {
    uint64_t rows_per_second;
    uint64_t rows;        /**< how many there are; 0: no end */
    uint64_t records_max; /**< values that an epoch takes; 0: no limit. Others wait, though due */
    bool starts_at_zero;  /**< the first value is due at time 0 (virtual clock), else at the first
                               poll */
    bool takes_all;       /**< due or not (--once) */
    bool never_ends;      /**< epochs run on behind the last value: tests step on */
    uint32_t index;       /**< source.index */
    uint16_t store_id;    /**< source.store_id */
};

/** Open a source and load how far it came. @owns the caller, until source_close.
 *  @return 0, MILL_ECORRUPT, MILL_EIO */
int rate_source_open(const struct rate_source_options *options, struct store *store,
                     struct source **result, struct error *e);

/** When a value is due. */
int64_t rate_due_ms(const struct rate *rate, uint64_t value);

/** Append records as msgpack: {value=, time=}. @thread any */
void rate_pack(const struct rate *rate, uint64_t value, uint32_t count, struct buffer *b);

#endif

/*
 * The epoch record: what the batch that commits epoch n says about it. One key of META holds the
 * newest, one for each of the last LIMIT_EPOCHS_KEPT epochs holds the history.
 *
 * Format (big endian, every string with a u32 length): version u8, number u64, time i64, clock
 * i64, interval i64, seed u64, script hash u64, redo parts u32, redo checksum u64, records u64,
 * error window (records u64, errors u64), then u32 count of ranges {source u16, partition u64,
 * from u64, to u64}.
 */
#ifndef STATE_EPOCH_RECORD_H
#define STATE_EPOCH_RECORD_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

/** What an epoch read of one partition. */
struct epoch_range {
    uint16_t source; /**< the source's number in the store */
    uint64_t partition;
    uint64_t from; /**< offset */
    uint64_t to;
};

struct epoch_record {
    uint64_t number;
    int64_t time_ms;
    int64_t clock_ms;
    int64_t interval_ms;
    uint64_t seed;
    uint64_t script_hash;
    uint32_t redo_parts;        /**< parts of its state change in REDO that are to be applied */
    uint64_t redo_checksum;     /**< of them, in order */
    uint64_t records;           /**< read in this epoch */
    uint64_t window_records;    /**< the records over which max_error_ratio is judged... */
    uint64_t window_errors;     /**< ...and the errors among them */
    struct epoch_range *ranges; /**< of the epoch; owned by whoever filled it */
    uint32_t range_count;
};

/** Append the record. @return 0, or MILL_ELIMIT */
int epoch_record_encode(const struct epoch_record *r, struct buffer *into)
    __attribute__((warn_unused_result));

/** @param r  out: ranges are allocated; give them back with epoch_record_deinit
 *  @return 0, or MILL_ECORRUPT */
int epoch_record_decode(struct slice bytes, struct epoch_record *r, struct error *e)
    __attribute__((warn_unused_result));
void epoch_record_deinit(struct epoch_record *r);

#endif

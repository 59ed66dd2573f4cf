/*
 * What was received as a source: the text of a receiver log (io/receiver_log.h), which the
 * receiving ends in run/ write. One partition, 0, whose offsets are places of the text; workers
 * read its blocks with io/receiver_reader.h. Records come in the order of the log, whatever the
 * number of workers.
 *
 * The store keeps, in META, "l" u16 source -> u64 text, u64 end: what committed epochs have read,
 * and how far the log was synced then.
 *
 * With --once, input may come while the epoch runs: the plan is the share, whether it is there or
 * not, so that epochs end at the same lines however fast the input comes. The epoch waits
 * (source_is_waiting) until it is there, or the input has ended, or nothing more can be received
 * before something was committed. Blocks are cut at multiples of LIMIT_BLOCK_BYTES then.
 *
 * A rerun hands out the same range of the text as before, in blocks of its own.
 */
#ifndef IO_RECEIVER_SOURCE_H
#define IO_RECEIVER_SOURCE_H

#include <stdint.h>

#include "base/disk.h"
#include "base/error.h"
#include "io/receiver_log.h"
#include "io/source.h"

struct receiver_source_options {
    const struct disk *disk; /**< borrowed */
    const char *folder;      /**< of the log; copied */
    const char *name;        /**< for messages and dead letters: "stdin", a URL; copied */
    uint64_t key;            /**< the store's id */
    uint64_t segment_bytes;
    uint64_t bytes_max;
    uint64_t records_max; /**< lines that an epoch takes; 0: no limit */
    bool once;
    uint32_t index;    /**< source.index */
    uint16_t store_id; /**< source.store_id */
};

/** Open the log and load how far it was read. @owns the caller, until source_close.
 *  @return 0, MILL_EREFUSED, MILL_ECORRUPT, MILL_EIO... */
int receiver_source_open(const struct receiver_source_options *options, struct store *store,
                         struct source **result, struct error *e);

/** What the store says of a log. @return 0 (zeros when it says nothing), MILL_ECORRUPT, MILL_EIO */
int receiver_source_committed(struct store *store, uint16_t store_id,
                              struct receiver_committed *committed, struct error *e);

/** Bytes in a log that no committed epoch has read, of a source that is not open.
 *  @return 0, or as receiver_source_open */
int receiver_source_count(const struct receiver_source_options *options, struct store *store,
                          uint64_t *bytes, struct error *e);

/** Delete what committed epochs have read; the next prepare does it, too. */
int receiver_source_release(struct source *s, struct error *e);

/** For the receiving end, until source_close. */
struct receiver_log *receiver_source_log(struct source *s);

/** Nothing more will be received. */
void receiver_source_end_input(struct source *s);
/** Nothing can be received before something was committed: the log or the disk is full. */
void receiver_source_block_input(struct source *s, bool is_blocked);

/** The text before this was handed out. */
uint64_t receiver_source_handed(const struct source *s);
/** Bytes of the text that no committed epoch has read; for messages. */
uint64_t receiver_source_left(const struct source *s);

#endif

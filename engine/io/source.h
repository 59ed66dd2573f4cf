/*
 * Sources: where records come from. The runner polls a source at the start of an epoch, takes
 * *blocks* from it in input order, has workers read them, and commits how far it came in the same
 * batch as the state. A source's partitions (files, queue, log) are read in order by offset.
 *
 *     poll ─► plan ─► next_block* ─► (workers read) ─► block_done* ─► prepare ─► commit_into
 *                                                       │                       └─► committed
 *                                                       └─► abandon: begin the epoch again
 *
 * A rerun after `abandon` hands out the same blocks as before: the same ranges of the same files.
 *
 * Everything here is called by the coordinator's thread only, but source_prepare and
 * source_commit_into, which a thread of its pool calls while it calls nothing that changes the
 * source; and the blocks are read by workers (io/block_reader.h, io/receiver_reader.h).
 */
#ifndef IO_SOURCE_H
#define IO_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "flow/watermark.h"
#include "state/store.h"

/** Where a block's records stand in the order of all records: source, then sequence. */
#define SOURCE_ORDER(source, sequence) ((uint64_t)(source) << 56 | (uint64_t)(sequence))

/** The smaller of two offsets. */
static inline uint64_t least_offset(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct input_file;   /* an open file, shared by its blocks: io/input_file.h */
struct receiver_log; /* what was received: io/receiver_log.h */
struct rate;         /* when values of a rate_stream are due: io/rate_source.h */

struct source_block {
    uint32_t source;            /**< index of the source in the job */
    uint64_t order;             /**< SOURCE_ORDER(source, number of the block in this epoch) */
    uint64_t partition;         /**< e.g. the file's serial number */
    const char *partition_name; /**< for messages, e.g. the file's path; lives as long as the
                                     epoch */
    struct input_file *file;    /**< of a file block; else NULL */
    struct receiver_log *log;   /**< of a block of a receiver log; else NULL */
    const struct rate *rate;    /**< of a block of values to be made; else NULL */
    uint64_t start;             /**< offset: records that begin at or behind it... */
    uint64_t end;               /**< ...and before this one belong to the block */
    uint64_t limit;             /**< no byte at or behind this offset is read */
    uint64_t bytes;             /**< of the plan that it takes (packed ones of a .gz) */
    bool starts_a_record;       /**< start is the start of a record; else look for one */
    bool takes_unfinished;      /**< the last line counts although it has no line end */
    bool is_stream;      /**< of a file whose records no line ends tell apart: it is read from
                              a record's start on, and is the only one of the epoch */
    struct slice values; /**< of a queue block: msgpack array of the batch's values */
};

/** What a worker says of a block that it has read. */
struct source_done {
    uint64_t next;    /**< offset behind the last record that begins in the block; 0: none does.
                           How far a partition was read is the largest of its blocks' */
    uint64_t records; /**< counted by whoever splits the text */
    uint64_t bytes;   /**< of the records, with their line ends */
    bool unreadable;  /**< the file is not what its name says (a .gz that does not unpack): no
                           record was given, and it is not read until it changes */
};

struct source;

typedef void (*source_partition_fn)(void *context, uint64_t partition, enum watermark_place place);

struct source_ops {
    int (*poll)(struct source *s, int64_t now_ms, struct error *e); /* NULL: nothing to look for */
    int (*plan)(struct source *s, uint64_t bytes_max, uint64_t *bytes, struct error *e);
    int (*next_block)(struct source *s, struct source_block *block, struct error *e);
    void (*block_done)(struct source *s, const struct source_block *block,
                       const struct source_done *done);
    int (*prepare)(struct source *s, struct error *e); /* NULL: nothing */
    int (*commit_into)(struct source *s, struct store_batch *batch, struct error *e);
    void (*committed)(struct source *s);
    void (*abandon)(struct source *s);
    bool (*is_drained)(const struct source *s);
    bool (*is_waiting)(const struct source *s);   /* NULL: never */
    bool (*wants_commit)(const struct source *s); /* NULL: never */
    void (*each_partition)(const struct source *s, source_partition_fn fn, void *context);
    void (*close)(struct source *s);
};

/** First member of every source. */
struct source {
    const struct source_ops *ops;
    uint32_t index;    /**< in the job, from 0 */
    uint16_t store_id; /**< its number in the store's keys */
};

/** Look for new input. @param now_ms the machine's time. @return 0; MILL_ENOENT and the like when
 * the source cannot be reached (the message says what is wanted) */
int source_poll(struct source *s, int64_t now_ms, struct error *e);

/**
 * Decide what of the input that the last poll saw belongs to this epoch.
 * @param bytes_max  a share: it ends with the record in which its last byte lies
 * @param bytes      out: bytes that were planned, 0 when there is nothing new
 * @return 0, or MILL_EREFUSED (a file is smaller than what was read of it)
 */
int source_plan(struct source *s, uint64_t bytes_max, uint64_t *bytes, struct error *e);

/** True when the plan takes all that can be read now: with --once, its epoch is the last one. (A
 * share that ends within the very last line takes that too, but nobody knows before it is read.) */
bool source_is_drained(const struct source *s);

/** True when next_block has nothing now, and the plan is not through: with --once, the epoch must
 * wait for input that is still to come. */
bool source_is_waiting(const struct source *s);

/** The next block of the plan. @return 1, 0 when all were handed out, or why it cannot be read */
int source_next_block(struct source *s, struct source_block *block, struct error *e);

/** A worker is through with a block. Blocks may finish in any order. */
void source_block_done(struct source *s, const struct source_block *block,
                       const struct source_done *done);

/** Make safe what the commit will name. Every block handed out is done. It may take its time.
 * @return 0, MILL_ESYNC, MILL_ENOSPC, MILL_EIO */
int source_prepare(struct source *s, struct error *e);
/** Every block handed out is done: add how far the source came to the epoch's batch. */
int source_commit_into(struct source *s, struct store_batch *batch, struct error *e);
/** The batch was written: what it says is now the source's position. */
void source_committed(struct source *s);
/** The epoch will be run again: blocks handed out so far will be handed out again, no others.
 * No worker holds a block any more; those that were not done are not reported later. Polling and
 * planning are allowed and change nothing until the epoch is committed. */
void source_abandon(struct source *s);
/** True when an epoch must be committed even if nothing was read in it: what the polls found must
 * not be forgotten. */
bool source_wants_commit(const struct source *s);
/** Call a function with each partition that the source knows, and where it stands once the running
 * epoch is committed. Every block handed out is done. */
void source_each_partition(const struct source *s, source_partition_fn fn, void *context);
void source_close(struct source *s);

#endif

/*
 * The watermark of one event_time(): how far event time has come. Windows that end at or below it
 * are closed.
 *
 *     each partition that counts: largest time seen - max_delay  ──min──►  watermark, never back
 *
 * A partition (a file, a queue, a log) *waits* while nothing was read of it: it holds the
 * watermark. It is *open* while there is more to read: it counts, and before its first time it
 * holds, too. At its *end* it counts until it has brought nothing for `idle`; with --once it does
 * not count. When none counts, the watermark is the largest time seen by any - max_delay, and
 * without --once it goes on from there with the clock.
 *
 * The engine tells what an epoch read (watermark_saw, watermark_read) and where each partition
 * stands at its end (watermark_found), and then moves it, once: watermark_advance. Until
 * watermark_committed all this may be taken back.
 *
 * Pure. Owner: the coordinator.
 */
#ifndef FLOW_WATERMARK_H
#define FLOW_WATERMARK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "flow/window.h"

struct watermark_options {
    int64_t max_delay_ms;
    int64_t idle_ms;
    bool once;
};

enum watermark_place { PARTITION_WAITS, PARTITION_IS_OPEN, PARTITION_ENDED };

struct watermark_partition {
    uint16_t source; /**< its number in the store */
    uint64_t partition;
    int64_t seen_ms; /**< largest; WATERMARK_NONE */
    int64_t idle_ms; /**< at its end, and without anything new, for so long */
    bool is_dirty;   /**< not in the store like this */

    /* Of the running epoch. */
    int64_t new_seen_ms;
    int64_t new_idle_ms;
    enum watermark_place place;
    bool was_found; /**< its source knows it */
    bool was_read;
};

struct watermark {
    struct watermark_options options;
    int64_t now_ms;     /**< in force: of the newest committed epoch; WATERMARK_NONE */
    int64_t largest_ms; /**< seen by any partition, ever; WATERMARK_NONE */
    bool runs_alone;    /**< none counted: it goes with the clock */
    struct watermark_partition *partitions; /**< by source, partition */
    uint32_t count;
    uint32_t capacity;

    /* Of the running epoch. */
    int64_t next_ms; /**< what the epoch's windows close by; valid after watermark_advance */
    int64_t next_largest_ms;
    bool next_runs_alone;
};

void watermark_init(struct watermark *w, const struct watermark_options *options);
void watermark_deinit(struct watermark *w);

/** A time in the running epoch. */
void watermark_saw(struct watermark *w, uint16_t source, uint64_t partition, int64_t time_ms);
/** Something was read of a partition in the running epoch, times or not. */
void watermark_read(struct watermark *w, uint16_t source, uint64_t partition);
/** Where a partition stands at the end of the running epoch. Of each that its source knows. */
void watermark_found(struct watermark *w, uint16_t source, uint64_t partition,
                     enum watermark_place place);
/**
 * The end of the running epoch: next_ms.
 * @param elapsed_ms  of the clock since the epoch before, in which the engine was at work
 */
void watermark_advance(struct watermark *w, int64_t elapsed_ms);
/** The end of the input: closed up to the end of the last window. */
void watermark_close(struct watermark *w, int64_t end_ms);

/** The running epoch begins again: forget what it brought. */
void watermark_abandon(struct watermark *w);
/** It was committed. Partitions that no source knows any more are forgotten. */
void watermark_committed(struct watermark *w);

/* --- what the store keeps: a record of the whole, and one for each partition --- */

/** @return 0, or MILL_ELIMIT */
int watermark_encode(const struct watermark *w, struct buffer *into)
    __attribute__((warn_unused_result));
/** @return 0, or MILL_ECORRUPT */
int watermark_decode(struct watermark *w, struct slice bytes, struct error *e)
    __attribute__((warn_unused_result));
#define WATERMARK_PARTITION_BYTES 16
void watermark_partition_encode(const struct watermark_partition *p,
                                char bytes[WATERMARK_PARTITION_BYTES]);
int watermark_partition_decode(struct watermark *w, uint16_t source, uint64_t partition,
                               struct slice bytes, struct error *e)
    __attribute__((warn_unused_result));

#endif

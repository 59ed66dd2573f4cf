/*
 * Epochs: the state machine of one micro-batch, and its times.
 *
 *      ┌─────── abandon (a deadline, a full disk) ───────┐
 *      ▼                                                 │
 *   FILLING ──cut──► DRAINING ──blocks done──► STAGES ──► PREPARING ──► COMMITTING ──► DONE
 *   hand out         hand out                  one after   outputs      one synced
 *   blocks           none                      the other                batch
 *
 * The caller tells what happened and asks what to do next; nothing here knows threads, clocks or
 * disks. docs/internals/epochs.md explains the protocol around it.
 *
 * Times: T(n), the batch time, is a multiple of the interval and strictly increases; C(n), the
 * machine's clock when the epoch began, never goes back. Both are recorded with the epoch.
 */
#ifndef FLOW_EPOCH_H
#define FLOW_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

enum epoch_phase {
    EPOCH_FILLING,
    EPOCH_DRAINING,
    EPOCH_STAGES,
    EPOCH_PREPARING,
    EPOCH_COMMITTING,
    EPOCH_DONE
};

enum epoch_step {
    EPOCH_WAIT,      /**< for a block, a task, a timer: nothing to do now */
    EPOCH_HAND_OUT,  /**< give a free worker the next block */
    EPOCH_RUN_STAGE, /**< post the tasks of stage epoch.stage */
    EPOCH_PREPARE,   /**< prepare the outputs */
    EPOCH_COMMIT,    /**< write the batch */
    EPOCH_FINISH     /**< committed: begin the next */
};

struct epoch {
    uint64_t number;  /**< n, from 1 on */
    int64_t time_ms;  /**< T(n) */
    int64_t clock_ms; /**< C(n) */
    uint64_t seed;    /**< of math.random */
    bool is_last;     /**< the job ends with it: nothing may stay hidden */
    enum epoch_phase phase;
    uint32_t stage; /**< EPOCH_STAGES: the stage that runs or is to run */
    uint32_t stage_count;
    uint32_t blocks_out; /**< handed out and not done */
    uint32_t tasks_out;  /**< of the stage, posted and not done */
    bool stage_posted;
    bool posted; /**< PREPARE or COMMIT was given out */
};

/** T(n): the first multiple of the interval after T(n-1), but not before the clock's. */
int64_t epoch_time(int64_t previous_ms, int64_t interval_ms, int64_t clock_ms);
/** C(n). */
int64_t epoch_clock(int64_t previous_ms, int64_t clock_ms);

/** Begin to fill. number, times, seed and stage_count are set by the caller. */
void epoch_begin(struct epoch *e);
/** What to do now. EPOCH_HAND_OUT is given while the epoch fills; the caller does it when a
 * worker is free and a block is there. */
enum epoch_step epoch_next(const struct epoch *e);

void epoch_block_handed(struct epoch *e);
void epoch_block_done(struct epoch *e);
/** Hand out no more blocks. Cutting a cut epoch is nothing. */
void epoch_cut(struct epoch *e);
/** The tasks of the stage were posted. @param task_count > 0 */
void epoch_stage_posted(struct epoch *e, uint32_t task_count);
void epoch_task_done(struct epoch *e);
void epoch_prepare_posted(struct epoch *e);
void epoch_prepared(struct epoch *e);
void epoch_commit_posted(struct epoch *e);
void epoch_committed(struct epoch *e);

/** True when no worker holds a block or a task, so that the epoch can be abandoned. */
bool epoch_is_quiet(const struct epoch *e);

#endif

/*
 * The simulation: one little job after the other, each made by chance from a seed, run with the
 * engine's own parts on a disk and a store in memory that lose power, fill up and fail. One thread,
 * no clock, no file, no process: a seed gives the same operations each time.
 *
 *     real                                     stands in
 *     flow/epoch, flow/rows, state/delta,      source    records 0..N, an offset in META
 *     state/epoch_record, state/store_memory,  state     a count of each key, by shard
 *     io/output, io/file_output, io/publish,   sinks     standard output and a batch function that
 *     io/target, io/floor, io/manifest                   note what they were given, fail, are slow
 *                                              runner    process.c: opening in the order of
 *                                                        run/start.c, the batch as run/commit.c
 *                                                        builds it, publishing as run/publishing.c
 *
 *     job.c      the job and what it must give: pure functions of the seed
 *     faults.c   the disk and the store between the engine and the fakes: each operation is
 *                counted and noted, and may be the one that fails, or the last that works
 *     process.c  a life of the engine: start, epochs, publishing, stop
 *     epochs.c   one epoch
 *     misuse.c   starts that must be refused: an old copy of the store, a folder that is gone
 *     verdict.c  what must hold after each start, and the five checks at the end
 *     main.c     seeds
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/disk.h"
#include "base/error.h"
#include "base/limits.h"
#include "fake_disk.h"
#include "flow/epoch.h"
#include "flow/graph.h"
#include "flow/rows.h"
#include "io/output.h"
#include "io/publish.h"
#include "state/delta.h"
#include "state/epoch_record.h"
#include "state/store.h"
#include "testing.h"

enum {
    SIM_OUTPUTS_MAX = 5,
    SIM_PLACES_MAX = 8, /* folders that one output ever writes to */
    SIM_STAGES_MAX = 2,
    SIM_KEYS_MAX = 24,
    SIM_WORKERS_MAX = 3,
    SIM_RECORDS_MAX = 160,
    SIM_BLOCKS_MAX = 32,
    SIM_EPOCHS_MAX = 2000, /* a job has some hundred at most */
    SIM_COUNT_AROUND = 7   /* a key's count goes round; at 0 it is not kept */
};

/* --- the job --- */

struct sim_output {
    struct graph_output graph;
    char places[SIM_PLACES_MAX][32]; /* where it wrote to, and at last writes to */
    uint32_t place_count;
    bool is_claimed;  /* a start has gone well since it writes there */
    bool of_stage;    /* rows of the last stage; else of the source */
    uint32_t one_in;  /* of so many records (keys) one gives a row */
    uint32_t padding; /* bytes a row may be longer */
    uint16_t number;
};

struct sim_key {
    char bytes[16]; /* encoded */
    uint32_t size;
    uint16_t key_group;
    uint32_t shard;
};

struct sim_job {
    uint32_t record_count;
    uint32_t key_count;
    uint32_t stage_count;
    uint32_t worker_count;
    int64_t interval_ms;
    uint32_t output_count;
    struct sim_output outputs[SIM_OUTPUTS_MAX + 1]; /* the last: dead letters */
    struct sim_key keys[SIM_KEYS_MAX];              /* by shard, key group, bytes */
    uint16_t key_of[SIM_STAGES_MAX][SIM_RECORDS_MAX];
    bool is_skipped[SIM_RECORDS_MAX]; /* it ran past its deadline; until the epoch is given up */
};

/* --- what the world has seen --- */

struct sim_epoch {
    uint32_t from; /* record */
    uint32_t to;
    int64_t time_ms;
    int64_t clock_ms;
};

struct sim_delivery {
    uint16_t output;
    uint64_t epoch;
};

/* --- faults of one life --- */

struct sim_faults {
    uint64_t
        crash_at;     /* operation after which, or in the middle of which, nothing works; 0: none */
    uint64_t fail_at; /* operation that fails */
    int fail_code;    /* MILL_EIO; MILL_ESYNC: the first sync from fail_at on */
    uint64_t full_from; /* operations between which the disk is full */
    uint64_t full_until;
    uint32_t sink_fails; /* of 100 calls */
    uint32_t sink_waits; /* of 100 chances to publish */
};

enum sim_end {
    SIM_RUNS,
    SIM_CRASHED, /* the power went */
    SIM_FAILED,  /* the process ended: what it wrote stays */
    SIM_STOPPED  /* it ended with everything in order */
};

/* --- a life of the engine --- */

struct sim_block {
    uint32_t from;
    uint32_t to;
    bool is_done;
};

struct process {
    uint32_t position; /* of the source: committed */
    uint64_t last_number;
    int64_t last_time_ms;
    int64_t last_clock_ms;
    struct delta delta;
    struct output_place place;
    struct output outputs[SIM_OUTPUTS_MAX + 1];
    struct publisher publisher;
    struct buffer manifests[SIM_OUTPUTS_MAX + 1];
    struct mill_rows rows[SIM_WORKERS_MAX][SIM_OUTPUTS_MAX + 1];
    bool is_open;
    bool once;
    bool stop_wanted;
    uint32_t batch_failures;

    struct epoch epoch;
    struct epoch_record record;
    struct sim_block blocks[SIM_BLOCKS_MAX];
    uint32_t block_count;  /* handed out, also those of the run before */
    uint32_t blocks_given; /* in this run of the epoch */
    uint32_t plan_end;
    bool is_replay;
    bool store_is_suspect;
};

struct sim {
    uint64_t seed;
    struct chance chance;
    bool is_traced;
    uint64_t fingerprint; /* of all operations and their results */
    jmp_buf failed;       /* where sim_fail goes */
    char why[1024];

    struct sim_job job;
    struct fake_disk *fake;
    struct disk fake_disk;
    struct disk disk; /* what the engine gets */
    struct store *memory;
    struct store store; /* what the engine gets */
    uint64_t store_id;
    int64_t clock_ms;

    struct sim_faults faults;
    uint64_t operations; /* of this life */
    bool is_dead;        /* the power went: nothing works */
    bool has_failed;     /* the fault of this life has come */

    struct sim_epoch *epochs; /* committed: [number] */
    uint64_t epoch_count;     /* newest */
    struct sim_epoch pending; /* of the epoch that may or may not be committed */
    uint64_t pending_number;
    struct sim_delivery *deliveries;
    uint32_t delivery_count;
    uint32_t delivery_capacity;
    struct buffer given; /* what a sink was given in this step */

    struct store *old_store;  /* a copy that somebody made */
    uint64_t old_epoch;       /* its newest */
    uint64_t published_epoch; /* newest of which anything was published */
    bool is_misused;          /* this start must be refused */

    struct process process;
    enum sim_end end;
    uint32_t calm_lives; /* since the last one with faults */
};

/** Say what is wrong and leave the seed. */
__attribute__((noreturn, format(printf, 2, 3))) void sim_fail(struct sim *s, const char *format,
                                                              ...);
/** A line of the trace; also part of the fingerprint. */
__attribute__((format(printf, 2, 3))) void sim_note(struct sim *s, const char *format, ...);
/** 0 to n - 1. */
uint32_t sim_below(struct sim *s, uint32_t n);
/** True percent times of 100. */
bool sim_maybe(struct sim *s, uint32_t percent);

/* job.c */
void sim_job_make(struct sim *s);
/** Between two lives: some output gets another roll or another folder. */
void sim_job_change(struct sim *s);
/** What an output must give for records [from, to) of an epoch, with its framing. */
void sim_expected(const struct sim *s, uint32_t output, const struct sim_epoch *epoch,
                  struct buffer *into);
/** The row that a record, or a key with its count, gives. @return false: none */
bool sim_row_of_record(const struct sim *s, uint32_t output, uint32_t record, struct buffer *row);
bool sim_row_of_key(const struct sim *s, uint32_t output, uint32_t key, uint32_t count,
                    uint32_t last_record, struct buffer *row);
/** A key's count behind the first `position` records; 0: not kept. */
uint32_t sim_count_at(const struct sim *s, uint32_t stage, uint32_t key, uint32_t position);
/** The last record in [from, to) with the key that was not skipped; UINT32_MAX: none. */
uint32_t sim_last_record(const struct sim *s, uint32_t stage, uint32_t key, uint32_t from,
                         uint32_t to);

/* faults.c */
void sim_faults_open(struct sim *s);
void sim_faults_choose(struct sim *s, bool none);
/** What is left of disk and store when a life has ended. */
void sim_faults_crash(struct sim *s);

/* process.c */
/** Start, run until something ends it, and clear up; s->end says how it ended. */
void sim_process_run(struct sim *s, bool to_the_end);
/** An operation failed with rc: die, or end; never comes back with success.
 *  @return true when it is a full disk, for which one waits */
bool sim_process_failed(struct sim *s, int rc, const struct error *e, const char *where);
/** Publish what waits, as far as it comes. @return false when the life is over */
bool sim_process_publish(struct sim *s, bool all);
/** Start and clear up. @return what the start gave */
int sim_process_try_start(struct sim *s, struct error *e);
/** Read the newest epoch from the store and bring it in order. */
int sim_process_recover(struct sim *s, struct error *e);
struct output *sim_process_output(struct sim *s, uint32_t output);

/* epochs.c */
/** Run one epoch. @return false when the life is over */
bool sim_epoch_run(struct sim *s, bool is_last);

/* misuse.c */
/** Between two lives: now and then somebody copies the store, or starts with what is not there. */
void sim_misuse(struct sim *s);
void sim_misuse_end(struct sim *s);

/* verdict.c */
void sim_verdict_start(struct sim *s);
/** @param was_swept  there was a start since the last crash */
void sim_verdict_end(struct sim *s, bool was_swept);
/** A sink was given the rows of an epoch. */
void sim_verdict_delivery(struct sim *s, uint16_t number, uint64_t epoch);

#endif

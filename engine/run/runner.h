/*
 * The runner: a job from its start to its end. One libuv loop on the coordinator's thread; workers
 * (pool.h) compute, libuv's thread pool prepares, commits and publishes.
 *
 *     start.c    what is in the store against what is in the script: refusals, identities
 *     mend.c, mend_rows.c  what a person has decided about refusals
 *     drive.c    epochs: blocks, stages, cuts
 *     rerun.c    epochs that run again
 *     times.c    watermarks
 *     commit.c   the end of an epoch: prepare, one synced batch
 *     publishing.c  what was committed goes out
 *     receiving.c   what peers send: standard input, sockets
 *     runner.c   the loop, signals, the end
 *
 * docs/internals/epochs.md tells the protocol.
 */
#ifndef RUN_RUNNER_H
#define RUN_RUNNER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/choices.h"
#include "base/clock.h"
#include "base/error.h"
#include "flow/epoch.h"
#include "flow/graph.h"
#include "flow/identity.h"
#include "flow/pace.h"
#include "io/output.h"
#include "io/publish.h"
#include "io/source.h"
#include "run/data_folder.h"
#include "run/gone_logs.h"
#include "run/pool.h"
#include "script/batch_call.h"
#include "script/embedded.h"
#include "script/source_text.h"
#include "state/delta.h"

/** The input of a queue_stream: one msgpack array for each batch. */
struct runner_queue {
    struct slice *batches;
    uint32_t count;
};

/** An initial state of an update_state_by_key, sorted by key group and key. */
struct runner_initial {
    struct stage_initial *items;
    uint32_t count;
};

/** Called after each epoch, on the coordinator's thread. */
struct runner_report {
    uint64_t epoch;
    int64_t time_ms;
    uint64_t records; /**< read in the epoch */
    uint64_t bytes;
    uint64_t errors;        /**< dead letters and skips */
    uint64_t late;          /**< times that a record was late for an operator */
    uint64_t rows;          /**< of all outputs */
    uint64_t keys;          /**< with state, in all operators */
    int64_t processing_us;  /**< from when the epoch was cut to its commit; of --once: all of it */
    int64_t scheduling_us;  /**< from when the epoch should have begun to when it did */
    uint64_t total_records; /**< since the start */
};

/** One output's rows of one epoch (capture mode). */
typedef void (*runner_rows_fn)(void *context, uint32_t output, uint64_t epoch, struct slice rows);

struct runner_options {
    const struct embedded_module *modules;
    const struct source_text *source;
    const struct graph *graph;
    const char *data_folder;               /**< NULL: a store in memory */
    const struct runner_queue *queues;     /**< by source; only of queues */
    const struct runner_initial *initials; /**< by stage */
    const struct choices *choices;         /**< about refusals; taken ones are marked; or NULL */
    bool once;
    bool fresh;
    bool keep_open;   /**< with once: windows that are open at the end of the input stay so */
    bool cut_by_time; /**< with once: keep the interval (--cut time) */
    bool virtual_clock;
    bool jit_off;
    bool capture;     /**< outputs give their rows to on_rows, and write nothing else */
    bool queues_only; /**< every source reads from its queue; of files: lines of text (tests) */
    bool trace;       /**< hosts note what LuaJIT compiles (explain) */
    runner_rows_fn on_rows;
    void (*on_epoch)(void *context, const struct runner_report *report);
    void (*on_tick)(void *context); /**< some times a second while the job runs; or NULL */
    int (*write_stdout)(void *context, const void *bytes, size_t size, struct error *e);
    void *context;
};

enum runner_end {
    RUNNER_RUNS,
    RUNNER_FINISHED, /**< --once: everything is processed */
    RUNNER_STOPPED,  /**< a signal */
    RUNNER_FAILED    /**< runner.error says why */
};

struct receiving;  /* where a source's input comes in: run/receiving.h */
struct range_list; /* what the epoch read, by partition */
struct times;      /* watermarks: run/times.h */

struct runner {
    struct runner_options options;
    const struct graph *graph;
    struct clock clock;
    uint32_t worker_count;

    uv_loop_t loop;
    uv_async_t task_done;     /**< a worker has finished something */
    uv_async_t received;      /**< a receiving end's thread has done something */
    uv_timer_t cut_timer;     /**< the epoch's time is up */
    uv_timer_t retry_timer;   /**< the disk was full: look again */
    uv_timer_t publish_timer; /**< publishing failed: try again */
    uv_timer_t once_timer;    /**< --once: sockets have had their interval */
    uv_timer_t tick_timer;    /**< on_tick */
    uv_timer_t stop_timer;    /**< publishing has had its time after a signal */
    uv_signal_t signals[2];
    uv_work_t work; /**< preparing and committing */
    uv_work_t publishing;
    bool is_loop_open;
    bool is_publishing;
    struct error publish_error;

    struct data_folder data;
    struct pool pool;
    bool is_pool_open;
    struct identity_set identities;
    bool identities_changed; /**< the store does not have them like this yet */
    bool script_changed;     /**< its text or path is not the store's newest */
    uint64_t script_hash;
    bool on_probation;                         /**< the script is new: its first epoch decides */
    double ratio_before;                       /**< the old script's error ratio */
    uint16_t dropped_states[LIMIT_STAGES_MAX]; /**< numbers; removed with the first commit */
    uint32_t dropped_count;
    struct gone_logs gone_logs;
    bool is_mended; /**< a choice takes effect with the first commit, which is made for it */

    struct side_tables *sides; /**< of mill.table */
    struct source *sources[LIMIT_SOURCES_MAX];
    struct receiving *receiving[LIMIT_SOURCES_MAX]; /**< of those that have peers; else NULL */
    struct output outputs[LIMIT_OUTPUTS_MAX];
    struct graph_output dead_graph; /**< the dead letters are an output too */
    struct output dead_output;
    struct graph_output late_graph; /**< and so are late records */
    struct output late_output;
    bool has_late;           /**< the job has windows, and keeps what comes too late for them */
    uint64_t late_bytes;     /**< of late records that lie in their folder, about */
    uint64_t late_prepared;  /**< the running epoch's share */
    uint64_t late_bytes_max; /**< LIMIT_LATE_BYTES; tests make it small */
    struct output_place place;
    bool outputs_open;
    struct publisher publisher;
    bool publisher_open;
    struct delta delta;
    struct batch_caller batch_caller;
    struct batch_caller event_caller;         /**< for job:on */
    bool handler_is_over[LIMIT_HANDLERS_MAX]; /**< it was stopped, and is not called again */
    uint32_t batch_failures;                  /**< in a row, of the oldest manifest */

    struct epoch epoch;
    uint64_t attempt;
    struct epoch_record record; /**< of the running epoch */
    uint64_t last_number;
    int64_t last_time_ms;
    int64_t last_clock_ms;
    int64_t once_clock_ms;   /**< --once: the machine's clock at the start, which stands still */
    uint64_t window_records; /**< over which the error ratio is judged */
    uint64_t window_errors;
    uint64_t dead_bytes;    /**< of dead letters that were ever written */
    uint64_t dead_prepared; /**< the running epoch's share */
    uint64_t unread_max;    /**< LIMIT_RECEIVED_UNREAD_BYTES; less in tests */
    uint64_t planned_bytes; /**< of the running epoch */
    uint64_t handed_bytes;
    uint64_t handed_blocks;
    uint32_t next_source;           /**< whose turn it is to give a block */
    uint32_t posted;                /**< tasks that are out */
    uint32_t renewing;              /**< of them: fresh Lua states */
    struct mill_shuffle **shuffles; /**< of all workers, of the stage that runs */
    struct mill_top *tops[LIMIT_WORKERS_MAX];
    struct range_list *ranges;
    struct times *times;
    bool was_held; /**< since the last commit the sources had to wait */
    struct host_skip *skips;
    uint32_t skip_count;
    struct host_skip *pending_skips; /**< noted, and not yet seen by workers */
    uint32_t pending_skip_count;
    uint32_t saved_skip_count; /**< of the pending ones: in the store */
    uint32_t strikes;
    struct buffer manifests[LIMIT_OUTPUTS_MAX + 2]; /**< of the running epoch; behind the outputs':
                                                       of dead letters, of late records */
    uint64_t rows_prepared;
    uint64_t epoch_errors;
    uint64_t epoch_late;
    uint64_t total_late; /**< since the start */
    uint64_t epoch_bytes;
    bool was_written;            /**< the batch is in the store, whatever failed after it */
    bool fails_after_publishing; /**< runner.error ends the job once all is published */
    struct error work_error;     /**< of preparing or committing */
    int64_t gave_back_us;        /**< when free memory went back to the system */
    bool is_replay;              /**< the epoch runs again: only what was handed out before */
    bool is_abandoned;           /**< it is to be run again, when it is quiet */
    bool waits_for_space;        /**< ...and when the disk may have room */
    bool said_full;              /**< that was logged; until the next commit */
    bool is_working;             /**< preparing or committing runs */
    bool store_is_suspect;       /**< a write failed: open it anew before the epoch runs again */
    int64_t epoch_begun_us;
    int64_t scheduling_us; /**< how much later than due the epoch began */
    int64_t epoch_due_us;  /**< when it is to be cut, so when the next should begin */
    int64_t epoch_cut_us;  /**< when it was; 0: not yet */
    struct pace pace;
    uint64_t bytes_done; /**< read by workers since the start, in whatever attempt */
    uint64_t total_records;
    uint64_t epochs_run;

    bool waits_for_publishing; /**< too many epochs are unpublished */
    bool said_behind;          /**< that was logged; until all is published */
    bool is_stepping;          /**< runner_step: stop after each epoch */
    enum runner_end ends_as;   /**< not RUNS: only publishing is left, then this */
    bool stop_wanted;          /**< a signal: end after this epoch (with once: drop it) */
    enum runner_end end;
    struct error error;
};

/** Open everything and check it against the store. @return 0, or why it cannot run (see
 * error_exit_code) */
int runner_open(struct runner *r, const struct runner_options *options, struct error *e);
/** Run until the end. @return 0, or what ended it */
int runner_run(struct runner *r, struct error *e);
/** Run exactly one epoch (capture mode). */
int runner_step(struct runner *r, struct error *e);
void runner_close(struct runner *r);

/** What a --once run has left, for messages. */
struct runner_rest {
    uint64_t files; /**< and batches of queues */
    uint64_t bytes; /**< of them */
    uint64_t received_bytes;
};
struct runner_rest runner_left(const struct runner *r);
/** Everything that the sources know of is in what the running epoch has planned. */
bool runner_is_drained(const struct runner *r);

/* Between the parts of the runner. */

/** The outputs of the graph, then the dead letters, then the late records where there are such. */
static inline uint32_t runner_output_count(const struct runner *r)
{
    return r->graph->output_count + (r->has_late ? 2 : 1);
}
static inline struct output *runner_output(struct runner *r, uint32_t index)
{
    uint32_t beyond = index - r->graph->output_count;
    return index < r->graph->output_count ? &r->outputs[index]
           : beyond == 0                  ? &r->dead_output
                                          : &r->late_output;
}

/** End the job with an error. */
void runner_fail(struct runner *r, const struct error *e);
/** The epoch was committed: report, and begin the next or end. */
void runner_epoch_done(struct runner *r);
/** With once: the epoch has turned out to have no input, and is not committed. */
void runner_nothing_new(struct runner *r);
/** With once: the epoch is dropped because a signal came. */
void runner_dropped(struct runner *r);
/** An output has rows that no reader sees yet. */
bool runner_has_hidden_rows(const struct runner *r);
/** Something was published: go on if that was waited for. */
void runner_published(struct runner *r);
/** End the process at once when what is on disk is not known any more. */
void runner_die_if_fatal(const struct error *e);

#endif

/*
 * A host: one worker's half of a job. Its Lua state with the compiled segments, and outside the
 * Lua heap everything that they read and write: control block, counters, tables, shuffles, rows.
 *
 * What lies outside outlives the Lua state: when a function ran past its deadline, the state is
 * thrown away and a fresh one takes its place (host_renew).
 *
 *     host.h         creation, epochs, memory
 *     segment.h      one call into Lua: errors, yields, tees
 *     block_run.h    a source's block through its segments
 *     stage_run.h    a stage's shard through its segments
 *     dead_letter.h  records that could not be processed
 *
 * Owner: one worker thread; between epochs the coordinator reads shuffles and rows.
 */
#ifndef SCRIPT_HOST_H
#define SCRIPT_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/ffi.h"
#include "base/memory.h"
#include "data/records.h"
#include "data/words.h"
#include "flow/graph.h"
#include "flow/rows.h"
#include "flow/shuffle.h"
#include "flow/top.h"
#include "io/block_reader.h"
#include "io/receiver_reader.h"
#include "script/lua_state.h"
#include "script/side_tables.h"
#include "script/source_text.h"
#include "script/watchdog.h"
#include "state/table.h"

/** An element that ran past its deadline: in the next run it is a dead letter. */
struct host_skip {
    uint32_t operator_id;
    bool has_key; /**< behind a shuffle: by key; else by position */
    uint32_t source;
    uint64_t partition;
    uint64_t offset;     /**< of the record */
    uint32_t ordinal;    /**< among the words of its line; UINT32_MAX: all */
    uint32_t element[4]; /**< in the lists of flat operators; UINT32_MAX: all */
    char *key;           /**< encoded; owned */
    uint32_t key_size;
};

/** The largest time that an event_time() saw of a partition in this epoch. */
struct host_seen {
    uint32_t event;  /**< index */
    uint32_t source; /**< index */
    uint64_t partition;
    int64_t time_ms;
};

struct host_options {
    const struct embedded_module *modules;
    const struct source_text *source;
    const struct graph *graph;
    struct side_tables *sides; /**< borrowed; NULL: their rows are not looked up */
    const char *spill_folder;
    bool jit_off;
    bool trace;   /**< note what LuaJIT compiles: tidemill.tracing */
    bool capture; /**< every output's rows are JSON, whatever its format (tests of jobs) */
};

/** Where the records of the running chunk come from. */
struct host_position {
    enum graph_input input; /**< of the segment at the source or stage */
    uint32_t source;        /**< index; of a stage: its index */
    uint64_t partition;
    const char *partition_name;
    const char *text;                     /**< of lines, records and words: the piece... */
    uint64_t text_offset;                 /**< ...and its offset in the partition */
    const struct mill_splitter *splitter; /**< of words */
    uint32_t cells_before;                /**< of the block, in front of the chunk */
    uint64_t epoch;
};

struct host {
    struct host_options options;
    const struct graph *graph;
    struct script_state lua;
    struct watch watch;
    atomic_int is_unwanted; /**< not 0: host_stop was called */

    struct mill_control control;
    struct mill_counter *counters; /**< by operator: what arrives at it, and what it does with it */
    struct mill_counter *heads;    /**< by stage: what its functions do at the end of the epoch */
    struct mill_input input;
    struct buffer key;
    struct buffer value;
    struct arena arena; /**< of the chunk: keys, values, new state */

    struct mill_splitter *splitters; /**< as in the graph */
    struct table *tables;            /**< by stage */
    struct mill_shuffle *shuffles;   /**< by stage */
    bool *sealed;                    /**< by stage: its part is ready; others may be reading it */
    struct mill_top *tops;           /**< by stage */
    struct mill_rows *rows;          /**< by output */
    struct mill_rows dead;           /**< dead letters, as JSON lines */
    struct mill_rows late;           /**< late records, the same */
    struct mill_event *events;       /**< by event time */
    struct host_seen *seen;          /**< of this epoch; several of one partition are possible */
    uint32_t seen_count;
    uint32_t seen_capacity;
    int64_t *window_ends; /**< by stage: of the last window that closed in this epoch */
    struct mill_tee *tees;
    struct mill_records **chunks; /**< by source; NULL where there are no fields */
    struct side_reader sides;     /**< rows of mill.table, as of the epoch's beginning */
    struct mill_lives lives;      /**< of what views stand on */
    uint32_t *table_generations;  /**< that the caches of slots know, by stage */
    uint32_t **known_slots;       /**< by segment: word number -> slot, of counts in C; or NULL */

    struct mill_slice *lines; /**< LIMIT_CHUNK_RECORDS_MAX of them */
    struct mill_group *groups;
    struct mill_cell *cells;
    uint32_t cell_capacity;
    struct block_reader *reader;
    struct receiver_reader *receiver_reader;

    struct host_position position;
    const struct host_skip *skips; /**< of this epoch, borrowed */
    uint32_t skip_count;
    struct host_skip expired; /**< what ran past its deadline, after MILL_EDEADLINE */

    int *segment_refs; /**< Lua functions in the registry */
    int *checked_refs; /**< LUA_NOREF until first needed */
    int *seal_refs;
    int traceback_ref;     /**< script_traceback */
    int linked_ref;        /**< the table that segments.link returned */
    struct error fatal;    /**< set while a loop ends with an error that ends the job */
    bool checked;          /**< run checked loops: a skip may be met */
    uint64_t retried_call; /**< for want of memory, this element was tried again... */
    uint32_t retried_i;    /**< ...and this is it */
    uint32_t retried_j[4];

    int64_t clock_ms; /**< of this epoch */
    uint64_t records; /**< read from sources in this epoch */
    uint64_t bytes;
    uint64_t errors; /**< dead letters and skips in this epoch */
};

/** Make a worker's half: run the script, compile its segments.
 *  @return 0, MILL_ESCRIPT, MILL_ENOMEM */
int host_create(const struct host_options *options, struct host **result, struct error *e);
void host_destroy(struct host *h);
/** After MILL_EDEADLINE: a fresh Lua state. */
int host_renew(struct host *h, struct error *e);

/** Between chunks: a key with millions of values would keep their room for ever. */
void host_give_back_cells(struct host *h);

/** Nobody wants what it does any more: from now on its calls into Lua end with MILL_ESTOPPED,
 * within some 100 ms, also one that runs now. @thread any, while the host lives */
void host_stop(struct host *h);

static inline bool host_is_stopped(const struct host *h)
{
    return atomic_load(&h->is_unwanted) != 0;
}

struct host_epoch {
    uint64_t number;
    int64_t time_ms;
    uint64_t seed;
    const struct host_skip *skips; /**< borrowed until the epoch ends */
    uint32_t skip_count;
    const int64_t
        *watermarks;   /**< by stage, in force; borrowed until the epoch has begun; NULL: none
                        */
    int64_t clock_ms;  /**< C(n): timeouts run on it */
    int64_t latest_ms; /**< that times are not to be ahead of; WATERMARK_END: any may */
};

/** Begin an epoch, or begin it again: nothing of the one before is left. */
void host_begin(struct host *h, const struct host_epoch *epoch);

/** The order of the block or shard that runs now, for everything that is written. */
void host_set_order(struct host *h, uint64_t order);

/** What views of that life stand on goes: they may not be read any more. */
void host_end_life(struct host *h, enum mill_life life);

/** Where the records of the chunk that runs now came from, for everything that is shuffled. */
void host_set_origin(struct host *h, const struct shuffle_origin *origin);

/** The first failed write of rows or shuffled records, which ends the epoch. @return 0 or its code
 */
int host_write_error(const struct host *h, struct error *e);

/** Make the worker's part of a stage ready for merging. */
int host_seal_stage(struct host *h, uint32_t stage, struct error *e);

/** Tables over their budget go to their shuffles, and those to disk. Between chunks. */
int host_relieve_tables(struct host *h, bool all, struct error *e);

/** Free what only speeds things up: cached strings and slots; collect garbage. */
void host_relieve_caches(struct host *h);

/** What LuaJIT compiled since the host was made (options.trace), as text.
 * @thread any, while the worker is idle */
int host_trace_report(struct host *h, struct buffer *into, struct error *e);

/** A block begins: no time was seen in it. */
void host_begin_times(struct host *h);
/** It ended: note what was. */
void host_end_times(struct host *h);

/** Seed math.random for a chunk. */
void host_seed(struct host *h, uint64_t partition, uint64_t offset);

#endif

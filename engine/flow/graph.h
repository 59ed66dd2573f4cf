/*
 * The graph of a job, as the engine runs it: sources, segments, stages, tees, outputs. Made by the
 * planner (lua/tidemill/plan.lua) and read from its tables by script/plan_read.c; plain data, the
 * same for all workers, unchanged while the job runs.
 *
 *     source ─ segment ─┬─ tee ─ segment ─ [stage] ─ segment ─ (output)
 *                       └─ ...
 *
 * Operators are numbered from 1 as in the script; number 0 is no operator. Stages, segments,
 * outputs and tees are indexed from 0 here (from 1 in Lua).
 */
#ifndef FLOW_GRAPH_H
#define FLOW_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ffi.h"
#include "base/limits.h"
#include "data/csv_decoder.h"
#include "flow/window.h"

/** What an operator does to the number of records. */
enum graph_role {
    ROLE_UNUSED, /**< leads to no output, and is not run */
    ROLE_SOURCE,
    ROLE_SINGLE, /**< gives at most one for each */
    ROLE_FLAT,
    ROLE_UNION,
    ROLE_STAGE,
    ROLE_OUTPUT
};

enum graph_input { INPUT_LINES, INPUT_RECORDS, INPUT_WORDS, INPUT_CELLS, INPUT_GROUPS, INPUT_TEE };
enum graph_terminal {
    TERMINAL_STAGE,
    TERMINAL_OUTPUT,
    TERMINAL_TEE,
    TERMINAL_STATE /**< nothing flows on: the stage's head keeps what it makes */
};
enum graph_stage_kind { STAGE_TABLE, STAGE_UPDATE, STAGE_WITH_STATE, STAGE_TOP, STAGE_WINDOW };
enum graph_combine {
    COMBINE_LUA, /**< partial values are folded by the user's function */
    COMBINE_COUNT,
    COMBINE_SUM,
    COMBINE_MIN,
    COMBINE_MAX,
    COMBINE_AVG
};
enum graph_source_kind {
    SOURCE_FILES,
    SOURCE_QUEUE,
    SOURCE_STDIN,
    SOURCE_SOCKET,
    SOURCE_LISTEN,
    SOURCE_RATE
};
/** What the bytes of a source are. All but RECORDS_TEXT have fields: script/record_decoder.h. */
enum graph_record_format {
    RECORDS_TEXT,
    RECORDS_JSON,
    RECORDS_CSV,
    RECORDS_PATTERN,
    RECORDS_ACCESS_LOG,
    RECORDS_MSGPACK
};
enum graph_output_kind { OUTPUT_PRINT, OUTPUT_STDOUT, OUTPUT_FILES, OUTPUT_FOLDERS, OUTPUT_BATCH };
enum graph_format { FORMAT_JSON, FORMAT_TEXT, FORMAT_PRINT, FORMAT_ROWS };

struct graph_operator {
    const char *kind;  /**< as in the script, e.g. "map" */
    const char *label; /**< for messages, e.g. "map at job.lua:7" */
    const char *name;  /**< given by named(), or NULL */
    const char *was;   /**< the identity it had before, given by named(); or NULL */
    enum graph_role role;
    uint32_t *inputs; /**< operators that it reads from */
    uint32_t input_count;
    const char *place;   /**< how it hangs in the graph, without names: "text_file_stream>map" */
    const char *content; /**< what may change and still tells two apart: a function's text, of a
                          *   queue its first batch's hash; or NULL */
};

struct graph_source {
    enum graph_source_kind kind;
    uint32_t operator_id;
    const char *target;  /**< folder, host and port, URL; "" of a queue, a rate and of stdin */
    const char *pattern; /**< of file names */
    bool new_files_only;
    bool by_name;     /**< files are read by name, and in order of time so */
    const char *host; /**< to connect to or to listen on; NULL: none */
    uint32_t port;
    const char *path;         /**< of a unix socket to listen on; NULL: none */
    uint32_t clients_max;     /**< of SOURCE_LISTEN: more are refused */
    uint64_t bytes_max;       /**< that an epoch takes of it; 0: as many as there are */
    uint64_t records_max;     /**< the same, lines or values */
    uint64_t rows_per_second; /**< of SOURCE_RATE */
    uint64_t rows;            /**< of SOURCE_RATE; 0: no end */
    enum graph_record_format format;
    bool is_strict;         /**< of RECORDS_JSON: check values that no one reads, too */
    struct csv_options csv; /**< of RECORDS_CSV */
    const char *layout;     /**< of RECORDS_PATTERN: the pattern (data/pattern.h); it is right */
    const char *token;      /**< a client's first line must be this; NULL: none */
};

/** What peers send and cannot send again: it goes through a receiver log. */
static inline bool graph_is_received(const struct graph_source *s)
{
    return s->kind == SOURCE_STDIN || s->kind == SOURCE_SOCKET || s->kind == SOURCE_LISTEN;
}

/** Its records are not told apart by line ends. */
static inline bool graph_is_stream(const struct graph_source *s)
{
    return s->format == RECORDS_MSGPACK || (s->format == RECORDS_CSV && s->csv.is_multiline);
}

/** It gives bytes: lines, or records of a format; else it gives values. */
static inline bool graph_is_text(const struct graph_source *s)
{
    return s->kind != SOURCE_QUEUE && s->kind != SOURCE_RATE;
}

/** A table beside the streams: mill.table. */
struct graph_side {
    const char *path;
    const char *label;          /**< "mill.table at job.lua:3" */
    struct slice key;           /**< field that has the key */
    struct graph_source format; /**< only what says how a source's bytes are read */
};

struct graph_stage {
    enum graph_stage_kind kind;
    enum graph_combine combine; /**< of STAGE_TABLE */
    uint32_t operator_id;
    bool is_global;      /**< one value for all records, no key */
    bool has_seal;       /**< values may be in the Lua heap when the epoch ends */
    bool emits_if_empty; /**< count gives 0 for a batch without records */
    bool is_keyed;       /**< gives pairs */
    uint32_t top_count;  /**< of STAGE_TOP */
    int64_t timeout_ms;  /**< of STAGE_WITH_STATE; 0: states stay */

    /* Of STAGE_WINDOW. */
    struct window_shape window;
    bool updates;     /**< a row in each epoch in which it changed, not when it closes */
    uint32_t *events; /**< indexes of the event times that it goes by */
    uint32_t event_count;
};

/** An event_time(): the operator that gives records their time, and its watermark's rule. */
struct graph_event {
    uint32_t operator_id;
    int64_t max_delay_ms;
    int64_t idle_ms;
    int64_t max_ahead_ms;
    uint32_t *sources; /**< indexes: whose partitions it sees */
    uint32_t source_count;
};

struct graph_segment {
    enum graph_input input;
    uint32_t from;           /**< source, stage or tee */
    uint32_t splitter;       /**< of INPUT_WORDS */
    uint32_t input_operator; /**< of INPUT_WORDS: the flat_map that splits; else a union, or 0 */
    enum graph_terminal terminal;
    uint32_t to;         /**< stage, output or tee */
    uint32_t depth;      /**< of lists at its end */
    uint32_t *operators; /**< operators in it, in order... */
    uint32_t *depths;    /**< ...and how many lists are around each */
    uint32_t operator_count;
    bool is_native; /**< runs in C: no Lua function */
};

struct graph_output {
    enum graph_output_kind kind;
    enum graph_format format;
    uint32_t operator_id;
    const char *target; /**< folder or prefix; "stdout" */
    const char *suffix; /**< of OUTPUT_FOLDERS, or NULL */
    bool is_keyed;      /**< rows are pairs */
    bool is_windowed;   /**< ...and have a window, too */
    uint32_t print_rows;
    int64_t roll_ms;     /**< 0: not by time */
    uint64_t roll_bytes; /**< 0: not by size */
    int64_t timeout_ms;  /**< of OUTPUT_BATCH */
};

enum on_error { ON_ERROR_DEAD_LETTER, ON_ERROR_FAIL, ON_ERROR_SKIP };

enum late_choice { LATE_DEAD_LETTER, LATE_DROP };

enum graph_happening { EVENT_BATCH_STARTED, EVENT_BATCH_COMPLETED, EVENT_ERROR, EVENT_STOPPED };

/** A function of the script that hears of the job's course: job:on. */
struct graph_handler {
    enum graph_happening event;
    const char *label; /**< for messages */
};

struct graph_options {
    int64_t batch_ms;
    uint32_t workers; /**< 0: as many as there are cores */
    uint64_t batch_bytes;
    enum on_error on_error;
    enum late_choice late;
    double max_error_ratio;
    int64_t deadline_ms;
    uint32_t max_strikes;
    uint64_t memory_max;
    uint64_t shuffle_memory;
    uint64_t state_cache;
    uint64_t rows_max;         /**< bytes of a batch's rows: collect() and to_table() */
    uint64_t dead_letters_max; /**< bytes of all; then the job stops */
    uint64_t received_max;     /**< bytes of a receiver log on disk */
};

struct graph {
    const char *name;
    struct graph_options options;
    struct graph_operator *operators; /**< [1..operator_count]; [0] is unused */
    uint32_t operator_count;
    struct graph_source *sources;
    uint32_t source_count;
    struct graph_stage *stages; /**< each behind those that it reads from */
    uint32_t stage_count;
    struct graph_segment *segments;
    uint32_t segment_count;
    struct graph_output *outputs;
    uint32_t output_count;
    struct graph_event *events;
    uint32_t event_count;
    struct graph_handler *handlers;
    uint32_t handler_count;
    struct graph_side *sides;
    uint32_t side_count;
    struct slice *splitters; /**< their separators; empty: blanks */
    uint32_t splitter_count;
    uint32_t tee_count;
};

/** Whether a stage has state in the store. */
static inline bool graph_stage_has_state(const struct graph_stage *s)
{
    return s->kind == STAGE_UPDATE || s->kind == STAGE_WITH_STATE || s->kind == STAGE_WINDOW;
}

/* Where the records of a stage's shard stand in the order of all records: behind the sources'. */
#define STAGE_ORDER(stage, shard)                                                                  \
    ((uint64_t)(LIMIT_SOURCES_MAX + (stage)) << 56 | (uint64_t)(shard))

/** A stage without keys is computed in one shard only. */
#define GLOBAL_KEY "\x02" /* encoded `true` */
uint32_t graph_global_shard(void);

/** The operator at which a segment ends; 0 for a tee. */
uint32_t graph_terminal_operator(const struct graph *g, const struct graph_segment *segment);

/** What a segment's loop was doing. */
enum graph_doing {
    DOING_RECORD, /**< reading a record: none of the segment's operators has had it */
    DOING_OPERATOR /**< an operator has it */,
    DOING_ELEMENT /**< reading an element of the list that an operator gave */
};

struct graph_place {
    enum graph_doing doing;
    uint32_t operator_id; /**< that is to blame when it fails. Of a record that cannot be read: that
                             which would have had it, or the one before; 0: neither */
    uint32_t depth;       /**< lists around it */
};

/** Where a segment's loop is, by its control block. */
struct graph_place graph_place_of(const struct graph *g, const struct graph_segment *segment,
                                  const struct mill_control *c);

/** How many shards of a stage have something to do: all, or the global one. */
bool graph_stage_has_shard(const struct graph_stage *stage, uint32_t shard);

#endif

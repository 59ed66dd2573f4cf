/*
 * Outputs: where an epoch's rows go. Each output *prepares* before the commit and *publishes* after
 * it (io/publish.h), so that nothing uncommitted is ever seen and nothing committed is lost.
 *
 *     kind      prepared as                                   published by
 *     print     the text, inline or in outbox/                writing it to standard output
 *     stdout    the rows, inline or in outbox/                writing them to standard output
 *     batch     the rows, inline or in outbox/                calling the script's function
 *     files     a temporary file in the folder's hidden one   rename
 *     folders   the same                                      a new folder, and rename
 *
 * With `roll`, files collect the rows of many epochs in one hidden file; output.roll says how far
 * it is committed, and each open cuts it there.
 *
 * Owner: the coordinator. Preparing runs aside from its thread, one output at a time.
 */
#ifndef IO_OUTPUT_H
#define IO_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/choices.h"
#include "base/disk.h"
#include "base/error.h"
#include "flow/graph.h"
#include "flow/rows.h"
#include "io/manifest.h"
#include "io/roll.h"
#include "io/target.h"

/** What all outputs of a job share. */
struct output_place {
    const struct disk *disk;
    const char *outbox; /**< folder of the data directory for rows that are not inline */
    uint64_t store_id;
    struct store *store;
    uint64_t epoch;                /**< newest committed epoch, when opening */
    const struct choices *choices; /**< about refusals; or NULL */
};

struct output {
    const struct graph_output *graph;
    const char *label;
    uint16_t number; /**< in the store */
    const struct output_place *place;
    struct target target; /**< of files and folders */
    bool has_target;
    struct roll roll;       /**< its open file as it is committed */
    struct roll next;       /**< as the epoch that is being prepared leaves it */
    XXH3_state_t *roll_sum; /**< over what is committed of the open file; NULL without roll */
    XXH3_state_t *next_sum;
};

struct output_epoch {
    uint64_t number;
    int64_t time_ms;
    int64_t clock_ms;
    bool is_last; /**< nothing may stay hidden */
};

/**
 * Open an output: claim its folder, cut its open file to what is committed.
 * @return 0, MILL_EREFUSED and what the disk says
 */
int output_open(struct output *o, const struct output_place *place,
                const struct graph_output *graph, const char *label, uint16_t number,
                struct error *e);
void output_close(struct output *o);

/**
 * Prepare the rows of an epoch. Preparing the same epoch again (it was abandoned) is fine.
 * @param rows      all workers' rows, in order
 * @param manifest  out: encoded, appended; nothing is appended when there is nothing to publish
 * @return 0, MILL_ENOSPC, MILL_ESYNC, MILL_EIO
 */
int output_prepare(struct output *o, const struct output_epoch *epoch, struct rows_reader *rows,
                   struct buffer *manifest, struct error *e);

/** Add to the epoch's batch what META is to hold of the output. */
int output_commit_into(struct output *o, struct store_batch *batch)
    __attribute__((warn_unused_result));
/** The batch was written. */
void output_committed(struct output *o);

/** True for a temporary file of the output's folder that is in use. */
bool output_keeps(const struct output *o, const char *hidden_name);

/** The framing that workers use for the rows of an output. */
enum rows_framing output_framing(const struct graph_output *graph);

#endif

/*
 * Giving up rows that were committed and cannot be published: their manifests leave OUTBOX in one
 * synced batch. Before that, the rows are kept where a person can look:
 *
 *     given_up/<epoch>-<output>.json    rows for a function of for_each_batch, a JSON document each
 *     given_up/<epoch>-<output>.txt     rows for standard output, as they would have been written
 *     given_up/<epoch>-<output>-<name>  a part of a folder
 *     given_up/<epoch>-<output>.rows    rows for a function that are damaged, as they are
 *
 * A kill before the batch has given up nothing; what was kept by then is written again.
 *
 *     give_up_begin ──► give_up_manifests, give_up_open_file ──► give_up_commit ──► give_up_end
 *
 * @thread the coordinator, before the publisher is opened
 */
#ifndef IO_GIVE_UP_H
#define IO_GIVE_UP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "base/error.h"
#include "io/manifest.h"
#include "io/output.h"
#include "state/store.h"

struct give_up {
    const struct output_place *place;
    char *folder; /**< where the rows are kept */
    struct store_batch *batch;
    char **rest; /**< files that nobody names after the batch */
    uint32_t rest_count;
    char **said; /**< lines for a person, once the batch is written */
    uint32_t said_count;
    uint64_t rows;      /**< that are given up */
    uint64_t manifests; /**< likewise; 0: nothing to do */
};

/** @param place, data_folder  borrowed; as the outputs have it */
void give_up_begin(struct give_up *g, const struct output_place *place, const char *data_folder);
void give_up_end(struct give_up *g);

/** Asked for each manifest that waits. */
typedef bool (*give_up_wants_fn)(void *context, const struct manifest *m);
/** Keep the rows of those that are wanted, and add their removal to the batch. What cannot be read
 * any more is said, and given up all the same. @return 0, MILL_ENOSPC, MILL_EIO, MILL_ECORRUPT */
int give_up_manifests(struct give_up *g, give_up_wants_fn wants, void *context, struct error *e);
/** The same for an output's open file (roll). */
int give_up_open_file(struct give_up *g, uint16_t output, struct error *e);
/** Write the batch, when there is anything in it. */
int give_up_commit(struct give_up *g, struct error *e);

#endif

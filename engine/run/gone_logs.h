/*
 * Receiver logs of sources that are gone from the script. Such a source is forgotten once all of
 * its log was read: the epoch that commits the new graph takes out what the store says of it, and
 * then its folder goes. When it comes back it is a new source, with a number of its own.
 *
 *     script without it ─► gone_logs_find ─► commit: graph, "l" ─► gone_logs_committed
 *                                                       ▲ killed here: gone_logs_sweep at the
 *                                                         next start
 *
 * A log with something that no epoch has read stays, with its source, and each start says so: a
 * line that is in a log counts once, so it is not dropped before somebody has said so (--fresh).
 *
 * @thread the coordinator; gone_logs_commit_into: the one that writes the batch
 */
#ifndef RUN_GONE_LOGS_H
#define RUN_GONE_LOGS_H

#include <stdint.h>

#include "base/error.h"
#include "base/limits.h"
#include "flow/identity.h"
#include "run/data_folder.h"

struct gone_logs {
    uint16_t numbers[LIMIT_SOURCES_MAX]; /**< sources that the first commit forgets */
    uint32_t count;
};

/**
 * Remove the folders that an earlier commit has forgotten.
 * @param committed  the graph that the store has. A number that it has never given may be that of a
 *                   source whose first epoch did not come to its end: its log stays
 * @return 0, or why a folder cannot be listed; one that cannot be removed is warned about
 */
int gone_logs_sweep(struct data_folder *d, const struct identity_set *committed, struct error *e);

/**
 * Take out of a matched graph the sources that are gone and whose logs were read.
 * @param g  out. More than it has room for stay for the next start
 */
void gone_logs_find(struct data_folder *d, struct identity_set *set, struct gone_logs *g);

/** Add to the first batch that they are forgotten. */
void gone_logs_commit_into(const struct gone_logs *g, struct store_batch *batch);
/** The batch was written: remove their folders. */
void gone_logs_committed(struct gone_logs *g, struct data_folder *d);

#endif

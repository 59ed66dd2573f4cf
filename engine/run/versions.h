/*
 * The texts of a job's script that the store keeps: the newest, and the one before it. A start from
 * either is a start of a known script, whatever has become of its file.
 *
 * @thread the main thread
 */
#ifndef RUN_VERSIONS_H
#define RUN_VERSIONS_H

#include <stdint.h>

#include "base/error.h"
#include "script/source_text.h"
#include "state/store.h"

#define VERSIONS_KEPT 2

/** @param slot  0: the newest  @param text  out: initialised
 *  @return 0, MILL_ENOENT: there is none; MILL_ECORRUPT, MILL_EIO */
int versions_read(struct store *store, uint8_t slot, struct source_text *text, struct error *e);

/** Add to a batch that this text is the newest; the one before it stays, too.
 *  @return 0, MILL_ELIMIT, MILL_EIO */
int versions_commit_into(struct store *store, struct store_batch *batch,
                         const struct source_text *text, struct error *e);

/** The text of a data directory that no engine uses. @param number  1: the newest
 *  @return 0; MILL_EINVAL: there is no such version, or no store; what opening it says */
int versions_read_stored(const char *data_folder, uint32_t number, struct source_text *text,
                         struct error *e);

#endif

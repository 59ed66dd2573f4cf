/*
 * A folder that a store has written to is not what it was: STORE is missing (it was emptied, or
 * something else is mounted there), or the file that an output collects rows in is. A person says
 * how to go on:
 *
 *     --assume-published FOLDER   what is missing counts as published
 *     --publish-again FOLDER      go on only if nothing that waits is missing: what is gone cannot
 *                                 be made again
 *
 * In one synced batch the note of the folder goes back to "claiming", and open files that are
 * missing are forgotten; then the folder is claimed anew. Rows that are there are published as
 * ever.
 */
#ifndef IO_RECLAIM_H
#define IO_RECLAIM_H

#include <stdbool.h>

#include "base/error.h"
#include "io/output.h"

/**
 * @param folder  as META has it (target_each)
 * @param data_folder  where rows of open files that are damaged are kept
 * @param again  --publish-again
 * @return 1 it is the store's again; 0 nothing was missing; MILL_EREFUSED with the rows that are
 *         gone; what the disk and the store say
 */
int reclaim_folder(const struct output_place *place, const char *folder, const char *data_folder,
                   bool again, struct error *e);

#endif

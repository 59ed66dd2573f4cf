/*
 * The side tables of a job (mill.table): the files that they are made of, and their rows now, once
 * for all Lua states.
 *
 * All are read before the first epoch. Later the coordinator polls the files between two epochs:
 * one that was replaced, and stood still from one poll to the next, is read anew. Readers go on
 * with the rows that they have until they refresh: a worker at the beginning of an epoch, the
 * publishing thread before a call. A file that is gone or wrong is warned about, and its rows stay.
 *
 *     files ──poll──► version 2 ◄── worker 0
 *                     version 1 ◄── worker 1 (has not begun the epoch)     freed with its last
 * reader
 */
#ifndef SCRIPT_SIDE_TABLES_H
#define SCRIPT_SIDE_TABLES_H

#include <stdbool.h>

#include "base/error.h"
#include "data/side.h"
#include "flow/graph.h"

struct side_tables; /* opaque */

/** Read all tables of a graph. @owns the caller, until side_tables_close
 *  @return 0, or why one cannot be read, with its script's line; MILL_EREFUSED, MILL_EFAILED... */
int side_tables_open(const struct graph *graph, struct side_tables **result, struct error *e);
/** NULL is nothing. No reader is left. */
void side_tables_close(struct side_tables *t);

/** Look for files that were replaced. @param t  may be NULL  @thread coordinator, between epochs */
void side_tables_poll(struct side_tables *t);

/** One Lua state's hold on the rows. */
struct side_reader {
    struct side_tables *tables;
    struct side_version **versions; /**< by table; owned */
    struct mill_side **rows; /**< the same, for Lua; never moves. NULL: there are no tables */
};

/** It holds no rows until it is refreshed.
 *  @param tables  may be NULL  @thread any; then the reader's thread */
void side_reader_init(struct side_reader *r, struct side_tables *tables);
void side_reader_deinit(struct side_reader *r);
/** Take the newest rows. What was found in older ones is gone. @return whether there are any */
bool side_reader_refresh(struct side_reader *r);

#endif

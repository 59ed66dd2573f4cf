/*
 * Parts of windows: a key's value in a pane or session, as it is merged and as the store keeps it.
 *
 * Kept: one msgpack value; of what C combines (count, sum, ...) the number, then how many values
 * are in it.
 */
#ifndef SCRIPT_WINDOW_PART_H
#define SCRIPT_WINDOW_PART_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "script/stage_chunk.h"

/** Append a part. @return false: it is no value, or the buffer is full */
bool window_part_put(const struct graph_stage *stage, const struct mill_cell *cell,
                     struct buffer *into);

/** A part as a cell that borrows the bytes. @return 0, MILL_ECORRUPT */
int window_part_get(const struct graph_stage *stage, struct slice bytes, struct mill_cell *cell,
                    struct error *e);

/**
 * Merge the cells of each group of the chunk into its `after`: in C, or by the script's functions.
 * A group without GROUP_CHANGED has failed then, and is a dead letter.
 * @return as stage_run
 */
int window_part_merge(struct stage_chunk *c, struct error *e);

#endif

/*
 * Tumbling and sliding windows over a shard.
 *
 *     shuffles of all workers ─┐                    ┌─► state delta       panes that are still
 * needed panes of the store ──────┴─merge by pane, key─┤ panes of the store that close
 * ───────────────┴─► closing ─sorted─► windows ─► segments
 *
 * The store has a key's part of each pane at (operator, shard, pane, key group, key), where others
 * have their deadlines (state/keys.h): what closes is one range. A pane that was touched is looked
 * up and merged; what it adds to a window that closes goes into `closing`, a shuffle of this shard,
 * and so do panes that were not touched. There the parts of a window come together: by end, group,
 * key.
 *
 * Rows are in this order: shard, end of the window, key group, key.
 */
#ifndef SCRIPT_WINDOW_RUN_H
#define SCRIPT_WINDOW_RUN_H

#include "base/error.h"
#include "script/stage_chunk.h"

/** Run the whole shard; c is empty. @return as stage_run */
int window_run(struct stage_chunk *c, struct error *e);

#endif

/*
 * Sessions over a shard: windows of a key that end when nothing came for a gap.
 *
 *     shuffles of all workers ─┐
 *     keys whose time is up ───┴─merge by key─► pieces ┬─by time─► sessions ─┬─► state delta (open)
 *     sessions of the store ───────────────────────────┘                     └─► segments (closed)
 *
 * A worker's records of a key and pane are one piece: they are in one session. The store has at
 * (operator, key group, key): indexed u64, then for each open session first u64, last u64 (ms) and
 * its part (script/window_part.h) as a string; and, where others have their deadlines
 * (state/keys.h), an entry at `indexed`: the key is looked at when the watermark comes there. That
 * is at or before the end of the key's first session, so one that grows moves its entry once a gap.
 *
 * Rows are in this order: key group, key, start of the session.
 */
#ifndef SCRIPT_SESSION_RUN_H
#define SCRIPT_SESSION_RUN_H

#include "base/error.h"
#include "script/stage_chunk.h"

/** Run the whole shard; c is empty. @return as stage_run */
int session_run(struct stage_chunk *c, struct error *e);

#endif

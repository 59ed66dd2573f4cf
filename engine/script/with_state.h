/*
 * map_with_state over a shard: only keys with data, and those whose time is up.
 *
 *     shuffles of all workers ─┐
 *     deadlines that are past ─┴─merge─► a group for each record ─► segments ─► state delta
 *                                         state by sorted lookups ┘
 *
 * What the store has for a key: deadline u64 and indexed u64 (ms; 0: none), then the state as
 * msgpack. The key's entry among the deadlines (state/keys.h) stands at `indexed` and is moved only
 * when that time has come: a key that is touched in every epoch writes one entry per timeout. An
 * entry at another time than `indexed` is left over, and goes when it is met.
 */
#ifndef SCRIPT_WITH_STATE_H
#define SCRIPT_WITH_STATE_H

#include "base/error.h"
#include "script/stage_chunk.h"

/** Run the whole shard; c is empty. @return as stage_run */
int with_state_run(struct stage_chunk *c, struct error *e);

#endif

/*
 * The groups of one call: keys of a shard with their values, collected until a chunk is full, then
 * run through the segments that begin at the stage.
 *
 * Groups are in host.groups, their values in host.cells, bytes of both in host.arena.
 */
#ifndef SCRIPT_STAGE_CHUNK_H
#define SCRIPT_STAGE_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/graph.h"
#include "script/host.h"
#include "script/stage_run.h"

/** Groups of one call at most. */
#define STAGE_CHUNK_GROUPS_MAX 1024

struct stage_chunk {
    struct host *h;
    const struct stage_task *task;
    const struct graph_stage *stage;
    uint32_t group_count;
    uint32_t cell_count;
    uint64_t groups_run; /**< in this shard, before this chunk */
};

/** A group without values; its first one is that which is added next. The key is copied. */
struct mill_group *stage_chunk_add_group(struct stage_chunk *c, const char *key, uint32_t key_size);
/** @param copy  false: the cell's bytes stay where they are until the chunk is run */
void stage_chunk_add_cell(struct stage_chunk *c, const struct mill_cell *cell, bool copy);
bool stage_chunk_is_full(const struct stage_chunk *c);
/** A key of the store: the encoded key behind a head. Lives in the arena, until
 * stage_chunk_clear. */
struct slice stage_chunk_key(const struct stage_chunk *c, struct slice head, struct slice key);
/** That of a key's state. */
struct slice stage_chunk_state_key(const struct stage_chunk *c, struct slice key);
/** Run the segments over the groups. They stay until stage_chunk_clear. */
int stage_chunk_run(struct stage_chunk *c, struct error *e);
/** Run only that which keeps what it makes: the groups' `after`. Those without GROUP_CHANGED have
 * failed then, and are dead letters. */
int stage_chunk_merge(struct stage_chunk *c, struct error *e);
void stage_chunk_clear(struct stage_chunk *c);

#endif

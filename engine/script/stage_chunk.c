#include "script/stage_chunk.h"

#include <string.h>

#include "base/hash.h"
#include "data/cell.h"
#include "script/dead_letter.h"
#include "script/segment.h"
#include "state/keys.h"

/* Bytes of keys and values that are copied for one call. */
#define CHUNK_BYTES MIB

void stage_chunk_add_cell(struct stage_chunk *c, const struct mill_cell *cell, bool copy)
{
    struct host *h = c->h;
    if (c->cell_count == h->cell_capacity) {
        h->cell_capacity *= 2;
        h->cells = memory_grow(h->cells, h->cell_capacity * sizeof *h->cells);
    }
    struct mill_cell *to = &h->cells[c->cell_count++];
    *to = *cell;
    if (copy && cell_has_bytes(cell)) {
        to->ptr = arena_copy(&h->arena, cell->ptr, cell->len);
    }
}

struct mill_group *stage_chunk_add_group(struct stage_chunk *c, const char *key, uint32_t key_size)
{
    uint32_t index = c->group_count++;
    struct mill_group *g = &c->h->groups[index];
    *g = (struct mill_group){
        .key = arena_copy(&c->h->arena, key, key_size),
        .key_len = key_size,
        .first = c->cell_count,
        .head = index,
    };
    return g;
}

bool stage_chunk_is_full(const struct stage_chunk *c)
{
    return c->group_count == STAGE_CHUNK_GROUPS_MAX || c->cell_count >= LIMIT_CHUNK_RECORDS_MAX ||
           c->h->arena.bytes >= CHUNK_BYTES;
}

/* Record by record when one of them is to be skipped. */
static int run_segment(struct stage_chunk *c, uint32_t segment, struct error *e)
{
    struct host *h = c->h;
    bool may_skip = false;
    for (uint32_t i = 0; i < h->skip_count; i++) {
        may_skip = may_skip || (h->skips[i].has_key && h->skips[i].source == c->task->stage);
    }
    if (!may_skip) {
        return segment_run(h, segment, 0, c->group_count, e);
    }
    int rc = 0;
    for (uint32_t i = 0; i < c->group_count && rc == 0; i++) {
        const struct host_skip *skip = dead_letter_find_skip(h, i);
        h->checked = skip != NULL;
        h->control.skip_op = skip != NULL ? skip->operator_id : 0;
        memset(h->control.skip_j, 0xff, sizeof h->control.skip_j);
        rc = segment_run(h, segment, i, i + 1, e);
        h->checked = false;
        h->control.skip_op = 0;
    }
    return rc;
}

struct slice stage_chunk_key(const struct stage_chunk *c, struct slice head, struct slice key)
{
    char *full = arena_alloc(&c->h->arena, head.size + key.size);
    memcpy(full, head.data, head.size);
    memcpy(full + head.size, key.data, key.size);
    return (struct slice){full, head.size + key.size};
}

struct slice stage_chunk_state_key(const struct stage_chunk *c, struct slice key)
{
    char head[STATE_KEY_HEAD_BYTES];
    store_state_head(head, c->task->operator_number,
                     (uint16_t)key_group_of(hash_key(key.data, key.size)));
    return stage_chunk_key(c, (struct slice){head, sizeof head}, key);
}

/* Those that give rows on, or that which keeps what it makes. */
static int run_segments(struct stage_chunk *c, bool keeps, struct error *e)
{
    struct host *h = c->h;
    int rc = 0;
    h->input.groups = h->groups;
    h->input.cells = h->cells;
    host_set_origin(h, &(struct shuffle_origin){.base = c->groups_run});
    host_seed(h, (uint64_t)c->task->stage << 32 | c->task->shard, c->groups_run);
    for (uint32_t s = 0; s < h->graph->segment_count && rc == 0; s++) {
        const struct graph_segment *segment = &h->graph->segments[s];
        bool is_wanted = (segment->terminal == TERMINAL_STATE) == keeps;
        if (segment->input == INPUT_GROUPS && segment->from == c->task->stage && is_wanted) {
            rc = run_segment(c, s, e);
            rc = rc == 0 ? host_write_error(h, e) : rc;
        }
    }
    return rc;
}

int stage_chunk_run(struct stage_chunk *c, struct error *e)
{
    c->h->heads[c->task->stage].out += c->group_count;
    return run_segments(c, false, e);
}

int stage_chunk_merge(struct stage_chunk *c, struct error *e)
{
    struct mill_counter *head = &c->h->heads[c->task->stage];
    uint64_t lost = head->dead + head->skipped;
    int rc = run_segments(c, true, e);
    head->out += head->dead + head->skipped - lost; /* begun, and did not come through */
    return rc;
}

void stage_chunk_clear(struct stage_chunk *c)
{
    c->groups_run += c->group_count;
    c->group_count = 0;
    c->cell_count = 0;
    arena_reset(&c->h->arena);
    host_end_life(c->h, MILL_OF_CHUNK);
}

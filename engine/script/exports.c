/*
 * The exported functions that need more than a buffer: what a loop decides about state, chance,
 * and printing. Their contracts are in base/tidemill_ffi.h.
 */
#include "base/buffer.h"
#include "base/error.h"
#include "base/ffi.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "data/cell.h"

bool mill_print(const char *text)
{
    return log_print(text);
}

static void set_state(struct mill_group *g, const struct mill_cell *cell)
{
    g->after = *cell;
    g->changed = (g->changed & ~GROUP_CHANGED) | (cell_equals(&g->state, cell) ? 0 : GROUP_CHANGED);
}

void mill_state_remove(struct mill_group *g)
{
    struct mill_cell none = {.kind = MILL_EMPTY};
    set_state(g, &none);
}

void mill_state_number(struct mill_group *g, double v)
{
    struct mill_cell cell = {.kind = MILL_NUMBER, .len = 1, .num = v};
    set_state(g, &cell);
}

int mill_state_packed(struct mill_group *g, struct mill_arena *arena,
                      const struct mill_buffer *value)
{
    const struct buffer *b = (const struct buffer *)value;
    if (b->failed || b->size > LIMIT_STATE_VALUE_BYTES_MAX) {
        return MILL_ELIMIT;
    }
    struct mill_cell cell = cell_of_msgpack((struct slice){b->data, b->size});
    if (!cell_equals(&g->state, &cell)) {
        const char *kept = arena_copy((struct arena *)arena, b->data, b->size);
        cell = cell_of_msgpack((struct slice){kept, b->size});
    }
    set_state(g, &cell);
    return 0;
}

void mill_state_follow(struct mill_group *groups, uint32_t i)
{
    uint32_t at = i - 1;
    while (at > groups[i].head && (groups[at].changed & GROUP_CHANGED) == 0) {
        at--; /* it left the state as it was, or failed */
    }
    const struct mill_group *before = &groups[at];
    groups[i].state = (before->changed & GROUP_CHANGED) != 0 ? before->after : before->state;
}

/* splitmix64 */
double mill_random(struct mill_control *c)
{
    uint64_t z = (c->random[1] += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

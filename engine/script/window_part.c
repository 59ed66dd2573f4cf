#include "script/window_part.h"

#include "data/cell.h"
#include "data/msgpack.h"
#include "flow/combine.h"

bool window_part_put(const struct graph_stage *stage, const struct mill_cell *cell,
                     struct buffer *into)
{
    bool is_value = cell_add_msgpack(cell, into);
    if (is_value && stage->combine != COMBINE_LUA) {
        msgpack_add_uint64(into, cell->len);
    }
    return is_value && !into->failed;
}

int window_part_get(const struct graph_stage *stage, struct slice bytes, struct mill_cell *cell,
                    struct error *e)
{
    size_t size = 0;
    bool good = msgpack_scan(bytes.data, bytes.size, &size) == 0;
    *cell = cell_of_msgpack((struct slice){bytes.data, good ? size : 0});
    if (good && stage->combine != COMBINE_LUA) {
        struct slice rest = {bytes.data + size, bytes.size - size};
        good = cell->kind == MILL_NUMBER && rest.size > 0 &&
               msgpack_scan(rest.data, rest.size, &size) == 0 && size == rest.size;
        struct mill_cell count = cell_of_msgpack((struct slice){rest.data, good ? size : 0});
        good = good && count.kind == MILL_NUMBER && count.num >= 1 && count.num <= UINT32_MAX;
        cell->len = good ? (uint32_t)count.num : 0;
    } else {
        good = good && size == bytes.size;
    }
    return good ? 0 : error_set(e, MILL_ECORRUPT, "a window in the store is damaged");
}

static void merge_in_c(struct stage_chunk *c)
{
    for (uint32_t i = 0; i < c->group_count; i++) {
        struct mill_group *g = &c->h->groups[i];
        g->after = c->h->cells[g->first];
        for (uint32_t p = 1; p < g->count; p++) {
            combine_cells(c->stage->combine, &g->after, &c->h->cells[g->first + p]);
        }
        g->changed = GROUP_CHANGED;
    }
}

int window_part_merge(struct stage_chunk *c, struct error *e)
{
    if (c->stage->combine == COMBINE_LUA) {
        return stage_chunk_merge(c, e);
    }
    merge_in_c(c);
    return 0;
}

#include "flow/graph.h"

#include "base/hash.h"

uint32_t graph_global_shard(void)
{
    return shard_of_group(key_group_of(hash_key(GLOBAL_KEY, sizeof GLOBAL_KEY - 1)));
}

bool graph_stage_has_shard(const struct graph_stage *stage, uint32_t shard)
{
    return !stage->is_global || shard == graph_global_shard();
}

uint32_t graph_terminal_operator(const struct graph *g, const struct graph_segment *segment)
{
    switch (segment->terminal) {
    case TERMINAL_STAGE:
        return g->stages[segment->to].operator_id;
    case TERMINAL_OUTPUT:
        return g->outputs[segment->to].operator_id;
    case TERMINAL_TEE:
    case TERMINAL_STATE:
        break;
    }
    return 0;
}

/* Of an operator that is not in the segment, it is 0: a stage's, at the head of its groups. */
static uint32_t depth_of(const struct graph_segment *segment, uint32_t operator_id,
                         uint32_t terminal_operator)
{
    for (uint32_t i = 0; i < segment->operator_count; i++) {
        if (segment->operators[i] == operator_id) {
            return segment->depths[i];
        }
    }
    return operator_id == terminal_operator ? segment->depth : 0;
}

/* The operator whose lists make the records of this depth: the last one above it. */
static uint32_t list_operator(const struct graph_segment *segment, uint32_t depth)
{
    uint32_t id = 0;
    for (uint32_t i = 0; i < segment->operator_count; i++) {
        if (segment->depths[i] < depth) {
            id = segment->operators[i];
        }
    }
    return id;
}

struct graph_place graph_place_of(const struct graph *g, const struct graph_segment *segment,
                                  const struct mill_control *c)
{
    uint32_t terminal = graph_terminal_operator(g, segment);
    uint32_t id = c->op & ~(uint32_t)(MILL_IN_LIST | MILL_READING);
    if (c->depth > 0) {
        return (struct graph_place){DOING_ELEMENT, list_operator(segment, c->depth), c->depth};
    }
    if (id == 0) {
        id = segment->operator_count > 0 ? segment->operators[0] : terminal;
        return (struct graph_place){DOING_RECORD, id != 0 ? id : segment->input_operator, 0};
    }
    uint32_t depth = depth_of(segment, id, terminal);
    if ((c->op & MILL_IN_LIST) != 0) {
        return (struct graph_place){DOING_ELEMENT, id, depth + 1};
    }
    return (struct graph_place){DOING_OPERATOR, id, depth};
}

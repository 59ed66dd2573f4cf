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

uint32_t graph_depth_of(const struct graph_segment *segment, uint32_t operator_id,
                        uint32_t terminal_operator)
{
    for (uint32_t i = 0; i < segment->operator_count; i++) {
        if (segment->operators[i] == operator_id) {
            return segment->depths[i];
        }
    }
    return operator_id == terminal_operator ? segment->depth : 0;
}

uint32_t graph_terminal_operator(const struct graph *g, const struct graph_segment *segment)
{
    switch (segment->terminal) {
    case TERMINAL_STAGE:
        return g->stages[segment->to].operator_id;
    case TERMINAL_OUTPUT:
        return g->outputs[segment->to].operator_id;
    case TERMINAL_TEE:
        break;
    }
    return 0;
}

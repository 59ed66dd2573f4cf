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

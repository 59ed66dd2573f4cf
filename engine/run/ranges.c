#include "run/ranges.h"

#include "base/memory.h"

struct range_list *ranges_create(void)
{
    return memory_zero(1, sizeof(struct range_list));
}

void ranges_destroy(struct range_list *l)
{
    if (l != NULL) {
        memory_free(l->items);
        memory_free(l);
    }
}

void ranges_clear(struct range_list *l)
{
    l->count = 0;
}

/* Blocks of one partition come close together, so the search begins at the end. */
static struct epoch_range *find(struct range_list *l, uint16_t source, uint64_t partition)
{
    for (uint32_t i = l->count; i > 0; i--) {
        struct epoch_range *r = &l->items[i - 1];
        if (r->source == source && r->partition == partition) {
            return r;
        }
        if (l->count - i > 64) {
            break;
        }
    }
    return NULL;
}

void ranges_add(struct range_list *l, uint16_t source, uint64_t partition, uint64_t from,
                uint64_t to)
{
    struct epoch_range *r = find(l, source, partition);
    if (r != NULL) {
        r->from = from < r->from ? from : r->from;
        r->to = to > r->to ? to : r->to;
        return;
    }
    if (l->count == l->capacity) {
        l->capacity = l->capacity == 0 ? 64 : l->capacity * 2;
        l->items = memory_grow(l->items, l->capacity * sizeof *l->items);
    }
    l->items[l->count++] = (struct epoch_range){source, partition, from, to};
}

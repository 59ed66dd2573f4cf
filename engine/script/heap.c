#include "script/heap.h"

#include "base/check.h"
#include "base/memory.h"

void heap_init(struct heap *h, size_t max)
{
    *h = (struct heap){.max = max};
}

void *heap_alloc(void *ud, void *old, size_t old_size, size_t new_size)
{
    struct heap *h = ud;
    size_t before = old == NULL ? 0 : old_size;
    if (new_size == 0) {
        h->used -= before;
        memory_free(old);
        return NULL;
    }
    if (new_size > before && h->max > 0 && h->lifted == 0 && h->used - before + new_size > h->max) {
        h->denied++;
        return NULL;
    }
    void *p = memory_grow(old, new_size);
    h->used += new_size - before;
    h->peak = h->used > h->peak ? h->used : h->peak;
    return p;
}

void heap_lift(struct heap *h)
{
    h->lifted++;
}

void heap_lower(struct heap *h)
{
    check(h->lifted > 0);
    h->lifted--;
}

void heap_forgive(struct heap *h)
{
    h->denied = 0;
}

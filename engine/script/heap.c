#include "script/heap.h"

#include "base/check.h"
#include "base/memory.h"

void heap_init(struct heap *h, size_t max)
{
    *h = (struct heap){.max = max};
}

/* @return whether a heap of this size is granted */
static bool grant(struct heap *h, size_t size)
{
    if (h->max == 0 || h->lifted > 0 || size <= h->max) {
        return true;
    }
    if (!h->over) {
        h->over = true;
        if (h->on_over != NULL) {
            h->on_over(h->context);
        }
    }
    return h->on_over != NULL && size / HEAP_HARD_FACTOR <= h->max;
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
    if (new_size > before && !grant(h, h->used - before + new_size)) {
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
    h->over = false;
}

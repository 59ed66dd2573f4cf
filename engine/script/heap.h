/*
 * The Lua heap of one state, with a limit. Beyond it allocation fails, and Lua raises its memory
 * error, in compiled code too. A script may catch that with pcall, so whoever called looks at
 * `denied` and not only at the result.
 *
 * The engine's own calls outside a pcall must not fail: they lift the limit first (heap_lift).
 *
 * @thread the state's owner only
 */
#ifndef SCRIPT_HEAP_H
#define SCRIPT_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap {
    size_t used;     /**< bytes */
    size_t max;      /**< bytes; 0: no limit */
    size_t peak;     /**< most that was ever used */
    uint64_t denied; /**< allocations that the limit refused, since heap_forgive */
    int lifted;      /**< > 0: the limit does not hold */
};

void heap_init(struct heap *h, size_t max);

/** A lua_Alloc; ud is the struct heap. */
void *heap_alloc(void *ud, void *old, size_t old_size, size_t new_size);

/** Between these the limit does not hold; they nest. */
void heap_lift(struct heap *h);
void heap_lower(struct heap *h);

void heap_forgive(struct heap *h);

#endif

/*
 * The Lua heap of one state, with a limit.
 *
 * An allocation that is refused inside a compiled loop can bring LuaJIT down (it looks for the
 * running function where the loop has not put it). So an allocation beyond the limit is granted;
 * the heap says once that it is over (on_over), and the watchdog stops the call within a few ms at
 * a place where Lua can raise an error. Only beyond HEAP_HARD_FACTOR times the limit, or where
 * nobody listens, an allocation fails.
 *
 * A script may catch the error with pcall, so whoever called looks at `over` and not only at the
 * result. The engine's own calls outside of a pcall must not fail: they lift the limit (heap_lift).
 *
 * @thread the state's owner only
 */
#ifndef SCRIPT_HEAP_H
#define SCRIPT_HEAP_H

#include <stdbool.h>
#include <stddef.h>

#define HEAP_HARD_FACTOR 4

struct heap {
    size_t used;                    /**< bytes */
    size_t max;                     /**< bytes; 0: no limit */
    size_t peak;                    /**< most that was ever used */
    bool over;                      /**< the limit was exceeded, since heap_forgive */
    int lifted;                     /**< > 0: the limit does not hold */
    void (*on_over)(void *context); /**< called when it is first exceeded; NULL: allocations fail */
    void *context;
};

void heap_init(struct heap *h, size_t max);

/** A lua_Alloc; ud is the struct heap. */
void *heap_alloc(void *ud, void *old, size_t old_size, size_t new_size);

/** Between these the limit does not hold; they nest. */
void heap_lift(struct heap *h);
void heap_lower(struct heap *h);

void heap_forgive(struct heap *h);

#endif

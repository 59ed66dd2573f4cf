/*
 * Memory: the one home of malloc.
 *
 * Running out of memory ends the process with one line: an epoch that was not committed leaves
 * no trace, so a crash is safe, and no caller needs a path for it. What can grow with the data
 * has its own budget (base/limits.h) far below that. Lua's heap has a limit of its own
 * (script/heap.h) and fails softly.
 *
 * Arenas serve what lives as long as one unit of work (a chunk, an epoch): no single frees.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/** Large blocks go back to the system when they are freed. At the start of a program, before any
 *  other thread. */
void memory_begin(void);

/** Give pages that nothing is in back to the system, also those between blocks. Takes some
 *  milliseconds, more for a large heap, in which other threads may wait to allocate. @thread any */
void memory_give_back(void);

/** @return size bytes, never NULL. @owns the caller, until memory_free. @thread any */
void *memory_alloc(size_t size) __attribute__((malloc, returns_nonnull, alloc_size(1)));
/** count * size bytes, all zero; a product that overflows ends the process. */
void *memory_zero(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *memory_grow(void *old, size_t size) __attribute__((returns_nonnull));
void memory_free(void *old);
/** A copy of size bytes and a NUL behind them. */
char *memory_copy(const void *bytes, size_t size) __attribute__((returns_nonnull));
/** A copy of a C string; NULL stays NULL. */
char *memory_text(const char *text);

/** Allocations made so far by this thread (grow counts as one). For tests of the data path. */
uint64_t memory_allocation_count(void);

struct arena_block;

struct arena {
    struct arena_block *blocks; /**< newest first */
    char *at;                   /**< next free byte of the newest block */
    char *end;                  /**< its end */
    size_t bytes;               /**< handed out since the last reset */
};

void arena_init(struct arena *a);
void arena_deinit(struct arena *a);
/** @return size bytes aligned to 8, valid until the next reset. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
char *arena_copy(struct arena *a, const void *bytes, size_t size) __attribute__((returns_nonnull));
/** Give all back but the newest block, so that a steady load allocates nothing; that one too when
 * it is larger than 1 MiB. */
void arena_reset(struct arena *a);

#endif

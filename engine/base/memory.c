#include "base/memory.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"

#define ARENA_BLOCK_BYTES ((size_t)64 * 1024)
#define KEPT_BYTES_MAX    (1 * MIB) /* a block that stays for what comes next */

/* Blocks of this size and more are mapped one by one; so much may stay free at a heap's end. */
#define MAPPED_BYTES ((int)(1 * MIB))
#define SPARE_BYTES  ((int)(8 * MIB))
#define ARENAS_MAX   4 /* workers, commits, RocksDB's threads: each would get its own */

static _Thread_local uint64_t allocation_count;

/* Left to itself glibc maps no block below the largest that was ever freed, up to 32 MiB. Batches,
 * shuffles and memtables of some MiB then come from heaps that never shrink: 10 M keys held 397 MiB
 * where 220 are in use, for a few per cent less time (docs/internals/base.md). */
void memory_begin(void)
{
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    mallopt(M_TRIM_THRESHOLD, SPARE_BYTES);
    mallopt(M_ARENA_MAX, ARENAS_MAX);
}

void memory_give_back(void)
{
    malloc_trim(0);
}

__attribute__((noreturn, cold)) static void out_of_memory(size_t size)
{
    fprintf(stderr, "tidemill: out of memory (%zu bytes asked); what was committed is safe\n",
            size);
    exit(1);
}

void *memory_alloc(size_t size)
{
    void *p = malloc(size > 0 ? size : 1);
    if (p == NULL) {
        out_of_memory(size);
    }
    allocation_count++;
    return p;
}

void *memory_zero(size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        out_of_memory(SIZE_MAX);
    }
    void *p = calloc(1, bytes > 0 ? bytes : 1);
    if (p == NULL) {
        out_of_memory(bytes);
    }
    allocation_count++;
    return p;
}

void *memory_grow(void *old, size_t size)
{
    void *p = realloc(old, size > 0 ? size : 1);
    if (p == NULL) {
        out_of_memory(size);
    }
    allocation_count++;
    return p;
}

void memory_free(void *old)
{
    free(old);
}

char *memory_copy(const void *bytes, size_t size)
{
    char *p = memory_alloc(size + 1);
    if (size > 0) {
        memcpy(p, bytes, size);
    }
    p[size] = '\0';
    return p;
}

char *memory_text(const char *text)
{
    return text == NULL ? NULL : memory_copy(text, strlen(text));
}

uint64_t memory_allocation_count(void)
{
    return allocation_count;
}

struct arena_block {
    struct arena_block *next;
    size_t size; /* usable bytes behind this header */
};

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

static void free_blocks(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *next = block->next;
        memory_free(block);
        block = next;
    }
}

void arena_deinit(struct arena *a)
{
    free_blocks(a->blocks);
    arena_init(a);
}

static void *alloc_in_new_block(struct arena *a, size_t size)
{
    size_t usable = size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES;
    struct arena_block *block = memory_alloc(sizeof *block + usable);
    block->next = a->blocks;
    block->size = usable;
    a->blocks = block;
    a->at = (char *)(block + 1) + size;
    a->end = (char *)(block + 1) + usable;
    return block + 1;
}

void *arena_alloc(struct arena *a, size_t size)
{
    check(size < SIZE_MAX / 2);
    size_t rounded = (size + 7) & ~(size_t)7;
    a->bytes += rounded;
    if (a->at == NULL || rounded > (size_t)(a->end - a->at)) {
        return alloc_in_new_block(a, rounded);
    }
    void *p = a->at;
    a->at += rounded;
    return p;
}

char *arena_copy(struct arena *a, const void *bytes, size_t size)
{
    char *p = arena_alloc(a, size);
    if (size > 0) {
        memcpy(p, bytes, size);
    }
    return p;
}

/* The newest block stays, unless it was made for one large piece. */
void arena_reset(struct arena *a)
{
    a->bytes = 0;
    if (a->blocks == NULL) {
        return;
    }
    free_blocks(a->blocks->next);
    a->blocks->next = NULL;
    if (a->blocks->size > KEPT_BYTES_MAX) {
        free_blocks(a->blocks);
        *a = (struct arena){0};
        return;
    }
    a->at = (char *)(a->blocks + 1);
    a->end = a->at + a->blocks->size;
}

/*
 * What the unit tests share: cmocka, chance that is the same in every run, folders that go away,
 * and running what ends its process.
 */
#ifndef TESTS_ENGINE_TESTING_H
#define TESTS_ENGINE_TESTING_H

/* cmocka.h needs the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

/** ThreadSanitizer holds a signal back until its thread calls into the C library, which a compiled
 * loop never does. So jobs run interpreted: their functions are stopped without one. */
#ifdef __SANITIZE_THREAD__
#define UNDER_TSAN true
#else
#define UNDER_TSAN false
#endif

/** Chance from a seed (splitmix64). A test prints nothing of it: the seed is in its text. */
struct chance {
    uint64_t state;
};

uint64_t chance_next(struct chance *c);
/** 0 to n - 1; n > 0. */
uint32_t chance_below(struct chance *c, uint32_t n);
/** One of the bytes of a C string. */
char chance_of(struct chance *c, const char *bytes);
void chance_bytes(struct chance *c, void *into, size_t size);

/** How often a property is tried: `fast` times, in `make test-slow` 20 times as often. */
uint32_t rounds(uint32_t fast);

/** A new empty folder. @owns the caller, until folder_remove. */
char *folder_create(void);
/** Remove it with all that is in it. */
void folder_remove(char *path);
/** How many names are in it. */
uint32_t folder_count(const char *path);

/**
 * Call fn in a process of its own.
 * @param output  out: what it wrote to standard error, cut to fit
 * @return what waitpid says of it
 */
int run_apart(void (*fn)(void), char *output, size_t output_size);

/** Let so much time go by, without a sleep that a signal ends. */
void spin_ms(int64_t ms);

/** A copy that ends where its memory ends, so that AddressSanitizer sees a read behind it.
 * @owns the caller, until memory_free */
void *exact_copy(const void *bytes, size_t size);

#endif

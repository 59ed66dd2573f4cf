/* Goal: an allocation succeeds or ends the process in one line; an arena gives aligned memory that
 * lives until its reset, and a steady load allocates nothing.
 * Method: sizes of nothing and of more than there is; the thread's count of allocations. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "testing.h"

static void nothing_is_a_valid_size(void **state)
{
    (void)state;
    void *a = memory_alloc(0);
    void *z = memory_zero(0, 8);
    void *g = memory_grow(NULL, 0);
    assert_non_null(a);
    assert_non_null(z);
    assert_non_null(g);
    memory_free(a);
    memory_free(z);
    memory_free(g);
    memory_free(NULL);
}

static void zeroed_memory_is_zero(void **state)
{
    (void)state;
    static const char zeros[1000];
    void *dirty = memory_alloc(1000);
    memset(dirty, 0xff, 1000);
    memory_free(dirty);
    void *p = memory_zero(100, 10);
    assert_memory_equal(p, zeros, 1000);
    memory_free(p);
}

static void growing_keeps_the_bytes(void **state)
{
    (void)state;
    char *p = memory_copy("abc", 4);
    p = memory_grow(p, 100000);
    assert_string_equal(p, "abc");
    memory_free(p);
}

static void copies_end_with_a_nul(void **state)
{
    (void)state;
    char *a = memory_copy("a\0b-", 3);
    assert_memory_equal(a, "a\0b", 4);
    char *b = memory_copy(NULL, 0);
    assert_string_equal(b, "");
    char *c = memory_text("abc");
    assert_string_equal(c, "abc");
    assert_null(memory_text(NULL));
    memory_free(a);
    memory_free(b);
    memory_free(c);
}

static void ask_for_too_much(void)
{
    memory_free(memory_alloc(SIZE_MAX / 2 - 1));
}

static void ask_for_an_overflow(void)
{
    memory_free(memory_zero(SIZE_MAX / 2, 3));
}

static void grow_too_much(void)
{
    memory_free(memory_grow(NULL, SIZE_MAX / 2 - 1));
}

static void running_out_ends_the_process_with_one_line(void **state)
{
    (void)state;
    void (*const ways[])(void) = {ask_for_too_much, ask_for_an_overflow, grow_too_much};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        char output[16384];
        int status = run_apart(ways[i], output, sizeof output);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 1);
        assert_non_null(strstr(output, "tidemill: out of memory ("));
        assert_non_null(strstr(output, "what was committed is safe\n"));
    }
}

static size_t resident_bytes(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*s %zu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* A large block that is freed would make glibc take smaller ones from the heap from then on. There
 * a block that stays keeps all those before it. */
static void free_all_but_the_last(void)
{
    enum { COUNT = 64, BYTES = 2 << 20 };
    void *blocks[COUNT];
    memory_begin();
    memory_free(memory_zero(1, 30 << 20));
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = memory_alloc(BYTES);
        memset(blocks[i], 1, BYTES);
    }
    size_t full = resident_bytes();
    for (int i = 0; i < COUNT - 1; i++) {
        memory_free(blocks[i]);
    }
    size_t left = resident_bytes();
    fprintf(stderr, "%s\n", left < full / 4 ? "given back" : "kept");
}

/* Small ones among which some stay. */
static void free_most_of_many(void)
{
    enum { COUNT = 20000, BYTES = 4000, STAYS = 20 };
    static void *blocks[COUNT];
    memory_begin();
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = memory_alloc(BYTES);
        memset(blocks[i], 1, BYTES);
    }
    for (int i = 0; i < COUNT; i++) {
        if (i % STAYS != 0) {
            memory_free(blocks[i]);
        }
    }
    size_t before = resident_bytes();
    memory_give_back();
    size_t left = resident_bytes();
    fprintf(stderr, "%s\n", left < before / 4 ? "given back" : "kept");
}

static void gives_back(void (*way)(void))
{
    char output[1000];
    assert_int_equal(run_apart(way, output, sizeof output), 0);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    assert_non_null(strstr(output, "\n")); /* they bring a malloc of their own */
#else
    assert_string_equal(output, "given back\n");
#endif
}

static void large_blocks_are_given_back(void **state)
{
    (void)state;
    gives_back(free_all_but_the_last);
}

static void pages_between_blocks_are_given_back_when_told(void **state)
{
    (void)state;
    gives_back(free_most_of_many);
}

static void allocations_are_counted(void **state)
{
    (void)state;
    uint64_t before = memory_allocation_count();
    void *p = memory_alloc(1);
    p = memory_grow(p, 2);
    memory_free(p);
    memory_free(memory_zero(1, 1));
    assert_int_equal(memory_allocation_count() - before, 3);
}

static void an_arena_gives_aligned_memory_that_stays(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static char *pieces[COUNT];
    struct arena a;
    arena_init(&a);
    for (int i = 0; i < COUNT; i++) {
        size_t size = (size_t)i % 37 + 1;
        pieces[i] = arena_alloc(&a, size);
        assert_int_equal((uintptr_t)pieces[i] % 8, 0);
        memset(pieces[i], i & 0xff, size);
    }
    for (int i = 0; i < COUNT; i++) {
        size_t size = (size_t)i % 37 + 1;
        for (size_t k = 0; k < size; k++) {
            assert_int_equal((uint8_t)pieces[i][k], i & 0xff);
        }
    }
    arena_deinit(&a);
}

static void a_piece_larger_than_a_block_has_its_own(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    char *small = arena_copy(&a, "small", 6);
    char *large = arena_alloc(&a, 1000000);
    memset(large, 'x', 1000000);
    assert_string_equal(small, "small");
    assert_true(a.bytes >= 1000006);
    arena_deinit(&a);
}

static void a_block_for_one_large_piece_does_not_stay(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    (void)arena_alloc(&a, 100);
    arena_reset(&a);
    assert_non_null(a.blocks);
    (void)arena_alloc(&a, 2 * MIB);
    arena_reset(&a);
    assert_null(a.blocks);
    assert_string_equal(arena_copy(&a, "again", 6), "again");
    arena_deinit(&a);
}

static void nothing_from_a_new_arena_is_a_valid_pointer(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    char *p = arena_alloc(&a, 0);
    assert_non_null(p);
    p = arena_copy(&a, "", 0);
    assert_non_null(p);
    arena_deinit(&a);
}

static void an_arena_that_is_reset_keeps_a_block(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    arena_reset(&a);
    uint64_t before = 0;
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 100; i++) {
            memset(arena_alloc(&a, 500), round, 500);
        }
        arena_reset(&a);
        assert_int_equal(a.bytes, 0);
        before = round == 0 ? memory_allocation_count() : before;
    }
    assert_int_equal(memory_allocation_count(), before);
    arena_deinit(&a);
    assert_null(a.blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_a_valid_size),
        cmocka_unit_test(zeroed_memory_is_zero),
        cmocka_unit_test(growing_keeps_the_bytes),
        cmocka_unit_test(copies_end_with_a_nul),
        cmocka_unit_test(running_out_ends_the_process_with_one_line),
        cmocka_unit_test(large_blocks_are_given_back),
        cmocka_unit_test(pages_between_blocks_are_given_back_when_told),
        cmocka_unit_test(allocations_are_counted),
        cmocka_unit_test(an_arena_gives_aligned_memory_that_stays),
        cmocka_unit_test(a_piece_larger_than_a_block_has_its_own),
        cmocka_unit_test(a_block_for_one_large_piece_does_not_stay),
        cmocka_unit_test(nothing_from_a_new_arena_is_a_valid_pointer),
        cmocka_unit_test(an_arena_that_is_reset_keeps_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: each key has one number, from 1 on, until the set is cleared; a full set says so and keeps
 * what it has.
 * Method: many keys; hashes that collide by force, since the caller brings them. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "data/keyset.h"
#include "testing.h"

enum { TAG = 0x20 };

static uint32_t add(struct keyset *s, const char *text)
{
    size_t size = strlen(text);
    return keyset_add(s, hash_tagged(TAG, text, size), TAG, text, size);
}

static uint32_t add_number(struct keyset *s, uint32_t n)
{
    return keyset_add(s, hash_tagged(TAG, &n, sizeof n), TAG, &n, sizeof n);
}

static void numbers_begin_at_one_and_stay(void **state)
{
    (void)state;
    struct keyset s;
    keyset_init(&s, 100, 10000);
    assert_int_equal(add(&s, "a"), 1);
    assert_int_equal(add(&s, "b"), 2);
    assert_int_equal(add(&s, "a"), 1);
    assert_int_equal(add(&s, ""), 3);
    assert_int_equal(add(&s, "b"), 2);
    assert_int_equal(s.count, 3);
    assert_int_equal(s.keys[2].size, 2);
    assert_memory_equal(s.keys[2].bytes,
                        "\x20"
                        "b",
                        2);
    keyset_deinit(&s);
}

static void many_keys_are_found_while_it_grows(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct keyset s;
    keyset_init(&s, COUNT, SIZE_MAX / 2);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(add_number(&s, i), i + 1);
        assert_int_equal(add_number(&s, i / 2), i / 2 + 1);
    }
    for (uint32_t i = 0; i < 2 * COUNT; i++) {
        uint32_t found = keyset_find(&s, hash_tagged(TAG, &i, sizeof i), TAG, &i, sizeof i);
        assert_int_equal(found, i < COUNT ? i + 1 : 0);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(add_number(&s, i), i + 1);
        assert_true(s.hashes[i + 1] == hash_tagged(TAG, &i, sizeof i));
    }
    keyset_deinit(&s);
}

static void keys_whose_hashes_collide_are_told_apart(void **state)
{
    (void)state;
    static const uint64_t hashes[] = {0, UINT64_MAX, 0xffffffff00000000u, 0x00000000ffffffffu};
    for (size_t h = 0; h < sizeof hashes / sizeof hashes[0]; h++) {
        struct keyset s;
        keyset_init(&s, 1500, 100000);
        for (int pass = 0; pass < 2; pass++) {
            for (uint32_t i = 0; i < 1500; i++) {
                assert_int_equal(keyset_add(&s, hashes[h], TAG, &i, sizeof i), i + 1);
            }
        }
        keyset_deinit(&s);
    }
}

static void the_tag_and_every_byte_count(void **state)
{
    (void)state;
    struct keyset s;
    keyset_init(&s, 100, 10000);
    assert_int_equal(keyset_add(&s, 1, 0x20, "a\0b", 3), 1);
    assert_int_equal(keyset_add(&s, 1, 0x30, "a\0b", 3), 2);
    assert_int_equal(keyset_add(&s, 1, 0x20, "a\0c", 3), 3);
    assert_int_equal(keyset_add(&s, 1, 0x20, "a", 1), 4);
    assert_int_equal(keyset_add(&s, 1, 0x20, "a\0b", 3), 1);
    keyset_deinit(&s);
}

static void a_set_with_all_its_keys_takes_no_new_one(void **state)
{
    (void)state;
    struct keyset s;
    keyset_init(&s, 3, 10000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(add_number(&s, i), i + 1);
    }
    assert_int_equal(add_number(&s, 3), 0);
    assert_int_equal(add_number(&s, 1), 2);
    assert_int_equal(s.count, 3);
    keyset_deinit(&s);
}

static void a_set_with_all_its_bytes_takes_no_new_key(void **state)
{
    (void)state;
    struct keyset s;
    keyset_init(&s, 100, 16);
    assert_int_equal(add(&s, "1234567"), 1);
    assert_int_equal(add(&s, "12345678"), 0);
    assert_int_equal(add(&s, "abcdefg"), 2);
    assert_int_equal(add(&s, ""), 0);
    assert_int_equal(add(&s, "1234567"), 1);
    keyset_deinit(&s);
}

static void a_cleared_set_begins_anew_without_allocating(void **state)
{
    (void)state;
    struct keyset s;
    keyset_init(&s, 5000, 10000000);
    uint64_t before = 0;
    for (int round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < 5000; i++) {
            assert_int_equal(add_number(&s, i * 7 + (uint32_t)round), i + 1);
        }
        keyset_clear(&s);
        assert_int_equal(s.count, 0);
        assert_int_equal(s.arena.bytes, 0);
        before = round == 1 ? memory_allocation_count() : before;
        if (round > 1) {
            assert_true(memory_allocation_count() - before <= 2 * (uint64_t)(round - 1));
        }
    }
    keyset_deinit(&s);
}

static void its_memory_is_counted(void **state)
{
    (void)state;
    struct keyset s;
    keyset_init(&s, 100000, SIZE_MAX / 2);
    size_t empty = keyset_memory(&s);
    for (uint32_t i = 0; i < 10000; i++) {
        add_number(&s, i);
    }
    /* buckets, list and bytes of each */
    assert_in_range(keyset_memory(&s) - empty, 10000 * 32, 10000 * 200);
    keyset_prefetch(&s, UINT64_MAX);
    keyset_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_begin_at_one_and_stay),
        cmocka_unit_test(many_keys_are_found_while_it_grows),
        cmocka_unit_test(keys_whose_hashes_collide_are_told_apart),
        cmocka_unit_test(the_tag_and_every_byte_count),
        cmocka_unit_test(a_set_with_all_its_keys_takes_no_new_one),
        cmocka_unit_test(a_set_with_all_its_bytes_takes_no_new_key),
        cmocka_unit_test(a_cleared_set_begins_anew_without_allocating),
        cmocka_unit_test(its_memory_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

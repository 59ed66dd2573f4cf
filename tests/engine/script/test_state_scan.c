/* Goal: a shard's state comes in the order of key group and key, each key once, from the store or
 * from what an operator starts with; nothing of other shards and operators. Method: keys of many
 * groups, scanned shard by shard. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/memory.h"
#include "data/key.h"
#include "script/state_scan.h"
#include "state/keys.h"
#include "testing.h"

enum { KEYS = 500, OPERATOR = 7 };

struct fixture {
    struct store *store;
    struct stage_initial initial[KEYS];
    char keys[KEYS][8];
};

static int compare(const void *left, const void *right)
{
    const struct stage_initial *a = left;
    const struct stage_initial *b = right;
    return a->key_group != b->key_group ? (a->key_group < b->key_group ? -1 : 1)
                                        : key_compare(a->key, a->key_size, b->key, b->key_size);
}

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    x->store = store_create_memory();
    for (int i = 0; i < KEYS; i++) {
        int size = snprintf(x->keys[i], sizeof x->keys[i], "\x20k%d", i);
        uint64_t hash = hash_key(x->keys[i], (size_t)size);
        x->initial[i] = (struct stage_initial){.key = x->keys[i],
                                               .key_size = (uint32_t)size,
                                               .key_group = (uint16_t)key_group_of(hash),
                                               .value = x->keys[i] + 1,
                                               .value_size = 2};
    }
    qsort(x->initial, KEYS, sizeof *x->initial, compare);
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    store_close(x->store);
    memory_free(x);
    return 0;
}

static void put(struct fixture *x, uint16_t operator_number, const struct stage_initial *i)
{
    char key[64];
    store_state_head(key, operator_number, i->key_group);
    memcpy(key + STATE_KEY_HEAD_BYTES, i->key, i->key_size);
    struct store_batch *batch = store_batch_create();
    store_batch_put(batch, STORE_STATE, (struct slice){key, STATE_KEY_HEAD_BYTES + i->key_size},
                    (struct slice){i->value, i->value_size});
    assert_int_equal(store_write(x->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
}

/* All shards, one after the other: the list in order, as the shards are ranges of groups. */
static void scan_all(struct fixture *x, const struct stage_initial *initial, uint32_t count)
{
    uint32_t at = 0;
    for (uint32_t shard = 0; shard < SHARD_COUNT; shard++) {
        struct stage_task task = {.shard = shard,
                                  .operator_number = OPERATOR,
                                  .store = x->store,
                                  .initial = initial,
                                  .initial_count = initial == NULL ? 0 : KEYS};
        struct state_scan scan;
        state_scan_open(&scan, &task);
        while (state_scan_next(&scan, NULL) == 1) {
            const struct stage_initial *expected = &x->initial[at++];
            assert_int_equal(shard_of_group(scan.key_group), shard);
            assert_int_equal(scan.key_group, expected->key_group);
            assert_int_equal(scan.key.size, expected->key_size);
            assert_memory_equal(scan.key.data, expected->key, scan.key.size);
            assert_int_equal(scan.value.size, 2);
            assert_memory_equal(scan.value.data, expected->value, 2);
            assert_int_equal(scan.is_initial, initial != NULL);
        }
        state_scan_close(&scan);
    }
    assert_int_equal(at, count);
}

static void the_store_s_keys_come_in_order(void **state)
{
    struct fixture *x = *state;
    for (int i = KEYS - 1; i >= 0; i--) {
        put(x, OPERATOR, &x->initial[i]);
        put(x, OPERATOR - 1, &x->initial[i]);
        put(x, OPERATOR + 1, &x->initial[i]);
    }
    scan_all(x, NULL, KEYS);
}

static void what_an_operator_starts_with_comes_in_order(void **state)
{
    struct fixture *x = *state;
    put(x, OPERATOR, &x->initial[0]);
    scan_all(x, x->initial, KEYS);
}

static void an_operator_without_state_has_none(void **state)
{
    struct fixture *x = *state;
    scan_all(x, NULL, 0);
}

static void a_record_is_before_at_or_behind_the_current_key(void **state)
{
    struct fixture *x = *state;
    for (int i = 0; i < KEYS; i++) {
        put(x, OPERATOR, &x->initial[i]);
    }
    struct stage_task task = {.shard = x->initial[1].key_group / (KEY_GROUP_COUNT / SHARD_COUNT),
                              .operator_number = OPERATOR,
                              .store = x->store};
    struct state_scan scan;
    state_scan_open(&scan, &task);
    assert_int_equal(state_scan_next(&scan, NULL), 1);
    assert_int_equal(state_scan_next(&scan, NULL), 1); /* the second of all keys */
    for (int i = 0; i < 10; i++) {
        struct shuffle_entry entry = {.key = x->initial[i].key,
                                      .key_size = x->initial[i].key_size,
                                      .key_group = x->initial[i].key_group};
        int order = state_scan_compare(&scan, &entry);
        assert_true(i == 0 ? order < 0 : i == 1 ? order == 0 : order > 0);
    }
    state_scan_close(&scan);
}

static void a_key_that_is_cut_short_is_damage(void **state)
{
    struct fixture *x = *state;
    struct stage_initial empty = {.key = x->keys[0], .key_group = 0, .value = x->keys[0]};
    put(x, OPERATOR, &empty);
    struct stage_task task = {.operator_number = OPERATOR, .store = x->store};
    struct state_scan scan;
    struct error e = {0};
    state_scan_open(&scan, &task);
    assert_int_equal(state_scan_next(&scan, &e), MILL_ECORRUPT);
    assert_non_null(strstr(e.message, "damaged"));
    state_scan_close(&scan);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_store_s_keys_come_in_order),
        TEST(what_an_operator_starts_with_comes_in_order),
        TEST(an_operator_without_state_has_none),
        TEST(a_record_is_before_at_or_behind_the_current_key),
        TEST(a_key_that_is_cut_short_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

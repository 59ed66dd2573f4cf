/* Goal: the state change of an epoch is in the store whole or not at all, however large it is and
 * whenever it ends; and nothing of it stays behind.
 * Method: a store in memory that forgets unsynced writes and fails at each write, small budgets;
 * the state read back against a plain list. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "state/delta.h"
#include "state/keys.h"
#include "testing.h"

enum { STAGES = 2, KEYS = 40 };

struct fixture {
    struct store *store;
    struct delta delta;
    struct epoch_record record; /* newest that is committed; number 0: none */
    int expected[KEYS];         /* values; 0: not there */
};

static int begin_with(void **state, size_t bytes_max)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    x->store = store_create_memory();
    delta_init(&x->delta, x->store, STAGES, bytes_max);
    *state = x;
    return 0;
}

static int begin_small(void **state)
{
    return begin_with(state, 100);
}

static int begin_large(void **state)
{
    return begin_with(state, LIMIT_DELTA_BYTES);
}

static int end(void **state)
{
    struct fixture *x = *state;
    delta_deinit(&x->delta);
    store_close(x->store);
    memory_free(x);
    return 0;
}

static struct slice key_of(char bytes[16], int key)
{
    int size = snprintf(bytes, 16, "key%03d", key);
    return (struct slice){bytes, (size_t)size};
}

static int change(struct fixture *x, int key, int value, struct error *e)
{
    char bytes[16];
    uint32_t stage = (uint32_t)key % STAGES;
    uint32_t shard = (uint32_t)key % SHARD_COUNT;
    struct store_batch *batch = delta_batch(&x->delta, stage, shard);
    size_t before = store_batch_bytes(batch);
    if (value == 0) {
        store_batch_remove(batch, STORE_STATE, key_of(bytes, key));
    } else {
        char text[2] = {(char)value, 0};
        store_batch_put(batch, STORE_STATE, key_of(bytes, key), (struct slice){text, 1});
    }
    return delta_check(&x->delta, stage, shard, before, e);
}

static uint32_t count(struct fixture *x, enum store_family f)
{
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(x->store, f, none, none);
    struct slice key;
    struct slice value;
    uint32_t n = 0;
    while (store_next(i, &key, &value, NULL) == 1) {
        n++;
    }
    store_iterate_end(i);
    return n;
}

static void state_is(struct fixture *x, const int expected[KEYS])
{
    uint32_t there = 0;
    for (int key = 0; key < KEYS; key++) {
        char bytes[16];
        struct buffer value;
        buffer_init(&value, 16);
        int rc = store_get(x->store, STORE_STATE, key_of(bytes, key), &value, NULL);
        assert_int_equal(rc == 0 ? value.data[0] : 0, expected[key]);
        there += expected[key] != 0;
        buffer_deinit(&value);
    }
    assert_int_equal(count(x, STORE_STATE), there);
}

/* The end of epoch n. @return 0 or why it failed; *written: the batch is in the store */
static int commit(struct fixture *x, uint64_t epoch, struct epoch_record *record, bool *written)
{
    struct store_batch *batch = store_batch_create();
    struct store_key key = store_key_text("epoch");
    *record = (struct epoch_record){.number = epoch};
    *written = false;
    int rc = delta_commit_into(&x->delta, batch, record, NULL);
    store_batch_put(batch, STORE_META, store_key_slice(&key), (struct slice){"", 0});
    rc = rc == 0 ? store_write(x->store, batch, true, NULL) : rc;
    *written = rc == 0;
    rc = rc == 0 ? delta_committed(&x->delta, record, NULL) : rc;
    store_batch_destroy(batch);
    return rc;
}

/* Values of `epoch`: some keys change, some go. */
static int value_of(uint64_t epoch, int key)
{
    return (int)((epoch * 7 + (uint64_t)key * 3) % 5);
}

static int run_epoch(struct fixture *x, uint64_t epoch, int after[KEYS], bool *written)
{
    struct epoch_record record;
    *written = false;
    memcpy(after, x->expected, sizeof x->expected);
    int rc = delta_begin(&x->delta, epoch, NULL);
    for (int key = (int)(epoch % 3); key < KEYS && rc == 0; key += 1 + (int)(epoch % 2)) {
        after[key] = value_of(epoch, key);
        rc = change(x, key, after[key], NULL);
    }
    rc = rc == 0 ? commit(x, epoch, &record, written) : rc;
    if (*written) {
        x->record = record;
    }
    return rc;
}

/* A start after the process has gone. */
static void recover(struct fixture *x)
{
    const struct epoch_record *newest = x->record.number > 0 ? &x->record : NULL;
    size_t bytes_max = x->delta.bytes_max;
    delta_deinit(&x->delta);
    delta_init(&x->delta, x->store, STAGES, bytes_max);
    assert_int_equal(delta_recover(x->store, newest, NULL), 0);
    assert_int_equal(count(x, STORE_REDO), 0);
}

/* --- */

static void a_small_change_goes_into_the_batch(void **state)
{
    struct fixture *x = *state;
    bool written = false;
    int after[KEYS];
    assert_int_equal(run_epoch(x, 1, after, &written), 0);
    assert_int_equal(x->record.redo_parts, 0);
    assert_true(x->record.redo_checksum == 0);
    state_is(x, after);
}

static void a_large_one_goes_through_parts(void **state)
{
    struct fixture *x = *state;
    bool written = false;
    int after[KEYS];
    for (uint64_t epoch = 1; epoch < 6; epoch++) {
        assert_int_equal(run_epoch(x, epoch, after, &written), 0);
        assert_true(x->record.redo_parts > 1);
        memcpy(x->expected, after, sizeof after);
        state_is(x, after);
        assert_int_equal(count(x, STORE_REDO), 0);
    }
}

static void a_batch_that_is_small_waits_for_the_end(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(delta_begin(&x->delta, 1, NULL), 0);
    for (int key = 0; key < KEYS; key++) {
        assert_int_equal(change(x, key, 1, NULL), 0);
        assert_true(x->delta.bytes <= 100 + 12 * STAGES * SHARD_COUNT);
    }
    assert_true(x->delta.part_count > 0 && count(x, STORE_REDO) == x->delta.part_count);
}

static void nothing_is_seen_before_the_commit(void **state)
{
    struct fixture *x = *state;
    const int nothing[KEYS] = {0};
    assert_int_equal(delta_begin(&x->delta, 1, NULL), 0);
    for (int key = 0; key < KEYS; key++) {
        assert_int_equal(change(x, key, 1, NULL), 0);
    }
    state_is(x, nothing);
    recover(x);
    state_is(x, nothing);
}

static void an_epoch_begun_again_forgets_what_it_had(void **state)
{
    struct fixture *x = *state;
    struct epoch_record record;
    bool written = false;
    int expected[KEYS] = {0};
    assert_int_equal(delta_begin(&x->delta, 1, NULL), 0);
    for (int key = 0; key < KEYS; key++) {
        assert_int_equal(change(x, key, 1, NULL), 0);
    }
    assert_int_equal(delta_begin(&x->delta, 1, NULL), 0);
    assert_int_equal(count(x, STORE_REDO), 0);
    expected[3] = 2;
    assert_int_equal(change(x, 3, 2, NULL), 0);
    assert_int_equal(commit(x, 1, &record, &written), 0);
    assert_int_equal(record.redo_parts, 0);
    state_is(x, expected);
}

/* At every write, in both ways; then a start; then the epoch again. */
static void it_is_whole_whenever_the_process_ends(void **state)
{
    (void)state;
    for (int small = 0; small < 2; small++) {
        for (int write = 1; write < 140; write++) {
            void *own = NULL;
            begin_with(&own, small != 0 ? 60 : 100000);
            struct fixture *x = own;
            int after[KEYS];
            bool written = false;
            assert_int_equal(run_epoch(x, 1, after, &written), 0);
            memcpy(x->expected, after, sizeof after);
            store_memory_fail(x->store, write, MILL_EIO);
            int rc = run_epoch(x, 2, after, &written);
            store_memory_fail(x->store, 0, 0);
            if (write % 2 == 0) {
                store_memory_crash(x->store);
            }
            recover(x);
            state_is(x, written ? after : x->expected);
            if (!written) {
                assert_int_equal(run_epoch(x, 2, after, &written), 0);
                state_is(x, after);
            }
            end(&own);
            if (rc == 0) {
                break;
            }
            assert_true(write < 139);
        }
    }
}

static void parts_that_are_applied_twice_are_no_harm(void **state)
{
    struct fixture *x = *state;
    int after[KEYS];
    bool written = false;
    assert_int_equal(run_epoch(x, 1, after, &written), 0);
    store_memory_crash(x->store); /* applying and removing them were not synced */
    assert_true(count(x, STORE_REDO) > 0);
    const struct epoch_record record = x->record;
    assert_int_equal(delta_recover(x->store, &record, NULL), 0);
    state_is(x, after);
    recover(x);
    state_is(x, after);
}

/* --- damage --- */

/* An epoch whose parts are there and not applied. */
static void leave_parts(struct fixture *x)
{
    int after[KEYS];
    bool written = false;
    assert_int_equal(run_epoch(x, 1, after, &written), 0);
    store_memory_crash(x->store);
}

static void put_part(struct fixture *x, uint32_t part, const char *bytes, size_t size)
{
    struct store_key key = store_key_redo(1, part);
    struct store_batch *batch = store_batch_create();
    if (bytes == NULL) {
        store_batch_remove(batch, STORE_REDO, store_key_slice(&key));
    } else {
        store_batch_put(batch, STORE_REDO, store_key_slice(&key), (struct slice){bytes, size});
    }
    assert_int_equal(store_write(x->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
}

static void a_part_that_is_missing_is_damage(void **state)
{
    struct fixture *x = *state;
    struct error e = {0};
    leave_parts(x);
    put_part(x, 1, NULL, 0);
    assert_int_equal(delta_recover(x->store, &x->record, &e), MILL_ECORRUPT);
    assert_non_null(strstr(e.message, "missing"));
}

static void a_part_that_is_another_is_damage(void **state)
{
    struct fixture *x = *state;
    struct error e = {0};
    leave_parts(x);
    put_part(x, 1, "\0\0\0\0\1k\0\0\0\1v", 11);
    assert_int_equal(delta_recover(x->store, &x->record, &e), MILL_ECORRUPT);
    assert_non_null(strstr(e.message, "damaged"));
    const int nothing[KEYS] = {0};
    state_is(x, nothing);
}

static void parts_that_no_commit_names_are_removed(void **state)
{
    struct fixture *x = *state;
    put_part(x, 0, "rubbish", 7);
    assert_int_equal(delta_recover(x->store, NULL, NULL), 0);
    assert_int_equal(count(x, STORE_REDO), 0);
    put_part(x, 0, "rubbish", 7);
    struct epoch_record other = {.number = 2};
    assert_int_equal(delta_recover(x->store, &other, NULL), 0);
    assert_int_equal(count(x, STORE_REDO), 0);
}

#define SMALL(name) cmocka_unit_test_setup_teardown(name, begin_small, end)
#define LARGE(name) cmocka_unit_test_setup_teardown(name, begin_large, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LARGE(a_small_change_goes_into_the_batch),
        SMALL(a_large_one_goes_through_parts),
        SMALL(a_batch_that_is_small_waits_for_the_end),
        SMALL(nothing_is_seen_before_the_commit),
        SMALL(an_epoch_begun_again_forgets_what_it_had),
        cmocka_unit_test(it_is_whole_whenever_the_process_ends),
        SMALL(parts_that_are_applied_twice_are_no_harm),
        SMALL(a_part_that_is_missing_is_damage),
        SMALL(a_part_that_is_another_is_damage),
        SMALL(parts_that_no_commit_names_are_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: the store in memory loses at a crash exactly what was not synced, and fails when told to
 * without changing anything.
 * Method: small stories; then random writes, syncs, failures and crashes beside a copy. */
#include <string.h>

#include "base/memory.h"
#include "state/store.h"
#include "testing.h"

struct fixture {
    struct store *store;
    struct store_batch *batch;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    x->store = store_create_memory();
    x->batch = store_batch_create();
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    store_close(x->store);
    store_batch_destroy(x->batch);
    memory_free(x);
    return 0;
}

static struct slice text(const char *s)
{
    return (struct slice){s, strlen(s)};
}

static int put(struct fixture *x, const char *key, const char *value, bool sync)
{
    store_batch_clear(x->batch);
    store_batch_put(x->batch, STORE_STATE, text(key), text(value));
    store_batch_put(x->batch, STORE_META, text("last"), text(key));
    return store_write(x->store, x->batch, sync, NULL);
}

/* Value of a key, or "-". */
static void assert_value(struct fixture *x, enum store_family f, const char *key,
                         const char *expected)
{
    struct buffer b;
    buffer_init(&b, 100);
    if (store_get(x->store, f, text(key), &b, NULL) != 0) {
        assert_int_equal(buffer_append_text(&b, "-"), 0);
    }
    assert_int_equal(buffer_append_byte(&b, 0), 0);
    assert_string_equal(b.data, expected);
    buffer_deinit(&b);
}

static void a_crash_forgets_what_was_not_synced(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(put(x, "a", "1", true), 0);
    assert_int_equal(put(x, "a", "2", false), 0);
    assert_int_equal(put(x, "b", "3", false), 0);
    assert_value(x, STORE_STATE, "a", "2");
    store_memory_crash(x->store);
    assert_value(x, STORE_STATE, "a", "1");
    assert_value(x, STORE_STATE, "b", "-");
    assert_value(x, STORE_META, "last", "a");
}

static void a_crash_brings_back_what_was_removed_without_a_sync(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(put(x, "a", "1", false), 0);
    assert_int_equal(put(x, "b", "2", true), 0);
    store_batch_clear(x->batch);
    store_batch_remove_range(x->batch, STORE_STATE, text("a"), text("z"));
    assert_int_equal(store_write(x->store, x->batch, false, NULL), 0);
    store_memory_crash(x->store);
    assert_value(x, STORE_STATE, "a", "1");
    assert_value(x, STORE_STATE, "b", "2");
}

static void before_any_sync_a_crash_leaves_nothing(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(put(x, "a", "1", false), 0);
    store_memory_crash(x->store);
    assert_value(x, STORE_STATE, "a", "-");
    assert_value(x, STORE_META, "last", "-");
}

static void a_sync_keeps_the_writes_before_it(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(put(x, "a", "1", false), 0);
    assert_int_equal(put(x, "b", "2", true), 0);
    store_memory_crash(x->store);
    store_memory_crash(x->store);
    assert_value(x, STORE_STATE, "a", "1");
    assert_value(x, STORE_STATE, "b", "2");
}

static void a_walk_goes_on_over_a_crash(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(put(x, "a", "1", true), 0);
    assert_int_equal(put(x, "b", "2", false), 0);
    struct store_iterator *i =
        store_iterate(x->store, STORE_STATE, (struct slice){0}, (struct slice){0});
    store_memory_crash(x->store);
    struct slice key;
    struct slice value;
    assert_int_equal(store_next(i, &key, &value, NULL), 1);
    assert_int_equal(store_next(i, &key, &value, NULL), 1);
    assert_memory_equal(value.data, "2", 1);
    assert_int_equal(store_next(i, &key, &value, NULL), 0);
    store_iterate_end(i);
}

static void the_nth_write_fails_once_and_changes_nothing(void **state)
{
    struct fixture *x = *state;
    store_memory_fail(x->store, 2, MILL_ENOSPC);
    assert_int_equal(put(x, "a", "1", true), 0);
    assert_int_equal(put(x, "a", "2", true), MILL_ENOSPC);
    assert_value(x, STORE_STATE, "a", "1");
    assert_int_equal(put(x, "b", "3", true), 0);
    assert_value(x, STORE_STATE, "b", "3");
}

static void a_failed_sync_keeps_nothing_of_the_writes_before_it(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(put(x, "a", "1", false), 0);
    store_memory_fail(x->store, 1, MILL_ESYNC);
    struct error e = {0};
    assert_int_equal(store_write(x->store, x->batch, true, &e), MILL_ESYNC);
    assert_int_equal(e.code, MILL_ESYNC);
    store_memory_crash(x->store);
    assert_value(x, STORE_STATE, "a", "-");
}

static void no_write_fails_when_the_failure_is_taken_back(void **state)
{
    struct fixture *x = *state;
    store_memory_fail(x->store, 1, MILL_EIO);
    store_memory_fail(x->store, 0, 0);
    assert_int_equal(put(x, "a", "1", true), 0);
    store_memory_fail(x->store, 1, 0);
    assert_int_equal(put(x, "a", "2", true), 0);
    assert_value(x, STORE_STATE, "a", "2");
}

#define KEYS 64

/* Which keys are there; the value is the key's last change. */
struct copy {
    uint32_t value[KEYS]; /* 0: absent */
};

static void change(struct fixture *x, struct copy *now, struct chance *c, uint32_t number)
{
    for (uint32_t n = 1 + chance_below(c, 10); n > 0; n--) {
        char key = (char)chance_below(c, KEYS);
        bool remove = chance_below(c, 3) == 0;
        struct slice k = {&key, 1};
        now->value[(int)key] = remove ? 0 : number;
        if (remove) {
            store_batch_remove(x->batch, STORE_STATE, k);
        } else {
            store_batch_put(x->batch, STORE_STATE, k, (struct slice){(char *)&number, 4});
        }
    }
}

static void assert_equal_to(struct fixture *x, const struct copy *expected)
{
    struct store_iterator *i =
        store_iterate(x->store, STORE_STATE, (struct slice){0}, (struct slice){0});
    struct slice key;
    struct slice value;
    for (int k = 0; k < KEYS; k++) {
        if (expected->value[k] != 0) {
            assert_int_equal(store_next(i, &key, &value, NULL), 1);
            assert_int_equal(key.data[0], k);
            assert_memory_equal(value.data, &expected->value[k], 4);
        }
    }
    assert_int_equal(store_next(i, &key, &value, NULL), 0);
    store_iterate_end(i);
}

static void random_crashes_and_failures_leave_what_was_synced(void **state)
{
    struct fixture *x = *state;
    struct chance c = {11};
    struct copy now = {{0}};
    struct copy synced = {{0}};
    for (uint32_t number = 1; number <= rounds(3000); number++) {
        struct copy next = now;
        bool sync = chance_below(&c, 4) == 0;
        bool fails = chance_below(&c, 6) == 0;
        store_batch_clear(x->batch);
        change(x, &next, &c, number);
        store_memory_fail(x->store, fails ? 1 : 0, MILL_EIO);
        assert_int_equal(store_write(x->store, x->batch, sync, NULL), fails ? MILL_EIO : 0);
        now = fails ? now : next;
        synced = sync && !fails ? now : synced;
        if (chance_below(&c, 8) == 0) {
            store_memory_crash(x->store);
            now = synced;
        }
        assert_equal_to(x, &now);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_crash_forgets_what_was_not_synced, begin, end),
        cmocka_unit_test_setup_teardown(a_crash_brings_back_what_was_removed_without_a_sync, begin,
                                        end),
        cmocka_unit_test_setup_teardown(before_any_sync_a_crash_leaves_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_sync_keeps_the_writes_before_it, begin, end),
        cmocka_unit_test_setup_teardown(a_walk_goes_on_over_a_crash, begin, end),
        cmocka_unit_test_setup_teardown(the_nth_write_fails_once_and_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_failed_sync_keeps_nothing_of_the_writes_before_it, begin,
                                        end),
        cmocka_unit_test_setup_teardown(no_write_fails_when_the_failure_is_taken_back, begin, end),
        cmocka_unit_test_setup_teardown(random_crashes_and_failures_leave_what_was_synced, begin,
                                        end),
    };
    return cmocka_run_group_tests_name("state/store_memory", tests, NULL, NULL);
}

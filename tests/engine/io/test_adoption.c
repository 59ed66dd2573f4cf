/* Goal: only what a person has taken over may lie in a folder, from then on for good.
 * Method: a store in memory that loses what was not synced. */
#include "base/bytes.h"
#include "io/adoption.h"
#include "testing.h"

static void load(struct adoption *a, struct store *store, bool is_open)
{
    assert_int_equal(adoption_load(a, store, "out", is_open, NULL), 0);
}

static void others_are_taken_over_once_and_for_good(void **state)
{
    (void)state;
    struct store *store = store_create_memory();
    struct adoption a;
    load(&a, store, false);
    assert_false(adoption_takes(&a, "0a1b2c3d"));
    adoption_deinit(&a);
    load(&a, store, true);
    assert_true(adoption_takes(&a, "0a1b2c3d"));
    assert_true(adoption_takes(&a, "0a1b2c3d"));
    assert_true(adoption_takes(&a, "ffffffff"));
    assert_false(adoption_takes(&a, "notes"));
    assert_true(a.is_changed);
    assert_int_equal(adoption_save(&a, store, "out", NULL), 0);
    assert_false(a.is_changed);
    adoption_deinit(&a);
    store_memory_crash(store);
    load(&a, store, false);
    assert_true(adoption_takes(&a, "ffffffff"));
    assert_true(adoption_takes(&a, "0a1b2c3d"));
    assert_false(adoption_takes(&a, "12345678"));
    assert_false(a.is_changed);
    adoption_deinit(&a);
    assert_int_equal(adoption_load(&a, store, "elsewhere", false, NULL), 0);
    assert_false(adoption_takes(&a, "ffffffff"));
    adoption_deinit(&a);
    store_close(store);
}

static void a_store_that_fails_is_told(void **state)
{
    (void)state;
    struct store *store = store_create_memory();
    struct adoption a;
    load(&a, store, true);
    assert_true(adoption_takes(&a, "0a1b2c3d"));
    store_memory_fail(store, 1, MILL_ENOSPC);
    assert_int_equal(adoption_save(&a, store, "out", NULL), MILL_ENOSPC);
    assert_true(a.is_changed);
    adoption_deinit(&a);
    struct store_batch *batch = store_batch_create();
    store_batch_put(batch, STORE_META, (struct slice){"aout", 4}, (struct slice){"0a1b", 4});
    assert_int_equal(store_write(store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    assert_int_equal(adoption_load(&a, store, "out", false, NULL), MILL_ECORRUPT);
    adoption_deinit(&a);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_are_taken_over_once_and_for_good),
        cmocka_unit_test(a_store_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

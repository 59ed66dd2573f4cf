/* Goal: a store does not fill up with outputs that are gone, and forgets none that has something to
 * give. Method: a list of many members beside a store in memory that has a little of each kind. */
#include "base/limits.h"
#include "base/memory.h"
#include "run/gone.h"
#include "state/keys.h"
#include "testing.h"

enum { MANY = LIMIT_MEMBERS_KEPT + 1 };

struct fixture {
    struct store *store;
    struct identity_set set;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    x->store = store_create_memory();
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    store_close(x->store);
    identity_set_deinit(&x->set);
    memory_free(x);
    return 0;
}

static void put(struct fixture *x, enum store_family family, struct store_key key)
{
    struct store_batch *batch = store_batch_create();
    store_batch_put(batch, family, store_key_slice(&key), (struct slice){"x", 1});
    assert_int_equal(store_write(x->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
}

/* Members with the numbers 1, 2...; all outputs that are gone, at first. */
static void fill(struct fixture *x, uint16_t count)
{
    for (uint16_t i = 1; i <= count; i++) {
        struct identity *m = identity_set_add(&x->set);
        m->category = IDENTITY_OUTPUT;
        m->number = i;
        m->identity = memory_text("to_files:out");
    }
}

static void a_few_are_kept(void **state)
{
    struct fixture *x = *state;
    fill(x, LIMIT_MEMBERS_KEPT);
    assert_int_equal(gone_forget(x->store, &x->set, NULL), 0);
    assert_int_equal(x->set.count, LIMIT_MEMBERS_KEPT);
}

static void of_many_those_with_nothing_left_are_forgotten(void **state)
{
    struct fixture *x = *state;
    fill(x, MANY);
    x->set.items[10].category = IDENTITY_SOURCE;
    x->set.items[20].category = IDENTITY_STATE;
    x->set.items[30].is_present = true;
    put(x, STORE_OUTBOX, store_key_outbox(7, 41));
    put(x, STORE_META, store_key_roll(51));
    put(x, STORE_META, store_key_mark(61)); /* published long ago */
    assert_int_equal(gone_forget(x->store, &x->set, NULL), 0);
    static const uint16_t kept[] = {11, 21, 31, 41, 51};
    assert_int_equal(x->set.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(x->set.items[i].number, kept[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_few_are_kept),
        TEST(of_many_those_with_nothing_left_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

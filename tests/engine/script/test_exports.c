/* Goal: what a loop decides about state is marked when it changes something, and chance is the same
 * everywhere.
 * Method: single groups; the generator against its published values. */
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/ffi.h"
#include "base/limits.h"
#include "base/memory.h"
#include "data/msgpack.h"
#include "testing.h"

static int pack(struct mill_group *g, struct arena *arena, const char *bytes, size_t size)
{
    struct buffer b;
    buffer_init(&b, 100);
    (void)!buffer_append(&b, bytes, size);
    int rc = mill_state_packed(g, (struct mill_arena *)arena, (struct mill_buffer *)&b);
    buffer_deinit(&b);
    return rc;
}

/* What is stored: a state as the chunk before left it. */
static void store(struct mill_group *g)
{
    g->state = g->after;
    g->changed = 0;
}

static void a_number_is_marked_when_it_is_another(void **state)
{
    (void)state;
    struct mill_group g = {.count = 1};
    mill_state_number(&g, 5);
    assert_true(g.changed == 1 && g.after.kind == MILL_NUMBER && g.after.num == 5);
    assert_int_equal(g.state.kind, MILL_EMPTY);
    store(&g);
    mill_state_number(&g, 5);
    assert_int_equal(g.changed, 0);
    mill_state_number(&g, 6);
    assert_int_equal(g.changed, 1);
    mill_state_number(&g, 5); /* run again: it is as it was stored */
    assert_int_equal(g.changed, 0);
    g = (struct mill_group){.state = {.kind = MILL_NUMBER, .len = 1, .num = 0.0}};
    mill_state_number(&g, -0.0);
    assert_int_equal(g.changed, 1);
}

static void removing_what_is_not_there_changes_nothing(void **state)
{
    (void)state;
    struct mill_group g = {.count = 1};
    mill_state_remove(&g);
    assert_int_equal(g.changed, 0);
    mill_state_number(&g, 1);
    store(&g);
    mill_state_remove(&g);
    assert_true(g.changed == 1 && g.after.kind == MILL_EMPTY);
}

static void bytes_are_copied_and_marked_when_they_are_others(void **state)
{
    (void)state;
    struct arena arena;
    struct mill_group g = {.count = 1};
    arena_init(&arena);
    assert_int_equal(pack(&g, &arena, "\x91\x01", 2), 0);
    assert_true(g.changed == 1 && g.after.kind == MILL_PACKED && g.after.len == 2);
    assert_memory_equal(g.after.ptr, "\x91\x01", 2);
    store(&g);
    size_t used = arena.bytes;
    assert_int_equal(pack(&g, &arena, "\x91\x01", 2), 0);
    assert_true(g.changed == 0 && arena.bytes == used);
    assert_int_equal(pack(&g, &arena, "\xa1x", 2), 0);
    assert_true(g.changed == 1 && g.after.kind == MILL_STRING && g.after.len == 1);
    assert_int_equal(pack(&g, &arena, "\x05", 1), 0);
    assert_true(g.changed == 1 && g.after.kind == MILL_NUMBER && g.after.num == 5);
    arena_deinit(&arena);
}

static void a_group_follows_the_last_that_changed_the_state(void **state)
{
    (void)state;
    struct mill_group g[4] = {{.head = 0}, {.head = 0}, {.head = 0}, {.head = 3}};
    g[0].state = (struct mill_cell){.kind = MILL_NUMBER, .len = 1, .num = 1};
    mill_state_follow(g, 1);
    assert_true(g[1].state.num == 1);
    mill_state_number(&g[0], 2);
    mill_state_follow(g, 2); /* the one between failed */
    assert_true(g[2].state.kind == MILL_NUMBER && g[2].state.num == 2);
    mill_state_remove(&g[2]);
    assert_int_equal(g[2].changed, 1);
}

static void a_value_that_did_not_fit_is_refused(void **state)
{
    (void)state;
    struct arena arena;
    struct mill_group g = {.count = 1};
    struct buffer b;
    arena_init(&arena);
    buffer_init(&b, LIMIT_STATE_VALUE_BYTES_MAX + 10);
    assert_int_equal(buffer_reserve(&b, LIMIT_STATE_VALUE_BYTES_MAX + 1), 0);
    memset(b.data, 0, LIMIT_STATE_VALUE_BYTES_MAX + 1);
    b.size = LIMIT_STATE_VALUE_BYTES_MAX + 1;
    struct mill_arena *a = (struct mill_arena *)&arena;
    assert_int_equal(mill_state_packed(&g, a, (struct mill_buffer *)&b), MILL_ELIMIT);
    b.size = 1;
    b.failed = true;
    assert_int_equal(mill_state_packed(&g, a, (struct mill_buffer *)&b), MILL_ELIMIT);
    assert_int_equal(g.changed, 0);
    buffer_deinit(&b);
    arena_deinit(&arena);
}

/* splitmix64 from 0: e220a8397b1dcdaf 6e789e6aa1b965f4 06c45d188009454f */
static void chance_is_splitmix64(void **state)
{
    (void)state;
    struct mill_control c = {.random = {1, 0}};
    const uint64_t expected[] = {0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f};
    for (int i = 0; i < 3; i++) {
        assert_true(mill_random(&c) == (double)(expected[i] >> 11) * 0x1p-53);
    }
    assert_true(c.random[0] == 1);
}

static void chance_is_evenly_in_0_to_1(void **state)
{
    (void)state;
    struct mill_control c = {.random = {0, 42}};
    uint32_t tenth[10] = {0};
    for (int i = 0; i < 100000; i++) {
        double r = mill_random(&c);
        assert_true(r >= 0 && r < 1);
        tenth[(int)(r * 10)]++;
    }
    for (int i = 0; i < 10; i++) {
        assert_true(tenth[i] > 9500 && tenth[i] < 10500);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_marked_when_it_is_another),
        cmocka_unit_test(removing_what_is_not_there_changes_nothing),
        cmocka_unit_test(bytes_are_copied_and_marked_when_they_are_others),
        cmocka_unit_test(a_group_follows_the_last_that_changed_the_state),
        cmocka_unit_test(a_value_that_did_not_fit_is_refused),
        cmocka_unit_test(chance_is_splitmix64),
        cmocka_unit_test(chance_is_evenly_in_0_to_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

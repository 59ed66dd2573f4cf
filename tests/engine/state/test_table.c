/* Goal: keys keep their slots from epoch to epoch, values live for one epoch, and a table that has
 * outgrown its budget gives its memory back.
 * Method: the table as the loop uses it, through the exported functions; small budgets. */
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "data/key.h"
#include "state/table.h"
#include "testing.h"

enum { ROOMY = 1 << 30 };

static uint32_t slot_of(struct table *t, const char *text)
{
    return mill_table_string(&t->shared, text, strlen(text));
}

/* What a loop does for `count[key] += value`. */
static void add_number(struct table *t, uint32_t slot, double value)
{
    struct mill_slot *s = &t->shared.slots[slot];
    if (s->kind == MILL_EMPTY) {
        mill_table_touch(&t->shared, slot);
        s = &t->shared.slots[slot];
        *s = (struct mill_slot){.kind = MILL_NUMBER};
    }
    s->num += value;
    s->count++;
}

static void a_key_has_one_slot_and_none_is_zero(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, ROOMY);
    uint32_t a = slot_of(&t, "a");
    assert_int_not_equal(a, 0);
    assert_int_not_equal(slot_of(&t, "b"), a);
    assert_int_equal(slot_of(&t, "a"), a);
    assert_int_not_equal(slot_of(&t, ""), 0);
    assert_int_equal(t.shared.slots[a].kind, MILL_EMPTY);
    table_deinit(&t);
}

static void a_string_and_its_encoded_key_are_one(void **state)
{
    (void)state;
    struct table t;
    struct buffer key;
    table_init(&t, ROOMY);
    buffer_init(&key, 100);
    key_add_string(&key, "a\0b", 3);
    assert_int_equal(mill_table_key(&t.shared, (struct mill_buffer *)&key),
                     mill_table_string(&t.shared, "a\0b", 3));
    buffer_clear(&key);
    key_add_int64(&key, 5);
    uint32_t five = mill_table_key(&t.shared, (struct mill_buffer *)&key);
    assert_int_not_equal(five, slot_of(&t, "5"));
    buffer_deinit(&key);
    table_deinit(&t);
}

static void keys_that_cannot_be_kept_have_no_slot(void **state)
{
    (void)state;
    struct table t;
    struct buffer key;
    char *text = memory_zero(LIMIT_KEY_BYTES_MAX, 1);
    table_init(&t, ROOMY);
    assert_int_equal(mill_table_string(&t.shared, text, LIMIT_KEY_BYTES_MAX), 0);
    assert_int_not_equal(mill_table_string(&t.shared, text, LIMIT_KEY_BYTES_MAX - 1), 0);
    buffer_init(&key, 4);
    assert_int_equal(mill_table_key(&t.shared, (struct mill_buffer *)&key), 0);
    key_add_string(&key, "abcd", 4);
    assert_int_equal(mill_table_key(&t.shared, (struct mill_buffer *)&key), 0);
    buffer_deinit(&key);
    memory_free(text);
    table_deinit(&t);
}

static void touched_slots_are_listed_in_order_of_appearance(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, ROOMY);
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t key = i * 2654435761u;
        uint32_t slot = table_slot(&t, hash_tagged(1, &key, 4), 1, &key, 4);
        add_number(&t, slot, i);
        add_number(&t, slot, 1);
    }
    assert_int_equal(t.touched_count, 5000);
    for (uint32_t i = 0; i < 5000; i++) {
        uint32_t slot = mill_table_touched(&t.shared, i);
        assert_int_equal(slot, i + 1);
        struct mill_cell cell = table_cell(&t, slot);
        assert_int_equal(cell.kind, MILL_NUMBER);
        assert_true(cell.num == i + 1.0);
    }
    table_deinit(&t);
}

static void values_of_bytes_are_copied(void **state)
{
    (void)state;
    struct table t;
    struct buffer value;
    table_init(&t, ROOMY);
    buffer_init(&value, 100);
    uint32_t a = slot_of(&t, "a");
    uint32_t b = slot_of(&t, "b");
    uint32_t c = slot_of(&t, "c");
    mill_table_touch(&t.shared, a);
    mill_table_touch(&t.shared, b);
    mill_table_touch(&t.shared, c);
    table_pack(&t, a, MILL_STRING, "", 0);
    char text[] = "text";
    table_pack(&t, b, MILL_STRING, text, 4);
    text[0] = 'T';
    assert_int_equal(buffer_append(&value, "\x93\1\2\3", 4), 0);
    assert_int_equal(mill_table_pack(&t.shared, c, (struct mill_buffer *)&value), 0);
    buffer_clear(&value);
    assert_int_equal(table_cell(&t, a).kind, MILL_STRING);
    assert_int_equal(table_cell(&t, a).len, 0);
    assert_non_null(table_cell(&t, a).ptr);
    assert_int_equal(table_cell(&t, b).len, 4);
    assert_memory_equal(table_cell(&t, b).ptr, "text", 4);
    assert_int_equal(table_cell(&t, c).kind, MILL_PACKED);
    assert_memory_equal(table_cell(&t, c).ptr, "\x93\1\2\3", 4);
    buffer_deinit(&value);
    table_deinit(&t);
}

static struct mill_slice record_at(struct table *t, uint32_t slot)
{
    struct mill_slice json;
    mill_table_record(&t->shared, slot, &json);
    return json;
}

static void a_record_is_kept_where_its_followers_leave_it(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, ROOMY);
    uint32_t slot = slot_of(&t, "a");
    mill_table_touch(&t.shared, slot);
    assert_true(mill_table_put_record(&t.shared, slot, "{\"n\":1}", 7));
    struct mill_slice first = record_at(&t, slot);
    assert_true(mill_table_put_record(&t.shared, slot, first.ptr, first.len));
    assert_true(record_at(&t, slot).ptr == first.ptr); /* it is there already */
    assert_true(mill_table_put_record(&t.shared, slot, "{\"n\":2}", 7));
    assert_memory_equal(first.ptr, "{\"n\":1}", 7);
    assert_memory_equal(record_at(&t, slot).ptr, "{\"n\":2}", 7);
    struct mill_cell cell = table_cell(&t, slot);
    assert_int_equal(cell.kind, MILL_RECORD);
    assert_int_equal(cell.len, 7);
    assert_false(mill_table_put_record(&t.shared, slot, "", LIMIT_RECORD_BYTES_MAX + 1));
    assert_memory_equal(record_at(&t, slot).ptr, "{\"n\":2}", 7);
    table_deinit(&t);
}

static void records_that_follow_each_other_fill_the_table(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, MIB);
    uint32_t slot = slot_of(&t, "a");
    char text[1000];
    memset(text, ' ', sizeof text);
    mill_table_touch(&t.shared, slot);
    for (int i = 0; i < 100; i++) {
        mill_table_put_record(&t.shared, slot, text, sizeof text);
    }
    assert_int_equal(t.shared.full, 0);
    for (int i = 0; i < 2000; i++) {
        mill_table_put_record(&t.shared, slot, text, sizeof text);
    }
    assert_int_equal(t.shared.full, 1);
    table_deinit(&t);
}

static void values_of_bytes_survive_the_growth_of_the_table(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, ROOMY);
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t slot = table_slot(&t, hash_tagged(1, &i, 4), 1, &i, 4);
        mill_table_touch(&t.shared, slot);
        table_pack(&t, slot, MILL_STRING, &i, 4);
    }
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t slot = table_slot(&t, hash_tagged(1, &i, 4), 1, &i, 4);
        assert_memory_equal(table_cell(&t, slot).ptr, &i, 4);
    }
    table_deinit(&t);
}

static void a_value_that_cannot_be_kept_leaves_the_slot_empty(void **state)
{
    (void)state;
    struct table t;
    struct buffer value;
    table_init(&t, ROOMY);
    uint32_t a = slot_of(&t, "a");
    mill_table_touch(&t.shared, a);
    t.shared.slots[a].kind = MILL_BOXED;
    buffer_init(&value, LIMIT_RECORD_BYTES_MAX + 1);
    assert_int_equal(buffer_reserve(&value, LIMIT_RECORD_BYTES_MAX + 1), 0);
    memset(value.data, 0, LIMIT_RECORD_BYTES_MAX + 1);
    value.size = LIMIT_RECORD_BYTES_MAX + 1;
    assert_int_equal(mill_table_pack(&t.shared, a, (struct mill_buffer *)&value), MILL_ELIMIT);
    assert_int_equal(t.shared.slots[a].kind, MILL_EMPTY);
    value.size = LIMIT_RECORD_BYTES_MAX;
    assert_int_equal(mill_table_pack(&t.shared, a, (struct mill_buffer *)&value), 0);
    assert_int_equal(table_cell(&t, a).len, LIMIT_RECORD_BYTES_MAX);
    value.failed = true;
    assert_int_equal(mill_table_pack(&t.shared, a, (struct mill_buffer *)&value), MILL_ELIMIT);
    assert_int_equal(t.shared.slots[a].kind, MILL_EMPTY);
    buffer_deinit(&value);
    table_deinit(&t);
}

static void an_epoch_ends_the_values_and_keeps_the_slots(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, ROOMY);
    uint32_t a = slot_of(&t, "a");
    uint32_t b = slot_of(&t, "b");
    add_number(&t, a, 5);
    mill_table_touch(&t.shared, b);
    table_pack(&t, b, MILL_STRING, "x", 1);
    uint32_t generation = t.generation;
    table_clear(&t);
    assert_int_equal(t.touched_count, 0);
    assert_int_equal(t.generation, generation);
    assert_int_equal(slot_of(&t, "a"), a);
    assert_int_equal(slot_of(&t, "b"), b);
    assert_int_equal(t.shared.slots[a].kind, MILL_EMPTY);
    assert_int_equal(t.shared.slots[a].count, 0);
    assert_true(t.shared.slots[a].num == 0);
    assert_int_equal(t.shared.slots[b].kind, MILL_EMPTY);
    table_deinit(&t);
}

static void a_steady_load_allocates_nothing(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, ROOMY);
    uint64_t before = 0;
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 3000; i++) {
            uint32_t slot = table_slot(&t, hash_tagged(1, &i, 4), 1, &i, 4);
            add_number(&t, slot, i);
        }
        table_clear(&t);
        before = round == 0 ? memory_allocation_count() : before;
    }
    assert_int_equal(memory_allocation_count(), before);
    table_deinit(&t);
}

static void fill(struct table *t, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = table_slot(t, hash_tagged(1, &i, 4), 1, &i, 4);
        mill_table_touch(&t->shared, slot);
        table_pack(t, slot, MILL_STRING, &i, 4);
    }
}

static void a_table_beyond_its_budget_says_so_and_forgets_its_keys(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 200000);
    assert_true(table_memory(&t) < 200000);
    fill(&t, 100);
    assert_int_equal(t.shared.full, 0);
    table_clear(&t);
    assert_int_equal(t.generation, 1);
    fill(&t, 10000);
    assert_int_equal(t.shared.full, 1);
    assert_true(table_memory(&t) > 200000);
    table_clear(&t);
    assert_int_equal(t.shared.full, 0);
    assert_int_equal(t.generation, 2);
    assert_int_equal(t.keys.count, 0);
    assert_int_equal(slot_of(&t, "a"), 1);
    assert_int_equal(t.shared.slots[1].kind, MILL_EMPTY);
    table_deinit(&t);
}

static void a_table_that_has_forgotten_fits_its_budget_again(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 200000);
    fill(&t, 10000);
    table_clear(&t);
    assert_true(table_memory(&t) < 200000);
    fill(&t, 100);
    assert_int_equal(t.shared.full, 0);
    table_clear(&t);
    assert_int_equal(t.generation, 2);
    fill(&t, 10000);
    table_clear(&t);
    assert_int_equal(t.generation, 3);
    table_deinit(&t);
}

static uint32_t pane_of(struct table *t, double pane_ms, const char *text)
{
    return mill_pane_string(&t->shared, pane_ms, text, strlen(text));
}

static void a_key_has_a_slot_for_each_pane(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, ROOMY);
    table_use_panes(&t, false);
    uint32_t a = pane_of(&t, 0, "a");
    assert_int_not_equal(a, 0);
    assert_int_not_equal(pane_of(&t, 10, "a"), a);
    assert_int_not_equal(pane_of(&t, 0, "b"), a);
    assert_int_equal(pane_of(&t, 0, "a"), a);
    struct buffer key;
    buffer_init(&key, 100);
    key_add_string(&key, "a", 1);
    assert_int_equal(mill_pane_key(&t.shared, 0, (struct mill_buffer *)&key), a);
    buffer_clear(&key);
    assert_int_equal(mill_pane_key(&t.shared, 0, (struct mill_buffer *)&key), 0);
    buffer_deinit(&key);
    assert_null(t.shared.spans);
    table_deinit(&t);
}

static void a_pane_stands_before_its_key_and_sorts_by_time(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, ROOMY);
    table_use_panes(&t, false);
    const double last = 253370764799999;
    const struct keyset_key *early = &t.keys.keys[pane_of(&t, 256, "z")];
    assert_int_equal(pane_head_time(early->bytes), 256);
    assert_int_equal(pane_head_group(early->bytes), key_group_of(hash_tagged(KEY_STRING, "z", 1)));
    assert_memory_equal(early->bytes + PANE_HEAD_BYTES + 1, "z", 1);
    const char *first_bytes = early->bytes;
    const struct keyset_key *late = &t.keys.keys[pane_of(&t, last, "a")];
    assert_true((double)pane_head_time(late->bytes) == last);
    assert_true(memcmp(first_bytes, late->bytes, PANE_HEAD_BYTES) < 0);
    table_deinit(&t);
}

static void slots_of_sessions_have_spans_that_grow_with_them(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 100000);
    table_use_panes(&t, true);
    for (int i = 0; i < 2000; i++) {
        uint32_t slot = pane_of(&t, i, "key");
        t.shared.spans[slot] = (struct mill_span){i, i + 1};
        add_number(&t, slot, 1);
    }
    uint32_t slot = pane_of(&t, 7, "key");
    assert_true(t.shared.spans[slot].first_ms == 7 && t.shared.spans[slot].last_ms == 8);
    assert_int_equal(t.shared.full, 1);
    table_clear(&t); /* beyond its budget: keys go, and so do spans */
    slot = pane_of(&t, 7, "key");
    t.shared.spans[slot] = (struct mill_span){1, 2};
    assert_int_equal(t.generation, 2);
    char large[LIMIT_KEY_BYTES_MAX];
    memset(large, 'x', sizeof large);
    assert_int_equal(mill_pane_string(&t.shared, 0, large, sizeof large), 0);
    assert_int_not_equal(mill_pane_string(&t.shared, 0, large, sizeof large - 1), 0);
    table_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_has_one_slot_and_none_is_zero),
        cmocka_unit_test(a_string_and_its_encoded_key_are_one),
        cmocka_unit_test(keys_that_cannot_be_kept_have_no_slot),
        cmocka_unit_test(touched_slots_are_listed_in_order_of_appearance),
        cmocka_unit_test(values_of_bytes_are_copied),
        cmocka_unit_test(a_record_is_kept_where_its_followers_leave_it),
        cmocka_unit_test(records_that_follow_each_other_fill_the_table),
        cmocka_unit_test(values_of_bytes_survive_the_growth_of_the_table),
        cmocka_unit_test(a_value_that_cannot_be_kept_leaves_the_slot_empty),
        cmocka_unit_test(an_epoch_ends_the_values_and_keeps_the_slots),
        cmocka_unit_test(a_steady_load_allocates_nothing),
        cmocka_unit_test(a_table_beyond_its_budget_says_so_and_forgets_its_keys),
        cmocka_unit_test(a_table_that_has_forgotten_fits_its_budget_again),
        cmocka_unit_test(a_key_has_a_slot_for_each_pane),
        cmocka_unit_test(a_pane_stands_before_its_key_and_sorts_by_time),
        cmocka_unit_test(slots_of_sessions_have_spans_that_grow_with_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

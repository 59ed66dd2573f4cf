/* Goal: one worker's records come out by key group, key, order, origin and appearance; what does
 * not fit goes to disk, and a disk that fails is remembered. Method: few records told apart by
 * their values; budgets of nothing. Many records over many runs: test_merge.c. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"
#include "data/key.h"
#include "flow/shuffle.h"
#include "testing.h"

enum { ROOMY = 1 << 30 };

static struct slice key_of_text(struct buffer *b, const char *text)
{
    buffer_clear(b);
    key_add_string(b, text, strlen(text));
    return (struct slice){b->data, b->size};
}

static int add_number(struct mill_shuffle *s, const char *key, double v, uint32_t origin)
{
    struct buffer b;
    buffer_init(&b, 1000);
    struct mill_cell cell = {.kind = MILL_NUMBER, .len = 1, .num = v};
    int rc = shuffle_add(s, key_of_text(&b, key), &cell, origin);
    buffer_deinit(&b);
    return rc;
}

static const struct shuffle_entry *sorted(const struct mill_shuffle *s, uint32_t i)
{
    return &s->entries[s->sorted[i]];
}

static void an_empty_one_has_empty_shards(void **state)
{
    (void)state;
    struct mill_shuffle s;
    shuffle_init(&s, "/no/such/folder", 0);
    shuffle_seal(&s);
    for (int i = 0; i <= SHARD_COUNT; i++) {
        assert_int_equal(s.shard_start[i], 0);
    }
    assert_int_equal(shuffle_spill(&s), 0); /* nothing to write, so no file is needed */
    shuffle_deinit(&s);
}

static void a_record_is_copied_as_one(void **state)
{
    (void)state;
    struct mill_shuffle s;
    struct buffer b;
    buffer_init(&b, 100);
    shuffle_init(&s, "/no/such/folder", ROOMY);
    key_of_text(&b, "k");
    char text[] = "{\"a\":1}";
    const struct mill_buffer *key = (const struct mill_buffer *)&b;
    assert_int_equal(mill_shuffle_record(&s, key, text, 7, 0), 0);
    memset(text, 'x', sizeof text);
    assert_int_equal(s.entries[0].cell.kind, MILL_RECORD);
    assert_int_equal(s.entries[0].cell.len, 7);
    assert_memory_equal(s.entries[0].cell.ptr, "{\"a\":1}", 7);
    assert_int_equal(mill_shuffle_record(&s, key, text, LIMIT_RECORD_BYTES_MAX + 1, 0),
                     MILL_ELIMIT);
    assert_int_equal(s.count, 1);
    shuffle_deinit(&s);
    buffer_deinit(&b);
}

static void entries_compare_by_group_key_order_origin(void **state)
{
    (void)state;
    static const struct shuffle_entry ascending[] = {
        {.key = "b", .key_size = 1, .key_group = 0, .order = 9, .origin = 9},
        {.key = "a", .key_size = 1, .key_group = 1, .order = 9, .origin = 9},
        {.key = "aa", .key_size = 2, .key_group = 1, .order = 0, .origin = 1},
        {.key = "aa", .key_size = 2, .key_group = 1, .order = 0, .origin = UINT64_MAX},
        {.key = "aa", .key_size = 2, .key_group = 1, .order = 1, .origin = 0},
        {.key = "aa", .key_size = 2, .key_group = 1, .order = UINT64_MAX, .origin = 0},
        {.key = "b", .key_size = 1, .key_group = 1, .order = 0, .origin = 0},
        {.key = "\xff", .key_size = 1, .key_group = 1, .order = 0, .origin = 0},
        {.key = "a", .key_size = 1, .key_group = 4095, .order = 0, .origin = 0},
    };
    enum { COUNT = sizeof ascending / sizeof ascending[0] };
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < COUNT; k++) {
            int order = shuffle_compare(&ascending[i], &ascending[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    }
}

static void records_of_a_key_keep_their_order(void **state)
{
    (void)state;
    struct mill_shuffle s;
    shuffle_init(&s, "/no/such/folder", ROOMY);
    enum { COUNT = 1000 }; /* beyond what insertion sorts */
    for (uint32_t i = 0; i < COUNT; i++) {
        s.order = 100 - i / 100;
        assert_int_equal(add_number(&s, "key", i, 50 - i / 10 % 10), 0);
    }
    shuffle_seal(&s);
    for (uint32_t i = 1; i < COUNT; i++) {
        const struct shuffle_entry *a = sorted(&s, i - 1);
        const struct shuffle_entry *b = sorted(&s, i);
        assert_true(a->order < b->order || (a->order == b->order && a->origin < b->origin) ||
                    (a->order == b->order && a->origin == b->origin && a->cell.num < b->cell.num));
    }
    shuffle_deinit(&s);
}

static void each_shard_has_its_key_groups(void **state)
{
    (void)state;
    struct mill_shuffle s;
    shuffle_init(&s, "/no/such/folder", ROOMY);
    for (uint32_t i = 0; i < 10000; i++) {
        struct buffer b;
        buffer_init(&b, 100);
        key_add_int64(&b, i);
        assert_int_equal(
            mill_shuffle_number(&s, (struct mill_buffer *)&b, i, i % LIMIT_CHUNK_RECORDS_MAX), 0);
        buffer_deinit(&b);
    }
    shuffle_seal(&s);
    assert_int_equal(s.shard_start[0], 0);
    assert_int_equal(s.shard_start[SHARD_COUNT], 10000);
    for (uint32_t shard = 0; shard < SHARD_COUNT; shard++) {
        assert_in_range(s.shard_start[shard + 1] - s.shard_start[shard], 500, 750);
        for (uint32_t i = s.shard_start[shard]; i < s.shard_start[shard + 1]; i++) {
            const struct shuffle_entry *e = sorted(&s, i);
            assert_int_equal(shard_of_group(e->key_group), shard);
            assert_int_equal(e->key_group, key_group_of(hash_key(e->key, e->key_size)));
            assert_true(i == s.shard_start[shard] || shuffle_compare(sorted(&s, i - 1), e) < 0);
        }
    }
    shuffle_deinit(&s);
}

static void keys_and_values_are_copied(void **state)
{
    (void)state;
    struct mill_shuffle s;
    struct buffer key;
    struct buffer value;
    shuffle_init(&s, "/no/such/folder", ROOMY);
    buffer_init(&key, 100);
    buffer_init(&value, 100);
    key_of_text(&key, "key");
    assert_int_equal(buffer_append(&value, "\x91\xc0", 2), 0);
    const struct mill_buffer *k = (struct mill_buffer *)&key;
    assert_int_equal(mill_shuffle_string(&s, k, "", 0, 1), 0);
    assert_int_equal(mill_shuffle_string(&s, k, "a\0b", 3, 2), 0);
    assert_int_equal(mill_shuffle_packed(&s, k, (struct mill_buffer *)&value, 3), 0);
    memset(key.data, 'x', key.size);
    memset(value.data, 'x', value.size);
    shuffle_seal(&s);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(sorted(&s, i)->key_size, 4);
        assert_memory_equal(sorted(&s, i)->key, "\x20key", 4);
    }
    assert_int_equal(sorted(&s, 0)->cell.len, 0);
    assert_non_null(sorted(&s, 0)->cell.ptr);
    assert_int_equal(sorted(&s, 1)->cell.kind, MILL_STRING);
    assert_memory_equal(sorted(&s, 1)->cell.ptr, "a\0b", 3);
    assert_int_equal(sorted(&s, 2)->cell.kind, MILL_PACKED);
    assert_memory_equal(sorted(&s, 2)->cell.ptr, "\x91\xc0", 2);
    buffer_deinit(&key);
    buffer_deinit(&value);
    shuffle_deinit(&s);
}

/* The origin that record `index` of a chunk gets. */
static uint64_t origin_in(const struct shuffle_origin *chunk, uint32_t index)
{
    struct mill_shuffle s;
    shuffle_init(&s, "/no/such/folder", ROOMY);
    s.origin = *chunk;
    assert_int_equal(add_number(&s, "a", 1, index), 0);
    shuffle_seal(&s);
    uint64_t origin = sorted(&s, 0)->origin;
    shuffle_deinit(&s);
    return origin;
}

static void an_origin_is_the_place_of_the_record_in_its_block(void **state)
{
    (void)state;
    static const char text[] = "a bb\nccc\n";
    const struct mill_slice lines[] = {{.ptr = text, .len = 4}, {.ptr = text + 5, .len = 3}};
    const struct mill_word words[] = {{1, 0}, {2, 2}, {3, 5}};
    uint64_t far = (uint64_t)1 << 40;
    assert_true(origin_in(&(struct shuffle_origin){.base = far}, 5) == far + 5);
    struct shuffle_origin by_line = {.lines = lines, .text = text, .base = far};
    assert_true(origin_in(&by_line, 0) == far);
    assert_true(origin_in(&by_line, 1) == far + 5);
    struct shuffle_origin by_word = {.words = words, .text = text, .base = far};
    assert_true(origin_in(&by_word, 1) == far + 2);
    assert_true(origin_in(&by_word, 2) == far + 5); /* as its line, so branches keep together */
}

static void a_value_larger_than_a_record_changes_nothing(void **state)
{
    (void)state;
    struct mill_shuffle s;
    struct buffer key;
    struct buffer value;
    shuffle_init(&s, "/no/such/folder", ROOMY);
    buffer_init(&key, 100);
    buffer_init(&value, 1);
    struct slice k = key_of_text(&key, "key");
    struct mill_buffer *kb = (struct mill_buffer *)&key;
    struct mill_cell cell = {.kind = MILL_STRING, .len = LIMIT_RECORD_BYTES_MAX + 1, .ptr = ""};
    assert_int_equal(shuffle_add(&s, k, &cell, 0), MILL_ELIMIT);
    assert_int_equal(mill_shuffle_string(&s, kb, "", LIMIT_RECORD_BYTES_MAX + 1, 0), MILL_ELIMIT);
    assert_int_equal(mill_shuffle_string(&s, kb, "", SIZE_MAX, 0), MILL_ELIMIT);
    value.failed = true;
    assert_int_equal(mill_shuffle_packed(&s, kb, (struct mill_buffer *)&value, 0), MILL_ELIMIT);
    assert_int_equal(s.count, 0);
    assert_int_equal(s.error.code, 0);
    buffer_deinit(&key);
    buffer_deinit(&value);
    shuffle_deinit(&s);
}

static void what_does_not_fit_goes_to_disk(void **state)
{
    (void)state;
    char *folder = folder_create();
    struct mill_shuffle s;
    shuffle_init(&s, folder, 10000);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(add_number(&s, "key", i, 0), 0);
        assert_true(shuffle_memory(&s) < 10200);
    }
    assert_in_range(s.run_count, 5, 20);
    assert_true(s.spilled_bytes > 30000);
    assert_int_equal(folder_count(folder), 0); /* files without names */
    shuffle_clear(&s);
    assert_int_equal(s.run_count, 0);
    assert_true(s.spilled_bytes == 0);
    assert_true(shuffle_memory(&s) == 0);
    assert_int_equal(add_number(&s, "key", 5, 0), 0);
    shuffle_seal(&s);
    assert_int_equal(s.shard_start[SHARD_COUNT], 1);
    shuffle_deinit(&s);
    folder_remove(folder);
}

static void a_disk_that_fails_is_remembered_until_the_next_epoch(void **state)
{
    (void)state;
    struct mill_shuffle s;
    shuffle_init(&s, "/no/such/folder", 0);
    assert_int_equal(add_number(&s, "key", 1, 0), 0);
    assert_int_not_equal(add_number(&s, "key", 2, 0), 0);
    int code = s.error.code;
    assert_int_not_equal(code, 0);
    assert_non_null(strstr(s.error.message, "/no/such/folder"));
    assert_int_equal(add_number(&s, "key", 3, 0), code);
    assert_int_equal(shuffle_spill(&s), code);
    shuffle_clear(&s);
    assert_int_equal(s.error.code, 0);
    assert_int_equal(add_number(&s, "key", 1, 0), 0);
    shuffle_deinit(&s);
}

static void a_steady_load_allocates_nothing(void **state)
{
    (void)state;
    struct mill_shuffle s;
    struct buffer b;
    shuffle_init(&s, "/no/such/folder", ROOMY);
    buffer_init(&b, 100);
    struct slice key = key_of_text(&b, "key");
    struct mill_cell cell = {.kind = MILL_NUMBER, .len = 1, .num = 1};
    uint64_t before = 0;
    for (int round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < 1000; i++) {
            assert_int_equal(shuffle_add(&s, key, &cell, i), 0);
        }
        shuffle_seal(&s);
        shuffle_clear(&s);
        before = round == 0 ? memory_allocation_count() : before;
    }
    /* qsort of the C library takes what is small from the stack */
    assert_int_equal(memory_allocation_count(), before);
    buffer_deinit(&b);
    shuffle_deinit(&s);
}

/* --- tables --- */

static void run_epoch(struct mill_shuffle *s, int records)
{
    for (int i = 0; i < records; i++) {
        assert_int_equal(add_number(s, "k", i, 0), 0);
    }
    shuffle_seal(s);
    shuffle_clear(s);
}

static void the_room_of_a_large_epoch_goes_when_others_do_not_use_it(void **state)
{
    (void)state;
    struct mill_shuffle s;
    shuffle_init(&s, "/no/such/folder", ROOMY);
    run_epoch(&s, 40000);
    for (int epoch = 0; epoch < 200; epoch++) {
        run_epoch(&s, 1);
        assert_true(epoch > 97 || s.capacity == 65536);
    }
    assert_int_equal(s.capacity, 1024);
    assert_int_equal(s.sort_capacity, 1024);
    run_epoch(&s, 1500);
    assert_int_equal(s.capacity, 2048);
    for (int epoch = 0; epoch < 200; epoch++) {
        run_epoch(&s, epoch % 50 == 0 ? 1500 : 1);
    }
    assert_int_equal(s.capacity, 2048);
    shuffle_deinit(&s);
}

static void touch_number(struct table *t, const char *key, double v, uint32_t count)
{
    uint32_t slot = mill_table_string(&t->shared, key, strlen(key));
    mill_table_touch(&t->shared, slot);
    t->shared.slots[slot] = (struct mill_slot){.kind = MILL_NUMBER, .num = v, .count = count};
}

static void fill_table(struct table *t)
{
    touch_number(t, "number", 1.5, 7);
    uint32_t slot = mill_table_string(&t->shared, "text", 4);
    mill_table_touch(&t->shared, slot);
    table_pack(t, slot, MILL_STRING, "abc", 3);
    slot = mill_table_string(&t->shared, "dropped", 7);
    mill_table_touch(&t->shared, slot); /* its value could not be kept: EMPTY */
}

static const struct shuffle_entry *find(const struct mill_shuffle *s, const char *key)
{
    for (uint32_t i = 0; i < s->shard_start[SHARD_COUNT]; i++) {
        const struct shuffle_entry *e = sorted(s, i);
        if (e->key_size == strlen(key) + 1 && memcmp(e->key + 1, key, strlen(key)) == 0) {
            return e;
        }
    }
    return NULL;
}

static void a_table_gives_its_touched_keys(void **state)
{
    (void)state;
    struct table t;
    struct mill_shuffle s;
    table_init(&t, ROOMY);
    shuffle_init(&s, "/no/such/folder", ROOMY);
    fill_table(&t);
    s.order = 3;
    shuffle_add_table(&s, &t);
    shuffle_seal(&s);
    assert_int_equal(s.shard_start[SHARD_COUNT], 2);
    const struct shuffle_entry *number = find(&s, "number");
    const struct shuffle_entry *text = find(&s, "text");
    assert_non_null(number);
    assert_non_null(text);
    assert_int_equal(number->order, 3);
    assert_int_equal(number->cell.len, 7); /* values in it */
    assert_true(number->cell.num == 1.5);
    assert_int_equal(number->key_group, key_group_of(hash_key(number->key, number->key_size)));
    assert_int_equal(text->cell.kind, MILL_STRING);
    assert_memory_equal(text->cell.ptr, "abc", 3);
    shuffle_deinit(&s);
    table_deinit(&t);
}

static void a_table_can_be_cleared_once_it_is_on_disk(void **state)
{
    (void)state;
    char *folder = folder_create();
    struct table t;
    struct mill_shuffle s;
    table_init(&t, ROOMY);
    shuffle_init(&s, folder, ROOMY);
    fill_table(&t);
    shuffle_add_table(&s, &t);
    assert_int_equal(shuffle_spill(&s), 0);
    assert_int_equal(s.run_count, 1);
    assert_int_equal(s.count, 0);
    table_clear(&t);
    touch_number(&t, "number", 2, 1);
    shuffle_add_table(&s, &t);
    shuffle_seal(&s);
    assert_int_equal(s.shard_start[SHARD_COUNT], 1);
    shuffle_deinit(&s);
    table_deinit(&t);
    folder_remove(folder);
}

static void touch_pane(struct table *t, double pane_ms, const char *key)
{
    uint32_t slot = mill_pane_string(&t->shared, pane_ms, key, strlen(key));
    t->shared.slots[slot] = (struct mill_slot){.kind = MILL_NUMBER, .num = pane_ms, .count = 1};
    if (t->shared.spans != NULL) {
        t->shared.spans[slot] = (struct mill_span){pane_ms + 1, pane_ms + 2};
    }
    mill_table_touch(&t->shared, slot);
}

/* A shard is in order of time, then of the keys' groups. */
static void panes_are_sorted_by_time(void **state)
{
    (void)state;
    struct table t;
    struct mill_shuffle s;
    table_init(&t, ROOMY);
    table_use_panes(&t, false);
    shuffle_init(&s, "/no/such/folder", ROOMY);
    for (int i = 0; i < 300; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        touch_pane(&t, (i * 7) % 30 * 1000, key);
    }
    shuffle_add_table(&s, &t);
    shuffle_seal(&s);
    for (uint32_t shard = 0; shard < SHARD_COUNT; shard++) {
        for (uint32_t i = s.shard_start[shard]; i < s.shard_start[shard + 1]; i++) {
            const char *key = sorted(&s, i)->key;
            assert_int_equal(shard_of_group(pane_head_group(key)), shard);
            if (i > s.shard_start[shard]) {
                assert_true(memcmp(sorted(&s, i - 1)->key, key, PANE_HEAD_BYTES) <= 0);
            }
        }
    }
    shuffle_deinit(&s);
    table_deinit(&t);
}

static void spans_are_sorted_by_key_then_by_their_first_time(void **state)
{
    (void)state;
    struct table t;
    struct mill_shuffle s;
    table_init(&t, ROOMY);
    table_use_panes(&t, true);
    shuffle_init(&s, "/no/such/folder", ROOMY);
    touch_pane(&t, 30, "a");
    touch_pane(&t, 20, "b");
    touch_pane(&t, 10, "a");
    shuffle_add_table(&s, &t);
    shuffle_seal(&s);
    uint32_t found = 0;
    for (uint32_t i = 0; i < s.count; i++) {
        const struct shuffle_entry *entry = sorted(&s, i);
        assert_int_equal(entry->key_size, 2);
        assert_int_equal(entry->key_group, key_group_of(hash_key(entry->key, 2)));
        if (entry->key[1] == 'a') {
            assert_int_equal(entry->order, found == 0 ? 11 : 31);
            assert_int_equal(entry->origin, found == 0 ? 12 : 32);
            found++;
        }
    }
    assert_int_equal(found, 2);
    shuffle_deinit(&s);
    table_deinit(&t);
}

static void a_place_tells_records_apart(void **state)
{
    (void)state;
    struct mill_shuffle s;
    shuffle_init(&s, "/no/such/folder", ROOMY);
    s.epoch = 7;
    s.order = (uint64_t)70 << 56 | 12345;
    s.origin.base = 100;
    double place[3];
    mill_place(&s, 5, place);
    assert_true(place[0] == 7 && place[1] == 70.0 * 17592186044416.0 + 12345 && place[2] == 105);
    shuffle_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_has_empty_shards),
        cmocka_unit_test(a_record_is_copied_as_one),
        cmocka_unit_test(entries_compare_by_group_key_order_origin),
        cmocka_unit_test(records_of_a_key_keep_their_order),
        cmocka_unit_test(each_shard_has_its_key_groups),
        cmocka_unit_test(keys_and_values_are_copied),
        cmocka_unit_test(an_origin_is_the_place_of_the_record_in_its_block),
        cmocka_unit_test(a_value_larger_than_a_record_changes_nothing),
        cmocka_unit_test(what_does_not_fit_goes_to_disk),
        cmocka_unit_test(a_disk_that_fails_is_remembered_until_the_next_epoch),
        cmocka_unit_test(a_steady_load_allocates_nothing),
        cmocka_unit_test(the_room_of_a_large_epoch_goes_when_others_do_not_use_it),
        cmocka_unit_test(a_table_gives_its_touched_keys),
        cmocka_unit_test(a_table_can_be_cleared_once_it_is_on_disk),
        cmocka_unit_test(panes_are_sorted_by_time),
        cmocka_unit_test(spans_are_sorted_by_key_then_by_their_first_time),
        cmocka_unit_test(a_place_tells_records_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

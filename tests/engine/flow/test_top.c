/* Goal: the n largest of all records, in their order, whichever worker saw which.
 * Method: random records over several workers, against sorting all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "flow/top.h"
#include "testing.h"

static int put(struct mill_top *t, double score, const char *key, const char *value)
{
    struct buffer k;
    struct buffer v;
    buffer_init(&k, 100);
    buffer_init(&v, 100);
    assert_int_equal(buffer_append_text(&k, key), 0);
    assert_int_equal(buffer_append_text(&v, value), 0);
    int rc = mill_top_put(t, score, (struct mill_buffer *)&k, (struct mill_buffer *)&v);
    buffer_deinit(&k);
    buffer_deinit(&v);
    return rc;
}

/* "key=value" of the entries, with blanks between them. */
static const char *entries(const struct mill_top *t)
{
    static char text[1000];
    size_t size = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < t->count; i++) {
        const struct top_entry *e = &t->entries[i];
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%.*s=%.*s", i > 0 ? " " : "",
                                 (int)e->key_size, e->bytes, (int)(e->size - e->key_size),
                                 e->bytes + e->key_size);
    }
    return text;
}

static void the_largest_come_first(void **state)
{
    (void)state;
    struct mill_top t;
    struct mill_top *one = &t;
    top_init(&t, 3);
    assert_int_equal(put(&t, 2, "b", "two"), 0);
    assert_int_equal(put(&t, -1, "a", "less"), 0);
    assert_int_equal(put(&t, 9, "c", "nine"), 0);
    assert_int_equal(put(&t, 5, "d", "five"), 0);
    top_merge(&one, 1);
    assert_string_equal(entries(&t), "c=nine d=five b=two");
    top_deinit(&t);
}

static void equal_scores_are_ordered_by_key_then_position(void **state)
{
    (void)state;
    struct mill_top a;
    struct mill_top b;
    struct mill_top *both[] = {&a, &b};
    top_init(&a, 4);
    top_init(&b, 4);
    a.order = 7;
    b.order = 3;
    (void)put(&a, 1, "x", "third");
    (void)put(&a, 1, "x", "fourth");
    (void)put(&b, 1, "x", "first");
    (void)put(&b, 1, "x", "second");
    (void)put(&b, 1, "y", "out");
    top_merge(both, 2);
    assert_string_equal(entries(&a), "x=first x=second x=third x=fourth");
    assert_int_equal(b.count, 0);
    top_deinit(&a);
    top_deinit(&b);
}

static void a_score_that_cannot_be_among_them_is_not_wanted(void **state)
{
    (void)state;
    struct mill_top t;
    top_init(&t, 2);
    assert_true(mill_top_wants(&t, -1e300));
    (void)put(&t, 1, "a", "v");
    assert_true(mill_top_wants(&t, -1e300));
    (void)put(&t, 2, "b", "v");
    assert_false(mill_top_wants(&t, 0.5));
    assert_true(mill_top_wants(&t, 1)); /* the key decides */
    assert_true(mill_top_wants(&t, 3));
    top_deinit(&t);
}

static void a_new_epoch_begins_empty(void **state)
{
    (void)state;
    struct mill_top t;
    struct mill_top *one = &t;
    top_init(&t, 2);
    (void)put(&t, 1, "a", "v");
    (void)put(&t, 2, "b", "v");
    top_clear(&t);
    assert_true(mill_top_wants(&t, -5));
    (void)put(&t, -5, "c", "v");
    top_merge(&one, 1);
    assert_string_equal(entries(&t), "c=v");
    top_deinit(&t);
}

static void an_epoch_without_records_gives_none(void **state)
{
    (void)state;
    struct mill_top tops[2];
    struct mill_top *both[] = {&tops[0], &tops[1]};
    top_init(&tops[0], 3);
    top_init(&tops[1], 3);
    top_merge(both, 2);
    assert_int_equal(tops[0].count, 0);
    top_deinit(&tops[0]);
    top_deinit(&tops[1]);
}

static void a_value_that_failed_to_fit_is_refused(void **state)
{
    (void)state;
    struct mill_top t;
    struct buffer k;
    struct buffer v;
    top_init(&t, 2);
    buffer_init(&k, 10);
    buffer_init(&v, 2);
    (void)!buffer_append_text(&v, "too long");
    assert_int_equal(mill_top_put(&t, 1, (struct mill_buffer *)&k, (struct mill_buffer *)&v),
                     MILL_ELIMIT);
    assert_int_equal(t.count, 0);
    buffer_deinit(&k);
    buffer_deinit(&v);
    top_deinit(&t);
}

struct record {
    double score;
    char key[4];
    uint64_t order;
    uint32_t ordinal;
};

static int compare(const void *left, const void *right)
{
    const struct record *a = left;
    const struct record *b = right;
    if (a->score != b->score) {
        return a->score > b->score ? -1 : 1;
    }
    int order = strcmp(a->key, b->key);
    if (order != 0) {
        return order;
    }
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    return a->ordinal < b->ordinal ? -1 : 1;
}

static void random_records_over_workers_are_as_if_sorted(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < rounds(300); seed++) {
        struct chance chance = {seed};
        struct mill_top tops[4];
        struct mill_top *list[4];
        struct record all[400];
        uint32_t n = 1 + chance_below(&chance, 100);
        uint32_t workers = 1 + chance_below(&chance, 4);
        uint32_t count = chance_below(&chance, 400);
        for (uint32_t w = 0; w < workers; w++) {
            top_init(&tops[w], n);
            list[w] = &tops[w];
        }
        for (uint32_t i = 0; i < count; i++) {
            struct record *r = &all[i];
            uint32_t w = (i / 20) % workers; /* a block is a worker's */
            *r = (struct record){
                .score = (double)chance_below(&chance, 12), .order = i / 20, .ordinal = i};
            snprintf(r->key, sizeof r->key, "%u", chance_below(&chance, 5));
            char value[16];
            snprintf(value, sizeof value, "%u", i);
            tops[w].order = r->order;
            if (mill_top_wants(&tops[w], r->score)) {
                assert_int_equal(put(&tops[w], r->score, r->key, value), 0);
            }
        }
        top_merge(list, workers);
        qsort(all, count, sizeof *all, compare);
        assert_int_equal(tops[0].count, count < n ? count : n);
        for (uint32_t i = 0; i < tops[0].count; i++) {
            const struct top_entry *e = &tops[0].entries[i];
            char expected[24];
            snprintf(expected, sizeof expected, "%s%u", all[i].key, all[i].ordinal);
            assert_int_equal(e->size, strlen(expected));
            assert_memory_equal(e->bytes, expected, e->size);
        }
        for (uint32_t w = 0; w < workers; w++) {
            top_deinit(&tops[w]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_come_first),
        cmocka_unit_test(equal_scores_are_ordered_by_key_then_position),
        cmocka_unit_test(a_score_that_cannot_be_among_them_is_not_wanted),
        cmocka_unit_test(a_new_epoch_begins_empty),
        cmocka_unit_test(an_epoch_without_records_gives_none),
        cmocka_unit_test(a_value_that_failed_to_fit_is_refused),
        cmocka_unit_test(random_records_over_workers_are_as_if_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

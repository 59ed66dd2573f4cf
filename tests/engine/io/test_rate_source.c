/* Goal: each value comes once, with the time at which it was due, over restarts and reruns, and
 * whatever the share of an epoch. Method: a store in memory; the calls that the runner makes. */
#include <string.h>

#include "base/memory.h"
#include "io/rate_source.h"
#include "testing.h"

#define STORE_ID 7

struct fixture {
    struct store *store;
    struct source *source;
};

static const struct rate_source_options four = {
    .rows_per_second = 4, .starts_at_zero = true, .index = 5, .store_id = STORE_ID};

static void reopen(struct fixture *f, const struct rate_source_options *options)
{
    if (f->source != NULL) {
        source_close(f->source);
    }
    assert_int_equal(rate_source_open(options, f->store, &f->source, NULL), 0);
}

static int begin(void **state)
{
    struct fixture *f = memory_zero(1, sizeof *f);
    f->store = store_create_memory();
    reopen(f, &four);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    if (f->source != NULL) {
        source_close(f->source);
    }
    store_close(f->store);
    memory_free(f);
    return 0;
}

static uint64_t plan(struct fixture *f, int64_t now_ms, uint64_t share)
{
    uint64_t bytes = 99;
    assert_int_equal(source_poll(f->source, now_ms, NULL), 0);
    assert_int_equal(source_plan(f->source, share, &bytes, NULL), 0);
    return bytes;
}

/* Take all blocks: their values follow each other. @return the last one's times */
static struct rate expect_values(struct fixture *f, uint64_t first, uint64_t last)
{
    struct source_block block;
    struct rate rate = {0};
    uint64_t sequence = 0;
    while (source_next_block(f->source, &block, NULL) == 1) {
        assert_int_equal(block.order, SOURCE_ORDER(5, sequence++));
        assert_int_equal(block.start, first);
        rate = *block.rate;
        struct source_done done = {.next = block.end};
        source_block_done(f->source, &block, &done);
        first = block.end;
    }
    assert_int_equal(first, last);
    return rate;
}

static void commit(struct fixture *f)
{
    struct store_batch *batch = store_batch_create();
    assert_int_equal(source_commit_into(f->source, batch, NULL), 0);
    assert_int_equal(store_write(f->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    source_committed(f->source);
}

static void run(struct fixture *f, int64_t now_ms, uint64_t first, uint64_t last)
{
    plan(f, now_ms, 1 << 30);
    expect_values(f, first, last);
    commit(f);
}

static void an_epoch_takes_what_is_due(void **state)
{
    struct fixture *f = *state;
    run(f, 1000, 0, 4);
    run(f, 1001, 4, 5);
    run(f, 1250, 5, 5);
    run(f, 1200, 5, 5); /* a clock that went back */
    run(f, 3000, 5, 12);
    assert_false(source_is_drained(f->source));
}

static void a_restart_takes_what_was_due_meanwhile(void **state)
{
    struct fixture *f = *state;
    run(f, 1000, 0, 4);
    plan(f, 2000, 1 << 30);
    expect_values(f, 4, 8); /* not committed */
    reopen(f, &four);
    plan(f, 60000, 1 << 30);
    struct rate rate = expect_values(f, 4, 240);
    assert_int_equal(rate_due_ms(&rate, 4), 1000);
    assert_int_equal(rate_due_ms(&rate, 239), 59750);
}

static void without_a_start_the_first_poll_is_it(void **state)
{
    struct fixture *f = *state;
    struct rate_source_options options = four;
    options.starts_at_zero = false;
    reopen(f, &options);
    run(f, 5000, 0, 0);
    reopen(f, &options);
    run(f, 6000, 0, 4);
}

static void another_rate_holds_from_the_next_value_on(void **state)
{
    struct fixture *f = *state;
    run(f, 1000, 0, 4);
    struct rate_source_options faster = four;
    faster.rows_per_second = 1000;
    reopen(f, &faster);
    plan(f, 1010, 1 << 30);
    struct rate rate = expect_values(f, 4, 14);
    assert_int_equal(rate_due_ms(&rate, 4), 1000);
    assert_int_equal(rate_due_ms(&rate, 13), 1009);
}

static void the_share_limits_an_epoch(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(plan(f, 60000, 301), 300);
    expect_values(f, 0, 10);
    commit(f);
    plan(f, 60000, 1); /* at least one */
    expect_values(f, 10, 11);
}

static void a_limit_lets_what_is_due_wait(void **state)
{
    struct fixture *f = *state;
    struct rate_source_options options = four;
    options.records_max = 3;
    reopen(f, &options);
    run(f, 1000, 0, 3);
    run(f, 1000, 3, 4);
    plan(f, 60000, 1 << 30);
    expect_values(f, 4, 7);
    source_abandon(f->source);
    expect_values(f, 4, 7);
    commit(f);
    plan(f, 60000, 60); /* the share is less */
    expect_values(f, 7, 9);
}

static void a_rerun_makes_the_same_values(void **state)
{
    struct fixture *f = *state;
    plan(f, 1000, 1 << 30);
    struct source_block block;
    assert_int_equal(source_next_block(f->source, &block, NULL), 1);
    source_abandon(f->source);
    plan(f, 9000, 1 << 30);
    expect_values(f, 0, 4);
    source_abandon(f->source);
    expect_values(f, 0, 4);
    commit(f);
    run(f, 9000, 4, 36);
}

static void what_was_not_handed_out_stays(void **state)
{
    struct fixture *f = *state;
    plan(f, 1000, 1 << 30);
    source_abandon(f->source);
    expect_values(f, 0, 0);
    commit(f);
    run(f, 1000, 0, 4);
}

static void rows_end_it(void **state)
{
    struct fixture *f = *state;
    struct rate_source_options options = four;
    options.rows = 5;
    reopen(f, &options);
    run(f, 1000, 0, 4);
    assert_int_equal(plan(f, 1000, 1 << 30), 1); /* nothing is due, and the end is ahead */
    expect_values(f, 4, 4);
    commit(f);
    plan(f, 9000, 1 << 30);
    assert_true(source_is_drained(f->source));
    expect_values(f, 4, 5);
    commit(f);
    assert_int_equal(plan(f, 9999, 1 << 30), 0);
    expect_values(f, 5, 5);
}

static void with_once_all_are_taken_at_once(void **state)
{
    struct fixture *f = *state;
    struct rate_source_options options = four;
    options.rows = 100000;
    options.takes_all = true;
    reopen(f, &options);
    plan(f, 0, 1 << 30);
    assert_true(source_is_drained(f->source));
    expect_values(f, 0, 100000);
    options.rows = 10; /* less than was read */
    commit(f);
    reopen(f, &options);
    assert_int_equal(plan(f, 0, 1 << 30), 0);
    assert_true(source_is_drained(f->source));
}

static void a_damaged_position_is_said(void **state)
{
    struct fixture *f = *state;
    run(f, 1000, 0, 4);
    struct store_batch *batch = store_batch_create();
    store_batch_put(batch, STORE_META, (struct slice){"n\0\7", 3}, (struct slice){"short", 5});
    assert_int_equal(store_write(f->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    source_close(f->source);
    f->source = NULL;
    struct error e;
    assert_int_equal(rate_source_open(&four, f->store, &f->source, &e), MILL_ECORRUPT);
    assert_non_null(strstr(e.message, "META n/7"));
}

static void records_are_values_with_times(void **state)
{
    (void)state;
    struct rate rate = {.since_ms = 100, .rows_per_second = 2};
    struct buffer b;
    buffer_init(&b, 4096);
    rate_pack(&rate, 3, 1, &b);
    static const char wanted[] = "\x82\xa5value\x03\xa4time\xcd\x06\x40";
    assert_int_equal(b.size, sizeof wanted - 1);
    assert_memory_equal(b.data, wanted, b.size);
    buffer_deinit(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_epoch_takes_what_is_due),
        TEST(a_restart_takes_what_was_due_meanwhile),
        TEST(without_a_start_the_first_poll_is_it),
        TEST(another_rate_holds_from_the_next_value_on),
        TEST(the_share_limits_an_epoch),
        TEST(a_limit_lets_what_is_due_wait),
        TEST(a_rerun_makes_the_same_values),
        TEST(what_was_not_handed_out_stays),
        TEST(rows_end_it),
        TEST(with_once_all_are_taken_at_once),
        TEST(a_damaged_position_is_said),
        TEST(records_are_values_with_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: each batch of a queue is one epoch's input, once, over restarts and reruns.
 * Method: a store in memory; the calls that the runner makes. */
#include <string.h>

#include "base/memory.h"
#include "io/queue_source.h"
#include "testing.h"

#define STORE_ID 7

struct fixture {
    struct store *store;
    struct source *source;
};

static void open_queue(struct fixture *f, uint32_t count)
{
    char text[] = "\x91\x01";
    struct slice batches[] = {{text, 2}, {"\x90", 1}, {"\x92\x02\x03", 3}};
    struct queue_source_options options = {batches, count, 5, STORE_ID};
    assert_int_equal(queue_source_open(&options, f->store, &f->source, NULL), 0);
    text[1] = '\x7f'; /* it has its own copy */
}

static int begin(void **state)
{
    struct fixture *f = memory_zero(1, sizeof *f);
    f->store = store_create_memory();
    open_queue(f, 3);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    source_close(f->source);
    store_close(f->store);
    memory_free(f);
    return 0;
}

static void reopen(struct fixture *f, uint32_t count)
{
    source_close(f->source);
    open_queue(f, count);
}

static uint64_t plan(struct fixture *f)
{
    uint64_t bytes = 99;
    assert_int_equal(source_poll(f->source, 0, NULL), 0);
    assert_int_equal(source_plan(f->source, 1, &bytes, NULL), 0);
    return bytes;
}

static void expect_batch(struct fixture *f, uint64_t index, const char *values, size_t size)
{
    struct source_block block;
    assert_int_equal(source_next_block(f->source, &block, NULL), 1);
    assert_int_equal(block.source, 5);
    assert_int_equal(block.order, SOURCE_ORDER(5, 0));
    assert_int_equal(block.partition, 0);
    assert_int_equal(block.start, index);
    assert_int_equal(block.end, index + 1);
    assert_null(block.file);
    assert_int_equal(block.bytes, size);
    assert_int_equal(block.values.size, size);
    assert_memory_equal(block.values.data, values, size);
    struct source_done done = {.next = index + 1};
    source_block_done(f->source, &block, &done);
    assert_int_equal(source_next_block(f->source, &block, NULL), 0);
}

static void commit(struct fixture *f)
{
    struct store_batch *batch = store_batch_create();
    assert_int_equal(source_commit_into(f->source, batch, NULL), 0);
    assert_int_equal(store_write(f->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    source_committed(f->source);
}

static void each_epoch_gets_the_next_batch_whole(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(queue_source_left(f->source), 3);
    assert_int_equal(plan(f), 2);
    expect_batch(f, 0, "\x91\x01", 2);
    commit(f);
    assert_int_equal(plan(f), 1); /* an empty batch is an epoch's input too */
    expect_batch(f, 1, "\x90", 1);
    commit(f);
    assert_false(source_is_drained(f->source));
    assert_int_equal(plan(f), 3);
    assert_true(source_is_drained(f->source));
    expect_batch(f, 2, "\x92\x02\x03", 3);
    commit(f);
    assert_int_equal(queue_source_left(f->source), 0);
    assert_true(source_is_drained(f->source));
    assert_int_equal(plan(f), 0);
    struct source_block block;
    assert_int_equal(source_next_block(f->source, &block, NULL), 0);
}

static void note_place(void *context, uint64_t partition, enum watermark_place place)
{
    assert_int_equal(partition, 0);
    *(enum watermark_place *)context = place;
}

static void it_has_ended_with_its_last_batch(void **state)
{
    struct fixture *f = *state;
    enum watermark_place place = PARTITION_WAITS;
    for (int left = 3; left > 0; left--) {
        source_each_partition(f->source, note_place, &place);
        assert_int_equal(place, PARTITION_IS_OPEN);
        struct source_block block;
        plan(f);
        assert_int_equal(source_next_block(f->source, &block, NULL), 1);
        source_block_done(f->source, &block, &(struct source_done){.next = block.end});
        source_each_partition(f->source, note_place, &place);
        assert_int_equal(place, left == 1 ? PARTITION_ENDED : PARTITION_IS_OPEN);
        commit(f);
    }
}

static void a_restart_goes_on_behind_the_last_commit(void **state)
{
    struct fixture *f = *state;
    plan(f);
    expect_batch(f, 0, "\x91\x01", 2);
    commit(f);
    plan(f);
    expect_batch(f, 1, "\x90", 1); /* not committed */
    reopen(f, 3);
    assert_int_equal(queue_source_left(f->source), 2);
    plan(f);
    expect_batch(f, 1, "\x90", 1);
}

static void what_was_not_handed_out_stays(void **state)
{
    struct fixture *f = *state;
    plan(f);
    commit(f);
    assert_int_equal(queue_source_left(f->source), 3);
    reopen(f, 3);
    plan(f);
    expect_batch(f, 0, "\x91\x01", 2);
}

static void a_rerun_gets_the_same_batch(void **state)
{
    struct fixture *f = *state;
    plan(f);
    expect_batch(f, 0, "\x91\x01", 2);
    source_abandon(f->source);
    assert_int_equal(plan(f), 2);
    expect_batch(f, 0, "\x91\x01", 2);
    source_abandon(f->source);
    source_abandon(f->source);
    expect_batch(f, 0, "\x91\x01", 2); /* also without a plan */
    commit(f);
    assert_int_equal(queue_source_left(f->source), 2);
    plan(f);
    expect_batch(f, 1, "\x90", 1);
}

static void a_rerun_of_nothing_gets_nothing(void **state)
{
    struct fixture *f = *state;
    plan(f);
    source_abandon(f->source);
    assert_int_equal(plan(f), 0);
    struct source_block block;
    assert_int_equal(source_next_block(f->source, &block, NULL), 0);
    commit(f);
    assert_int_equal(plan(f), 2);
}

static void a_list_shorter_than_what_was_read_has_nothing_left(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        struct source_block block;
        plan(f);
        assert_int_equal(source_next_block(f->source, &block, NULL), 1);
        commit(f);
    }
    reopen(f, 1);
    assert_int_equal(queue_source_left(f->source), 0);
    assert_int_equal(plan(f), 0);
    reopen(f, 0);
    assert_int_equal(queue_source_left(f->source), 0);
}

static void a_damaged_position_is_refused_by_its_key(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {0, 7, 9, 5000};
    char bytes[5000] = {0};
    char key[3] = {'q', 0, STORE_ID};
    struct queue_source_options options = {NULL, 0, 5, STORE_ID};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct store_batch *batch = store_batch_create();
        struct source *source = NULL;
        struct error e = {0};
        store_batch_put(batch, STORE_META, (struct slice){key, 3}, (struct slice){bytes, sizes[i]});
        assert_int_equal(store_write(f->store, batch, true, NULL), 0);
        store_batch_destroy(batch);
        assert_int_equal(queue_source_open(&options, f->store, &source, &e), MILL_ECORRUPT);
        assert_non_null(strstr(e.message, "q/7"));
        assert_null(source);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_epoch_gets_the_next_batch_whole),
        CASE(it_has_ended_with_its_last_batch),
        CASE(a_restart_goes_on_behind_the_last_commit),
        CASE(what_was_not_handed_out_stays),
        CASE(a_rerun_gets_the_same_batch),
        CASE(a_rerun_of_nothing_gets_nothing),
        CASE(a_list_shorter_than_what_was_read_has_nothing_left),
        CASE(a_damaged_position_is_refused_by_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

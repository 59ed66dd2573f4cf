/* Goal: an epoch's input is a range of the log's text, which a restart goes on behind and a rerun
 * reads again; with --once it waits for its share. Method: a log on a disk and a store in memory;
 * the calls that the runner makes. */
#include "io/receiver_source.h"
#include "received.h"

#define STORE_ID 7

struct fixture {
    struct received x;
    struct store *store;
    struct source *source;
    bool once;
    uint64_t records_max;
};

static int open_source(struct fixture *f, struct error *e)
{
    struct receiver_source_options options = {
        .disk = &f->x.disk,
        .folder = RECEIVED_FOLDER,
        .name = "stdin",
        .key = 42,
        .segment_bytes = 400,
        .bytes_max = 1 << 30,
        .records_max = f->records_max,
        .once = f->once,
        .index = 5,
        .store_id = STORE_ID,
    };
    int rc = receiver_source_open(&options, f->store, &f->source, e);
    f->x.log = rc == 0 ? receiver_source_log(f->source) : NULL;
    return rc;
}

static int begin(void **state)
{
    struct fixture *f = memory_zero(1, sizeof *f);
    received_begin(&f->x, 1);
    f->store = store_create_memory();
    assert_int_equal(open_source(f, NULL), 0);
    *state = f;
    return 0;
}

static void reopen(struct fixture *f, bool once)
{
    struct error e = {0};
    source_close(f->source);
    f->once = once;
    if (open_source(f, &e) != 0) {
        fail_msg("%s", e.message);
    }
}

static int end(void **state)
{
    struct fixture *f = *state;
    source_close(f->source);
    f->x.log = NULL;
    received_end(&f->x);
    store_close(f->store);
    memory_free(f);
    return 0;
}

static uint64_t plan(struct fixture *f, uint64_t share)
{
    uint64_t bytes = 99;
    assert_int_equal(source_poll(f->source, 0, NULL), 0);
    assert_int_equal(source_plan(f->source, share, &bytes, NULL), 0);
    return bytes;
}

/* Read all blocks that there are now. @return how many */
static uint32_t read_blocks(struct fixture *f, struct buffer *into)
{
    struct source_block block;
    uint32_t count = 0;
    int rc = source_next_block(f->source, &block, NULL);
    for (; rc == 1; rc = source_next_block(f->source, &block, NULL)) {
        assert_int_equal(block.source, 5);
        assert_int_equal(block.order & 0xffffff,
                         count); /* since the epoch began, if all are read */
        assert_string_equal(block.partition_name, "stdin");
        struct source_done done;
        assert_int_equal(received_read(&f->x, block.start, block.end, into, &done), 0);
        source_block_done(f->source, &block, &done);
        count++;
    }
    assert_int_equal(rc, 0);
    return count;
}

static void expect_blocks(struct fixture *f, const char *text, uint32_t count)
{
    struct buffer all;
    buffer_init(&all, 1 << 20);
    assert_int_equal(read_blocks(f, &all), count);
    assert_int_equal(all.size, strlen(text));
    assert_memory_equal(all.size == 0 ? "" : all.data, text, all.size);
    buffer_deinit(&all);
}

static void commit(struct fixture *f)
{
    assert_int_equal(source_prepare(f->source, NULL), 0);
    struct store_batch *batch = store_batch_create();
    assert_int_equal(source_commit_into(f->source, batch, NULL), 0);
    assert_int_equal(store_write(f->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    source_committed(f->source);
}

static void what_arrives_is_handed_out_while_the_epoch_runs(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(plan(f, 1000), 0);
    expect_blocks(f, "", 0);
    assert_false(source_is_waiting(f->source));
    received_lines(&f->x, "a\nb\n");
    expect_blocks(f, "a\nb\n", 1);
    commit(f);
    received_lines(&f->x, "c\n");
    assert_int_equal(receiver_source_left(f->source), 2);
    assert_int_equal(receiver_source_handed(f->source), 4);
    assert_int_equal(plan(f, 1000), 2);
    expect_blocks(f, "c\n", 1);
    assert_int_equal(receiver_source_handed(f->source), 6);
    commit(f);
    assert_int_equal(receiver_source_left(f->source), 0);
}

static void a_restart_goes_on_behind_the_last_commit(void **state)
{
    struct fixture *f = *state;
    received_lines(&f->x, "a\nb\n");
    plan(f, 1000);
    expect_blocks(f, "a\nb\n", 1);
    commit(f);
    received_lines(&f->x, "c\n");
    plan(f, 1000);
    expect_blocks(f, "c\n", 1); /* not committed */
    reopen(f, false);
    plan(f, 1000);
    expect_blocks(f, "c\n", 1);
    commit(f);
    reopen(f, false);
    assert_int_equal(plan(f, 1000), 0);
}

static void a_share_ends_with_a_line(void **state)
{
    struct fixture *f = *state;
    received_lines(&f->x, "aaa\nbbb\nccc\nddd\n");
    assert_int_equal(plan(f, 6), 6);
    expect_blocks(f, "aaa\nbbb\n", 1);
    commit(f);
    reopen(f, false);
    assert_int_equal(plan(f, 4), 4); /* exactly a line */
    expect_blocks(f, "ccc\n", 1);
    commit(f);
    assert_int_equal(plan(f, 1), 1);
    expect_blocks(f, "ddd\n", 1);
}

static void a_limit_ends_an_epoch_with_its_last_line(void **state)
{
    struct fixture *f = *state;
    f->records_max = 3;
    reopen(f, false);
    received_lines(&f->x, "a\nb\n");
    plan(f, 1000);
    expect_blocks(f, "a\nb\n", 1);
    received_lines(&f->x, "c\nd\n");
    assert_false(source_is_drained(f->source));
    struct source_block block;
    struct source_done done = {.next = 6};
    assert_int_equal(source_next_block(f->source, &block, NULL), 1);
    assert_int_equal(block.start, 4);
    assert_int_equal(block.end, 6);
    source_block_done(f->source, &block, &done);
    expect_blocks(f, "", 0);
    assert_false(source_is_drained(f->source));
    source_abandon(f->source);
    plan(f, 1000);
    expect_blocks(f, "a\nb\nc\n", 1);
    commit(f);
    received_lines(&f->x, "e\n");
    plan(f, 1); /* the share is less */
    expect_blocks(f, "d\n", 1);
    commit(f);
    plan(f, 1000);
    expect_blocks(f, "e\n", 1);
    assert_true(source_is_drained(f->source));
}

static void once_does_not_wait_behind_a_limit(void **state)
{
    struct fixture *f = *state;
    f->records_max = 2;
    reopen(f, true);
    received_lines(&f->x, "a\nb\nc\n");
    assert_int_equal(plan(f, 100), 100);
    expect_blocks(f, "", 0);
    assert_true(source_is_waiting(f->source));
    receiver_source_end_input(f->source);
    assert_false(source_is_drained(f->source)); /* who knows how many lines that is */
    expect_blocks(f, "a\nb\n", 1);
    assert_false(source_is_waiting(f->source));
    assert_false(source_is_drained(f->source));
    commit(f);
    plan(f, 100);
    expect_blocks(f, "c\n", 1);
    assert_true(source_is_drained(f->source));
}

static void a_rerun_reads_the_same(void **state)
{
    struct fixture *f = *state;
    received_lines(&f->x, "a\n");
    plan(f, 1000);
    expect_blocks(f, "a\n", 1);
    source_abandon(f->source);
    received_lines(&f->x, "later\n");
    for (int twice = 0; twice < 2; twice++) {
        expect_blocks(f, "a\n", 1);
        assert_false(source_is_waiting(f->source));
        source_abandon(f->source);
        assert_int_equal(plan(f, 1000), 2);
    }
    expect_blocks(f, "a\n", 1);
    commit(f);
    plan(f, 1000);
    expect_blocks(f, "later\n", 1);
}

static void a_rerun_of_nothing_reads_nothing(void **state)
{
    struct fixture *f = *state;
    plan(f, 1000);
    source_abandon(f->source);
    received_lines(&f->x, "a\n");
    expect_blocks(f, "", 0);
    commit(f);
    plan(f, 1000);
    expect_blocks(f, "a\n", 1);
}

static void once_waits_for_its_share_or_the_end(void **state)
{
    struct fixture *f = *state;
    reopen(f, true);
    assert_int_equal(plan(f, 6), 6);
    assert_true(source_is_waiting(f->source));
    received_lines(&f->x, "aaa\n");
    expect_blocks(f, "", 0); /* cut by size, not by time */
    received_lines(&f->x, "bbb\nccc\n");
    expect_blocks(f, "aaa\nbbb\n", 1);
    assert_false(source_is_waiting(f->source));
    assert_false(source_is_drained(f->source));
    commit(f);
    assert_int_equal(plan(f, 100), 100);
    expect_blocks(f, "", 0);
    assert_true(source_is_waiting(f->source));
    receiver_source_end_input(f->source);
    assert_false(source_is_waiting(f->source));
    assert_true(source_is_drained(f->source));
    expect_blocks(f, "ccc\n", 1);
    commit(f);
    assert_int_equal(plan(f, 100), 0);
    assert_true(source_is_drained(f->source));
}

static void once_goes_on_when_nothing_can_be_received(void **state)
{
    struct fixture *f = *state;
    reopen(f, true);
    plan(f, 100);
    receiver_source_block_input(f->source, true);
    assert_true(source_is_waiting(f->source)); /* nothing to commit */
    received_lines(&f->x, "aaa\n");
    expect_blocks(f, "aaa\n", 1);
    assert_false(source_is_waiting(f->source));
    assert_false(source_is_drained(f->source));
    commit(f);
    receiver_source_block_input(f->source, false);
    plan(f, 100);
    assert_true(source_is_waiting(f->source));
}

static void segments_that_were_read_are_deleted(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 30; i++) {
        received_lines(&f->x, "a line of some length\n");
    }
    assert_true(received_files(&f->x) > 3);
    plan(f, 1000);
    struct buffer all;
    buffer_init(&all, 1 << 20);
    read_blocks(f, &all);
    buffer_deinit(&all);
    commit(f);
    plan(f, 1000);
    commit(f);
    assert_int_equal(received_files(&f->x), 1);
}

static void a_log_that_was_lost_is_refused(void **state)
{
    struct fixture *f = *state;
    received_lines(&f->x, "a\n");
    plan(f, 1000);
    expect_blocks(f, "a\n", 1);
    commit(f);
    source_close(f->source);
    received_harm(&f->x, 0, 0, 10, 0);
    struct error e = {0};
    assert_int_equal(open_source(f, &e), MILL_EREFUSED);
    assert_non_null(strstr(e.message, "saved up to byte 42"));
    store_close(f->store);
    f->store = store_create_memory(); /* a new store has read nothing, and its log is torn */
    assert_int_equal(open_source(f, NULL), 0);
    assert_int_equal(plan(f, 1000), 0);
}

static void a_damaged_position_is_refused_by_its_key(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {0, 15, 17, 5000};
    char bytes[5000] = {0};
    char key[3] = {'l', 0, STORE_ID};
    source_close(f->source);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct store_batch *batch = store_batch_create();
        struct error e = {0};
        store_batch_put(batch, STORE_META, (struct slice){key, 3}, (struct slice){bytes, sizes[i]});
        assert_int_equal(store_write(f->store, batch, true, NULL), 0);
        store_batch_destroy(batch);
        assert_int_equal(open_source(f, &e), MILL_ECORRUPT);
        assert_non_null(strstr(e.message, "l/7"));
    }
    store_close(f->store);
    f->store = store_create_memory();
    assert_int_equal(open_source(f, NULL), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_arrives_is_handed_out_while_the_epoch_runs),
        CASE(a_restart_goes_on_behind_the_last_commit),
        CASE(a_share_ends_with_a_line),
        CASE(a_limit_ends_an_epoch_with_its_last_line),
        CASE(once_does_not_wait_behind_a_limit),
        CASE(a_rerun_reads_the_same),
        CASE(a_rerun_of_nothing_reads_nothing),
        CASE(once_waits_for_its_share_or_the_end),
        CASE(once_goes_on_when_nothing_can_be_received),
        CASE(segments_that_were_read_are_deleted),
        CASE(a_log_that_was_lost_is_refused),
        CASE(a_damaged_position_is_refused_by_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

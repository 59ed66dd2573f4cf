/* Goal: an epoch's ranges follow from what is known and from its share of bytes; blocks lie at
 * fixed offsets whatever was handed out before; a rerun hands out the same blocks and no others.
 * Method: a registry filled by hand, files that are never read. */
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "io/file_plan.h"
#include "testing.h"

#define BLOCK LIMIT_BLOCK_BYTES

struct fixture {
    struct file_registry registry;
    struct file_plan plan;
};

static int begin(void **state)
{
    struct fixture *f = memory_zero(1, sizeof *f);
    file_registry_init(&f->registry);
    file_plan_init(&f->plan);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    file_plan_deinit(&f->plan);
    file_registry_deinit(&f->registry);
    memory_free(f);
    return 0;
}

/* Files of these sizes, not yet read; serials from 0 on. */
static void know(struct fixture *f, const uint64_t *sizes, uint32_t count, bool packed)
{
    struct listed_file *files = memory_zero(count + 1, sizeof *files);
    for (uint32_t i = 0; i < count; i++) {
        files[i] = (struct listed_file){packed ? "x.gz" : "x", {1, i + 1, 1}, sizes[i], 0};
    }
    struct file_list list = {.files = files, .count = count};
    struct file_moment when = {.now_ms = 1000000, .elapsed_us = 1};
    file_registry_match(&f->registry, &list, &when);
    assert_int_equal(file_registry_settle(&f->registry, true, NULL), 0);
    memory_free(files);
}

/* An open file without a file. */
static struct input_file *no_file(void)
{
    struct input_file *file = memory_zero(1, sizeof *file);
    file->fd = -1;
    return file;
}

/* @return false: all was handed out */
static bool cut(struct fixture *f, struct source_block *block)
{
    struct file_range *range = file_plan_current(&f->plan);
    if (range == NULL) {
        return false;
    }
    if (range->file == NULL) {
        range->file = no_file();
    }
    if (range->path == NULL) {
        range->path = memory_text("x");
    }
    file_plan_peek(&f->plan, 3, block);
    file_plan_take(&f->plan, block);
    return true;
}

static void expect_block(struct fixture *f, uint64_t partition, uint64_t start, uint64_t end)
{
    struct source_block block;
    assert_true(cut(f, &block));
    assert_int_equal(block.partition, partition);
    assert_int_equal(block.start, start);
    assert_int_equal(block.end, end);
}

static void expect_end(struct fixture *f)
{
    assert_null(file_plan_current(&f->plan));
}

static void files_come_in_order_of_their_numbers_up_to_the_share(void **state)
{
    struct fixture *f = *state;
    know(f, (uint64_t[]){10, 0, 20, 30}, 4, false);
    file_plan_make(&f->plan, &f->registry, 1000);
    assert_int_equal(f->plan.bytes, 60);
    expect_block(f, 0, 0, 10);
    expect_block(f, 2, 0, 20); /* an empty file is nothing */
    expect_block(f, 3, 0, 30);
    expect_end(f);
    file_plan_make(&f->plan, &f->registry, 10);
    assert_int_equal(f->plan.bytes, 10);
    expect_block(f, 0, 0, 10);
    expect_end(f);
}

static void a_share_ends_in_a_file_and_leaves_it_its_limit(void **state)
{
    struct fixture *f = *state;
    know(f, (uint64_t[]){10, 20}, 2, false);
    file_plan_make(&f->plan, &f->registry, 17);
    assert_int_equal(f->plan.bytes, 17);
    struct source_block block;
    assert_true(cut(f, &block));
    assert_true(cut(f, &block));
    assert_int_equal(block.start, 0);
    assert_int_equal(block.end, 7);
    assert_int_equal(block.limit, 20);
    expect_end(f);
}

static void a_share_of_nothing_is_nothing(void **state)
{
    struct fixture *f = *state;
    know(f, (uint64_t[]){10}, 1, false);
    file_plan_make(&f->plan, &f->registry, 0);
    assert_int_equal(f->plan.bytes, 0);
    expect_end(f);
}

static void blocks_lie_at_fixed_offsets_of_the_file(void **state)
{
    struct fixture *f = *state;
    know(f, (uint64_t[]){3 * BLOCK + 5}, 1, false);
    f->registry.files[0].offset = BLOCK + 7;
    file_plan_make(&f->plan, &f->registry, UINT64_MAX);
    struct source_block block;
    assert_true(cut(f, &block));
    assert_int_equal(block.start, BLOCK + 7);
    assert_int_equal(block.end, 2 * BLOCK);
    assert_int_equal(block.bytes, BLOCK - 7);
    assert_true(block.starts_a_record);
    assert_true(cut(f, &block));
    assert_int_equal(block.start, 2 * BLOCK);
    assert_int_equal(block.end, 3 * BLOCK);
    assert_false(block.starts_a_record);
    assert_true(cut(f, &block));
    assert_int_equal(block.end, 3 * BLOCK + 5);
    assert_int_equal(block.limit, 3 * BLOCK + 5);
    expect_end(f);
}

static void blocks_are_numbered_within_the_epoch(void **state)
{
    struct fixture *f = *state;
    know(f, (uint64_t[]){BLOCK + 1, 1}, 2, false);
    for (int round = 0; round < 2; round++) {
        file_plan_make(&f->plan, &f->registry, UINT64_MAX);
        for (uint64_t i = 0; i < 3; i++) {
            struct source_block block;
            assert_true(cut(f, &block));
            assert_int_equal(block.source, 3);
            assert_int_equal(block.order, SOURCE_ORDER(3, i));
            assert_string_equal(block.partition_name, "x");
        }
    }
}

static void a_packed_file_is_one_block_whatever_the_share(void **state)
{
    struct fixture *f = *state;
    know(f, (uint64_t[]){100, 100, 100}, 3, true);
    f->registry.files[0].packed_size = 40;
    f->registry.files[0].offset = 1000;
    file_plan_make(&f->plan, &f->registry, 70);
    assert_int_equal(f->plan.bytes, 160);
    struct source_block block;
    assert_true(cut(f, &block));
    assert_int_equal(block.start, 1000);
    assert_int_equal(block.end, UINT64_MAX);
    assert_int_equal(block.bytes, 60);
    assert_int_equal(block.limit, UINT64_MAX);
    assert_true(block.starts_a_record && block.takes_unfinished);
    expect_block(f, 1, 0, UINT64_MAX);
    expect_end(f);
}

static void the_range_of_a_stream_is_one_block(void **state)
{
    struct fixture *f = *state;
    struct source_block block;
    f->plan.is_stream = true;
    know(f, (uint64_t[]){3 * BLOCK, BLOCK}, 2, false);
    file_plan_make(&f->plan, &f->registry, 2 * BLOCK + 5);
    assert_true(cut(f, &block));
    assert_true(block.is_stream && block.starts_a_record);
    assert_int_equal(block.start, 0);
    assert_int_equal(block.end, 2 * BLOCK + 5);
    assert_int_equal(block.limit, 3 * BLOCK);
    assert_int_equal(block.bytes, 2 * BLOCK + 5);
    assert_false(cut(f, &block));
}

static void an_unfinished_line_counts_when_the_file_stands_still(void **state)
{
    struct fixture *f = *state;
    know(f, (uint64_t[]){10, 10}, 2, false);
    f->registry.files[1].is_still = false;
    file_plan_make(&f->plan, &f->registry, 100);
    struct source_block block;
    assert_true(cut(f, &block));
    assert_true(block.takes_unfinished);
    assert_true(cut(f, &block));
    assert_false(block.takes_unfinished);
}

static void a_dropped_range_is_passed_over(void **state)
{
    struct fixture *f = *state;
    know(f, (uint64_t[]){10, 10, 10}, 3, false);
    file_plan_make(&f->plan, &f->registry, 100);
    expect_block(f, 0, 0, 10);
    file_plan_drop(&f->plan);
    assert_int_equal(f->plan.bytes, 20);
    expect_block(f, 2, 0, 10);
    expect_end(f);
}

static void an_end_drops_what_lies_behind_it(void **state)
{
    struct fixture *f = *state;
    know(f, (uint64_t[]){10, 3 * BLOCK, 20}, 3, false);
    file_plan_make(&f->plan, &f->registry, UINT64_MAX);
    assert_false(file_plan_is_through(&f->plan));
    expect_block(f, 0, 0, 10);
    expect_block(f, 1, 0, BLOCK);
    struct source_block block;
    assert_int_equal(file_plan_current(&f->plan)->serial, 1);
    file_plan_peek(&f->plan, 3, &block);
    block.end = BLOCK + 5;
    file_plan_end(&f->plan, block.end);
    assert_int_equal(f->plan.bytes, 10 + BLOCK + 5);
    file_plan_take(&f->plan, &block);
    assert_true(file_plan_is_through(&f->plan));
    expect_end(f);
    file_plan_rewind(&f->plan);
    assert_int_equal(f->plan.bytes, 10 + BLOCK + 5);
    expect_block(f, 0, 0, 10);
    expect_block(f, 1, 0, BLOCK);
    expect_block(f, 1, BLOCK, BLOCK + 5);
    expect_end(f);
}

static void an_end_takes_a_packed_file_whole_or_not(void **state)
{
    struct fixture *f = *state;
    know(f, (uint64_t[]){100, 70}, 2, true);
    file_plan_make(&f->plan, &f->registry, 1000);
    file_plan_end(&f->plan, UINT64_MAX);
    assert_int_equal(f->plan.bytes, 100);
    expect_block(f, 0, 0, UINT64_MAX);
    expect_end(f);
    file_plan_make(&f->plan, &f->registry, 1000);
    expect_block(f, 0, 0, UINT64_MAX);
    file_plan_current(&f->plan);
    file_plan_end(&f->plan, 0);
    assert_int_equal(f->plan.bytes, 100);
    assert_true(file_plan_is_through(&f->plan));
    expect_end(f);
}

static void a_rerun_hands_out_what_was_handed_out_and_no_more(void **state)
{
    struct fixture *f = *state;
    know(f, (uint64_t[]){10, 3 * BLOCK, 20}, 3, false);
    file_plan_make(&f->plan, &f->registry, UINT64_MAX);
    expect_block(f, 0, 0, 10);
    expect_block(f, 1, 0, BLOCK);
    expect_block(f, 1, BLOCK, 2 * BLOCK);
    for (int rerun = 0; rerun < 3; rerun++) {
        file_plan_rewind(&f->plan);
        assert_int_equal(f->plan.bytes, 10 + 2 * BLOCK);
        assert_int_equal(f->plan.in_flight, 0);
        expect_block(f, 0, 0, 10);
        if (rerun == 1) {
            continue; /* a rerun that is itself abandoned early takes nothing away */
        }
        expect_block(f, 1, 0, BLOCK);
        expect_block(f, 1, BLOCK, 2 * BLOCK);
        expect_end(f);
    }
}

static void a_rerun_of_nothing_hands_out_nothing(void **state)
{
    struct fixture *f = *state;
    know(f, (uint64_t[]){10}, 1, false);
    file_plan_make(&f->plan, &f->registry, 100);
    file_plan_rewind(&f->plan);
    assert_int_equal(f->plan.bytes, 0);
    expect_end(f);
}

static void a_packed_file_is_handed_out_again_whole_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    know(f, (uint64_t[]){100, 100}, 2, true);
    file_plan_make(&f->plan, &f->registry, 1000);
    expect_block(f, 0, 0, UINT64_MAX);
    file_plan_rewind(&f->plan);
    assert_int_equal(f->plan.bytes, 100);
    expect_block(f, 0, 0, UINT64_MAX);
    expect_end(f);
}

static void blocks_may_be_done_in_any_order(void **state)
{
    struct fixture *f = *state;
    know(f, (uint64_t[]){2 * BLOCK, 5}, 2, false);
    file_plan_make(&f->plan, &f->registry, UINT64_MAX);
    struct source_block blocks[3];
    for (int i = 0; i < 3; i++) {
        assert_true(cut(f, &blocks[i]));
    }
    assert_int_equal(f->plan.in_flight, 3);
    assert_int_equal(file_plan_done(&f->plan, &blocks[2])->serial, 1);
    assert_int_equal(file_plan_done(&f->plan, &blocks[1])->serial, 0);
    assert_int_equal(file_plan_done(&f->plan, &blocks[0])->serial, 0);
    assert_int_equal(f->plan.in_flight, 0);
}

static uint32_t count_open(const struct file_plan *p)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        count += p->ranges[i].file != NULL;
    }
    return count;
}

static uint32_t open_after(struct fixture *f, uint32_t file_count)
{
    uint64_t sizes[200];
    for (uint32_t i = 0; i < file_count; i++) {
        sizes[i] = 10;
    }
    know(f, sizes, file_count, false);
    file_plan_make(&f->plan, &f->registry, UINT64_MAX);
    struct source_block block;
    while (cut(f, &block)) {
        assert_true(count_open(&f->plan) <= 65);
        (void)file_plan_done(&f->plan, &block);
    }
    return count_open(&f->plan);
}

static void the_files_of_a_short_plan_stay_open_for_a_rerun(void **state)
{
    assert_int_equal(open_after(*state, 64), 64);
}

static void a_long_plan_does_not_use_up_the_descriptors(void **state)
{
    assert_int_equal(open_after(*state, 200), 0);
}

static void a_file_stays_open_while_a_block_of_it_is_out(void **state)
{
    struct fixture *f = *state;
    uint64_t sizes[65] = {2 * BLOCK};
    for (uint32_t i = 1; i < 65; i++) {
        sizes[i] = 10;
    }
    know(f, sizes, 65, false);
    file_plan_make(&f->plan, &f->registry, UINT64_MAX);
    struct source_block first;
    struct source_block second;
    assert_true(cut(f, &first));
    (void)file_plan_done(&f->plan, &first);
    assert_int_equal(count_open(&f->plan), 1); /* more of it is to be handed out */
    file_plan_rewind(&f->plan);
    file_plan_make(&f->plan, &f->registry, UINT64_MAX);
    assert_true(cut(f, &first));
    assert_true(cut(f, &second));
    (void)file_plan_done(&f->plan, &second);
    assert_int_equal(count_open(&f->plan), 1);
    (void)file_plan_done(&f->plan, &first);
    assert_int_equal(count_open(&f->plan), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(files_come_in_order_of_their_numbers_up_to_the_share),
        CASE(a_share_ends_in_a_file_and_leaves_it_its_limit),
        CASE(a_share_of_nothing_is_nothing),
        CASE(blocks_lie_at_fixed_offsets_of_the_file),
        CASE(blocks_are_numbered_within_the_epoch),
        CASE(a_packed_file_is_one_block_whatever_the_share),
        CASE(the_range_of_a_stream_is_one_block),
        CASE(an_unfinished_line_counts_when_the_file_stands_still),
        CASE(a_dropped_range_is_passed_over),
        CASE(an_end_drops_what_lies_behind_it),
        CASE(an_end_takes_a_packed_file_whole_or_not),
        CASE(a_rerun_hands_out_what_was_handed_out_and_no_more),
        CASE(a_rerun_of_nothing_hands_out_nothing),
        CASE(a_packed_file_is_handed_out_again_whole_or_not_at_all),
        CASE(blocks_may_be_done_in_any_order),
        CASE(the_files_of_a_short_plan_stay_open_for_a_rerun),
        CASE(a_long_plan_does_not_use_up_the_descriptors),
        CASE(a_file_stays_open_while_a_block_of_it_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

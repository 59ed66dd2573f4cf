/* Goal: files appear under their names once, whole, after their epoch was committed; rows that
 * collect in an open file (roll) are cut to what was committed, and the file ends when it must.
 * Method: one output on a disk that loses power, epoch by epoch; each test tells one story. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "io/file_output.h"
#include "output_world.h"
#include "state/keys.h"

#define HIDDEN "out/" WORLD_HIDDEN

static struct output_world *rolling(void **state, int64_t roll_ms, uint64_t roll_bytes)
{
    struct output_world *w = *state;
    w->graph.roll_ms = roll_ms;
    w->graph.roll_bytes = roll_bytes;
    assert_int_equal(world_open(w), 0);
    return w;
}

/* An epoch whose C is given. */
static void epoch_at(struct output_world *w, const char *rows, int64_t clock_ms)
{
    assert_int_equal(world_prepare(w, rows, clock_ms, false), 0);
    world_commit(w);
    assert_int_equal(world_publish(w), 0);
}

static enum manifest_kind kind_of(const struct output_world *w)
{
    struct manifest m;
    assert_int_equal(manifest_decode((struct slice){w->manifest.data, w->manifest.size}, &m, NULL),
                     0);
    return m.kind;
}

/* --- without roll --- */

static void a_part_has_the_name_of_its_epoch(void **state)
{
    struct output_world *w = rolling(state, 0, 0);
    world_epoch(w, NULL);
    world_epoch(w, "[1]\n[2]");
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_list(w, "out"), WORLD_HIDDEN " part-1a2b3c4d-0000000002-0000.json");
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000002-0000.json"), "[1]\n[2]\n");
}

static void text_parts_end_in_txt(void **state)
{
    struct output_world *w = *state;
    w->graph.format = FORMAT_TEXT;
    assert_int_equal(world_open(w), 0);
    world_epoch(w, "a");
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000001-0000.txt"), "a\n");
}

static void an_epoch_without_rows_leaves_nothing(void **state)
{
    struct output_world *w = rolling(state, 0, 0);
    world_epoch(w, NULL);
    assert_int_equal(w->manifest.size, 0);
    assert_int_equal(publisher_waiting(&w->publisher), 0);
    assert_string_equal(world_list(w, HIDDEN), "STORE");
}

static void what_was_not_committed_is_never_seen(void **state)
{
    struct output_world *w = rolling(state, 0, 0);
    assert_int_equal(world_prepare(w, "[1]", 1000, false), 0);
    assert_string_equal(world_list(w, HIDDEN), "STORE epoch-5-0000000001");
    world_crash(w, 100);
    assert_string_equal(world_list(w, HIDDEN), "STORE");
    assert_string_equal(world_list(w, "out"), WORLD_HIDDEN);
}

static void what_was_committed_is_published_after_any_crash(void **state)
{
    struct output_world *w = rolling(state, 0, 0);
    world_epoch(w, "[1]");
    world_crash(w, 0);
    assert_int_equal(world_publish(w), 0);
    world_crash(w, 0);
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000001-0000.json"), "[1]\n");
}

static void an_epoch_that_is_prepared_again_has_its_last_rows_only(void **state)
{
    struct output_world *w = rolling(state, 0, 0);
    assert_int_equal(world_prepare(w, "[1]\n[2]\n[3]", 1000, false), 0);
    world_epoch(w, "[4]");
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000001-0000.json"), "[4]\n");
}

static void a_full_disk_is_said_with_the_label(void **state)
{
    struct output_world *w = rolling(state, 0, 0);
    fake_disk_fail(w->fake, 1, MILL_ENOSPC);
    assert_int_equal(world_prepare(w, "[1]", 1000, false), MILL_ENOSPC);
    assert_non_null(strstr(w->error.message, "to_files at job.lua:9: "));
    world_epoch(w, "[1]");
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000001-0000.json"), "[1]\n");
}

/* Its rows would be missed when they are published. */
static void rows_in_a_folder_that_is_another_are_refused(void **state)
{
    struct output_world *w = rolling(state, 0, 0);
    world_epoch(w, "[1]");
    assert_int_equal(disk_remove(&w->disk, HIDDEN "/STORE", NULL), 0);
    assert_int_equal(world_prepare(w, "[2]", 1000, false), MILL_EREFUSED);
    assert_non_null(strstr(w->error.message, "not mounted?"));
}

static void rows_in_a_folder_that_is_gone_are_refused(void **state)
{
    struct output_world *w = rolling(state, 0, 0);
    assert_int_equal(disk_remove(&w->disk, HIDDEN "/STORE", NULL), 0);
    assert_int_equal(disk_remove_folder(&w->disk, HIDDEN, NULL), 0);
    assert_int_equal(world_prepare(w, "[1]", 1000, false), MILL_EREFUSED);
    assert_non_null(strstr(w->error.message, "to_files at job.lua:9: "));
    assert_non_null(strstr(w->error.message, "not mounted?"));
}

static struct disk whole; /* what look_elsewhere stands before */

static int look_elsewhere(void *context, const char *path, struct disk_entry *entry,
                          struct error *e)
{
    if (strstr(path, "epoch-") != NULL) {
        *entry = (struct disk_entry){0};
        return 0;
    }
    return whole.ops->look(context, path, entry, e);
}

static void rows_that_went_into_another_folder_are_missed_at_once(void **state)
{
    struct output_world *w = rolling(state, 0, 0);
    whole = w->disk;
    struct disk_ops ops = *whole.ops;
    ops.look = look_elsewhere;
    w->disk.ops = &ops;
    assert_int_equal(world_prepare(w, "[1]", 1000, false), MILL_EREFUSED);
    assert_non_null(strstr(w->error.message, "was its folder replaced?"));
    w->disk = whole;
}

/* --- with roll --- */

static void rows_collect_in_one_hidden_file(void **state)
{
    struct output_world *w = rolling(state, 0, 1000);
    world_epoch(w, NULL);
    world_epoch(w, "[1]");
    assert_int_equal(kind_of(w), MANIFEST_HELD);
    world_epoch(w, "[2]\n[3]");
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_list(w, "out"), WORLD_HIDDEN);
    assert_string_equal(world_list(w, HIDDEN), "STORE open-5-0000000002");
    assert_string_equal(world_read(w, HIDDEN "/open-5-0000000002"), "[1]\n[2]\n[3]\n");
    assert_true(w->output.roll.length == 12 && w->output.roll.rows == 3);
}

static void a_large_file_ends_with_the_epoch_that_makes_it_so(void **state)
{
    struct output_world *w = rolling(state, 0, 8);
    world_epoch(w, "[1]");
    assert_int_equal(kind_of(w), MANIFEST_HELD);
    world_epoch(w, "[2]");
    assert_int_equal(kind_of(w), MANIFEST_PART);
    assert_false(w->output.roll.is_open);
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000002-0000.json"), "[1]\n[2]\n");
    world_epoch(w, "[3]");
    assert_string_equal(world_list(w, HIDDEN), "STORE open-5-0000000003");
}

static void an_old_file_ends_at_its_time_on_the_clock(void **state)
{
    struct output_world *w = rolling(state, 600, 0);
    epoch_at(w, "[1]", 5000);
    epoch_at(w, "[2]", 5599);
    assert_string_equal(world_list(w, "out"), WORLD_HIDDEN);
    epoch_at(w, "[3]", 5600);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000003-0000.json"), "[1]\n[2]\n[3]\n");
}

static void the_time_being_up_without_rows_ends_it(void **state)
{
    struct output_world *w = rolling(state, 600, 0);
    epoch_at(w, "[1]", 5000);
    epoch_at(w, NULL, 5599);
    assert_string_equal(world_list(w, "out"), WORLD_HIDDEN);
    epoch_at(w, NULL, 5600);
    assert_string_equal(world_list(w, HIDDEN), "STORE");
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000003-0000.json"), "[1]\n");
    epoch_at(w, NULL, 9000);
    assert_int_equal(w->manifest.size, 0);
}

static void the_last_epoch_ends_it(void **state)
{
    struct output_world *w = rolling(state, 600, 1000);
    world_epoch(w, "[1]");
    assert_int_equal(world_prepare(w, NULL, 1001, true), 0);
    world_commit(w);
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_list(w, HIDDEN), "STORE");
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000002-0000.json"), "[1]\n");
}

static void a_file_of_one_epoch_can_be_the_last_too(void **state)
{
    struct output_world *w = rolling(state, 600, 0);
    assert_int_equal(world_prepare(w, "[1]", 1000, true), 0);
    world_commit(w);
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000001-0000.json"), "[1]\n");
}

static void what_stands_behind_the_committed_length_is_cut(void **state)
{
    struct output_world *w = rolling(state, 0, 1000);
    world_epoch(w, "[1]");
    assert_int_equal(world_prepare(w, "[2]\n[3]", 2000, false), 0);
    world_crash(w, 100);
    assert_string_equal(world_read(w, HIDDEN "/open-5-0000000001"), "[1]\n");
    world_epoch(w, "[4]");
    assert_string_equal(world_read(w, HIDDEN "/open-5-0000000001"), "[1]\n[4]\n");
}

static void what_was_cut_stays_cut_when_the_file_ends_without_rows(void **state)
{
    struct output_world *w = rolling(state, 0, 1000);
    world_epoch(w, "[1]");
    assert_int_equal(world_prepare(w, "[2]", 2000, false), 0);
    world_crash(w, 100);
    assert_int_equal(world_prepare(w, NULL, 2000, true), 0);
    world_commit(w);
    assert_int_equal(world_publish(w), 0);
    world_crash(w, 0);
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000002-0000.json"), "[1]\n");
}

/* It was abandoned after it was prepared, and the record that gave its row was skipped then. */
static void an_epoch_that_has_no_rows_the_second_time_leaves_none(void **state)
{
    struct output_world *w = rolling(state, 0, 1000);
    world_epoch(w, "[1]");
    assert_int_equal(world_prepare(w, "[2]", 2000, true), 0);
    assert_int_equal(world_prepare(w, NULL, 2000, true), 0);
    world_commit(w);
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000002-0000.json"), "[1]\n");
}

static void rows_that_were_prepared_twice_are_in_it_once(void **state)
{
    struct output_world *w = rolling(state, 0, 1000);
    world_epoch(w, "[1]");
    assert_int_equal(world_prepare(w, "[2]\n[3]\n[4]", 2000, false), 0);
    world_epoch(w, "[5]");
    assert_string_equal(world_read(w, HIDDEN "/open-5-0000000001"), "[1]\n[5]\n");
}

static void a_first_epoch_that_is_prepared_again_begins_the_file_anew(void **state)
{
    struct output_world *w = rolling(state, 0, 1000);
    assert_int_equal(world_prepare(w, "[1]\n[2]", 1000, false), 0);
    assert_false(w->output.roll.is_open);
    assert_int_equal(world_prepare(w, "[3]", 1000, false), 0);
    world_commit(w);
    assert_string_equal(world_read(w, HIDDEN "/open-5-0000000001"), "[3]\n");
    assert_int_equal(w->output.roll.length, 4);
}

static void the_open_file_goes_on_after_a_start(void **state)
{
    struct output_world *w = rolling(state, 600, 0);
    epoch_at(w, "[1]", 5000);
    world_crash(w, 0);
    assert_true(w->output.roll.is_open && w->output.roll.opened_ms == 5000);
    epoch_at(w, "[2]", 5600);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000002-0000.json"), "[1]\n[2]\n");
}

static void committed_rows_that_are_gone_are_refused(void **state)
{
    struct output_world *w = rolling(state, 600, 0);
    world_epoch(w, "[1]\n[2]");
    world_close(w);
    world_write(w, HIDDEN "/open-5-0000000001", "[1]\n");
    assert_int_equal(world_open(w), MILL_EREFUSED);
    assert_non_null(strstr(w->error.message, "shorter than committed"));
    world_close(w);
    assert_int_equal(disk_remove(&w->disk, HIDDEN "/open-5-0000000001", NULL), 0);
    assert_int_equal(world_open(w), MILL_EREFUSED);
    assert_non_null(strstr(w->error.message, "open-5-0000000001 is gone"));
}

static void an_open_file_of_many_starts_is_published_whole(void **state)
{
    struct output_world *w = rolling(state, 0, 16);
    world_epoch(w, "[1]");
    world_crash(w, 0);
    world_epoch(w, "[2]");
    world_crash(w, 0);
    world_epoch(w, "[3]\n[4]");
    assert_int_equal(kind_of(w), MANIFEST_PART);
    world_crash(w, 0);
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000003-0000.json"),
                        "[1]\n[2]\n[3]\n[4]\n");
}

static void other_rows_than_were_committed_are_damage(void **state)
{
    struct output_world *w = rolling(state, 600, 0);
    world_epoch(w, "[1]\n[2]");
    world_close(w);
    world_write(w, HIDDEN "/open-5-0000000001", "[1]\n[3]\n");
    assert_int_equal(world_open(w), MILL_ECORRUPT);
    assert_non_null(strstr(w->error.message, "open-5-0000000001 is damaged"));
}

static void a_damaged_record_of_the_open_file_is_an_error(void **state)
{
    struct output_world *w = rolling(state, 600, 0);
    world_epoch(w, "[1]");
    world_close(w);
    struct store_key key = store_key_roll(5);
    struct store_batch *batch = store_batch_create();
    store_batch_put(batch, STORE_META, store_key_slice(&key), (struct slice){"\1short", 6});
    assert_int_equal(store_write(w->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    assert_int_equal(world_open(w), MILL_ECORRUPT);
}

/* --- an open file whose output goes on elsewhere --- */

/* Start again with another script. */
static void restart(struct output_world *w)
{
    assert_int_equal(world_open(w), 0);
    assert_int_equal(world_publish(w), 0);
}

static void an_output_that_moves_leaves_its_file_closed(void **state)
{
    struct output_world *w = rolling(state, 600, 0);
    world_epoch(w, "[1]");
    assert_int_equal(world_prepare(w, "[2]", 2000, false), 0);
    world_close(w);
    w->graph.target = "elsewhere";
    restart(w);
    assert_false(w->output.roll.is_open);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000001-0000.json"), "[1]\n");
    assert_string_equal(world_list(w, HIDDEN), "STORE");
}

static void an_output_of_another_format_leaves_its_file_closed(void **state)
{
    struct output_world *w = rolling(state, 600, 0);
    world_epoch(w, "[1]");
    world_close(w);
    w->graph.format = FORMAT_TEXT;
    restart(w);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000001-0000.json"), "[1]\n");
}

static void an_output_that_rolls_no_more_leaves_its_file_closed(void **state)
{
    struct output_world *w = rolling(state, 600, 0);
    world_epoch(w, "[1]");
    world_close(w);
    w->graph.roll_ms = 0;
    restart(w);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000001-0000.json"), "[1]\n");
}

static void a_file_that_goes_on_is_not_closed(void **state)
{
    struct output_world *w = rolling(state, 600, 0);
    world_epoch(w, "[1]");
    world_close(w);
    restart(w);
    assert_true(w->output.roll.is_open);
    assert_string_equal(world_list(w, HIDDEN), "STORE open-5-0000000001");
}

/* --- folders --- */

static void each_batch_has_its_folder(void **state)
{
    struct output_world *w = *state;
    w->graph =
        (struct graph_output){.kind = OUTPUT_FOLDERS, .format = FORMAT_TEXT, .target = "all/words"};
    assert_int_equal(world_open(w), 0);
    world_epoch(w, "a\nb");
    world_epoch(w, NULL);
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_list(w, "all"), WORLD_HIDDEN " words-1000 words-2000");
    assert_string_equal(world_read(w, "all/words-1000/part-1a2b3c4d-0000000001-0000.txt"),
                        "a\nb\n");
    assert_string_equal(world_list(w, "all/words-2000"), "");
}

static void a_folder_has_the_suffix_behind_a_point(void **state)
{
    struct output_world *w = *state;
    w->graph = (struct graph_output){
        .kind = OUTPUT_FOLDERS, .format = FORMAT_TEXT, .target = "words", .suffix = "txt"};
    assert_int_equal(world_open(w), 0);
    world_epoch(w, NULL);
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_list(w, "words-1000.txt"), "");
}

static void a_folder_and_its_rows_outlast_a_crash_at_any_point(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < rounds(200); seed++) {
        void *own = NULL;
        output_world_begin(&own);
        struct output_world *x = own;
        struct chance chance = {seed};
        x->graph = (struct graph_output){
            .kind = OUTPUT_FOLDERS, .format = FORMAT_TEXT, .target = "all/words"};
        assert_int_equal(world_open(x), 0);
        world_epoch(x, "a\nb");
        fake_disk_fail(x->fake, 1 + chance_below(&chance, 12), MILL_EIO);
        (void)world_publish(x);
        fake_disk_fail(x->fake, 0, 0);
        world_crash(x, chance_below(&chance, 101));
        assert_int_equal(world_publish(x), 0);
        assert_string_equal(world_read(x, "all/words-1000/part-1a2b3c4d-0000000001-0000.txt"),
                            "a\nb\n");
        output_world_end(&own);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, output_world_begin, output_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_part_has_the_name_of_its_epoch),
        TEST(text_parts_end_in_txt),
        TEST(an_epoch_without_rows_leaves_nothing),
        TEST(what_was_not_committed_is_never_seen),
        TEST(what_was_committed_is_published_after_any_crash),
        TEST(an_epoch_that_is_prepared_again_has_its_last_rows_only),
        TEST(a_full_disk_is_said_with_the_label),
        TEST(rows_in_a_folder_that_is_another_are_refused),
        TEST(rows_in_a_folder_that_is_gone_are_refused),
        TEST(rows_that_went_into_another_folder_are_missed_at_once),
        TEST(rows_collect_in_one_hidden_file),
        TEST(a_large_file_ends_with_the_epoch_that_makes_it_so),
        TEST(an_old_file_ends_at_its_time_on_the_clock),
        TEST(the_time_being_up_without_rows_ends_it),
        TEST(the_last_epoch_ends_it),
        TEST(a_file_of_one_epoch_can_be_the_last_too),
        TEST(what_stands_behind_the_committed_length_is_cut),
        TEST(what_was_cut_stays_cut_when_the_file_ends_without_rows),
        TEST(an_epoch_that_has_no_rows_the_second_time_leaves_none),
        TEST(rows_that_were_prepared_twice_are_in_it_once),
        TEST(a_first_epoch_that_is_prepared_again_begins_the_file_anew),
        TEST(the_open_file_goes_on_after_a_start),
        TEST(committed_rows_that_are_gone_are_refused),
        TEST(an_open_file_of_many_starts_is_published_whole),
        TEST(other_rows_than_were_committed_are_damage),
        TEST(a_damaged_record_of_the_open_file_is_an_error),
        TEST(an_output_that_moves_leaves_its_file_closed),
        TEST(an_output_of_another_format_leaves_its_file_closed),
        TEST(an_output_that_rolls_no_more_leaves_its_file_closed),
        TEST(a_file_that_goes_on_is_not_closed),
        TEST(each_batch_has_its_folder),
        TEST(a_folder_has_the_suffix_behind_a_point),
        cmocka_unit_test(a_folder_and_its_rows_outlast_a_crash_at_any_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: what was committed goes out once or, after a crash, at least once; in the order of epochs;
 * never what is damaged; and marks and rows in outbox/ live exactly as long as they are needed.
 * Method: one output at a time on a disk that loses power, with sinks that fail when told to. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/memory.h"
#include "io/publish.h"
#include "output_world.h"
#include "state/keys.h"

static struct output_world *world_of(void **state, enum graph_output_kind kind)
{
    struct output_world *w = *state;
    w->graph = (struct graph_output){.kind = kind, .format = FORMAT_JSON, .target = "out"};
    if (kind == OUTPUT_BATCH) {
        w->graph.format = FORMAT_ROWS;
    }
    assert_int_equal(world_open(w), 0);
    return w;
}

static void stdout_is(const struct output_world *w, const char *text)
{
    assert_int_equal(w->stdout_bytes.size, strlen(text));
    assert_memory_equal(w->stdout_bytes.data, text, strlen(text));
}

/* Rows of more than 64 KiB go through a file in outbox/. */
static char *many_rows(void)
{
    size_t size = LIMIT_INLINE_ROWS_BYTES + 300 * KIB;
    char *rows = memory_alloc(size + 1);
    for (size_t i = 0; i < size; i++) {
        rows[i] = i % 64 == 63 ? '\n' : (char)('a' + i % 23);
    }
    rows[size] = '\0';
    return rows;
}

static uint64_t mark(const struct output_world *w)
{
    struct store_key key = store_key_mark(5);
    struct buffer b;
    buffer_init(&b, 64);
    int rc = store_get(w->store, STORE_META, store_key_slice(&key), &b, NULL);
    uint64_t epoch = rc == 0 ? bytes_get_u64(b.data) : 0;
    buffer_deinit(&b);
    return epoch;
}

static uint32_t waiting_in_store(const struct output_world *w)
{
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(w->store, STORE_OUTBOX, none, none);
    struct slice key;
    struct slice value;
    uint32_t count = 0;
    while (store_next(i, &key, &value, NULL) == 1) {
        count++;
    }
    store_iterate_end(i);
    return count;
}

/* --- order --- */

static void epochs_go_out_in_order(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT);
    world_epoch(w, "1");
    world_epoch(w, "2\n3");
    world_epoch(w, NULL);
    world_epoch(w, "4");
    assert_int_equal(publisher_waiting(&w->publisher), 3);
    assert_int_equal(publisher_oldest(&w->publisher), 1);
    assert_int_equal(publisher_waiting_rows(&w->publisher), 4);
    assert_int_equal(publisher_step(&w->publisher, NULL), 1);
    stdout_is(w, "1\n");
    assert_int_equal(publisher_oldest(&w->publisher), 2);
    assert_int_equal(world_publish(w), 0);
    stdout_is(w, "1\n2\n3\n4\n");
    assert_int_equal(publisher_oldest(&w->publisher), 0);
}

static void they_do_after_a_start_too(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT);
    for (int i = 0; i < 12; i++) {
        char row[16];
        snprintf(row, sizeof row, "%d", i);
        world_epoch(w, row);
    }
    world_crash(w, 0);
    assert_int_equal(world_publish(w), 0);
    stdout_is(w, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n");
}

static void nothing_passes_an_epoch_that_fails(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT);
    world_epoch(w, "1");
    world_epoch(w, "2");
    w->sink_code = MILL_EPIPE;
    assert_int_equal(world_publish(w), MILL_EPIPE);
    assert_int_equal(world_publish(w), MILL_EPIPE);
    assert_int_equal(publisher_oldest(&w->publisher), 1);
    w->sink_code = 0;
    assert_int_equal(world_publish(w), 0);
    stdout_is(w, "1\n2\n");
}

/* --- marks --- */

static void a_mark_goes_into_the_next_commit(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT);
    world_epoch(w, "1");
    assert_int_equal(world_publish(w), 0);
    assert_int_equal(mark(w), 0);
    world_epoch(w, NULL);
    assert_int_equal(mark(w), 1);
    assert_int_equal(waiting_in_store(w), 0);
    world_crash(w, 0);
    assert_int_equal(world_publish(w), 0);
    stdout_is(w, "1\n");
}

static void without_its_mark_an_epoch_is_given_again(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT);
    world_epoch(w, "1\n2");
    assert_int_equal(world_publish(w), 0);
    world_crash(w, 100);
    assert_int_equal(world_publish(w), 0);
    stdout_is(w, "1\n2\n1\n2\n");
}

/* Publishing goes on while a batch is written: what came after the batch was built is in the next.
 */
static void what_is_published_during_a_commit_waits_for_the_next(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT);
    world_epoch(w, "1");
    world_epoch(w, "2");
    assert_int_equal(publisher_step(&w->publisher, NULL), 1);
    struct store_batch *batch = store_batch_create();
    publisher_commit_into(&w->publisher, batch);
    assert_int_equal(publisher_step(&w->publisher, NULL), 1);
    assert_int_equal(store_write(w->store, batch, true, NULL), 0);
    publisher_committed(&w->publisher);
    assert_int_equal(mark(w), 1);
    assert_int_equal(waiting_in_store(w), 1);
    store_batch_clear(batch);
    publisher_commit_into(&w->publisher, batch);
    assert_int_equal(store_write(w->store, batch, true, NULL), 0);
    publisher_committed(&w->publisher);
    assert_int_equal(mark(w), 2);
    assert_int_equal(waiting_in_store(w), 0);
    store_batch_clear(batch);
    publisher_commit_into(&w->publisher, batch);
    assert_int_equal(store_batch_bytes(batch), 0);
    store_batch_destroy(batch);
}

static void a_batch_that_was_not_written_is_built_again(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT);
    world_epoch(w, "1");
    assert_int_equal(world_publish(w), 0);
    struct store_batch *batch = store_batch_create();
    publisher_commit_into(&w->publisher, batch);
    store_batch_destroy(batch);
    world_epoch(w, NULL);
    assert_int_equal(mark(w), 1);
    assert_int_equal(waiting_in_store(w), 0);
}

/* --- idempotence --- */

static void a_part_can_be_published_again(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_FILES);
    world_epoch(w, "[1]");
    assert_int_equal(world_publish(w), 0);
    world_crash(w, 100);
    assert_int_equal(publisher_waiting(&w->publisher), 1);
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_read(w, "out/part-1a2b3c4d-0000000001-0000.json"), "[1]\n");
}

static void a_part_in_a_folder_that_is_another_is_refused(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_FILES);
    world_epoch(w, "[1]");
    assert_int_equal(disk_remove(&w->disk, "out/" WORLD_HIDDEN "/STORE", NULL), 0);
    assert_int_equal(disk_remove(&w->disk, "out/" WORLD_HIDDEN "/epoch-5-0000000001", NULL), 0);
    assert_int_equal(world_publish(w), MILL_EREFUSED);
    assert_non_null(strstr(w->error.message, "not mounted?"));
    assert_int_equal(publisher_waiting(&w->publisher), 1);
}

static struct disk whole; /* what look_and_leave and leave_unsynced stand before */

/* A part is refused where a disk does one thing in another way. */
static void expect_refused_by(struct output_world *w, const struct disk_ops *ops)
{
    world_epoch(w, "[1]");
    whole = w->disk;
    w->disk.ops = ops;
    assert_int_equal(world_publish(w), MILL_EREFUSED);
    w->disk = whole;
    assert_non_null(strstr(w->error.message, "not mounted?"));
    assert_int_equal(publisher_waiting(&w->publisher), 1);
}

/* The folder goes away before the file is looked for. */
static int look_and_leave(void *context, const char *path, struct disk_entry *entry,
                          struct error *e)
{
    (void)disk_remove(&whole, "out/" WORLD_HIDDEN "/STORE", NULL);
    (void)disk_remove(&whole, "out/" WORLD_HIDDEN "/epoch-5-0000000001", NULL);
    return whole.ops->look(context, path, entry, e);
}

static void a_part_in_a_folder_that_goes_meanwhile_is_refused(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_FILES);
    struct disk_ops ops = *w->disk.ops;
    ops.look = look_and_leave;
    expect_refused_by(w, &ops);
}

/* The folder goes away before its names are made safe. */
static int leave_unsynced(void *context, const char *path, struct error *e)
{
    (void)context;
    (void)disk_remove(&whole, "out/" WORLD_HIDDEN "/STORE", NULL);
    return error_set_system(e, ENOENT, "cannot open the folder %s", path);
}

static void a_part_whose_folder_goes_before_it_is_safe_is_refused(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_FILES);
    struct disk_ops ops = *w->disk.ops;
    ops.sync_folder = leave_unsynced;
    expect_refused_by(w, &ops);
}

static void a_batch_is_handed_over_again_after_its_function_failed(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_BATCH);
    world_epoch(w, "1\n2");
    w->sink_code = MILL_EFAILED;
    assert_int_equal(world_publish(w), MILL_EFAILED);
    w->sink_code = 0;
    assert_int_equal(world_publish(w), 0);
    assert_int_equal(w->batch_calls, 2);
    assert_int_equal(w->batch_bytes.size, 10);
    assert_memory_equal(w->batch_bytes.data, "\0\0\0\0011\0\0\0\0012", 10);
}

static void a_batch_function_is_called_without_rows_too(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_BATCH);
    world_epoch(w, NULL);
    assert_int_equal(world_publish(w), 0);
    assert_int_equal(w->batch_calls, 1);
    assert_int_equal(w->batch_bytes.size, 0);
}

/* --- rows in outbox/ --- */

static void many_rows_go_through_a_file_that_is_removed_with_its_mark(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT);
    char *rows = many_rows();
    world_epoch(w, rows);
    assert_string_equal(world_list(w, "data/outbox"), "0000000001-5");
    assert_true(publisher_names_rows(&w->publisher, "0000000001-5"));
    assert_false(publisher_names_rows(&w->publisher, "0000000002-5"));
    world_crash(w, 0);
    assert_int_equal(world_publish(w), 0);
    stdout_is(w, rows);
    assert_string_equal(world_list(w, "data/outbox"), "0000000001-5");
    world_epoch(w, NULL);
    assert_string_equal(world_list(w, "data/outbox"), "");
    memory_free(rows);
}

static void a_batch_s_file_is_handed_over_by_its_path(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_BATCH);
    char *rows = many_rows();
    world_epoch(w, rows);
    assert_int_equal(world_publish(w), 0);
    assert_true(w->batch_bytes.size > LIMIT_INLINE_ROWS_BYTES);
    memory_free(rows);
}

static void damaged_rows_do_not_go_out(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT);
    char *rows = many_rows();
    world_epoch(w, rows);
    struct disk_file f;
    assert_int_equal(disk_open(&w->disk, "data/outbox/0000000001-5", DISK_UPDATE, &f, NULL), 0);
    assert_int_equal(disk_write(&w->disk, &f, "X", 1, 200 * KIB, NULL), 0);
    disk_close(&w->disk, &f);
    assert_int_equal(world_publish(w), MILL_ECORRUPT);
    assert_non_null(strstr(w->error.message, "the rows of epoch 1 are damaged"));
    stdout_is(w, "");
    assert_int_equal(disk_remove(&w->disk, "data/outbox/0000000001-5", NULL), 0);
    assert_int_equal(world_publish(w), MILL_ENOENT);
    memory_free(rows);
}

static void damaged_inline_rows_do_not_go_out(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT);
    assert_int_equal(world_prepare(w, "abc", 1000, false), 0);
    for (size_t i = 0; i < w->manifest.size; i++) {
        if (memcmp(w->manifest.data + i, "abc", 3) == 0) {
            w->manifest.data[i] = 'x';
            break;
        }
    }
    world_commit(w);
    assert_int_equal(world_publish(w), MILL_ECORRUPT);
    stdout_is(w, "");
}

static void flip_a_byte(struct output_world *w, const char *path)
{
    struct disk_file f;
    assert_int_equal(disk_open(&w->disk, path, DISK_UPDATE, &f, NULL), 0);
    assert_int_equal(disk_write(&w->disk, &f, "X", 1, 1, NULL), 0);
    assert_int_equal(disk_sync(&w->disk, &f, NULL), 0);
    disk_close(&w->disk, &f);
}

static void a_part_that_was_damaged_before_a_start_is_not_renamed(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_FILES);
    world_epoch(w, "[1]\n[2]");
    world_crash(w, 0);
    flip_a_byte(w, "out/" WORLD_HIDDEN "/epoch-5-0000000001");
    assert_int_equal(world_publish(w), MILL_ECORRUPT);
    assert_non_null(strstr(w->error.message, "the rows of epoch 1 are damaged (out/"));
    assert_string_equal(world_list(w, "out"), WORLD_HIDDEN);
}

static void so_is_one_in_a_folder(void **state)
{
    struct output_world *w = *state;
    w->graph =
        (struct graph_output){.kind = OUTPUT_FOLDERS, .format = FORMAT_TEXT, .target = "all/words"};
    assert_int_equal(world_open(w), 0);
    world_epoch(w, "abc");
    world_crash(w, 0);
    flip_a_byte(w, "all/" WORLD_HIDDEN "/epoch-5-0000000001");
    assert_int_equal(world_publish(w), MILL_ECORRUPT);
    assert_string_equal(world_list(w, "all/words-1000"), "");
}

static void so_is_one_that_collected_many_epochs(void **state)
{
    struct output_world *w = *state;
    w->graph = (struct graph_output){
        .kind = OUTPUT_FILES, .format = FORMAT_JSON, .target = "out", .roll_bytes = 8};
    assert_int_equal(world_open(w), 0);
    world_epoch(w, "[1]");
    world_crash(w, 0);
    world_epoch(w, "[2]");
    world_crash(w, 0);
    flip_a_byte(w, "out/" WORLD_HIDDEN "/open-5-0000000001");
    assert_int_equal(world_publish(w), MILL_ECORRUPT);
    assert_string_equal(world_list(w, "out"), WORLD_HIDDEN);
}

static void a_damaged_manifest_is_found_on_open(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT);
    struct store_batch *batch = store_batch_create();
    store_batch_put(batch, STORE_OUTBOX, (struct slice){"0123456789", 10},
                    (struct slice){"rubbish", 7});
    assert_int_equal(store_write(w->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    world_close(w);
    assert_int_equal(world_open(w), MILL_ECORRUPT);
}

/* --- the floor --- */

static void a_store_that_was_rewound_is_refused(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT);
    world_epoch(w, "1");
    world_epoch(w, "2");
    assert_int_equal(world_publish(w), 0);
    assert_int_equal(publisher_check(&w->disk, "data", WORLD_STORE_ID, 2, NULL), 0);
    assert_int_equal(publisher_check(&w->disk, "data", WORLD_STORE_ID, 1, &w->error),
                     MILL_EREFUSED);
    assert_non_null(strstr(w->error.message, "epoch 2 was published, but the store ends at 1"));
    world_close(w);
    w->epoch = 1;
    assert_int_equal(world_open(w), MILL_EREFUSED);
    assert_non_null(strstr(w->error.message, "rewound"));
}

static void the_floor_is_raised_before_anything_is_given(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT);
    world_epoch(w, "1");
    w->sink_code = MILL_EIO;
    assert_int_equal(world_publish(w), MILL_EIO);
    world_crash(w, 0);
    assert_int_equal(w->publisher.floor.epoch, 1);
}

static void rows_that_stay_hidden_do_not_raise_it(void **state)
{
    struct output_world *w = *state;
    w->graph.roll_bytes = 1000;
    assert_int_equal(world_open(w), 0);
    world_epoch(w, "[1]");
    assert_int_equal(world_publish(w), 0);
    assert_int_equal(w->publisher.floor.epoch, 0);
}

static void nothing_is_given_when_it_cannot_be_raised(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT);
    world_epoch(w, "1");
    fake_disk_fail(w->fake, 2, MILL_ENOSPC);
    assert_int_equal(world_publish(w), MILL_ENOSPC);
    stdout_is(w, "");
    assert_int_equal(world_publish(w), 0);
    stdout_is(w, "1\n");
}

/* --- asking --- */

static int stop_at_second(void *context, const struct manifest *m)
{
    uint64_t *sum = context;
    *sum += m->epoch;
    return m->epoch == 2 ? 7 : 0;
}

static void a_walk_goes_from_the_oldest_on_and_can_be_ended(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_FILES);
    world_epoch(w, "[1]");
    world_epoch(w, "[2]");
    world_epoch(w, "[3]");
    uint64_t sum = 0;
    assert_int_equal(publisher_each(&w->publisher, stop_at_second, &sum), 7);
    assert_int_equal(sum, 3);
    assert_true(publisher_names(&w->publisher, "epoch-5-0000000003"));
    assert_false(publisher_names(&w->publisher, "epoch-5-0000000004"));
    assert_false(publisher_names_rows(&w->publisher, "epoch-5-0000000003"));
}

/* --- names that are taken --- */

static const char first_part[] = "out/part-1a2b3c4d-0000000001-0000.json";

static void a_file_of_another_is_not_replaced(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_FILES);
    world_epoch(w, "[1]");
    world_write(w, first_part, "[7]\n");
    assert_int_equal(world_publish(w), MILL_EREFUSED);
    assert_non_null(strstr(w->error.message, "another file has that name; move it away"));
    assert_non_null(strstr(w->error.message, first_part));
    assert_string_equal(world_read(w, first_part), "[7]\n");
    world_write(w, first_part, "[1]\n and more");
    assert_int_equal(world_publish(w), MILL_EREFUSED);
    assert_int_equal(disk_remove(&w->disk, first_part, NULL), 0);
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_read(w, first_part), "[1]\n");
}

/* As a crash leaves it when the removal of the hidden name was not yet safe. */
static void a_part_under_both_names_is_one(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_FILES);
    world_epoch(w, "[1]");
    world_write(w, first_part, "[1]\n");
    world_crash(w, 100);
    assert_int_equal(world_publish(w), 0);
    assert_string_equal(world_read(w, first_part), "[1]\n");
    assert_string_equal(world_list(w, "out/" WORLD_HIDDEN), "STORE");
}

/* A file under a name that is not safe yet. */
static void write_unsynced(struct output_world *w, const char *path, const char *text)
{
    struct disk_file file;
    assert_int_equal(disk_open(&w->disk, path, DISK_CREATE, &file, NULL), 0);
    assert_int_equal(disk_write(&w->disk, &file, text, strlen(text), 0, NULL), 0);
    assert_int_equal(disk_sync(&w->disk, &file, NULL), 0);
    disk_close(&w->disk, &file);
}

/* The one name is safe before the other goes. */
static void a_part_under_both_names_is_never_lost(void **state)
{
    output_world_end(state);
    for (uint32_t round = 0; round < rounds(400); round++) {
        output_world_begin(state);
        struct output_world *w = world_of(state, OUTPUT_FILES);
        struct chance chance = {round};
        world_epoch(w, "[1]");
        write_unsynced(w, first_part, "[1]\n");
        for (uint32_t i = chance_below(&chance, 40); i > 0; i--) {
            (void)world_list(w, "out"); /* takes from the disk's chance: another crash each time */
        }
        fake_disk_fail(w->fake, 1 + chance_below(&chance, 12), MILL_EIO);
        (void)world_publish(w);
        fake_disk_fail(w->fake, 0, 0);
        world_crash(w, 50);
        assert_int_equal(world_publish(w), 0);
        assert_string_equal(world_read(w, first_part), "[1]\n");
        output_world_end(state);
    }
    output_world_begin(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, output_world_begin, output_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(epochs_go_out_in_order),
        TEST(they_do_after_a_start_too),
        TEST(nothing_passes_an_epoch_that_fails),
        TEST(a_mark_goes_into_the_next_commit),
        TEST(without_its_mark_an_epoch_is_given_again),
        TEST(what_is_published_during_a_commit_waits_for_the_next),
        TEST(a_batch_that_was_not_written_is_built_again),
        TEST(a_part_can_be_published_again),
        TEST(a_part_in_a_folder_that_is_another_is_refused),
        TEST(a_part_in_a_folder_that_goes_meanwhile_is_refused),
        TEST(a_part_whose_folder_goes_before_it_is_safe_is_refused),
        TEST(a_batch_is_handed_over_again_after_its_function_failed),
        TEST(a_batch_function_is_called_without_rows_too),
        TEST(many_rows_go_through_a_file_that_is_removed_with_its_mark),
        TEST(a_batch_s_file_is_handed_over_by_its_path),
        TEST(damaged_rows_do_not_go_out),
        TEST(damaged_inline_rows_do_not_go_out),
        TEST(a_part_that_was_damaged_before_a_start_is_not_renamed),
        TEST(so_is_one_in_a_folder),
        TEST(so_is_one_that_collected_many_epochs),
        TEST(a_damaged_manifest_is_found_on_open),
        TEST(a_store_that_was_rewound_is_refused),
        TEST(the_floor_is_raised_before_anything_is_given),
        TEST(rows_that_stay_hidden_do_not_raise_it),
        TEST(nothing_is_given_when_it_cannot_be_raised),
        TEST(a_walk_goes_from_the_oldest_on_and_can_be_ended),
        TEST(a_file_of_another_is_not_replaced),
        TEST(a_part_under_both_names_is_one),
        TEST(a_part_under_both_names_is_never_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

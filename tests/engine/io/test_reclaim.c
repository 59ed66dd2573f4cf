/* Goal: a folder that is not what it was becomes the store's again when told, what is missing in it
 * counts as published only when told, and a crash at any point leaves one or the other.
 * Method: an output's world with rows that wait, its folder damaged in each way. */
#include <stdio.h>
#include <string.h>

#include "io/reclaim.h"
#include "output_world.h"

#define STORE "out/" WORLD_HIDDEN "/STORE"

static int reclaim(struct output_world *w, bool again)
{
    w->error = (struct error){0};
    return reclaim_folder(&w->place, "out", "data", again, &w->error);
}

/* An epoch is committed and not published. */
static void begin_waiting(struct output_world *w)
{
    assert_int_equal(world_open(w), 0);
    world_epoch(w, "a\nb\n");
}

static bool exists(struct output_world *w, const char *path)
{
    struct disk_entry entry;
    assert_int_equal(disk_look(&w->disk, path, &entry, NULL), 0);
    return entry.exists;
}

static int remove_name(void *context, const char *name)
{
    struct output_world *w = context;
    char path[256];
    snprintf(path, sizeof path, "out/" WORLD_HIDDEN "/%s", name);
    return disk_remove(&w->disk, path, NULL);
}

static void remove_waiting(struct output_world *w)
{
    assert_int_equal(disk_list(&w->disk, "out/" WORLD_HIDDEN, remove_name, w, NULL), 0);
}

static void a_good_folder_is_left_alone(void **state)
{
    struct output_world *w = *state;
    begin_waiting(w);
    assert_int_equal(reclaim(w, false), 0);
    assert_int_equal(reclaim(w, true), 0);
    assert_int_equal(world_publish(w), 0);
}

static void what_is_there_is_published_when_store_is_missing(void **state)
{
    struct output_world *w = *state;
    begin_waiting(w);
    assert_int_equal(disk_remove(&w->disk, STORE, NULL), 0);
    assert_int_equal(world_publish(w), MILL_EREFUSED);
    assert_int_equal(reclaim(w, true), 1);
    assert_true(exists(w, STORE));
    assert_int_equal(world_publish(w), 0);
    assert_true(exists(w, "out/part-1a2b3c4d-0000000001-0000.json"));
}

static void what_is_missing_counts_as_published_only_if_told(void **state)
{
    struct output_world *w = *state;
    begin_waiting(w);
    remove_waiting(w);
    assert_int_equal(reclaim(w, true), MILL_EREFUSED);
    assert_non_null(strstr(w->error.message, "2 rows of epochs 1 to 1 are gone"));
    assert_false(exists(w, STORE));
    assert_int_equal(reclaim(w, false), 1);
    assert_int_equal(world_publish(w), 0);
    assert_false(exists(w, "out/part-1a2b3c4d-0000000001-0000.json"));
}

/* Lose power and start again. @return as world_open */
static int crash(struct output_world *w)
{
    world_close(w);
    fake_disk_keep(w->fake, 0);
    fake_disk_crash(w->fake);
    store_memory_crash(w->store);
    return world_open(w);
}

/* Every operation fails once, and the power goes. */
static void a_crash_leaves_the_refusal_or_the_folder(void **state)
{
    struct output_world *w = *state;
    begin_waiting(w);
    remove_waiting(w);
    assert_int_equal(disk_sync_folder(&w->disk, "out/" WORLD_HIDDEN, NULL), 0);
    uint32_t refused = 0;
    for (uint32_t n = 1; crash(w) == MILL_EREFUSED; n++) {
        assert_true(n < 100);
        refused++;
        fake_disk_fail(w->fake, n, MILL_EIO);
        (void)reclaim(w, false);
        fake_disk_fail(w->fake, 0, 0);
    }
    assert_true(refused > 1);
    assert_int_equal(world_publish(w), 0);
    assert_int_equal(reclaim(w, false), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, output_world_begin, output_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_folder_is_left_alone),
        TEST(what_is_there_is_published_when_store_is_missing),
        TEST(what_is_missing_counts_as_published_only_if_told),
        TEST(a_crash_leaves_the_refusal_or_the_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

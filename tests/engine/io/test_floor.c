/* Goal: the floor never goes back, whatever a crash does to its file, and another store's is
 * refused. Method: raising it on a disk that loses power and fails, at every operation. */
#include <string.h>

#include "base/memory.h"
#include "fake_disk.h"
#include "io/floor.h"
#include "testing.h"

#define STORE_ID 77

static const struct floor_store store = {.id = STORE_ID};
static const struct floor_store another = {.id = STORE_ID + 1};

struct fixture {
    struct fake_disk *fake;
    struct disk disk;
    struct floor_file floor;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    x->fake = fake_disk_create(1);
    x->disk = fake_disk_of(x->fake);
    assert_int_equal(disk_make_folder_safe(&x->disk, "data", NULL), 0);
    assert_int_equal(floor_open(&x->floor, &x->disk, "data", store, NULL), 0);
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    floor_close(&x->floor);
    fake_disk_destroy(x->fake);
    memory_free(x);
    return 0;
}

static void crash(struct fixture *x, uint32_t keep)
{
    floor_close(&x->floor);
    fake_disk_keep(x->fake, keep);
    fake_disk_crash(x->fake);
    assert_int_equal(floor_open(&x->floor, &x->disk, "data", store, NULL), 0);
}

static void a_new_one_stands_at_nothing(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(x->floor.epoch, 0);
    crash(x, 0);
    assert_int_equal(x->floor.epoch, 0);
}

static void what_was_raised_outlasts_a_crash(void **state)
{
    struct fixture *x = *state;
    for (uint64_t epoch = 1; epoch < 10; epoch += epoch % 3) {
        assert_int_equal(floor_raise(&x->floor, epoch, NULL), 0);
        crash(x, 0);
        assert_int_equal(x->floor.epoch, epoch);
    }
}

static void an_epoch_that_is_not_above_is_nothing(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(floor_raise(&x->floor, 5, NULL), 0);
    uint32_t before = fake_disk_operations(x->fake);
    assert_int_equal(floor_raise(&x->floor, 5, NULL), 0);
    assert_int_equal(floor_raise(&x->floor, 4, NULL), 0);
    assert_int_equal(fake_disk_operations(x->fake), before);
    assert_int_equal(x->floor.epoch, 5);
}

static void a_torn_write_loses_nothing_that_was_raised(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < rounds(500); seed++) {
        struct chance chance = {seed};
        struct fake_disk *fake = fake_disk_create(seed);
        struct disk disk = fake_disk_of(fake);
        struct floor_file f;
        uint64_t raised = 0;
        assert_int_equal(disk_make_folder_safe(&disk, "data", NULL), 0);
        for (uint64_t epoch = 1; epoch < 8; epoch++) {
            assert_int_equal(floor_open(&f, &disk, "data", store, NULL), 0);
            assert_true(f.epoch == raised || f.epoch == epoch - 1);
            raised = f.epoch;
            fake_disk_fail(fake, chance_below(&chance, 5), MILL_EIO);
            raised = floor_raise(&f, epoch, NULL) == 0 ? epoch : raised;
            fake_disk_fail(fake, 0, 0);
            floor_close(&f);
            fake_disk_keep(fake, chance_below(&chance, 101));
            fake_disk_crash(fake);
        }
        fake_disk_destroy(fake);
    }
}

static void a_failed_raise_can_be_tried_again(void **state)
{
    struct fixture *x = *state;
    fake_disk_fail(x->fake, 2, MILL_ENOSPC);
    assert_int_equal(floor_raise(&x->floor, 3, NULL), MILL_ENOSPC);
    assert_int_equal(x->floor.epoch, 0);
    assert_int_equal(floor_raise(&x->floor, 3, NULL), 0);
    crash(x, 0);
    assert_int_equal(x->floor.epoch, 3);
}

static void another_store_s_is_refused(void **state)
{
    struct fixture *x = *state;
    struct floor_file f;
    struct error e = {0};
    assert_int_equal(floor_open(&f, &x->disk, "data", another, &e), MILL_EREFUSED);
    assert_non_null(strstr(e.message, "data/EPOCHS belongs to another store"));
    floor_close(&f);
    assert_int_equal(floor_raise(&x->floor, 1, NULL), 0);
    assert_int_equal(floor_open(&f, &x->disk, "data", another, &e), MILL_EREFUSED);
    floor_close(&f);
}

/* Epochs that publish nothing raise nothing: those that do may all be odd. */
static void the_newest_slot_is_never_written_over(void **state)
{
    struct fixture *x = *state;
    for (uint64_t epoch = 1; epoch < 9; epoch += 2) {
        assert_int_equal(floor_raise(&x->floor, epoch, NULL), 0);
        fake_disk_fail(x->fake, 3, MILL_EIO); /* the sync: any part of the slot may be there */
        assert_int_equal(floor_raise(&x->floor, epoch + 2, NULL), MILL_ESYNC);
        crash(x, 50);
        assert_true(x->floor.epoch == epoch || x->floor.epoch == epoch + 2);
    }
}

/* A byte in the slot of the newest epoch. */
static uint64_t newest_at(const struct fixture *x)
{
    return (1 - x->floor.next) * 32 + 9;
}

static void a_slot_that_is_damaged_does_not_count(void **state)
{
    struct fixture *x = *state;
    struct disk_file f;
    assert_int_equal(floor_raise(&x->floor, 1, NULL), 0);
    assert_int_equal(floor_raise(&x->floor, 2, NULL), 0);
    assert_int_equal(disk_open(&x->disk, "data/EPOCHS", DISK_UPDATE, &f, NULL), 0);
    assert_int_equal(disk_write(&x->disk, &f, "\xff", 1, newest_at(x), NULL), 0);
    assert_int_equal(disk_sync(&x->disk, &f, NULL), 0);
    disk_close(&x->disk, &f);
    crash(x, 100);
    assert_int_equal(x->floor.epoch, 1);
}

/* What the file may be when nobody knows what was published. */
static void damage(struct fixture *x, size_t size, bool keeps_slots)
{
    char bytes[80] = {0};
    struct disk_file f;
    struct buffer b;
    buffer_init(&b, 100);
    assert_int_equal(disk_read(&x->disk, "data/EPOCHS", &b, NULL), 0);
    assert_int_equal(b.size, 64);
    memcpy(bytes, b.data, keeps_slots ? 64 : 0);
    assert_int_equal(disk_open(&x->disk, "data/EPOCHS", DISK_CREATE, &f, NULL), 0);
    assert_int_equal(disk_write(&x->disk, &f, bytes, size, 0, NULL), 0);
    disk_close(&x->disk, &f);
    buffer_deinit(&b);
}

static void without_a_valid_slot_or_its_full_size_it_is_refused(void **state)
{
    static const struct {
        size_t size;
        bool keeps_slots;
    } damages[] = {{0, true}, {31, true}, {32, true}, {63, true}, {65, true}, {64, false}};
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        for (uint64_t epoch = 0; epoch < 2; epoch++) {
            end(state);
            begin(state);
            struct fixture *x = *state;
            struct floor_file f;
            struct error e = {0};
            assert_int_equal(floor_raise(&x->floor, 4, NULL), 0);
            damage(x, damages[i].size, damages[i].keeps_slots);
            struct floor_store of = {STORE_ID, epoch};
            assert_int_equal(floor_open(&f, &x->disk, "data", of, &e), MILL_EREFUSED);
            assert_non_null(strstr(e.message, "data/EPOCHS is damaged"));
            floor_close(&f);
        }
    }
}

static void only_a_store_without_an_epoch_gets_a_new_one(void **state)
{
    struct fixture *x = *state;
    struct floor_file f;
    struct error e = {0};
    assert_int_equal(disk_remove(&x->disk, "data/EPOCHS", NULL), 0);
    struct floor_store of = {STORE_ID, 1};
    assert_int_equal(floor_open(&f, &x->disk, "data", of, &e), MILL_EREFUSED);
    assert_non_null(strstr(e.message, "data/EPOCHS is missing"));
    floor_close(&f);
    of.epoch = 0;
    assert_int_equal(floor_open(&f, &x->disk, "data", of, NULL), 0);
    floor_close(&f);
    of.epoch = 1;
    assert_int_equal(floor_open(&f, &x->disk, "data", of, NULL), 0);
    floor_close(&f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_one_stands_at_nothing),
        TEST(what_was_raised_outlasts_a_crash),
        TEST(an_epoch_that_is_not_above_is_nothing),
        cmocka_unit_test(a_torn_write_loses_nothing_that_was_raised),
        TEST(a_failed_raise_can_be_tried_again),
        TEST(another_store_s_is_refused),
        TEST(the_newest_slot_is_never_written_over),
        TEST(a_slot_that_is_damaged_does_not_count),
        TEST(without_a_valid_slot_or_its_full_size_it_is_refused),
        TEST(only_a_store_without_an_epoch_gets_a_new_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

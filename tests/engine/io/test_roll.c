/* Goal: what is committed of an open file is what stays of it, or the start is refused.
 * Method: records there and back, and one file on a disk that loses power. */
#include <string.h>

#include "base/memory.h"
#include "fake_disk.h"
#include "io/roll.h"
#include "testing.h"

struct fixture {
    struct fake_disk *fake;
    struct disk disk;
    XXH3_state_t *sum;
    struct roll roll;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    x->fake = fake_disk_create(1);
    x->disk = fake_disk_of(x->fake);
    x->sum = XXH3_createState();
    x->roll = (struct roll){.is_open = true, .length = 4, .checksum = hash_bytes("abcd", 4)};
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    XXH3_freeState(x->sum);
    fake_disk_destroy(x->fake);
    memory_free(x);
    return 0;
}

static void put(struct fixture *x, const char *text)
{
    struct disk_file f;
    assert_int_equal(disk_open(&x->disk, "open", DISK_CREATE, &f, NULL), 0);
    assert_int_equal(disk_write(&x->disk, &f, text, strlen(text), 0, NULL), 0);
    assert_int_equal(disk_sync(&x->disk, &f, NULL), 0);
    disk_close(&x->disk, &f);
}

static void a_record_comes_back(void **state)
{
    (void)state;
    struct roll r = {true, 7, 1ULL << 40, 12, -5, UINT64_MAX};
    struct buffer b;
    buffer_init(&b, ROLL_BYTES_MAX);
    assert_int_equal(roll_encode(&r, "out/a b", "json", &b), 0);
    struct roll back;
    struct slice folder;
    struct slice suffix;
    assert_int_equal(roll_decode((struct slice){b.data, b.size}, &back, &folder, &suffix, NULL), 0);
    assert_true(back.is_open && back.first_epoch == 7 && back.length == 1ULL << 40);
    assert_true(back.rows == 12 && back.opened_ms == -5 && back.checksum == UINT64_MAX);
    assert_true(slice_is(folder, "out/a b") && slice_is(suffix, "json"));
    for (size_t size = 0; size < b.size; size++) {
        assert_int_equal(roll_decode((struct slice){b.data, size}, &back, &folder, &suffix, NULL),
                         MILL_ECORRUPT);
    }
    b.data[0]++;
    assert_int_equal(roll_decode((struct slice){b.data, b.size}, &back, &folder, &suffix, NULL),
                     MILL_ECORRUPT);
    buffer_deinit(&b);
}

static void what_is_not_committed_is_cut_for_good(void **state)
{
    struct fixture *x = *state;
    put(x, "abcdefgh");
    assert_int_equal(roll_cut(&x->roll, &x->disk, "open", x->sum, NULL), 0);
    struct disk_entry entry;
    assert_int_equal(disk_look(&x->disk, "open", &entry, NULL), 0);
    assert_int_equal(entry.size, 4);
}

static void the_sum_can_be_continued(void **state)
{
    struct fixture *x = *state;
    put(x, "abcdefgh");
    assert_int_equal(roll_cut(&x->roll, &x->disk, "open", x->sum, NULL), 0);
    XXH3_64bits_update(x->sum, "ij", 2);
    assert_true(XXH3_64bits_digest(x->sum) == hash_bytes("abcdij", 6));
}

static void a_file_of_many_pieces_is_summed_up_whole(void **state)
{
    struct fixture *x = *state;
    size_t size = 600 * KIB + 1;
    char *text = memory_zero(1, size + 1);
    memset(text, 'a', size);
    put(x, text);
    x->roll.length = size;
    x->roll.checksum = hash_bytes(text, size);
    assert_int_equal(roll_cut(&x->roll, &x->disk, "open", x->sum, NULL), 0);
    text[size - 1] = 'b';
    put(x, text);
    assert_int_equal(roll_cut(&x->roll, &x->disk, "open", x->sum, NULL), MILL_ECORRUPT);
    memory_free(text);
}

static void other_bytes_a_shorter_file_and_none_are_told_apart(void **state)
{
    struct fixture *x = *state;
    struct error e = {0};
    assert_int_equal(roll_cut(&x->roll, &x->disk, "open", x->sum, &e), MILL_EREFUSED);
    assert_non_null(strstr(e.message, "open is gone"));
    put(x, "abc");
    assert_int_equal(roll_cut(&x->roll, &x->disk, "open", x->sum, &e), MILL_EREFUSED);
    assert_non_null(strstr(e.message, "open is shorter than committed"));
    put(x, "abcX");
    assert_int_equal(roll_cut(&x->roll, &x->disk, "open", x->sum, &e), MILL_ECORRUPT);
    assert_non_null(strstr(e.message, "open is damaged"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_comes_back),
        TEST(what_is_not_committed_is_cut_for_good),
        TEST(the_sum_can_be_continued),
        TEST(a_file_of_many_pieces_is_summed_up_whole),
        TEST(other_bytes_a_shorter_file_and_none_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: a spill file gives back what was written, leaves no name behind, and says when a disk is
 * full.
 * Method: a folder that is looked at while the file is open; /dev/full in the file's place. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/spill.h"
#include "testing.h"

static int begin(void **state)
{
    *state = folder_create();
    return 0;
}

static int end(void **state)
{
    folder_remove(*state);
    return 0;
}

static void it_gives_back_what_was_written(void **state)
{
    struct spill s;
    struct error e = {0};
    spill_init(&s);
    assert_int_equal(spill_open(&s, *state, &e), 0);
    assert_int_equal(spill_write(&s, "hello ", 6, &e), 0);
    assert_int_equal(spill_write(&s, "", 0, &e), 0);
    assert_int_equal(spill_write(&s, "world", 5, &e), 0);
    assert_int_equal(s.size, 11);
    char bytes[11];
    assert_int_equal(spill_read(&s, bytes, 11, 0, &e), 0);
    assert_memory_equal(bytes, "hello world", 11);
    assert_int_equal(spill_read(&s, bytes, 3, 8, &e), 0);
    assert_memory_equal(bytes, "rld", 3);
    assert_int_equal(spill_read(&s, bytes, 0, 11, &e), 0);
    spill_close(&s);
}

static void large_pieces_come_back_whole(void **state)
{
    enum { SIZE = 3000001 };
    uint8_t *bytes = memory_alloc(SIZE);
    uint8_t *back = memory_alloc(SIZE);
    struct chance c = {3};
    chance_bytes(&c, bytes, SIZE);
    struct spill s;
    spill_init(&s);
    assert_int_equal(spill_open(&s, *state, NULL), 0);
    assert_int_equal(spill_write(&s, bytes, SIZE, NULL), 0);
    assert_int_equal(spill_read(&s, back, SIZE, 0, NULL), 0);
    assert_memory_equal(bytes, back, SIZE);
    spill_close(&s);
    memory_free(bytes);
    memory_free(back);
}

static void it_has_no_name(void **state)
{
    struct spill s;
    spill_init(&s);
    assert_int_equal(spill_open(&s, *state, NULL), 0);
    assert_int_equal(spill_write(&s, "x", 1, NULL), 0);
    assert_int_equal(folder_count(*state), 0);
    spill_close(&s);
}

static void reading_beyond_its_end_is_an_error(void **state)
{
    struct spill s;
    struct error e = {0};
    char bytes[4];
    spill_init(&s);
    assert_int_equal(spill_open(&s, *state, NULL), 0);
    assert_int_equal(spill_write(&s, "abc", 3, NULL), 0);
    assert_int_equal(spill_read(&s, bytes, 4, 0, &e), MILL_EIO);
    assert_int_equal(e.code, MILL_EIO);
    assert_int_equal(spill_read(&s, bytes, 1, 3, NULL), MILL_EIO);
    spill_close(&s);
}

static void after_a_reset_it_begins_anew(void **state)
{
    struct spill s;
    char bytes[3];
    spill_init(&s);
    assert_int_equal(spill_open(&s, *state, NULL), 0);
    assert_int_equal(spill_write(&s, "abcdef", 6, NULL), 0);
    spill_reset(&s);
    assert_int_equal(s.size, 0);
    assert_int_equal(spill_read(&s, bytes, 1, 0, NULL), MILL_EIO);
    assert_int_equal(spill_write(&s, "xyz", 3, NULL), 0);
    assert_int_equal(spill_read(&s, bytes, 3, 0, NULL), 0);
    assert_memory_equal(bytes, "xyz", 3);
    spill_close(&s);
    spill_reset(&s);
    assert_int_equal(s.fd, -1);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct spill s;
    struct error e = {0};
    spill_init(&s);
    assert_int_not_equal(spill_open(&s, "/no/such/folder", &e), 0);
    assert_non_null(strstr(e.message, "/no/such/folder"));
    assert_int_equal(s.fd, -1);
    spill_close(&s);
}

static void a_full_disk_is_said_and_leaves_the_size(void **state)
{
    struct spill s;
    struct error e = {0};
    spill_init(&s);
    assert_int_equal(spill_open(&s, *state, NULL), 0);
    assert_int_equal(spill_write(&s, "abc", 3, NULL), 0);
    int full = open("/dev/full", O_RDWR | O_CLOEXEC);
    assert_true(full >= 0);
    assert_true(dup2(full, s.fd) >= 0);
    close(full);
    assert_int_equal(spill_write(&s, "def", 3, &e), MILL_ENOSPC);
    assert_int_equal(e.code, MILL_ENOSPC);
    assert_int_equal(s.size, 3);
    spill_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_gives_back_what_was_written, begin, end),
        cmocka_unit_test_setup_teardown(large_pieces_come_back_whole, begin, end),
        cmocka_unit_test_setup_teardown(it_has_no_name, begin, end),
        cmocka_unit_test_setup_teardown(reading_beyond_its_end_is_an_error, begin, end),
        cmocka_unit_test_setup_teardown(after_a_reset_it_begins_anew, begin, end),
        cmocka_unit_test(a_folder_that_is_not_there_is_named),
        cmocka_unit_test_setup_teardown(a_full_disk_is_said_and_leaves_the_size, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: what RocksDB says is an error that is treated rightly: waited for, refused, or the end.
 * Method: texts as RocksDB writes them. */
#include <string.h>

#include "base/error.h"
#include "state/store_status.h"
#include "testing.h"

static const char full[] = "IO error: No space left on device: While appending to file: 1.log";
static const char full_sync[] = "IO error: No space left on device: While fdatasync: 1.log";
static const char damaged[] = "Corruption: block checksum mismatch";
static const char broken[] = "IO error: Input/output error: While pread";
static const char locked[] = "IO error: While lock file: x/LOCK: Resource temporarily unavailable";

static void a_read_is_full_damaged_or_broken(void **state)
{
    (void)state;
    assert_int_equal(store_status_of(full), MILL_ENOSPC);
    assert_int_equal(store_status_of(damaged), MILL_ECORRUPT);
    assert_int_equal(store_status_of(broken), MILL_EIO);
}

static void a_lock_is_a_refusal(void **state)
{
    (void)state;
    assert_int_equal(store_status_of_open(locked), MILL_EREFUSED);
    assert_int_equal(
        store_status_of_open("IO error: lock hold by current process, acquire time 1: x/LOCK"),
        MILL_EREFUSED);
    assert_int_equal(store_status_of_open(damaged), MILL_ECORRUPT);
}

static void a_write_that_may_have_come_to_the_disk_is_the_end(void **state)
{
    (void)state;
    assert_int_equal(store_status_of_write(full), MILL_ENOSPC);
    assert_int_equal(store_status_of_write(full_sync), MILL_ESYNC);
    assert_int_equal(store_status_of_write(broken), MILL_ESYNC);
    assert_int_equal(store_status_of_write(damaged), MILL_ECORRUPT);
}

static void each_has_its_advice(void **state)
{
    (void)state;
    static const int codes[] = {MILL_ENOSPC, MILL_EREFUSED, MILL_ECORRUPT, MILL_ESYNC, MILL_EIO};
    for (size_t a = 0; a < sizeof codes / sizeof *codes; a++) {
        for (size_t b = 0; b < a; b++) {
            assert_string_not_equal(store_status_advice(codes[a]), store_status_advice(codes[b]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_is_full_damaged_or_broken),
        cmocka_unit_test(a_lock_is_a_refusal),
        cmocka_unit_test(a_write_that_may_have_come_to_the_disk_is_the_end),
        cmocka_unit_test(each_has_its_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

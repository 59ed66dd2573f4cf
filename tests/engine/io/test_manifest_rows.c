/* Goal: all rows of a manifest come, from the store or from a file, and damage is found before.
 * Method: rows of sizes around a piece's, one byte of them changed. */
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "fake_disk.h"
#include "io/manifest_rows.h"
#include "testing.h"

struct fixture {
    struct fake_disk *fake;
    struct disk disk;
    struct buffer came;
    struct error e;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    x->fake = fake_disk_create(1);
    x->disk = fake_disk_of(x->fake);
    buffer_init(&x->came, 4 * MIB);
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    fake_disk_destroy(x->fake);
    buffer_deinit(&x->came);
    memory_free(x);
    return 0;
}

static int take(void *context, struct slice bytes, struct error *e)
{
    struct fixture *x = context;
    assert_true(bytes.size > 0);
    return x->came.size >= MIB ? error_set(e, MILL_EPIPE, "enough")
                               : buffer_append(&x->came, bytes.data, bytes.size);
}

static void write_file(struct fixture *x, const char *bytes, size_t size)
{
    struct disk_file f;
    assert_int_equal(disk_open(&x->disk, "rows", DISK_CREATE, &f, NULL), 0);
    assert_int_equal(disk_write(&x->disk, &f, bytes, size, 0, NULL), 0);
    disk_close(&x->disk, &f);
}

static void rows_of_any_size_come_whole(void **state)
{
    struct fixture *x = *state;
    static const size_t sizes[] = {0, 1, 262143, 262144, 262145, 600000};
    char *bytes = memory_zero(600000, 1);
    for (size_t i = 0; i < 600000; i++) {
        bytes[i] = (char)(i * 7 % 251);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct manifest m = {.rows = {bytes, sizes[i]}, .checksum = hash_bytes(bytes, sizes[i])};
        write_file(x, bytes, sizes[i]);
        for (int from_file = 0; from_file < 2; from_file++) {
            const char *path = from_file ? "rows" : NULL;
            buffer_clear(&x->came);
            assert_int_equal(manifest_rows_check(&x->disk, &m, path, &x->e), 0);
            assert_int_equal(manifest_rows_each(&x->disk, &m, path, take, x, &x->e), 0);
            assert_int_equal(x->came.size, sizes[i]);
            assert_int_equal(sizes[i] == 0 ? 0 : memcmp(x->came.data, bytes, sizes[i]), 0);
        }
    }
    memory_free(bytes);
}

static void damage_is_told_with_what_and_where(void **state)
{
    struct fixture *x = *state;
    struct manifest m = {.epoch = 7,
                         .rows = {"rowz", 4},
                         .checksum = hash_bytes("rows", 4),
                         .label = {"to_files at job.lua:3", 21}};
    write_file(x, "row", 3);
    assert_int_equal(manifest_rows_check(&x->disk, &m, NULL, &x->e), MILL_ECORRUPT);
    assert_string_equal(x->e.message,
                        "to_files at job.lua:3: the rows of epoch 7 are damaged (in the store)");
    assert_int_equal(manifest_rows_check(&x->disk, &m, "rows", &x->e), MILL_ECORRUPT);
    assert_non_null(strstr(x->e.message, "(rows)"));
    assert_int_equal(manifest_rows_check(&x->disk, &m, "gone", &x->e), MILL_ENOENT);
}

static void what_the_function_gives_ends_it(void **state)
{
    struct fixture *x = *state;
    char *bytes = memory_zero(2 * MIB, 1);
    struct manifest m = {.epoch = 1};
    write_file(x, bytes, 2 * MIB);
    assert_int_equal(manifest_rows_each(&x->disk, &m, "rows", take, x, &x->e), MILL_EPIPE);
    assert_int_equal(x->came.size, MIB);
    memory_free(bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_of_any_size_come_whole),
        TEST(damage_is_told_with_what_and_where),
        TEST(what_the_function_gives_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: all bytes of the rows are in the file or the buffer, once, and the sum says what they are.
 * Method: rows of many sizes, whole and onto a disk that fails. */
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "fake_disk.h"
#include "io/rows_file.h"
#include "testing.h"

struct fixture {
    struct fake_disk *fake;
    struct disk disk;
    struct disk_file file;
    struct mill_rows rows;
    struct mill_rows *list;
    struct buffer expected;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    x->fake = fake_disk_create(1);
    x->disk = fake_disk_of(x->fake);
    x->list = &x->rows;
    rows_init(&x->rows, ROWS_LINES, "/no/such/folder", 64 * MIB);
    buffer_init(&x->expected, 64 * MIB);
    assert_int_equal(disk_open(&x->disk, "rows", DISK_CREATE, &x->file, NULL), 0);
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    rows_deinit(&x->rows);
    buffer_deinit(&x->expected);
    fake_disk_destroy(x->fake);
    memory_free(x);
    return 0;
}

/* `count` rows of up to 400 bytes, every hundredth of 100,000. */
static void add_rows(struct fixture *x, uint32_t count)
{
    struct chance chance = {count};
    char *row = memory_alloc(100000);
    for (uint32_t i = 0; i < count; i++) {
        size_t size = i % 100 == 99 ? 100000 : chance_below(&chance, 400);
        memset(row, (int)('a' + i % 26), size);
        assert_int_equal(rows_add(&x->rows, row, size), 0);
        assert_int_equal(buffer_append(&x->expected, row, size), 0);
        assert_int_equal(buffer_append_byte(&x->expected, '\n'), 0);
    }
    memory_free(row);
}

static void sum_is(const struct fixture *x, const struct rows_sum *sum, uint64_t rows)
{
    assert_int_equal(sum->row_count, rows);
    assert_int_equal(sum->byte_count, x->expected.size);
    assert_true(sum->checksum == hash_bytes(x->expected.data, x->expected.size));
}

static void rows_are_written_behind_what_is_there(void **state)
{
    struct fixture *x = *state;
    struct rows_reader reader;
    struct rows_sum sum;
    struct buffer found;
    add_rows(x, 1000);
    assert_int_equal(disk_write(&x->disk, &x->file, "before", 6, 0, NULL), 0);
    rows_reader_open(&reader, &x->list, 1);
    assert_int_equal(
        rows_file_write(&(struct rows_place){&x->disk, &x->file, 6, NULL}, &reader, &sum, NULL), 0);
    rows_reader_close(&reader);
    sum_is(x, &sum, 1000);
    buffer_init(&found, 64 * MIB);
    assert_int_equal(disk_read(&x->disk, "rows", &found, NULL), 0);
    assert_int_equal(found.size, 6 + x->expected.size);
    assert_memory_equal(found.data, "before", 6);
    assert_memory_equal(found.data + 6, x->expected.data, x->expected.size);
    buffer_deinit(&found);
}

static void no_rows_have_a_sum_too(void **state)
{
    struct fixture *x = *state;
    struct rows_reader reader;
    struct rows_sum sum = {.row_count = 9};
    rows_reader_open(&reader, &x->list, 1);
    assert_int_equal(
        rows_file_write(&(struct rows_place){&x->disk, &x->file, 0, NULL}, &reader, &sum, NULL), 0);
    rows_reader_close(&reader);
    sum_is(x, &sum, 0);
}

static void a_write_that_fails_ends_it(void **state)
{
    struct fixture *x = *state;
    struct rows_reader reader;
    struct rows_sum sum;
    struct error e = {0};
    add_rows(x, 2000);
    fake_disk_fail(x->fake, 2, MILL_ENOSPC);
    uint32_t before = fake_disk_operations(x->fake);
    rows_reader_open(&reader, &x->list, 1);
    assert_int_equal(
        rows_file_write(&(struct rows_place){&x->disk, &x->file, 0, NULL}, &reader, &sum, &e),
        MILL_ENOSPC);
    rows_reader_close(&reader);
    assert_int_equal(e.code, MILL_ENOSPC);
    assert_int_equal(fake_disk_operations(x->fake) - before, 2);
}

static void rows_are_collected_when_they_fit(void **state)
{
    struct fixture *x = *state;
    struct rows_reader reader;
    struct rows_sum sum;
    struct buffer into;
    struct error e = {0};
    add_rows(x, 100);
    buffer_init(&into, x->expected.size);
    rows_reader_open(&reader, &x->list, 1);
    assert_int_equal(rows_file_collect(&reader, &into, &sum, NULL), 0);
    rows_reader_close(&reader);
    sum_is(x, &sum, 100);
    assert_memory_equal(into.data, x->expected.data, into.size);
    buffer_deinit(&into);
    buffer_init(&into, x->expected.size - 1);
    rows_reader_open(&reader, &x->list, 1);
    assert_int_equal(rows_file_collect(&reader, &into, &sum, &e), MILL_ELIMIT);
    assert_string_equal(e.message, "the rows do not fit");
    rows_reader_close(&reader);
    buffer_deinit(&into);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_are_written_behind_what_is_there),
        TEST(no_rows_have_a_sum_too),
        TEST(a_write_that_fails_ends_it),
        TEST(rows_are_collected_when_they_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

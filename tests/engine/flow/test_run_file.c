/* Goal: a run gives back each shard's entries as they were, however large, and a disk that fails is
 * an error.
 * Method: entries of all kinds, larger than what is read at a time; files cut and full. */
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "data/key.h"
#include "flow/run_file.h"
#include "testing.h"

enum { ROOMY = 1 << 30 };

struct fixture {
    char *folder;
    struct mill_shuffle shuffle;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    x->folder = folder_create();
    shuffle_init(&x->shuffle, x->folder, ROOMY);
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    shuffle_deinit(&x->shuffle);
    folder_remove(x->folder);
    memory_free(x);
    return 0;
}

/* A key that begins with a number, so that tests tell them apart, of a size from 12 on. */
static void add(struct mill_shuffle *s, uint32_t number, size_t key_size,
                const struct mill_cell *cell)
{
    char *key = memory_zero(key_size, 1);
    key[0] = KEY_STRING;
    bytes_put_u32(key + 1, number);
    struct slice k = {key, key_size};
    assert_int_equal(shuffle_add(s, k, cell, number), 0);
    memory_free(key);
}

static struct mill_cell number_cell(double v, uint32_t count)
{
    return (struct mill_cell){.kind = MILL_NUMBER, .len = count, .num = v};
}

static void same_entry(const struct shuffle_entry *a, const struct shuffle_entry *b)
{
    assert_int_equal(a->key_size, b->key_size);
    assert_memory_equal(a->key, b->key, a->key_size);
    assert_int_equal(a->key_group, b->key_group);
    assert_true(a->order == b->order);
    assert_true(a->origin == b->origin);
    assert_int_equal(a->cell.kind, b->cell.kind);
    assert_int_equal(a->cell.len, b->cell.len);
    if (a->cell.kind == MILL_NUMBER) {
        assert_memory_equal(&a->cell.num, &b->cell.num, sizeof a->cell.num);
    } else {
        assert_true(a->cell.len == 0 || memcmp(a->cell.ptr, b->cell.ptr, a->cell.len) == 0);
    }
}

/* Write what is in memory as a run and read it back, shard by shard. */
static void comes_back(struct mill_shuffle *s, struct shuffle_run *run)
{
    struct error e = {0};
    shuffle_seal(s);
    assert_int_equal(run_file_write(s, run, &e), 0);
    for (uint32_t shard = 0; shard < SHARD_COUNT; shard++) {
        struct run_reader r;
        struct shuffle_entry entry;
        run_reader_init(&r, &s->spill, run->shard_offset[shard], run->shard_offset[shard + 1]);
        for (uint32_t i = s->shard_start[shard]; i < s->shard_start[shard + 1]; i++) {
            assert_int_equal(run_reader_next(&r, &entry, &e), 1);
            same_entry(&entry, &s->entries[s->sorted[i]]);
        }
        assert_int_equal(run_reader_next(&r, &entry, &e), 0);
        assert_int_equal(run_reader_next(&r, &entry, &e), 0);
        run_reader_deinit(&r);
    }
}

static void open_spill(struct fixture *x)
{
    assert_int_equal(spill_open(&x->shuffle.spill, x->folder, NULL), 0);
}

static void numbers_come_back_bit_for_bit(void **state)
{
    struct fixture *x = *state;
    struct shuffle_run run;
    static const double values[] = {0, -0.0, 1.5, HUGE_VAL, -HUGE_VAL, (double)NAN, 5e-324};
    open_spill(x);
    x->shuffle.order = UINT64_MAX;
    x->shuffle.origin.base = UINT64_MAX - 10;
    for (uint32_t i = 0; i < 7; i++) {
        struct mill_cell cell = number_cell(values[i], i == 0 ? UINT32_MAX : i);
        add(&x->shuffle, i, 12, &cell);
    }
    comes_back(&x->shuffle, &run);
}

static void bytes_of_any_size_come_back(void **state)
{
    struct fixture *x = *state;
    struct shuffle_run run;
    struct chance c = {60};
    enum { SIZE = 1 << 20 };
    char *bytes = memory_alloc(SIZE);
    chance_bytes(&c, bytes, SIZE);
    open_spill(x);
    for (uint32_t i = 0; i < 300; i++) {
        uint32_t size = chance_below(&c, SIZE >> chance_below(&c, 21)); /* small ones, few large */
        struct mill_cell cell = {.kind = i % 2 == 0 ? MILL_STRING : MILL_PACKED, .len = size};
        cell.ptr = bytes + chance_below(&c, SIZE - size);
        add(&x->shuffle, i, i % 50 == 0 ? LIMIT_KEY_BYTES_MAX : 12, &cell);
    }
    comes_back(&x->shuffle, &run);
    memory_free(bytes);
}

static void the_largest_record_comes_back(void **state)
{
    struct fixture *x = *state;
    struct shuffle_run run;
    char *bytes = memory_zero(LIMIT_RECORD_BYTES_MAX, 1);
    bytes[LIMIT_RECORD_BYTES_MAX - 1] = 'x';
    struct mill_cell large = {.kind = MILL_STRING, .len = LIMIT_RECORD_BYTES_MAX, .ptr = bytes};
    struct mill_cell small = number_cell(1, 1);
    open_spill(x);
    add(&x->shuffle, 1, LIMIT_KEY_BYTES_MAX, &large);
    add(&x->shuffle, 1, LIMIT_KEY_BYTES_MAX, &small);
    add(&x->shuffle, 1, LIMIT_KEY_BYTES_MAX, &large);
    comes_back(&x->shuffle, &run);
    memory_free(bytes);
}

static void several_runs_share_a_file(void **state)
{
    struct fixture *x = *state;
    struct shuffle_run first;
    struct shuffle_run second;
    open_spill(x);
    struct mill_cell cell = number_cell(1, 1);
    for (uint32_t i = 0; i < 100; i++) {
        add(&x->shuffle, i, 12, &cell);
    }
    comes_back(&x->shuffle, &first);
    x->shuffle.count = 0;
    for (uint32_t i = 50; i < 90; i++) {
        add(&x->shuffle, i, 12, &cell);
    }
    comes_back(&x->shuffle, &second);
    assert_int_equal(first.shard_offset[0], 0);
    assert_true(second.shard_offset[0] == first.shard_offset[SHARD_COUNT]);
    assert_true(x->shuffle.spill.size == second.shard_offset[SHARD_COUNT]);
}

static void a_run_of_nothing_is_read_as_nothing(void **state)
{
    struct fixture *x = *state;
    struct shuffle_run run;
    open_spill(x);
    comes_back(&x->shuffle, &run);
    assert_true(run.shard_offset[SHARD_COUNT] == 0);
}

static void a_file_that_is_cut_is_an_error(void **state)
{
    struct fixture *x = *state;
    struct shuffle_run run;
    open_spill(x);
    struct mill_cell cell = number_cell(1, 1);
    for (uint32_t i = 0; i < 1000; i++) {
        add(&x->shuffle, 7, 12, &cell); /* all in one shard */
    }
    comes_back(&x->shuffle, &run);
    assert_int_equal(ftruncate(x->shuffle.spill.fd, 30000), 0);
    struct run_reader r;
    struct shuffle_entry entry;
    struct error e = {0};
    run_reader_init(&r, &x->shuffle.spill, 0, run.shard_offset[SHARD_COUNT]);
    int rc = 1;
    while (rc == 1) {
        rc = run_reader_next(&r, &entry, &e);
    }
    assert_int_equal(rc, MILL_EIO);
    assert_int_equal(e.code, MILL_EIO);
    run_reader_deinit(&r);
}

static void a_full_disk_is_an_error(void **state)
{
    struct fixture *x = *state;
    struct shuffle_run run;
    struct error e = {0};
    struct mill_cell cell = number_cell(1, 1);
    add(&x->shuffle, 1, 12, &cell);
    shuffle_seal(&x->shuffle);
    x->shuffle.spill.fd = open("/dev/full", O_RDWR | O_CLOEXEC);
    assert_int_equal(run_file_write(&x->shuffle, &run, &e), MILL_ENOSPC);
    assert_int_equal(e.code, MILL_ENOSPC);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_come_back_bit_for_bit),
        TEST(bytes_of_any_size_come_back),
        TEST(the_largest_record_comes_back),
        TEST(several_runs_share_a_file),
        TEST(a_run_of_nothing_is_read_as_nothing),
        TEST(a_file_that_is_cut_is_an_error),
        TEST(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

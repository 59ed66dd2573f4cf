/* Goal: the records of a file are given whole and in order, up to the first place where there is
 * none. Method: files of records of many sizes, cut at every byte. */
#include "io/received_walk.h"
#include "received.h"

#define KEY   42
#define START 1000 /* of the file, in the log */

struct fixture {
    struct received x;
    struct disk_file file;
    struct received_walk walk;
    uint64_t size; /* of the file */
};

static int begin(void **state)
{
    struct fixture *f = memory_zero(1, sizeof *f);
    received_begin(&f->x, 1);
    received_walk_init(&f->walk);
    f->walk.disk = &f->x.disk;
    f->walk.key = KEY;
    assert_int_equal(disk_open(&f->x.disk, "f", DISK_CREATE, &f->file, NULL), 0);
    disk_close(&f->x.disk, &f->file);
    assert_int_equal(disk_open(&f->x.disk, "f", DISK_UPDATE, &f->file, NULL), 0);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    received_walk_deinit(&f->walk);
    disk_close(&f->x.disk, &f->file);
    received_end(&f->x);
    memory_free(f);
    return 0;
}

/* A record of `size` times the letter. */
static void add(struct fixture *f, char letter, size_t size)
{
    char *all = memory_alloc(RECEIVED_HEAD_BYTES + size);
    memset(all + RECEIVED_HEAD_BYTES, letter, size);
    struct received_record r = {.kind = RECEIVED_LINES, .size = (uint32_t)size};
    received_record_encode(&r, received_seed(KEY, START + f->size), all + RECEIVED_HEAD_BYTES, all);
    assert_int_equal(
        disk_write(&f->x.disk, &f->file, all, RECEIVED_HEAD_BYTES + size, f->size, NULL), 0);
    f->size += RECEIVED_HEAD_BYTES + size;
    memory_free(all);
}

static void walk_from(struct fixture *f, uint64_t at, uint64_t limit)
{
    received_walk_begin(&f->walk, &f->file, START, START + at, START + limit);
}

static void expect(struct fixture *f, char letter, size_t size)
{
    struct received_record r;
    struct slice bytes;
    assert_int_equal(received_walk_next(&f->walk, &r, &bytes, NULL), 1);
    assert_int_equal(r.size, size);
    assert_int_equal(bytes.size, size);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(bytes.data[i], letter);
    }
}

static int next(struct fixture *f)
{
    struct received_record r;
    struct slice bytes;
    return received_walk_next(&f->walk, &r, &bytes, NULL);
}

static void records_of_any_size_come_in_order(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {0, 1, 100, LIMIT_CHUNK_BYTES, 5, RECEIVED_BYTES_MAX, 3};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    for (size_t i = 0; i < COUNT; i++) {
        add(f, (char)('a' + i), sizes[i]);
    }
    for (int twice = 0; twice < 2; twice++) {
        walk_from(f, 0, f->size);
        for (size_t i = 0; i < COUNT; i++) {
            expect(f, (char)('a' + i), sizes[i]);
        }
        assert_int_equal(next(f), 0);
        assert_int_equal(next(f), 0);
        assert_int_equal(f->walk.at, START + f->size);
    }
    walk_from(f, RECEIVED_HEAD_BYTES, f->size);
    expect(f, 'b', 1);
}

static void a_file_cut_anywhere_gives_the_records_before(void **state)
{
    struct fixture *f = *state;
    add(f, 'a', 7);
    uint64_t first = f->size;
    add(f, 'b', 9);
    for (uint64_t cut = f->size; cut-- > 0;) {
        assert_int_equal(disk_truncate(&f->x.disk, &f->file, cut, NULL), 0);
        walk_from(f, 0, f->size);
        if (cut >= first) {
            expect(f, 'a', 7);
        }
        bool is_between = cut == 0 || cut == first;
        assert_int_equal(next(f), is_between ? 0 : MILL_ENOENT);
        assert_int_equal(f->walk.at, START + (cut >= first ? first : 0));
    }
}

static void nothing_behind_the_limit_is_read(void **state)
{
    struct fixture *f = *state;
    add(f, 'a', 7);
    uint64_t first = f->size;
    add(f, 'b', 9);
    walk_from(f, 0, first);
    expect(f, 'a', 7);
    assert_int_equal(next(f), 0);
    walk_from(f, 0, first + 5);
    expect(f, 'a', 7);
    assert_int_equal(next(f), MILL_ENOENT);
    walk_from(f, 0, 0);
    assert_int_equal(next(f), 0);
}

static void damage_ends_it(void **state)
{
    struct fixture *f = *state;
    add(f, 'a', 7);
    uint64_t first = f->size;
    add(f, 'b', 9);
    static const uint64_t places[] = {0, 8, 12, 20, RECEIVED_HEAD_BYTES};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char byte = 0;
        size_t size = 1;
        uint64_t at = first + places[i];
        assert_int_equal(disk_read_at(&f->x.disk, &f->file, &byte, &size, at, NULL), 0);
        char flipped = (char)(byte ^ 1);
        assert_int_equal(disk_write(&f->x.disk, &f->file, &flipped, 1, at, NULL), 0);
        walk_from(f, 0, f->size);
        expect(f, 'a', 7);
        assert_int_equal(next(f), MILL_ECORRUPT);
        assert_int_equal(disk_write(&f->x.disk, &f->file, &byte, 1, at, NULL), 0);
    }
}

static void a_disk_that_fails_is_no_end(void **state)
{
    struct fixture *f = *state;
    add(f, 'a', 7);
    walk_from(f, 0, f->size);
    fake_disk_fail(f->x.fake, 1, MILL_EIO);
    assert_int_equal(next(f), MILL_EIO);
    expect(f, 'a', 7);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(records_of_any_size_come_in_order), CASE(a_file_cut_anywhere_gives_the_records_before),
        CASE(nothing_behind_the_limit_is_read),  CASE(damage_ends_it),
        CASE(a_disk_that_fails_is_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

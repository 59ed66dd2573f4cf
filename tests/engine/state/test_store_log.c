/* Goal: of a log, only a last record that a power cut left with holes is cut off; everything else
 * is left as it is, and a store opens again after it.
 * Method: RocksDB writes logs; pages of them are zeroed, bits are flipped, ends are cut. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/disk.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "state/store.h"
#include "state/store_log.h"
#include "testing.h"

#define PAGE  ((uint64_t)4096)
#define BLOCK ((uint64_t)32768)

struct fixture {
    char *folder;
    char *path;
    char *log;
    uint64_t ends[4]; /* where record 1, 2 and 3 end in the log */
    uint32_t warnings;
};

static void count_warnings(void *context, enum log_level level, const char *line)
{
    struct fixture *x = context;
    x->warnings += level == LOG_WARN;
    assert_non_null(strstr(line, x->log));
}

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    x->folder = folder_create();
    x->path = text_path(x->folder, "store");
    log_to(count_warnings, x, LOG_WARN);
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    log_to(NULL, NULL, LOG_WARN);
    folder_remove(x->folder);
    memory_free(x->path);
    memory_free(x->log);
    memory_free(x);
    return 0;
}

static int keep_newest(void *context, const char *name)
{
    char **newest = context;
    if (text_ends_with(name, ".log") && (*newest == NULL || strcmp(name, *newest) > 0)) {
        memory_free(*newest);
        *newest = memory_text(name);
    }
    return 0;
}

static void find_log(struct fixture *x)
{
    struct disk d = disk_real();
    char *name = NULL;
    assert_int_equal(disk_list(&d, x->path, keep_newest, &name, NULL), 0);
    memory_free(x->log);
    x->log = text_path(x->path, name);
    memory_free(name);
}

static uint64_t log_size(const struct fixture *x)
{
    struct stat s;
    assert_int_equal(stat(x->log, &s), 0);
    return (uint64_t)s.st_size;
}

/* A store with three records in its log, each of a value without zeros, of so many bytes. */
static void write_records(struct fixture *x, size_t first, size_t second, size_t third)
{
    const size_t sizes[] = {first, second, third};
    struct store *s = NULL;
    struct store_batch *b = store_batch_create();
    assert_int_equal(store_open_rocksdb(x->path, true, &s, NULL), 0);
    find_log(x);
    for (int i = 0; i < 3; i++) {
        char *value = memory_alloc(sizes[i]);
        memset(value, 'a' + i, sizes[i]);
        store_batch_clear(b);
        store_batch_put(b, STORE_STATE, (struct slice){&"123"[i], 1},
                        (struct slice){value, sizes[i]});
        assert_int_equal(store_write(s, b, true, NULL), 0);
        x->ends[i + 1] = log_size(x);
        memory_free(value);
    }
    store_batch_destroy(b);
    store_close(s);
    /* As a kill leaves it: without what closing notes. */
    assert_int_equal(truncate(x->log, (off_t)x->ends[3]), 0);
}

static void zero(const struct fixture *x, uint64_t from, uint64_t to)
{
    static const char zeros[PAGE];
    int fd = open(x->log, O_WRONLY);
    while (from < to) {
        size_t n = to - from < PAGE ? (size_t)(to - from) : PAGE;
        assert_int_equal(pwrite(fd, zeros, n, (off_t)from), (ssize_t)n);
        from += n;
    }
    close(fd);
}

static void flip(const struct fixture *x, uint64_t at)
{
    int fd = open(x->log, O_RDWR);
    char byte = 0;
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte = (char)(byte ^ 1);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

/* How many of the records are in the store, which opens. */
static void assert_records(const struct fixture *x, uint32_t expected)
{
    struct store *s = NULL;
    struct error e = {0};
    assert_int_equal(store_open_rocksdb(x->path, false, &s, &e), 0);
    assert_int_equal(e.code, 0);
    struct store_iterator *i = store_iterate(s, STORE_STATE, (struct slice){0}, (struct slice){0});
    struct slice key;
    struct slice value;
    uint32_t count = 0;
    while (store_next(i, &key, &value, NULL) == 1) {
        count++;
        assert_int_equal(key.data[0], '0' + (int)count);
    }
    store_iterate_end(i);
    store_close(s);
    assert_int_equal(count, expected);
}

static void assert_refused(struct fixture *x)
{
    struct store *s = NULL;
    struct error e = {0};
    uint64_t before = log_size(x);
    assert_int_equal(store_log_mend(x->path, &e), 0);
    assert_int_equal(store_open_rocksdb(x->path, false, &s, &e), MILL_ECORRUPT);
    assert_int_equal(log_size(x), before);
    assert_int_equal(x->warnings, 0);
}

/* The last record is cut off, and the store opens with those before it. */
static void assert_mended(struct fixture *x, uint32_t records_left)
{
    assert_int_equal(store_log_mend(x->path, NULL), 1);
    assert_int_equal(log_size(x), x->ends[records_left]);
    assert_int_equal(store_log_mend(x->path, NULL), 0);
    assert_records(x, records_left);
}

static void forget_store(struct fixture *x)
{
    folder_remove(x->path);
    x->path = text_path(x->folder, "store");
}

/* --- torn --- */

static void a_last_record_with_a_lost_page_is_cut_off(void **state)
{
    struct fixture *x = *state;
    /* The page in which it begins, the one behind, one inside, the last whole one, several. */
    static const int pages[][2] = {{0, 1}, {1, 2}, {20, 21}, {-1, 0}, {0, 3}, {5, 40}};
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        write_records(x, 100, 5000, 300000);
        uint64_t start = x->ends[2];
        uint64_t first = start / PAGE * PAGE;
        uint64_t last = x->ends[3] / PAGE * PAGE;
        uint64_t from = pages[i][0] < 0 ? last - PAGE : first + (uint64_t)pages[i][0] * PAGE;
        uint64_t to = pages[i][0] < 0 ? last : first + (uint64_t)pages[i][1] * PAGE;
        zero(x, from < start ? start : from, to);
        assert_mended(x, 2);
        forget_store(x);
    }
    assert_int_equal(x->warnings, 6);
}

static void opening_a_store_mends_its_log(void **state)
{
    struct fixture *x = *state;
    write_records(x, 100, 5000, 300000);
    uint64_t page = (x->ends[2] / PAGE + 9) * PAGE;
    zero(x, page, page + PAGE);
    assert_records(x, 2);
    assert_int_equal(x->warnings, 1);
    assert_records(x, 2);
    assert_int_equal(x->warnings, 1);
}

static void a_short_last_record_of_which_nothing_came_is_cut_off(void **state)
{
    struct fixture *x = *state;
    write_records(x, 100, 5000, 60);
    zero(x, x->ends[2], x->ends[3]);
    assert_mended(x, 2);
}

static void a_torn_record_may_begin_near_the_end_of_a_block(void **state)
{
    struct fixture *x = *state;
    write_records(x, 1, 32000, 1);
    size_t overhead = (size_t)x->ends[2] - 32000;
    forget_store(x);
    for (size_t left = 0; left < 20; left++) {
        write_records(x, 1, BLOCK - left - overhead, 60000);
        assert_int_equal(x->ends[2], BLOCK - left);
        zero(x, BLOCK + 2 * PAGE, BLOCK + 3 * PAGE);
        assert_int_equal(store_log_mend(x->path, NULL), 1);
        /* Where no header fits, RocksDB fills the block up before it begins the next. */
        assert_int_equal(log_size(x), left < 7 ? BLOCK : BLOCK - left);
        assert_records(x, 2);
        forget_store(x);
    }
}

static void the_only_record_may_be_torn(void **state)
{
    struct fixture *x = *state;
    write_records(x, 50000, 100, 100);
    assert_int_equal(truncate(x->log, (off_t)x->ends[1]), 0);
    zero(x, PAGE, 2 * PAGE);
    assert_mended(x, 0);
}

/* Sizes whose records end at, and around, the end of a block. */
static size_t random_size(struct chance *c)
{
    static const size_t around[] = {32768, 65536, 131072};
    switch (chance_below(c, 3)) {
    case 0:
        return 1 + chance_below(c, 500);
    case 1:
        return 1 + chance_below(c, 200000);
    default:
        return around[chance_below(c, 3)] - chance_below(c, 64);
    }
}

static void tear_last_record(struct fixture *x, struct chance *c)
{
    uint64_t start = x->ends[2];
    uint64_t pages = (x->ends[3] - 1) / PAGE - start / PAGE + 1;
    for (uint32_t n = chance_below(c, 4); n > 0; n--) {
        uint64_t from = (start / PAGE + chance_next(c) % pages) * PAGE;
        uint64_t to = from + PAGE < x->ends[3] ? from + PAGE : x->ends[3];
        zero(x, from < start ? start : from, to);
    }
    if (chance_below(c, 3) == 0) {
        uint64_t size = start + chance_next(c) % (x->ends[3] - start);
        assert_int_equal(truncate(x->log, (off_t)size), 0);
    }
}

static void whatever_is_lost_of_the_last_record_the_store_opens(void **state)
{
    struct fixture *x = *state;
    struct chance c = {21};
    for (uint32_t r = 0; r < rounds(40); r++) {
        size_t sizes[] = {random_size(&c), random_size(&c), random_size(&c)};
        write_records(x, sizes[0], sizes[1], sizes[2]);
        tear_last_record(x, &c);
        struct store *s = NULL;
        assert_int_equal(store_open_rocksdb(x->path, false, &s, NULL), 0);
        struct buffer value;
        buffer_init(&value, 300000);
        for (int i = 0; i < 2; i++) {
            buffer_clear(&value);
            assert_int_equal(store_get(s, STORE_STATE, (struct slice){&"12"[i], 1}, &value, NULL),
                             0);
            assert_int_equal(value.size, sizes[i]);
        }
        buffer_clear(&value);
        bool whole = store_get(s, STORE_STATE, (struct slice){"3", 1}, &value, NULL) == 0;
        assert_int_equal(value.size, whole ? sizes[2] : 0);
        buffer_deinit(&value);
        store_close(s);
        forget_store(x);
    }
}

/* --- not torn --- */

static void a_whole_log_is_left_as_it_is(void **state)
{
    struct fixture *x = *state;
    static const size_t sizes[][3] = {
        {1, 1, 1}, {100, 40000, 70000}, {32700, 32768, 65536}, {32740, 20, 200000}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        write_records(x, sizes[i][0], sizes[i][1], sizes[i][2]);
        assert_int_equal(store_log_mend(x->path, NULL), 0);
        assert_int_equal(log_size(x), x->ends[3]);
        assert_records(x, 3);
        folder_remove(x->path);
        x->path = text_path(x->folder, "store");
    }
}

static void a_cut_end_is_left_to_rocksdb(void **state)
{
    struct fixture *x = *state;
    write_records(x, 100, 5000, 100000);
    for (uint64_t size = x->ends[3] - 1; size > x->ends[2]; size -= 997) {
        assert_int_equal(truncate(x->log, (off_t)size), 0);
        assert_int_equal(store_log_mend(x->path, NULL), 0);
        assert_int_equal(log_size(x), size);
    }
    assert_records(x, 2);
}

static void a_lost_page_before_the_last_record_is_damage(void **state)
{
    struct fixture *x = *state;
    struct chance c = {22};
    for (uint32_t r = 0; r < rounds(20); r++) {
        write_records(x, random_size(&c), 2 * PAGE + random_size(&c), random_size(&c));
        uint64_t start = x->ends[1];
        uint64_t page = (start / PAGE + chance_next(&c) % ((x->ends[2] - start) / PAGE)) * PAGE;
        uint64_t stop = page + PAGE < x->ends[2] ? page + PAGE : x->ends[2];
        zero(x, page < start ? start : page, stop);
        assert_int_equal(store_log_mend(x->path, NULL), 0);
        assert_int_equal(log_size(x), x->ends[3]);
        forget_store(x);
    }
    assert_int_equal(x->warnings, 0);
}

static void a_lost_record_in_the_block_of_the_next_is_refused(void **state)
{
    struct fixture *x = *state;
    write_records(x, 100, 9000, 300);
    uint64_t page = (x->ends[1] / PAGE + 1) * PAGE;
    zero(x, page, page + PAGE);
    assert_true(x->ends[3] < BLOCK);
    assert_refused(x);
}

static void only_the_newest_log_is_looked_at(void **state)
{
    struct fixture *x = *state;
    write_records(x, 100, 5000, 70000);
    uint64_t page = (x->ends[2] / PAGE + 2) * PAGE;
    zero(x, page, page + PAGE);
    struct disk d = disk_real();
    struct buffer torn;
    buffer_init(&torn, 1u << 20);
    assert_int_equal(disk_read(&d, x->log, &torn, NULL), 0);
    char *other = text_path(x->folder, "other");
    static const char *const names[] = {"999999.log", "1000000.log", "000001.log", "LOG.2000000"};
    assert_int_equal(disk_make_folder(&d, other, NULL), 0);
    for (int i = 0; i < 4; i++) {
        char *path = text_path(other, names[i]);
        assert_int_equal(disk_replace(&d, path, torn.data, torn.size, NULL), 0);
        memory_free(path);
    }
    memory_free(x->log);
    x->log = text_path(other, "1000000.log");
    assert_int_equal(store_log_mend(other, NULL), 1);
    for (int i = 0; i < 4; i++) {
        struct disk_entry entry;
        char *path = text_path(other, names[i]);
        assert_int_equal(disk_look(&d, path, &entry, NULL), 0);
        assert_int_equal(entry.size, i == 1 ? x->ends[2] : torn.size);
        memory_free(path);
    }
    memory_free(other);
    buffer_deinit(&torn);
}

static void a_flipped_bit_is_damage_in_any_record(void **state)
{
    struct fixture *x = *state;
    write_records(x, 100, 5000, 300000);
    const uint64_t places[] = {0,
                               4,
                               6,
                               50,
                               x->ends[1] + 2,
                               x->ends[1] + 3000,
                               x->ends[2],
                               x->ends[2] + 40,
                               x->ends[2] + 100000,
                               x->ends[3] - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        flip(x, places[i]);
        assert_refused(x);
        flip(x, places[i]);
    }
    assert_records(x, 3);
}

static void a_folder_without_a_log_is_nothing(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(store_log_mend(x->folder, NULL), 0);
    assert_int_equal(store_log_mend("/nowhere/at/all", NULL), MILL_ENOENT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_last_record_with_a_lost_page_is_cut_off),
        TEST(opening_a_store_mends_its_log),
        TEST(a_short_last_record_of_which_nothing_came_is_cut_off),
        TEST(a_torn_record_may_begin_near_the_end_of_a_block),
        TEST(the_only_record_may_be_torn),
        TEST(whatever_is_lost_of_the_last_record_the_store_opens),
        TEST(a_whole_log_is_left_as_it_is),
        TEST(a_cut_end_is_left_to_rocksdb),
        TEST(a_lost_page_before_the_last_record_is_damage),
        TEST(a_lost_record_in_the_block_of_the_next_is_refused),
        TEST(only_the_newest_log_is_looked_at),
        TEST(a_flipped_bit_is_damage_in_any_record),
        TEST(a_folder_without_a_log_is_nothing),
    };
    return cmocka_run_group_tests_name("state/store_log", tests, NULL, NULL);
}

/* Goal: what the store on disk leaves behind when its files are cut, damaged or locked, when the
 * disk fails, and when the process is killed; and that it refuses what it cannot answer for.
 * Method: each test has its own folder. The log is cut and damaged byte by byte; the disk fails
 * through write() and fdatasync() of this file, which RocksDB finds before those of the C library;
 * the killed process is this program, started again. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <rocksdb/c.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/disk.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "state/store.h"
#include "testing.h"

/* --- a disk that fails --- */

static int write_errno; /* of the next write to a log; 0: none fails */
static int sync_errno;

static bool is_log(int fd)
{
    char *link = text_format("/proc/self/fd/%d", fd);
    char path[4096];
    ssize_t n = readlink(link, path, sizeof path - 1);
    memory_free(link);
    path[n < 0 ? 0 : n] = '\0';
    return text_ends_with(path, ".log");
}

__attribute__((visibility("default"))) ssize_t write(int fd, const void *buf, size_t n)
{
    if (write_errno != 0 && is_log(fd)) {
        errno = write_errno;
        return -1;
    }
    return syscall(SYS_write, fd, buf, n);
}

__attribute__((visibility("default"))) int fdatasync(int fildes)
{
    if (sync_errno != 0 && is_log(fildes)) {
        errno = sync_errno;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fildes);
}

/* --- steps --- */

struct fixture {
    char *folder;
    char *path;
    struct store *store;
    struct store_batch *batch;
    struct error error;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    x->folder = folder_create();
    x->path = text_path(x->folder, "store");
    x->batch = store_batch_create();
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    store_close(x->store);
    store_batch_destroy(x->batch);
    folder_remove(x->folder);
    memory_free(x->path);
    memory_free(x);
    return 0;
}

static void start_over(struct fixture *x)
{
    store_close(x->store);
    x->store = NULL;
    folder_remove(x->folder);
    memory_free(x->path);
    x->folder = folder_create();
    x->path = text_path(x->folder, "store");
}

static int open_again(struct fixture *x)
{
    store_close(x->store);
    return store_open_rocksdb(x->path, true, &x->store, &x->error);
}

static struct slice text(const char *s)
{
    return (struct slice){s, strlen(s)};
}

#define BATCH_KEYS 100

/* A batch's keys all have its number for a value, so that half of one shows. */
static int write_numbered(struct fixture *x, uint32_t number, bool sync)
{
    store_batch_clear(x->batch);
    for (uint32_t i = 0; i < BATCH_KEYS; i++) {
        char key[8];
        bytes_put_u32(key, i);
        store_batch_put(x->batch, STORE_STATE, (struct slice){key, 4},
                        (struct slice){(const char *)&number, sizeof number});
    }
    store_batch_put(x->batch, STORE_META, text("epoch"),
                    (struct slice){(const char *)&number, sizeof number});
    return store_write(x->store, x->batch, sync, &x->error);
}

/* The number that META and every key of STATE hold; 0: there is none. */
static uint32_t number_in(struct store *s)
{
    struct buffer b;
    buffer_init(&b, 16);
    uint32_t number = 0;
    if (store_get(s, STORE_META, text("epoch"), &b, NULL) == 0) {
        memcpy(&number, b.data, sizeof number);
    }
    buffer_deinit(&b);
    uint32_t count = 0;
    struct slice key;
    struct slice value;
    struct store_iterator *i = store_iterate(s, STORE_STATE, (struct slice){0}, (struct slice){0});
    while (store_next(i, &key, &value, NULL) == 1) {
        assert_memory_equal(value.data, &number, sizeof number);
        count++;
    }
    store_iterate_end(i);
    assert_int_equal(count, number == 0 ? 0 : BATCH_KEYS);
    return number;
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

static char *newest_log(const struct fixture *x)
{
    struct disk d = disk_real();
    char *name = NULL;
    assert_int_equal(disk_list(&d, x->path, keep_newest, &name, NULL), 0);
    assert_non_null(name);
    char *path = text_path(x->path, name);
    memory_free(name);
    return path;
}

static uint64_t log_size(const struct fixture *x)
{
    struct disk d = disk_real();
    struct disk_entry entry;
    char *path = newest_log(x);
    assert_int_equal(disk_look(&d, path, &entry, NULL), 0);
    memory_free(path);
    return entry.size;
}

static void damage(const char *path, uint64_t at)
{
    int fd = open(path, O_RDWR);
    char byte = 0;
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte = (char)(byte ^ 0x40);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

static void assert_message_names(const struct fixture *x, const char *part)
{
    assert_non_null(strstr(x->error.message, x->path));
    assert_non_null(strstr(x->error.message, part));
    assert_null(strchr(x->error.message, '\n'));
}

/* --- opening --- */

static void a_second_opening_in_this_process_is_refused(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(open_again(x), 0);
    assert_int_equal(write_numbered(x, 1, true), 0);
    struct store *second = NULL;
    assert_int_equal(store_open_rocksdb(x->path, false, &second, &x->error), MILL_EREFUSED);
    assert_null(second);
    assert_message_names(x, "open in another process");
    assert_int_equal(write_numbered(x, 2, true), 0);
    assert_int_equal(number_in(x->store), 2);
}

/* What RocksDB does to hold a database. */
static void hold_lock(const char *path, int ready)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR);
    bool held = fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0;
    if (write(ready, held ? "y" : "n", 1) == 1) {
        pause();
    }
    _exit(0);
}

static void a_store_of_another_process_is_refused(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(open_again(x), 0);
    store_close(x->store);
    x->store = NULL;
    char *lock = text_path(x->path, "LOCK");
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t other = fork();
    if (other == 0) {
        hold_lock(lock, ready[1]);
    }
    char answer = 0;
    assert_int_equal(read(ready[0], &answer, 1), 1);
    assert_int_equal(answer, 'y');
    assert_int_equal(open_again(x), MILL_EREFUSED);
    assert_message_names(x, "stop that one first");
    kill(other, SIGKILL);
    assert_int_equal(waitpid(other, NULL, 0), other);
    assert_int_equal(open_again(x), 0);
    close(ready[0]);
    close(ready[1]);
    memory_free(lock);
}

/* A database of RocksDB that has only some families, and one besides. */
static void make_families(const char *path, const char *other)
{
    char *text = NULL;
    rocksdb_options_t *o = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(o, 1);
    rocksdb_t *db = rocksdb_open(o, path, &text);
    assert_null(text);
    rocksdb_column_family_handle_t *f = rocksdb_create_column_family(db, o, other, &text);
    assert_null(text);
    rocksdb_column_family_handle_destroy(f);
    rocksdb_close(db);
    rocksdb_options_destroy(o);
}

static void a_store_whose_making_was_cut_short_is_made_whole(void **state)
{
    struct fixture *x = *state;
    make_families(x->path, "meta");
    assert_int_equal(store_open_rocksdb(x->path, false, &x->store, &x->error), 0);
    assert_int_equal(write_numbered(x, 1, true), 0);
    assert_int_equal(number_in(x->store), 1);
}

static void a_store_with_an_unknown_family_is_refused(void **state)
{
    struct fixture *x = *state;
    make_families(x->path, "invention");
    assert_int_equal(store_open_rocksdb(x->path, true, &x->store, &x->error), MILL_EREFUSED);
    assert_message_names(x, "newer tidemill");
}

static void data_without_its_index_is_not_taken_for_an_empty_folder(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(open_again(x), 0);
    assert_int_equal(write_numbered(x, 1, true), 0);
    store_close(x->store);
    x->store = NULL;
    char *current = text_path(x->path, "CURRENT");
    char *aside = text_path(x->path, "aside");
    assert_int_equal(rename(current, aside), 0);
    assert_int_equal(open_again(x), MILL_ECORRUPT);
    assert_message_names(x, "CURRENT is missing");
    assert_int_equal(store_open_rocksdb(x->path, false, &x->store, NULL), MILL_ENOENT);
    assert_int_equal(rename(aside, current), 0);
    assert_int_equal(open_again(x), 0);
    assert_int_equal(number_in(x->store), 1);
    memory_free(current);
    memory_free(aside);
}

/* --- a log that is cut or damaged --- */

/* Two synced batches and one that is not; gives where the third begins in the log, and its end. */
static void write_three(struct fixture *x, uint64_t *start, uint64_t *stop)
{
    assert_int_equal(open_again(x), 0);
    assert_int_equal(write_numbered(x, 1, true), 0);
    uint64_t first = log_size(x);
    assert_int_equal(write_numbered(x, 2, true), 0);
    *start = log_size(x);
    assert_int_equal(*start, 2 * first); /* each batch is written once */
    assert_int_equal(write_numbered(x, 3, false), 0);
    *stop = log_size(x);
    assert_true(*stop > *start + (uint64_t)BATCH_KEYS * 8);
    store_close(x->store);
    x->store = NULL;
}

static void cut_log(const struct fixture *x, uint64_t size)
{
    char *path = newest_log(x);
    assert_int_equal(truncate(path, (off_t)size), 0);
    memory_free(path);
}

static void a_torn_last_batch_is_wholly_there_or_wholly_absent(void **state)
{
    struct fixture *x = *state;
    /* How many bytes are left of it, or (below 0) missing: in its header, its first bytes, its
     * middle, its last bytes, and none. */
    static const int cuts[] = {0, 1, 4, 6, 7, 8, 11, 12, 19, 20, 100, 500, -500, -20, -2, -1};
    for (size_t i = 0; i <= sizeof cuts / sizeof cuts[0]; i++) {
        start_over(x);
        uint64_t start = 0;
        uint64_t stop = 0;
        write_three(x, &start, &stop);
        bool whole = i == sizeof cuts / sizeof cuts[0];
        if (!whole) {
            cut_log(x, cuts[i] < 0 ? stop - (uint64_t)-cuts[i] : start + (uint64_t)cuts[i]);
        }
        assert_int_equal(open_again(x), 0);
        assert_int_equal(number_in(x->store), whole ? 3 : 2);
        assert_int_equal(write_numbered(x, 4, true), 0);
        assert_int_equal(open_again(x), 0);
        assert_int_equal(number_in(x->store), 4);
    }
}

static void a_log_that_is_damaged_inside_is_refused(void **state)
{
    struct fixture *x = *state;
    for (int where = 0; where < 3; where++) {
        start_over(x);
        uint64_t start = 0;
        uint64_t stop = 0;
        write_three(x, &start, &stop);
        char *path = newest_log(x);
        /* The checksum of the first batch, its middle, the end of the second. */
        const uint64_t places[] = {1, start / 4, start - 2};
        damage(path, places[where]);
        assert_int_equal(open_again(x), MILL_ECORRUPT);
        assert_null(x->store);
        assert_message_names(x, "backup");
        damage(path, places[where]); /* the same bit again: it was not touched by the refusal */
        assert_int_equal(open_again(x), 0);
        assert_int_equal(number_in(x->store), 3);
        memory_free(path);
    }
}

static void space_that_was_reserved_behind_the_log_is_nothing(void **state)
{
    struct fixture *x = *state;
    uint64_t start = 0;
    uint64_t stop = 0;
    write_three(x, &start, &stop);
    cut_log(x, stop + 100000); /* longer: zeros */
    assert_int_equal(open_again(x), 0);
    assert_int_equal(number_in(x->store), 3);
}

/* --- tables --- */

static int keep_table(void *context, const char *name)
{
    char **table = context;
    if (text_ends_with(name, ".sst")) {
        memory_free(*table);
        *table = memory_text(name);
    }
    return 0;
}

/* Path of the one table that there is; NULL for none. */
static char *find_table(const struct fixture *x)
{
    struct disk d = disk_real();
    char *name = NULL;
    assert_int_equal(disk_list(&d, x->path, keep_table, &name, NULL), 0);
    char *path = name == NULL ? NULL : text_path(x->path, name);
    memory_free(name);
    return path;
}

/* A batch that would not have room beside it moves what the memtable holds into a table. */
static void write_into_table(struct fixture *x, const char *key, const char *value)
{
    store_batch_put(x->batch, STORE_STATE, text(key), text(value));
    assert_int_equal(store_write(x->store, x->batch, true, NULL), 0);
    store_batch_clear(x->batch);
    assert_null(find_table(x));
    size_t size = LIMIT_MEMTABLE_BYTES * LIMIT_MEMTABLE_COUNT / 2;
    char *large = memory_zero(1, size);
    store_batch_put(x->batch, STORE_STATE, text("large"), (struct slice){large, size});
    assert_int_equal(store_write(x->store, x->batch, true, NULL), 0);
    memory_free(large);
}

static void a_large_batch_waits_for_those_before_it(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(open_again(x), 0);
    write_into_table(x, "key", "value");
    char *path = find_table(x);
    assert_non_null(path);
    memory_free(path);
}

static void damaged_data_is_an_error_for_reads_and_walks(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(open_again(x), 0);
    write_into_table(x, "key", "a value that is looked for");
    char *path = find_table(x);
    store_close(x->store);
    x->store = NULL;
    damage(path, 8); /* in the first block: the data */
    assert_int_equal(open_again(x), 0);
    struct buffer b;
    buffer_init(&b, 100);
    assert_int_equal(store_get(x->store, STORE_STATE, text("key"), &b, &x->error), MILL_ECORRUPT);
    assert_message_names(x, "damaged");
    struct store_iterator *i =
        store_iterate(x->store, STORE_STATE, (struct slice){0}, (struct slice){0});
    struct slice key;
    struct slice value;
    assert_int_equal(store_next(i, &key, &value, &x->error), MILL_ECORRUPT);
    assert_int_equal(store_next(i, &key, &value, &x->error), MILL_ECORRUPT);
    store_iterate_end(i);
    buffer_deinit(&b);
    memory_free(path);
}

/* --- a disk that fails --- */

static void a_full_disk_changes_nothing_and_can_be_tried_again(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(open_again(x), 0);
    assert_int_equal(write_numbered(x, 1, true), 0);
    write_errno = ENOSPC;
    assert_int_equal(write_numbered(x, 2, true), MILL_ENOSPC);
    assert_true(error_is_retriable(x->error.code));
    assert_message_names(x, "disk is full");
    assert_int_equal(number_in(x->store), 1);
    assert_int_equal(write_numbered(x, 2, false), MILL_ENOSPC);
    write_errno = 0;
    assert_int_equal(open_again(x), 0);
    assert_int_equal(number_in(x->store), 1);
    assert_int_equal(write_numbered(x, 2, true), 0);
    assert_int_equal(number_in(x->store), 2);
}

static void a_failed_sync_is_the_end_whatever_its_reason(void **state)
{
    struct fixture *x = *state;
    static const int reasons[] = {EIO, ENOSPC};
    assert_int_equal(open_again(x), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(write_numbered(x, 1, true), 0);
        sync_errno = reasons[i];
        assert_int_equal(write_numbered(x, 2, true), MILL_ESYNC);
        sync_errno = 0;
        assert_true(error_is_fatal(x->error.code));
        assert_message_names(x, "look at the disk");
        assert_int_equal(open_again(x), 0);
    }
}

static void a_failed_write_is_the_end_synced_or_not(void **state)
{
    struct fixture *x = *state;
    for (int sync = 0; sync < 2; sync++) {
        assert_int_equal(open_again(x), 0);
        write_errno = EIO;
        assert_int_equal(write_numbered(x, 1, sync == 1), MILL_ESYNC);
        write_errno = 0;
    }
    assert_int_equal(open_again(x), 0);
    assert_int_equal(number_in(x->store), 0);
}

#ifdef TIDEMILL_FAILPOINTS
static void the_failpoint_fails_synced_writes_before_they_happen(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(open_again(x), 0);
    assert_int_equal(write_numbered(x, 1, true), 0);
    assert_int_equal(failpoint_configure("commit_write:enospc@1+", NULL), 0);
    assert_int_equal(write_numbered(x, 2, true), MILL_ENOSPC);
    assert_int_equal(failpoint_configure("commit_write:eio@1+", NULL), 0);
    assert_int_equal(write_numbered(x, 2, true), MILL_ESYNC);
    assert_int_equal(number_in(x->store), 1);
    assert_int_equal(write_numbered(x, 3, false), 0);
    assert_int_equal(failpoint_configure("commit_write:delay@1000000000", NULL), 0);
    assert_int_equal(write_numbered(x, 4, true), 0);
    assert_int_equal(number_in(x->store), 4);
}
#endif

/* --- the budget --- */

static int keep_options(void *context, const char *name)
{
    char **newest = context;
    if (text_starts_with(name, "OPTIONS-") && (*newest == NULL || strcmp(name, *newest) > 0)) {
        memory_free(*newest);
        *newest = memory_text(name);
    }
    return 0;
}

/* What a section of RocksDB's own list of its options has for a name; 0: no such line. */
static unsigned long option(const char *options, const char *section, const char *name)
{
    const char *at = strstr(options, section);
    const char *stop = at == NULL ? NULL : strstr(at, "\n[");
    const char *line = at == NULL ? NULL : strstr(at, name);
    return line != NULL && line < stop ? strtoul(line + strlen(name), NULL, 10) : 0;
}

static void rocksdb_has_the_budget_of_limits_h(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(open_again(x), 0);
    struct disk d = disk_real();
    char *name = NULL;
    assert_int_equal(disk_list(&d, x->path, keep_options, &name, NULL), 0);
    assert_non_null(name);
    char *path = text_path(x->path, name);
    struct buffer b;
    buffer_init(&b, 1u << 20);
    assert_int_equal(disk_read(&d, path, &b, NULL), 0);
    assert_int_equal(buffer_append_byte(&b, 0), 0);
    const char *all = "[DBOptions]";
    uint64_t memtables = LIMIT_MEMTABLE_BYTES * LIMIT_MEMTABLE_COUNT;
    assert_int_equal(option(b.data, all, "\n  db_write_buffer_size="), memtables);
    assert_int_equal(option(b.data, all, "\n  max_total_wal_size="), LIMIT_LOG_BYTES);
    assert_int_equal(option(b.data, all, "\n  max_background_jobs="), 2);
    assert_in_range(option(b.data, all, "\n  max_open_files="), 64, 512);
    assert_non_null(strstr(b.data, "paranoid_checks=true"));
    uint64_t others = 0;
    static const char *const families[] = {"[CFOptions \"default\"]", "[CFOptions \"meta\"]",
                                           "[CFOptions \"outbox\"]", "[CFOptions \"redo\"]",
                                           "[CFOptions \"state\"]"};
    for (int f = 0; f < 5; f++) {
        uint64_t each = option(b.data, families[f], "\n  write_buffer_size=");
        uint64_t count = option(b.data, families[f], "\n  max_write_buffer_number=");
        assert_true(each > 0 && count >= 2);
        if (f == 4) {
            assert_int_equal(each * count, memtables);
            assert_true(count >= 3); /* one to fill, one on its way to disk, one to spare */
        } else {
            others += each * count;
        }
    }
    assert_in_range(others, 1, memtables / 4);
    buffer_deinit(&b);
    memory_free(path);
    memory_free(name);
}

static int count_logs(void *context, const char *name)
{
    uint64_t *count = context;
    *count += text_ends_with(name, ".log") ? 1 : 0;
    return 0;
}

static void more_than_the_memtables_hold_is_kept(void **state)
{
    struct fixture *x = *state;
    struct chance c = {5};
    char *bytes = memory_alloc(1u << 20);
    chance_bytes(&c, bytes, 1u << 20);
    assert_int_equal(open_again(x), 0);
    for (uint32_t epoch = 0; epoch < 6; epoch++) {
        store_batch_clear(x->batch);
        for (uint32_t i = 0; i < 30; i++) {
            uint32_t key = epoch * 30 + i;
            memcpy(bytes, &key, sizeof key);
            store_batch_put(x->batch, STORE_STATE, (struct slice){(const char *)&key, sizeof key},
                            (struct slice){bytes, 1u << 20});
        }
        store_batch_put(x->batch, STORE_META, text("epoch"), text("n"));
        assert_int_equal(store_write(x->store, x->batch, false, NULL), 0);
    }
    memory_free(bytes);
    uint64_t logs = 0;
    struct disk d = disk_real();
    assert_int_equal(disk_list(&d, x->path, count_logs, &logs, NULL), 0);
    assert_true(logs < 6); /* LIMIT_LOG_BYTES: older ones went */
    assert_int_equal(open_again(x), 0);
    struct buffer b;
    buffer_init(&b, 1u << 20);
    for (uint32_t key = 0; key < 180; key++) {
        buffer_clear(&b);
        struct slice k = {(const char *)&key, sizeof key};
        assert_int_equal(store_get(x->store, STORE_STATE, k, &b, NULL), 0);
        assert_memory_equal(b.data, &key, sizeof key);
    }
    buffer_deinit(&b);
}

static int count_notes(void *context, const char *name)
{
    uint32_t *count = context;
    *count += text_starts_with(name, "LOG");
    return 0;
}

static void the_folder_holds_few_files_of_notes(void **state)
{
    struct fixture *x = *state;
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(open_again(x), 0);
    }
    struct disk d = disk_real();
    uint32_t count = 0;
    assert_int_equal(disk_list(&d, x->path, count_notes, &count, NULL), 0);
    assert_in_range(count, 1, 3);
}

/* --- a process that is killed --- */

/* This program as the child: write batches, synced, and say the number of each that is. */
static int write_until_killed(const char *path, const char *first)
{
    struct fixture x = {.batch = store_batch_create()};
    if (store_open_rocksdb(path, true, &x.store, NULL) != 0) {
        return 1;
    }
    for (uint32_t number = (uint32_t)strtoul(first, NULL, 10);; number++) {
        if (write_numbered(&x, number, true) != 0 ||
            write(STDOUT_FILENO, &number, sizeof number) != (ssize_t)sizeof number) {
            return 1;
        }
    }
}

static pid_t start_child(const char *path, uint32_t first, int *numbers)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    char *number = text_format("%u", first);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execl("/proc/self/exe", "test_store_rocksdb", path, number, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    memory_free(number);
    *numbers = ends[0];
    return child;
}

static void what_was_synced_outlasts_a_kill(void **state)
{
    struct fixture *x = *state;
    struct chance c = {9};
    uint32_t synced = 0;
    for (uint32_t round = 0; round < rounds(8); round++) {
        int numbers = -1;
        pid_t child = start_child(x->path, synced + 1, &numbers);
        for (uint32_t n = 1 + chance_below(&c, 20); n > 0; n--) {
            assert_int_equal(read(numbers, &synced, sizeof synced), sizeof synced);
        }
        usleep(chance_below(&c, 2000));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        while (read(numbers, &synced, sizeof synced) == (ssize_t)sizeof synced) {
        }
        close(numbers);
        assert_int_equal(open_again(x), 0);
        uint32_t found = number_in(x->store);
        assert_true(found == synced || found == synced + 1);
        synced = found;
        store_close(x->store);
        x->store = NULL;
    }
}

struct writer {
    struct store *store;
    char name;
    int failures;
};

/* Batches of 50 keys that all get the batch's number. */
static void *write_batches(void *context)
{
    struct writer *w = context;
    struct store_batch *b = store_batch_create();
    for (uint32_t n = 0; n < 100; n++) {
        store_batch_clear(b);
        for (uint32_t i = 0; i < 50; i++) {
            char key[2] = {w->name, (char)i};
            store_batch_put(b, STORE_STATE, (struct slice){key, 2},
                            (struct slice){(const char *)&n, sizeof n});
        }
        w->failures += store_write(w->store, b, true, NULL) != 0;
    }
    store_batch_destroy(b);
    return NULL;
}

static void writes_of_several_threads_are_whole(void **state)
{
    struct fixture *x = *state;
    struct writer writers[4];
    pthread_t threads[4];
    assert_int_equal(open_again(x), 0);
    for (int t = 0; t < 4; t++) {
        writers[t] = (struct writer){.store = x->store, .name = "abcd"[t]};
        assert_int_equal(pthread_create(&threads[t], NULL, write_batches, &writers[t]), 0);
    }
    for (int t = 0; t < 4; t++) {
        pthread_join(threads[t], NULL);
        assert_int_equal(writers[t].failures, 0);
    }
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(x->store, STORE_STATE, none, none);
    struct slice key;
    struct slice value;
    uint32_t count = 0;
    while (store_next(i, &key, &value, NULL) == 1) {
        assert_int_equal(value.data[0], 99);
        count++;
    }
    store_iterate_end(i);
    assert_int_equal(count, 200);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(int argc, char **argv)
{
    if (argc == 3) {
        return write_until_killed(argv[1], argv[2]);
    }
    const struct CMUnitTest tests[] = {
        TEST(a_second_opening_in_this_process_is_refused),
        TEST(a_store_of_another_process_is_refused),
        TEST(a_store_whose_making_was_cut_short_is_made_whole),
        TEST(a_store_with_an_unknown_family_is_refused),
        TEST(data_without_its_index_is_not_taken_for_an_empty_folder),
        TEST(a_torn_last_batch_is_wholly_there_or_wholly_absent),
        TEST(a_log_that_is_damaged_inside_is_refused),
        TEST(space_that_was_reserved_behind_the_log_is_nothing),
        TEST(a_large_batch_waits_for_those_before_it),
        TEST(damaged_data_is_an_error_for_reads_and_walks),
        TEST(a_full_disk_changes_nothing_and_can_be_tried_again),
        TEST(a_failed_sync_is_the_end_whatever_its_reason),
        TEST(a_failed_write_is_the_end_synced_or_not),
#ifdef TIDEMILL_FAILPOINTS
        TEST(the_failpoint_fails_synced_writes_before_they_happen),
#endif
        TEST(rocksdb_has_the_budget_of_limits_h),
        TEST(more_than_the_memtables_hold_is_kept),
        TEST(the_folder_holds_few_files_of_notes),
        TEST(what_was_synced_outlasts_a_kill),
        TEST(writes_of_several_threads_are_whole),
    };
    return cmocka_run_group_tests_name("state/store_rocksdb", tests, NULL, NULL);
}

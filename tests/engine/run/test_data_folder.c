/* Goal: one engine has a data directory, its store has one id for ever, and it comes back at its
 * newest epoch; a format that is newer, damage, and a directory in use are refused. Method: real
 * directories, opened twice, again, and with records that are wrong. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "run/data_folder.h"
#include "state/keys.h"
#include "testing.h"

struct fixture {
    char *root;
    char *path;
    struct data_folder d;
    bool is_open;
    struct error e;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    x->root = folder_create();
    x->path = text_path(x->root, "a/job");
    *state = x;
    return 0;
}

static void shut(struct fixture *x)
{
    if (x->is_open) {
        data_folder_close(&x->d);
        x->is_open = false;
    }
}

static int end(void **state)
{
    struct fixture *x = *state;
    shut(x);
    folder_remove(x->root);
    memory_free(x->path);
    memory_free(x);
    return 0;
}

static int open_again(struct fixture *x)
{
    shut(x);
    x->e = (struct error){0};
    int rc = data_folder_open(&x->d, x->path, false, &x->e);
    x->is_open = rc == 0;
    return rc;
}

static void put(struct fixture *x, const char *key, const char *value, size_t size)
{
    struct store_key k = store_key_text(key);
    struct store_batch *batch = store_batch_create();
    store_batch_put(batch, STORE_META, store_key_slice(&k), (struct slice){value, size});
    assert_int_equal(store_write(x->d.store, batch, true, NULL), 0);
    store_batch_destroy(batch);
}

static bool is_there(struct fixture *x, const char *name)
{
    struct stat s;
    char *path = text_path(x->path, name);
    bool there = stat(path, &s) == 0;
    memory_free(path);
    return there;
}

static void a_new_directory_has_everything(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(open_again(x), 0);
    assert_true(is_there(x, "LOCK") && is_there(x, "store") && is_there(x, "outbox"));
    assert_true(is_there(x, "spill"));
    assert_true(x->d.last.number == 0 && !x->d.in_memory);
    assert_true(x->d.store_id != 0);
}

static void a_store_keeps_its_id(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(open_again(x), 0);
    uint64_t id = x->d.store_id;
    assert_int_equal(open_again(x), 0);
    assert_true(x->d.store_id == id);
    assert_int_equal(data_folder_reopen(&x->d, NULL), 0);
    assert_true(x->d.store_id == id);
}

static void two_stores_have_two_ids(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(open_again(x), 0);
    uint64_t id = x->d.store_id;
    memory_free(x->path);
    x->path = text_path(x->root, "other");
    assert_int_equal(open_again(x), 0);
    assert_false(x->d.store_id == id);
}

static void a_second_engine_is_refused(void **state)
{
    struct fixture *x = *state;
    struct data_folder second;
    struct error e = {0};
    char pid[32];
    assert_int_equal(open_again(x), 0);
    assert_int_equal(data_folder_open(&second, x->path, false, &e), MILL_EREFUSED);
    snprintf(pid, sizeof pid, "(process %ld)", (long)getpid());
    assert_non_null(strstr(e.message, "is in use by another engine"));
    assert_non_null(strstr(e.message, pid));
    shut(x);
    assert_int_equal(open_again(x), 0);
}

static void it_comes_back_at_its_newest_epoch(void **state)
{
    struct fixture *x = *state;
    struct epoch_record record = {.number = 42, .time_ms = 5000};
    struct buffer b;
    buffer_init(&b, 1000);
    assert_int_equal(epoch_record_encode(&record, &b), 0);
    assert_int_equal(open_again(x), 0);
    put(x, "epoch", b.data, b.size);
    buffer_deinit(&b);
    assert_int_equal(open_again(x), 0);
    assert_true(x->d.last.number == 42 && x->d.last.time_ms == 5000);
    put(x, "epoch", "rubbish", 7);
    assert_int_equal(data_folder_reopen(&x->d, &x->e), MILL_ECORRUPT);
}

static void a_newer_format_is_refused(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(open_again(x), 0);
    put(x, "version", "\0\0\0\2\0\0\0\0\0\0\0\1", 12);
    assert_int_equal(open_again(x), MILL_EREFUSED);
    assert_non_null(
        strstr(x->e.message, "written by a newer tidemill (format 2, this one reads 1)"));
}

static void a_damaged_version_is_told(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(open_again(x), 0);
    put(x, "version", "\0\0\0\1", 4);
    assert_int_equal(open_again(x), MILL_ECORRUPT);
}

static void parts_that_no_commit_names_are_gone(void **state)
{
    struct fixture *x = *state;
    struct store_key key = store_key_redo(5, 0);
    struct store_batch *batch = store_batch_create();
    struct buffer value;
    buffer_init(&value, 100);
    assert_int_equal(open_again(x), 0);
    store_batch_put(batch, STORE_REDO, store_key_slice(&key), (struct slice){"x", 1});
    assert_int_equal(store_write(x->d.store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    assert_int_equal(open_again(x), 0);
    assert_int_equal(store_get(x->d.store, STORE_REDO, store_key_slice(&key), &value, NULL),
                     MILL_ENOENT);
    buffer_deinit(&value);
}

static void what_was_spilled_is_gone(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(open_again(x), 0);
    char *file = text_path(x->d.spill, "left");
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(open_again(x), 0);
    assert_int_equal(access(file, F_OK), -1);
    memory_free(file);
}

static void a_file_in_its_place_is_an_error(void **state)
{
    struct fixture *x = *state;
    char *parent = text_path(x->root, "a");
    FILE *f = fopen(parent, "w");
    assert_non_null(f);
    fclose(f);
    memory_free(parent);
    assert_int_equal(open_again(x), MILL_EIO);
}

static void one_in_memory_leaves_nothing(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(data_folder_open_memory(&x->d, NULL), 0);
    assert_true(x->d.in_memory && x->d.last.number == 0);
    char *path = memory_text(x->d.path);
    assert_int_equal(access(x->d.spill, F_OK), 0);
    assert_int_equal(data_folder_reopen(&x->d, NULL), 0);
    data_folder_close(&x->d);
    assert_int_equal(access(path, F_OK), -1);
    memory_free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_directory_has_everything),    TEST(a_store_keeps_its_id),
        TEST(two_stores_have_two_ids),           TEST(a_second_engine_is_refused),
        TEST(it_comes_back_at_its_newest_epoch), TEST(a_newer_format_is_refused),
        TEST(a_damaged_version_is_told),         TEST(parts_that_no_commit_names_are_gone),
        TEST(what_was_spilled_is_gone),          TEST(a_file_in_its_place_is_an_error),
        TEST(one_in_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

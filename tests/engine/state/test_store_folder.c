/* Goal: a folder that RocksDB would mistake for an empty one is refused, one that is not there is
 * made only when asked for.
 * Method: files with the names that RocksDB gives its own, and a real store. */
#include <string.h>

#include "base/disk.h"
#include "base/memory.h"
#include "base/text.h"
#include "state/store.h"
#include "state/store_folder.h"
#include "testing.h"

struct fixture {
    char *folder;
    char *path; /* "store" in it */
    struct error error;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    x->folder = folder_create();
    x->path = text_path(x->folder, "store");
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    folder_remove(x->folder);
    memory_free(x->path);
    memory_free(x);
    return 0;
}

static void make_file(const struct fixture *x, const char *name)
{
    struct disk d = disk_real();
    char *path = text_path(x->path, name);
    assert_int_equal(disk_make_folder(&d, x->path, NULL), 0);
    assert_int_equal(disk_replace(&d, path, "x", 1, NULL), 0);
    memory_free(path);
}

static void a_store_that_is_not_there_is_not_made_unasked(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(store_folder_prepare(x->path, false, &x->error), MILL_ENOENT);
    assert_non_null(strstr(x->error.message, x->path));
    struct store *s = NULL;
    assert_int_equal(store_open_rocksdb(x->path, false, &s, NULL), MILL_ENOENT);
    assert_null(s);
    assert_int_equal(folder_count(x->folder), 0);
}

static void an_empty_folder_is_no_store(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(store_folder_prepare(x->folder, false, NULL), MILL_ENOENT);
    assert_int_equal(folder_count(x->folder), 0);
}

static void a_new_store_makes_the_folders_above_it(void **state)
{
    struct fixture *x = *state;
    char *deep = text_path(x->path, "deep/er");
    struct store *s = NULL;
    assert_int_equal(store_open_rocksdb(deep, true, &s, &x->error), 0);
    store_close(s);
    assert_int_equal(store_open_rocksdb(deep, false, &s, &x->error), 0);
    store_close(s);
    memory_free(deep);
}

static void a_folder_that_cannot_be_made_is_an_error(void **state)
{
    struct fixture *x = *state;
    make_file(x, "file");
    char *below = text_path(x->path, "file/store");
    assert_int_equal(store_folder_prepare(below, true, &x->error), MILL_EIO);
    memory_free(below);
}

static void data_without_its_current_is_refused_and_kept(void **state)
{
    struct fixture *x = *state;
    static const char *const names[] = {"000007.sst", "000009.log"};
    for (int i = 0; i < 2; i++) {
        make_file(x, names[i]);
        assert_int_equal(store_folder_prepare(x->path, true, &x->error), MILL_ECORRUPT);
        assert_non_null(strstr(x->error.message, "CURRENT is missing"));
        struct store *s = NULL;
        assert_int_equal(store_open_rocksdb(x->path, true, &s, NULL), MILL_ECORRUPT);
        assert_int_equal(folder_count(x->path), 1);
        folder_remove(x->path);
        x->path = text_path(x->folder, "store");
    }
}

static void what_a_making_that_was_cut_short_leaves_is_no_data(void **state)
{
    struct fixture *x = *state;
    make_file(x, "LOG");
    make_file(x, "LOCK");
    make_file(x, "MANIFEST-000001");
    make_file(x, "000001.dbtmp");
    assert_int_equal(store_folder_prepare(x->path, true, NULL), 0);
    struct store *s = NULL;
    assert_int_equal(store_open_rocksdb(x->path, true, &s, &x->error), 0);
    store_close(s);
    assert_int_equal(store_folder_prepare(x->path, false, NULL), 0);
}

static void a_path_may_be_relative_or_at_the_root(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(store_folder_prepare("/", true, NULL), 0);
    assert_int_equal(store_folder_prepare(".", true, NULL), 0);
    char *slash = text_path(x->path, "");
    assert_int_equal(store_folder_prepare(slash, true, NULL), 0);
    memory_free(slash);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_store_that_is_not_there_is_not_made_unasked),
        TEST(an_empty_folder_is_no_store),
        TEST(a_new_store_makes_the_folders_above_it),
        TEST(a_folder_that_cannot_be_made_is_an_error),
        TEST(data_without_its_current_is_refused_and_kept),
        TEST(what_a_making_that_was_cut_short_leaves_is_no_data),
        TEST(a_path_may_be_relative_or_at_the_root),
    };
    return cmocka_run_group_tests_name("state/store_folder", tests, NULL, NULL);
}

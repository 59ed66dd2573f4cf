/* Goal: a rename takes a free name and never replaces, in each of the ways that file systems leave.
 * Method: the three ways on a real folder. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/disk.h"
#include "base/memory.h"
#include "base/rename_new.h"
#include "base/text.h"
#include "testing.h"

typedef int (*rename_fn)(const char *from, const char *to);

static const rename_fn ways[] = {rename_new, rename_new_by_link, rename_new_by_look};

struct fixture {
    char *folder;
    char *from;
    char *to;
    char *no_folder;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    x->folder = folder_create();
    x->from = text_path(x->folder, "from");
    x->to = text_path(x->folder, "to");
    x->no_folder = text_path(x->folder, "none/to");
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    folder_remove(x->folder);
    memory_free(x->from);
    memory_free(x->to);
    memory_free(x->no_folder);
    memory_free(x);
    return 0;
}

static void make(const char *path, const char *text)
{
    struct disk disk = disk_real();
    assert_int_equal(disk_replace(&disk, path, text, strlen(text), NULL), 0);
}

static bool holds(const char *path, const char *text)
{
    struct disk disk = disk_real();
    struct buffer b;
    buffer_init(&b, 100);
    int rc = disk_read(&disk, path, &b, NULL);
    bool same = rc == 0 && b.size == strlen(text) && memcmp(b.data, text, b.size) == 0;
    buffer_deinit(&b);
    return same;
}

static void a_free_name_is_taken(void **state)
{
    struct fixture *x = *state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        make(x->from, "new");
        assert_int_equal(ways[i](x->from, x->to), 0);
        assert_true(holds(x->to, "new"));
        assert_int_equal(access(x->from, F_OK), -1);
        assert_int_equal(unlink(x->to), 0);
    }
}

static void a_name_that_is_there_stays(void **state)
{
    struct fixture *x = *state;
    make(x->from, "new");
    make(x->to, "old");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        assert_int_equal(ways[i](x->from, x->to), EEXIST);
        assert_true(holds(x->to, "old"));
        assert_true(holds(x->from, "new"));
    }
    assert_int_equal(unlink(x->to), 0);
    assert_int_equal(symlink("nowhere", x->to), 0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        assert_int_equal(ways[i](x->from, x->to), EEXIST);
    }
}

/* What a kill in the middle of the second way leaves. */
static void two_names_of_one_file_both_stay(void **state)
{
    struct fixture *x = *state;
    make(x->from, "new");
    assert_int_equal(link(x->from, x->to), 0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        assert_int_equal(ways[i](x->from, x->to), EEXIST);
        assert_true(holds(x->from, "new"));
    }
}

static void what_is_missing_is_told(void **state)
{
    struct fixture *x = *state;
    make(x->from, "new");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        assert_int_equal(ways[i](x->to, x->to), ENOENT);
        assert_int_equal(ways[i](x->from, x->no_folder), ENOENT);
        assert_true(holds(x->from, "new"));
    }
}

static void a_folder_cannot_be_linked_but_looked_at(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(mkdir(x->from, 0777), 0);
    assert_int_equal(rename_new_by_link(x->from, x->to), ENOSYS);
    assert_int_equal(rename_new_by_look(x->from, x->to), 0);
    assert_int_equal(access(x->to, F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_free_name_is_taken),
        TEST(a_name_that_is_there_stays),
        TEST(two_names_of_one_file_both_stay),
        TEST(what_is_missing_is_told),
        TEST(a_folder_cannot_be_linked_but_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: a file comes whole, with how it was; what is none is refused with its path.
 * Method: files, folders and pipes; what changes a file. */
#include "base/limits.h"
#include "input_folder.h"
#include "io/whole_file.h"

static char *path_in(const char *folder, const char *name)
{
    return text_path(folder, name);
}

static int read_whole(const char *path, struct buffer *b, struct listed_file *as, struct error *e)
{
    buffer_init(b, 1000 + LIMIT_TEXT_PADDING);
    return whole_file_read(path, 1000, b, as, e);
}

static void a_file_comes_whole_with_bytes_behind_it(void **state)
{
    (void)state;
    char *folder = folder_create();
    char *path = path_in(folder, "a");
    struct buffer b;
    struct listed_file as;
    write_file(folder, "a", "some\ntext");
    assert_int_equal(read_whole(path, &b, &as, NULL), 0);
    assert_int_equal(b.size, 9);
    assert_memory_equal(b.data, "some\ntext", 9);
    assert_true(b.capacity >= 9 + LIMIT_TEXT_PADDING);
    assert_int_equal(as.size, 9);
    buffer_deinit(&b);
    write_file(folder, "a", "");
    assert_int_equal(read_whole(path, &b, &as, NULL), 0);
    assert_int_equal(b.size, 0);
    buffer_deinit(&b);
    memory_free(path);
    folder_remove(folder);
}

static void is_refused(const char *path, int rc, const char *because)
{
    struct buffer b;
    struct listed_file as;
    struct error e = {0};
    assert_int_equal(read_whole(path, &b, &as, &e), rc);
    if (strstr(e.message, path) == NULL || strstr(e.message, because) == NULL) {
        fail_msg("%s", e.message);
    }
    buffer_deinit(&b);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    char *folder = folder_create();
    char *path = path_in(folder, "a");
    is_refused(path, MILL_ENOENT, "cannot open");
    is_refused(folder, MILL_EREFUSED, "is not a file");
    assert_int_equal(mkfifo(path, 0600), 0);
    is_refused(path, MILL_EREFUSED, "is not a file");
    unlink(path);
    char bytes[1001] = {0};
    write_bytes(folder, "a", O_TRUNC, bytes, sizeof bytes);
    is_refused(path, MILL_ELIMIT, "has 1001 bytes");
    memory_free(path);
    folder_remove(folder);
}

static void a_file_is_the_same_until_it_changes(void **state)
{
    (void)state;
    char *folder = folder_create();
    char *path = path_in(folder, "a");
    char *other = path_in(folder, "b");
    struct listed_file before;
    struct listed_file now;
    write_file(folder, "a", "one");
    assert_int_equal(file_look(path, &before), 0);
    assert_int_equal(file_look(path, &now), 0);
    assert_true(whole_file_is_same(&before, &now));
    append_file(folder, "a", "more");
    assert_int_equal(file_look(path, &now), 0);
    assert_false(whole_file_is_same(&before, &now));
    write_file(folder, "b", "one");
    assert_int_equal(rename(other, path), 0);
    assert_int_equal(file_look(path, &now), 0);
    assert_false(whole_file_is_same(&before, &now));
    memory_free(other);
    memory_free(path);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_comes_whole_with_bytes_behind_it),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(a_file_is_the_same_until_it_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

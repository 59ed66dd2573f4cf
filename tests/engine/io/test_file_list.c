/* Goal: a listing has exactly the files that a source may read, with what identifies them, in order
 * of (time, name); and says clearly why a folder cannot be listed.
 * Method: a real folder. */
#include "input_folder.h"
#include "io/file_list.h"

struct fixture {
    char *folder;
    struct file_list list;
};

static int begin(void **state)
{
    struct fixture *f = memory_zero(1, sizeof *f);
    f->folder = folder_create();
    file_list_init(&f->list);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    folder_remove(f->folder);
    file_list_deinit(&f->list);
    memory_free(f);
    return 0;
}

static void list(struct fixture *f, const char *pattern)
{
    struct error e = {0};
    assert_int_equal(file_list_read(&f->list, f->folder, pattern, &e), 0);
}

static void names_of_the_hidden_and_the_unfinished_are_not_seen(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, ".hidden", "x");
    write_file(f->folder, "_SUCCESS", "x");
    write_file(f->folder, "part.tmp", "x");
    write_file(f->folder, "tmp", "x");
    write_file(f->folder, "a_b.tmp.c", "x");
    age_file(f->folder, "tmp", 10);
    list(f, "*");
    assert_int_equal(f->list.count, 2);
    assert_string_equal(f->list.files[0].name, "tmp");
    assert_string_equal(f->list.files[1].name, "a_b.tmp.c");
}

static void names_may_be_the_order(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "b", "x");
    write_file(f->folder, "a", "x");
    age_file(f->folder, "b", 10);
    list(f, "*");
    assert_string_equal(f->list.files[0].name, "b");
    f->list.by_name = true;
    list(f, "*");
    assert_string_equal(f->list.files[0].name, "a");
    assert_string_equal(f->list.files[1].name, "b");
}

static void a_pattern_chooses_names(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a.log", "x");
    write_file(f->folder, "b.log.gz", "x");
    write_file(f->folder, "_c.log", "x");
    list(f, "*.log");
    assert_int_equal(f->list.count, 1);
    assert_string_equal(f->list.files[0].name, "a.log");
    list(f, "?.log*");
    assert_int_equal(f->list.count, 2);
}

static void only_regular_files_and_links_to_them_count(void **state)
{
    struct fixture *f = *state;
    char *sub = text_path(f->folder, "sub");
    char *pipe_path = text_path(f->folder, "pipe");
    char *link_path = text_path(f->folder, "link");
    char *dangling = text_path(f->folder, "dangling");
    char *folder_link = text_path(f->folder, "folder_link");
    assert_int_equal(mkdir(sub, 0777), 0);
    write_file(sub, "inner", "12345");
    assert_int_equal(mkfifo(pipe_path, 0666), 0);
    assert_int_equal(symlink("sub/inner", link_path), 0);
    assert_int_equal(symlink("nothing", dangling), 0);
    assert_int_equal(symlink("sub", folder_link), 0);
    list(f, "*");
    assert_int_equal(f->list.count, 1);
    assert_string_equal(f->list.files[0].name, "link");
    assert_int_equal(f->list.files[0].size, 5);
    struct listed_file target;
    char *inner = text_path(sub, "inner");
    assert_int_equal(file_look(inner, &target), 0);
    assert_true(file_identity_equal(&target.identity, &f->list.files[0].identity));
    assert_int_equal(file_look(pipe_path, &target), MILL_ENOENT);
    assert_int_equal(file_look(dangling, &target), MILL_ENOENT);
    memory_free(inner);
    memory_free(sub);
    memory_free(pipe_path);
    memory_free(link_path);
    memory_free(dangling);
    memory_free(folder_link);
}

static void files_are_in_order_of_time_then_name(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "b", "x");
    write_file(f->folder, "a", "x");
    write_file(f->folder, "c", "x");
    write_file(f->folder, "d", "x");
    struct timespec begun;
    struct timespec done;
    do { /* all in one second */
        clock_gettime(CLOCK_REALTIME, &begun);
        age_file(f->folder, "b", 100);
        age_file(f->folder, "a", 100);
        age_file(f->folder, "c", 200);
        age_file(f->folder, "d", 50);
        clock_gettime(CLOCK_REALTIME, &done);
    } while (done.tv_sec != begun.tv_sec);
    list(f, "*");
    assert_int_equal(f->list.count, 4);
    assert_string_equal(f->list.files[0].name, "c");
    assert_string_equal(f->list.files[1].name, "a");
    assert_string_equal(f->list.files[2].name, "b");
    assert_string_equal(f->list.files[3].name, "d");
    assert_true(f->list.files[0].mtime_ns + 100000000000 == f->list.files[1].mtime_ns);
}

static void an_identity_stays_with_the_file_not_with_the_name(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "old", "x");
    list(f, "*");
    struct file_identity first = f->list.files[0].identity;
    rename_file(f->folder, "old", "new");
    append_file(f->folder, "new", "more");
    list(f, "*");
    assert_true(file_identity_equal(&first, &f->list.files[0].identity));
    write_file(f->folder, "old", "x");
    list(f, "old");
    assert_false(file_identity_equal(&first, &f->list.files[0].identity));
}

static void a_birth_time_tells_files_apart_that_had_the_same_inode(void **state)
{
    (void)state;
    struct file_identity first = {.device = 1, .inode = 2, .birth_ns = 3};
    struct file_identity second = {.device = 1, .inode = 2, .birth_ns = 4};
    struct file_identity unknown = {.device = 1, .inode = 2, .birth_ns = FILE_BIRTH_UNKNOWN};
    struct file_identity remounted = {.device = 2, .inode = 2, .birth_ns = 3};
    struct file_identity elsewhere = {.device = 2, .inode = 2, .birth_ns = FILE_BIRTH_UNKNOWN};
    assert_false(file_identity_equal(&first, &second));
    assert_true(file_identity_equal(&first, &unknown));
    assert_true(file_identity_equal(&unknown, &second));
    assert_true(file_identity_equal(&first, &remounted));
    assert_false(file_identity_equal(&first, &elsewhere));
}

static void an_open_file_is_looked_at_by_its_descriptor(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "abc");
    char *path = text_path(f->folder, "a");
    int fd = open(path, O_RDONLY);
    remove_file(f->folder, "a");
    struct listed_file file;
    assert_int_equal(file_look(path, &file), MILL_ENOENT);
    assert_int_equal(file_look_open(fd, &file), 0);
    assert_int_equal(file.size, 3);
    close(fd);
    memory_free(path);
}

static void a_missing_folder_is_its_own_result(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    write_file(f->folder, "a", "x");
    list(f, "*");
    assert_int_equal(file_list_read(&f->list, "/nowhere/at/all", "*", &e), MILL_ENOENT);
    assert_non_null(strstr(e.message, "/nowhere/at/all"));
    assert_int_equal(f->list.count, 0);
}

static void a_file_in_place_of_the_folder_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    write_file(f->folder, "a", "x");
    char *path = text_path(f->folder, "a");
    assert_int_equal(file_list_read(&f->list, path, "*", &e), MILL_EIO);
    assert_non_null(strstr(e.message, path));
    assert_non_null(strstr(e.message, "not a folder"));
    memory_free(path);
}

static void a_folder_without_rights_is_an_error_that_says_which_are_wanted(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "x");
    for (mode_t mode = 0; mode <= 0444; mode += 0444) { /* not readable; not enterable */
        struct error e = {0};
        assert_int_equal(chmod(f->folder, mode), 0);
        rights_drop();
        int rc = file_list_read(&f->list, f->folder, "*", &e);
        rights_restore();
        assert_int_equal(rc, MILL_EIO);
        assert_non_null(strstr(e.message, f->folder));
        assert_non_null(strstr(e.message, "give the right to read and enter it"));
        assert_int_equal(f->list.count, 0);
    }
    assert_int_equal(chmod(f->folder, 0777), 0);
}

static void a_thousand_files_are_all_listed_each_time(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 1000; i++) {
        char *name = text_format("f%03d", i);
        write_file(f->folder, name, name);
        memory_free(name);
    }
    for (int round = 0; round < 3; round++) {
        list(f, "*");
        assert_int_equal(f->list.count, 1000);
    }
    list(f, "f00?");
    assert_int_equal(f->list.count, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_of_the_hidden_and_the_unfinished_are_not_seen, begin,
                                        end),
        cmocka_unit_test_setup_teardown(names_may_be_the_order, begin, end),
        cmocka_unit_test_setup_teardown(a_pattern_chooses_names, begin, end),
        cmocka_unit_test_setup_teardown(only_regular_files_and_links_to_them_count, begin, end),
        cmocka_unit_test_setup_teardown(files_are_in_order_of_time_then_name, begin, end),
        cmocka_unit_test_setup_teardown(an_identity_stays_with_the_file_not_with_the_name, begin,
                                        end),
        cmocka_unit_test(a_birth_time_tells_files_apart_that_had_the_same_inode),
        cmocka_unit_test_setup_teardown(an_open_file_is_looked_at_by_its_descriptor, begin, end),
        cmocka_unit_test_setup_teardown(a_missing_folder_is_its_own_result, begin, end),
        cmocka_unit_test_setup_teardown(a_file_in_place_of_the_folder_is_an_error, begin, end),
        cmocka_unit_test_setup_teardown(
            a_folder_without_rights_is_an_error_that_says_which_are_wanted, begin, end),
        cmocka_unit_test_setup_teardown(a_thousand_files_are_all_listed_each_time, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

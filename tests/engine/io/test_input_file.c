/* Goal: opening a known file gives it, or says which of the ways in which it is not there any more
 * it is; its head is taken when it is first opened.
 * Method: a real folder. */
#include "input_folder.h"
#include "io/input_file.h"

struct fixture {
    char *folder;
    char *path; /* of the file "a" */
    struct known_file known;
    struct input_file *file;
    struct error e;
};

static int begin(void **state)
{
    struct fixture *f = memory_zero(1, sizeof *f);
    f->folder = folder_create();
    f->path = text_path(f->folder, "a");
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    input_file_close(f->file);
    folder_remove(f->folder);
    memory_free(f->path);
    memory_free(f);
    return 0;
}

/* As a listing would know it. */
static void know(struct fixture *f)
{
    struct listed_file listed;
    assert_int_equal(file_look(f->path, &listed), 0);
    f->known.identity = listed.identity;
    f->known.size = listed.size;
    f->known.mtime_ns = listed.mtime_ns;
}

static enum input_opening try_open(struct fixture *f)
{
    input_file_close(f->file);
    f->file = NULL;
    error_clear(&f->e);
    return input_file_open(f->path, &f->known, &f->file, &f->e);
}

static void the_first_opening_takes_the_head(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\ntwo\n");
    know(f);
    assert_int_equal(try_open(f), INPUT_OPENED);
    assert_int_equal(f->known.head.size, 8);
    assert_true(f->known.is_dirty);
    assert_int_equal(f->file->size, 8);
    assert_false(f->file->is_packed);
    assert_false(f->file->has_changed);
    append_file(f->folder, "a", "three\n");
    assert_int_equal(try_open(f), INPUT_OPENED);
    assert_int_equal(f->known.head.size, 8); /* the length of the first time is kept */
    assert_true(f->file->has_changed);
    know(f);
    assert_int_equal(input_file_check(f->file, f->path, &f->known, &f->e), INPUT_OPENED);
    assert_false(f->file->has_changed);
    append_file(f->folder, "a", "and more\n"); /* while it is kept open */
    assert_int_equal(input_file_check(f->file, f->path, &f->known, &f->e), INPUT_OPENED);
    assert_true(f->file->has_changed);
}

static void the_head_has_at_most_4096_bytes(void **state)
{
    struct fixture *f = *state;
    char text[5000];
    memset(text, 'x', sizeof text);
    write_bytes(f->folder, "a", 0, text, sizeof text);
    know(f);
    assert_int_equal(try_open(f), INPUT_OPENED);
    assert_int_equal(f->known.head.size, 4096);
}

static void an_empty_file_has_no_head_yet(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "");
    know(f);
    assert_int_equal(try_open(f), INPUT_OPENED);
    assert_int_equal(f->known.head.size, 0);
    assert_false(f->known.is_dirty);
}

static void a_missing_file_is_gone(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "x");
    know(f);
    remove_file(f->folder, "a");
    assert_int_equal(try_open(f), INPUT_GONE);
    assert_non_null(strstr(f->e.message, f->path));
}

static void another_file_of_its_name_is_not_it(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "x");
    know(f);
    rename_file(f->folder, "a", "b");
    write_file(f->folder, "a", "x");
    assert_int_equal(try_open(f), INPUT_GONE);
    remove_file(f->folder, "a");
    assert_int_equal(mkfifo(f->path, 0666), 0);
    assert_int_equal(try_open(f), INPUT_GONE); /* and it does not wait for a writer */
}

static void a_file_without_rights_is_unreadable(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "x");
    know(f);
    assert_int_equal(chmod(f->folder, 0777), 0);
    assert_int_equal(chmod(f->path, 0), 0);
    rights_drop();
    enum input_opening opening = try_open(f);
    rights_restore();
    assert_int_equal(opening, INPUT_UNREADABLE);
    assert_non_null(strstr(f->e.message, "Permission denied"));
    assert_non_null(strstr(f->e.message, f->path));
}

static void a_file_that_was_written_anew_is_rewritten(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\n");
    know(f);
    assert_int_equal(try_open(f), INPUT_OPENED);
    write_file(f->folder, "a", "two\nthree\n");
    assert_int_equal(try_open(f), INPUT_REWRITTEN);
    assert_null(f->file);
}

static void a_file_that_shrank_names_the_ways_out(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\ntwo\n");
    know(f);
    assert_int_equal(try_open(f), INPUT_OPENED);
    f->known.offset = 8;
    cut_file(f->folder, "a", 4);
    assert_int_equal(try_open(f), INPUT_SHRUNK);
    assert_int_equal(f->e.code, MILL_EREFUSED);
    char *reread = text_format("--reread %s ", f->path);
    char *skipped = text_format("--skip-file %s ", f->path);
    assert_non_null(strstr(f->e.message, reread));
    assert_non_null(strstr(f->e.message, skipped));
    memory_free(reread);
    memory_free(skipped);
}

static void an_open_file_is_checked_again_without_its_name(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\ntwo\n");
    know(f);
    assert_int_equal(try_open(f), INPUT_OPENED);
    rename_file(f->folder, "a", "b");
    assert_int_equal(input_file_check(f->file, f->path, &f->known, &f->e), INPUT_OPENED);
    write_file(f->folder, "b", "new");
    assert_int_equal(input_file_check(f->file, f->path, &f->known, &f->e), INPUT_REWRITTEN);
}

static void reading_stops_at_the_end_of_the_file(void **state)
{
    struct fixture *f = *state;
    char bytes[10];
    size_t got = 0;
    write_file(f->folder, "a", "0123456");
    know(f);
    assert_int_equal(try_open(f), INPUT_OPENED);
    assert_int_equal(file_read(f->file->fd, bytes, 10, 4, &got), 0);
    assert_int_equal(got, 3);
    assert_memory_equal(bytes, "456", 3);
    assert_int_equal(file_read(f->file->fd, bytes, 10, 100, &got), 0);
    assert_int_equal(got, 0);
    assert_int_equal(file_read(-1, bytes, 10, 0, &got), MILL_EIO);
}

static void the_last_listed_byte_tells_whether_a_line_is_unfinished(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\ntwo");
    know(f);
    assert_int_equal(try_open(f), INPUT_OPENED);
    assert_true(input_file_ends_unfinished(f->file));
    f->file->size = 4;
    assert_false(input_file_ends_unfinished(f->file));
    f->file->size = 0;
    assert_false(input_file_ends_unfinished(f->file));
    f->file->size = 100;
    assert_true(input_file_ends_unfinished(f->file));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_first_opening_takes_the_head),
        CASE(the_head_has_at_most_4096_bytes),
        CASE(an_empty_file_has_no_head_yet),
        CASE(a_missing_file_is_gone),
        CASE(another_file_of_its_name_is_not_it),
        CASE(a_file_without_rights_is_unreadable),
        CASE(a_file_that_was_written_anew_is_rewritten),
        CASE(a_file_that_shrank_names_the_ways_out),
        CASE(an_open_file_is_checked_again_without_its_name),
        CASE(reading_stops_at_the_end_of_the_file),
        CASE(the_last_listed_byte_tells_whether_a_line_is_unfinished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

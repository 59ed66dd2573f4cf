/* Goal: a poll opens only what must be looked into, decides rightly what it found, says once what
 * cannot be read, and with `once` waits for unfinished last lines and for nothing else.
 * Method: a real folder; short times to stand still. */
#include <pthread.h>

#include "base/clock.h"
#include "input_folder.h"
#include "io/file_watch.h"
#include "io/input_file.h"

#define STILL_MS 250

struct fixture {
    char *folder;
    struct file_watch watch;
};

static int begin(void **state)
{
    struct fixture *f = memory_zero(1, sizeof *f);
    f->folder = folder_create();
    assert_int_equal(chmod(f->folder, 0777), 0);
    file_watch_init(&f->watch, f->folder, NULL);
    f->watch.still_ms = STILL_MS;
    log_catch();
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    file_watch_deinit(&f->watch);
    folder_remove(f->folder);
    memory_free(f);
    log_to(NULL, NULL, LOG_INFO);
    return 0;
}

static void poll_now(struct fixture *f)
{
    struct clock clock = clock_machine();
    struct error e = {0};
    assert_int_equal(file_watch_poll(&f->watch, clock_now_ms(&clock), &e), 0);
}

static struct known_file *file(struct fixture *f, uint32_t serial)
{
    struct known_file *known = file_registry_find(&f->watch.registry, serial);
    assert_non_null(known);
    return known;
}

/* As if an epoch had opened the file and read all of it. */
static void read_all(struct fixture *f, uint32_t serial)
{
    struct known_file *known = file(f, serial);
    struct input_file *opened = NULL;
    char *path = file_watch_path(&f->watch, known);
    assert_int_equal(input_file_open(path, known, &opened, NULL), INPUT_OPENED);
    input_file_close(opened);
    memory_free(path);
    known->offset = known->next_offset = known->size;
}

static void a_file_that_grew_is_read_on(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\n");
    poll_now(f);
    read_all(f, 0);
    append_file(f->folder, "a", "two\n");
    poll_now(f);
    assert_int_equal(f->watch.registry.count, 1);
    assert_int_equal(known_file_unread(file(f, 0)), 4);
}

static void a_file_that_was_written_anew_is_a_new_file(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\ntwo\n");
    poll_now(f);
    read_all(f, 0);
    write_file(f->folder, "a", "uno\n");
    poll_now(f);
    assert_int_equal(f->watch.registry.count, 2);
    assert_int_equal(known_file_unread(file(f, 0)), 0);
    assert_int_equal(known_file_unread(file(f, 1)), 4);
    poll_now(f);
    assert_int_equal(f->watch.registry.count, 2);
}

static void a_file_that_was_emptied_waits_for_what_comes(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\ntwo\n");
    poll_now(f);
    read_all(f, 0);
    write_file(f->folder, "a", "");
    poll_now(f);
    assert_int_equal(f->watch.refused.code, 0);
    assert_int_equal(f->watch.registry.count, 1);
    append_file(f->folder, "a", "uno\n");
    poll_now(f);
    assert_int_equal(f->watch.registry.count, 2);
}

static void a_file_that_shrank_is_refused_until_it_is_whole_again(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\ntwo\n");
    poll_now(f);
    read_all(f, 0);
    write_file(f->folder, "a", "one\n");
    poll_now(f);
    assert_int_equal(f->watch.refused.code, MILL_EREFUSED);
    assert_non_null(strstr(f->watch.refused.message, "--reread"));
    poll_now(f);
    assert_int_equal(f->watch.refused.code, MILL_EREFUSED);
    append_file(f->folder, "a", "two\n");
    poll_now(f);
    assert_int_equal(f->watch.refused.code, 0);
    assert_int_equal(f->watch.registry.count, 1);
}

static void a_file_that_cannot_be_checked_is_warned_about_once(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\n");
    poll_now(f);
    read_all(f, 0);
    append_file(f->folder, "a", "two\n");
    char *path = text_path(f->folder, "a");
    assert_int_equal(chmod(path, 0), 0);
    rights_drop();
    poll_now(f);
    poll_now(f);
    rights_restore();
    assert_int_equal(caught_count, 1);
    assert_true(was_logged(path));
    assert_int_equal(known_file_unread(file(f, 0)), 0);
    assert_int_equal(chmod(path, 0666), 0);
    poll_now(f);
    assert_int_equal(known_file_unread(file(f, 0)), 4);
    memory_free(path);
}

static void a_missing_folder_changes_nothing_that_is_known(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    write_file(f->folder, "a", "one\n");
    poll_now(f);
    read_all(f, 0);
    char *away = text_format("%s-away", f->folder);
    assert_int_equal(rename(f->folder, away), 0);
    assert_int_equal(file_watch_poll(&f->watch, INT64_MAX / 2, &e), MILL_ENOENT);
    assert_int_equal(f->watch.registry.count, 1);
    assert_int_equal(rename(away, f->folder), 0);
    poll_now(f);
    assert_int_equal(f->watch.registry.count, 1);
    assert_int_equal(file(f, 0)->flags, 0);
    memory_free(away);
}

static void with_new_files_only_the_first_listing_is_never_read(void **state)
{
    struct fixture *f = *state;
    f->watch.new_files_only = true;
    write_file(f->folder, "a", "one\n");
    write_file(f->folder, "b", "");
    poll_now(f);
    write_file(f->folder, "c", "one\n");
    append_file(f->folder, "a", "two\n");
    append_file(f->folder, "b", "two\n");
    poll_now(f);
    assert_int_equal(f->watch.registry.count, 3);
    assert_int_equal(known_file_unread(file(f, 0)) + known_file_unread(file(f, 1)), 0);
    assert_int_equal(known_file_unread(file(f, 2)), 4);
    write_file(f->folder, "a", "written anew\n"); /* then it is a new file */
    poll_now(f);
    assert_int_equal(f->watch.registry.count, 4);
    assert_int_equal(known_file_unread(file(f, 3)), 13);
}

/* --- once --- */

static int64_t poll_once_ms(struct fixture *f)
{
    f->watch.once = true;
    int64_t before = clock_elapsed_us();
    poll_now(f);
    return (clock_elapsed_us() - before) / 1000;
}

static void once_lists_once(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\n");
    poll_once_ms(f);
    write_file(f->folder, "b", "one\n");
    poll_once_ms(f);
    assert_int_equal(f->watch.registry.count, 1);
}

static void a_missing_folder_is_not_the_one_listing(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\n");
    char *away = text_format("%s-away", f->folder);
    assert_int_equal(rename(f->folder, away), 0);
    f->watch.once = true;
    assert_int_equal(file_watch_poll(&f->watch, 1, NULL), MILL_ENOENT);
    assert_int_equal(rename(away, f->folder), 0);
    poll_now(f);
    assert_int_equal(f->watch.registry.count, 1);
    memory_free(away);
}

static void finished_files_are_not_waited_for(void **state)
{
    struct fixture *f = *state;
    f->watch.still_ms = 5000;
    write_file(f->folder, "a", "one\n");
    write_file(f->folder, "b", "");
    write_file(f->folder, "c", "two\nunfinished");
    age_file(f->folder, "c", 60); /* nobody has touched it for long */
    assert_true(poll_once_ms(f) < 2500);
    assert_true(file(f, 0)->is_still && file(f, 1)->is_still);
}

static void what_was_read_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    f->watch.still_ms = 5000;
    write_file(f->folder, "a", "one\ntw");
    poll_now(f);
    read_all(f, 0);
    f->watch.was_listed = false; /* the next run */
    assert_true(poll_once_ms(f) < 2500);
}

static void an_unfinished_line_is_waited_for(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\ntw");
    assert_true(poll_once_ms(f) >= STILL_MS);
    assert_true(file(f, 0)->is_still);
}

static void an_unfinished_line_that_was_read_up_to_is_waited_for_too(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\n");
    poll_now(f);
    read_all(f, 0);
    append_file(f->folder, "a", "tw");
    f->watch.was_listed = false; /* the next run */
    assert_true(poll_once_ms(f) >= STILL_MS);
    assert_true(file(f, 0)->is_still);
    assert_int_equal(known_file_unread(file(f, 0)), 2);
}

struct writer {
    const char *folder;
    const char *name;
    const char *text;
};

enum { LATE_MS = 700, STILL_LONGER_MS = 2000 }; /* neither is missed by a pause of a second */

static void *write_late(void *context)
{
    const struct writer *w = context;
    usleep(LATE_MS * 1000);
    append_file(w->folder, w->name, w->text);
    return NULL;
}

static void poll_while_written(struct fixture *f, const char *name, const char *text)
{
    struct writer writer = {f->folder, name, text};
    pthread_t thread;
    f->watch.still_ms = STILL_LONGER_MS;
    assert_int_equal(pthread_create(&thread, NULL, write_late, &writer), 0);
    poll_once_ms(f);
    pthread_join(thread, NULL);
}

static void a_file_that_changes_meanwhile_does_not_stand_still(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\ntw");
    write_file(f->folder, "b", "one\ntw");
    age_file(f->folder, "a", 5);
    poll_while_written(f, "a", "o\n");
    assert_false(file(f, 0)->is_still);
    assert_true(file(f, 1)->is_still);
    assert_int_equal(file(f, 0)->size, 6); /* what was listed stays the plan */
}

static void a_packed_file_that_is_being_written_is_left_to_the_next_run(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a.gz", "hal\n");
    poll_while_written(f, "a.gz", "more");
    assert_int_equal(known_file_unread(file(f, 0)), 0);
    assert_int_equal(known_file_left(file(f, 0)), 4);
    assert_true(was_logged("a.gz is still being written"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_file_that_grew_is_read_on),
        CASE(a_file_that_was_written_anew_is_a_new_file),
        CASE(a_file_that_was_emptied_waits_for_what_comes),
        CASE(a_file_that_shrank_is_refused_until_it_is_whole_again),
        CASE(a_file_that_cannot_be_checked_is_warned_about_once),
        CASE(a_missing_folder_changes_nothing_that_is_known),
        CASE(with_new_files_only_the_first_listing_is_never_read),
        CASE(once_lists_once),
        CASE(a_missing_folder_is_not_the_one_listing),
        CASE(finished_files_are_not_waited_for),
        CASE(what_was_read_is_not_waited_for),
        CASE(an_unfinished_line_is_waited_for),
        CASE(an_unfinished_line_that_was_read_up_to_is_waited_for_too),
        CASE(a_file_that_changes_meanwhile_does_not_stand_still),
        CASE(a_packed_file_that_is_being_written_is_left_to_the_next_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

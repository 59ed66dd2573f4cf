/* Goal: the disk does what its header says; a small file is replaced whole or not at all; and the
 * fake disk, on which other tests stand, behaves as the real one until power is lost.
 * Method: one suite over both disks; then crashes and failures of the fake one, many seeds. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/disk.h"
#include "base/memory.h"
#include "base/text.h"
#include "fake_disk.h"
#include "testing.h"

struct fixture {
    struct disk disk;
    struct fake_disk *fake; /* NULL: the real one */
    char *root;
};

static int begin_real(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    *x = (struct fixture){.disk = disk_real(), .root = folder_create()};
    *state = x;
    return 0;
}

static int end_real(void **state)
{
    struct fixture *x = *state;
    folder_remove(x->root);
    memory_free(x);
    return 0;
}

static int begin_fake(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    *x = (struct fixture){.fake = fake_disk_create(1), .root = memory_text("/data")};
    x->disk = fake_disk_of(x->fake);
    assert_int_equal(disk_make_folder(&x->disk, x->root, NULL), 0);
    *state = x;
    return 0;
}

static int end_fake(void **state)
{
    struct fixture *x = *state;
    fake_disk_destroy(x->fake);
    memory_free(x->root);
    memory_free(x);
    return 0;
}

/* --- steps, by names below the root --- */

/* Paths live until the next eight calls. */
static const char *at(const struct fixture *x, const char *name)
{
    static char paths[8][256];
    static int turn;
    char *path = text_path(x->root, name);
    char *kept = paths[turn++ % 8];
    strncpy(kept, path, 255);
    memory_free(path);
    return kept;
}

static int write_file(const struct fixture *x, const char *name, const char *text, bool sync)
{
    struct disk_file f;
    int rc = disk_open(&x->disk, at(x, name), DISK_CREATE, &f, NULL);
    if (rc != 0) {
        return rc;
    }
    rc = disk_write(&x->disk, &f, text, strlen(text), 0, NULL);
    if (rc == 0 && sync) {
        rc = disk_sync(&x->disk, &f, NULL);
    }
    disk_close(&x->disk, &f);
    return rc;
}

static void make(const struct fixture *x, const char *name, const char *text)
{
    assert_int_equal(write_file(x, name, text, true), 0);
}

static bool holds(const struct fixture *x, const char *name, const char *text, size_t size)
{
    struct buffer b;
    buffer_init(&b, 1000000);
    bool same = disk_read(&x->disk, at(x, name), &b, NULL) == 0 && b.size == size &&
                (size == 0 || memcmp(b.data, text, size) == 0);
    buffer_deinit(&b);
    return same;
}

static bool has(const struct fixture *x, const char *name)
{
    struct disk_entry entry;
    assert_int_equal(disk_look(&x->disk, at(x, name), &entry, NULL), 0);
    return entry.exists;
}

static void sync_root(const struct fixture *x)
{
    assert_int_equal(disk_sync_folder(&x->disk, x->root, NULL), 0);
}

/* --- the suite for both --- */

static void what_was_written_is_read(void **state)
{
    struct fixture *x = *state;
    struct disk_file f;
    assert_int_equal(disk_open(&x->disk, at(x, "a"), DISK_CREATE, &f, NULL), 0);
    assert_int_equal(disk_write(&x->disk, &f, "hello", 5, 0, NULL), 0);
    assert_int_equal(disk_write(&x->disk, &f, "", 0, 3, NULL), 0);
    assert_int_equal(disk_write(&x->disk, &f, "J\0", 2, 0, NULL), 0);
    assert_int_equal(disk_write(&x->disk, &f, "!", 1, 7, NULL), 0);
    assert_int_equal(disk_sync(&x->disk, &f, NULL), 0);
    disk_close(&x->disk, &f);
    disk_close(&x->disk, &f);
    assert_true(holds(x, "a", "J\0llo\0\0!", 8));
}

static void creating_cuts_and_updating_keeps(void **state)
{
    struct fixture *x = *state;
    struct disk_file f;
    assert_int_equal(disk_open(&x->disk, at(x, "a"), DISK_UPDATE, &f, NULL), MILL_ENOENT);
    make(x, "a", "hello");
    assert_int_equal(disk_open(&x->disk, at(x, "a"), DISK_UPDATE, &f, NULL), 0);
    assert_int_equal(disk_write(&x->disk, &f, "J", 1, 0, NULL), 0);
    char piece[2];
    size_t size = sizeof piece;
    assert_int_equal(disk_read_at(&x->disk, &f, piece, &size, 0, NULL), 0);
    assert_memory_equal(piece, "Je", 2);
    disk_close(&x->disk, &f);
    assert_true(holds(x, "a", "Jello", 5));
    make(x, "a", "x");
    assert_true(holds(x, "a", "x", 1));
}

static void a_file_is_cut_or_extended(void **state)
{
    struct fixture *x = *state;
    struct disk_file f;
    make(x, "a", "hello");
    assert_int_equal(disk_open(&x->disk, at(x, "a"), DISK_UPDATE, &f, NULL), 0);
    assert_int_equal(disk_truncate(&x->disk, &f, 2, NULL), 0);
    assert_int_equal(disk_truncate(&x->disk, &f, 4, NULL), 0);
    disk_close(&x->disk, &f);
    assert_true(holds(x, "a", "he\0\0", 4));
}

static void reading_appends_to_the_buffer(void **state)
{
    struct fixture *x = *state;
    struct buffer b;
    buffer_init(&b, 100);
    make(x, "a", "world");
    make(x, "empty", "");
    assert_int_equal(buffer_append_text(&b, "hello "), 0);
    assert_int_equal(disk_read(&x->disk, at(x, "a"), &b, NULL), 0);
    assert_int_equal(disk_read(&x->disk, at(x, "empty"), &b, NULL), 0);
    assert_int_equal(b.size, 11);
    assert_memory_equal(b.data, "hello world", 11);
    assert_false(b.failed);
    buffer_deinit(&b);
}

static void a_piece_is_read_where_it_stands(void **state)
{
    struct fixture *x = *state;
    struct disk_file f;
    char piece[8] = "--------";
    make(x, "a", "hello world");
    assert_int_equal(disk_open(&x->disk, at(x, "a"), DISK_READ, &f, NULL), 0);
    size_t size = 5;
    assert_int_equal(disk_read_at(&x->disk, &f, piece, &size, 6, NULL), 0);
    assert_int_equal(size, 5);
    assert_memory_equal(piece, "world---", 8);
    size = sizeof piece;
    assert_int_equal(disk_read_at(&x->disk, &f, piece, &size, 8, NULL), 0);
    assert_int_equal(size, 3);
    assert_memory_equal(piece, "rldld---", 8);
    size = sizeof piece;
    assert_int_equal(disk_read_at(&x->disk, &f, piece, &size, 100, NULL), 0);
    assert_int_equal(size, 0);
    disk_close(&x->disk, &f);
}

static void a_file_may_fill_the_buffer_but_not_more(void **state)
{
    struct fixture *x = *state;
    struct error e = {0};
    char *text = memory_alloc(10001);
    memset(text, 'x', 10000);
    text[10000] = '\0';
    make(x, "a", text);
    struct buffer b;
    buffer_init(&b, 10000);
    assert_int_equal(disk_read(&x->disk, at(x, "a"), &b, &e), 0);
    assert_int_equal(b.size, 10000);
    buffer_deinit(&b);
    buffer_init(&b, 9999);
    assert_int_equal(disk_read(&x->disk, at(x, "a"), &b, &e), MILL_ELIMIT);
    assert_int_equal(e.code, MILL_ELIMIT);
    assert_non_null(strstr(e.message, "9999 bytes"));
    buffer_deinit(&b);
    memory_free(text);
}

static void what_is_not_there_cannot_be_read(void **state)
{
    struct fixture *x = *state;
    struct error e = {0};
    struct buffer b;
    buffer_init(&b, 100);
    assert_int_equal(disk_read(&x->disk, at(x, "a"), &b, &e), MILL_ENOENT);
    assert_non_null(strstr(e.message, "/a"));
    assert_int_equal(disk_read(&x->disk, x->root, &b, &e), MILL_EIO);
    buffer_deinit(&b);
}

static void a_rename_replaces(void **state)
{
    struct fixture *x = *state;
    make(x, "a", "new");
    make(x, "b", "old");
    assert_int_equal(disk_rename(&x->disk, at(x, "a"), at(x, "b"), NULL), 0);
    assert_false(has(x, "a"));
    assert_true(holds(x, "b", "new", 3));
    assert_int_equal(disk_rename(&x->disk, at(x, "b"), at(x, "b"), NULL), 0);
    assert_true(has(x, "b"));
    assert_int_equal(disk_rename(&x->disk, at(x, "a"), at(x, "b"), NULL), MILL_ENOENT);
    assert_int_equal(disk_rename(&x->disk, at(x, "b"), at(x, "no/b"), NULL), MILL_ENOENT);
    assert_true(holds(x, "b", "new", 3));
}

static void a_rename_to_a_new_name_replaces_nothing(void **state)
{
    struct fixture *x = *state;
    make(x, "a", "new");
    make(x, "b", "old");
    assert_int_equal(disk_rename_new(&x->disk, at(x, "a"), at(x, "b"), NULL), 1);
    assert_true(holds(x, "a", "new", 3));
    assert_true(holds(x, "b", "old", 3));
    assert_int_equal(disk_rename_new(&x->disk, at(x, "a"), at(x, "c"), NULL), 0);
    assert_false(has(x, "a"));
    assert_true(holds(x, "c", "new", 3));
    assert_int_equal(disk_rename_new(&x->disk, at(x, "a"), at(x, "d"), NULL), MILL_ENOENT);
    assert_int_equal(disk_rename_new(&x->disk, at(x, "c"), at(x, "no/c"), NULL), MILL_ENOENT);
    assert_int_equal(disk_rename_new(&x->disk, at(x, "c"), at(x, "c"), NULL), 1);
    assert_true(holds(x, "c", "new", 3));
}

static void a_look_tells_one_folder_from_another(void **state)
{
    struct fixture *x = *state;
    struct disk_entry a;
    struct disk_entry same;
    struct disk_entry b;
    assert_int_equal(disk_make_folder(&x->disk, at(x, "a/c"), NULL), 0);
    assert_int_equal(disk_make_folder(&x->disk, at(x, "b"), NULL), 0);
    assert_int_equal(disk_look(&x->disk, at(x, "a"), &a, NULL), 0);
    assert_int_equal(disk_look(&x->disk, at(x, "./a//"), &same, NULL), 0);
    assert_int_equal(disk_look(&x->disk, at(x, "b"), &b, NULL), 0);
    assert_true(a.device == same.device && a.inode == same.inode);
    assert_true(a.inode != b.inode);
}

static void removing_what_is_not_there_is_no_error(void **state)
{
    struct fixture *x = *state;
    make(x, "a", "x");
    assert_int_equal(disk_remove(&x->disk, at(x, "a"), NULL), 0);
    assert_false(has(x, "a"));
    assert_int_equal(disk_remove(&x->disk, at(x, "a"), NULL), 0);
    assert_int_equal(disk_remove_folder(&x->disk, at(x, "a"), NULL), 0);
    assert_int_not_equal(disk_remove(&x->disk, x->root, NULL), 0);
}

static void folders_are_made_with_those_above(void **state)
{
    struct fixture *x = *state;
    struct error e = {0};
    assert_int_equal(disk_make_folder(&x->disk, at(x, "a/b//c/"), NULL), 0);
    assert_int_equal(disk_make_folder(&x->disk, at(x, "a/b/c"), NULL), 0);
    make(x, "a/b/c/file", "x");
    assert_int_equal(disk_make_folder(&x->disk, at(x, "a/b/c/file"), &e), MILL_EIO);
    assert_int_equal(disk_make_folder(&x->disk, at(x, "a/b/c/file/d"), &e), MILL_EIO);
    assert_int_equal(disk_remove_folder(&x->disk, at(x, "a/b"), NULL), MILL_EIO);
    assert_int_equal(disk_remove(&x->disk, at(x, "a/b/c/file"), NULL), 0);
    assert_int_equal(disk_remove_folder(&x->disk, at(x, "a/b/c"), NULL), 0);
    assert_int_equal(disk_remove_folder(&x->disk, at(x, "a/b"), NULL), 0);
    assert_false(has(x, "a/b"));
}

static void a_folder_can_be_made_safe_twice(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(disk_make_folder_safe(&x->disk, at(x, "a/b"), NULL), 0);
    assert_int_equal(disk_make_folder_safe(&x->disk, at(x, "a/b/"), NULL), 0);
    assert_true(has(x, "a/b"));
}

static void a_folder_without_a_name_is_an_error(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(disk_make_folder(&x->disk, "", NULL), MILL_ENOENT);
    assert_int_equal(disk_sync_folder(&x->disk, "", NULL), MILL_ENOENT);
}

struct seen {
    char text[64];
    int stop_at;
    int count;
};

static int see(void *context, const char *name)
{
    struct seen *s = context;
    strncat(s->text, name, sizeof s->text - strlen(s->text) - 1);
    return ++s->count == s->stop_at ? 77 : 0;
}

static void a_list_has_every_name_once(void **state)
{
    struct fixture *x = *state;
    struct seen s = {.stop_at = 0};
    assert_int_equal(disk_list(&x->disk, x->root, see, &s, NULL), 0);
    assert_string_equal(s.text, "");
    make(x, "a", "");
    make(x, "b", "");
    assert_int_equal(disk_make_folder(&x->disk, at(x, "c"), NULL), 0);
    make(x, "c/d", "");
    assert_int_equal(disk_list(&x->disk, x->root, see, &s, NULL), 0);
    assert_int_equal(strlen(s.text), 3);
    assert_true(strchr(s.text, 'a') && strchr(s.text, 'b') && strchr(s.text, 'c'));
    s = (struct seen){.stop_at = 2};
    assert_int_equal(disk_list(&x->disk, x->root, see, &s, NULL), 77);
    assert_int_equal(s.count, 2);
    assert_int_equal(disk_list(&x->disk, at(x, "none"), see, &s, NULL), MILL_ENOENT);
}

static void a_look_tells_files_from_folders(void **state)
{
    struct fixture *x = *state;
    struct disk_entry entry;
    make(x, "a", "hello");
    assert_int_equal(disk_look(&x->disk, at(x, "a"), &entry, NULL), 0);
    assert_true(entry.exists && !entry.is_folder);
    assert_int_equal(entry.size, 5);
    assert_int_equal(disk_look(&x->disk, x->root, &entry, NULL), 0);
    assert_true(entry.exists && entry.is_folder);
    assert_false(has(x, "none"));
    assert_false(has(x, "a/below-a-file"));
}

static void a_small_file_is_replaced(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(disk_replace(&x->disk, at(x, "a"), "one", 3, NULL), 0);
    assert_true(holds(x, "a", "one", 3));
    assert_int_equal(disk_replace(&x->disk, at(x, "a"), "", 0, NULL), 0);
    assert_true(holds(x, "a", "", 0));
    assert_false(has(x, "a.tmp"));
    struct error e = {0};
    assert_int_equal(disk_replace(&x->disk, at(x, "no/a"), "x", 1, &e), MILL_ENOENT);
    assert_int_equal(e.code, MILL_ENOENT);
}

/* --- the fake one --- */

static void a_file_in_the_root_is_replaced_too(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(disk_replace(&x->disk, "/a", "one", 3, NULL), 0);
    assert_int_equal(disk_replace(&x->disk, "b", "two", 3, NULL), 0);
    memory_free(x->root);
    x->root = memory_text("/");
    assert_true(holds(x, "a", "one", 3));
    assert_true(holds(x, "b", "two", 3));
}

static void synced_bytes_under_a_synced_name_outlast_any_crash(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(disk_sync_folder(&x->disk, "/", NULL), 0);
    make(x, "a", "safe");
    sync_root(x);
    for (int i = 0; i < 20; i++) {
        fake_disk_crash(x->fake);
        assert_true(holds(x, "a", "safe", 4));
    }
}

static void nothing_that_was_not_synced_needs_to_be_there(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(disk_sync_folder(&x->disk, "/", NULL), 0);
    make(x, "bytes", "old");
    sync_root(x);
    assert_int_equal(write_file(x, "bytes", "newer", false), 0);
    make(x, "name", "x");
    assert_int_equal(disk_make_folder(&x->disk, at(x, "folder"), NULL), 0);
    make(x, "folder/file", "x");
    assert_int_equal(disk_sync_folder(&x->disk, at(x, "folder"), NULL), 0);
    fake_disk_keep(x->fake, 0);
    fake_disk_crash(x->fake);
    assert_true(holds(x, "bytes", "old", 3));
    assert_false(has(x, "name"));
    assert_false(has(x, "folder"));
}

static void a_folder_made_safe_outlasts_any_crash_with_those_above(void **state)
{
    struct fixture *x = *state;
    fake_disk_keep(x->fake, 0);
    assert_int_equal(disk_make_folder(&x->disk, at(x, "a"), NULL), 0);
    assert_int_equal(disk_make_folder_safe(&x->disk, at(x, "a/b//c/"), NULL), 0);
    assert_int_equal(disk_make_folder_safe(&x->disk, "relative/d", NULL), 0);
    fake_disk_crash(x->fake);
    assert_true(has(x, "a/b/c"));
    assert_int_equal(disk_sync_folder(&x->disk, "relative/d", NULL), 0);
}

static void a_folder_is_not_safe_while_a_sync_fails(void **state)
{
    struct fixture *x = *state;
    fake_disk_fail(x->fake, 2, MILL_ESYNC);
    assert_int_equal(disk_make_folder_safe(&x->disk, at(x, "a/b"), NULL), MILL_ESYNC);
    fake_disk_fail(x->fake, 1, MILL_ENOSPC);
    assert_int_equal(disk_make_folder_safe(&x->disk, at(x, "c"), NULL), MILL_ENOSPC);
}

static void everything_may_be_there_without_a_sync(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(write_file(x, "a", "hello", false), 0);
    assert_int_equal(disk_rename(&x->disk, at(x, "a"), at(x, "b"), NULL), 0);
    fake_disk_keep(x->fake, 100);
    fake_disk_crash(x->fake);
    assert_true(holds(x, "b", "hello", 5));
    assert_false(has(x, "a"));
}

/* A fake disk with one file "a" of "----", all of it synced. */
static struct fixture begin_with_a_file(uint64_t seed)
{
    struct fixture x = {.fake = fake_disk_create(seed), .root = memory_text("/data")};
    x.disk = fake_disk_of(x.fake);
    assert_int_equal(disk_make_folder(&x.disk, x.root, NULL), 0);
    assert_int_equal(disk_sync_folder(&x.disk, "/", NULL), 0);
    make(&x, "a", "----");
    sync_root(&x);
    return x;
}

static void end_of(struct fixture *x)
{
    fake_disk_destroy(x->fake);
    memory_free(x->root);
}

static void any_subset_of_the_writes_can_survive(void **state)
{
    (void)state;
    bool seen[4] = {false};
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct fixture x = begin_with_a_file(seed);
        struct disk_file f;
        assert_int_equal(disk_open(&x.disk, at(&x, "a"), DISK_UPDATE, &f, NULL), 0);
        assert_int_equal(disk_write(&x.disk, &f, "1", 1, 0, NULL), 0);
        assert_int_equal(disk_write(&x.disk, &f, "2", 1, 2, NULL), 0);
        fake_disk_crash(x.fake);
        seen[0] = seen[0] || holds(&x, "a", "----", 4);
        seen[1] = seen[1] || holds(&x, "a", "1---", 4);
        seen[2] = seen[2] || holds(&x, "a", "--2-", 4);
        seen[3] = seen[3] || holds(&x, "a", "1-2-", 4);
        end_of(&x);
    }
    assert_true(seen[0] && seen[1] && seen[2] && seen[3]);
}

static void a_write_can_be_torn(void **state)
{
    (void)state;
    bool torn = false;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct fixture x = begin_with_a_file(seed);
        struct disk_file f;
        assert_int_equal(disk_open(&x.disk, at(&x, "a"), DISK_UPDATE, &f, NULL), 0);
        assert_int_equal(disk_write(&x.disk, &f, "1234", 4, 0, NULL), 0);
        fake_disk_crash(x.fake);
        torn = torn || holds(&x, "a", "12--", 4);
        end_of(&x);
    }
    assert_true(torn);
}

static void a_rename_happens_or_not_and_never_loses_the_file(void **state)
{
    (void)state;
    int moved = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct fixture x = begin_with_a_file(seed);
        assert_int_equal(disk_rename(&x.disk, at(&x, "a"), at(&x, "b"), NULL), 0);
        fake_disk_crash(x.fake);
        assert_int_equal(has(&x, "a") + has(&x, "b"), 1);
        moved += has(&x, "b");
        end_of(&x);
    }
    assert_in_range(moved, 20, 80);
}

static void between_folders_the_old_name_may_come_back(void **state)
{
    (void)state;
    int twice = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct fixture x = begin_with_a_file(seed);
        assert_int_equal(disk_make_folder(&x.disk, at(&x, "to"), NULL), 0);
        sync_root(&x);
        assert_int_equal(disk_rename(&x.disk, at(&x, "a"), at(&x, "to/a"), NULL), 0);
        assert_int_equal(disk_sync_folder(&x.disk, at(&x, "to"), NULL), 0);
        if (seed % 2 == 0) {
            sync_root(&x);
        }
        fake_disk_crash(x.fake);
        assert_true(holds(&x, "to/a", "----", 4));
        assert_false(seed % 2 == 0 && has(&x, "a"));
        twice += has(&x, "a");
        end_of(&x);
    }
    assert_in_range(twice, 10, 40);
}

static void a_removal_that_was_not_synced_may_be_undone(void **state)
{
    (void)state;
    int back = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct fixture x = begin_with_a_file(seed);
        assert_int_equal(disk_remove(&x.disk, at(&x, "a"), NULL), 0);
        fake_disk_crash(x.fake);
        back += has(&x, "a");
        end_of(&x);
    }
    assert_in_range(back, 20, 80);
}

static void the_operation_that_was_asked_for_fails(void **state)
{
    struct fixture *x = *state;
    fake_disk_fail(x->fake, 2, MILL_ENOSPC);
    struct disk_file f;
    struct error e = {0};
    assert_int_equal(disk_open(&x->disk, at(x, "a"), DISK_CREATE, &f, NULL), 0);
    assert_int_equal(disk_write(&x->disk, &f, "hello", 5, 0, &e), MILL_ENOSPC);
    assert_int_equal(e.code, MILL_ENOSPC);
    assert_int_equal(disk_write(&x->disk, &f, "hello", 5, 0, NULL), 0);
    fake_disk_fail(x->fake, 1, MILL_EIO);
    assert_int_equal(disk_remove(&x->disk, at(x, "a"), NULL), MILL_EIO);
    assert_true(has(x, "a"));
}

static void what_a_failed_sync_did_not_save_no_later_sync_saves(void **state)
{
    (void)state;
    struct fixture x = begin_with_a_file(1);
    struct disk_file f;
    fake_disk_keep(x.fake, 0);
    fake_disk_fail(x.fake, 1, MILL_ESYNC);
    assert_int_equal(disk_open(&x.disk, at(&x, "a"), DISK_UPDATE, &f, NULL), 0);
    assert_int_equal(disk_write(&x.disk, &f, "12", 2, 0, NULL), 0);
    assert_int_equal(disk_sync(&x.disk, &f, NULL), MILL_ESYNC);
    assert_true(holds(&x, "a", "12--", 4));
    assert_int_equal(disk_write(&x.disk, &f, "3", 1, 2, NULL), 0);
    assert_int_equal(disk_sync(&x.disk, &f, NULL), 0);
    fake_disk_crash(x.fake);
    assert_true(holds(&x, "a", "--3-", 4));
    end_of(&x);
}

/* Replace "a" and lose power after `operations` more operations, or let that one fail. */
static void replace_and_fail(uint64_t seed, uint32_t operation, int code)
{
    struct fixture x = begin_with_a_file(seed);
    fake_disk_fail(x.fake, operation, code);
    int rc = disk_replace(&x.disk, at(&x, "a"), "+++++", 5, NULL);
    fake_disk_crash(x.fake);
    bool is_old = holds(&x, "a", "----", 4);
    bool is_new = holds(&x, "a", "+++++", 5);
    assert_true(is_old || is_new);
    assert_true(rc != 0 || is_new);
    end_of(&x);
}

static void a_file_is_replaced_whole_or_not_at_all(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= rounds(200); seed++) {
        for (uint32_t operation = 0; operation <= 6; operation++) {
            replace_and_fail(seed, operation, MILL_EIO);
            replace_and_fail(seed, operation, MILL_ENOSPC);
        }
    }
}

static void operations_are_counted(void **state)
{
    struct fixture *x = *state;
    uint32_t before = fake_disk_operations(x->fake);
    make(x, "a", "x"); /* open, write, sync */
    assert_int_equal(fake_disk_operations(x->fake) - before, 3);
}

static void use_a_handle_after_a_crash(void)
{
    struct fixture x = begin_with_a_file(1);
    struct disk_file f;
    if (disk_open(&x.disk, at(&x, "a"), DISK_UPDATE, &f, NULL) == 0) {
        fake_disk_crash(x.fake);
        (void)disk_write(&x.disk, &f, "x", 1, 0, NULL);
    }
}

static void a_handle_from_before_a_crash_is_a_fault_of_the_test(void **state)
{
    (void)state;
    char output[1000];
    int status = run_apart(use_a_handle_after_a_crash, output, sizeof output);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

#define ON_REAL(test) cmocka_unit_test_setup_teardown(test, begin_real, end_real)
#define ON_FAKE(test) cmocka_unit_test_setup_teardown(test, begin_fake, end_fake)
#define ON_BOTH(test) ON_REAL(test), ON_FAKE(test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(what_was_written_is_read),
        ON_BOTH(creating_cuts_and_updating_keeps),
        ON_BOTH(a_file_is_cut_or_extended),
        ON_BOTH(reading_appends_to_the_buffer),
        ON_BOTH(a_piece_is_read_where_it_stands),
        ON_BOTH(a_file_may_fill_the_buffer_but_not_more),
        ON_BOTH(what_is_not_there_cannot_be_read),
        ON_BOTH(a_rename_replaces),
        ON_BOTH(a_rename_to_a_new_name_replaces_nothing),
        ON_BOTH(a_look_tells_one_folder_from_another),
        ON_BOTH(removing_what_is_not_there_is_no_error),
        ON_BOTH(folders_are_made_with_those_above),
        ON_BOTH(a_folder_can_be_made_safe_twice),
        ON_BOTH(a_folder_without_a_name_is_an_error),
        ON_BOTH(a_list_has_every_name_once),
        ON_BOTH(a_look_tells_files_from_folders),
        ON_BOTH(a_small_file_is_replaced),
        ON_FAKE(a_file_in_the_root_is_replaced_too),
        ON_FAKE(synced_bytes_under_a_synced_name_outlast_any_crash),
        ON_FAKE(nothing_that_was_not_synced_needs_to_be_there),
        ON_FAKE(a_folder_made_safe_outlasts_any_crash_with_those_above),
        ON_FAKE(a_folder_is_not_safe_while_a_sync_fails),
        ON_FAKE(everything_may_be_there_without_a_sync),
        cmocka_unit_test(any_subset_of_the_writes_can_survive),
        cmocka_unit_test(a_write_can_be_torn),
        cmocka_unit_test(a_rename_happens_or_not_and_never_loses_the_file),
        cmocka_unit_test(between_folders_the_old_name_may_come_back),
        cmocka_unit_test(a_removal_that_was_not_synced_may_be_undone),
        ON_FAKE(the_operation_that_was_asked_for_fails),
        ON_FAKE(what_a_failed_sync_did_not_save_no_later_sync_saves),
        cmocka_unit_test(a_file_is_replaced_whole_or_not_at_all),
        ON_FAKE(operations_are_counted),
        cmocka_unit_test(a_handle_from_before_a_crash_is_a_fault_of_the_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

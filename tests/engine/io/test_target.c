/* Goal: a folder is written to by one store only, and only when it is surely the one that the store
 * wrote to before; every other case is refused with what to do, and nothing is touched.
 * Method: folders on a disk that loses power, each refusal once, each crash while claiming. */
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/target.h"
#include "output_world.h"

#define HIDDEN "out/" WORLD_HIDDEN
#define STORE  HIDDEN "/STORE"

struct world {
    struct fake_disk *fake;
    struct disk disk;
    struct store *store;
    struct target target;
    struct error error;
};

static int begin(void **state)
{
    struct world *w = memory_zero(1, sizeof *w);
    w->fake = fake_disk_create(1);
    w->disk = fake_disk_of(w->fake);
    w->store = store_create_memory();
    target_init(&w->target, &w->disk, "out", WORLD_STORE_ID);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    target_deinit(&w->target);
    store_close(w->store);
    fake_disk_destroy(w->fake);
    memory_free(w);
    return 0;
}

static int open_at(struct world *w, uint64_t epoch)
{
    w->error = (struct error){0};
    return target_open(&w->target, w->store, epoch, NULL, &w->error);
}

static void write(struct world *w, const char *path, const char *text)
{
    struct disk_file f;
    assert_int_equal(disk_open(&w->disk, path, DISK_CREATE, &f, NULL), 0);
    assert_int_equal(disk_write(&w->disk, &f, text, strlen(text), 0, NULL), 0);
    disk_close(&w->disk, &f);
}

static bool exists(struct world *w, const char *path)
{
    struct disk_entry entry;
    assert_int_equal(disk_look(&w->disk, path, &entry, NULL), 0);
    return entry.exists;
}

/* The start is refused, and the message says what is wrong and what to do. */
static void refused(struct world *w, uint64_t epoch, const char *what, const char *advice)
{
    assert_int_equal(open_at(w, epoch), MILL_EREFUSED);
    assert_non_null(strstr(w->error.message, what));
    assert_non_null(strstr(w->error.message, advice));
}

/* --- names --- */

static void names_carry_the_store_and_the_epoch(void **state)
{
    struct world *w = *state;
    char name[PART_NAME_MAX];
    char store8[STORE8_BYTES + 1];
    uint64_t epoch = 0;
    target_part_name(&w->target, 7, 2, "json", name);
    assert_string_equal(name, "part-1a2b3c4d-0000000007-0002.json");
    assert_true(target_parse_part(name, store8, &epoch));
    assert_string_equal(store8, "1a2b3c4d");
    assert_int_equal(epoch, 7);
    target_part_name(&w->target, 12345678901, 0, "txt", name);
    assert_true(target_parse_part(name, store8, &epoch));
    assert_true(epoch == 12345678901);
    assert_string_equal(w->target.hidden, HIDDEN);
}

static void other_names_are_no_parts(void **state)
{
    (void)state;
    static const char *const names[] = {"part-1a2b3c4-0000000007-0002.json",
                                        "part-1a2b3c4d5-0000000007-0002.json",
                                        "part-1A2B3C4D-0000000007-0002.json",
                                        "part-1a2b3c4d_0000000007-0002.json",
                                        "part-1a2b3c4d-x-0002.json",
                                        "part-1a2b3c4d-7",
                                        "part-00000",
                                        "xpart-1a2b3c4d-7-0.json",
                                        ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char store8[STORE8_BYTES + 1];
        uint64_t epoch = 0;
        assert_false(target_parse_part(names[i], store8, &epoch));
    }
}

static void a_small_id_has_eight_digits_too(void **state)
{
    (void)state;
    char store8[STORE8_BYTES + 1];
    target_store8(0x0000000a00000001, store8);
    assert_string_equal(store8, "0000000a");
}

/* --- claiming --- */

static void the_first_start_claims_the_folder(void **state)
{
    struct world *w = *state;
    assert_int_equal(open_at(w, 0), 0);
    struct buffer b;
    buffer_init(&b, 100);
    assert_int_equal(disk_read(&w->disk, STORE, &b, NULL), 0);
    assert_int_equal(b.size, 17);
    assert_memory_equal(b.data, "1a2b3c4d5e6f7081\n", 17);
    buffer_deinit(&b);
    assert_int_equal(open_at(w, 0), 0);
    assert_int_equal(target_check(&w->target, NULL), 0);
}

static void a_folder_with_other_files_can_be_claimed(void **state)
{
    struct world *w = *state;
    assert_int_equal(disk_make_folder(&w->disk, "out", NULL), 0);
    write(w, "out/notes.txt", "x");
    write(w, "out/part-00000", "of something else");
    assert_int_equal(open_at(w, 0), 0);
}

/* Wherever the power goes while a folder is claimed, the next start goes on. */
static void a_crash_while_claiming_is_no_harm(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < rounds(300); seed++) {
        struct chance chance = {seed};
        struct world w = {.fake = fake_disk_create(seed), .store = store_create_memory()};
        w.disk = fake_disk_of(w.fake);
        target_init(&w.target, &w.disk, "a/b/out", WORLD_STORE_ID);
        for (int start = 0; start < 4; start++) {
            fake_disk_fail(w.fake, 1 + chance_below(&chance, 14), MILL_EIO);
            (void)open_at(&w, 0);
            fake_disk_fail(w.fake, 0, 0);
            fake_disk_keep(w.fake, chance_below(&chance, 101));
            fake_disk_crash(w.fake);
            store_memory_crash(w.store);
            assert_int_equal(target_open(&w.target, w.store, 0, NULL, NULL), 0);
        }
        target_deinit(&w.target);
        store_close(w.store);
        fake_disk_destroy(w.fake);
    }
}

static bool is_noted(struct world *w)
{
    struct buffer value;
    buffer_init(&value, 100);
    int rc = store_get(w->store, STORE_META, (struct slice){"tout", 4}, &value, NULL);
    buffer_deinit(&value);
    return rc == 0;
}

/* --fresh removes what META names: a claim must not be on disk before its note is. */
static void a_claim_that_was_cut_short_is_known(void **state)
{
    (void)state;
    for (uint32_t step = 1; step < 16; step++) {
        void *own = NULL;
        begin(&own);
        struct world *w = own;
        fake_disk_keep(w->fake, 100);
        fake_disk_fail(w->fake, step, MILL_EIO);
        int rc = open_at(w, 0);
        fake_disk_fail(w->fake, 0, 0);
        fake_disk_crash(w->fake);
        store_memory_crash(w->store);
        assert_true(is_noted(w) || !exists(w, "out"));
        assert_true(is_noted(w) || rc != 0);
        end(&own);
    }
}

static void without_a_store_nothing_is_noted(void **state)
{
    struct world *w = *state;
    assert_int_equal(target_open(&w->target, NULL, 0, NULL, NULL), 0);
    assert_int_equal(disk_remove(&w->disk, STORE, NULL), 0);
    assert_int_equal(target_open(&w->target, NULL, 0, NULL, NULL), 0);
    assert_true(exists(w, STORE));
}

/* --- refusals --- */

static void a_folder_that_is_gone_is_refused(void **state)
{
    struct world *w = *state;
    assert_int_equal(open_at(w, 0), 0);
    assert_int_equal(disk_remove(&w->disk, STORE, NULL), 0);
    refused(w, 0, "not mounted?", "--publish-again out");
    refused(w, 0, HIDDEN "/STORE is missing", "--assume-published out");
    assert_int_equal(target_check(&w->target, NULL), MILL_EREFUSED);
    assert_int_equal(disk_remove_folder(&w->disk, HIDDEN, NULL), 0);
    assert_int_equal(disk_remove_folder(&w->disk, "out", NULL), 0);
    refused(w, 0, "not mounted?", "--publish-again out");
    assert_false(exists(w, "out"));
}

static void a_mark_of_another_store_is_refused(void **state)
{
    struct world *w = *state;
    assert_int_equal(open_at(w, 0), 0);
    write(w, STORE, "1a2b3c4d00000000\n");
    refused(w, 0, "STORE is another store's", "--assume-published");
    assert_int_equal(target_check(&w->target, NULL), MILL_EREFUSED);
    write(w, STORE, "rubbish\n");
    refused(w, 0, "/STORE is no store's", "--assume-published");
}

static void a_hidden_folder_of_another_store_is_refused(void **state)
{
    struct world *w = *state;
    assert_int_equal(disk_make_folder(&w->disk, "out/.tidemill-99999999", NULL), 0);
    refused(w, 9, "another store writes here (.tidemill-99999999)", "--adopt out");
    assert_false(exists(w, HIDDEN));
}

static void parts_of_another_store_are_refused(void **state)
{
    struct world *w = *state;
    assert_int_equal(disk_make_folder(&w->disk, "out", NULL), 0);
    write(w, "out/part-99999999-0000000001-0000.json", "x");
    refused(w, 9, "parts of another store (part-99999999-0000000001-0000.json)", "--adopt out");
    assert_int_equal(disk_remove(&w->disk, "out/part-99999999-0000000001-0000.json", NULL), 0);
    assert_int_equal(open_at(w, 9), 0);
    write(w, "out/part-99999999-0000000001-0000.json", "x");
    refused(w, 9, "parts of another store", "--adopt out");
}

static void parts_of_later_epochs_are_refused(void **state)
{
    struct world *w = *state;
    assert_int_equal(open_at(w, 7), 0);
    write(w, "out/part-1a2b3c4d-0000000007-0000.json", "x");
    assert_int_equal(open_at(w, 7), 0);
    write(w, "out/part-1a2b3c4d-0000000008-0000.json", "x");
    refused(w, 7, "part-1a2b3c4d-0000000008-0000.json, but the store ends at epoch 7",
            "older than its results");
}

static void a_shared_parent_may_hold_what_others_wrote(void **state)
{
    struct world *w = *state;
    assert_int_equal(disk_make_folder(&w->disk, "out/.tidemill-99999999", NULL), 0);
    write(w, "out/part-99999999-0000000001-0000.json", "x");
    assert_int_equal(target_open(&w->target, w->store, 0, "batch", NULL), 0);
}

static void in_folders_of_batches_ours_are_looked_for(void **state)
{
    static const char *const others[] = {
        "out/batch-1000/part-1a2b3c4d-0000000007-0000.txt",
        "out/batch-1000.a/part-99999999-0000000008-0000.txt",
        "out/batch-x/part-1a2b3c4d-0000000008-0000.txt",
        "out/batch-1000x/part-1a2b3c4d-0000000008-0000.txt",
        "out/batches-1000/part-1a2b3c4d-0000000008-0000.txt",
        "out/part-1a2b3c4d-0000000008-0000.txt",
    };
    static const char *const later[] = {
        "out/batch-1000/part-1a2b3c4d-0000000008-0000.txt",
        "out/batch-1700000000000.txt/part-1a2b3c4d-0000000008-0000.txt",
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char *folder = memory_copy(others[i], (size_t)(strrchr(others[i], '/') - others[i]));
        assert_int_equal(disk_make_folder(&w->disk, folder, NULL), 0);
        memory_free(folder);
        write(w, others[i], "x");
    }
    write(w, "out/batch-2000", "a file");
    assert_int_equal(target_open(&w->target, w->store, 7, "batch", NULL), 0);
    assert_int_equal(disk_make_folder(&w->disk, "out/batch-1700000000000.txt", NULL), 0);
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        write(w, later[i], "x");
        assert_int_equal(target_open(&w->target, w->store, 7, "batch", &w->error), MILL_EREFUSED);
        char *what = text_format("%.*s holds part-1a2b3c4d-0000000008-0000.txt, but the store ends "
                                 "at epoch 7: the data directory is older than its results; "
                                 "bring the newer one back, or start over with --fresh",
                                 (int)(strrchr(later[i], '/') - later[i]), later[i]);
        assert_string_equal(w->error.message, what);
        memory_free(what);
        assert_int_equal(disk_remove(&w->disk, later[i], NULL), 0);
    }
    assert_int_equal(target_open(&w->target, w->store, 7, "batch", NULL), 0);
}

static void a_file_in_its_place_is_an_error(void **state)
{
    struct world *w = *state;
    write(w, "out", "x");
    assert_int_equal(open_at(w, 0), MILL_EIO);
}

/* --- sweeping and removing --- */

static bool keep_one(void *context, const char *name)
{
    (*(uint32_t *)context)++;
    return strcmp(name, "epoch-1-0000000003") == 0;
}

static void what_nobody_names_is_swept(void **state)
{
    struct world *w = *state;
    uint32_t asked = 0;
    assert_int_equal(open_at(w, 0), 0);
    write(w, HIDDEN "/epoch-1-0000000003", "x");
    write(w, HIDDEN "/epoch-1-0000000004", "x");
    write(w, HIDDEN "/STORE.tmp", "x");
    assert_int_equal(target_sweep(&w->target, keep_one, &asked, NULL), 0);
    assert_int_equal(asked, 3);
    assert_true(exists(w, HIDDEN "/epoch-1-0000000003"));
    assert_false(exists(w, HIDDEN "/epoch-1-0000000004"));
    assert_false(exists(w, HIDDEN "/STORE.tmp"));
    assert_true(exists(w, STORE));
}

static void a_sweep_that_fails_says_so(void **state)
{
    struct world *w = *state;
    uint32_t asked = 0;
    assert_int_equal(open_at(w, 0), 0);
    write(w, HIDDEN "/epoch-1-0000000004", "x");
    fake_disk_fail(w->fake, 2, MILL_EIO);
    assert_int_equal(target_sweep(&w->target, keep_one, &asked, &w->error), MILL_EIO);
}

static void removing_takes_the_store_s_own_only(void **state)
{
    struct world *w = *state;
    assert_int_equal(open_at(w, 0), 0);
    write(w, "out/part-1a2b3c4d-0000000001-0000.json", "x");
    write(w, "out/part-99999999-0000000001-0000.json", "x");
    write(w, "out/notes.txt", "x");
    write(w, HIDDEN "/open-1-0000000001", "x");
    assert_int_equal(target_remove(&w->disk, "out", WORLD_STORE_ID, NULL), 0);
    assert_false(exists(w, "out/part-1a2b3c4d-0000000001-0000.json"));
    assert_false(exists(w, HIDDEN));
    assert_true(exists(w, "out/part-99999999-0000000001-0000.json"));
    assert_true(exists(w, "out/notes.txt"));
    assert_int_equal(target_remove(&w->disk, "out", WORLD_STORE_ID, NULL), 0);
}

static void removing_takes_what_a_claim_left_that_was_cut_short(void **state)
{
    struct world *w = *state;
    assert_int_equal(open_at(w, 0), 0);
    assert_int_equal(disk_remove(&w->disk, STORE, NULL), 0);
    write(w, HIDDEN "/STORE.tmp", "x");
    assert_int_equal(target_remove(&w->disk, "out", WORLD_STORE_ID, NULL), 0);
    assert_false(exists(w, HIDDEN));
}

/* save_as_text_files: a folder for each batch. */
static void removing_takes_the_folders_of_batches(void **state)
{
    struct world *w = *state;
    assert_int_equal(open_at(w, 0), 0);
    static const char *const folders[] = {"out/words-1700000000000",
                                          "out/words-1700000001000.txt",
                                          "out/words-1700000002000",
                                          "out/words-17000000000001",
                                          "out/words",
                                          "out/words-1700000003000"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        assert_int_equal(disk_make_folder(&w->disk, folders[i], NULL), 0);
    }
    write(w, "out/words-1700000000000/part-1a2b3c4d-0000000001-0000.txt", "x");
    write(w, "out/words-1700000001000.txt/part-1a2b3c4d-0000000002-0000.txt", "x");
    write(w, "out/words-1700000003000/part-99999999-0000000001-0000.txt", "x");
    write(w, "out/words-1700000003000/part-1a2b3c4d-0000000001-0000.txt", "x");
    assert_int_equal(target_remove(&w->disk, "out", WORLD_STORE_ID, NULL), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_false(exists(w, folders[i]));
    }
    assert_true(exists(w, folders[3]));
    assert_true(exists(w, folders[4]));
    assert_true(exists(w, "out/words-1700000003000/part-99999999-0000000001-0000.txt"));
    assert_false(exists(w, "out/words-1700000003000/part-1a2b3c4d-0000000001-0000.txt"));
}

static void what_another_store_has_taken_over_is_not_removed(void **state)
{
    struct world *w = *state;
    assert_int_equal(open_at(w, 0), 0);
    write(w, STORE, "1a2b3c4d00000000\n");
    write(w, "out/part-1a2b3c4d-0000000001-0000.json", "x");
    assert_int_equal(target_remove(&w->disk, "out", WORLD_STORE_ID, NULL), 0);
    assert_true(exists(w, "out/part-1a2b3c4d-0000000001-0000.json"));
    assert_true(exists(w, STORE));
}

/* Cut short anywhere and done again: nothing of the store is left, nothing of others is gone. */
static void a_removal_can_be_done_again(void **state)
{
    (void)state;
    for (uint32_t step = 1; step < 14; step++) {
        void *own = NULL;
        begin(&own);
        struct world *w = own;
        assert_int_equal(open_at(w, 0), 0);
        write(w, "out/part-1a2b3c4d-0000000001-0000.json", "x");
        write(w, HIDDEN "/open-1-0000000001", "x");
        write(w, "out/notes.txt", "x");
        fake_disk_fail(w->fake, step, MILL_EIO);
        (void)target_remove(&w->disk, "out", WORLD_STORE_ID, NULL);
        fake_disk_fail(w->fake, 0, 0);
        assert_int_equal(target_remove(&w->disk, "out", WORLD_STORE_ID, NULL), 0);
        assert_false(exists(w, "out/part-1a2b3c4d-0000000001-0000.json"));
        assert_false(exists(w, HIDDEN));
        assert_true(exists(w, "out/notes.txt"));
        end(&own);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_carry_the_store_and_the_epoch),
        TEST(other_names_are_no_parts),
        TEST(a_small_id_has_eight_digits_too),
        TEST(the_first_start_claims_the_folder),
        TEST(a_folder_with_other_files_can_be_claimed),
        cmocka_unit_test(a_crash_while_claiming_is_no_harm),
        cmocka_unit_test(a_claim_that_was_cut_short_is_known),
        TEST(without_a_store_nothing_is_noted),
        TEST(a_folder_that_is_gone_is_refused),
        TEST(a_mark_of_another_store_is_refused),
        TEST(a_hidden_folder_of_another_store_is_refused),
        TEST(parts_of_another_store_are_refused),
        TEST(parts_of_later_epochs_are_refused),
        TEST(in_folders_of_batches_ours_are_looked_for),
        TEST(a_shared_parent_may_hold_what_others_wrote),
        TEST(a_file_in_its_place_is_an_error),
        TEST(what_nobody_names_is_swept),
        TEST(a_sweep_that_fails_says_so),
        TEST(removing_takes_the_store_s_own_only),
        TEST(removing_takes_what_a_claim_left_that_was_cut_short),
        TEST(removing_takes_the_folders_of_batches),
        TEST(what_another_store_has_taken_over_is_not_removed),
        cmocka_unit_test(a_removal_can_be_done_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: every rule by which a folder's files are known: new, renamed, grown, to be checked, written
 * anew, missed, forgotten; in which order they get their numbers; and what a commit writes of it.
 * Method: listings made by hand, seconds and days made by hand; no files, no clock. */
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "io/file_registry.h"
#include "testing.h"

#define SECOND_NS 1000000000ll
#define DAY_MS    (24ll * 3600 * 1000)
#define SOURCE    4

struct fixture {
    struct file_registry registry;
    struct listed_file files[16]; /* what is in the folder; by (mtime, name), as a listing is */
    struct file_list list;
    struct file_moment when;
    struct store *store;
};

static int begin(void **state)
{
    struct fixture *f = memory_zero(1, sizeof *f);
    file_registry_init(&f->registry);
    f->when = (struct file_moment){.now_ms = DAY_MS, .elapsed_us = 1, .still_ms = 1000};
    f->list.files = f->files;
    f->store = store_create_memory();
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    file_registry_deinit(&f->registry);
    store_close(f->store);
    memory_free(f);
    return 0;
}

static struct listed_file *put(struct fixture *f, const char *name, uint64_t inode, uint64_t size,
                               int64_t mtime_s)
{
    struct listed_file *file = &f->files[f->list.count++];
    *file = (struct listed_file){name, {1, inode, (int64_t)inode + 5}, size, mtime_s * SECOND_NS};
    return file;
}

static void match(struct fixture *f)
{
    f->when.elapsed_us += 100;
    file_registry_match(&f->registry, &f->list, &f->when);
}

static void settle(struct fixture *f)
{
    assert_int_equal(file_registry_settle(&f->registry, true, NULL), 0);
}

/* A listing of which no file needs to be looked into. */
static void take(struct fixture *f)
{
    uint32_t at = 0;
    match(f);
    assert_null(file_registry_next_check(&f->registry, &at));
    settle(f);
}

static struct known_file *file(struct fixture *f, uint32_t serial)
{
    struct known_file *known = file_registry_find(&f->registry, serial);
    assert_non_null(known);
    return known;
}

static void read_up_to(struct fixture *f, uint32_t serial, const char *head, uint64_t offset)
{
    struct known_file *known = file(f, serial);
    file_head_take(&known->head, head, strlen(head));
    known->next_offset = offset;
    known->is_dirty = true;
}

static void commit(struct fixture *f)
{
    struct store_batch *batch = store_batch_create();
    file_registry_commit_into(&f->registry, SOURCE, batch);
    assert_int_equal(store_write(f->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    file_registry_committed(&f->registry);
}

static void restart(struct fixture *f)
{
    file_registry_deinit(&f->registry);
    file_registry_init(&f->registry);
    assert_int_equal(file_registry_load(&f->registry, SOURCE, f->store, NULL), 0);
}

/* --- numbers --- */

static void new_files_are_numbered_in_the_order_of_the_listing(void **state)
{
    struct fixture *f = *state;
    put(f, "z", 10, 1, 1);
    put(f, "a", 11, 1, 2);
    put(f, "b", 12, 1, 2);
    take(f);
    assert_int_equal(f->registry.count, 3);
    assert_string_equal(file(f, 0)->name, "z");
    assert_string_equal(file(f, 1)->name, "a");
    assert_string_equal(file(f, 2)->name, "b");
}

static void a_later_listing_numbers_on_even_if_its_file_is_older(void **state)
{
    struct fixture *f = *state;
    put(f, "b", 10, 1, 100);
    take(f);
    f->list.count = 0;
    put(f, "a", 11, 1, 1);
    put(f, "b", 10, 1, 100);
    take(f);
    assert_string_equal(file(f, 0)->name, "b");
    assert_string_equal(file(f, 1)->name, "a");
}

static void what_was_written_anew_is_numbered_among_the_new_ones(void **state)
{
    struct fixture *f = *state;
    put(f, "b", 10, 4, 2);
    take(f);
    read_up_to(f, 0, "old\n", 4);
    f->list.count = 0;
    put(f, "a", 11, 1, 3);
    put(f, "b", 10, 4, 4);
    put(f, "c", 12, 1, 5);
    match(f);
    uint32_t at = 0;
    struct known_file *known = file_registry_next_check(&f->registry, &at);
    assert_int_equal(known->serial, 0);
    file_registry_retire(&f->registry, known);
    assert_null(file_registry_next_check(&f->registry, &at));
    settle(f);
    assert_string_equal(file(f, 1)->name, "a");
    assert_string_equal(file(f, 2)->name, "b");
    assert_string_equal(file(f, 3)->name, "c");
    assert_int_equal(file(f, 2)->offset, 0);
    assert_int_equal(known_file_unread(file(f, 2)), 4);
    assert_int_equal(known_file_unread(file(f, 0)), 0);
    take(f); /* and it is the known one from then on */
    assert_int_equal(f->registry.count, 4);
}

/* --- what is known --- */

static void a_renamed_file_is_the_known_one(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    take(f);
    read_up_to(f, 0, "one\n", 4);
    commit(f);
    f->files[0].name = "b";
    take(f);
    assert_int_equal(f->registry.count, 1);
    assert_string_equal(file(f, 0)->name, "b");
    assert_int_equal(known_file_unread(file(f, 0)), 0);
    commit(f);
    restart(f);
    assert_string_equal(file(f, 0)->name, "b");
}

static void another_file_under_an_old_name_is_new(void **state)
{
    struct fixture *f = *state;
    put(f, "app.log", 10, 4, 1);
    take(f);
    read_up_to(f, 0, "one\n", 4);
    commit(f);
    f->list.count = 0;
    put(f, "app.log.1", 10, 4, 1);
    put(f, "app.log", 11, 4, 2);
    take(f);
    assert_int_equal(f->registry.count, 2);
    assert_string_equal(file(f, 0)->name, "app.log.1");
    assert_string_equal(file(f, 1)->name, "app.log");
    assert_int_equal(known_file_unread(file(f, 1)), 4);
}

static void an_inode_that_is_used_again_is_a_new_file_by_its_birth(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    take(f);
    f->files[0].identity.birth_ns++;
    take(f);
    assert_int_equal(f->registry.count, 2);
    take(f);
    assert_int_equal(f->registry.count, 2);
    assert_false(file(f, 0)->is_listed);
    assert_true(file(f, 1)->is_listed);
    f->files[0].identity.birth_ns = FILE_BIRTH_UNKNOWN; /* then it is the newest of them */
    take(f);
    assert_int_equal(f->registry.count, 2);
    assert_true(file(f, 1)->is_listed);
}

static void without_birth_times_device_and_inode_decide(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1)->identity.birth_ns = FILE_BIRTH_UNKNOWN;
    take(f);
    take(f);
    assert_int_equal(f->registry.count, 1);
    f->files[0].identity.device = 2;
    take(f);
    assert_int_equal(f->registry.count, 2);
}

static void a_file_with_two_names_is_one_file(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    put(f, "b", 10, 4, 1);
    take(f);
    assert_int_equal(f->registry.count, 1);
    assert_string_equal(file(f, 0)->name, "a");
    commit(f);
    take(f);
    assert_int_equal(f->registry.count, 1);
    assert_false(file(f, 0)->is_dirty);
}

static void many_files_are_told_apart(void **state)
{
    struct fixture *f = *state;
    struct listed_file *files = memory_zero(5000, sizeof *files);
    struct file_list list = {.files = files, .count = 5000};
    for (uint32_t i = 0; i < list.count; i++) {
        files[i] = (struct listed_file){"f", {i % 7, i / 3, i + 1}, i, 1};
    }
    for (int round = 0; round < 3; round++) {
        file_registry_match(&f->registry, &list, &f->when);
        settle(f);
        assert_int_equal(f->registry.count, 5000);
    }
    assert_int_equal(file(f, 4321)->size, 4321);
    assert_null(file_registry_find(&f->registry, 5000));
    memory_free(files);
}

/* Each listing went through all of them, for each of them. */
static void an_inode_may_have_had_thousands_of_files(void **state)
{
    struct fixture *f = *state;
    struct listed_file *files = memory_zero(5000, sizeof *files);
    struct file_list list = {.files = files, .count = 5000};
    for (uint32_t i = 0; i < list.count; i++) {
        files[i] = (struct listed_file){"f", {1, 10, i + 1}, i, 1};
    }
    f->when.elapsed_us++;
    file_registry_match(&f->registry, &list, &f->when);
    settle(f);
    put(f, "f", 10, 4, 1)->identity.birth_ns = 4321;
    clock_t begun = clock();
    for (int i = 0; i < 300; i++) {
        take(f);
    }
    assert_true(clock() - begun < 3 * CLOCKS_PER_SEC);
    assert_int_equal(f->registry.count, 5000);
    assert_int_equal(file(f, 4320)->size, 4);
    memory_free(files);
}

/* --- what is to be checked --- */

static void a_file_that_was_read_is_checked_when_its_size_or_time_changed(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    put(f, "b", 11, 4, 1);
    put(f, "c", 12, 4, 1);
    put(f, "d", 13, 4, 1);
    take(f);
    for (uint32_t i = 0; i < 3; i++) {
        read_up_to(f, i, "one\n", 4);
    }
    commit(f);
    f->files[1].size = 8;
    f->files[2].mtime_ns++;
    f->files[3].size = 9; /* never opened: nothing to compare with */
    match(f);
    uint32_t at = 0;
    assert_int_equal(file_registry_next_check(&f->registry, &at)->serial, 1);
    assert_int_equal(file_registry_next_check(&f->registry, &at)->serial, 2);
    assert_null(file_registry_next_check(&f->registry, &at));
    settle(f);
}

static void what_is_not_accepted_is_checked_again_the_next_time(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    take(f);
    read_up_to(f, 0, "one\n", 4);
    commit(f);
    f->files[0].size = 8;
    for (int i = 0; i < 2; i++) {
        uint32_t at = 0;
        match(f);
        assert_int_equal(file_registry_next_check(&f->registry, &at)->serial, 0);
        settle(f);
        assert_int_equal(known_file_unread(file(f, 0)), 0);
    }
    uint32_t at = 0;
    match(f);
    file_registry_accept(&f->registry, file_registry_next_check(&f->registry, &at));
    settle(f);
    assert_int_equal(known_file_unread(file(f, 0)), 4);
    take(f);
}

static void a_file_that_changed_while_the_engine_was_down_is_checked(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    take(f);
    read_up_to(f, 0, "one\n", 4);
    commit(f);
    restart(f);
    take(f);
    restart(f);
    f->files[0].mtime_ns++;
    uint32_t at = 0;
    match(f);
    assert_int_equal(file_registry_next_check(&f->registry, &at)->serial, 0);
    settle(f);
}

/* --- standing still --- */

static void a_file_stands_still_when_listings_saw_no_change_for_long_enough(void **state)
{
    struct fixture *f = *state;
    f->when.now_ms = 1000 * 1000; /* the file's own time says nothing: it is in the future */
    put(f, "a", 10, 4, 5000);
    take(f);
    assert_false(file(f, 0)->is_still);
    f->when.elapsed_us += 1000 * 1000 - 101; /* and 100 a listing */
    take(f);
    assert_false(file(f, 0)->is_still);
    f->when.elapsed_us -= 99;
    take(f);
    assert_true(file(f, 0)->is_still);
    take(f);
    assert_true(file(f, 0)->is_still);
    f->files[0].size++;
    take(f);
    assert_false(file(f, 0)->is_still);
    f->when.elapsed_us += 1000 * 1000;
    f->files[0].mtime_ns++;
    take(f);
    assert_false(file(f, 0)->is_still);
}

static void a_change_of_long_ago_needs_no_second_listing(void **state)
{
    struct fixture *f = *state;
    f->when.now_ms = 1000 * 1000;
    put(f, "old", 10, 4, 1000 - 11);
    put(f, "fresh", 11, 4, 1000 - 10);
    take(f);
    assert_true(file(f, 0)->is_still);
    assert_false(file(f, 1)->is_still);
}

static void a_change_gives_what_could_not_be_read_another_chance(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    take(f);
    file(f, 0)->is_stuck = true;
    file(f, 0)->is_blocked = true;
    take(f);
    assert_true(file(f, 0)->is_stuck);
    assert_false(file(f, 0)->is_blocked);
    f->files[0].size++;
    take(f);
    assert_false(file(f, 0)->is_stuck);
}

/* --- forgetting --- */

static void a_file_is_forgotten_seven_days_after_a_listing_missed_it(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    put(f, "b", 11, 4, 1);
    take(f);
    f->when.now_ms += 30 * DAY_MS; /* time alone does nothing */
    take(f);
    f->list.count = 1;
    take(f);
    f->when.now_ms += 7 * DAY_MS - 1;
    take(f);
    assert_int_equal(f->registry.count, 2);
    f->when.now_ms += 1;
    take(f);
    assert_int_equal(f->registry.count, 1);
    assert_null(file_registry_find(&f->registry, 1));
    assert_string_equal(file(f, 0)->name, "a");
}

static void a_file_that_comes_back_within_seven_days_was_never_away(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    put(f, "b", 11, 4, 1);
    take(f);
    for (int i = 0; i < 5; i++) {
        f->list.count = 1;
        take(f);
        f->when.now_ms += 6 * DAY_MS;
        f->list.count = 2;
        take(f);
        assert_int_equal(f->registry.count, 2);
    }
}

static void the_days_count_on_over_a_restart(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    put(f, "b", 11, 4, 1);
    take(f);
    f->list.count = 1;
    take(f);
    commit(f);
    restart(f);
    f->when.now_ms += 7 * DAY_MS;
    take(f);
    assert_int_equal(f->registry.count, 1);
    commit(f);
    assert_int_equal(f->registry.forgotten_count, 0);
    restart(f);
    assert_int_equal(f->registry.count, 1);
}

static void downtime_is_not_absence(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    put(f, "b", 11, 4, 1);
    take(f);
    commit(f);
    restart(f);
    f->when.now_ms += 100 * DAY_MS;
    f->list.count = 1;
    take(f);
    assert_int_equal(f->registry.count, 2);
}

static void a_folder_listed_empty_forgets_nothing(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    put(f, "b", 11, 4, 1);
    take(f);
    f->list.count = 1;
    take(f); /* b is missed */
    f->list.count = 0;
    f->when.now_ms += 100 * DAY_MS;
    take(f);
    assert_int_equal(f->registry.count, 2);
    assert_int_equal(file(f, 0)->flags, 0);
    assert_int_equal(known_file_unread(file(f, 0)), 0); /* but there is nothing to read */
    f->list.count = 1;
    take(f);
    assert_int_equal(f->registry.count, 1); /* b was missing for long enough */
}

static void numbers_are_not_used_again_when_files_are_forgotten(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    put(f, "b", 11, 4, 1);
    take(f);
    f->list.count = 1;
    take(f);
    f->when.now_ms += 8 * DAY_MS;
    take(f);
    commit(f);
    restart(f);
    put(f, "c", 12, 4, 1);
    take(f);
    assert_int_equal(f->registry.count, 2);
    assert_string_equal(file(f, 2)->name, "c");
}

/* --- new_files_only, --reread --- */

static void files_registered_as_never_stay_so(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    match(f);
    assert_int_equal(file_registry_settle(&f->registry, false, NULL), 0);
    assert_true(f->registry.source.was_polled);
    commit(f);
    restart(f);
    assert_true(f->registry.source.was_polled);
    f->files[0].size = 100;
    put(f, "b", 11, 4, 2);
    take(f);
    assert_int_equal(known_file_unread(file(f, 0)), 0);
    assert_int_equal(known_file_unread(file(f, 1)), 4);
}

static void an_empty_folder_counts_as_polled(void **state)
{
    struct fixture *f = *state;
    assert_false(f->registry.source.was_polled);
    take(f);
    commit(f);
    restart(f);
    assert_true(f->registry.source.was_polled);
}

static void a_file_to_be_read_again_is_new_to_the_next_listing(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    take(f);
    read_up_to(f, 0, "one\n", 4);
    commit(f);
    restart(f);
    file_registry_reread(&f->registry, file(f, 0));
    take(f);
    assert_int_equal(f->registry.count, 2);
    assert_int_equal(known_file_unread(file(f, 1)), 4);
    commit(f);
    restart(f);
    take(f);
    assert_int_equal(f->registry.count, 2);
    f->when.now_ms += 10 * 60 * 1000 - 1;
    take(f);
    assert_int_equal(f->registry.count, 2);
    f->when.now_ms++;
    take(f);
    assert_int_equal(f->registry.count, 1); /* the old one, which cannot come back, is forgotten */
}

static void a_file_that_is_skipped_is_known_without_a_head(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    take(f);
    read_up_to(f, 0, "one\n", 4);
    commit(f);
    file_registry_skip(&f->registry, file(f, 0));
    commit(f);
    restart(f);
    f->files[0].size = 100;
    take(f);
    assert_int_equal(known_file_unread(file(f, 0)), 0);
}

static void a_file_that_turns_out_packed_before_it_is_read_is_packed(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    take(f);
    f->files[0].name = "a.gz";
    take(f);
    assert_int_equal(file(f, 0)->flags, FILE_PACKED);
    read_up_to(f, 0, "packed", 100);
    f->files[0].name = "b";
    take(f);
    assert_int_equal(file(f, 0)->flags, FILE_PACKED);
}

/* --- the store --- */

static uint32_t count_changes(struct fixture *f)
{
    struct store_batch *empty = store_batch_create();
    struct store_batch *batch = store_batch_create();
    file_registry_commit_into(&f->registry, SOURCE, batch);
    uint32_t count = store_batch_bytes(batch) > store_batch_bytes(empty);
    store_batch_destroy(batch);
    store_batch_destroy(empty);
    return count;
}

static void only_what_changed_is_written(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    put(f, "b", 11, 4, 1);
    take(f);
    assert_int_equal(count_changes(f), 1);
    commit(f);
    assert_int_equal(count_changes(f), 0);
    f->when.now_ms += 100;
    take(f);
    assert_int_equal(count_changes(f), 0);
    read_up_to(f, 0, "one\n", 4);
    assert_int_equal(count_changes(f), 1);
    assert_true(file(f, 0)->is_dirty);
    assert_false(file(f, 1)->is_dirty);
}

static void an_abandoned_epoch_moves_no_offset(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 8, 1);
    take(f);
    read_up_to(f, 0, "one\n", 4);
    commit(f);
    file(f, 0)->next_offset = 8;
    file(f, 0)->is_dirty = true;
    file_registry_abandon(&f->registry);
    commit(f);
    assert_int_equal(file(f, 0)->offset, 4);
    restart(f);
    assert_int_equal(file(f, 0)->offset, 4);
}

static void sources_do_not_see_each_other(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    take(f);
    commit(f);
    struct file_registry other;
    for (uint16_t source = SOURCE - 1; source <= SOURCE + 1; source += 2) {
        file_registry_init(&other);
        assert_int_equal(file_registry_load(&other, source, f->store, NULL), 0);
        assert_int_equal(other.count, 0);
        assert_false(other.source.was_polled);
        file_registry_deinit(&other);
    }
}

static void store_value(struct fixture *f, const struct store_key *key, const char *bytes,
                        size_t size)
{
    struct store_batch *batch = store_batch_create();
    store_batch_put(batch, STORE_META, store_key_slice(key), (struct slice){bytes, size});
    assert_int_equal(store_write(f->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
}

static void a_damaged_record_is_refused_by_its_key(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    take(f);
    commit(f);
    struct store_key key = file_record_key(SOURCE, 0);
    store_value(f, &key, "\x01\x02", 2);
    struct file_registry other;
    struct error e = {0};
    file_registry_init(&other);
    assert_int_equal(file_registry_load(&other, SOURCE, f->store, &e), MILL_ECORRUPT);
    assert_non_null(strstr(e.message, "f/4/0"));
    file_registry_deinit(&other);
}

static void a_file_beyond_the_last_number_is_damage(void **state)
{
    struct fixture *f = *state;
    put(f, "a", 10, 4, 1);
    take(f);
    commit(f);
    struct file_source_record none = {0};
    struct buffer value;
    buffer_init(&value, FILE_RECORD_BYTES_MAX);
    file_source_record_encode(&none, &value);
    struct store_key key = file_record_source_key(SOURCE);
    store_value(f, &key, value.data, value.size);
    buffer_deinit(&value);
    struct file_registry other;
    struct error e = {0};
    file_registry_init(&other);
    assert_int_equal(file_registry_load(&other, SOURCE, f->store, &e), MILL_ECORRUPT);
    assert_non_null(strstr(e.message, "f/4/0"));
    file_registry_deinit(&other);
}

static void when_all_numbers_are_given_it_says_so(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    f->registry.source.next_serial = UINT32_MAX - 2;
    put(f, "a", 10, 4, 1);
    match(f);
    assert_int_equal(file_registry_settle(&f->registry, true, &e), MILL_ELIMIT);
    assert_non_null(strstr(e.message, "no more can be numbered"));
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(new_files_are_numbered_in_the_order_of_the_listing),
        RULE(a_later_listing_numbers_on_even_if_its_file_is_older),
        RULE(what_was_written_anew_is_numbered_among_the_new_ones),
        RULE(a_renamed_file_is_the_known_one),
        RULE(another_file_under_an_old_name_is_new),
        RULE(an_inode_that_is_used_again_is_a_new_file_by_its_birth),
        RULE(without_birth_times_device_and_inode_decide),
        RULE(a_file_with_two_names_is_one_file),
        RULE(many_files_are_told_apart),
        RULE(an_inode_may_have_had_thousands_of_files),
        RULE(a_file_that_was_read_is_checked_when_its_size_or_time_changed),
        RULE(what_is_not_accepted_is_checked_again_the_next_time),
        RULE(a_file_that_changed_while_the_engine_was_down_is_checked),
        RULE(a_file_stands_still_when_listings_saw_no_change_for_long_enough),
        RULE(a_change_of_long_ago_needs_no_second_listing),
        RULE(a_change_gives_what_could_not_be_read_another_chance),
        RULE(a_file_is_forgotten_seven_days_after_a_listing_missed_it),
        RULE(a_file_that_comes_back_within_seven_days_was_never_away),
        RULE(the_days_count_on_over_a_restart),
        RULE(downtime_is_not_absence),
        RULE(a_folder_listed_empty_forgets_nothing),
        RULE(numbers_are_not_used_again_when_files_are_forgotten),
        RULE(files_registered_as_never_stay_so),
        RULE(an_empty_folder_counts_as_polled),
        RULE(a_file_to_be_read_again_is_new_to_the_next_listing),
        RULE(a_file_that_is_skipped_is_known_without_a_head),
        RULE(a_file_that_turns_out_packed_before_it_is_read_is_packed),
        RULE(only_what_changed_is_written),
        RULE(an_abandoned_epoch_moves_no_offset),
        RULE(sources_do_not_see_each_other),
        RULE(a_damaged_record_is_refused_by_its_key),
        RULE(a_file_beyond_the_last_number_is_damage),
        RULE(when_all_numbers_are_given_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

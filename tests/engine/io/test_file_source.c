/* Goal: whatever happens to the files, the runner and the epochs, each line is read exactly once,
 * in order of the files' numbers; nothing about a single file but shrinking stops a job.
 * Method: epochs over a real folder (file_epochs.h). */
#include "base/limits.h"
#include "file_epochs.h"
#include "io/file_source.h"

static void let_stand_still(void)
{
    usleep(STILL_MS * 1000 + 5000);
}

static void expect_left(struct fixture *f, uint64_t bytes, uint64_t files)
{
    uint64_t left = 0;
    uint64_t count = 0;
    file_source_left(f->source, &left, &count);
    assert_int_equal(left, bytes);
    assert_int_equal(count, files);
}

static void expect_count(struct fixture *f, uint64_t done, uint64_t known)
{
    uint64_t is_done = 0;
    uint64_t is_known = 0;
    file_source_count(f->source, &is_done, &is_known);
    assert_int_equal(is_done, done);
    assert_int_equal(is_known, known);
}

/* --- reading on --- */

static void files_are_read_in_order_once(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "b", "b1\nb2\n");
    write_file(f->folder, "a", "a1\na2\n");
    age_file(f->folder, "b", 30);
    poll_now(f);
    assert_false(source_wants_commit(f->source)); /* what is not read can be found again */
    assert_string_equal(epoch(f, ALL), "b1\nb2\na1\na2\n");
    expect_count(f, 2, 2);
    expect_left(f, 0, 0);
    assert_string_equal(epoch(f, ALL), "");
    restart(f);
    assert_string_equal(epoch(f, ALL), "");
    append_file(f->folder, "b", "b3\n");
    write_file(f->folder, "c", "c1\n");
    assert_string_equal(epoch(f, ALL), "b3\nc1\n");
}

static void an_epoch_takes_its_share_and_the_line_in_which_it_ends(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a1\na2\na3\n");
    write_file(f->folder, "b", "b1\nb2\n");
    age_file(f->folder, "a", 30);
    poll_now(f);
    assert_int_equal(plan(f, 4), 4);
    assert_false(source_is_drained(f->source));
    take(f, 64);
    assert_string_equal(f->text, "a1\na2\n");
    finish(f);
    commit(f);
    expect_left(f, 9, 2);
    assert_string_equal(epoch(f, 3), "a3\n");
    assert_string_equal(epoch(f, 1), "b1\n");
    poll_now(f);
    assert_int_equal(plan(f, 100), 3);
    assert_true(source_is_drained(f->source));
    take(f, 64);
    assert_string_equal(f->text, "b2\n");
}

static void a_share_that_ends_with_a_line_leaves_the_next_to_the_next(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a1\na2\n");
    assert_string_equal(epoch(f, 3), "a1\n");
    assert_string_equal(epoch(f, 3), "a2\n");
}

static void any_share_gives_the_same_lines(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "one\n\nthree is longer\r\n4\n\n\nlast without an end";
    write_file(f->folder, "a", text);
    write_file(f->folder, "b", "b\n");
    age_file(f->folder, "a", 60);
    for (uint64_t share = 1; share < sizeof text + 3; share++) {
        store_close(f->store);
        f->store = store_create_memory();
        restart_once(f);
        char *all = memory_text("");
        for (int i = 0; i < 60; i++) {
            char *more = text_format("%s%s", all, epoch(f, share));
            memory_free(all);
            all = more;
        }
        assert_string_equal(all, "one\n\nthree is longer\r\n4\n\n\nlast without an endb\n");
        memory_free(all);
        expect_left(f, 0, 0);
    }
}

static void files_of_nothing_and_of_line_ends_are_fine(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "");
    write_file(f->folder, "b", "\n");
    write_file(f->folder, "c", "\n\n");
    assert_string_equal(epoch(f, ALL), "\n\n\n");
    expect_count(f, 3, 3);
    append_file(f->folder, "a", "x\n");
    assert_string_equal(epoch(f, ALL), "x\n");
}

static void a_large_file_is_read_block_by_block_over_epochs(void **state)
{
    struct fixture *f = *state;
    size_t size = (size_t)(3 * LIMIT_BLOCK_BYTES + 1000);
    char *bytes = memory_alloc(size + 1);
    struct chance c = {4};
    for (size_t i = 0; i < size; i++) {
        bytes[i] = chance_below(&c, 60) == 0 ? '\n' : 'x';
    }
    bytes[size - 1] = '\n';
    bytes[size] = '\0';
    write_bytes(f->folder, "a", 0, bytes, size);
    size_t at = 0;
    while (at < size) {
        const char *text = epoch(f, 1 + chance_below(&c, (uint32_t)(2 * LIMIT_BLOCK_BYTES)));
        assert_true(strlen(text) > 0 && at + strlen(text) <= size);
        assert_memory_equal(text, bytes + at, strlen(text));
        at += strlen(text);
        if (chance_below(&c, 2) == 0) {
            restart(f);
        }
    }
    memory_free(bytes);
}

static void what_was_not_handed_out_is_not_part_of_the_epoch(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a\n");
    write_file(f->folder, "b", "b\n");
    age_file(f->folder, "a", 30);
    poll_now(f);
    plan(f, ALL);
    take(f, 1);
    finish(f);
    commit(f);
    assert_string_equal(f->text, "a\n");
    assert_string_equal(epoch(f, ALL), "b\n");
}

static void what_one_listing_found_is_read_before_the_next_is_used(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a1\n");
    write_file(f->folder, "b", "b1\n");
    age_file(f->folder, "a", 30);
    assert_string_equal(epoch(f, 3), "a1\n");
    append_file(f->folder, "a", "a2\n"); /* a file that always grows does not hold up the others */
    assert_string_equal(epoch(f, 3), "b1\n");
    assert_string_equal(epoch(f, 3), "a2\n");
}

/* --- running again --- */

static void an_abandoned_epoch_hands_out_the_same_blocks(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a\n");
    write_file(f->folder, "b", "b\n");
    write_file(f->folder, "c", "c\n");
    age_file(f->folder, "a", 60);
    age_file(f->folder, "b", 30);
    poll_now(f);
    plan(f, ALL);
    take(f, 2); /* and none of them is done */
    source_abandon(f->source);
    append_file(f->folder, "a", "more\n");
    write_file(f->folder, "d", "d\n");
    for (int i = 0; i < 3; i++) {
        poll_now(f);
        assert_int_equal(plan(f, ALL), 4);
        take(f, i == 1 ? 1 : 64);
        assert_string_equal(f->text, i == 1 ? "a\n" : "a\nb\n");
        if (i < 2) {
            source_abandon(f->source);
        }
    }
    finish(f);
    commit(f);
    assert_string_equal(epoch(f, ALL), "c\n");
    assert_string_equal(epoch(f, ALL), "more\nd\n");
}

static void an_abandoned_epoch_does_not_move_the_offset(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a\n");
    poll_now(f);
    plan(f, ALL);
    take(f, 64);
    finish(f);
    source_abandon(f->source);
    restart(f);
    assert_string_equal(epoch(f, ALL), "a\n");
}

static void a_rerun_commits_only_what_it_read_itself(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a\n");
    write_file(f->folder, "b", "b\n");
    age_file(f->folder, "a", 30);
    poll_now(f);
    plan(f, ALL);
    take(f, 64);
    finish(f);
    source_abandon(f->source);
    plan(f, ALL);
    take(f, 1);
    finish(f);
    commit(f);
    assert_string_equal(epoch(f, ALL), "b\n");
}

static void a_rerun_reads_files_that_were_removed_meanwhile(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a\n");
    poll_now(f);
    plan(f, ALL);
    take(f, 64);
    finish(f);
    source_abandon(f->source);
    remove_file(f->folder, "a");
    plan(f, ALL);
    take(f, 64);
    assert_string_equal(f->text, "a\n");
}

static void a_commit_that_fails_is_run_again(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a\n");
    poll_now(f);
    plan(f, ALL);
    take(f, 64);
    finish(f);
    struct store_batch *batch = store_batch_create();
    assert_int_equal(source_commit_into(f->source, batch, NULL), 0);
    store_memory_fail(f->store, 1, MILL_ENOSPC);
    assert_int_equal(store_write(f->store, batch, true, NULL), MILL_ENOSPC);
    store_memory_fail(f->store, 0, 0);
    store_batch_destroy(batch);
    source_abandon(f->source);
    plan(f, ALL);
    take(f, 64);
    assert_string_equal(f->text, "a\n");
    finish(f);
    commit(f);
    restart(f);
    assert_string_equal(epoch(f, ALL), "");
}

/* --- what files do --- */

static void renamed_files_are_not_read_again_and_new_ones_under_old_names_are(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "app.log", "old\n");
    assert_string_equal(epoch(f, ALL), "old\n");
    rename_file(f->folder, "app.log", "app.log.1");
    write_file(f->folder, "app.log", "new\n");
    assert_string_equal(epoch(f, ALL), "new\n");
    restart(f);
    rename_file(f->folder, "app.log.1", "app.log.2");
    rename_file(f->folder, "app.log", "app.log.1");
    assert_string_equal(epoch(f, ALL), "");
    append_file(f->folder, "app.log.2", "late\n");
    assert_string_equal(epoch(f, ALL), "late\n");
}

static void a_file_written_anew_is_read_from_its_start(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\ntwo\n");
    assert_string_equal(epoch(f, ALL), "one\ntwo\n");
    write_file(f->folder, "a", "uno\n");
    assert_string_equal(epoch(f, ALL), "uno\n");
    restart(f);
    write_file(f->folder, "a", "eins\nzwei\ndrei\n");
    assert_string_equal(epoch(f, ALL), "eins\nzwei\ndrei\n");
}

static int try_plan(struct fixture *f, struct error *e)
{
    uint64_t bytes = 0;
    poll_now(f);
    return source_plan(f->source, ALL, &bytes, e);
}

static void a_file_that_shrank_stops_the_job_and_names_the_ways_out(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    write_file(f->folder, "a", "one\ntwo\n");
    write_file(f->folder, "b", "b\n");
    epoch(f, ALL);
    write_file(f->folder, "a", "one\n");
    assert_int_equal(try_plan(f, &e), MILL_EREFUSED);
    char *path = text_path(f->folder, "a");
    assert_non_null(strstr(e.message, path));
    assert_non_null(strstr(e.message, "--reread"));
    assert_non_null(strstr(e.message, "--skip-file"));
    restart(f);
    assert_int_equal(try_plan(f, &e), MILL_EREFUSED);
    memory_free(path);
}

static void a_refused_file_can_be_read_again(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    write_file(f->folder, "a", "one\ntwo\n");
    epoch(f, ALL);
    write_file(f->folder, "a", "one\n");
    restart(f);
    char *path = text_path(f->folder, "a");
    assert_int_equal(file_source_reread(f->source, "no/such", &e), MILL_ENOENT);
    assert_int_equal(file_source_reread(f->source, path, &e), 0);
    assert_int_equal(file_source_reread(f->source, path, &e), MILL_ENOENT); /* it is new already */
    assert_string_equal(epoch(f, ALL), "one\n");
    restart(f);
    assert_string_equal(epoch(f, ALL), "");
    expect_count(f, 1, 1);
    memory_free(path);
}

static void a_refused_file_can_be_skipped_for_good(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    write_file(f->folder, "a", "one\ntwo\n");
    epoch(f, ALL);
    write_file(f->folder, "a", "one\n");
    restart(f);
    char *path = text_path(f->folder, "a");
    assert_int_equal(file_source_skip(f->source, "no/such", &e), MILL_ENOENT);
    assert_int_equal(file_source_skip(f->source, path, &e), 0);
    assert_string_equal(epoch(f, ALL), "");
    restart(f);
    append_file(f->folder, "a", "three\n");
    assert_string_equal(epoch(f, ALL), "");
    expect_count(f, 0, 0);
    write_file(f->folder, "a", "written anew\n");
    assert_string_equal(epoch(f, ALL), "written anew\n");
    memory_free(path);
}

static void a_file_that_shrinks_between_listing_and_reading_is_refused(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    struct source_block block;
    write_file(f->folder, "a", "one\ntwo\n");
    epoch(f, ALL);
    append_file(f->folder, "a", "three\n");
    poll_now(f);
    plan(f, ALL);
    cut_file(f->folder, "a", 4);
    assert_int_equal(source_next_block(f->source, &block, &e), MILL_EREFUSED);
    assert_non_null(strstr(e.message, "--reread"));
}

static void a_file_that_cannot_be_opened_is_left_out_until_it_can(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a\n");
    write_file(f->folder, "b", "b\n");
    age_file(f->folder, "a", 30);
    char *path = text_path(f->folder, "a");
    assert_int_equal(chmod(path, 0), 0);
    rights_drop();
    char *first = memory_text(epoch(f, ALL));
    char *second = memory_text(epoch(f, ALL));
    rights_restore();
    assert_string_equal(first, "b\n");
    assert_string_equal(second, "");
    assert_int_equal(caught_count, 1);
    assert_true(was_logged(path));
    expect_left(f, 2, 1);
    expect_count(f, 1, 2);
    assert_int_equal(chmod(path, 0666), 0);
    assert_string_equal(epoch(f, ALL), "a\n");
    append_file(f->folder, "a", "more\n");
    assert_int_equal(chmod(path, 0), 0);
    rights_drop();
    epoch(f, ALL);
    rights_restore();
    assert_int_equal(caught_count, 2); /* it had been good in between */
    memory_free(first);
    memory_free(second);
    memory_free(path);
}

static void a_once_run_ends_although_a_file_cannot_be_opened(void **state)
{
    struct fixture *f = *state;
    restart_once(f);
    write_file(f->folder, "a", "a\n");
    char *path = text_path(f->folder, "a");
    assert_int_equal(chmod(path, 0), 0);
    rights_drop();
    poll_now(f);
    uint64_t first = plan(f, ALL);
    take(f, 64);
    commit(f);
    uint64_t second = plan(f, ALL);
    rights_restore();
    assert_int_equal(first, 2);
    assert_int_equal(second, 0);
    expect_left(f, 2, 1);
    memory_free(path);
}

static void a_file_removed_before_it_is_opened_is_skipped(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a\n");
    write_file(f->folder, "b", "b\n");
    age_file(f->folder, "a", 30);
    poll_now(f);
    plan(f, ALL);
    remove_file(f->folder, "a");
    take(f, 64);
    assert_string_equal(f->text, "b\n");
    assert_true(was_logged("/a"));
    finish(f);
    commit(f);
}

static void a_file_removed_while_it_is_read_is_read_to_its_end(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a1\na2\na3\n");
    assert_string_equal(epoch(f, 1), "a1\n");
    remove_file(f->folder, "a");
    assert_string_equal(epoch(f, 1), "a2\n");
    assert_string_equal(epoch(f, ALL), "a3\n");
    assert_int_equal(caught_count, 0);
}

/* Listings see the same size and time, as within a tick of the file system's clock. */
static void a_file_written_anew_while_it_is_read_is_not_read_on(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a1\na2\na3\n");
    write_file(f->folder, "z", "");
    age_file_as(f->folder, "z", "a");
    assert_string_equal(epoch(f, 1), "a1\n");
    write_file(f->folder, "a", "b1\nb2\nb3\n");
    age_file_as(f->folder, "a", "z");
    assert_string_equal(epoch(f, ALL), "");
    assert_string_equal(epoch(f, ALL), "b1\nb2\nb3\n");
}

static void a_file_that_is_replaced_before_it_is_opened_is_read_as_a_new_one(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "old\n");
    poll_now(f);
    plan(f, ALL);
    rename_file(f->folder, "a", "_away");
    write_file(f->folder, "a", "new\n");
    take(f, 64);
    assert_string_equal(f->text, "");
    commit(f);
    assert_string_equal(epoch(f, ALL), "new\n");
    rename_file(f->folder, "_away", "back");
    assert_string_equal(epoch(f, ALL), "old\n");
}

/* --- last lines --- */

static void an_unfinished_line_is_taken_when_the_file_stood_still(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\ntw");
    assert_string_equal(epoch(f, ALL), "one\n");
    poll_now(f);
    assert_int_equal(plan(f, ALL), 0);
    expect_left(f, 2, 1);
    let_stand_still();
    assert_string_equal(epoch(f, ALL), "tw");
    expect_left(f, 0, 0);
    append_file(f->folder, "a", "o\nthree\n");
    assert_string_equal(epoch(f, ALL), "o\nthree\n");
}

static void an_unfinished_line_that_is_finished_is_one_line(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\ntw");
    assert_string_equal(epoch(f, ALL), "one\n");
    append_file(f->folder, "a", "o\n");
    assert_string_equal(epoch(f, ALL), "two\n");
}

static void a_restart_does_not_forget_an_unfinished_line(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\ntw");
    assert_string_equal(epoch(f, ALL), "one\n");
    restart(f);
    assert_string_equal(epoch(f, ALL), "");
    let_stand_still();
    assert_string_equal(epoch(f, ALL), "tw");
}

static void a_file_that_changes_after_it_stood_still_keeps_its_line(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "one\ntw");
    age_file(f->folder, "a", 60);
    poll_now(f);
    plan(f, ALL);
    append_file(f->folder, "a", "o\n");
    take(f, 64);
    assert_string_equal(f->text, "one\n");
    finish(f);
    commit(f);
    assert_string_equal(epoch(f, ALL), "two\n");
}

static void once_takes_unfinished_lines_of_files_that_stand_still(void **state)
{
    struct fixture *f = *state;
    restart_once(f);
    write_file(f->folder, "a", "one\ntw");
    assert_string_equal(epoch(f, ALL), "one\ntw");
    assert_string_equal(epoch(f, ALL), "");
}

static void once_leaves_a_line_that_is_being_written_and_ends(void **state)
{
    struct fixture *f = *state;
    restart_once(f);
    write_file(f->folder, "a", "one\ntw");
    age_file(f->folder, "a", 60);
    poll_now(f);
    append_file(f->folder, "a", "o\n");
    plan(f, ALL);
    take(f, 64);
    finish(f);
    commit(f);
    assert_string_equal(f->text, "one\n");
    assert_true(was_logged("its unfinished last line is left to the next run"));
    poll_now(f);
    assert_int_equal(plan(f, ALL), 0);
    restart_once(f);
    assert_string_equal(epoch(f, ALL), "two\n");
}

static void once_reads_to_the_listed_size_and_no_further(void **state)
{
    struct fixture *f = *state;
    restart_once(f);
    write_file(f->folder, "a", "one\n");
    poll_now(f);
    append_file(f->folder, "a", "two\n");
    write_file(f->folder, "b", "b\n");
    assert_string_equal(epoch(f, ALL), "one\n");
    assert_string_equal(epoch(f, ALL), "");
    restart_once(f);
    assert_string_equal(epoch(f, ALL), "two\nb\n");
}

/* --- new files only --- */

static void with_new_files_only_what_was_there_is_never_read(void **state)
{
    struct fixture *f = *state;
    f->options.new_files_only = true;
    write_file(f->folder, "a", "a\n");
    restart(f);
    assert_false(source_wants_commit(f->source));
    poll_now(f);
    assert_int_equal(plan(f, ALL), 0);
    assert_true(source_wants_commit(f->source)); /* or the next start would begin anew */
    commit(f);
    assert_false(source_wants_commit(f->source));
    expect_count(f, 0, 0);
    write_file(f->folder, "b", "b\n");
    append_file(f->folder, "a", "more\n");
    restart(f);
    assert_string_equal(epoch(f, ALL), "b\n");
    expect_count(f, 1, 1);
}

static void what_came_while_it_was_down_is_new(void **state)
{
    struct fixture *f = *state;
    f->options.new_files_only = true;
    restart(f);
    epoch(f, ALL); /* the folder was empty */
    write_file(f->folder, "a", "a\n");
    restart(f);
    assert_string_equal(epoch(f, ALL), "a\n");
}

/* --- .gz --- */

static void packed_files_are_read_when_they_stand_still(void **state)
{
    struct fixture *f = *state;
    pack_file(f->folder, "a.gz", "one\ntwo", 7);
    write_file(f->folder, "b", "b\n");
    assert_string_equal(epoch(f, ALL), "b\n");
    let_stand_still();
    assert_string_equal(epoch(f, 1), "one\ntwo");
    restart(f);
    let_stand_still();
    assert_string_equal(epoch(f, ALL), "");
    expect_left(f, 0, 0);
    expect_count(f, 2, 2);
}

static void a_packed_file_that_grew_is_read_on(void **state)
{
    struct fixture *f = *state;
    pack_file(f->folder, "a.gz", "one\n", 4);
    age_file(f->folder, "a.gz", 60);
    assert_string_equal(epoch(f, ALL), "one\n");
    pack_file(f->folder, "a.gz", "two\n", 4);
    age_file(f->folder, "a.gz", 50);
    restart(f);
    assert_string_equal(epoch(f, ALL), "two\n");
}

static void a_rerun_reads_of_a_packed_file_what_was_listed(void **state)
{
    struct fixture *f = *state;
    pack_file(f->folder, "a.gz", "one\n", 4);
    age_file(f->folder, "a.gz", 60);
    poll_now(f);
    plan(f, ALL);
    take(f, 64);
    source_abandon(f->source);
    pack_file(f->folder, "a.gz", "two\n", 4);
    plan(f, ALL);
    take(f, 64);
    assert_string_equal(f->text, "one\n");
}

static void a_packed_file_that_does_not_unpack_is_left_out_until_it_changes(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a.gz", "this is not gzip\n");
    write_file(f->folder, "b", "b\n");
    age_file(f->folder, "a.gz", 60);
    assert_string_equal(epoch(f, ALL), "b\n");
    assert_int_equal(caught_count, 1);
    assert_true(was_logged("a.gz is not a valid .gz file"));
    poll_now(f);
    assert_int_equal(plan(f, ALL), 0);
    expect_count(f, 1, 2);
    remove_file(f->folder, "a.gz");
    pack_file(f->folder, "a.gz", "one\n", 4);
    age_file(f->folder, "a.gz", 60);
    assert_string_equal(epoch(f, ALL), "one\n");
}

static void a_cut_off_packed_file_gives_nothing_and_then_all(void **state)
{
    struct fixture *f = *state;
    char text[4000];
    struct chance c = {5};
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = chance_of(&c, "abcdefghij\n");
    }
    text[sizeof text - 1] = '\0';
    pack_file(f->folder, "_whole.gz", text, strlen(text));
    char *path = text_path(f->folder, "_whole.gz");
    char packed[4000];
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, packed, sizeof packed);
    close(fd);
    memory_free(path);
    assert_true(size > 100);
    write_bytes(f->folder, "a.gz", 0, packed, (size_t)size / 2);
    age_file(f->folder, "a.gz", 60);
    assert_string_equal(epoch(f, ALL), "");
    restart(f);
    write_bytes(f->folder, "a.gz", O_TRUNC, packed, (size_t)size);
    age_file(f->folder, "a.gz", 50);
    assert_string_equal(epoch(f, ALL), text);
}

/* --- all together --- */

static void every_line_is_read_once_whatever_happens(void **state)
{
    struct fixture *f = *state;
    struct chance c = {2027};
    char names[3][3] = {"x", "y", "z"};
    uint8_t seen[10000] = {0};
    int line = 0;
    for (int i = 0; i < 3; i++) {
        write_file(f->folder, names[i], "");
    }
    while (line < 9000) {
        change_something(f, &c, names[chance_below(&c, 3)], &line);
        run_somehow(f, &c, seen);
    }
    for (int i = 0; i < 400; i++) {
        run_somehow(f, &c, seen);
    }
    for (int i = 0; i < line; i++) {
        assert_int_equal(seen[i], 1);
    }
    assert_int_equal(seen[line], 0);
}

/* --- the store --- */

static void damage_in_the_store_is_refused(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    write_file(f->folder, "a", "a\n");
    epoch(f, ALL);
    struct store_batch *batch = store_batch_create();
    char key[] = {'f', 0, STORE_ID, 0, 0, 0, 0};
    store_batch_put(batch, STORE_META, (struct slice){key, sizeof key}, (struct slice){"x", 1});
    assert_int_equal(store_write(f->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    struct source *other = NULL;
    assert_int_equal(file_source_open(&f->options, f->store, &other, &e), MILL_ECORRUPT);
    assert_non_null(strstr(e.message, "f/3/0"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(files_are_read_in_order_once),
        CASE(an_epoch_takes_its_share_and_the_line_in_which_it_ends),
        CASE(a_share_that_ends_with_a_line_leaves_the_next_to_the_next),
        CASE(any_share_gives_the_same_lines),
        CASE(files_of_nothing_and_of_line_ends_are_fine),
        CASE(a_large_file_is_read_block_by_block_over_epochs),
        CASE(what_was_not_handed_out_is_not_part_of_the_epoch),
        CASE(what_one_listing_found_is_read_before_the_next_is_used),
        CASE(an_abandoned_epoch_hands_out_the_same_blocks),
        CASE(an_abandoned_epoch_does_not_move_the_offset),
        CASE(a_rerun_commits_only_what_it_read_itself),
        CASE(a_rerun_reads_files_that_were_removed_meanwhile),
        CASE(a_commit_that_fails_is_run_again),
        CASE(renamed_files_are_not_read_again_and_new_ones_under_old_names_are),
        CASE(a_file_written_anew_is_read_from_its_start),
        CASE(a_file_that_shrank_stops_the_job_and_names_the_ways_out),
        CASE(a_refused_file_can_be_read_again),
        CASE(a_refused_file_can_be_skipped_for_good),
        CASE(a_file_that_shrinks_between_listing_and_reading_is_refused),
        CASE(a_file_that_cannot_be_opened_is_left_out_until_it_can),
        CASE(a_once_run_ends_although_a_file_cannot_be_opened),
        CASE(a_file_removed_before_it_is_opened_is_skipped),
        CASE(a_file_removed_while_it_is_read_is_read_to_its_end),
        CASE(a_file_written_anew_while_it_is_read_is_not_read_on),
        CASE(a_file_that_is_replaced_before_it_is_opened_is_read_as_a_new_one),
        CASE(an_unfinished_line_is_taken_when_the_file_stood_still),
        CASE(an_unfinished_line_that_is_finished_is_one_line),
        CASE(a_restart_does_not_forget_an_unfinished_line),
        CASE(a_file_that_changes_after_it_stood_still_keeps_its_line),
        CASE(once_takes_unfinished_lines_of_files_that_stand_still),
        CASE(once_leaves_a_line_that_is_being_written_and_ends),
        CASE(once_reads_to_the_listed_size_and_no_further),
        CASE(with_new_files_only_what_was_there_is_never_read),
        CASE(what_came_while_it_was_down_is_new),
        CASE(packed_files_are_read_when_they_stand_still),
        CASE(a_packed_file_that_grew_is_read_on),
        CASE(a_rerun_reads_of_a_packed_file_what_was_listed),
        CASE(a_packed_file_that_does_not_unpack_is_left_out_until_it_changes),
        CASE(a_cut_off_packed_file_gives_nothing_and_then_all),
        CASE(every_line_is_read_once_whatever_happens),
        CASE(damage_in_the_store_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

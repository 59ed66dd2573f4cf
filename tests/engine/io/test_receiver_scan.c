/* Goal: a log is opened as far as it is whole; what a crash tore is gone for good, what was saved
 * and is not there any more is refused. Method: logs that are cut at every byte, damaged at every
 * byte, and robbed of files. */
#include "io/receiver_scan.h"
#include "received.h"

#define LINES "one\ntwo\n"

struct fixture {
    struct received x;
    uint64_t end;  /* of the log when it was last synced */
    uint64_t text; /* likewise */
};

/* Records of 48 bytes in segments of 5: nine of them, the third a part. */
static void write_log(struct fixture *f)
{
    received_begin(&f->x, 7);
    f->x.options.segment_bytes = 240;
    assert_int_equal(received_open(&f->x), 0);
    for (int i = 0; i < 9; i++) {
        enum received_kind kind = i == 2 ? RECEIVED_PART : RECEIVED_LINES;
        assert_int_equal(received_append(&f->x, kind, i == 2 ? 2 : 1, LINES, 8), 0);
    }
    received_sync(&f->x);
    f->end = receiver_log_end(f->x.log);
    f->text = receiver_log_text_end(f->x.log);
    assert_int_equal(f->end, 9 * 48);
    assert_int_equal(f->text, 8 * 8);
    receiver_log_close(f->x.log);
    f->x.log = NULL;
}

static void nothing(void *context, uint64_t at, uint64_t text, bool is_first)
{
    (void)context;
    (void)at;
    (void)text;
    (void)is_first;
}

static int scan(struct fixture *f, struct receiver_scan *s, uint64_t text, uint64_t end)
{
    *s = (struct receiver_scan){.seen = nothing};
    f->x.options.committed = (struct receiver_committed){text, end};
    error_clear(&f->x.error);
    return receiver_scan_run(s, &f->x.options, &f->x.error);
}

static void expect_end(struct fixture *f, uint64_t text, uint64_t end, uint64_t wanted)
{
    struct receiver_scan s;
    assert_int_equal(scan(f, &s, text, end), 0);
    assert_int_equal(s.end, wanted);
    receiver_scan_deinit(&s);
}

static void expect_refusal(struct fixture *f, uint64_t text, uint64_t end, int code,
                           const char *says)
{
    struct receiver_scan s;
    assert_int_equal(scan(f, &s, text, end), code);
    assert_non_null(strstr(f->x.error.message, says));
    assert_non_null(strstr(f->x.error.message, "stdin: "));
    assert_non_null(strstr(f->x.error.message, "--fresh"));
    receiver_scan_deinit(&s);
}

static void a_torn_tail_is_cut_off(void **state)
{
    (void)state;
    for (uint64_t cut = 9 * 48 - 1; cut > 240; cut--) {
        struct fixture f;
        write_log(&f);
        received_harm(&f.x, 240, 32, cut - 240, 0);
        expect_end(&f, 0, 240, cut / 48 * 48);
        expect_end(&f, 0, 240, cut / 48 * 48); /* it stays like this */
        received_end(&f.x);
    }
}

static void what_follows_a_torn_place_goes_too(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < 48; at += 5) {
        struct fixture f;
        write_log(&f);
        received_harm(&f.x, 0, 0, 3 * 48 + at, 4);
        expect_end(&f, 8, 3 * 48, 3 * 48);
        assert_int_equal(received_files(&f.x), 1);
        received_end(&f.x);
    }
}

static void damage_of_what_was_saved_is_said(void **state)
{
    (void)state;
    struct fixture f;
    write_log(&f);
    for (uint64_t at = 0; at < f.end; at += 7) {
        uint64_t start = at < 240 ? 0 : 240;
        received_harm(&f.x, start, start == 0 ? 0 : 32, at - start, 1);
        expect_refusal(&f, 16, f.end, MILL_ECORRUPT, ".log is damaged at byte");
        received_harm(&f.x, start, start == 0 ? 0 : 32, at - start, 1);
    }
    expect_end(&f, 16, f.end, f.end);
    received_end(&f.x);
}

static void a_log_shorter_than_what_was_saved_is_refused(void **state)
{
    (void)state;
    for (uint64_t cut = 9 * 48 - 1; cut >= 240; cut -= 3) {
        struct fixture f;
        write_log(&f);
        received_harm(&f.x, 240, 32, cut - 240, 0);
        expect_refusal(&f, 16, f.end, MILL_EREFUSED, "the job has saved up to byte 432");
        received_end(&f.x);
    }
}

static void remove_file(struct fixture *f, uint64_t start, uint64_t text)
{
    char *path = receiver_segment_path(RECEIVED_FOLDER, start, text);
    assert_int_equal(disk_remove(&f->x.disk, path, NULL), 0);
    memory_free(path);
}

static void files_that_are_gone_are_missed(void **state)
{
    (void)state;
    struct fixture f;
    write_log(&f);
    expect_refusal(&f, 16, f.end + 1, MILL_EREFUSED, "ends at byte 432");
    remove_file(&f, 0, 0);
    expect_refusal(&f, 31, f.end, MILL_EREFUSED, "begins behind what the job has read");
    expect_end(&f, 32, f.end, f.end); /* it was deleted after a commit */
    remove_file(&f, 240, 32);
    expect_refusal(&f, 32, f.end, MILL_EREFUSED, "ends at byte 0");
    expect_end(&f, 0, 0, 0);
    received_end(&f.x);
}

static void deleted_files_that_come_back_are_passed_over(void **state)
{
    (void)state;
    struct fixture f;
    write_log(&f);
    received_harm(&f.x, 0, 0, 100, 0); /* only in part */
    expect_end(&f, 32, f.end, f.end);
    assert_int_equal(received_files(&f.x), 1);
    received_end(&f.x);
    write_log(&f);
    received_harm(&f.x, 0, 0, 100, 1); /* or without all of their bytes */
    expect_end(&f, 32, f.end, f.end);
    received_end(&f.x);
}

static void expect_part(struct receiver_scan *s, uint32_t i, uint64_t connection, const char *text)
{
    assert_int_equal(s->parts[i].connection, connection);
    assert_int_equal(s->parts[i].bytes.size, strlen(text));
    assert_memory_equal(s->parts[i].bytes.data, text, strlen(text));
}

static void lines_without_an_end_are_found(void **state)
{
    (void)state;
    struct fixture f;
    received_begin(&f.x, 1);
    assert_int_equal(received_open(&f.x), 0);
    received_append(&f.x, RECEIVED_PART, 1, "ab", 2);
    received_append(&f.x, RECEIVED_PART, 2, "x", 1);
    received_append(&f.x, RECEIVED_PART, 1, "cd", 2);
    received_append(&f.x, RECEIVED_LINES, 2, "xy\n", 3);
    received_append(&f.x, RECEIVED_PART, 3, "lost", 4);
    received_append(&f.x, RECEIVED_BROKEN, 3, "lost", 4);
    received_append(&f.x, RECEIVED_PART, 4, "old", 3);
    struct received_record again = {.kind = RECEIVED_PART, .connection = 4, .restarts = true};
    assert_int_equal(receiver_log_append(f.x.log, &again, "old and new", 11, NULL), 0);
    receiver_log_close(f.x.log);
    f.x.log = NULL;
    struct receiver_scan s;
    assert_int_equal(scan(&f, &s, 0, 0), 0);
    assert_int_equal(s.part_count, 2);
    expect_part(&s, 0, 1, "abcd");
    expect_part(&s, 1, 4, "old and new");
    receiver_scan_deinit(&s);
    received_end(&f.x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_torn_tail_is_cut_off),
        cmocka_unit_test(what_follows_a_torn_place_goes_too),
        cmocka_unit_test(damage_of_what_was_saved_is_said),
        cmocka_unit_test(a_log_shorter_than_what_was_saved_is_refused),
        cmocka_unit_test(files_that_are_gone_are_missed),
        cmocka_unit_test(deleted_files_that_come_back_are_passed_over),
        cmocka_unit_test(lines_without_an_end_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: what was synced is there after any crash, in order and once; what was not is there up to
 * some record or not at all; nothing is in the way of what comes later. Method: a disk that loses
 * power, fills up and fails; a model that is a string. */
#include "received.h"

static int begin(void **state)
{
    struct received *x = memory_zero(1, sizeof *x);
    received_begin(x, 3);
    assert_int_equal(received_open(x), 0);
    *state = x;
    return 0;
}

static int end(void **state)
{
    received_end(*state);
    memory_free(*state);
    return 0;
}

static void what_is_appended_is_read(void **state)
{
    struct received *x = *state;
    assert_int_equal(receiver_log_text_end(x->log), 0);
    assert_int_equal(receiver_log_bytes(x->log), 0);
    assert_int_equal(received_files(x), 0);
    received_lines(x, "a\nb\n");
    assert_int_equal(received_append(x, RECEIVED_PART, 1, "c", 1), 0);
    assert_int_equal(received_append(x, RECEIVED_BROKEN, 2, "half", 4), 0);
    received_lines(x, "c\n");
    assert_int_equal(receiver_log_text_end(x->log), 10);
    assert_int_equal(receiver_log_end(x->log), 4 * RECEIVED_HEAD_BYTES + 11);
    received_expect(x, 0, "a\nb\n[half]c\n");
    assert_int_equal(received_reopen(x, 0, 0), 0);
    received_expect(x, 0, "a\nb\n[half]c\n");
}

static void segments_follow_each_other(void **state)
{
    struct received *x = *state;
    for (int i = 0; i < 20; i++) {
        received_lines(x, "0123456789\n"); /* 51 bytes: 8 of them make 400 */
    }
    assert_int_equal(received_files(x), 3);
    assert_int_equal(receiver_log_segment_start(x->log), 2 * 8 * 51);
    received_sync(x);
    assert_int_equal(receiver_log_synced(x->log), 20 * 51);
    assert_int_equal(receiver_log_bytes(x->log), 20 * 51);
    assert_int_equal(received_reopen(x, 0, 20 * 51), 0);
    received_lines(x, "x\n");
    assert_int_equal(received_files(x), 3);
    char *text = received_text(x, 0);
    assert_int_equal(strlen(text), 222);
    memory_free(text);
}

static void a_segment_goes_when_its_end_was_read(void **state)
{
    struct received *x = *state;
    for (int i = 0; i < 20; i++) {
        received_lines(x, "0123456789\n");
    }
    assert_int_equal(receiver_log_release(x->log, 220, NULL), 0);
    assert_int_equal(received_files(x), 3); /* nothing was synced */
    received_sync(x);
    assert_int_equal(receiver_log_release(x->log, 8 * 11 - 1, NULL), 0);
    assert_int_equal(received_files(x), 3);
    receiver_log_keep(x->log, 8 * 51 - 1);
    assert_int_equal(receiver_log_release(x->log, 8 * 11, NULL), 0);
    assert_int_equal(received_files(x), 3);
    receiver_log_keep(x->log, 8 * 51);
    assert_int_equal(receiver_log_release(x->log, 220, NULL), 0);
    assert_int_equal(received_files(x), 2);
    receiver_log_keep(x->log, UINT64_MAX);
    assert_int_equal(receiver_log_release(x->log, 220, NULL), 0);
    assert_int_equal(received_files(x), 1); /* the last one stays */
    assert_int_equal(receiver_log_bytes(x->log), 4 * 51);
    received_lines(x, "x\n");
    received_sync(x);
    assert_int_equal(received_reopen(x, 220, receiver_log_synced(x->log)), 0);
    received_expect(x, 220, "x\n");
}

static void a_full_log_takes_more_when_a_segment_went(void **state)
{
    struct received *x = *state;
    x->options.bytes_max = 600;
    assert_int_equal(received_reopen(x, 0, 0), 0);
    for (int i = 0; i < 11; i++) {
        received_lines(x, "0123456789\n");
    }
    assert_int_equal(received_append(x, RECEIVED_LINES, 1, "0123456789\n", 11), MILL_ELIMIT);
    assert_non_null(strstr(x->error.message, "is full"));
    assert_int_equal(receiver_log_text_end(x->log), 121);
    received_sync(x);
    assert_int_equal(receiver_log_release(x->log, 99, NULL), 0);
    received_lines(x, "0123456789\n");
    assert_int_equal(receiver_log_text_end(x->log), 132);
}

static void a_full_log_with_a_line_that_has_begun_is_opened(void **state)
{
    struct received *x = *state;
    x->options.bytes_max = 600;
    assert_int_equal(received_reopen(x, 0, 0), 0);
    assert_int_equal(received_append(x, RECEIVED_PART, 7, "hal", 3), 0);
    while (received_append(x, RECEIVED_LINES, 1, "0123456789\n", 11) == 0) {
    }
    received_sync(x);
    uint64_t end = receiver_log_text_end(x->log);
    assert_int_equal(received_reopen(x, 0, receiver_log_synced(x->log)), 0);
    received_expect(x, end, "[hal]");
    assert_int_equal(received_append(x, RECEIVED_LINES, 1, "0123456789\n", 11), MILL_ELIMIT);
}

static void a_full_disk_leaves_nothing(void **state)
{
    struct received *x = *state;
    received_lines(x, "first\n");
    for (uint32_t n = 1; n <= 3; n++) {
        fake_disk_fail(x->fake, n, MILL_ENOSPC);
        struct received_record r = {.kind = RECEIVED_LINES};
        char line[390];
        memset(line, 'x', sizeof line);
        line[sizeof line - 1] = '\n';
        int rc = receiver_log_append(x->log, &r, line, sizeof line, &x->error);
        if (rc == 0) {
            break;
        }
        assert_int_equal(rc, MILL_ENOSPC);
        assert_int_equal(receiver_log_text_end(x->log), 6);
    }
    fake_disk_fail(x->fake, 0, 0);
    received_lines(x, "s\n");
    assert_int_equal(received_reopen(x, 0, 0), 0);
    char *text = received_text(x, 0);
    assert_int_equal(text[strlen(text) - 1], '\n');
    memory_free(text);
}

static void a_sync_that_fails_is_fatal(void **state)
{
    struct received *x = *state;
    received_lines(x, "a\n");
    fake_disk_fail(x->fake, 1, MILL_ESYNC);
    assert_int_equal(receiver_log_sync(x->log, &x->error), MILL_ESYNC);
    assert_int_equal(receiver_log_synced(x->log), 0);
}

static void a_line_begun_before_a_crash_is_broken(void **state)
{
    struct received *x = *state;
    received_lines(x, "a\n");
    assert_int_equal(received_append(x, RECEIVED_PART, 3, "hal", 3), 0);
    assert_int_equal(received_append(x, RECEIVED_PART, 3, "f", 1), 0);
    assert_int_equal(received_reopen(x, 0, 0), 0);
    received_expect(x, 0, "a\n[half]");
    assert_int_equal(received_reopen(x, 0, 0), 0);
    received_expect(x, 0, "a\n[half]"); /* once */
}

/* --- power cuts --- */

struct model {
    struct received *x;
    struct chance chance;
    struct buffer raw; /* the log's text */
    uint64_t synced_raw;
    struct receiver_committed committed;
};

static void model_append(struct model *m)
{
    static const char *const lines[] = {"a\n", "bb\n\n", "some more of it\nand more\n", "\r\n"};
    const char *text = lines[chance_below(&m->chance, 4)];
    bool is_broken = chance_below(&m->chance, 6) == 0;
    size_t size = strlen(text) - (is_broken ? 1 : 0);
    uint64_t before = receiver_log_text_end(m->x->log);
    int rc = received_append(m->x, is_broken ? RECEIVED_BROKEN : RECEIVED_LINES, 1, text, size);
    if (rc != 0 && rc != MILL_ENOSPC) {
        fail_msg("%s", m->x->error.message);
    }
    assert_int_equal(receiver_log_text_end(m->x->log), before + (rc == 0 ? size : 0));
    if (rc == 0) {
        assert_int_equal(buffer_append(&m->raw, text, size), 0);
    }
}

/* The text as readers see it, without the marks of specials. */
static char *plain_text(struct model *m, uint64_t from)
{
    char *text = received_text(m->x, from);
    char *to = text;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '[' && *at != ']') {
            *to++ = *at;
        }
    }
    *to = '\0';
    return text;
}

/* @param is_power_cut  else only the engine ends */
static void model_crash(struct model *m, bool is_power_cut)
{
    receiver_log_close(m->x->log);
    m->x->log = NULL;
    fake_disk_fail(m->x->fake, 0, 0);
    if (is_power_cut) {
        fake_disk_crash(m->x->fake);
    }
    m->x->options.committed = m->committed;
    if (received_open(m->x) != 0) {
        fail_msg("%s", m->x->error.message);
    }
    uint64_t size = receiver_log_text_end(m->x->log);
    assert_in_range(size, m->synced_raw, m->raw.size);
    m->raw.size = size;
    if (size > 0) { /* from the start of a segment on: that is one of a record */
        uint64_t from = receiver_log_find(m->x->log, m->committed.text).text;
        assert_true(from <= m->committed.text);
        char *text = plain_text(m, from);
        assert_int_equal(strlen(text), size - from);
        assert_memory_equal(text, m->raw.data + from, size - from);
        memory_free(text);
    }
}

static void model_commit(struct model *m)
{
    uint64_t raw = m->raw.size;
    int rc = receiver_log_sync(m->x->log, &m->x->error);
    if (rc == 0) {
        m->synced_raw = raw;
        uint64_t left = raw - m->committed.text;
        m->committed.text += left == 0 ? 0 : chance_below(&m->chance, (uint32_t)left + 1);
        m->committed.end = receiver_log_synced(m->x->log);
        rc = receiver_log_release(m->x->log, m->committed.text, &m->x->error);
    }
    if (rc == MILL_ESYNC) { /* what was not saved then, no later sync saves: look at the disk */
        model_crash(m, true);
    } else if (rc != 0 && rc != MILL_ENOSPC) {
        fail_msg("%s", m->x->error.message);
    }
}

static void no_power_cut_loses_what_was_synced(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < rounds(300); seed++) {
        struct received x;
        received_begin(&x, seed);
        struct model m = {.x = &x, .chance = {seed}};
        buffer_init(&m.raw, 1 << 20);
        fake_disk_keep(x.fake, 25 * chance_below(&m.chance, 5));
        assert_int_equal(received_open(&x), 0);
        for (int step = 0; step < 150; step++) {
            uint32_t what = chance_below(&m.chance, 30);
            if (what == 0) {
                model_crash(&m, chance_below(&m.chance, 3) > 0);
            } else if (what == 1) {
                fake_disk_fail(x.fake, 1 + chance_below(&m.chance, 5), MILL_ENOSPC);
            } else if (what < 6) {
                model_commit(&m);
            } else {
                model_append(&m);
            }
        }
        fake_disk_fail(x.fake, 0, 0);
        model_commit(&m);
        model_crash(&m, true);
        buffer_deinit(&m.raw);
        received_end(&x);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_appended_is_read),
        CASE(segments_follow_each_other),
        CASE(a_segment_goes_when_its_end_was_read),
        CASE(a_full_log_takes_more_when_a_segment_went),
        CASE(a_full_log_with_a_line_that_has_begun_is_opened),
        CASE(a_full_disk_leaves_nothing),
        CASE(a_sync_that_fails_is_fatal),
        CASE(a_line_begun_before_a_crash_is_broken),
        cmocka_unit_test(no_power_cut_loses_what_was_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

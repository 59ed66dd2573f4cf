/* Goal: each line that a connection ends is in the log once and whole, however its bytes arrive
 * and whatever the log refuses meanwhile; what it does not end is a dead letter. Method: bytes of
 * several connections cut and mixed by chance; a disk that is full now and then. */
#include "io/line_receiver.h"
#include "received.h"

enum { CONNECTIONS_MAX = 5 };

struct fixture {
    struct received x;
    struct line_receiver *lines;
    struct line_connection *c[CONNECTIONS_MAX];
};

static void open_lines(struct fixture *f, bool ends_last_line)
{
    assert_int_equal(received_open(&f->x), 0);
    f->lines = line_receiver_create(f->x.log, LIMIT_UNFINISHED_BYTES, ends_last_line);
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        f->c[i] = line_receiver_begin(f->lines);
    }
}

static int begin(void **state)
{
    struct fixture *f = memory_zero(1, sizeof *f);
    received_begin(&f->x, 3);
    f->x.options.segment_bytes = 1 << 20;
    open_lines(f, false);
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    line_receiver_destroy(f->lines);
    received_end(&f->x);
    memory_free(f);
    return 0;
}

static void take(struct fixture *f, int c, const char *bytes)
{
    size_t taken = 0;
    size_t size = strlen(bytes);
    assert_int_equal(line_receiver_take(f->lines, f->c[c], bytes, size, &taken, NULL), 0);
    assert_int_equal(taken, size);
}

static void take_many(struct fixture *f, int c, char letter, size_t size)
{
    char *bytes = memory_alloc(LIMIT_RECEIVE_BYTES);
    memset(bytes, letter, LIMIT_RECEIVE_BYTES);
    while (size > 0) {
        size_t some = size < LIMIT_RECEIVE_BYTES ? size : LIMIT_RECEIVE_BYTES;
        size_t taken = 0;
        assert_int_equal(line_receiver_take(f->lines, f->c[c], bytes, some, &taken, NULL), 0);
        assert_int_equal(taken, some);
        size -= some;
    }
    memory_free(bytes);
}

static void end_connection(struct fixture *f, int c)
{
    assert_int_equal(line_receiver_end(f->lines, f->c[c], NULL), 0);
    f->c[c] = NULL;
}

static void lines_stand_in_order_of_their_ends(void **state)
{
    struct fixture *f = *state;
    take(f, 0, "a");
    take(f, 1, "x\ny");
    take(f, 0, "b\nc\n\nd");
    take(f, 1, "\n");
    assert_int_equal(line_receiver_unfinished(f->lines), 1);
    take(f, 0, "\r\n");
    received_expect(&f->x, 0, "x\nab\nc\n\ny\nd\r\n");
    assert_int_equal(line_receiver_unfinished(f->lines), 0);
}

static void a_connection_that_ends_within_a_line_leaves_a_broken_one(void **state)
{
    struct fixture *f = *state;
    take(f, 0, "whole\nhalf");
    take(f, 1, "x\n");
    end_connection(f, 1);
    end_connection(f, 0);
    end_connection(f, 2);
    received_expect(&f->x, 0, "whole\nx\n[half]");
    assert_int_equal(line_receiver_unfinished(f->lines), 0);
}

static void standard_input_ends_its_last_line(void **state)
{
    struct fixture *f = *state;
    line_receiver_destroy(f->lines);
    receiver_log_close(f->x.log);
    open_lines(f, true);
    take(f, 0, "a\nb");
    end_connection(f, 0);
    take(f, 1, "c\n");
    end_connection(f, 1);
    take(f, 2, "d");
    assert_int_equal(line_receiver_break(f->lines, NULL), 0); /* not at its end: stopped */
    received_expect(&f->x, 0, "a\nb\nc\n[d]");
}

/* --- too long --- */

#define RECORD_MAX ((size_t)LIMIT_RECORD_BYTES_MAX)

static uint64_t last_line_size(struct fixture *f, uint64_t from)
{
    struct receiver_reader *r = receiver_reader_create();
    uint64_t to = receiver_log_text_end(f->x.log);
    struct source_block block = {.log = f->x.log, .start = from, .end = to, .limit = to};
    struct block_piece piece = {0};
    struct block_piece last = {0};
    receiver_reader_begin(r, &block);
    while (receiver_reader_next(r, &piece, NULL) == 1) {
        last = piece;
    }
    receiver_reader_destroy(r);
    assert_true(last.too_long);
    assert_int_equal(last.text.size, RECEIVED_TOO_LONG_BYTES);
    return last.line_size;
}

static void a_line_of_the_limit_is_a_line(void **state)
{
    struct fixture *f = *state;
    static const char *const ends[] = {"\n", "\r\n"};
    for (int i = 0; i < 2; i++) {
        uint64_t before = receiver_log_text_end(f->x.log);
        take_many(f, 0, 'x', RECORD_MAX);
        take(f, 0, ends[i]);
        assert_int_equal(receiver_log_text_end(f->x.log) - before, RECORD_MAX + strlen(ends[i]));
    }
}

static void a_longer_line_leaves_its_beginning(void **state)
{
    struct fixture *f = *state;
    static const size_t more[] = {1, 2, 3, 1000000};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        uint64_t before = receiver_log_text_end(f->x.log);
        take_many(f, 0, 'x', RECORD_MAX + more[i]);
        take(f, 0, "\n");
        assert_int_equal(last_line_size(f, before), RECORD_MAX + more[i]);
        take_many(f, 0, 'x', RECORD_MAX + more[i]);
        take(f, 0, "\r");
        take(f, 0, "\n");
        assert_int_equal(last_line_size(f, before), RECORD_MAX + more[i]);
        take(f, 0, "good\n");
        assert_int_equal(line_receiver_unfinished(f->lines), 0);
    }
    take_many(f, 1, 'x', RECORD_MAX + 10);
    assert_in_range(line_receiver_unfinished(f->lines), 0, RECEIVED_TOO_LONG_BYTES);
    uint64_t before = receiver_log_text_end(f->x.log);
    end_connection(f, 1);
    assert_int_equal(last_line_size(f, before), RECORD_MAX + 10);
}

static void the_longest_line_goes_when_all_are_too_many(void **state)
{
    struct fixture *f = *state;
    take(f, 0, "short");
    for (int c = 1; c < 5; c++) {
        take_many(f, c, (char)('a' + c), RECORD_MAX - 10 * (size_t)c);
    }
    assert_int_equal(receiver_log_text_end(f->x.log), 0);
    take_many(f, 0, 's', 200); /* 64 MiB are reached */
    assert_int_equal(receiver_log_text_end(f->x.log), RECORD_MAX - 10);
    take(f, 1, "the rest of it is passed over\nnext\n");
    take(f, 0, "\n");
    char *text = received_text(&f->x, 0);
    assert_true(text[0] == '[' && text[1] == 'b');
    assert_non_null(strstr(text, "]next\nshortsss"));
    assert_null(strstr(text, "passed"));
    memory_free(text);
}

/* --- what was begun, for a start after a crash --- */

static void what_was_begun_is_broken_after_a_crash(void **state)
{
    struct fixture *f = *state;
    take(f, 0, "ab");
    take(f, 1, "x");
    assert_int_equal(line_receiver_save(f->lines, NULL), 0);
    take(f, 0, "cd");
    take(f, 1, "y\n");
    assert_int_equal(line_receiver_save(f->lines, NULL), 0);
    uint64_t end_before = receiver_log_end(f->x.log);
    assert_int_equal(line_receiver_save(f->lines, NULL), 0);
    assert_int_equal(receiver_log_end(f->x.log), end_before); /* nothing new */
    take(f, 0, "not saved");
    received_sync(&f->x);
    assert_int_equal(received_reopen(&f->x, 0, 0), 0);
    received_expect(&f->x, 0, "xy\n[abcd]");
}

static void a_line_that_goes_on_for_long_keeps_one_segment(void **state)
{
    struct fixture *f = *state;
    line_receiver_destroy(f->lines);
    receiver_log_close(f->x.log);
    f->x.options.segment_bytes = 400;
    open_lines(f, false);
    take(f, 0, "begun");
    for (int i = 0; i < 100; i++) {
        take(f, 1, "a line of another\n");
        assert_int_equal(line_receiver_save(f->lines, NULL), 0);
        received_sync(&f->x);
        uint64_t text = receiver_log_text_end(f->x.log);
        assert_int_equal(receiver_log_release(f->x.log, text, NULL), 0);
        assert_in_range(received_files(&f->x), 1, 2);
    }
    f->x.options.committed.text = receiver_log_text_end(f->x.log);
    uint64_t text = f->x.options.committed.text;
    assert_int_equal(received_reopen(&f->x, text, receiver_log_synced(f->x.log)), 0);
    received_expect(&f->x, text, "[begun]");
}

/* --- all by chance --- */

struct sent {
    struct buffer bytes; /* sent and not taken */
    struct buffer line;  /* taken and not ended */
};

/* The model: lines in order of their ends. */
static void note_taken(struct sent *s, size_t size, struct buffer *text)
{
    int rc = 0;
    for (size_t i = 0; i < size; i++) {
        rc |= buffer_append_byte(&s->line, (uint8_t)s->bytes.data[i]);
        if (s->bytes.data[i] == '\n') {
            rc |= buffer_append(text, s->line.data, s->line.size);
            buffer_clear(&s->line);
        }
    }
    assert_int_equal(rc, 0);
    s->bytes.size -= size;
    memmove(s->bytes.data, s->bytes.data + size, s->bytes.size);
}

static void send_some(struct chance *c, struct sent *s)
{
    for (uint32_t n = 1 + chance_below(c, 30); n > 0; n--) {
        char byte = chance_of(c, "abc\n");
        assert_int_equal(buffer_append(&s->bytes, &byte, 1), 0);
    }
}

static void lines_are_whole_however_they_come(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < rounds(60); seed++) {
        void *made = NULL;
        begin(&made);
        struct fixture *f = made;
        struct chance c = {seed};
        struct sent sent[CONNECTIONS_MAX];
        struct buffer text;
        buffer_init(&text, 1 << 20);
        for (int i = 0; i < CONNECTIONS_MAX; i++) {
            buffer_init(&sent[i].bytes, 1 << 20);
            buffer_init(&sent[i].line, 1 << 20);
        }
        for (int step = 0; step < 300; step++) {
            uint32_t i = chance_below(&c, CONNECTIONS_MAX);
            if (chance_below(&c, 10) == 0) {
                fake_disk_fail(f->x.fake, 1 + chance_below(&c, 3), MILL_ENOSPC);
            }
            send_some(&c, &sent[i]);
            size_t taken = 0;
            int rc = line_receiver_take(f->lines, f->c[i], sent[i].bytes.data, sent[i].bytes.size,
                                        &taken, NULL);
            assert_true(rc == 0 ? taken == sent[i].bytes.size : rc == MILL_ENOSPC);
            note_taken(&sent[i], taken, &text);
            (void)line_receiver_save(f->lines, NULL);
        }
        fake_disk_fail(f->x.fake, 0, 0);
        char *came = received_text(&f->x, 0);
        assert_int_equal(strlen(came), text.size);
        assert_memory_equal(came, text.data, text.size);
        memory_free(came);
        for (int i = 0; i < CONNECTIONS_MAX; i++) {
            buffer_deinit(&sent[i].bytes);
            buffer_deinit(&sent[i].line);
        }
        buffer_deinit(&text);
        end(&made);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(lines_stand_in_order_of_their_ends),
        CASE(a_connection_that_ends_within_a_line_leaves_a_broken_one),
        CASE(standard_input_ends_its_last_line),
        CASE(a_line_of_the_limit_is_a_line),
        CASE(a_longer_line_leaves_its_beginning),
        CASE(the_longest_line_goes_when_all_are_too_many),
        CASE(what_was_begun_is_broken_after_a_crash),
        CASE(a_line_that_goes_on_for_long_keeps_one_segment),
        cmocka_unit_test(lines_are_whole_however_they_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

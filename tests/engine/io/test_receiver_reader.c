/* Goal: the lines of a log's text, whatever records they came in and however it is cut into
 * blocks, each once and in order. Method: texts by chance, compared with themselves. */
#include "received.h"

static int begin(void **state)
{
    struct received *x = memory_zero(1, sizeof *x);
    received_begin(x, 3);
    x->options.segment_bytes = 100 * KIB;
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

/* Lines by chance: up to so many bytes each. */
static char *make_lines(struct chance *c, size_t size, uint32_t line_max)
{
    char *text = memory_alloc(size + 1);
    size_t at = 0;
    while (at < size) {
        size_t length = chance_below(c, line_max);
        for (; length > 0 && at + 1 < size; length--) {
            text[at] = (char)('a' + at % 26);
            at++;
        }
        text[at++] = '\n';
    }
    text[size] = '\0';
    return text;
}

/* As records of whole lines, by chance. */
static void append_all(struct received *x, struct chance *c, const char *text, size_t size,
                       uint32_t record_max)
{
    size_t at = 0;
    while (at < size) {
        size_t want = 1 + chance_below(c, record_max);
        want = want < size - at ? want : size - at;
        const char *newline = memchr(text + at + want - 1, '\n', size - at - want + 1);
        size_t to = (size_t)(newline + 1 - text);
        assert_int_equal(received_append(x, RECEIVED_LINES, 1, text + at, to - at), 0);
        if (chance_below(c, 8) == 0) {
            assert_int_equal(received_append(x, RECEIVED_PART, 2, "part", 4), 0);
        }
        at = to;
    }
}

static void expect_blocks(struct received *x, struct chance *c, const char *text, size_t size,
                          uint32_t block_max)
{
    struct buffer all;
    buffer_init(&all, size + 1);
    uint64_t furthest = 0;
    for (uint64_t at = 0; at < size;) {
        uint64_t to = at + 1 + chance_below(c, block_max);
        to = to < size ? to : size;
        struct source_done done;
        assert_int_equal(received_read(x, at, to, &all, &done), 0);
        furthest = done.next > furthest ? done.next : furthest;
        assert_int_equal(furthest, all.size); /* nothing is left out or comes twice */
        at = to;
    }
    assert_int_equal(all.size, size);
    assert_memory_equal(all.data, text, size);
    buffer_deinit(&all);
}

static void each_line_belongs_to_the_block_in_which_it_begins(void **state)
{
    (void)state;
    static const uint32_t line_max[] = {1, 5, 60, 4000};
    for (uint32_t seed = 0; seed < rounds(40); seed++) {
        void *x = NULL;
        struct chance c = {seed};
        begin(&x);
        size_t size = 1 + chance_below(&c, 200000);
        char *text = make_lines(&c, size, line_max[seed % 4]);
        append_all(x, &c, text, size, 1 + chance_below(&c, 20000));
        expect_blocks(x, &c, text, size, 1 + chance_below(&c, 100000));
        expect_blocks(x, &c, text, size, (uint32_t)size);
        memory_free(text);
        end(&x);
    }
}

static void tiny_blocks_find_their_lines(void **state)
{
    struct received *x = *state;
    struct chance c = {5};
    static const char text[] = "\na\nbcd\n\n\nefghijklmnop\n\nq\n";
    append_all(x, &c, text, sizeof text - 1, 6);
    for (uint32_t block = 1; block < 9; block++) {
        expect_blocks(x, &c, text, sizeof text - 1, block);
    }
}

static void pieces_do_not_depend_on_records(void **state)
{
    struct received *x = *state;
    struct chance c = {6};
    size_t size = 3 * LIMIT_CHUNK_BYTES + 1000;
    char *text = make_lines(&c, size, 100);
    append_all(x, &c, text, size, 5000);
    struct receiver_reader *r = receiver_reader_create();
    struct source_block block = {.log = x->log, .start = 0, .end = size, .limit = size};
    receiver_reader_begin(r, &block);
    struct block_piece piece;
    uint64_t at = 0;
    for (uint64_t k = 1; k <= 4; k++) {
        assert_int_equal(receiver_reader_next(r, &piece, NULL), 1);
        assert_int_equal(piece.offset, at);
        assert_memory_equal(piece.text.data, text + at, piece.text.size);
        at += piece.text.size;
        uint64_t boundary = k * LIMIT_CHUNK_BYTES < size ? k * LIMIT_CHUNK_BYTES : size;
        assert_in_range(at, boundary, boundary + 100);
    }
    assert_int_equal(receiver_reader_next(r, &piece, NULL), 0);
    receiver_reader_destroy(r);
    memory_free(text);
}

static void what_is_no_whole_line_is_a_piece_of_its_own(void **state)
{
    struct received *x = *state;
    received_lines(x, "a\n");
    received_append(x, RECEIVED_BROKEN, 1, "half\nnot a line end", 19);
    received_lines(x, "b\n");
    struct received_record r = {.kind = RECEIVED_TOO_LONG, .line_size = 1 << 25};
    assert_int_equal(receiver_log_append(x->log, &r, "long", 4, NULL), 0);
    received_append(x, RECEIVED_CROWDED, 1, "crowd", 5);
    received_lines(x, "c\n");
    received_expect(x, 0, "a\n[half\nnot a line end]b\n<long>[crowd]c\n");
    received_expect(x, 5, "b\n<long>[crowd]c\n"); /* from within the broken one */
    struct buffer all;
    struct source_done done;
    buffer_init(&all, 100);
    assert_int_equal(received_read(x, 0, 3, &all, &done), 0); /* the broken one begins in it */
    assert_int_equal(done.next, 21);
    assert_int_equal(done.bytes, 21);
    assert_int_equal(received_read(x, 3, 21, &all, &done), 0);
    assert_int_equal(done.next, 0); /* nothing begins in it */
    buffer_deinit(&all);
}

/* Nothing was behind them that decoders may look at. */
static void lines_in_front_of_one_that_is_broken_have_their_padding(void **state)
{
    struct received *x = *state;
    char text[251];
    memset(text, 'x', sizeof text);
    text[249] = '\n';
    text[250] = '\0';
    received_lines(x, text);
    received_append(x, RECEIVED_BROKEN, 1, "half", 4);
    struct buffer all;
    struct source_done done;
    buffer_init(&all, 1000);
    assert_int_equal(received_read(x, 0, 254, &all, &done), 0);
    assert_int_equal(all.size, 250 + 6);
    buffer_deinit(&all);
}

static void a_line_of_the_largest_size_is_read(void **state)
{
    struct received *x = *state;
    char *line = memory_alloc(RECEIVED_BYTES_MAX + 1);
    memset(line, 'x', RECEIVED_BYTES_MAX);
    line[RECEIVED_BYTES_MAX - 1] = '\n';
    received_lines(x, "a\n");
    assert_int_equal(received_append(x, RECEIVED_LINES, 1, line, RECEIVED_BYTES_MAX), 0);
    received_lines(x, "b\n");
    char *text = received_text(x, 0);
    assert_int_equal(strlen(text), RECEIVED_BYTES_MAX + 4);
    assert_memory_equal(text + 2, line, RECEIVED_BYTES_MAX);
    memory_free(text);
    memory_free(line);
}

static void damage_is_named(void **state)
{
    struct received *x = *state;
    received_lines(x, "a\n");
    received_lines(x, "b\n");
    received_harm(x, 0, 0, 2 * RECEIVED_HEAD_BYTES + 2, 1);
    struct buffer all;
    struct source_done done;
    buffer_init(&all, 100);
    assert_int_equal(received_read(x, 0, 4, &all, &done), MILL_ECORRUPT);
    assert_non_null(strstr(x->error.message, "0000000000000000.log is damaged at byte 42"));
    buffer_deinit(&all);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_belongs_to_the_block_in_which_it_begins),
        CASE(tiny_blocks_find_their_lines),
        CASE(pieces_do_not_depend_on_records),
        CASE(what_is_no_whole_line_is_a_piece_of_its_own),
        CASE(lines_in_front_of_one_that_is_broken_have_their_padding),
        CASE(a_line_of_the_largest_size_is_read),
        CASE(damage_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

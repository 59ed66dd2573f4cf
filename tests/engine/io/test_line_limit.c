/* Goal: a block ends where the last line does that an epoch may take, whatever the block, and its
 * reader gives exactly so many lines then. Method: files from chance against a naive split; single
 * cases of lines that are none (too long, broken, unfinished); a receiver log; epochs of files. */
#include "base/limits.h"
#include "file_epochs.h"
#include "io/input_file.h"
#include "io/line_limit.h"
#include "received.h"

struct counted {
    char *folder;
    struct input_file file;
    struct block_reader *reader;
    struct line_limit limit;
};

static int counted_begin(void **state)
{
    struct counted *f = memory_zero(1, sizeof *f);
    f->folder = folder_create();
    f->file.fd = -1;
    f->reader = block_reader_create(NULL);
    *state = f;
    return 0;
}

static int counted_end(void **state)
{
    struct counted *f = *state;
    close(f->file.fd);
    line_limit_deinit(&f->limit);
    block_reader_destroy(f->reader);
    folder_remove(f->folder);
    memory_free(f);
    return 0;
}

static void use_file(struct counted *f, const char *bytes, size_t size)
{
    write_bytes(f->folder, "a", O_TRUNC, bytes, size);
    char *path = text_path(f->folder, "a");
    close(f->file.fd);
    f->file = (struct input_file){.fd = open(path, O_RDONLY), .size = size};
    memory_free(path);
}

static struct source_block block_of(struct counted *f, uint64_t from, uint64_t to)
{
    return (struct source_block){.partition_name = "FILE",
                                 .file = &f->file,
                                 .start = from,
                                 .end = to,
                                 .limit = f->file.size,
                                 .bytes = to - from,
                                 .starts_a_record = from == 0,
                                 .takes_unfinished = true};
}

static uint64_t cut(struct line_limit *l, uint64_t max, struct source_block *block)
{
    struct error e = {0};
    line_limit_deinit(l);
    line_limit_init(l, max);
    line_limit_begin(l);
    assert_int_equal(line_limit_cut(l, block, &e), 0);
    assert_int_equal(block->bytes, block->end - block->start);
    return max - l->left;
}

static uint64_t count_lines(struct counted *f, const struct source_block *block)
{
    struct block_piece piece;
    uint64_t count = 0;
    block_reader_begin(f->reader, block);
    while (block_reader_next(f->reader, &piece, NULL) == 1) {
        for (size_t i = 0; i < piece.text.size; i++) {
            count += piece.text.data[i] == '\n' || i + 1 == piece.text.size;
        }
    }
    return count;
}

static void a_block_gives_as_many_lines_as_are_left(void **state)
{
    struct counted *f = *state;
    struct chance c = {7};
    char bytes[3000];
    for (int round = 0; round < 300; round++) {
        size_t size = 1 + chance_below(&c, sizeof bytes);
        uint32_t spread = 1 + chance_below(&c, 60);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = chance_below(&c, spread) == 0 ? '\n' : 'x';
        }
        use_file(f, bytes, size);
        uint64_t from = chance_below(&c, (uint32_t)size);
        uint64_t to = from + 1 + chance_below(&c, (uint32_t)(size - from));
        struct source_block block = block_of(f, from, to);
        uint64_t lines = count_lines(f, &block);
        uint64_t max = 1 + chance_below(&c, 80);
        uint64_t wanted = lines < max ? lines : max;
        assert_int_equal(cut(&f->limit, max, &block), wanted);
        assert_int_equal(line_limit_is_reached(&f->limit), lines >= max);
        assert_true(lines >= max || block.end == to);
        assert_int_equal(count_lines(f, &block), wanted);
    }
}

static void a_block_ends_behind_its_last_line(void **state)
{
    struct counted *f = *state;
    use_file(f, "a\nbb\r\n\nccc", 10);
    static const uint64_t ends[] = {2, 6, 7, 10, 10};
    for (uint64_t max = 1; max <= 5; max++) {
        struct source_block block = block_of(f, 0, 10);
        assert_int_equal(cut(&f->limit, max, &block), max < 4 ? max : 4);
        assert_int_equal(block.end, ends[max - 1]);
    }
    struct source_block first = block_of(f, 0, 4); /* `bb` goes on behind it */
    assert_int_equal(cut(&f->limit, 2, &first), 2);
    assert_int_equal(first.end, 4);
}

static void an_unfinished_line_that_is_left_is_not_counted(void **state)
{
    struct counted *f = *state;
    use_file(f, "a\nb", 3);
    struct source_block block = block_of(f, 0, 3);
    block.takes_unfinished = false;
    assert_int_equal(cut(&f->limit, 2, &block), 1);
    assert_int_equal(block.end, 3);
}

static void a_line_that_is_too_long_is_one(void **state)
{
    struct counted *f = *state;
    size_t size = LIMIT_RECORD_BYTES_MAX + 10;
    char *bytes = memory_alloc(size);
    memset(bytes, 'x', size);
    memcpy(bytes + size - 5, "\na\nb\n", 5);
    use_file(f, bytes, size);
    struct source_block block = block_of(f, 0, size);
    assert_int_equal(cut(&f->limit, 1, &block), 1);
    assert_int_equal(block.end, size - 4);
    block = block_of(f, 0, size);
    assert_int_equal(cut(&f->limit, 2, &block), 2);
    assert_int_equal(block.end, size - 2);
    memory_free(bytes);
}

static void nothing_is_counted_of_a_file_that_shrank(void **state)
{
    struct counted *f = *state;
    struct error e = {0};
    use_file(f, "a\nb\nc\n", 6);
    cut_file(f->folder, "a", 3);
    struct source_block block = block_of(f, 0, 6);
    line_limit_init(&f->limit, 2);
    line_limit_begin(&f->limit);
    assert_int_equal(line_limit_cut(&f->limit, &block, &e), MILL_EREFUSED);
    assert_int_equal(f->limit.left, 2);
    assert_int_equal(block.end, 6);
}

static void what_was_received_is_counted_as_it_is_read(void **state)
{
    struct counted *f = *state;
    struct received x;
    received_begin(&x, 1);
    assert_int_equal(received_open(&x), 0);
    received_lines(&x, "a\nb\n");
    assert_int_equal(received_append(&x, RECEIVED_BROKEN, 2, "part", 4), 0);
    received_lines(&x, "c\nd\n");
    static const uint64_t ends[] = {2, 4, 8, 10, 12, 12};
    for (uint64_t max = 1; max <= 6; max++) {
        struct source_block block = {
            .partition_name = "stdin", .log = x.log, .end = 12, .limit = 12, .bytes = 12};
        assert_int_equal(cut(&f->limit, max, &block), max < 5 ? max : 5);
        assert_int_equal(block.end, ends[max - 1]);
    }
    received_end(&x);
}

static void what_cannot_be_cut_uses_it_up(void **state)
{
    struct counted *f = *state;
    line_limit_init(&f->limit, 9);
    line_limit_begin(&f->limit);
    assert_false(line_limit_is_reached(&f->limit));
    line_limit_use_up(&f->limit);
    assert_true(line_limit_is_reached(&f->limit));
    line_limit_begin(&f->limit);
    assert_false(line_limit_is_reached(&f->limit));
    line_limit_init(&f->limit, 0);
    line_limit_begin(&f->limit);
    assert_false(line_limit_is_reached(&f->limit)); /* there is none */
}

/* --- epochs of a source of files --- */

static void limit_to(struct fixture *f, uint64_t records_max)
{
    f->options.records_max = records_max;
    restart_once(f);
}

static void an_epoch_ends_with_its_last_line(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a1\na2\na3");
    write_file(f->folder, "b", "b1\n\nb3\n");
    age_file(f->folder, "a", 30);
    limit_to(f, 2);
    assert_string_equal(epoch(f, ALL), "a1\na2\n");
    assert_string_equal(epoch(f, ALL), "a3b1\n");
    poll_now(f);
    plan(f, ALL);
    assert_false(source_is_drained(f->source)); /* who knows how many lines that is */
    take(f, 64);
    assert_true(source_is_drained(f->source));
    source_abandon(f->source);
    plan(f, ALL);
    assert_true(source_is_drained(f->source));
    take(f, 64);
    assert_string_equal(f->text, "\nb3\n");
    finish(f);
    commit(f);
    assert_string_equal(epoch(f, ALL), "");
}

static void of_two_limits_the_first_counts(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "1\n2\n3\n4\n5\n6\n");
    limit_to(f, 2);
    assert_string_equal(epoch(f, 1), "1\n");
    assert_string_equal(epoch(f, 5), "2\n3\n");
    assert_string_equal(epoch(f, 3), "4\n5\n");
}

static void lines_are_counted_across_blocks(void **state)
{
    struct fixture *f = *state;
    size_t size = 2 * LIMIT_BLOCK_BYTES + 900;
    char *bytes = memory_alloc(size + 1);
    memset(bytes, 'x', size);
    bytes[size] = '\0';
    for (size_t at = 999; at < size; at += 1000) {
        bytes[at] = '\n';
    }
    write_bytes(f->folder, "a", 0, bytes, size);
    limit_to(f, 5001);
    size_t at = 0;
    for (; at + 5001 * 1000 < size; at += 5001 * 1000) {
        const char *text = epoch(f, ALL);
        assert_int_equal(strlen(text), 5001 * 1000);
        assert_memory_equal(text, bytes + at, 5001 * 1000);
    }
    assert_string_equal(epoch(f, ALL), bytes + at);
    memory_free(bytes);
}

static void a_packed_file_comes_alone_and_whole(void **state)
{
    struct fixture *f = *state;
    write_file(f->folder, "a", "a1\n");
    pack_file(f->folder, "b.gz", "b1\nb2\nb3\n", 9);
    write_file(f->folder, "c", "c1\nc2\nc3\n");
    age_file(f->folder, "a", 60);
    age_file(f->folder, "b.gz", 30);
    limit_to(f, 2);
    assert_string_equal(epoch(f, ALL), "a1\n");
    assert_string_equal(epoch(f, ALL), "b1\nb2\nb3\n");
    assert_string_equal(epoch(f, ALL), "c1\nc2\n");
    assert_string_equal(epoch(f, ALL), "c3\n");
    assert_string_equal(epoch(f, ALL), "");
}

static void a_packed_file_that_cannot_be_opened_is_passed_over(void **state)
{
    struct fixture *f = *state;
    pack_file(f->folder, "a.gz", "a1\n", 3);
    write_file(f->folder, "b", "b1\n");
    age_file(f->folder, "a.gz", 60);
    limit_to(f, 2);
    poll_now(f);
    plan(f, ALL);
    remove_file(f->folder, "a.gz");
    take(f, 64);
    assert_string_equal(f->text, "b1\n");
}

#define COUNT(name) cmocka_unit_test_setup_teardown(name, counted_begin, counted_end)
#define EPOCH(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        COUNT(a_block_gives_as_many_lines_as_are_left),
        COUNT(a_block_ends_behind_its_last_line),
        COUNT(an_unfinished_line_that_is_left_is_not_counted),
        COUNT(a_line_that_is_too_long_is_one),
        COUNT(nothing_is_counted_of_a_file_that_shrank),
        COUNT(what_was_received_is_counted_as_it_is_read),
        COUNT(what_cannot_be_cut_uses_it_up),
        EPOCH(an_epoch_ends_with_its_last_line),
        EPOCH(of_two_limits_the_first_counts),
        EPOCH(lines_are_counted_across_blocks),
        EPOCH(a_packed_file_comes_alone_and_whole),
        EPOCH(a_packed_file_that_cannot_be_opened_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

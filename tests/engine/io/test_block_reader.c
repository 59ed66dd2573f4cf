/* Goal: however a file is cut into blocks, its lines come exactly once, whole, in order and with
 * their offsets; a file that is not as planned is refused; a line that is too long is passed by.
 * Method: files from chance, cut at random places, against a naive split at '\n'; single cases for
 * each limit. */
#include "base/limits.h"
#include "block_files.h"
#include "io/block_reader.h"

/* Readers of records look at some bytes behind a line: AddressSanitizer says whether they may. */
static void touch_padding(const struct block_piece *piece)
{
    assert_true(piece->padding >= LIMIT_TEXT_PADDING);
    for (size_t i = 0; i < piece->padding; i++) {
        (void)*(const volatile char *)(piece->text.data + piece->text.size + i);
    }
}

/* Read a block and look that its pieces are what the file has there, one behind the other.
 * @param from, to  out: where its text begins and ends; both 0 when there is none */
static struct source_done read_block(struct fixture *f, const struct source_block *block,
                                     uint64_t *from, uint64_t *to)
{
    struct block_piece piece;
    struct error e = {0};
    *from = *to = 0;
    block_reader_begin(f->reader, block);
    int rc = block_reader_next(f->reader, &piece, &e);
    for (; rc == 1; rc = block_reader_next(f->reader, &piece, &e)) {
        *from = *to == 0 ? piece.offset : *from;
        assert_true(*to == 0 || piece.offset == *to);
        assert_false(piece.too_long);
        assert_true(piece.text.size > 0 && piece.offset + piece.text.size <= f->size);
        assert_memory_equal(piece.text.data, f->bytes + piece.offset, piece.text.size);
        touch_padding(&piece);
        bool is_one_line = memchr(piece.text.data, '\n', piece.text.size - 1) == NULL;
        assert_true(piece.text.size <= LIMIT_CHUNK_BYTES || is_one_line);
        *to = piece.offset + piece.text.size;
        assert_true(*to == f->size || f->bytes[*to - 1] == '\n');
    }
    assert_int_equal(rc, 0);
    assert_int_equal(block_reader_next(f->reader, &piece, &e), 0);
    struct source_done done = block_reader_done(f->reader);
    assert_int_equal(done.bytes, *to - *from);
    assert_int_equal(done.records, 0);
    assert_true(*to == 0 || done.next == *to);
    return done;
}

/* --- against a naive split --- */

static size_t line_end(const struct fixture *f, size_t at)
{
    const char *newline = memchr(f->bytes + at, '\n', f->size - at);
    return newline == NULL ? f->size : (size_t)(newline + 1 - f->bytes);
}

static bool is_line_start(const struct fixture *f, size_t at)
{
    return at == 0 || f->bytes[at - 1] == '\n';
}

/* Where the first line begins at or behind an offset; f->size when none does. */
static size_t line_start(const struct fixture *f, size_t at)
{
    while (at < f->size && !is_line_start(f, at)) {
        at++;
    }
    return at;
}

/* What lines that begin in [start, end) should give: their bytes are [*from, *to). */
static void expect(const struct fixture *f, uint64_t start, uint64_t stop, bool unfinished,
                   uint64_t *from, uint64_t *to)
{
    *from = *to = line_start(f, start);
    while (*to < stop && *to < f->size) {
        size_t next = line_end(f, *to);
        if (next == f->size && f->bytes[next - 1] != '\n' && !unfinished) {
            break;
        }
        *to = next;
    }
    if (*from == *to) {
        *from = *to = 0;
    }
}

static void check_block(struct fixture *f, const struct source_block *block)
{
    uint64_t from = 0;
    uint64_t to = 0;
    uint64_t wanted_from = 0;
    uint64_t wanted_to = 0;
    expect(f, block->start, block->end, block->takes_unfinished, &wanted_from, &wanted_to);
    struct source_done done = read_block(f, block, &from, &to);
    assert_int_equal(from, wanted_from);
    assert_int_equal(to, wanted_to);
    size_t first = line_start(f, block->start);
    bool begins = first < block->end && first < f->size;
    assert_int_equal(done.next, to > 0 ? to : begins ? first : block->starts_a_record ? first : 0);
}

/* Cut [start, stop) at random places; read the blocks in a random order. */
static void check_cuts(struct fixture *f, struct chance *c, uint64_t start, uint64_t stop)
{
    struct source_block blocks[40];
    uint32_t count = 0;
    bool unfinished = chance_below(c, 2) == 0;
    uint64_t largest = 1 + chance_below(c, (uint32_t)(stop - start));
    for (uint64_t at = start; at < stop && count < 40; count++) {
        uint64_t size = count == 39 ? stop - at : 1 + chance_below(c, (uint32_t)largest);
        blocks[count] = block_of(f, at, at + size < stop ? at + size : stop);
        blocks[count].starts_a_record = at == start;
        blocks[count].takes_unfinished = unfinished;
        at = blocks[count].end;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t other = chance_below(c, count);
        struct source_block swap = blocks[i];
        blocks[i] = blocks[other];
        blocks[other] = swap;
    }
    for (uint32_t i = 0; i < count; i++) {
        check_block(f, &blocks[i]);
    }
}

static size_t make_lines(struct chance *c, char *into, size_t room)
{
    static const uint32_t longest[] = {1, 3, 40, 500, 5000};
    uint32_t length_max = longest[chance_below(c, 5)];
    size_t at = 0;
    while (at + length_max + 2 < room) {
        uint32_t length = chance_below(c, length_max + 1);
        for (uint32_t i = 0; i < length; i++) {
            into[at++] = chance_below(c, 50) == 0 ? '\0' : chance_of(c, "ab \t,\r\xff");
        }
        if (chance_below(c, 4) == 0) {
            into[at++] = '\r';
        }
        into[at++] = '\n';
    }
    return chance_below(c, 2) == 0 && at > 0 ? at - 1 : at; /* with and without last line end */
}

static void lines_come_once_and_in_order_however_a_file_is_cut(void **state)
{
    struct fixture *f = *state;
    enum { ROOM = 900000 };
    char *bytes = memory_alloc(ROOM);
    struct chance c = {20260101};
    for (uint32_t round = 0; round < rounds(60); round++) {
        size_t room = chance_below(&c, 3) == 0 ? ROOM : 10 + chance_below(&c, 20000);
        size_t size = make_lines(&c, bytes, room);
        use_bytes(f, bytes, size);
        for (int i = 0; i < 4 && size > 0; i++) {
            uint64_t start = i == 0 ? 0 : line_start(f, chance_below(&c, (uint32_t)size));
            uint64_t stop = start + chance_below(&c, (uint32_t)(size - start) + 1);
            if (start < stop) {
                check_cuts(f, &c, start, i == 0 ? size : stop);
            }
        }
    }
    memory_free(bytes);
}

static void short_files_are_right_at_every_cut(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {"\n", "\n\n\n", "a", "a\n", "a\nb", "ab\r\n\ncd\n", "\r\n"};
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        use_text(f, texts[t]);
        for (uint64_t cut = 1; cut <= f->size; cut++) {
            for (int unfinished = 0; unfinished < 2; unfinished++) {
                struct source_block block = block_of(f, 0, cut);
                block.takes_unfinished = unfinished;
                check_block(f, &block);
                block = block_of(f, cut, f->size);
                block.starts_a_record = false;
                block.takes_unfinished = unfinished;
                check_block(f, &block);
            }
        }
    }
}

static void long_lines_go_through_many_blocks(void **state)
{
    struct fixture *f = *state;
    enum { SIZE = 3000000 };
    char *bytes = memory_alloc(SIZE);
    struct chance c = {5};
    memset(bytes, 'x', SIZE);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 6; i++) {
            bytes[chance_below(&c, SIZE)] = '\n';
        }
        use_bytes(f, bytes, SIZE);
        check_cuts(f, &c, 0, SIZE);
    }
    memory_free(bytes);
}

static void two_readers_read_one_file_side_by_side(void **state)
{
    struct fixture *f = *state;
    struct block_reader *other = block_reader_create(NULL);
    use_text(f, "one\ntwo\nthree\nfour\n");
    struct source_block first = block_of(f, 0, 6);
    struct source_block second = block_of(f, 6, 19);
    second.starts_a_record = false;
    struct block_piece a;
    struct block_piece b;
    block_reader_begin(f->reader, &first);
    block_reader_begin(other, &second);
    assert_int_equal(block_reader_next(other, &b, NULL), 1);
    assert_int_equal(block_reader_next(f->reader, &a, NULL), 1);
    assert_int_equal(b.offset, 8);
    assert_memory_equal(b.text.data, "three\nfour\n", 11);
    assert_memory_equal(a.text.data, "one\n", 4);
    assert_int_equal(block_reader_next(f->reader, &a, NULL), 1);
    assert_int_equal(a.text.size, 4);
    assert_memory_equal(a.text.data, "two\n",
                        4); /* it begins before the end, and is read through */
    assert_int_equal(block_reader_next(f->reader, &a, NULL), 0);
    assert_int_equal(block_reader_next(other, &b, NULL), 0);
    block_reader_destroy(other);
}

static void a_line_at_the_end_of_a_block_does_not_read_the_next_line(void **state)
{
    struct fixture *f = *state;
    use_text(f, "one\ntwo\n");
    uint64_t from = 0;
    uint64_t to = 0;
    struct source_block block = block_of(f, 0, 4);
    assert_int_equal(read_block(f, &block, &from, &to).next, 4);
    block = block_of(f, 4, 8);
    block.starts_a_record = false;
    assert_int_equal(read_block(f, &block, &from, &to).next, 8);
    assert_int_equal(from, 4);
}

static void a_block_in_which_no_line_begins_says_nothing_of_where_the_next_is(void **state)
{
    struct fixture *f = *state;
    uint64_t from = 0;
    uint64_t to = 0;
    use_text(f, "a long line\nb\n");
    struct source_block block = block_of(f, 2, 12);
    block.starts_a_record = false;
    assert_int_equal(read_block(f, &block, &from, &to).next, 0);
    assert_int_equal(to, 0);
}

static void what_follows_a_long_line_beyond_the_end_is_not_given(void **state)
{
    struct fixture *f = *state;
    enum { LONG = 300000 };
    char *bytes = memory_alloc(LONG + 10);
    memset(bytes, 'x', LONG);
    memcpy(bytes + LONG, "\na\nb\nc\nd\n", 9);
    use_bytes(f, bytes, LONG + 9);
    for (uint64_t stop = LONG - 1; stop <= f->size; stop++) {
        struct source_block block = block_of(f, 0, stop);
        check_block(f, &block);
    }
    memory_free(bytes);
}

/* --- limits --- */

static void nothing_behind_the_limit_is_read(void **state)
{
    struct fixture *f = *state;
    uint64_t from = 0;
    uint64_t to = 0;
    use_text(f, "one\ntwo\nthree\n");
    f->size = 6; /* what was listed: "one\ntw" */
    struct source_block block = block_of(f, 0, 6);
    block.takes_unfinished = false;
    assert_int_equal(read_block(f, &block, &from, &to).next, 4);
    assert_int_equal(to, 4);
    block.takes_unfinished = true;
    assert_int_equal(read_block(f, &block, &from, &to).next, 6);
    assert_int_equal(to, 6);
    block.end = 14;
    assert_int_equal(read_block(f, &block, &from, &to).next, 6);
}

static int read_until_it_fails(struct fixture *f, const struct source_block *block, struct error *e)
{
    struct block_piece piece;
    block_reader_begin(f->reader, block);
    int rc = 1;
    while (rc == 1) {
        rc = block_reader_next(f->reader, &piece, e);
    }
    assert_int_equal(block_reader_next(f->reader, &piece, NULL), 0); /* and then it is through */
    return rc;
}

static void a_file_that_was_cut_after_the_plan_is_refused(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    char bytes[1000];
    memset(bytes, 'x', sizeof bytes);
    bytes[500] = '\n';
    use_bytes(f, bytes, sizeof bytes);
    cut_file(f->folder, "a", 999);
    struct source_block block = block_of(f, 0, 1000);
    assert_int_equal(read_until_it_fails(f, &block, &e), MILL_EREFUSED);
    assert_string_equal(e.message,
                        "FILE is smaller than what was planned to be read: it was cut short "
                        "meanwhile; start again to go on");
    cut_file(f->folder, "a", 700);
    block = block_of(f, 0, 600); /* its last line would go on to the limit */
    assert_int_equal(read_until_it_fails(f, &block, &e), MILL_EREFUSED);
    block = block_of(f, 800, 900);
    block.starts_a_record = false;
    assert_int_equal(read_until_it_fails(f, &block, &e), MILL_EREFUSED);
}

static void a_file_that_is_cut_while_it_is_read_is_refused(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    enum { SIZE = 1000000 };
    char *bytes = memory_alloc(SIZE);
    memset(bytes, '\n', SIZE);
    use_bytes(f, bytes, SIZE);
    struct source_block block = block_of(f, 0, SIZE);
    struct block_piece piece;
    block_reader_begin(f->reader, &block);
    assert_int_equal(block_reader_next(f->reader, &piece, &e), 1);
    cut_file(f->folder, "a", 0);
    assert_int_equal(block_reader_next(f->reader, &piece, &e), MILL_EREFUSED);
    memory_free(bytes);
}

static void a_disk_that_cannot_be_read_is_an_error_with_the_name(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    use_text(f, "one\n");
    struct source_block block = block_of(f, 0, 4);
    close(f->file.fd);
    f->file.fd = open(f->folder, O_RDONLY);
    assert_int_equal(read_until_it_fails(f, &block, &e), MILL_EIO);
    assert_non_null(strstr(e.message, "FILE"));
}

/* "a\n", a line of `length` bytes, its end, "b\n" */
static void use_long_line(struct fixture *f, size_t length, const char *line_break)
{
    size_t break_size = strlen(line_break);
    char *bytes = memory_alloc(length + 6);
    memcpy(bytes, "a\n", 2);
    memset(bytes + 2, 'x', length);
    memcpy(bytes + 2 + length, line_break, break_size);
    memcpy(bytes + 2 + length + break_size, "b\n", 2);
    use_bytes(f, bytes, length + 4 + break_size);
    memory_free(bytes);
}

static void expect_piece(struct fixture *f, uint64_t offset, uint64_t size, uint64_t line_size)
{
    struct block_piece piece;
    assert_int_equal(block_reader_next(f->reader, &piece, NULL), 1);
    assert_int_equal(piece.offset, offset);
    assert_int_equal(piece.text.size, size);
    assert_memory_equal(piece.text.data, f->bytes + offset, size);
    assert_int_equal(piece.too_long, line_size > 0);
    assert_int_equal(piece.line_size, line_size);
}

static void expect_through(struct fixture *f, uint64_t next)
{
    struct block_piece piece;
    assert_int_equal(block_reader_next(f->reader, &piece, NULL), 0);
    assert_int_equal(block_reader_done(f->reader).next, next);
    assert_int_equal(block_reader_done(f->reader).bytes, next - 0);
}

static void the_longest_record_is_given_whole(void **state)
{
    struct fixture *f = *state;
    static const char *const breaks[] = {"\n", "\r\n"};
    for (int i = 0; i < 2; i++) {
        use_long_line(f, LIMIT_RECORD_BYTES_MAX, breaks[i]);
        struct source_block block = block_of(f, 0, f->size);
        block_reader_begin(f->reader, &block);
        expect_piece(f, 0, 2, 0);
        expect_piece(f, 2, LIMIT_RECORD_BYTES_MAX + strlen(breaks[i]), 0);
        expect_piece(f, f->size - 2, 2, 0);
        expect_through(f, f->size);
    }
}

static void a_line_beyond_it_is_passed_by(void **state)
{
    struct fixture *f = *state;
    static const char *const breaks[] = {"\n", "\r\n"};
    static const size_t more[] = {
        1,
        2,
        3,
        4095,
        LIMIT_CHUNK_BYTES,
        LIMIT_RECORD_BYTES_MAX,
        2 * LIMIT_CHUNK_BYTES - 1, /* "\r" and "\n" are read apart */
    };
    for (int i = 0; i < 14; i++) {
        const char *line_break = breaks[i % 2];
        size_t length = LIMIT_RECORD_BYTES_MAX + more[i / 2];
        use_long_line(f, length, line_break);
        struct source_block block = block_of(f, 0, f->size);
        block_reader_begin(f->reader, &block);
        expect_piece(f, 0, 2, 0);
        expect_piece(f, 2, BLOCK_TOO_LONG_BYTES, length);
        expect_piece(f, f->size - 2, 2, 0);
        expect_through(f, f->size);
    }
}

static void what_follows_it_in_the_block_is_read_on(void **state)
{
    struct fixture *f = *state;
    enum { TAIL = 600000 };
    size_t head = LIMIT_RECORD_BYTES_MAX + 100000;
    char *bytes = memory_alloc(head + TAIL);
    struct chance c = {12};
    memset(bytes, 'x', head);
    bytes[head - 1] = '\n';
    size_t size = head + make_lines(&c, bytes + head, TAIL);
    use_bytes(f, bytes, size);
    struct source_block block = block_of(f, 0, size);
    block_reader_begin(f->reader, &block);
    expect_piece(f, 0, BLOCK_TOO_LONG_BYTES, head - 1);
    struct block_piece piece;
    size_t at = head;
    while (block_reader_next(f->reader, &piece, NULL) == 1) {
        assert_int_equal(piece.offset, at);
        assert_true(at + piece.text.size <= size);
        assert_memory_equal(piece.text.data, bytes + at, piece.text.size);
        at += piece.text.size;
    }
    assert_int_equal(at, size);
    expect_through(f, size);
    memory_free(bytes);
}

static void an_unfinished_line_beyond_it_waits_or_is_passed_by(void **state)
{
    struct fixture *f = *state;
    for (size_t more = 0; more < 3; more++) {
        size_t length = LIMIT_RECORD_BYTES_MAX + more;
        use_long_line(f, length, "\n");
        f->size = 2 + length;
        struct source_block block = block_of(f, 0, f->size);
        block_reader_begin(f->reader, &block);
        expect_piece(f, 0, 2, 0);
        expect_piece(f, 2, more == 0 ? length : BLOCK_TOO_LONG_BYTES, more == 0 ? 0 : length);
        expect_through(f, f->size);
        block.takes_unfinished = false;
        block_reader_begin(f->reader, &block);
        expect_piece(f, 0, 2, 0);
        expect_through(f, 2);
    }
}

static void a_steady_load_allocates_nothing(void **state)
{
    struct fixture *f = *state;
    enum { ROOM = 900000 };
    char *bytes = memory_alloc(ROOM);
    struct chance c = {6};
    use_bytes(f, bytes, make_lines(&c, bytes, ROOM));
    memory_free(bytes);
    uint64_t from = 0;
    uint64_t to = 0;
    struct source_block block = block_of(f, 0, f->size);
    read_block(f, &block, &from, &to);
    uint64_t before = memory_allocation_count();
    for (int i = 0; i < 20; i++) {
        read_block(f, &block, &from, &to);
    }
    assert_int_equal(memory_allocation_count(), before);
}

/* --- .gz --- */

static void use_packed(struct fixture *f, const char *const *members)
{
    char *all = memory_text("");
    char *path = text_path(f->folder, "a.gz");
    unlink(path);
    for (; *members != NULL; members++) {
        pack_file(f->folder, "a.gz", *members, strlen(*members));
        char *more = text_format("%s%s", all, *members);
        memory_free(all);
        all = more;
    }
    open_file(f, "a.gz", all, strlen(all));
    memory_free(all);
    memory_free(path);
}

static void a_packed_file_gives_the_lines_of_all_its_members(void **state)
{
    struct fixture *f = *state;
    uint64_t from = 0;
    uint64_t to = 0;
    use_packed(f, (const char *const[]){"one\ntw", "", "o\nthree", "\nfour", NULL});
    struct source_block block = packed_block(f, 0);
    assert_int_equal(read_block(f, &block, &from, &to).next, 18);
    assert_int_equal(from, 0);
    block.takes_unfinished = false;
    assert_int_equal(read_block(f, &block, &from, &to).next, 14);
}

static void a_packed_file_is_read_on_behind_what_was_read(void **state)
{
    struct fixture *f = *state;
    uint64_t from = 0;
    uint64_t to = 0;
    use_packed(f, (const char *const[]){"one\ntwo\n", "three\n", NULL});
    for (uint64_t start = 4; start <= 8; start += 4) {
        struct source_block block = packed_block(f, start);
        assert_int_equal(read_block(f, &block, &from, &to).next, 14);
        assert_int_equal(from, start);
    }
    struct source_block block = packed_block(f, 14);
    assert_int_equal(read_block(f, &block, &from, &to).next, 14);
    assert_int_equal(to, 0);
}

static void a_large_packed_file_comes_whole(void **state)
{
    struct fixture *f = *state;
    enum { ROOM = 3000000 };
    char *bytes = memory_alloc(ROOM);
    struct chance c = {11};
    size_t size = make_lines(&c, bytes, ROOM);
    pack_file(f->folder, "a.gz", bytes, size);
    open_file(f, "a.gz", bytes, size);
    memory_free(bytes);
    uint64_t from = 0;
    uint64_t to = 0;
    struct source_block block = packed_block(f, 0);
    read_block(f, &block, &from, &to);
    assert_int_equal(to - from, size);
}

static void a_packed_line_beyond_the_limit_is_passed_by(void **state)
{
    struct fixture *f = *state;
    use_long_line(f, LIMIT_RECORD_BYTES_MAX + 70000, "\r\n");
    char *bytes = memory_copy(f->bytes, f->size);
    size_t size = f->size;
    pack_file(f->folder, "a.gz", bytes, size);
    open_file(f, "a.gz", bytes, size);
    memory_free(bytes);
    struct source_block block = packed_block(f, 0);
    block_reader_begin(f->reader, &block);
    expect_piece(f, 0, 2, 0);
    expect_piece(f, 2, BLOCK_TOO_LONG_BYTES, LIMIT_RECORD_BYTES_MAX + 70000);
    expect_piece(f, size - 2, 2, 0);
    expect_through(f, size);
}

static void nothing_is_given_of_a_packed_file_that_is_not_whole(void **state)
{
    struct fixture *f = *state;
    uint64_t from = 0;
    uint64_t to = 0;
    use_packed(f, (const char *const[]){"one\n", "two\n", NULL});
    struct source_block block = packed_block(f, 0);
    f->file.size--;
    struct source_done done = read_block(f, &block, &from, &to);
    assert_true(done.unreadable);
    assert_int_equal(to, 0);
    write_file(f->folder, "a.gz", "no gzip at all\n");
    open_file(f, "a.gz", "", 0);
    done = read_block(f, &block, &from, &to);
    assert_true(done.unreadable);
    use_packed(f, (const char *const[]){"one\n", NULL}); /* and the reader is as good as before */
    block = packed_block(f, 0);
    done = read_block(f, &block, &from, &to);
    assert_false(done.unreadable);
    assert_int_equal(done.next, 4);
}

static void a_packed_file_with_nothing_in_it_is_not_unreadable(void **state)
{
    struct fixture *f = *state;
    uint64_t from = 0;
    uint64_t to = 0;
    use_packed(f, (const char *const[]){"", NULL});
    struct source_block block = packed_block(f, 0);
    struct source_done done = read_block(f, &block, &from, &to);
    assert_false(done.unreadable);
    assert_int_equal(done.next, 0);
}

static void a_packed_file_with_less_in_it_than_was_read_is_refused(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    use_packed(f, (const char *const[]){"one\n", NULL});
    struct source_block block = packed_block(f, 5);
    assert_int_equal(read_until_it_fails(f, &block, &e), MILL_EREFUSED);
}

/* --- streams --- */

/* Records of a stream are a byte that says how many bytes follow it. @return bytes of whole ones */
static size_t whole_records(const struct block_piece *piece)
{
    size_t at = 0;
    while (at < piece->own && at + 1 + (uint8_t)piece->text.data[at] <= piece->text.size) {
        at += 1 + (uint8_t)piece->text.data[at];
    }
    return at;
}

static struct source_block stream_of(struct fixture *f, uint64_t start, uint64_t stop)
{
    struct source_block block = block_of(f, start, stop);
    block.is_stream = true;
    return block;
}

/* @return where the block's records end */
static uint64_t read_stream(struct fixture *f, const struct source_block *block)
{
    struct block_piece piece;
    struct error e = {0};
    uint64_t at = block->start;
    size_t used = 0;
    block_reader_begin(f->reader, block);
    int rc = block_reader_stream(f->reader, 0, &piece, &e);
    for (; rc == 1; rc = block_reader_stream(f->reader, used, &piece, &e)) {
        assert_int_equal(piece.offset, at);
        assert_memory_equal(piece.text.data, f->bytes + at, piece.text.size);
        assert_int_equal(piece.is_whole,
                         block->takes_unfinished && at + piece.text.size == f->size);
        assert_true(piece.own <= piece.text.size && at + piece.own <= block->end);
        used = whole_records(&piece);
        at += used;
        if (used == 0 && piece.is_whole) {
            break; /* a decoder would call it bad */
        }
    }
    assert_true(rc >= 0);
    assert_int_equal(block_reader_done(f->reader).next, at);
    assert_int_equal(block_reader_done(f->reader).bytes, at - block->start);
    return at;
}

static void a_stream_is_cut_where_its_records_say(void **state)
{
    struct fixture *f = *state;
    struct chance c = {81};
    size_t size = 3 * LIMIT_CHUNK_BYTES;
    char *bytes = memory_alloc(size);
    chance_bytes(&c, bytes, size);
    use_bytes(f, bytes, size);
    for (int round = 0; round < 30; round++) {
        uint64_t at = 0;
        while (at < size - 256) {
            uint64_t stop = at + 1 + chance_below(&c, (uint32_t)(size - at));
            struct source_block block = stream_of(f, at, stop);
            block.takes_unfinished = chance_below(&c, 2) == 0;
            uint64_t next = read_stream(f, &block);
            assert_true(next > at && (next >= stop || size - next < 256));
            assert_true(next < stop + 256);
            at = next;
        }
    }
    memory_free(bytes);
}

static void a_stream_without_a_record_comes_longer_up_to_a_limit(void **state)
{
    struct fixture *f = *state;
    size_t size = LIMIT_RECORD_BYTES_MAX + 100;
    char *bytes = memory_zero(size, 1);
    use_bytes(f, bytes, size);
    memory_free(bytes);
    struct source_block block = stream_of(f, 0, size);
    block_reader_begin(f->reader, &block);
    struct block_piece piece = {.is_whole = false};
    size_t before = 0;
    while (!piece.is_whole) {
        assert_int_equal(block_reader_stream(f->reader, 0, &piece, NULL), 1);
        assert_true(piece.text.size > before);
        before = piece.text.size;
    }
    assert_int_equal(before, LIMIT_RECORD_BYTES_MAX + 1);
    block_reader_let_go(f->reader);
    assert_int_equal(block_reader_done(f->reader).next, size);
    assert_int_equal(block_reader_stream(f->reader, 0, &piece, NULL), 0);
}

static void the_head_of_a_file_can_be_read_before_a_block(void **state)
{
    struct fixture *f = *state;
    struct slice head;
    use_text(f, "a,b\n1,2\n3,4\n");
    struct source_block block = block_of(f, 8, 12);
    block_reader_begin(f->reader, &block);
    assert_int_equal(block_reader_head(f->reader, 3, &head, NULL), 0);
    assert_true(slice_is(head, "a,b"));
    assert_int_equal(block_reader_head(f->reader, 4096, &head, NULL), 0);
    assert_true(slice_is(head, f->bytes));
    struct block_piece piece;
    assert_int_equal(block_reader_next(f->reader, &piece, NULL), 1);
    assert_true(slice_is(piece.text, "3,4\n"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(lines_come_once_and_in_order_however_a_file_is_cut),
        CASE(short_files_are_right_at_every_cut),
        CASE(long_lines_go_through_many_blocks),
        CASE(two_readers_read_one_file_side_by_side),
        CASE(a_line_at_the_end_of_a_block_does_not_read_the_next_line),
        CASE(a_block_in_which_no_line_begins_says_nothing_of_where_the_next_is),
        CASE(what_follows_a_long_line_beyond_the_end_is_not_given),
        CASE(nothing_behind_the_limit_is_read),
        CASE(a_file_that_was_cut_after_the_plan_is_refused),
        CASE(a_file_that_is_cut_while_it_is_read_is_refused),
        CASE(a_disk_that_cannot_be_read_is_an_error_with_the_name),
        CASE(the_longest_record_is_given_whole),
        CASE(a_line_beyond_it_is_passed_by),
        CASE(what_follows_it_in_the_block_is_read_on),
        CASE(an_unfinished_line_beyond_it_waits_or_is_passed_by),
        CASE(a_steady_load_allocates_nothing),
        CASE(a_packed_file_gives_the_lines_of_all_its_members),
        CASE(a_packed_file_is_read_on_behind_what_was_read),
        CASE(a_large_packed_file_comes_whole),
        CASE(a_packed_line_beyond_the_limit_is_passed_by),
        CASE(nothing_is_given_of_a_packed_file_that_is_not_whole),
        CASE(a_packed_file_with_nothing_in_it_is_not_unreadable),
        CASE(a_packed_file_with_less_in_it_than_was_read_is_refused),
        CASE(a_stream_is_cut_where_its_records_say),
        CASE(a_stream_without_a_record_comes_longer_up_to_a_limit),
        CASE(the_head_of_a_file_can_be_read_before_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

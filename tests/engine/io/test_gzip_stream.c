/* Goal: what was packed comes back byte for byte, whatever the size of the reads and the number of
 * members; what is not whole is refused, wherever it ends.
 * Method: files packed by zlib from chance, cut at every byte. */
#include "input_folder.h"
#include "io/gzip_stream.h"

struct fixture {
    char *folder;
    struct gzip_stream *stream;
    int fd;
    uint64_t packed_size;
};

static int begin(void **state)
{
    struct fixture *f = memory_zero(1, sizeof *f);
    f->folder = folder_create();
    f->stream = gzip_stream_create();
    f->fd = -1;
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    close(f->fd);
    gzip_stream_destroy(f->stream);
    folder_remove(f->folder);
    memory_free(f);
    return 0;
}

static void start(struct fixture *f)
{
    char *path = text_path(f->folder, "a.gz");
    close(f->fd);
    f->fd = open(path, O_RDONLY);
    struct stat s;
    assert_int_equal(fstat(f->fd, &s), 0);
    f->packed_size = (uint64_t)s.st_size;
    gzip_stream_begin(f->stream, f->fd, f->packed_size);
    memory_free(path);
}

/* Read all in steps. @return what the last read returned */
static int unpack(struct fixture *f, char *into, size_t room, size_t step, size_t *total)
{
    *total = 0;
    for (;;) {
        size_t got = 0;
        size_t size = step < room - *total ? step : room - *total;
        int rc = gzip_stream_read(f->stream, into + *total, size, &got);
        *total += got;
        if (rc != 0 || got < size || size == 0) {
            return rc;
        }
    }
}

static void it_gives_back_what_was_packed(void **state)
{
    struct fixture *f = *state;
    enum { SIZE = 700001 };
    char *bytes = memory_alloc(SIZE);
    char *back = memory_alloc(SIZE + 10);
    struct chance c = {1};
    chance_bytes(&c, bytes, SIZE);
    pack_file(f->folder, "a.gz", bytes, SIZE);
    static const size_t steps[] = {1000000, 262144, 4096, 77};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        size_t total = 0;
        start(f);
        assert_int_equal(unpack(f, back, SIZE + 10, steps[i], &total), 0);
        assert_int_equal(total, SIZE);
        assert_memory_equal(back, bytes, SIZE);
    }
    memory_free(bytes);
    memory_free(back);
}

static void members_one_after_the_other_are_one_run_of_bytes(void **state)
{
    struct fixture *f = *state;
    char back[100];
    size_t total = 0;
    pack_file(f->folder, "a.gz", "one\n", 4);
    pack_file(f->folder, "a.gz", "", 0);
    pack_file(f->folder, "a.gz", "two\nth", 6);
    pack_file(f->folder, "a.gz", "ree\n", 4);
    for (size_t step = 1; step <= sizeof back; step++) {
        start(f);
        assert_int_equal(unpack(f, back, sizeof back, step, &total), 0);
        assert_int_equal(total, 14);
        assert_memory_equal(back, "one\ntwo\nthree\n", 14);
    }
}

static void nothing_packed_is_nothing(void **state)
{
    struct fixture *f = *state;
    char back[10];
    size_t total = 0;
    pack_file(f->folder, "a.gz", "", 0);
    start(f);
    assert_true(f->packed_size > 0);
    assert_int_equal(unpack(f, back, sizeof back, 10, &total), 0);
    assert_int_equal(total, 0);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    struct fixture *f = *state;
    char text[3000];
    char back[4000];
    size_t total = 0;
    struct chance c = {2};
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = chance_of(&c, "abcdefgh\n");
    }
    pack_file(f->folder, "a.gz", text, sizeof text);
    start(f);
    for (uint64_t size = 1; size < f->packed_size; size++) {
        gzip_stream_begin(f->stream, f->fd, size);
        assert_int_equal(unpack(f, back, sizeof back, 500, &total), MILL_ECORRUPT);
    }
    gzip_stream_begin(f->stream, f->fd, f->packed_size);
    assert_int_equal(unpack(f, back, sizeof back, 500, &total), 0);
    assert_memory_equal(back, text, sizeof text);
}

static void a_damaged_byte_is_noticed(void **state)
{
    struct fixture *f = *state;
    char text[100];
    struct chance c = {3};
    char back[4000];
    size_t total = 0;
    ssize_t noticed = 0;
    chance_bytes(&c, text, sizeof text);
    pack_file(f->folder, "a.gz", text, sizeof text);
    start(f);
    char packed[200];
    ssize_t size = pread(f->fd, packed, sizeof packed, 0);
    assert_true(size > 20);
    for (ssize_t i = 10; i < size; i++) { /* behind the header, whose time and system are free */
        packed[i] ^= 0x40;
        write_bytes(f->folder, "a.gz", O_TRUNC, packed, (size_t)size);
        packed[i] ^= 0x40;
        start(f);
        int rc = unpack(f, back, sizeof back, 500, &total);
        bool is_unused = rc == 0 && total == sizeof text && memcmp(back, text, total) == 0;
        assert_true(rc == MILL_ECORRUPT || is_unused); /* bits that fill up a byte mean nothing */
        noticed += rc != 0;
    }
    assert_true(noticed >= size - 11);
}

static void what_is_not_gzip_is_refused(void **state)
{
    struct fixture *f = *state;
    char back[100];
    size_t total = 0;
    write_file(f->folder, "a.gz", "plain text, whatever its name says\n");
    start(f);
    assert_int_equal(unpack(f, back, sizeof back, 10, &total), MILL_ECORRUPT);
    unsigned char packed[100];
    uLongf packed_size = sizeof packed;
    assert_int_equal(compress(packed, &packed_size, (const Bytef *)"one\n", 4), Z_OK);
    write_bytes(f->folder, "a.gz", O_TRUNC, packed, packed_size); /* zlib's own form */
    start(f);
    assert_int_equal(unpack(f, back, sizeof back, 10, &total), MILL_ECORRUPT);
    gzip_stream_begin(f->stream, f->fd, 0);
    assert_int_equal(unpack(f, back, sizeof back, 10, &total), 0);
    remove_file(f->folder, "a.gz");
    pack_file(f->folder, "a.gz", "one\n", 4);
    append_file(f->folder, "a.gz", "and text behind it");
    start(f);
    assert_int_equal(unpack(f, back, sizeof back, 100, &total), MILL_ECORRUPT);
}

static void a_file_smaller_than_planned_is_refused(void **state)
{
    struct fixture *f = *state;
    char back[100];
    size_t total = 0;
    pack_file(f->folder, "a.gz", "one\n", 4);
    start(f);
    gzip_stream_begin(f->stream, f->fd, f->packed_size + 1);
    assert_int_equal(unpack(f, back, sizeof back, 100, &total), MILL_EREFUSED);
}

static void bytes_behind_the_planned_size_do_not_exist(void **state)
{
    struct fixture *f = *state;
    char back[100];
    size_t total = 0;
    pack_file(f->folder, "a.gz", "one\n", 4);
    start(f);
    uint64_t planned = f->packed_size;
    pack_file(f->folder, "a.gz", "two\n", 4);
    gzip_stream_begin(f->stream, f->fd, planned);
    assert_int_equal(unpack(f, back, sizeof back, 100, &total), 0);
    assert_int_equal(total, 4);
}

static void it_is_used_again_after_a_failure_without_allocating(void **state)
{
    struct fixture *f = *state;
    char back[100];
    size_t total = 0;
    pack_file(f->folder, "a.gz", "one\n", 4);
    start(f);
    assert_int_equal(unpack(f, back, sizeof back, 100, &total), 0);
    uint64_t before = memory_allocation_count();
    for (int i = 0; i < 10; i++) {
        gzip_stream_begin(f->stream, f->fd, f->packed_size - 1);
        assert_int_equal(unpack(f, back, sizeof back, 100, &total), MILL_ECORRUPT);
        gzip_stream_begin(f->stream, f->fd, f->packed_size);
        assert_int_equal(unpack(f, back, sizeof back, 100, &total), 0);
        assert_int_equal(total, 4);
    }
    assert_int_equal(memory_allocation_count(), before);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(it_gives_back_what_was_packed),
        CASE(members_one_after_the_other_are_one_run_of_bytes),
        CASE(nothing_packed_is_nothing),
        CASE(a_file_cut_anywhere_is_refused),
        CASE(a_damaged_byte_is_noticed),
        CASE(what_is_not_gzip_is_refused),
        CASE(a_file_smaller_than_planned_is_refused),
        CASE(bytes_behind_the_planned_size_do_not_exist),
        CASE(it_is_used_again_after_a_failure_without_allocating),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

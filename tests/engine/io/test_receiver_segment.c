/* Goal: the files of a log are found, and nothing else is. Method: a folder with both. */
#include "io/receiver_segment.h"
#include "received.h"

static void touch(struct received *x, const char *path, size_t size)
{
    struct disk_file f;
    char bytes[100] = {0};
    assert_int_equal(disk_open(&x->disk, path, DISK_CREATE, &f, NULL), 0);
    assert_int_equal(disk_write(&x->disk, &f, bytes, size, 0, NULL), 0);
    disk_close(&x->disk, &f);
}

static void names_say_where_a_file_is(void **state)
{
    (void)state;
    char *path = receiver_segment_path("a/b", 0x4000001, UINT64_MAX);
    assert_string_equal(path, "a/b/0000000004000001-ffffffffffffffff.log");
    memory_free(path);
}

static void files_are_found_in_order(void **state)
{
    (void)state;
    struct received x;
    received_begin(&x, 1);
    assert_int_equal(disk_make_folder(&x.disk, "f", NULL), 0);
    touch(&x, "f/000000000000000a-0000000000000005.log", 7);
    touch(&x, "f/0000000000000002-0000000000000001.log", 8);
    touch(&x, "f/ffffffffffffff00-ffffffffffffff00.log", 0);
    static const char *const others[] = {
        "f/0000000000000002-000000000000001.log",
        "f/0000000000000002-0000000000000001.log.tmp",
        "f/000000000000000A-0000000000000005.log",
        "f/0000000000000002_0000000000000001.log",
        "f/0000000000000002-000000000000000g.log",
        "f/0000000000000002-0000000000000001.lag",
        "f/.hidden",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        touch(&x, others[i], 1);
    }
    assert_int_equal(disk_make_folder(&x.disk, "f/0000000000000003-0000000000000001.log", NULL), 0);
    struct receiver_segments s = {0};
    assert_int_equal(receiver_segments_find(&x.disk, "f", &s, NULL), 0);
    assert_int_equal(s.count, 3);
    assert_true(s.items[0]->start == 2 && s.items[0]->text == 1 && s.items[0]->end == 10);
    assert_true(s.items[1]->start == 10 && s.items[1]->text == 5 && s.items[1]->end == 17);
    assert_true(s.items[2]->start == 0xffffffffffffff00 && s.items[2]->end == s.items[2]->start);
    assert_null(receiver_segments_at(&s, 1));
    assert_ptr_equal(receiver_segments_at(&s, 2), s.items[0]);
    assert_ptr_equal(receiver_segments_at(&s, 9), s.items[0]);
    assert_ptr_equal(receiver_segments_at(&s, 10), s.items[1]);
    assert_ptr_equal(receiver_segments_at(&s, UINT64_MAX), s.items[2]);
    receiver_segments_drop_first(&s);
    assert_int_equal(s.items[0]->start, 10);
    receiver_segments_drop_last(&s);
    assert_int_equal(s.count, 1);
    receiver_segments_deinit(&s);
    assert_int_equal(receiver_segments_find(&x.disk, "none", &s, NULL), MILL_ENOENT);
    received_end(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_say_where_a_file_is),
        cmocka_unit_test(files_are_found_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

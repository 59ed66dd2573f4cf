/* Goal: the head of a file tells whether it is still the one that is known, also when it has become
 * shorter than its head; and what of a file can be read follows from its flags and sizes.
 * Method: text in memory; no files. */
#include <string.h>

#include "io/known_file.h"
#include "testing.h"

/* A file that was first read when it held `text`, and then read up to an offset. */
static struct known_file read_file(const char *text, uint64_t offset)
{
    struct known_file f = {.offset = offset, .is_listed = true, .size = strlen(text)};
    file_head_take(&f.head, text, strlen(text));
    return f;
}

static enum file_verdict judge(const struct known_file *f, const char *text)
{
    return known_file_judge(f, text, strlen(text));
}

static void a_file_that_grew_is_the_same(void **state)
{
    (void)state;
    struct known_file f = read_file("one\ntwo\n", 8);
    assert_int_equal(judge(&f, "one\ntwo\n"), FILE_SAME);
    assert_int_equal(judge(&f, "one\ntwo\nthree\n"), FILE_SAME);
}

static void a_file_that_was_written_anew_is_another(void **state)
{
    (void)state;
    struct known_file f = read_file("one\ntwo\n", 8);
    assert_int_equal(judge(&f, "one\ntwO\n"), FILE_ANOTHER);
    assert_int_equal(judge(&f, "something longer than it was"), FILE_ANOTHER);
    assert_int_equal(judge(&f, "x"), FILE_ANOTHER);
    assert_int_equal(judge(&f, "two\n"), FILE_ANOTHER);
}

static void a_file_that_was_cut_is_smaller_however_short_it_is(void **state)
{
    (void)state;
    const char text[] = "one\ntwo\nthree\n";
    struct known_file f = read_file(text, sizeof text - 1);
    for (size_t size = 1; size < sizeof text - 1; size++) {
        assert_int_equal(known_file_judge(&f, text, size), FILE_SMALLER);
    }
}

static void a_cut_behind_the_offset_takes_nothing_away(void **state)
{
    (void)state;
    struct known_file f = read_file("one\ntwo\nthree\n", 4);
    assert_int_equal(judge(&f, "one\ntwo\n"), FILE_SAME);
    assert_int_equal(judge(&f, "one\n"), FILE_SAME);
    assert_int_equal(judge(&f, "one"), FILE_SMALLER);
}

static void an_empty_file_is_not_decided_about(void **state)
{
    (void)state;
    struct known_file f = read_file("one\n", 4);
    assert_int_equal(known_file_judge(&f, "", 0), FILE_SAME);
}

static void a_file_that_was_never_opened_is_what_is_there(void **state)
{
    (void)state;
    struct known_file f = {.size = 100};
    assert_int_equal(judge(&f, "anything"), FILE_SAME);
}

static void only_the_first_bytes_count(void **state)
{
    (void)state;
    char text[FILE_HEAD_BYTES];
    struct chance c = {1};
    chance_bytes(&c, text, sizeof text);
    struct known_file f = {.offset = 100000};
    file_head_take(&f.head, text, sizeof text);
    assert_int_equal(f.head.size, FILE_HEAD_BYTES);
    assert_int_equal(known_file_judge(&f, text, 100000), FILE_SAME);
    assert_int_equal(known_file_judge(&f, text, 99999), FILE_SMALLER);
    assert_int_equal(known_file_judge(&f, text, 4095), FILE_SMALLER);
    text[4095] ^= 1;
    assert_int_equal(known_file_judge(&f, text, 100000), FILE_ANOTHER);
    text[2047] ^= 1;
    assert_int_equal(known_file_judge(&f, text, 2048), FILE_ANOTHER);
    assert_int_equal(known_file_judge(&f, text, 2047), FILE_SMALLER);
}

static void of_a_packed_file_the_packed_size_counts(void **state)
{
    (void)state;
    struct known_file f = read_file("packed", 1000);
    f.flags = FILE_PACKED;
    f.packed_size = 6;
    assert_int_equal(judge(&f, "packed"), FILE_SAME);
    assert_int_equal(judge(&f, "packe"), FILE_SMALLER);
}

static void what_is_never_read_may_become_smaller(void **state)
{
    (void)state;
    struct known_file f = read_file("one\ntwo\n", 8);
    f.flags = FILE_NEVER;
    assert_int_equal(judge(&f, "one\n"), FILE_SAME);
    assert_int_equal(judge(&f, "new\n"), FILE_ANOTHER);
}

static void what_lies_behind_the_offset_is_unread(void **state)
{
    (void)state;
    struct known_file f = read_file("one\ntwo\n", 4);
    assert_int_equal(known_file_unread(&f), 4);
    assert_int_equal(known_file_left(&f), 4);
    f.offset = 8;
    assert_int_equal(known_file_unread(&f), 0);
    f.size = 2; /* emptied or cut: nothing, not a huge number */
    assert_int_equal(known_file_unread(&f), 0);
}

static void an_unfinished_line_waits_until_the_file_stands_still(void **state)
{
    (void)state;
    struct known_file f = read_file("one\ntwo", 4);
    f.is_stuck = true;
    assert_int_equal(known_file_unread(&f), 0);
    assert_int_equal(known_file_left(&f), 3);
    f.is_still = true;
    assert_int_equal(known_file_unread(&f), 3);
}

static void a_packed_file_waits_until_it_stands_still_and_unpacks(void **state)
{
    (void)state;
    struct known_file f = read_file("packed", 0);
    f.flags = FILE_PACKED;
    assert_int_equal(known_file_unread(&f), 0);
    assert_int_equal(known_file_left(&f), 6);
    f.is_still = true;
    assert_int_equal(known_file_unread(&f), 6);
    f.is_stuck = true;
    assert_int_equal(known_file_unread(&f), 0);
    f.is_stuck = false;
    f.packed_size = 6;
    f.offset = 1000;
    assert_int_equal(known_file_unread(&f), 0);
}

static void what_is_not_there_or_not_wanted_is_not_read(void **state)
{
    (void)state;
    struct known_file f = read_file("one\n", 0);
    f.is_listed = false;
    assert_int_equal(known_file_unread(&f), 0);
    f.is_listed = true;
    f.is_blocked = true;
    assert_int_equal(known_file_unread(&f), 0);
    assert_int_equal(known_file_left(&f), 4);
    f.is_blocked = false;
    f.flags = FILE_NEVER;
    assert_int_equal(known_file_unread(&f), 0);
    assert_int_equal(known_file_left(&f), 0);
    f.flags = FILE_RETIRED;
    assert_int_equal(known_file_unread(&f), 0);
    f.flags = 0;
    assert_int_equal(known_file_unread(&f), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_grew_is_the_same),
        cmocka_unit_test(a_file_that_was_written_anew_is_another),
        cmocka_unit_test(a_file_that_was_cut_is_smaller_however_short_it_is),
        cmocka_unit_test(a_cut_behind_the_offset_takes_nothing_away),
        cmocka_unit_test(an_empty_file_is_not_decided_about),
        cmocka_unit_test(a_file_that_was_never_opened_is_what_is_there),
        cmocka_unit_test(only_the_first_bytes_count),
        cmocka_unit_test(of_a_packed_file_the_packed_size_counts),
        cmocka_unit_test(what_is_never_read_may_become_smaller),
        cmocka_unit_test(what_lies_behind_the_offset_is_unread),
        cmocka_unit_test(an_unfinished_line_waits_until_the_file_stands_still),
        cmocka_unit_test(a_packed_file_waits_until_it_stands_still_and_unpacks),
        cmocka_unit_test(what_is_not_there_or_not_wanted_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

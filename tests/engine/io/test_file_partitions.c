/* Goal: each file waits, is open or has ended, as what was read of it says; in order of names only
 * the last that was begun counts. Method: files of a registry made by hand. */
#include <stdio.h>
#include <string.h>

#include "io/file_partitions.h"
#include "testing.h"

static void note(void *context, uint64_t partition, enum watermark_place place)
{
    char *text = context;
    size_t size = strlen(text);
    snprintf(text + size, 100 - size, "%s%d%c", size > 0 ? " " : "", (int)partition, "woe"[place]);
}

static const char *places(struct known_file *files, uint32_t count, bool by_name)
{
    static char text[100];
    struct file_registry r = {.files = files, .count = count};
    text[0] = '\0';
    file_partitions_each(&r, by_name, note, text);
    return text;
}

static struct known_file file(uint32_t serial, uint64_t size, uint64_t read)
{
    return (struct known_file){
        .serial = serial, .size = size, .next_offset = read, .is_listed = true, .is_still = true};
}

static void what_was_read_says_where_a_file_stands(void **state)
{
    (void)state;
    struct known_file files[] = {file(1, 10, 10), file(2, 10, 4), file(5, 10, 0), file(6, 0, 0)};
    files[1].offset = 2; /* what the running epoch has read counts */
    assert_string_equal(places(files, 4, false), "1e 2o 5w 6e");
}

static void files_that_cannot_be_read_hold_nothing(void **state)
{
    (void)state;
    struct known_file files[] = {file(1, 10, 0), file(2, 10, 0), file(3, 10, 0), file(4, 10, 0),
                                 file(5, 10, 0)};
    files[0].is_blocked = true;
    files[1].flags = FILE_NEVER;
    files[2].flags = FILE_RETIRED;
    files[3].is_listed = false;
    files[4].is_stuck = true; /* an unfinished line that is being written */
    files[4].is_still = false;
    assert_string_equal(places(files, 5, false), "1e 4e 5e");
}

static void a_packed_file_ends_where_its_size_was_read(void **state)
{
    (void)state;
    struct known_file files[] = {file(1, 10, 0), file(2, 10, 500)};
    files[0].flags = files[1].flags = FILE_PACKED;
    files[1].next_packed_size = 10;
    assert_string_equal(places(files, 2, false), "1w 2e");
}

static void in_order_of_names_the_last_that_was_begun_counts(void **state)
{
    (void)state;
    struct known_file files[] = {file(1, 10, 10), file(2, 10, 4), file(5, 10, 0)};
    assert_string_equal(places(files, 3, true), "2o");
    assert_string_equal(places(files, 1, true), "1e");
    files[0].next_offset = 0;
    assert_string_equal(places(files, 1, true), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_says_where_a_file_stands),
        cmocka_unit_test(files_that_cannot_be_read_hold_nothing),
        cmocka_unit_test(a_packed_file_ends_where_its_size_was_read),
        cmocka_unit_test(in_order_of_names_the_last_that_was_begun_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: every code has a name, a meaning and an answer to what a caller may do; messages stay
 * within their bounds.
 * Method: all codes and numbers that are none; messages longer than there is room. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/error.h"
#include "testing.h"

#define CODE(name, text, retriable, fatal, exit_code) name,
static const int codes[] = {ERROR_CODES(CODE)};
#undef CODE
#define CODE_COUNT (sizeof codes / sizeof codes[0])

static void every_code_has_its_own_name_and_a_meaning(void **state)
{
    (void)state;
    assert_string_equal(error_name(0), "MILL_OK");
    assert_string_equal(error_name(MILL_EIO), "MILL_EIO");
    for (size_t i = 0; i < CODE_COUNT; i++) {
        assert_true(codes[i] < 0);
        assert_true(strlen(error_text(codes[i])) > 0);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(error_name(codes[i]), error_name(codes[k]));
        }
    }
}

static void numbers_that_are_no_codes_count_as_io_errors(void **state)
{
    (void)state;
    const int strange[] = {1, INT_MAX, INT_MIN, -(int)CODE_COUNT - 1};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        assert_string_equal(error_name(strange[i]), "MILL_EIO");
        assert_int_equal(error_exit_code(strange[i]), 1);
    }
}

static void only_a_failed_sync_is_fatal(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODE_COUNT; i++) {
        assert_int_equal(error_is_fatal(codes[i]), codes[i] == MILL_ESYNC);
        assert_false(error_is_fatal(codes[i]) && error_is_retriable(codes[i]));
    }
    assert_true(error_is_retriable(MILL_ENOSPC));
    assert_true(error_is_retriable(MILL_EDEADLINE));
    assert_false(error_is_retriable(0));
}

static void exit_codes_are_as_the_command_line_promises(void **state)
{
    (void)state;
    assert_int_equal(error_exit_code(0), 0);
    assert_int_equal(error_exit_code(MILL_EFAILED), 1);
    assert_int_equal(error_exit_code(MILL_EINVAL), 2);
    assert_int_equal(error_exit_code(MILL_ESCRIPT), 2);
    assert_int_equal(error_exit_code(MILL_EREFUSED), 3);
    for (size_t i = 0; i < CODE_COUNT; i++) {
        assert_in_range(error_exit_code(codes[i]), 1, 3);
    }
}

static void nobody_needs_to_ask_for_the_details(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, MILL_EREFUSED, "x"), MILL_EREFUSED);
    assert_int_equal(error_set_system(NULL, EDQUOT, "x"), MILL_ENOSPC);
    assert_true(error_prefix(NULL, "x") < 0);
    error_clear(NULL);
}

static void a_message_is_cut_to_its_room(void **state)
{
    (void)state;
    static char longer[2 * ERROR_MESSAGE_BYTES_MAX];
    memset(longer, 'x', sizeof longer - 1);
    struct error e;
    assert_int_equal(error_set(&e, MILL_EIO, "%s", longer), MILL_EIO);
    assert_int_equal(strlen(e.message), sizeof e.message - 1);
    error_set_system(&e, EIO, "%s", longer);
    assert_int_equal(strlen(e.message), sizeof e.message - 1);
}

static void a_system_error_says_what_and_why(void **state)
{
    (void)state;
    struct error e = {0};
    assert_int_equal(error_set_system(&e, ENOSPC, "cannot write %s", "a"), MILL_ENOSPC);
    assert_int_equal(e.code, MILL_ENOSPC);
    assert_string_equal(e.message, "cannot write a: No space left on device");
    assert_int_equal(error_set_system(&e, EDQUOT, "x"), MILL_ENOSPC);
    assert_int_equal(error_set_system(&e, ENOENT, "x"), MILL_ENOENT);
    assert_int_equal(error_set_system(&e, EACCES, "x"), MILL_EIO);
}

static void a_prefix_stands_before_the_message(void **state)
{
    (void)state;
    struct error e;
    error_set(&e, MILL_ECORRUPT, "it is %d", 5);
    assert_int_equal(error_prefix(&e, "%s: ", "store"), MILL_ECORRUPT);
    assert_string_equal(e.message, "store: it is 5");
}

static void a_prefix_pushes_the_end_of_a_full_message_out(void **state)
{
    (void)state;
    static char longer[2 * ERROR_MESSAGE_BYTES_MAX];
    memset(longer, 'x', sizeof longer - 1);
    struct error e;
    error_set(&e, MILL_EIO, "%s", longer);
    error_prefix(&e, "abc");
    assert_int_equal(strlen(e.message), sizeof e.message - 1);
    assert_memory_equal(e.message, "abcxxx", 6);
    error_prefix(&e, "%s", longer); /* no room for any of the message: left as it is */
    assert_int_equal(strlen(e.message), sizeof e.message - 1);
}

static void clearing_leaves_no_error(void **state)
{
    (void)state;
    struct error e;
    error_set(&e, MILL_EIO, "x");
    error_clear(&e);
    assert_int_equal(e.code, 0);
    assert_string_equal(e.message, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_own_name_and_a_meaning),
        cmocka_unit_test(numbers_that_are_no_codes_count_as_io_errors),
        cmocka_unit_test(only_a_failed_sync_is_fatal),
        cmocka_unit_test(exit_codes_are_as_the_command_line_promises),
        cmocka_unit_test(nobody_needs_to_ask_for_the_details),
        cmocka_unit_test(a_message_is_cut_to_its_room),
        cmocka_unit_test(a_system_error_says_what_and_why),
        cmocka_unit_test(a_prefix_stands_before_the_message),
        cmocka_unit_test(a_prefix_pushes_the_end_of_a_full_message_out),
        cmocka_unit_test(clearing_leaves_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: counts that run in C are those that Lua makes, and lose the same records.
 * Method: the same operators with and without a function between; a random text. */
#include <string.h>

#include "job_world.h"

static void run_lines(struct job *j, const char *text)
{
    job_begin(j);
    if (job_lines(j, 0, text) != 0 || job_finish(j) != 0) {
        fail_msg("%s", j->error.message);
    }
}

static void counting_in_c_is_counting_in_lua(void **state)
{
    struct job *j = *state;
    struct chance chance = {7};
    char *text = memory_alloc(400001);
    for (int i = 0; i < 400000; i++) {
        text[i] = chance_of(&chance, "abc \n");
    }
    text[400000] = '\0';
    job_open(j, "lines:flat_map(mill.words):count_by_value():to_stdout()\n"
                "lines:flat_map(mill.words):map(function(w) return w end):count_by_value()"
                ":to_stdout()\n"
                "lines:count_by_value():to_stdout()\n"
                "lines:map(function(l) return l end):count_by_value():to_stdout()");
    for (int epoch = 0; epoch < 2; epoch++) {
        run_lines(j, text);
        assert_string_equal(job_rows(j, 0), job_rows(j, 1));
        assert_string_equal(job_rows(j, 2), job_rows(j, 3));
        assert_true(strlen(job_rows(j, 0)) > 1000);
    }
    memory_free(text);
}

static void a_key_that_is_too_long_is_a_dead_letter_in_c_too(void **state)
{
    struct job *j = *state;
    char *text = memory_alloc(70010);
    memset(text, 'x', 70009);
    memcpy(text, "a ", 2);
    memcpy(text + 70005, " b\n", 4);
    job_open(j, "lines:flat_map(mill.words):count_by_value():to_stdout()");
    run_lines(j, text);
    assert_int_equal(strlen(job_rows(j, 0)), 16);
    assert_non_null(strstr(job_letters(j), "the key is longer than 64 KiB"));
    assert_non_null(strstr(job_dead(j), "\"offset\":2,"));
    memory_free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, job_begin_test, job_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counting_in_c_is_counting_in_lua),
        TEST(a_key_that_is_too_long_is_a_dead_letter_in_c_too),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

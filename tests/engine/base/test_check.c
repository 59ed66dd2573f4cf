/* Goal: a broken invariant ends the process and says which; one that holds costs nothing but its
 * condition.
 * Method: a process of its own for what ends it. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/check.h"
#include "testing.h"

static void break_it(void)
{
    int count = 3;
    check(count == 4);
}

static void a_broken_invariant_ends_the_process_and_says_which(void **state)
{
    (void)state;
    char output[4096];
    int status = run_apart(break_it, output, sizeof output);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(output, "tidemill: "));
    assert_non_null(strstr(output, "test_check.c"));
    assert_non_null(strstr(output, "broken invariant: count == 4"));
}

static void a_condition_that_holds_is_evaluated_once(void **state)
{
    (void)state;
    int calls = 0;
    check(++calls == 1);
    assert_int_equal(calls, 1);
    if (calls == 1)
        check(true);
    else
        fail();
}

static void a_costly_condition_is_checked_in_debug_builds_only(void **state)
{
    (void)state;
    int calls = 0;
    dcheck(++calls == 1);
#ifdef TIDEMILL_DEBUG
    assert_int_equal(calls, 1);
#else
    assert_int_equal(calls, 0);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_invariant_ends_the_process_and_says_which),
        cmocka_unit_test(a_condition_that_holds_is_evaluated_once),
        cmocka_unit_test(a_costly_condition_is_checked_in_debug_builds_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

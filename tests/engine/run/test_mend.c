/* Goal: a decision about a refusal takes effect with the first commit and once; one about what is
 * not there is an error, one about what is not refused changes nothing.
 * Method: jobs in real directories, refused, then started again with a decision. */
#include <string.h>

#include "run/mend.h"
#include "run_world.h"

static const char counting[] = "values:map_to_pair(function(v) return v, 1 end)"
                               ":update_state_by_key(function(vs, s) return (s or 0) + #vs end)"
                               ":to_stdout()";

/* A start with one decision. @return as run_once */
static int start(struct run *x, const char *script, enum choice_kind kind, const char *name)
{
    struct choice item = {kind, name, false};
    struct choices list = {&item, 1};
    run_plan(x, "", script);
    run_queue(x, "[1,2]");
    run_queue(x, "[2]");
    x->options.choices = name == NULL ? NULL : &list;
    int rc = run_once(x);
    x->options.choices = NULL;
    return rc != 0 ? rc : name != NULL && !item.is_taken;
}

static int plain(struct run *x, const char *script)
{
    return start(x, script, 0, NULL);
}

static void refused(struct run *x, const char *script, const char *what)
{
    assert_int_equal(plain(x, script), MILL_EREFUSED);
    assert_non_null(strstr(x->error.message, what));
}

static void a_dropped_state_is_gone_at_the_first_commit(void **state)
{
    struct run *x = *state;
    assert_int_equal(plain(x, counting), 0);
    refused(x, "values:to_stdout()", "--drop-state update_state_by_key");
    assert_int_equal(start(x, "values:to_stdout()", CHOICE_DROP_STATE, "update_state_by_key"), 0);
    assert_int_equal(x->epochs, 1); /* nothing is new but this */
    assert_int_equal(plain(x, "values:to_stdout()"), 0);
    assert_int_equal(x->epochs, 0);
    assert_int_equal(plain(x, counting), 0);
    run_queue(x, "[2]");
    assert_int_equal(run_once(x), 0);
    assert_string_equal(x->out, "[2,1]\n");
}

static void what_is_not_there_cannot_be_dropped(void **state)
{
    struct run *x = *state;
    assert_int_equal(plain(x, counting), 0);
    assert_int_equal(start(x, counting, CHOICE_DROP_STATE, "totals"), MILL_EINVAL);
    assert_non_null(strstr(x->error.message, "there is: update_state_by_key"));
    assert_int_equal(start(x, counting, CHOICE_ADOPT, "elsewhere"), MILL_EINVAL);
    assert_non_null(strstr(x->error.message, "there is: job.lua"));
    assert_int_equal(start(x, counting, CHOICE_REREAD, "in/a"), MILL_EINVAL);
}

static void what_is_not_refused_is_left_alone(void **state)
{
    struct run *x = *state;
    assert_int_equal(plain(x, counting), 0);
    assert_int_equal(start(x, counting, CHOICE_DROP_STATE, "update_state_by_key"), 1);
    assert_int_equal(start(x, counting, CHOICE_ADOPT, "job.lua"), 1);
    assert_int_equal(x->epochs, 0);
}

static void only_a_file_that_shrank_is_read_again_or_left_out(void **state)
{
    static const char script[] = "job:text_file_stream('FOLDER/in'):to_stdout({format = 'text'})";
    struct run *x = *state;
    run_write(x, "in/a", "1\n2\n");
    run_write(x, "in/b", "3\n");
    assert_int_equal(plain(x, script), 0);
    run_write(x, "in/a", "1\n");
    char *a = memory_text(run_path(x, "in/a"));
    char *b = memory_text(run_path(x, "in/b"));
    refused(x, script, "--reread");
    assert_int_equal(start(x, script, CHOICE_REREAD, "in/a"), MILL_EINVAL);
    assert_non_null(strstr(x->error.message, a));
    assert_int_equal(start(x, script, CHOICE_REREAD, b), MILL_EREFUSED);
    assert_int_equal(start(x, script, CHOICE_REREAD, a), 0);
    assert_string_equal(x->out, "1\n");
    assert_int_equal(start(x, script, CHOICE_SKIP_FILE, a), 1);
    memory_free(a);
    memory_free(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_dropped_state_is_gone_at_the_first_commit),
        TEST(what_is_not_there_cannot_be_dropped),
        TEST(what_is_not_refused_is_left_alone),
        TEST(only_a_file_that_shrank_is_read_again_or_left_out),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

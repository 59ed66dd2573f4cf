/* Goal: rows that cannot be published, and folders that are not what they were, hold a job up until
 * a person decides; the decision holds from then on.
 * Method: jobs in real directories whose rows wait, started again with a decision. */
#include <string.h>

#include "base/text.h"
#include "run/mend_rows.h"
#include "run_world.h"

static const char writing[] = "values:to_files('FOLDER/out')";
static const char sending[] = "values:for_each_batch(function() error('no', 0) end):named('send')";

/* A start with one decision. @return as run_once */
static int start(struct run *x, const char *script, enum choice_kind kind, const char *name)
{
    struct choice item = {kind, name, false};
    struct choices list = {&item, 1};
    run_plan(x, "", script);
    run_queue(x, "[1,2]");
    x->options.choices = name == NULL ? NULL : &list;
    int rc = run_once(x);
    x->options.choices = NULL;
    return rc != 0 ? rc : name != NULL && !item.is_taken;
}

static void said(struct run *x, const char *what)
{
    if (strstr(x->error.message, what) == NULL) {
        assert_string_equal(x->error.message, what);
    }
}

static void a_function_that_fails_holds_the_job_up_until_its_rows_are_given_up(void **state)
{
    struct run *x = *state;
    assert_int_equal(start(x, sending, 0, NULL), MILL_EFAILED);
    said(x, "epoch 1 waits");
    said(x, "--skip-epoch send=1");
    assert_int_equal(start(x, writing, 0, NULL), MILL_EREFUSED);
    said(x, "--drop-output send");
    assert_int_equal(start(x, sending, CHOICE_SKIP_EPOCH, "send=2"), MILL_EINVAL);
    said(x, "there is: 1");
    assert_int_equal(start(x, sending, CHOICE_SKIP_EPOCH, "other=1"), MILL_EINVAL);
    assert_int_equal(start(x, sending, CHOICE_DROP_OUTPUT, "nope"), MILL_EINVAL);
    said(x, "there is: send");
    assert_int_equal(start(x, sending, CHOICE_SKIP_EPOCH, "send=1"), 0);
    assert_string_equal(run_list(x, "data/given_up"), "0000000001-2.json");
    assert_string_equal(run_read(x, "data/given_up/0000000001-2.json"), "1\n2\n");
    assert_int_equal(start(x, sending, CHOICE_SKIP_EPOCH, "1"), 1);
}

static void an_output_that_is_gone_has_a_name(void **state)
{
    struct run *x = *state;
    assert_int_equal(start(x, "values:to_stdout()\nvalues:to_files('FOLDER/a b')", 0, NULL), 0);
    run_plan(x, "", writing);
    run_queue(x, "[1,2]");
    assert_int_equal(run_open(x), 0);
    char *plain = mend_output_name(&x->runner, 2);
    char *quoted = mend_output_name(&x->runner, 3);
    assert_string_equal(plain, "to_stdout:stdout");
    assert_int_equal(quoted[0], '\'');
    assert_null(mend_output_name(&x->runner, UINT16_MAX));
    memory_free(plain);
    memory_free(quoted);
}

static void an_emptied_folder_is_written_to_again_if_told(void **state)
{
    struct run *x = *state;
    char *out = memory_text(run_path(x, "out"));
    char *away = memory_text(run_path(x, "away"));
    char *with_slash = text_format("%s//", out);
    assert_int_equal(start(x, writing, 0, NULL), 0);
    assert_int_equal(start(x, writing, CHOICE_PUBLISH_AGAIN, out), 1);
    assert_int_equal(rename(out, away), 0);
    assert_int_equal(start(x, writing, 0, NULL), MILL_EREFUSED);
    assert_int_equal(start(x, writing, CHOICE_ASSUME_PUBLISHED, "elsewhere"), MILL_EINVAL);
    said(x, out);
    assert_int_equal(start(x, writing, CHOICE_ASSUME_PUBLISHED, with_slash), 0);
    assert_int_equal(start(x, writing, 0, NULL), 0);
    memory_free(with_slash);
    memory_free(away);
    memory_free(out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_function_that_fails_holds_the_job_up_until_its_rows_are_given_up),
        TEST(an_output_that_is_gone_has_a_name),
        TEST(an_emptied_folder_is_written_to_again_if_told),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

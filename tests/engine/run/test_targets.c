/* Goal: two outputs of a job in one folder are seen whatever paths lead to it, and those that may
 * share one do. Method: jobs that run in real folders with links between them. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "run_world.h"

static int start(struct run *x, const char *script)
{
    run_plan(x, "", script);
    run_queue(x, "[1,2]");
    return run_once(x);
}

static void refused(struct run *x, const char *script, const char *what)
{
    assert_int_equal(start(x, script), MILL_EREFUSED);
    if (strstr(x->error.message, what) == NULL) {
        assert_string_equal(x->error.message, what);
    }
}

static void link_folder(const struct run *x)
{
    assert_int_equal(mkdir(run_path(x, "x"), 0777), 0);
    assert_int_equal(symlink(run_path(x, "x"), run_path(x, "link")), 0);
}

static void two_paths_to_one_folder_are_seen(void **state)
{
    struct run *x = *state;
    link_folder(x);
    refused(x, "values:to_files('FOLDER/out')\nvalues:to_files('FOLDER/x/../out')",
            "to_files at job.lua:1 and to_files at job.lua:2 write into one folder: ");
    refused(x, "values:to_files('FOLDER/x')\nvalues:to_files('FOLDER/link')",
            "link are the same; give each its own");
    assert_string_equal(run_parts(x, "x"), "");
    assert_int_equal(start(x, "values:to_files('FOLDER/x')\nvalues:to_files('FOLDER/out')"), 0);
    assert_string_equal(run_parts(x, "x"), "1\n2\n");
    assert_string_equal(run_parts(x, "out"), "1\n2\n");
}

static void the_job_s_own_folders_are_not_free(void **state)
{
    struct run *x = *state;
    refused(x, "values:to_files('FOLDER/data/dead_letters')",
            "dead letters and to_files at job.lua:1 write into one folder");
    refused(x, "values:to_files('FOLDER/data/outbox')", "rows that wait and to_files");
    refused(x, "values:to_files('FOLDER/data/spill')", "and to_files at job.lua:1 write into one");
    refused(x, "values:to_files('FOLDER/data')", "the data directory and to_files at job.lua:1");
}

static void folders_of_batches_are_seen_too(void **state)
{
    struct run *x = *state;
    link_folder(x);
    refused(x,
            "values:save_as_text_files('FOLDER/x/batch', 'txt')\n"
            "values:save_as_text_files('FOLDER/link/batch', 'txt')",
            "save_as_text_files at job.lua:1 and save_as_text_files at job.lua:2 write into one");
    assert_int_equal(start(x, "values:save_as_text_files('FOLDER/x/batch')\n"
                              "values:save_as_text_files('FOLDER/link/batch', 'txt')\n"
                              "values:save_as_text_files('FOLDER/link/batch2', 'txt')"),
                     0);
}

/* Its parts have folders of their own; what it hides beside another's open file stays apart. */
static void folders_of_batches_may_be_beside_parts(void **state)
{
    struct run *x = *state;
    link_folder(x);
    const char *script = "values:to_files('FOLDER/x', {roll = '1MiB'})\n"
                         "values:save_as_text_files('FOLDER/link/batch')\n"
                         "values:save_as_text_files('FOLDER/x/other')";
    x->data = memory_text(run_path(x, "data"));
    x->options.capture = false;
    run_plan(x, "", script);
    run_queue(x, "[1,2]");
    run_queue(x, "[3]");
    assert_int_equal(run_open(x), 0);
    assert_int_equal(run_step(x), 0);
    run_close(x);
    run_plan(x, "", script);
    run_queue(x, "[1,2]");
    run_queue(x, "[3]");
    assert_int_equal(run_once(x), 0);
    assert_string_equal(run_parts(x, "x"), "1\n2\n3\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_paths_to_one_folder_are_seen),
        TEST(the_job_s_own_folders_are_not_free),
        TEST(folders_of_batches_are_seen_too),
        TEST(folders_of_batches_may_be_beside_parts),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

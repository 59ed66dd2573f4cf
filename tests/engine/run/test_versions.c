/* Goal: the store keeps the newest text of a script and the one before it, and gives either.
 * Method: a store in memory that gets one text after the other; a job in a real directory. */
#include <string.h>

#include "run/versions.h"
#include "run_world.h"

static void commit(struct store *store, const char *path, const char *text)
{
    struct source_text source;
    struct store_batch *batch = store_batch_create();
    source_text_init(&source, path, NULL, (struct slice){text, strlen(text)});
    assert_int_equal(versions_commit_into(store, batch, &source, NULL), 0);
    assert_int_equal(store_write(store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    source_text_deinit(&source);
}

static void expect(struct store *store, uint8_t slot, const char *path, const char *text)
{
    struct source_text source;
    int rc = versions_read(store, slot, &source, NULL);
    if (text == NULL) {
        assert_int_equal(rc, MILL_ENOENT);
        return;
    }
    assert_int_equal(rc, 0);
    assert_string_equal(source.canonical, path);
    assert_string_equal(source.text, text);
    source_text_deinit(&source);
}

static void the_last_two_texts_are_kept(void **state)
{
    (void)state;
    struct store *store = store_create_memory();
    expect(store, 0, NULL, NULL);
    commit(store, "/a.lua", "one");
    expect(store, 0, "/a.lua", "one");
    expect(store, 1, NULL, NULL);
    commit(store, "/a.lua", "two");
    commit(store, "/a.lua", "three");
    expect(store, 0, "/a.lua", "three");
    expect(store, 1, "/a.lua", "two");
    commit(store, "/moved.lua", "three");
    expect(store, 0, "/moved.lua", "three");
    expect(store, 1, "/a.lua", "two");
    store_close(store);
}

static void a_directory_gives_what_its_store_keeps(void **state)
{
    struct run *x = *state;
    struct source_text source;
    run_plan(x, "", "values:to_stdout()");
    run_queue(x, "[1]");
    assert_int_equal(run_once(x), 0);
    char *data = memory_text(run_path(x, "data"));
    assert_int_equal(versions_read_stored(data, 1, &source, &x->error), 0);
    assert_non_null(strstr(source.text, "values:to_stdout()"));
    source_text_deinit(&source);
    for (uint32_t number = 0; number < 4; number += 2) {
        assert_int_equal(versions_read_stored(data, number, &source, &x->error), MILL_EINVAL);
        assert_non_null(strstr(x->error.message, "keeps 1 versions"));
    }
    const char *none = run_path(x, "none");
    assert_int_equal(versions_read_stored(none, 1, &source, &x->error), MILL_EINVAL);
    assert_string_equal(run_list(x, "none"), "(none)");
    memory_free(data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, run_begin_test, run_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_two_texts_are_kept),
        TEST(a_directory_gives_what_its_store_keeps),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

/* Goal: a chunk copies what it is given, says when it is full, and counts what it has run.
 * Method: a job's host, and groups made by hand. */
#include <string.h>

#include "base/limits.h"
#include "job_world.h"
#include "script/stage_chunk.h"

static struct stage_chunk open_chunk(struct job *j, struct stage_task *task)
{
    job_open(j, "values:map_to_pair(function(v) return v, v end):reduce_by_key(mill.sum)"
                ":to_stdout()");
    job_begin(j);
    *task = (struct stage_task){0};
    struct host *h = j->hosts[0];
    h->position.input = INPUT_GROUPS;
    return (struct stage_chunk){.h = h, .task = task, .stage = &j->graph.stages[0]};
}

static const struct mill_cell one = {.kind = MILL_NUMBER, .len = 1, .num = 1};

static void keys_and_values_are_copied(void **state)
{
    struct stage_task task;
    struct stage_chunk c = open_chunk(*state, &task);
    char key[] = " key";
    char text[] = "text";
    const struct mill_group *g = stage_chunk_add_group(&c, key, 4);
    stage_chunk_add_cell(&c, &(struct mill_cell){.kind = MILL_STRING, .len = 4, .ptr = text}, true);
    memset(key, 'x', 4);
    memset(text, 'x', 4);
    assert_memory_equal(g->key, " key", 4);
    assert_memory_equal(c.h->cells[g->first].ptr, "text", 4);
    assert_int_equal(g->head, 0);
    assert_int_equal(stage_chunk_add_group(&c, key, 4)->head, 1);
    assert_int_equal(c.h->groups[1].first, 1);
}

static void it_is_full_of_groups_of_values_or_of_bytes(void **state)
{
    struct stage_task task;
    struct stage_chunk c = open_chunk(*state, &task);
    for (uint32_t i = 0; i < STAGE_CHUNK_GROUPS_MAX; i++) {
        assert_false(stage_chunk_is_full(&c));
        stage_chunk_add_group(&c, " k", 2);
    }
    assert_true(stage_chunk_is_full(&c));
    stage_chunk_clear(&c);
    for (uint32_t i = 0; i < LIMIT_CHUNK_RECORDS_MAX; i++) {
        assert_false(stage_chunk_is_full(&c));
        stage_chunk_add_cell(&c, &one, false);
    }
    assert_true(stage_chunk_is_full(&c));
    stage_chunk_clear(&c);
    char *large = memory_zero(1, MIB);
    stage_chunk_add_cell(&c, &(struct mill_cell){.kind = MILL_STRING, .len = MIB, .ptr = large},
                         true);
    assert_true(stage_chunk_is_full(&c));
    memory_free(large);
}

static void what_is_run_goes_through_the_segments(void **state)
{
    struct stage_task task;
    struct job *j = *state;
    struct stage_chunk c = open_chunk(j, &task);
    struct mill_group *g = stage_chunk_add_group(&c, " a", 2);
    stage_chunk_add_cell(&c, &one, false);
    g->count = 1;
    assert_int_equal(stage_chunk_run(&c, &j->error), 0);
    assert_int_equal(c.h->heads[0].out, 1);
    assert_string_equal(job_rows(j, 0), "[\"a\",1]\n");
    assert_int_equal(c.groups_run, 0);
    stage_chunk_clear(&c);
    assert_true(c.groups_run == 1 && c.group_count == 0 && c.cell_count == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, job_begin_test, job_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_and_values_are_copied),
        TEST(it_is_full_of_groups_of_values_or_of_bytes),
        TEST(what_is_run_goes_through_the_segments),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

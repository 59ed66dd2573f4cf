/* Goal: where an operator stands in a segment, and which shard has a stage without keys.
 * Method: graphs by hand. */
#include <string.h>

#include "base/hash.h"
#include "flow/graph.h"
#include "testing.h"

static void the_shard_of_what_has_no_key_never_changes(void **state)
{
    (void)state;
    uint32_t shard = graph_global_shard();
    assert_true(shard < SHARD_COUNT);
    assert_int_equal(shard, shard_of_group(key_group_of(hash_tagged(0x02, "", 0))));
    assert_int_equal(shard, 13); /* where the state of every data directory lies */
}

static void a_stage_without_keys_has_one_shard_others_all(void **state)
{
    (void)state;
    struct graph_stage global = {.is_global = true};
    struct graph_stage keyed = {.is_global = false};
    uint32_t count = 0;
    for (uint32_t shard = 0; shard < SHARD_COUNT; shard++) {
        assert_true(graph_stage_has_shard(&keyed, shard));
        count += graph_stage_has_shard(&global, shard);
    }
    assert_int_equal(count, 1);
    assert_true(graph_stage_has_shard(&global, graph_global_shard()));
}

/* map 3 : flat_map 5 : flat_map 7 : filter 8 : print 9 */
static struct graph_segment lists(void)
{
    static uint32_t operators[] = {3, 5, 7, 8};
    static uint32_t depths[] = {0, 0, 1, 2};
    return (struct graph_segment){
        .operators = operators,
        .depths = depths,
        .operator_count = 4,
        .depth = 2,
        .terminal = TERMINAL_OUTPUT,
    };
}

static void check_place(const struct graph_segment *s, uint32_t op, uint32_t pending,
                        struct graph_place wanted)
{
    struct graph_output outputs[] = {{.operator_id = 9}};
    struct graph g = {.outputs = outputs, .output_count = 1};
    struct mill_control c = {.op = op, .depth = pending};
    struct graph_place at = graph_place_of(&g, s, &c);
    assert_int_equal(at.doing, wanted.doing);
    assert_int_equal(at.operator_id, wanted.operator_id);
    assert_int_equal(at.depth, wanted.depth);
}

static void an_operator_is_as_deep_as_the_lists_around_it(void **state)
{
    (void)state;
    struct graph_segment s = lists();
    check_place(&s, 3, 0, (struct graph_place){DOING_OPERATOR, 3, 0});
    check_place(&s, 5, 0, (struct graph_place){DOING_OPERATOR, 5, 0});
    check_place(&s, 7, 0, (struct graph_place){DOING_OPERATOR, 7, 1});
    check_place(&s, 8, 0, (struct graph_place){DOING_OPERATOR, 8, 2});
    check_place(&s, 9, 0, (struct graph_place){DOING_OPERATOR, 9, 2});
    check_place(&s, 4, 0, (struct graph_place){DOING_OPERATOR, 4, 0}); /* a stage's, as head */
}

static void an_element_is_one_list_deeper_than_what_gave_it(void **state)
{
    (void)state;
    struct graph_segment s = lists();
    check_place(&s, 5 + MILL_IN_LIST, 0, (struct graph_place){DOING_ELEMENT, 5, 1});
    check_place(&s, 7 + MILL_IN_LIST, 0, (struct graph_place){DOING_ELEMENT, 7, 2});
    check_place(&s, 7 + MILL_IN_LIST + MILL_READING, 0, (struct graph_place){DOING_ELEMENT, 7, 2});
    /* The loop has not yet come to where C sent it. */
    check_place(&s, 0, 1, (struct graph_place){DOING_ELEMENT, 5, 1});
    check_place(&s, MILL_READING, 2, (struct graph_place){DOING_ELEMENT, 7, 2});
    check_place(&s, 5 + MILL_IN_LIST + MILL_READING, 2, (struct graph_place){DOING_ELEMENT, 7, 2});
}

static void a_record_is_read_for_who_would_have_had_it(void **state)
{
    (void)state;
    struct graph_segment s = lists();
    check_place(&s, 0, 0, (struct graph_place){DOING_RECORD, 3, 0});
    s.terminal = TERMINAL_TEE; /* which has no operator: it must not be taken for number 0 */
    check_place(&s, MILL_READING, 0, (struct graph_place){DOING_RECORD, 3, 0});
    struct graph_segment bare = {.terminal = TERMINAL_OUTPUT};
    check_place(&bare, MILL_READING, 0, (struct graph_place){DOING_RECORD, 9, 0});
    bare = (struct graph_segment){.terminal = TERMINAL_TEE, .input_operator = 2};
    check_place(&bare, MILL_READING, 0, (struct graph_place){DOING_RECORD, 2, 0});
}

static void a_segment_ends_at_a_stage_s_or_an_output_s_operator(void **state)
{
    (void)state;
    struct graph_stage stages[] = {{.operator_id = 4}, {.operator_id = 6}};
    struct graph_output outputs[] = {{.operator_id = 8}};
    struct graph g = {.stages = stages, .stage_count = 2, .outputs = outputs, .output_count = 1};
    struct graph_segment s = {.terminal = TERMINAL_STAGE, .to = 1};
    assert_int_equal(graph_terminal_operator(&g, &s), 6);
    s = (struct graph_segment){.terminal = TERMINAL_OUTPUT, .to = 0};
    assert_int_equal(graph_terminal_operator(&g, &s), 8);
    s = (struct graph_segment){.terminal = TERMINAL_TEE, .to = 0};
    assert_int_equal(graph_terminal_operator(&g, &s), 0);
}

static void stages_come_behind_all_sources(void **state)
{
    (void)state;
    assert_true(STAGE_ORDER(0, 0) > (uint64_t)(LIMIT_SOURCES_MAX - 1) << 56);
    assert_true(STAGE_ORDER(0, SHARD_COUNT - 1) < STAGE_ORDER(1, 0));
    assert_true(STAGE_ORDER(LIMIT_STAGES_MAX - 1, 0) > STAGE_ORDER(0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shard_of_what_has_no_key_never_changes),
        cmocka_unit_test(a_stage_without_keys_has_one_shard_others_all),
        cmocka_unit_test(an_operator_is_as_deep_as_the_lists_around_it),
        cmocka_unit_test(an_element_is_one_list_deeper_than_what_gave_it),
        cmocka_unit_test(a_record_is_read_for_who_would_have_had_it),
        cmocka_unit_test(a_segment_ends_at_a_stage_s_or_an_output_s_operator),
        cmocka_unit_test(stages_come_behind_all_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

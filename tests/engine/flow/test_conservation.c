/* Goal: a record that gets lost between two operators, or appears, is named at the operator where
 * it arrives or not; every way in which an operator rightly takes one away is known. Method: a
 * graph with every role, its counters right, then each of them wrong. */
#include <string.h>

#include "flow/conservation.h"
#include "testing.h"

/* source 1 > filter 2 > flat_map 3 > union 6 (with source 5 > map 4) > stage 7 > map 8 > output 9;
 * 10 is not run. Numbers follow the definition in the script. */
enum { SOURCE_A = 1, FILTER, FLAT, SOURCE_B, MAP, UNION, STAGE, MAP_BEHIND, OUTPUT, UNUSED, COUNT };

struct fixture {
    struct graph graph;
    struct graph_operator operators[COUNT];
    struct graph_stage stages[1];
    uint32_t inputs[COUNT][2];
    struct mill_counter counters[COUNT];
    struct mill_counter heads[1];
};

static void add(struct fixture *x, uint32_t id, enum graph_role role, uint32_t a, uint32_t b)
{
    struct graph_operator *o = &x->operators[id];
    *o = (struct graph_operator){.label = id == OUTPUT  ? "the output"
                                          : id == STAGE ? "the stage"
                                                        : "an operator",
                                 .role = role,
                                 .inputs = x->inputs[id]};
    x->inputs[id][0] = a;
    x->inputs[id][1] = b;
    o->input_count = b > 0 ? 2 : a > 0 ? 1 : 0;
}

static struct fixture *begin(void)
{
    static struct fixture x;
    x = (struct fixture){.stages = {{.operator_id = STAGE}}};
    add(&x, SOURCE_A, ROLE_SOURCE, 0, 0);
    add(&x, FILTER, ROLE_SINGLE, SOURCE_A, 0);
    add(&x, FLAT, ROLE_FLAT, FILTER, 0);
    add(&x, SOURCE_B, ROLE_SOURCE, 0, 0);
    add(&x, MAP, ROLE_SINGLE, SOURCE_B, 0);
    add(&x, UNION, ROLE_UNION, FLAT, MAP);
    add(&x, STAGE, ROLE_STAGE, UNION, 0);
    add(&x, MAP_BEHIND, ROLE_SINGLE, STAGE, 0);
    add(&x, OUTPUT, ROLE_OUTPUT, MAP_BEHIND, 0);
    add(&x, UNUSED, ROLE_UNUSED, SOURCE_A, 0);
    x.graph = (struct graph){.operators = x.operators,
                             .operator_count = COUNT - 1,
                             .stages = x.stages,
                             .stage_count = 1};
    x.counters[SOURCE_A].out = 100;
    x.counters[FILTER].filtered = 30;
    x.counters[FILTER].dead = 5;
    x.counters[FLAT].elements = 200; /* of 65 */
    x.counters[FLAT].dead = 1;
    x.counters[SOURCE_B].out = 10;
    x.counters[MAP].skipped = 2;
    x.counters[STAGE].elements = 208;
    x.heads[0].out = 50;
    x.heads[0].dead = 3;
    x.heads[0].filtered = 7;
    x.counters[MAP_BEHIND].dead = 4;
    x.counters[OUTPUT].elements = 36;
    return &x;
}

static int check_it(struct fixture *x, struct error *e)
{
    *e = (struct error){0};
    return conservation_check(&x->graph, x->counters, x->heads, e);
}

static void nothing_lost_is_well(void **state)
{
    (void)state;
    struct error e;
    assert_int_equal(check_it(begin(), &e), 0);
}

static void found(struct fixture *x, const char *message)
{
    struct error e;
    assert_int_equal(check_it(x, &e), MILL_EFAILED);
    assert_string_equal(e.message, message);
}

static void a_record_that_did_not_arrive_is_named(void **state)
{
    (void)state;
    struct fixture *x = begin();
    x->counters[STAGE].elements--;
    found(x, "the stage: 208 records were sent to it, 207 arrived");
    x = begin();
    x->counters[OUTPUT].elements++;
    found(x, "the output: 36 records were sent to it, 37 arrived");
}

static void every_counter_counts(void **state)
{
    (void)state;
    struct fixture *x = begin();
    x->counters[MAP].skipped++;
    found(x, "the stage: 207 records were sent to it, 208 arrived");
    x = begin();
    x->counters[FLAT].elements++;
    found(x, "the stage: 209 records were sent to it, 208 arrived");
    x = begin();
    x->counters[SOURCE_B].out++;
    found(x, "the stage: 209 records were sent to it, 208 arrived");
    x = begin();
    x->heads[0].out++;
    found(x, "the output: 37 records were sent to it, 36 arrived");
    x = begin();
    x->heads[0].filtered++;
    found(x, "the output: 35 records were sent to it, 36 arrived");
    x = begin();
    x->counters[MAP_BEHIND].dead++;
    found(x, "the output: 35 records were sent to it, 36 arrived");
}

static void workers_are_added_up(void **state)
{
    (void)state;
    struct mill_counter sum[2] = {{.out = 1}, {.dead = 2}};
    const struct mill_counter part[2] = {
        {.out = 10, .elements = 20, .filtered = 30, .dead = 40, .skipped = 50}, {.dead = 3}};
    conservation_add(sum, part, 2);
    assert_true(sum[0].out == 11 && sum[0].elements == 20 && sum[0].filtered == 30);
    assert_true(sum[0].dead == 40 && sum[0].skipped == 50 && sum[1].dead == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_lost_is_well),
        cmocka_unit_test(a_record_that_did_not_arrive_is_named),
        cmocka_unit_test(every_counter_counts),
        cmocka_unit_test(workers_are_added_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

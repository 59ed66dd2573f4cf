/* Goal: what section 6.3 of the design says of identities, sentence by sentence: what keeps its
 * number, what is new, what is refused and with which lines to paste.
 * Method: little graphs written in one line each, an old one and a new one. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "flow/identity.h"
#include "testing.h"

enum { MEMBERS_MAX = 8 };

/* A member of a script: "kind" or "kind=name" or "kind=name<was", behind it "@place". */
struct script {
    struct graph graph;
    struct graph_operator operators[3 * MEMBERS_MAX + 1];
    struct graph_source sources[MEMBERS_MAX];
    struct graph_stage stages[MEMBERS_MAX];
    struct graph_output outputs[MEMBERS_MAX];
    char texts[3 * MEMBERS_MAX][6][64];
};

static uint32_t add_operator(struct script *s, const char *text)
{
    uint32_t id = ++s->graph.operator_count;
    char(*t)[64] = s->texts[id - 1];
    char copy[64];
    snprintf(copy, sizeof copy, "%s", text);
    struct graph_operator *o = &s->operators[id];
    char *place = strchr(copy, '@');
    char *was = strchr(copy, '<');
    char *name = strchr(copy, '=');
    *o = (struct graph_operator){.kind = t[0], .label = t[1], .place = t[2]};
    snprintf(t[2], sizeof t[2], ">%s", place == NULL ? "same" : place + 1);
    if (was != NULL) {
        snprintf(t[3], sizeof t[3], "%.*s", (int)strcspn(was + 1, "@"), was + 1);
        o->was = t[3];
    }
    if (name != NULL) {
        snprintf(t[4], sizeof t[4], "%.*s", (int)strcspn(name + 1, "<@"), name + 1);
        o->name = t[4];
    }
    snprintf(t[0], sizeof t[0], "%.*s", (int)strcspn(copy, "=<@"), copy);
    snprintf(t[1], sizeof t[1], "%.20s at job.lua:%u", t[0], id);
    return id;
}

/* A stateful operator. */
static void state_of(struct script *s, const char *text)
{
    s->stages[s->graph.stage_count++] =
        (struct graph_stage){.kind = STAGE_UPDATE, .operator_id = add_operator(s, text)};
}

static void table_of(struct script *s, const char *text)
{
    s->stages[s->graph.stage_count++] =
        (struct graph_stage){.kind = STAGE_TABLE, .operator_id = add_operator(s, text)};
}

static void source_of(struct script *s, const char *text, const char *target)
{
    s->sources[s->graph.source_count++] =
        (struct graph_source){.operator_id = add_operator(s, text), .target = target};
}

static void output_of(struct script *s, const char *text, const char *target)
{
    s->outputs[s->graph.output_count++] = (struct graph_output){
        .kind = OUTPUT_FILES, .operator_id = add_operator(s, text), .target = target};
}

static void begin(struct script *s)
{
    *s = (struct script){.graph = {.operator_count = 0}};
    s->graph.operators = s->operators;
    s->graph.sources = s->sources;
    s->graph.stages = s->stages;
    s->graph.outputs = s->outputs;
}

/* Stateful operators from a text: "a b=name". */
static void states(struct script *s, const char *text)
{
    begin(s);
    while (*text != '\0') {
        char member[64];
        size_t size = strcspn(text, " ");
        snprintf(member, sizeof member, "%.*s", (int)size, text);
        state_of(s, member);
        text += size + (text[size] == ' ');
    }
}

/* A store's record of a script, as it is read back. */
static void record(const struct identity_set *set, struct identity_set *read)
{
    struct buffer b;
    buffer_init(&b, 100000);
    assert_int_equal(identity_set_encode(set, &b), 0);
    assert_int_equal(identity_set_decode((struct slice){b.data, b.size}, read, NULL), 0);
    buffer_deinit(&b);
}

/* What the store has: nothing at first. Each accepted script is recorded. */
struct world {
    struct identity_set store;
    struct identity_set set; /* of the last script that was accepted */
    struct error error;
};

static int start(struct world *w, const struct script *s)
{
    identity_set_deinit(&w->set);
    w->error = (struct error){0};
    int rc = identity_set_of_graph(&s->graph, &w->set, &w->error);
    rc = rc == 0 ? identity_match(&w->store, &w->set, &w->error) : rc;
    if (rc == 0) {
        identity_set_deinit(&w->store);
        record(&w->set, &w->store);
    }
    return rc;
}

static int start_states(struct world *w, const char *text)
{
    struct script s;
    states(&s, text);
    return start(w, &s);
}

/* The numbers of the present stateful operators, in order: "1 2". */
static const char *numbers(const struct world *w, enum identity_category category)
{
    static char text[100];
    size_t size = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < w->set.count; i++) {
        const struct identity *m = &w->set.items[i];
        if (m->category == category && m->is_present) {
            size += (size_t)snprintf(text + size, sizeof text - size, "%s%u%s", size > 0 ? " " : "",
                                     m->number, m->is_new ? "new" : "");
        }
    }
    return text;
}

static void accepted(struct world *w, const char *text, const char *expected)
{
    assert_int_equal(start_states(w, text), 0);
    assert_string_equal(numbers(w, IDENTITY_STATE), expected);
}

static void refused(struct world *w, const char *text, const char *what)
{
    assert_int_equal(start_states(w, text), MILL_EREFUSED);
    if (strstr(w->error.message, what) == NULL) {
        assert_string_equal(w->error.message, what);
    }
}

static int begin_world(void **state)
{
    *state = memory_zero(1, sizeof(struct world));
    return 0;
}

static int end_world(void **state)
{
    struct world *w = *state;
    identity_set_deinit(&w->store);
    identity_set_deinit(&w->set);
    memory_free(w);
    return 0;
}

/* --- identities --- */

static void the_identity_is_the_name_else_kind_and_ordinal(void **state)
{
    struct world *w = *state;
    accepted(w, "update=total update update map_with_state", "1new 2new 3new 4new");
    assert_string_equal(w->set.items[0].identity, "total");
    assert_string_equal(w->set.items[1].identity, "update");
    assert_string_equal(w->set.items[2].identity, "update#2");
    assert_string_equal(w->set.items[3].identity, "map_with_state");
}

static void sources_and_outputs_have_their_target_in_it(void **state)
{
    struct world *w = *state;
    struct script s;
    begin(&s);
    source_of(&s, "text_file_stream", "in");
    source_of(&s, "text_file_stream", "in");
    output_of(&s, "to_files", "out");
    output_of(&s, "to_files", "other");
    assert_int_equal(start(w, &s), 0);
    assert_string_equal(w->set.items[0].identity, "text_file_stream:in");
    assert_string_equal(w->set.items[1].identity, "text_file_stream:in#2");
    assert_string_equal(w->set.items[2].identity, "to_files:out");
    assert_string_equal(w->set.items[3].identity, "to_files:other");
    const struct identity *found = identity_find(&w->set, IDENTITY_OUTPUT, 1);
    assert_ptr_equal(found, &w->set.items[3]);
}

static void tables_keep_nothing_and_have_none(void **state)
{
    struct world *w = *state;
    struct script s;
    begin(&s);
    table_of(&s, "reduce_by_key");
    state_of(&s, "update");
    assert_int_equal(start(w, &s), 0);
    assert_int_equal(w->set.count, 1);
    assert_int_equal(identity_find(&w->set, IDENTITY_STATE, 1)->number, 1);
}

static void two_with_one_identity_are_a_script_error(void **state)
{
    struct world *w = *state;
    assert_int_equal(start_states(w, "update map_with_state=update"), MILL_ESCRIPT);
    assert_non_null(strstr(w->error.message, "update at job.lua:1 and map_with_state at job.lua:2 "
                                             "have one identity, \"update\"; name them"));
}

/* --- keeping --- */

static void the_same_script_keeps_everything(void **state)
{
    struct world *w = *state;
    accepted(w, "update update map_with_state=x", "1new 2new 3new");
    accepted(w, "update update map_with_state=x", "1 2 3");
}

static void a_new_operator_starts_empty(void **state)
{
    struct world *w = *state;
    accepted(w, "update", "1new");
    accepted(w, "update map_with_state", "1 2new");
    accepted(w, "map_with_state=first update map_with_state", "3new 1 2");
}

static void named_operators_may_change_their_order(void **state)
{
    struct world *w = *state;
    accepted(w, "update=a update=b", "1new 2new");
    accepted(w, "update=b update=a", "2 1");
    accepted(w, "update=c@elsewhere update=a update=b", "3new 1 2");
}

static void what_a_name_says_counts_more_than_the_place(void **state)
{
    struct world *w = *state;
    accepted(w, "update=a update", "1new 2new");
    accepted(w, "update update=a", "2 1");
}

/* --- names alone --- */

static void giving_a_name_keeps_the_state(void **state)
{
    struct world *w = *state;
    accepted(w, "update", "1new");
    accepted(w, "update=total", "1");
    accepted(w, "update=sum", "1");
    accepted(w, "update", "1");
}

static void names_are_taken_over_by_place(void **state)
{
    struct world *w = *state;
    accepted(w, "update@a update@b", "1new 2new");
    accepted(w, "update=first@a update=second@b", "1 2");
    accepted(w, "update@a update=second@b", "1 2");
}

static void one_of_several_may_be_named_alone(void **state)
{
    struct world *w = *state;
    accepted(w, "update@a update@b", "1new 2new");
    accepted(w, "update=first@a update@b", "1 2");
}

static void a_name_together_with_other_changes_needs_was(void **state)
{
    struct world *w = *state;
    accepted(w, "update@a", "1new");
    refused(w, "update=total@b", "named(\"NAME\", {was = \"update\"})");
    accepted(w, "update=total<update@b", "1");
    accepted(w, "update=total<update@c", "1");
    accepted(w, "update=total@c map_with_state", "1 2new");
}

/* --- refusals --- */

static void a_change_of_number_is_refused_until_they_are_named(void **state)
{
    struct world *w = *state;
    accepted(w, "update@a update@b", "1new 2new");
    refused(w, "update@a update@b update@c", "several unnamed update, and their number or order");
    refused(w, "update@a", "several unnamed update, and their number or order changed");
    refused(w, "update@a", ":named(\"NAME\", {was = \"update#2\"})  -- was: update at job.lua:2");
    accepted(w, "update=x<update@a update=y<update#2@b update=z@c", "1 2 3new");
}

static void a_change_of_order_is_refused_until_they_are_named(void **state)
{
    struct world *w = *state;
    accepted(w, "update@a update@b", "1new 2new");
    refused(w, "update@b update@a", "number or order changed");
    accepted(w, "update=x<update#2@b update=y<update@a", "2 1");
}

static void a_second_one_beside_an_unnamed_one_is_refused(void **state)
{
    struct world *w = *state;
    accepted(w, "update@a", "1new");
    refused(w, "update@a update@b", "several unnamed update");
    accepted(w, "update@a update=other@b", "1 2new");
}

static void a_removed_one_is_refused_unless_told(void **state)
{
    struct world *w = *state;
    accepted(w, "update=total map_with_state", "1new 2new");
    refused(w, "map_with_state", "the state of \"total\" (update at job.lua:1) is in the store");
    refused(w, "map_with_state", "drop it with --drop-state total");
    refused(w, "map_with_state", "named(\"NAME\", {was = \"total\"})");
}

static void another_kind_under_one_identity_is_refused(void **state)
{
    struct world *w = *state;
    accepted(w, "update=total", "1new");
    refused(w, "map_with_state=total",
            "\"total\" is a update in the store; its state is not that "
            "of a map_with_state");
}

static void a_was_that_never_was_is_refused(void **state)
{
    struct world *w = *state;
    accepted(w, "update@a", "1new");
    refused(w, "update=total<count@b", "the store has no \"count\" that it could be");
}

static void only_one_can_go_on_with_a_state(void **state)
{
    struct world *w = *state;
    accepted(w, "update@a", "1new");
    refused(w, "update=x<update@a update=y<update@b",
            "both go on with what the store has as "
            "\"update\"");
    refused(w, "update@a update=y<update@b", "update at job.lua:1 and update at job.lua:2 both");
}

/* --- sources and outputs --- */

static void targets(struct world *w, const char *source, const char *in, const char *output,
                    const char *out)
{
    struct script s;
    begin(&s);
    source_of(&s, source, in);
    output_of(&s, output, out);
    assert_int_equal(start(w, &s), 0);
}

static void another_target_makes_another_source_or_output(void **state)
{
    struct world *w = *state;
    targets(w, "text_file_stream", "in", "to_files", "out");
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "1new");
    assert_string_equal(numbers(w, IDENTITY_OUTPUT), "2new");
    targets(w, "text_file_stream", "other", "to_files", "out");
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "3new");
    assert_string_equal(numbers(w, IDENTITY_OUTPUT), "2");
    targets(w, "text_file_stream", "other", "to_files", "elsewhere");
    assert_string_equal(numbers(w, IDENTITY_OUTPUT), "4new");
}

static void unless_it_is_named(void **state)
{
    struct world *w = *state;
    targets(w, "text_file_stream=lines", "in", "to_files=words", "out");
    targets(w, "text_file_stream=lines", "other", "to_files=words", "elsewhere");
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "1");
    assert_string_equal(numbers(w, IDENTITY_OUTPUT), "2");
}

static void what_is_gone_keeps_its_number_and_gets_it_back(void **state)
{
    struct world *w = *state;
    targets(w, "text_file_stream", "in", "to_files", "out");
    targets(w, "text_file_stream", "other", "to_files", "out");
    targets(w, "text_file_stream", "in", "to_files", "out");
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "1");
    targets(w, "text_file_stream", "third", "to_files", "out");
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "4new");
}

static void one_name_can_be_a_source_and_an_output(void **state)
{
    struct world *w = *state;
    targets(w, "text_file_stream=words", "in", "to_files=words", "out");
    targets(w, "text_file_stream=words", "in", "to_files=words", "out");
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "1");
    assert_string_equal(numbers(w, IDENTITY_OUTPUT), "2");
}

/* --- storing --- */

static void a_damaged_record_is_told(void **state)
{
    struct world *w = *state;
    accepted(w, "update=a@x map_with_state@y", "1new 2new");
    struct buffer b;
    buffer_init(&b, 100000);
    assert_int_equal(identity_set_encode(&w->set, &b), 0);
    for (size_t size = 0; size < b.size; size++) {
        struct identity_set read;
        struct error e = {0};
        char *cut = exact_copy(b.data, size);
        assert_int_equal(identity_set_decode((struct slice){cut, size}, &read, &e), MILL_ECORRUPT);
        assert_non_null(strstr(e.message, "graph"));
        memory_free(cut);
    }
    struct identity_set read;
    b.data[7] = 9; /* the first one's category */
    assert_int_equal(identity_set_decode((struct slice){b.data, b.size}, &read, NULL),
                     MILL_ECORRUPT);
    buffer_deinit(&b);
    buffer_init(&b, 20);
    assert_int_equal(identity_set_encode(&w->set, &b), MILL_ELIMIT);
    buffer_deinit(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_world, end_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_identity_is_the_name_else_kind_and_ordinal),
        TEST(sources_and_outputs_have_their_target_in_it),
        TEST(tables_keep_nothing_and_have_none),
        TEST(two_with_one_identity_are_a_script_error),
        TEST(the_same_script_keeps_everything),
        TEST(a_new_operator_starts_empty),
        TEST(named_operators_may_change_their_order),
        TEST(what_a_name_says_counts_more_than_the_place),
        TEST(giving_a_name_keeps_the_state),
        TEST(names_are_taken_over_by_place),
        TEST(one_of_several_may_be_named_alone),
        TEST(a_name_together_with_other_changes_needs_was),
        TEST(a_change_of_number_is_refused_until_they_are_named),
        TEST(a_change_of_order_is_refused_until_they_are_named),
        TEST(a_second_one_beside_an_unnamed_one_is_refused),
        TEST(a_removed_one_is_refused_unless_told),
        TEST(another_kind_under_one_identity_is_refused),
        TEST(a_was_that_never_was_is_refused),
        TEST(only_one_can_go_on_with_a_state),
        TEST(another_target_makes_another_source_or_output),
        TEST(unless_it_is_named),
        TEST(what_is_gone_keeps_its_number_and_gets_it_back),
        TEST(one_name_can_be_a_source_and_an_output),
        TEST(a_damaged_record_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: what section 6.3 of the design says of identities, sentence by sentence: what keeps its
 * number, what is new, what is refused and with which lines to paste.
 * Method: little graphs written in one line each, an old one and a new one. */
#include "identity_world.h"

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

static int windows(struct world *w, const char *text, int64_t size_ms, int64_t slide_ms)
{
    struct script s;
    begin(&s);
    windows_of(&s, text, size_ms, slide_ms);
    return start(w, &s);
}

static void windows_of_another_size_cannot_go_on(void **state)
{
    struct world *w = *state;
    assert_int_equal(windows(w, "sliding_count", 100, 10), 0);
    assert_int_equal(windows(w, "sliding_count", 100, 10), 0);
    assert_string_equal(numbers(w, IDENTITY_STATE), "1");
    assert_int_equal(windows(w, "sliding_count", 100, 20), MILL_EREFUSED);
    assert_non_null(strstr(w->error.message, "the windows of \"sliding_count\" are 100 ms every 20 "
                                             "ms now, and were 100 ms every 10 ms in the store"));
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

static void a_source_s_folder_may_be_written_differently(void **state)
{
    struct world *w = *state;
    targets(w, "text_file_stream", "in", "to_files", "out");
    targets(w, "text_file_stream", "./in/", "to_files", "out"); /* by its place */
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "1");
    targets(w, "text_file_stream", ".//in", "to_files", "elsewhere"); /* by its folder */
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "1");
    targets(w, "text_file_stream", "other", "to_files", "elsewhere");
    targets(w, "text_file_stream", "in", "to_files", "out"); /* one that was gone */
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "1");
    targets(w, "text_file_stream", "/in", "to_files", "out");
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "5new");
    struct script s; /* with a name, and another output */
    begin(&s);
    source_of(&s, "text_file_stream=lines", "//in");
    output_of(&s, "to_files", "a");
    assert_int_equal(start(w, &s), MILL_EREFUSED);
    assert_non_null(strstr(w->error.message, "was = \"text_file_stream:/in\""));
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

/* --- several of one kind and target --- */

static int start_files(struct world *w, const char *first, const char *a, const char *second,
                       const char *b)
{
    struct script s;
    begin(&s);
    files_of(&s, first, a);
    if (second != NULL) {
        files_of(&s, second, b);
    }
    return start(w, &s);
}

static void says(const struct world *w, const char *what)
{
    if (strstr(w->error.message, what) == NULL) {
        assert_string_equal(w->error.message, what);
    }
}

static void sources_of_one_folder_may_not_swap(void **state)
{
    struct world *w = *state;
    assert_int_equal(start_files(w, "text", "*.a", "text", "*.b"), 0);
    assert_int_equal(start_files(w, "text", "*.a", "text", "*.b"), 0);
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "1 2");
    assert_int_equal(start_files(w, "text", "*.b", "text", "*.a"), MILL_EREFUSED);
    says(w, "text at job.lua:1: the job has several unnamed text of in, and their number or order");
    says(w, "\n   :named(\"NAME\", {was = \"text:in\"})  -- was: text at job.lua:1, pattern=*.a");
    says(w, "\n   :named(\"NAME\", {was = \"text:in#2\"})  -- was: text at job.lua:2, pattern=*.b");
    assert_int_equal(start_files(w, "text=b<text:in#2", "*.b", "text=a<text:in", "*.a"), 0);
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "2 1");
    assert_int_equal(start_files(w, "text=a", "*.a", "text=b", "*.b"), 0);
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "1 2");
}

static void sources_of_one_folder_may_not_change_their_number(void **state)
{
    struct world *w = *state;
    assert_int_equal(start_files(w, "text", "*.a", NULL, NULL), 0);
    assert_int_equal(start_files(w, "text", "*.b", "text", "*.a"), MILL_EREFUSED);
    assert_int_equal(start_files(w, "text=b", "*.b", "text", "*.a"), 0);
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "2new 1");
    end_world(state);
    begin_world(state);
    w = *state;
    assert_int_equal(start_files(w, "text", "*.a", "text", "*.b"), 0);
    assert_int_equal(start_files(w, "text", "*.b", NULL, NULL), MILL_EREFUSED);
    assert_int_equal(start_files(w, "text=b<text:in#2", "*.b", NULL, NULL), 0);
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "2");
}

static void those_that_come_back_may_not_swap_either(void **state)
{
    struct world *w = *state;
    assert_int_equal(start_files(w, "text", "*.a", "text", "*.b"), 0);
    targets(w, "text", "elsewhere", "to_files", "out");
    assert_int_equal(start_files(w, "text", "*.b", "text", "*.a"), MILL_EREFUSED);
    assert_int_equal(start_files(w, "text", "*.b", NULL, NULL), MILL_EREFUSED);
    assert_int_equal(start_files(w, "text", "*.a", "text", "*.b"), 0);
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "1 2");
}

static void a_single_source_keeps_its_place_with_other_options(void **state)
{
    struct world *w = *state;
    assert_int_equal(start_files(w, "text", "*.a", NULL, NULL), 0);
    assert_int_equal(start_files(w, "text", "*.b", NULL, NULL), 0);
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "1");
}

/* Unlike a stateful operator it would not be missed: its input would be read again. */
static void a_source_named_together_with_other_changes_needs_was(void **state)
{
    struct world *w = *state;
    struct script s;
    assert_int_equal(start_files(w, "text", "*.a", NULL, NULL), 0);
    assert_int_equal(start_files(w, "text=lines", "*.b", NULL, NULL), MILL_EREFUSED);
    says(w, "\n   :named(\"NAME\", {was = \"text:in\"})  -- was: text at job.lua:1");
    assert_int_equal(start_files(w, "text=lines<text:in", "*.b", NULL, NULL), 0);
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "1");
    assert_int_equal(start_files(w, "text=rows", "*.c", NULL, NULL), MILL_EREFUSED);
    begin(&s);
    source_of(&s, "text=rows", "elsewhere");
    assert_int_equal(start(w, &s), 0);
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "2new");
}

static int start_queues(struct world *w, const char *first, const char *second)
{
    struct script s;
    begin(&s);
    source_of(&s, "queue_stream", "");
    source_of(&s, "queue_stream", "");
    s.operators[1].content = first;
    s.operators[2].content = second;
    return start(w, &s);
}

static void queues_are_told_apart_by_what_they_begin_with(void **state)
{
    struct world *w = *state;
    assert_int_equal(start_queues(w, "12ab", "34cd"), 0);
    assert_int_equal(start_queues(w, "34cd", "12ab"), MILL_EREFUSED);
    says(w, "several unnamed queue_stream, and their number or order changed");
    assert_int_equal(start_queues(w, "12ab", "34cd"), 0);
    assert_int_equal(start_queues(w, "34cd", "56ef"), MILL_EREFUSED);
    assert_int_equal(start_queues(w, "12ab", "56ef"), 0);
    assert_int_equal(start_queues(w, "78ab", "90ab"), 0); /* written anew, both */
    assert_int_equal(start_queues(w, "90ab", "90ab"), 0);
    assert_string_equal(numbers(w, IDENTITY_SOURCE), "1 2");
}

/* Whatever is new of the names, functions go on with their own. */
static void functions_in_one_place_are_told_apart_by_their_text(void **state)
{
    struct world *w = *state;
    const char *const texts[][4] = {
        {"update@a", "update@a", "f", "g"},           {"update@a", "update@a", "g", "f"},
        {"update=x@a", "update=y@a", "g", "f"},       {"update=x@a", "update=y@a", "f", "g2"},
        {"update=x@a", "update=y@a", "other", "new"},
    };
    const char *const expected[] = {"1new 2new", NULL, NULL, "1 2", "1 2"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct script s;
        begin(&s);
        state_of(&s, texts[i][0]);
        state_of(&s, texts[i][1]);
        s.operators[1].content = texts[i][2];
        s.operators[2].content = texts[i][3];
        assert_int_equal(start(w, &s), expected[i] == NULL ? MILL_EREFUSED : 0);
        if (expected[i] != NULL) {
            assert_string_equal(numbers(w, IDENTITY_STATE), expected[i]);
        }
    }
}

static int start_outputs(struct world *w, const char *first, const char *second, const char *third)
{
    const char *const outputs[] = {first, second, third};
    struct script s;
    begin(&s);
    for (size_t i = 0; i < 3 && outputs[i] != NULL; i++) {
        output_of(&s, outputs[i], "");
    }
    return start(w, &s);
}

static void batch_functions_may_not_change_number_or_order(void **state)
{
    struct world *w = *state;
    const char *const a = "for_each_batch@map";
    const char *const b = "for_each_batch@count";
    assert_int_equal(start_outputs(w, a, b, NULL), 0);
    assert_int_equal(start_outputs(w, b, a, NULL), MILL_EREFUSED);
    says(w, "several unnamed for_each_batch, and");
    says(w,
         "\n   :named(\"NAME\", {was = \"for_each_batch#2\"})  -- was: for_each_batch at job.lua");
    assert_int_equal(start_outputs(w, a, NULL, NULL), MILL_EREFUSED);
    assert_int_equal(start_outputs(w, a, b, b), MILL_EREFUSED);
    assert_int_equal(start_outputs(w, a, b, "to_files"), 0);
    assert_string_equal(numbers(w, IDENTITY_OUTPUT), "1 2 3new");
}

static void prints_may(void **state)
{
    struct world *w = *state;
    assert_int_equal(start_outputs(w, "print@map", "print@count", NULL), 0);
    assert_int_equal(start_outputs(w, "print@count", "print@map", "print"), 0);
    assert_int_equal(start_outputs(w, "print@map", NULL, NULL), 0);
    assert_string_equal(numbers(w, IDENTITY_OUTPUT), "1");
}

/* --- numbers --- */

static void when_all_numbers_are_given_those_that_were_forgotten_are_left(void **state)
{
    struct world *w = *state;
    accepted(w, "update=a map=b", "1new 2new");
    w->store.next_number = LIMIT_NUMBERS_MAX;
    accepted(w, "update=a map=b count=c", "1 2 32766new");
    assert_int_equal(w->store.next_number, LIMIT_NUMBERS_MAX + 1);
    identity_set_remove(&w->store, 0);
    accepted(w, "map=b count=c sum=d", "2 32766 1new");
    accepted(w, "map=b count=c sum=d top=e", "2 32766 1 3new");
}

static void the_dead_letters_number_is_never_given(void **state)
{
    struct world *w = *state;
    struct script s;
    for (uint32_t i = 1; i <= LIMIT_NUMBERS_MAX; i++) {
        struct identity *m = identity_set_add(&w->store);
        m->category = IDENTITY_OUTPUT;
        m->number = (uint16_t)i;
        m->identity = text_format("to_files:%u", i);
        m->kind = memory_text("to_files");
        m->target = memory_text("");
        m->detail = memory_text("");
        m->place = memory_text("");
        m->line = memory_text("");
        m->content = memory_text("");
    }
    w->store.next_number = LIMIT_NUMBERS_MAX + 1;
    begin(&s);
    output_of(&s, "to_files", "7");
    output_of(&s, "to_files", "new");
    assert_int_equal(start(w, &s), MILL_EREFUSED);
    says(w, "to_files at job.lua:2: the store has known 32766 sources, operators and outputs");
    says(w, "start over with --fresh");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
        TEST(windows_of_another_size_cannot_go_on),
        TEST(another_target_makes_another_source_or_output),
        TEST(a_source_s_folder_may_be_written_differently),
        TEST(unless_it_is_named),
        TEST(what_is_gone_keeps_its_number_and_gets_it_back),
        TEST(one_name_can_be_a_source_and_an_output),
        TEST(sources_of_one_folder_may_not_swap),
        TEST(sources_of_one_folder_may_not_change_their_number),
        TEST(those_that_come_back_may_not_swap_either),
        TEST(a_single_source_keeps_its_place_with_other_options),
        TEST(a_source_named_together_with_other_changes_needs_was),
        TEST(queues_are_told_apart_by_what_they_begin_with),
        TEST(functions_in_one_place_are_told_apart_by_their_text),
        TEST(batch_functions_may_not_change_number_or_order),
        TEST(prints_may),
        TEST(when_all_numbers_are_given_those_that_were_forgotten_are_left),
        TEST(the_dead_letters_number_is_never_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: a decision is found by its kind and name only, a path whatever slashes end it, and each
 * option has its words. Method: a list of each kind. */
#include "base/choices.h"
#include "testing.h"

static void every_option_is_found_by_its_text(void **state)
{
    (void)state;
    for (enum choice_kind kind = 0; kind < CHOICE_COUNT; kind++) {
        assert_int_equal(choice_of_option(choice_option(kind)), kind);
        assert_int_equal(choice_option(kind)[0], '-');
        assert_int_not_equal(choice_idle(kind)[0], '\0');
    }
    assert_int_equal(choice_of_option("--fresh"), CHOICE_COUNT);
    assert_int_equal(choice_of_option(""), CHOICE_COUNT);
}

static void a_choice_is_about_one_name(void **state)
{
    (void)state;
    struct choice items[] = {{CHOICE_DROP_STATE, "a", false}, {CHOICE_DROP_OUTPUT, "b", false}};
    struct choices list = {items, 2};
    assert_ptr_equal(choices_find(&list, CHOICE_DROP_STATE, "a"), &items[0]);
    assert_ptr_equal(choices_find(&list, CHOICE_DROP_OUTPUT, "b"), &items[1]);
    assert_null(choices_find(&list, CHOICE_DROP_STATE, "b"));
    assert_null(choices_find(&list, CHOICE_DROP_STATE, "a/"));
    assert_null(choices_find(NULL, CHOICE_DROP_STATE, "a"));
}

static void slashes_at_the_end_make_no_other_path(void **state)
{
    (void)state;
    struct choice items[] = {{CHOICE_ADOPT, "out//", false}, {CHOICE_ADOPT, "/", false}};
    struct choices list = {items, 2};
    assert_ptr_equal(choices_find_path(&list, CHOICE_ADOPT, "out"), &items[0]);
    assert_ptr_equal(choices_find_path(&list, CHOICE_ADOPT, "//"), &items[1]);
    assert_null(choices_find_path(&list, CHOICE_ADOPT, "ou"));
    assert_null(choices_find_path(&list, CHOICE_ADOPT, "out/in"));
    assert_false(choices_take_path(&list, CHOICE_REREAD, "out"));
    assert_false(items[0].is_taken);
    assert_true(choices_take_path(&list, CHOICE_ADOPT, "out/"));
    assert_true(items[0].is_taken);
    assert_false(items[1].is_taken);
}

static void a_name_that_nothing_has_is_refused_with_what_there_is(void **state)
{
    (void)state;
    const struct choice c = {CHOICE_DROP_STATE, "x", false};
    struct error e;
    struct buffer names;
    buffer_init(&names, 10);
    assert_int_equal(choice_refuse(&c, "state", &names, &e), MILL_EINVAL);
    assert_string_equal(e.message, "--drop-state x: there is no such state, nor any other");
    buffer_init(&names, 10);
    choice_add_name(&names, "one");
    choice_add_name(&names, "two");
    choice_add_name(&names, "three");
    choice_add_name(&names, "4");
    choice_refuse(&c, "state", &names, &e);
    assert_string_equal(e.message,
                        "--drop-state x: there is no such state; there is: one, two, and more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_found_by_its_text),
        cmocka_unit_test(a_choice_is_about_one_name),
        cmocka_unit_test(a_name_that_nothing_has_is_refused_with_what_there_is),
        cmocka_unit_test(slashes_at_the_end_make_no_other_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

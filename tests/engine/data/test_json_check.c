/* Goal: a text passes exactly when it is JSON.
 * Method: cases written from RFC 8259; texts changed by chance, which the tests' own grammar
 * (json_grammar.h) judges too; depth at its limit. */
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "data/json_check.h"
#include "json_grammar.h"
#include "testing.h"

static const char *check_text(const char *text, size_t size, size_t *at)
{
    char *exact = exact_copy(text, size);
    const char *wrong = json_check((struct slice){exact, size}, at);
    memory_free(exact);
    return wrong;
}

static void passes(const char *text)
{
    size_t at = 0;
    assert_null(check_text(text, strlen(text), &at));
}

static void fails(const char *text, const char *why, size_t where)
{
    size_t at = 0;
    const char *wrong = check_text(text, strlen(text), &at);
    assert_non_null(wrong);
    assert_string_equal(wrong, why);
    assert_int_equal(at, where);
}

static void values_of_every_kind_pass(void **state)
{
    (void)state;
    const char *good[] = {
        "{}",
        "[]",
        " [ ] ",
        "null",
        "true",
        "false",
        "0",
        "-1.5e-3",
        "\"\"",
        "\"\\u00e9\\ud83d\\ude00\"",
        "{\"a\":{\"b\":[1,2,{}]},\"a\":null}",
        "\t\r\n {\"\" : [ [ ] , \"x\" ] } \n",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
        "\"\x7f\"",
        "[1e1,1E+1,1E-1]",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        passes(good[i]);
    }
}

static void others_fail_with_a_reason_and_a_place(void **state)
{
    (void)state;
    fails("", "it is empty", 0);
    fails(" ", "it ends too early", 1);
    fails("[1", "it ends too early", 2);
    fails("[1,", "it ends too early", 3);
    fails("[1,]", "no value", 3);
    fails("[,1]", "no value", 1);
    fails("[1 2]", "neither , nor ] behind an element", 3);
    fails("[1}", "neither , nor ] behind an element", 2);
    fails("{\"a\":1", "it ends too early", 6);
    fails("{\"a\" 1}", "no : behind a name", 5);
    fails("{\"a\":}", "no value", 5);
    fails("{\"a\":1,}", "a member without a name", 7);
    fails("{a:1}", "a member without a name", 1);
    fails("{1:1}", "a member without a name", 1);
    fails("{\"a\":1 \"b\":2}", "neither , nor } behind a member", 7);
    fails("{} {}", "something behind the value", 3);
    fails("1 2", "something behind the value", 2);
    fails("nul", "no value", 0);
    fails("True", "no value", 0);
    fails("NaN", "no value", 0);
    fails("-", "no value", 0);
    fails("01", "something behind the value", 1);
    fails("1e400", "a number that is too large", 0);
    fails("\"a", "it ends too early", 2);
    fails("\"\\x\"", "a wrong escape", 2);
    fails("\"\\u12\"", "a wrong escape", 5);
    fails("\"\\ud83d\"", "half of a surrogate pair", 7);
    fails("\"\\ud83d\\u0041\"", "half of a surrogate pair", 13);
    fails("\"\\ude00\"", "half of a surrogate pair", 7);
    fails("\"a\nb\"", "a control character in a string", 2);
    fails("\"\x1f\"", "a control character in a string", 1);
    fails("'a'", "no value", 0);
    fails("[1]//", "something behind the value", 3);
    fails("\"\xff\"", "invalid UTF-8", 0);
    fails("\xef\xbb\xbf{}", "no value", 0);
}

static void nesting_ends_at_its_limit(void **state)
{
    (void)state;
    char text[2 * LIMIT_JSON_DEPTH_MAX + 3];
    memset(text, '[', sizeof text);
    memset(text + LIMIT_JSON_DEPTH_MAX, ']', LIMIT_JSON_DEPTH_MAX);
    text[(size_t)2 * LIMIT_JSON_DEPTH_MAX] = '\0';
    passes(text);
    memset(text, '[', sizeof text);
    text[LIMIT_JSON_DEPTH_MAX + 1] = '\0';
    fails(text, "nested deeper than 64", LIMIT_JSON_DEPTH_MAX);
}

static void a_changed_text_is_judged_as_the_grammar_does(void **state)
{
    (void)state;
    static const char start[] =
        "{\"a\":[1,-2.5e3,true,{\"b\":null}],\"\\u00e9\":\"x\\\"y\",\"c\":{\"d\":[]}}";
    struct chance c = {4};
    for (uint32_t i = 0; i < rounds(50000); i++) {
        char text[sizeof start];
        memcpy(text, start, sizeof start);
        size_t size = sizeof start - 1;
        for (uint32_t k = chance_below(&c, 3) + 1; k > 0; k--) {
            text[chance_below(&c, (uint32_t)size)] = chance_of(&c, "{}[]:,\"\\truenlfas0123.-+eEu");
        }
        size -= chance_below(&c, 8) == 0 ? chance_below(&c, (uint32_t)size) : 0;
        size_t at = 0;
        const char *wrong = check_text(text, size, &at);
        bool is_strict_only = wrong != NULL && (strstr(wrong, "surrogate") != NULL ||
                                                strstr(wrong, "too large") != NULL);
        if (!is_strict_only) {
            assert_int_equal(wrong == NULL, is_json(text, size));
        }
    }
}

static const char whole[] =
    "{\"a\":[1,-2.5e3,true,{\"b\":null}],\"\\u00e9\":\"x\\\"\\ud83d\\ude00\"}";

static void a_text_cut_anywhere_fails(void **state)
{
    (void)state;
    passes(whole);
    for (size_t size = 0; size < sizeof whole - 1; size++) {
        size_t at = 0;
        assert_non_null(check_text(whole, size, &at));
        assert_true(at <= size);
    }
}

static void a_byte_that_is_not_utf8_fails_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof whole - 1; i++) {
        for (unsigned byte = 0x80; byte < 0x100; byte++) {
            char text[sizeof whole];
            memcpy(text, whole, sizeof whole);
            text[i] = (char)byte;
            size_t at = 0;
            assert_non_null(check_text(text, sizeof whole - 1, &at));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_kind_pass),
        cmocka_unit_test(others_fail_with_a_reason_and_a_place),
        cmocka_unit_test(nesting_ends_at_its_limit),
        cmocka_unit_test(a_changed_text_is_judged_as_the_grammar_does),
        cmocka_unit_test(a_text_cut_anywhere_fails),
        cmocka_unit_test(a_byte_that_is_not_utf8_fails_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: a line matches a pattern when its texts stand in it, and the fields are what is between.
 * Method: examples; for random patterns and lines, a plain matcher that knows no shortcut. */
#include <stdio.h>
#include <string.h>

#include "base/ffi.h"
#include "base/limits.h"
#include "base/memory.h"
#include "data/pattern.h"
#include "testing.h"

static struct pattern *compile(const char *text)
{
    struct pattern *p = NULL;
    struct error e = {0};
    if (pattern_compile(text, strlen(text), &p, &e) != 0) {
        fail_msg("%s: %s", text, e.message);
    }
    return p;
}

static void is_refused(const char *text, const char *because)
{
    struct pattern *p = NULL;
    struct error e = {0};
    assert_int_equal(pattern_compile(text, strlen(text), &p, &e), MILL_EINVAL);
    assert_string_equal(e.message, because);
    assert_null(p);
}

/* @param expected  the fields with | between them */
static void matches(const char *text, const char *line, const char *expected)
{
    struct pattern *p = compile(text);
    struct slice values[LIMIT_PATTERN_FIELDS_MAX];
    size_t stopped = 0;
    struct slice wanted = {0};
    uint32_t count = 0;
    (void)pattern_fields(p, &count);
    char *exact = exact_copy(line, strlen(line));
    assert_true(pattern_match(p, (struct slice){exact, strlen(line)}, values, &stopped, &wanted));
    char shown[256] = "";
    for (uint32_t i = 0; i < count; i++) {
        strncat(shown, i == 0 ? "" : "|", 2);
        strncat(shown, values[i].data, values[i].size);
    }
    assert_string_equal(shown, expected);
    memory_free(exact);
    pattern_destroy(p);
}

static void stops(const char *text, const char *line, size_t at, const char *at_text)
{
    struct pattern *p = compile(text);
    struct slice values[LIMIT_PATTERN_FIELDS_MAX];
    size_t stopped = 0;
    struct slice wanted = {0};
    char *exact = exact_copy(line, strlen(line));
    assert_false(pattern_match(p, (struct slice){exact, strlen(line)}, values, &stopped, &wanted));
    assert_int_equal(stopped, at);
    assert_true(slice_is(wanted, at_text));
    memory_free(exact);
    pattern_destroy(p);
}

static void fields_are_what_is_between_the_texts(void **state)
{
    (void)state;
    matches("<ip> - - [<time>] \"<method> <path> <_>\" <status> <bytes>",
            "1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] \"GET /a HTTP/1.0\" 200 2326",
            "1.2.3.4|10/Oct/2000:13:55:36 -0700|GET|/a|200|2326");
    matches("<a>", "anything at all", "anything at all");
    matches("<a>", "", "");
    matches("<a>,<b>", ",", "|");
    matches("<a>,<b>", "x,y,z", "x|y,z");
    matches("x<a>", "xy", "y");
    matches("(<a>)", "(b)", "b");
    matches("<a> end", "an end end", "an end");
    matches("<a-b.c_9>", "v", "v");
    matches("<a>><<<b>", "1><2", "1|2");
    matches("<_> <_> <a>", "1 2 3", "3");
}

static void types_stand_behind_names(void **state)
{
    (void)state;
    struct pattern *p = compile("<a> <b:number> <c:time> <d:string> <_> <e:boolean>");
    uint32_t count = 0;
    const struct field *fields = pattern_fields(p, &count);
    static const enum field_type types[] = {FIELD_STRING, FIELD_NUMBER, FIELD_TIME, FIELD_STRING,
                                            FIELD_BOOLEAN};
    assert_int_equal(count, 5);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(fields[i].type, types[i]);
        assert_int_equal(fields[i].name.data[0], 'a' + (int)i);
        assert_int_equal(fields[i].name.size, 1);
    }
    pattern_destroy(p);
}

static void a_line_that_does_not_match_says_where(void **state)
{
    (void)state;
    stops("x<a>", "yx", 0, "x");
    stops("x<a>", "", 0, "x");
    stops("<a> - <b>", "1 + 2", 0, " - ");
    stops("<a>,<b>;<c>", "1,2,3", 2, ";");
    stops("<a>,<b> end", "1,2 end.", 2, " end");
    stops("<a> end", "en", 0, " end");
}

static void a_wrong_pattern_says_where(void **state)
{
    (void)state;
    is_refused("", "the pattern has no field with a name");
    is_refused("text", "the pattern has no field with a name");
    is_refused("<_>", "the pattern has no field with a name");
    is_refused("a <b", "at byte 3 of the pattern: a field has no >; write << for a <");
    is_refused("<a><b>", "at byte 4 of the pattern: two fields need text between them");
    is_refused("<a> <a>", "at byte 6 of the pattern: two fields of one name");
    is_refused("<>", "at byte 2 of the pattern: a name is of A-Z a-z 0-9 _ - and '.'");
    is_refused("<a b>", "at byte 2 of the pattern: a name is of A-Z a-z 0-9 _ - and '.'");
    is_refused("<a:int>", "at byte 4 of the pattern: a type is string, number, boolean or time");
    is_refused("<a:>", "at byte 4 of the pattern: a type is string, number, boolean or time");
    is_refused("<<a>", "the pattern has no field with a name");
    is_refused("<_:number>", "at byte 4 of the pattern: <_> takes bytes of no type");
}

static void a_pattern_has_at_most_64_fields(void **state)
{
    (void)state;
    char text[1024];
    size_t size = 0;
    for (int i = 0; i < LIMIT_PATTERN_FIELDS_MAX; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "<f%02d> ", i);
    }
    struct pattern *p = compile(text);
    uint32_t count = 0;
    (void)pattern_fields(p, &count);
    assert_int_equal(count, LIMIT_PATTERN_FIELDS_MAX);
    pattern_destroy(p);
    snprintf(text + size, sizeof text - size, "<f64>");
    is_refused(text, "at byte 385 of the pattern: more than 64 fields");
}

static void a_script_can_ask_whether_it_is_one(void **state)
{
    (void)state;
    char message[16];
    assert_true(mill_pattern_check("<a>", 3, message, sizeof message));
    assert_false(mill_pattern_check("<a", 2, message, sizeof message));
    assert_string_equal(message, "at byte 1 of th");
}

/* The rule in its plain form: each text at its first place behind the one before, the last at the
 * end. Texts are one byte here. */
static bool plain_match(const char *separators, size_t count, const char *line, size_t size,
                        size_t *ends)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count;
        size_t stop = at;
        while (stop < size && (line[stop] != separators[i] || (is_last && stop + 1 < size))) {
            stop++;
        }
        if (stop == size) {
            return false;
        }
        ends[i] = stop;
        at = stop + 1;
    }
    return true;
}

static void random_lines_match_as_the_rule_says(void **state)
{
    (void)state;
    struct chance c = {17};
    uint32_t matched = 0;
    for (uint32_t round = 0; round < rounds(20000); round++) {
        char separators[4];
        char text[64] = "";
        size_t count = 1 + chance_below(&c, 4);
        size_t text_size = 0;
        for (size_t i = 0; i < count; i++) {
            separators[i] = chance_of(&c, ",;");
            text_size += (size_t)snprintf(text + text_size, sizeof text - text_size, "<f%zu>%c", i,
                                          separators[i]);
        }
        char line[12];
        size_t size = chance_below(&c, sizeof line);
        for (size_t i = 0; i < size; i++) {
            line[i] = chance_of(&c, "a,;");
        }
        struct pattern *p = compile(text);
        struct slice values[4];
        size_t ends[4];
        size_t stopped = 0;
        struct slice wanted;
        char *exact = exact_copy(line, size);
        bool is_match = pattern_match(p, (struct slice){exact, size}, values, &stopped, &wanted);
        assert_int_equal(is_match, plain_match(separators, count, line, size, ends));
        for (size_t i = 0; is_match && i < count; i++) {
            assert_int_equal(values[i].data + values[i].size - exact, ends[i]);
        }
        matched += is_match;
        memory_free(exact);
        pattern_destroy(p);
    }
    assert_true(matched > rounds(20000) / 20);
}

static void random_patterns_compile_or_say_why_not(void **state)
{
    (void)state;
    struct chance c = {18};
    for (uint32_t round = 0; round < rounds(20000); round++) {
        char text[24];
        size_t size = chance_below(&c, sizeof text);
        for (size_t i = 0; i < size; i++) {
            text[i] = chance_of(&c, "<<>>ab:_ \xff");
        }
        char *exact = exact_copy(text, size);
        struct pattern *p = NULL;
        struct error e = {0};
        int rc = pattern_compile(exact, size, &p, &e);
        assert_true(rc == 0 ? p != NULL : e.message[0] != '\0');
        pattern_destroy(p);
        memory_free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_what_is_between_the_texts),
        cmocka_unit_test(types_stand_behind_names),
        cmocka_unit_test(a_line_that_does_not_match_says_where),
        cmocka_unit_test(a_wrong_pattern_says_where),
        cmocka_unit_test(a_pattern_has_at_most_64_fields),
        cmocka_unit_test(a_script_can_ask_whether_it_is_one),
        cmocka_unit_test(random_lines_match_as_the_rule_says),
        cmocka_unit_test(random_patterns_compile_or_say_why_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

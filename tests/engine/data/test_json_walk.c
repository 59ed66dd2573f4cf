/* Goal: a line passes when its structure is JSON's, and the first member of each wanted name is
 * found, wherever it stands.
 * Method: lines of all kinds, one after the other through one walk, so that each meets the places
 * of others; lines cut, changed and made by chance against the other opinions of json_shape.h, with
 * several bytes behind them. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "data/json_check.h"
#include "data/json_walk.h"
#include "json_shape.h"
#include "testing.h"

static const struct slice wanted[] = {{"a", 1}, {"name", 4}, {"\xc3\xa9", 2}};
enum { WANTED = 3 };

struct walking {
    struct json_walk *walk;
    struct slice tokens[LIMIT_FIELDS_MAX];
    char *line; /* padded copy */
};

static int begin(void **state)
{
    struct walking *w = memory_zero(1, sizeof *w);
    w->walk = json_walk_create();
    json_walk_want(w->walk, wanted, WANTED);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct walking *w = *state;
    json_walk_destroy(w->walk);
    memory_free(w->line);
    memory_free(w);
    return 0;
}

static const char *walk_bytes(struct walking *w, const char *text, size_t size)
{
    memory_free(w->line);
    w->line = memory_alloc(size + LIMIT_TEXT_PADDING);
    memcpy(w->line, text, size);
    memset(w->line + size, '"', LIMIT_TEXT_PADDING);
    return json_walk_line(w->walk, (struct slice){w->line, size}, w->tokens);
}

static const char *walk(struct walking *w, const char *text)
{
    return walk_bytes(w, text, strlen(text));
}

static void finds(struct walking *w, const char *text, const char *a, const char *name,
                  const char *e)
{
    assert_null(walk(w, text));
    const char *meant[] = {a, name, e};
    for (uint32_t i = 0; i < WANTED; i++) {
        if (meant[i] == NULL) {
            assert_null(w->tokens[i].data);
        } else {
            assert_int_equal(w->tokens[i].size, strlen(meant[i]));
            assert_memory_equal(w->tokens[i].data, meant[i], strlen(meant[i]));
        }
    }
}

static void values_are_found_by_name(void **state)
{
    struct walking *w = *state;
    finds(w, "{}", NULL, NULL, NULL);
    finds(w, "{\"a\":1,\"name\":\"x\"}", "1", "\"x\"", NULL);
    finds(w, "{\"a\":2,\"name\":\"y\"}", "2", "\"y\"", NULL);
    finds(w, "{\"name\":null,\"a\":true}", "true", "null", NULL);
    finds(w, "{\"b\":0,\"nam\":1,\"names\":2,\"A\":3}", NULL, NULL, NULL);
    finds(w, " { \"a\" : 1 , \"name\" : \"x\" } \t\r", "1", "\"x\"", NULL);
    finds(w, "{\"a\":{\"a\":[1, 2 ]} ,\"name\":[ ]}", "{\"a\":[1, 2 ]}", "[ ]", NULL);
    finds(w, "{\"\\u0061\":1,\"n\\u0061me\":2,\"\\u00e9\":3}", "1", "2", "3");
    finds(w, "{\"\xc3\xa9\":\"\xc3\xa9\"}", NULL, NULL, "\"\xc3\xa9\"");
    finds(w, "{\"x\":\"a\\\"b\",\"a\":\"c\\\\\"}", "\"c\\\\\"", NULL, NULL);
}

static void the_first_of_one_name_counts(void **state)
{
    struct walking *w = *state;
    finds(w, "{\"a\":1,\"a\":2,\"\\u0061\":3}", "1", NULL, NULL);
    finds(w, "{\"\\u0061\":3,\"a\":2}", "3", NULL, NULL);
}

static void spelling_is_not_checked(void **state)
{
    struct walking *w = *state;
    finds(w, "{\"a\":tru,\"name\":1e999,\"b\":01x}", "tru", "1e999", NULL);
    finds(w, "{\"a\":\"\\x\",\"b\":[nul,{\"c\":--}]}", "\"\\x\"", NULL, NULL);
}

static void fails(struct walking *w, const char *text, const char *why)
{
    const char *reason = walk(w, text);
    assert_non_null(reason);
    assert_string_equal(reason, why);
    finds(w, "{\"a\":1,\"name\":\"x\"}", "1", "\"x\"", NULL); /* the next is as before */
}

static void what_is_no_object_says_what_it_is(void **state)
{
    struct walking *w = *state;
    fails(w, "[1,2]", "a record is a JSON object, not an array");
    fails(w, "\"a\"", "a record is a JSON object, not a string");
    fails(w, " 12", "a record is a JSON object, not a number");
    fails(w, "-1", "a record is a JSON object, not a number");
    fails(w, "true", "a record is a JSON object, not a boolean");
    fails(w, "null", "a record is a JSON object, not null");
}

static void each_break_of_the_structure_is_found(void **state)
{
    struct walking *w = *state;
    const char *wrong[] = {
        "{",
        "}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{\"a\" 1}",
        "{\"a\":1 2}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":,\"b\":1}",
        "{\"a\":}",
        "{a:1}",
        "{1:1}",
        "{\"a\"::1}",
        "{\"a\":1,,\"b\":2}",
        "{\"a\":\"x\":1}",
        "{\"a\":\"x\" \"y\"}",
        "{\"a\":\"x\"y}",
        "{\"a\":1}}",
        "{\"a\":1}]",
        "{\"a\":1} 2",
        "{\"a\":1}{\"a\":2}",
        "{\"a\":[1}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":[1:2]}",
        "{\"a\":[\"x\":1]}",
        "{\"a\":{\"b\"}}",
        "{\"a\":{\"b\":1]}",
        "{\"a\":{\"b\" 1}}",
        "{\"a\":{\"b\":1,}}",
        "{\"a\":{1:2}}",
        "{\"a\":[{]}",
        "{\"a\":[}]}",
        "{\"b\":[[1,[2}]]}",
        "{\"a\":'x'}",
        "{\"a\":/1}",
        "{/**/}",
        "{\"b\":[{\"c\":[1 2]}]}",
        "x",
        "{\"b\":{\"c\":}}",
        "\"a\":1}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_non_null(walk(w, wrong[i]));
        finds(w, "{\"a\":1,\"name\":\"x\"}", "1", "\"x\"", NULL);
    }
}

static void bytes_that_strings_cannot_have_are_found(void **state)
{
    struct walking *w = *state;
    fails(w, "{\"a\":\"\xff\"}", "invalid UTF-8");
    fails(w, "{\"b\":{\"c\":[\"\xc3\"]}}", "invalid UTF-8");
    fails(w, "{\"a\":\"x\ty\"}", "a control character in a string");
    fails(w, "{\"a\":\"x}", "a string that does not end");
    fails(w, "{\"a\":1,\"b\":2 \"c\":3}", "no JSON, near byte 11");
    fails(w, "{\"a\":1} x", "it does not end with }");
    fails(w, "{\"a\":1} {}", "something behind the record, near byte 8");
    assert_non_null(walk_bytes(w, "{\"a\":\"\0\"}", 9));
    assert_non_null(walk_bytes(w, "{\"a\":\0}", 7));
}

/* {"a":[[...]]} with so many containers, the record among them. */
static char *nested(size_t depth)
{
    char *text = memory_zero(2 * depth + 10, 1);
    memcpy(text, "{\"a\":", 5);
    memset(text + 5, '[', depth - 1);
    memset(text + 4 + depth, ']', depth - 1);
    text[3 + 2 * depth] = '}';
    return text;
}

static void nesting_ends_at_its_limit(void **state)
{
    struct walking *w = *state;
    char *text = nested(LIMIT_JSON_DEPTH_MAX);
    assert_null(walk(w, text));
    memory_free(text);
    const size_t deeper[] = {LIMIT_JSON_DEPTH_MAX + 1, 1000, 100000};
    for (size_t i = 0; i < sizeof deeper / sizeof *deeper; i++) {
        text = nested(deeper[i]);
        const char *reason = walk(w, text);
        assert_non_null(reason);
        assert_memory_equal(reason, "nested deeper than 64", 21);
        memory_free(text);
    }
}

static void long_names_are_not_taken_for_others(void **state)
{
    struct walking *w = *state;
    char name[200];
    memset(name, 'n', sizeof name);
    for (size_t size = 40; size < sizeof name; size += 1) {
        struct slice names[] = {{name, size}};
        char line[300];
        json_walk_want(w->walk, names, 1);
        for (int longer = -1; longer <= 1; longer++) {
            int n = snprintf(line, sizeof line, "{\"%.*s\":1}", (int)size + longer, name);
            assert_null(walk_bytes(w, line, (size_t)n));
            assert_int_equal(w->tokens[0].data != NULL, longer == 0);
        }
    }
}

static void more_members_than_places_are_found(void **state)
{
    struct walking *w = *state;
    char line[4000] = "{";
    for (int i = 0; i < 200; i++) {
        snprintf(line + strlen(line), 30, "\"m%d\":%d,", i, i);
    }
    snprintf(line + strlen(line), 30, "\"name\":7}");
    for (int i = 0; i < 3; i++) {
        finds(w, line, NULL, "7", NULL);
    }
}

static void a_long_line_is_read_and_its_memory_goes(void **state)
{
    struct walking *w = *state;
    size_t size = 10 * MIB;
    char *text = memory_alloc(size);
    memset(text, 'x', size);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + size - 2, "\"}", 2);
    assert_null(walk_bytes(w, text, size));
    assert_int_equal(w->tokens[0].size, size - 6);
    memory_free(text);
    finds(w, "{\"a\":1}", "1", NULL, NULL);
}

/* --- other opinions --- */

static void agrees(struct walking *w, const char *text, size_t size)
{
    const char *differs = json_walk_differs(w->walk, wanted, WANTED, text, size);
    if (differs != NULL) {
        fail_msg("%s: %.*s", differs, (int)size, text);
    }
}

static void what_is_json_passes_and_what_fails_is_none(void **state)
{
    struct walking *w = *state;
    static const char start[] =
        "{\"a\":[1,-2.5e3,true,{\"b\":null}],\"\\u00e9\":\"x\\\"y\",\"name\":{\"d\":[]},\"n\":0}";
    struct chance c = {6};
    uint32_t passed = 0;
    for (uint32_t i = 0; i < rounds(100000); i++) {
        char text[sizeof start];
        memcpy(text, start, sizeof start);
        size_t size = sizeof start - 1;
        for (uint32_t k = chance_below(&c, 4); k > 0; k--) {
            text[1 + chance_below(&c, (uint32_t)size - 1)] =
                chance_of(&c, "{}[]:,\"\\truenlfas0123.-+eEu ");
        }
        size -= chance_below(&c, 8) == 0 ? chance_below(&c, (uint32_t)size) : 0;
        size_t at = 0;
        bool is_good = size > 0 && json_check((struct slice){text, size}, &at) == NULL;
        bool is_taken = walk_bytes(w, text, size) == NULL;
        assert_true(is_taken || !is_good);
        agrees(w, text, size);
        passed += is_good;
    }
    assert_true(passed > 1000);
}

/* --- lines of one text --- */

static void same_in_text(struct walking *w, const char *text, size_t size)
{
    struct json_walk *alone = json_walk_create();
    json_walk_want(alone, wanted, WANTED);
    const char *differs = json_walk_text_differs(w->walk, alone, WANTED, text, size);
    json_walk_destroy(alone);
    if (differs != NULL) {
        fail_msg("%s: %.*s", differs, (int)size, text);
    }
}

/* What one line leaves open, the next may close, and what is left off at the end of a text. */
static void lines_of_a_text_are_judged_alone(void **state)
{
    struct walking *w = *state;
    const char *lines[] = {"{\"a\":1}",
                           "{\"a\":{}",
                           "}",
                           "{\"a\":1} x",
                           "{\"a\":1}{}",
                           "{\"a\":1",
                           "{\"a\":[1",
                           "],\"name\":2}",
                           "{\"a\":\"x",
                           "\":1}",
                           "\\",
                           "{\"a\":1}\\",
                           " \t",
                           "  {\"name\":3}\r",
                           "[",
                           "",
                           "{\"a\":\"\xff\"}",
                           "{\"x\"",
                           "[[],\"a\"",
                           ":"};
    enum { LINES = sizeof lines / sizeof *lines };
    for (size_t i = 0; i < (size_t)LINES * LINES * LINES; i++) {
        char text[200];
        int n = snprintf(text, sizeof text, "%s\n%s\n%s\n%s", lines[i % LINES],
                         lines[i / LINES % LINES], lines[i / LINES / LINES],
                         i % 2 == 0 ? "" : "{\"a\":4}\n");
        same_in_text(w, text, (size_t)n);
    }
}

static void texts_by_chance_are_judged_line_by_line(void **state)
{
    struct walking *w = *state;
    static const char *good[] = {"{\"a\":\"the tide turns the mill\",\"name\":[{\"a\":1}],\"b\":2}",
                                 "{\"b\":\"\\\\\",\"a\":-1.5e3, \"\\u00e9\":\"x\\\"y\"}", " {} \r",
                                 "{\"name\":{\"d\":[[]]},\"\xc3\xa9\":\"\xc3\xa9\"}"};
    enum { TEXT_BYTES = 150000 };
    char *text = memory_alloc(TEXT_BYTES + 200);
    struct chance c = {9};
    for (uint32_t i = 0; i < rounds(300); i++) {
        uint32_t bad =
            chance_below(&c, 4) == 0 ? 0 : 1 + chance_below(&c, 200); /* one in so many */
        size_t size = 0, wanted_size = chance_below(&c, TEXT_BYTES);
        while (size < wanted_size) {
            const char *line = good[chance_below(&c, sizeof good / sizeof *good)];
            size_t line_size = strlen(line);
            memcpy(text + size, line, line_size);
            if (bad > 0 && chance_below(&c, bad) == 0) {
                line_size -= chance_below(&c, (uint32_t)line_size);
                text[size + chance_below(&c, (uint32_t)line_size)] =
                    chance_of(&c, "{}[]:,\"\\tn0 \n\xff");
            }
            size += line_size;
            text[size++] = '\n';
            for (; chance_below(&c, 10) == 0; size++) {
                text[size] = chance_of(&c, " \n\r");
            }
        }
        same_in_text(w, text, size);
    }
    memory_free(text);
}

/* It does not get into the batch of those in front of it. */
static void a_long_line_in_a_text(void **state)
{
    struct walking *w = *state;
    const char *ends[] = {"{\"name\":\"", ":", "]}", "\"", "{"};
    const char *starts[] = {"{\"a\":1}\n{\"a\":2}\n", "{\"x\"\n[[],\"a\"\n",
                            "{\"a\":1}\n{\"a\":[\n"};
    size_t size = 100 * KIB;
    char *text = memory_alloc(size);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        for (size_t k = 0; k < sizeof starts / sizeof *starts; k++) {
            memset(text, ' ', size);
            memcpy(text, starts[k], strlen(starts[k]));
            memcpy(text + strlen(starts[k]), ends[i], strlen(ends[i]));
            memcpy(text + 50 * KIB, "\"}\n{\"a\":3}\n{\"a\":4}\n", 20);
            same_in_text(w, text, size);
        }
    }
    memory_free(text);
}

static uint32_t thread_count(void)
{
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    uint32_t count = 0;
    while (readdir(tasks) != NULL) {
        count++;
    }
    closedir(tasks);
    return count;
}

/* simdjson leaves it off, and reads it when it has read all else: by a thread, if it may. */
static void half_a_letter_at_the_end_of_a_text(void **state)
{
    struct walking *w = *state;
    uint32_t threads = thread_count();
    const char *ends[] = {"\xc3\n",   "\xe0\n",  "\xf0\n", "\xf0\x9f\n",
                          "\xe0\n\n", "\xf0 \n", "\xf0"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        for (int before = 0; before < 3; before++) {
            char text[100];
            int n = snprintf(text, sizeof text, "%s{\"a\":1}\n{\"a\":2}%s",
                             before == 0   ? ""
                             : before == 1 ? "x\n"
                                           : "{\"a\":0}\n",
                             ends[i]);
            same_in_text(w, text, (size_t)n);
            assert_int_equal(thread_count(), threads);
        }
    }
}

/* A field that is wanted later is read from rows that were read before. */
static void lines_again_and_in_any_order(void **state)
{
    struct walking *w = *state;
    char *text = memory_alloc(100 * 10 + LIMIT_TEXT_PADDING);
    struct chance c = {10};
    for (size_t i = 0; i < 100; i++) {
        memcpy(text + i * 10, "{\"a\":100}\n", 10 + 1);
        text[i * 10 + 5] = (char)('0' + i / 10);
        text[i * 10 + 6] = (char)('0' + i % 10);
    }
    memset(text + 1000, '}', LIMIT_TEXT_PADDING);
    json_walk_begin(w->walk, (struct slice){text, 1000});
    for (size_t i = 0, n = 0; n < 1000; n++, i++) {
        i = chance_below(&c, 5) == 0 ? chance_below(&c, 100) : i % 100;
        assert_null(json_walk_line(w->walk, (struct slice){text + i * 10, 9}, w->tokens));
        assert_ptr_equal(w->tokens[0].data, text + i * 10 + 5);
    }
    json_walk_begin(w->walk, (struct slice){NULL, 0});
    memory_free(text);
}

static const char whole[] = " {\"a\":[1,-2.5e3,true,{\"b\":null}] , "
                            "\"\\u00e9\":\"x\\\"y\",\"name\":{\"d\":[[]]},\"a\":\"2\"} ";

/* Behind the cut stands what was cut off, as in a text that another line follows. */
static void a_line_cut_anywhere_is_none(void **state)
{
    struct walking *w = *state;
    size_t last = (size_t)(strrchr(whole, '}') - whole);
    char line[sizeof whole + LIMIT_TEXT_PADDING] = {0};
    memcpy(line, whole, sizeof whole);
    for (size_t size = 0; size < sizeof whole; size++) {
        bool is_taken = json_walk_line(w->walk, (struct slice){line, size}, w->tokens) == NULL;
        assert_int_equal(is_taken, size > last);
        agrees(w, whole, size);
        agrees(w, whole + size, sizeof whole - 1 - size);
    }
}

/* simdjson takes them for the line's. */
static void brackets_behind_a_line_close_nothing(void **state)
{
    struct walking *w = *state;
    const char *open[] = {"{\"a\":[{}",  "{\"a\":[[{}", "{\"a\":[[[{}",     "{\"b\":[{}",
                          "{\"b\":[[{}", "{\"a\":{}",   "{\"a\":{\"b\":[{}"};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        agrees(w, open[i], strlen(open[i]));
    }
}

static void each_byte_that_is_not_utf8_is_found(void **state)
{
    struct walking *w = *state;
    for (size_t i = 0; i < sizeof whole - 1; i++) {
        for (unsigned byte = 0x80; byte < 0x100; byte++) {
            char text[sizeof whole];
            memcpy(text, whole, sizeof whole);
            text[i] = (char)byte;
            const char *reason = walk(w, text);
            assert_non_null(reason);
            if (whole[i] != '"' && whole[i] != '\\') { /* they decide which strings there are */
                assert_string_equal(reason, "invalid UTF-8");
            }
        }
    }
}

static void utf8_ends_where_unicode_does(void **state)
{
    struct walking *w = *state;
    const struct {
        const char *bytes;
        bool is_good;
    } cases[] = {{"\xc2\x80", true},          {"\xdf\xbf", true},
                 {"\xe0\xa0\x80", true},      {"\xed\x9f\xbf", true},
                 {"\xee\x80\x80", true},      {"\xef\xbf\xbf", true},
                 {"\xf0\x90\x80\x80", true},  {"\xf4\x8f\xbf\xbf", true},
                 {"\xc0\x80", false},         {"\xc1\xbf", false},
                 {"\xe0\x9f\xbf", false},     {"\xed\xa0\x80", false},
                 {"\xf0\x8f\xbf\xbf", false}, {"\xf4\x90\x80\x80", false},
                 {"\xf5\x80\x80\x80", false}, {"\x80", false},
                 {"\xe2\x82", false},         {"\xf0\x9f\x98", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t before = 0; before < 70; before++) { /* wherever the blocks of 64 bytes end */
            char text[120];
            int n =
                snprintf(text, sizeof text, "{\"a\":\"%*s%s\"}", (int)before, "", cases[i].bytes);
            assert_int_equal(walk(w, text) == NULL, cases[i].is_good);
            agrees(w, text, (size_t)n);
        }
    }
}

static void each_byte_everywhere_is_judged_alike(void **state)
{
    struct walking *w = *state;
    static const char text[] = "{\"a\" : [1,\"\\n\"],\"n\":{}}";
    for (size_t i = 0; i < sizeof text; i++) {
        for (unsigned byte = 0; byte < 0x100; byte++) {
            char line[sizeof text + 1];
            memcpy(line, text, sizeof text);
            if (i < sizeof text - 1) {
                line[i] = (char)byte; /* in its place */
                agrees(w, line, sizeof text - 1);
            }
            memcpy(line + i + 1, text + i, sizeof text - i);
            line[i] = (char)byte; /* between */
            agrees(w, line, sizeof text);
        }
    }
}

static void members_in_any_order_are_found(void **state)
{
    struct walking *w = *state;
    static const char *members[] = {"\"a\":1",       "\"name\":\"x\"", "\"\xc3\xa9\":[{}]",
                                    "\"\\u0061\":2", "\"na\":3",       "\"named\":{\"a\":4}"};
    struct chance c = {7};
    for (uint32_t i = 0; i < rounds(20000); i++) {
        char text[400] = "{";
        for (uint32_t n = chance_below(&c, 8); n > 0; n--) {
            strcat(text, members[chance_below(&c, sizeof members / sizeof *members)]);
            strcat(text, n > 1 ? "," : "");
        }
        strcat(text, "}");
        assert_null(walk(w, text));
        agrees(w, text, strlen(text));
    }
}

static void pieces_by_chance_are_judged_alike(void **state)
{
    struct walking *w = *state;
    static const char *pieces[] = {
        "{",  "}", "[",      "]",  ",",       ":",  "\"a\"", "\"",  "\"name\"", "\\\"", "true",
        "-1", " ", "\"a\":", "{}", "\\u00e9", "\t", "e",     "1.5", "[]",       "\\\\"};
    struct chance c = {8};
    uint32_t right = 0;
    for (uint32_t i = 0; i < rounds(100000); i++) {
        char text[200] = "{\"a\":";
        for (uint32_t n = chance_below(&c, 10); n > 0; n--) {
            strcat(text, pieces[chance_below(&c, sizeof pieces / sizeof *pieces)]);
        }
        strcat(text, chance_below(&c, 4) == 0 ? "" : "}");
        agrees(w, text, strlen(text));
        right += json_shape(text, strlen(text)) == SHAPE_RIGHT;
    }
    assert_true(right > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_are_found_by_name, begin, end),
        cmocka_unit_test_setup_teardown(the_first_of_one_name_counts, begin, end),
        cmocka_unit_test_setup_teardown(spelling_is_not_checked, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_object_says_what_it_is, begin, end),
        cmocka_unit_test_setup_teardown(each_break_of_the_structure_is_found, begin, end),
        cmocka_unit_test_setup_teardown(bytes_that_strings_cannot_have_are_found, begin, end),
        cmocka_unit_test_setup_teardown(nesting_ends_at_its_limit, begin, end),
        cmocka_unit_test_setup_teardown(long_names_are_not_taken_for_others, begin, end),
        cmocka_unit_test_setup_teardown(more_members_than_places_are_found, begin, end),
        cmocka_unit_test_setup_teardown(a_long_line_is_read_and_its_memory_goes, begin, end),
        cmocka_unit_test_setup_teardown(what_is_json_passes_and_what_fails_is_none, begin, end),
        cmocka_unit_test_setup_teardown(lines_of_a_text_are_judged_alone, begin, end),
        cmocka_unit_test_setup_teardown(texts_by_chance_are_judged_line_by_line, begin, end),
        cmocka_unit_test_setup_teardown(a_long_line_in_a_text, begin, end),
        cmocka_unit_test_setup_teardown(half_a_letter_at_the_end_of_a_text, begin, end),
        cmocka_unit_test_setup_teardown(lines_again_and_in_any_order, begin, end),
        cmocka_unit_test_setup_teardown(a_line_cut_anywhere_is_none, begin, end),
        cmocka_unit_test_setup_teardown(brackets_behind_a_line_close_nothing, begin, end),
        cmocka_unit_test_setup_teardown(each_byte_that_is_not_utf8_is_found, begin, end),
        cmocka_unit_test_setup_teardown(utf8_ends_where_unicode_does, begin, end),
        cmocka_unit_test_setup_teardown(each_byte_everywhere_is_judged_alike, begin, end),
        cmocka_unit_test_setup_teardown(members_in_any_order_are_found, begin, end),
        cmocka_unit_test_setup_teardown(pieces_by_chance_are_judged_alike, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

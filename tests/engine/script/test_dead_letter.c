/* Goal: a dead letter says what failed, where, why, and has the record as it was, in valid JSON; a
 * skip finds its record again and no other. Method: whole letters of every kind of place; each
 * letter read by a grammar of JSON. */
#include <stdio.h>
#include <string.h>

#include "data/json.h"
#include "job_world.h"
#include "json_grammar.h"
#include "script/dead_letter.h"

static void run_lines(struct job *j, const char *text)
{
    job_begin(j);
    if (job_lines(j, 0, text) != 0 || job_finish(j) != 0) {
        fail_msg("%s", j->error.message);
    }
}

/* All letters are JSON, and this is them. */
static void letters_are(struct job *j, const char *expected)
{
    const char *text = job_dead(j);
    assert_string_equal(text, expected);
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        assert_true(is_json(text, size));
        text += size + 1;
    }
}

static void a_line_has_its_file_and_offset(void **state)
{
    struct job *j = *state;
    job_open(j, "lines:map(function(l)\n   if l ~= 'good' then error('bad \"' .. l .. '\"') end\n"
                "   return l\nend):named('check'):to_stdout()");
    run_lines(j, "good\nb\\ad\ngood\n");
    letters_are(j, "{\"epoch\":1,\"operator\":\"map \\\"check\\\" at job.lua:1\","
                   "\"reason\":\"job.lua:2: bad \\\"b\\\\ad\\\"\",\"traceback\":[\"at job.lua:2\"],"
                   "\"source\":\"text_file_stream at job.lua:1\",\"partition\":\"lines/a.txt\","
                   "\"offset\":5,\"record\":\"b\\\\ad\"}\n");
}

static void a_word_has_its_line_and_its_place_in_it(void **state)
{
    struct job *j = *state;
    job_open(j, "lines:flat_map(mill.words):map(function(w) if w == 'x' then error('no', 0) end"
                " return w end):to_stdout()");
    run_lines(j, "a b\n c x d\n");
    const char *dead = job_dead(j);
    assert_non_null(strstr(dead, "\"offset\":4,\"ordinal\":1,\"record\":\" c x d\"}\n"));
}

static void bytes_that_are_no_text_are_base64(void **state)
{
    struct job *j = *state;
    job_open(j, "lines:map(function(l) error('no', 0) end):to_stdout()");
    run_lines(j, "\xff\xfe!\n");
    assert_non_null(strstr(job_dead(j), "\"offset\":0,\"record_base64\":\"//4h\"}\n"));
}

static void a_reason_that_is_no_text_is_base64_too(void **state)
{
    struct job *j = *state;
    job_open(j, "lines:map(function(l) error(l, 0) end):to_stdout()");
    run_lines(j, "\xff\n");
    const char *dead = job_dead(j);
    assert_true(is_json(dead, strlen(dead) - 1));
    assert_non_null(strstr(dead, "\"reason_base64\":\"/w==\""));
}

static void a_value_of_a_queue_is_shown_as_json(void **state)
{
    struct job *j = *state;
    job_open(j, "values:map(function(v) error('no', 0) end):to_stdout()");
    job_epoch(j, "[[1,[\"a\"]],\"text\",2.5,true]");
    const char *dead = job_dead(j);
    assert_non_null(strstr(dead, "\"offset\":0,\"ordinal\":0,\"record\":[1,[\"a\"]]}\n"));
    assert_non_null(strstr(dead, "\"ordinal\":1,\"record\":\"text\"}\n"));
    assert_non_null(strstr(dead, "\"ordinal\":2,\"record\":2.5}\n"));
    assert_non_null(strstr(dead, "\"ordinal\":3,\"record\":true}\n"));
}

static void behind_a_shuffle_there_are_key_and_values(void **state)
{
    struct job *j = *state;
    job_open(j, "values:map_to_pair(function(v) return {v, 'k'}, v end):reduce_by_key(mill.sum)"
                ":map(function(k, v) error('no', 0) end):to_stdout()");
    job_epoch(j, "[7,7]");
    letters_are(j, "{\"epoch\":1,\"operator\":\"map at job.lua:1\",\"reason\":\"no\","
                   "\"traceback\":[\"at job.lua:1\"],\"key\":[7,\"k\"],\"values\":[14]}\n");
}

static void the_traceback_has_every_frame(void **state)
{
    struct job *j = *state;
    job_open(j, "local function inner() error('deep', 0) end\n"
                "local function outer() inner() end\n"
                "values:map(function(v)\n   outer()\nend):to_stdout()");
    job_epoch(j, "[1]");
    assert_non_null(strstr(job_dead(j),
                           "\"reason\":\"deep\",\"traceback\":[\"at job.lua:1 in inner\","
                           "\"at job.lua:2 in outer\",\"at job.lua:4\"],"));
}

static void errors_of_the_engine_have_the_operator_s_name(void **state)
{
    struct job *j = *state;
    job_open(j, "values:map(function(v) if v > 1 then return v end end):to_stdout()\n"
                "values:map(function(v) return 1, 2 end):to_stdout()\n"
                "values:map_to_pair(function(v) return v, 'x' end):reduce_by_key(mill.sum)"
                ":to_stdout()");
    job_epoch(j, "[1]");
    assert_non_null(strstr(job_letters(j), "map at job.lua:1: returned nothing; use filter"));
    assert_non_null(
        strstr(job_letters(j), "map at job.lua:2: returned two values; use map_to_pair"));
    assert_non_null(strstr(job_letters(j), "reduce_by_key at job.lua:3: "));
}

static void a_record_that_was_never_read_is_reading_s(void **state)
{
    struct job *j = *state;
    struct error e = {0};
    job_open(j, "lines:to_stdout()");
    run_lines(j, "a");
    assert_int_equal(dead_letter_of_record(j->hosts[0], 0, 77, (struct slice){"long...", 7},
                                           "a line of 99 bytes", &e),
                     0);
    assert_non_null(
        strstr(job_dead(j), "\"operator\":\"reading\",\"reason\":\"a line of 99 bytes\""));
    assert_non_null(strstr(job_dead(j), "\"offset\":77,\"record\":\"long...\"}"));
    assert_string_equal(dead_letter_label(j->hosts[0], 0), "reading");
}

/* --- skips --- */

static void a_skip_finds_its_word_only(void **state)
{
    struct job *j = *state;
    job_open_with(
        j, "deadline = '100ms'",
        "lines:flat_map(mill.words):map(function(w) if w == 'x' then while true do end end"
        " return w end):to_stdout()",
        1);
    job_begin(j);
    assert_int_equal(job_lines(j, 0, "a b\nx a\nb a\n"), MILL_EDEADLINE);
    const struct host_skip *s = &j->hosts[0]->expired;
    assert_true(!s->has_key && s->source == 0 && s->offset == 4 && s->ordinal == 0);
    job_begin_without_expired(j, 0);
    assert_int_equal(job_lines(j, 0, "a b\nx a\nb a\n"), 0);
    assert_string_equal(job_rows(j, 0), "\"a\"\n\"b\"\n\"a\"\n\"b\"\n\"a\"\n");
    assert_string_equal(job_letters(j), "map at job.lua:1: ran past its deadline\n");
}

static void a_skip_behind_a_tee_finds_its_record(void **state)
{
    struct job *j = *state;
    job_open_with(
        j, "deadline = '100ms'",
        "local s = values:filter(function(v) return v ~= 'b' end)\n"
        "s:map(function(v) if v == 'c' then while true do end end return v end):to_stdout()"
        "\ns:to_stdout()",
        1);
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[\"a\",\"b\",\"c\",\"d\"]"), MILL_EDEADLINE);
    assert_int_equal(j->hosts[0]->expired.ordinal, 2);
    job_begin_without_expired(j, 0);
    assert_int_equal(job_values(j, 0, "[\"a\",\"b\",\"c\",\"d\"]"), 0);
    assert_string_equal(job_rows(j, 0), "\"a\"\n\"d\"\n");
    assert_string_equal(job_rows(j, 1), "\"a\"\n\"c\"\n\"d\"\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, job_begin_test, job_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_has_its_file_and_offset),
        TEST(a_word_has_its_line_and_its_place_in_it),
        TEST(bytes_that_are_no_text_are_base64),
        TEST(a_reason_that_is_no_text_is_base64_too),
        TEST(a_value_of_a_queue_is_shown_as_json),
        TEST(behind_a_shuffle_there_are_key_and_values),
        TEST(the_traceback_has_every_frame),
        TEST(errors_of_the_engine_have_the_operator_s_name),
        TEST(a_record_that_was_never_read_is_reading_s),
        TEST(a_skip_finds_its_word_only),
        TEST(a_skip_behind_a_tee_finds_its_record),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

/* Goal: a line for people is as it is, a line for programs is JSON whatever is in it.
 * Method: lines with all that JSON reserves, standard error of a process of its own. */
#include <string.h>

#include "run/log_writer.h"
#include "run_world.h"

static const char *json(int64_t now_ms, enum log_level level, const char *line)
{
    static struct buffer b;
    buffer_deinit(&b);
    buffer_init(&b, 100000);
    log_format_json(&b, now_ms, level, line);
    assert_int_equal(buffer_append_byte(&b, 0), 0);
    return b.data;
}

static void a_line_is_an_object(void **state)
{
    (void)state;
    assert_string_equal(json(1714564800123, LOG_WARN, "in/a.txt"),
                        "{\"time\":\"2024-05-01T12:00:00.123Z\",\"level\":\"warn\","
                        "\"message\":\"in/a.txt\"}\n");
    assert_string_equal(json(7, LOG_ERROR, "\"a\"\n\tb"),
                        "{\"time\":\"1970-01-01T00:00:00.007Z\",\"level\":\"error\","
                        "\"message\":\"\\\"a\\\"\\n\\tb\"}\n");
}

static void what_is_not_utf8_is_made_so(void **state)
{
    (void)state;
    assert_non_null(strstr(json(0, LOG_INFO, "caf\xc3\xa9"), ":\"caf\xc3\xa9\"}"));
    assert_non_null(strstr(json(0, LOG_INFO, "caf\xe9 \x01"), ":\"caf? \\u0001\"}"));
    assert_non_null(strstr(json(0, LOG_DEBUG, ""), "\"level\":\"debug\",\"message\":\"\"}"));
}

static void levels_have_names(void **state)
{
    (void)state;
    assert_int_equal(log_level_of("error"), LOG_ERROR);
    assert_int_equal(log_level_of("debug"), LOG_DEBUG);
    assert_int_equal(log_level_of("loud"), -1);
}

static void write_lines(void)
{
    log_write_text(NULL, LOG_ERROR, "no luck");
    log_write_text(NULL, LOG_WARN, "one\n\ttwo");
    log_write_text(NULL, LOG_INFO, "done");
    log_write_json(NULL, LOG_INFO, "done");
}

static void lines_go_to_standard_error(void **state)
{
    char output[1000];
    static const char text[] = "tidemill: no luck\ntidemill: warning: one\n\ttwo\n"
                               "tidemill: done\n{\"time\":\"";
    (void)state;
    assert_int_equal(run_apart(write_lines, output, sizeof output), 0);
    assert_memory_equal(output, text, sizeof text - 1);
    assert_int_equal(output[strlen(output) - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_an_object),
        cmocka_unit_test(what_is_not_utf8_is_made_so),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(lines_go_to_standard_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: each line that a web server writes is split; what is no such line says where it stops.
 * Method: lines as Apache's and nginx's documentation have them, with what real logs contain; cuts
 * and changes of a good line in memory that ends where it ends. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/access_log.h"
#include "testing.h"

#define COMMON                                                                                     \
    "127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \"GET /apache_pb.gif HTTP/1.0\" 200 2326"
#define COMBINED                                                                                   \
    COMMON " \"http://www.example.com/start.html\" \"Mozilla/4.08 [en] (Win98; I ;Nav)\""

/* @param expected  the fields with | between them, ~ for no value */
static void splits_into(const char *line, const char *expected)
{
    struct slice values[ACCESS_LOG_FIELDS];
    size_t stopped = 0;
    char *exact = exact_copy(line, strlen(line));
    const char *wanted = access_log_split((struct slice){exact, strlen(line)}, values, &stopped);
    if (wanted != NULL) {
        fail_msg("%s: at %zu: %s", line, stopped, wanted);
    }
    char shown[512] = "";
    for (int i = 0; i < ACCESS_LOG_FIELDS; i++) {
        size_t at = strlen(shown);
        bool is_none = values[i].data == NULL;
        int value_size = is_none ? 1 : (int)values[i].size;
        snprintf(shown + at, sizeof shown - at, "%s%.*s", i == 0 ? "" : "|", value_size,
                 is_none ? "~" : values[i].data);
    }
    assert_string_equal(shown, expected);
    memory_free(exact);
}

static void stops(const char *line, size_t at, const char *because)
{
    struct slice values[ACCESS_LOG_FIELDS];
    size_t stopped = 0;
    char *exact = exact_copy(line, strlen(line));
    const char *wanted = access_log_split((struct slice){exact, strlen(line)}, values, &stopped);
    assert_non_null(wanted);
    assert_string_equal(wanted, because);
    assert_int_equal(stopped, at);
    memory_free(exact);
}

static void the_common_format_has_ten_fields(void **state)
{
    (void)state;
    splits_into(COMMON, "127.0.0.1|~|frank|10/Oct/2000:13:55:36 -0700|GET /apache_pb.gif HTTP/1.0|"
                        "GET|/apache_pb.gif|HTTP/1.0|200|2326|~|~");
}

static void the_combined_format_has_referer_and_agent(void **state)
{
    (void)state;
    splits_into(COMBINED, "127.0.0.1|~|frank|10/Oct/2000:13:55:36 -0700|"
                          "GET /apache_pb.gif HTTP/1.0|GET|/apache_pb.gif|HTTP/1.0|200|2326|"
                          "http://www.example.com/start.html|Mozilla/4.08 [en] (Win98; I ;Nav)");
}

static void a_dash_is_no_value(void **state)
{
    (void)state;
    splits_into("::1 - - [t] \"-\" 408 - \"-\" \"-\"", "::1|~|~|t|~|~|~|~|408|~|~|~");
    splits_into("h - - [t] \"GET / HTTP/1.1\" - -",
                "h|~|~|t|GET / HTTP/1.1|GET|/|HTTP/1.1|~|~|~|~");
}

static void a_request_that_is_none_has_no_parts(void **state)
{
    (void)state;
    splits_into("h - - [t] \"\\x16\\x03\\x01\" 400 0", "h|~|~|t|\\x16\\x03\\x01|~|~|~|400|0|~|~");
    splits_into("h - - [t] \"\" 400 0", "h|~|~|t||~|~|~|400|0|~|~");
    splits_into("h - - [t] \"GET\" 400 0", "h|~|~|t|GET|~|~|~|400|0|~|~");
    splits_into("h - - [t] \"GET \" 400 0", "h|~|~|t|GET |~|~|~|400|0|~|~");
    splits_into("h - - [t] \"GET  HTTP/1.1\" 400 0", "h|~|~|t|GET  HTTP/1.1|~|~|~|400|0|~|~");
    splits_into("h - - [t] \"GET /a b\" 400 0", "h|~|~|t|GET /a b|~|~|~|400|0|~|~");
    splits_into("h - - [t] \"GET /a\" 200 0", "h|~|~|t|GET /a|GET|/a|~|200|0|~|~");
    splits_into("h - - [t] \"GET /a b HTTP/1.1\" 200 0",
                "h|~|~|t|GET /a b HTTP/1.1|GET|/a b|HTTP/1.1|200|0|~|~");
}

static void quotes_within_quotes_have_a_backslash(void **state)
{
    (void)state;
    splits_into("h - - [t] \"GET /\\\" HTTP/1.0\" 200 0 \"a\\\"b\" \"c\\\\\"",
                "h|~|~|t|GET /\\\" HTTP/1.0|GET|/\\\"|HTTP/1.0|200|0|a\\\"b|c\\\\");
}

static void what_is_behind_the_last_field_is_not_looked_at(void **state)
{
    (void)state;
    splits_into("h - - [t] \"GET / HTTP/1.0\" 200 0 \"r\" \"a\" \"10.0.0.1\" 0.003",
                "h|~|~|t|GET / HTTP/1.0|GET|/|HTTP/1.0|200|0|r|a");
    splits_into("h - - [t] \"GET / HTTP/1.0\" 200 0 0.003",
                "h|~|~|t|GET / HTTP/1.0|GET|/|HTTP/1.0|200|0|~|~");
}

static void a_user_may_have_blanks(void **state)
{
    (void)state;
    splits_into("h - ann b [t] \"-\" 200 0", "h|~|ann b|t|~|~|~|~|200|0|~|~");
}

static void what_is_no_such_line_says_where(void **state)
{
    (void)state;
    stops("", 0, "an address");
    stops(" - - [t] \"-\" 200 0", 0, "an address");
    stops("h", 0, "an address");
    stops("h -", 2, "an identity");
    stops("h - -", 4, "a user and [");
    stops("h - - [t", 7, "a time and ] \"");
    stops("h - - [t] -", 7, "a time and ] \"");
    stops("h - - [t] \"-", 11, "the end of the request");
    stops("h - - [t] \"-\\\" 200 0", 11, "the end of the request");
    stops("h - - [t] \"-\"", 13, "a status");
    stops("h - - [t] \"-\" ", 14, "a status");
    stops("h - - [t] \"-\" 200", 17, "a number of bytes");
    stops("h - - [t] \"-\" 200 0 \"r", 21, "the end of the referer");
    stops("h - - [t] \"-\" 200 0 \"r\"", 23, "the agent in quotes");
    stops("h - - [t] \"-\" 200 0 \"r\" \"a", 25, "the end of the agent");
    stops("h - - [t] \"-\" 200 0 \"r\" \"a\"x", 27, "the line's end");
}

static void changed_lines_are_split_or_say_where(void **state)
{
    (void)state;
    struct chance c = {33};
    for (uint32_t round = 0; round < rounds(50000); round++) {
        char line[] = COMBINED;
        size_t size = sizeof line - 1;
        for (uint32_t k = chance_below(&c, 4); k > 0; k--) {
            line[chance_below(&c, (uint32_t)size)] = chance_of(&c, " \"[]\\-\xff");
        }
        size -= chance_below(&c, 3) == 0 ? chance_below(&c, (uint32_t)size) : 0;
        char *exact = exact_copy(line, size);
        struct slice values[ACCESS_LOG_FIELDS];
        size_t stopped = 0;
        const char *wanted = access_log_split((struct slice){exact, size}, values, &stopped);
        assert_true(stopped <= size);
        for (int i = 0; wanted == NULL && i < ACCESS_LOG_FIELDS; i++) {
            assert_true(
                values[i].data == NULL ||
                (values[i].data >= exact && values[i].data + values[i].size <= exact + size));
        }
        memory_free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_common_format_has_ten_fields),
        cmocka_unit_test(the_combined_format_has_referer_and_agent),
        cmocka_unit_test(a_dash_is_no_value),
        cmocka_unit_test(a_request_that_is_none_has_no_parts),
        cmocka_unit_test(quotes_within_quotes_have_a_backslash),
        cmocka_unit_test(what_is_behind_the_last_field_is_not_looked_at),
        cmocka_unit_test(a_user_may_have_blanks),
        cmocka_unit_test(what_is_no_such_line_says_where),
        cmocka_unit_test(changed_lines_are_split_or_say_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

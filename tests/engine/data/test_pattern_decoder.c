/* Goal: lines of a form become records with typed fields; others say where they stop.
 * Method: texts and what they give. */
#include <string.h>

#include "data/pattern_decoder.h"
#include "decoded.h"
#include "testing.h"

static struct decoder *decoder(const char *text)
{
    struct pattern *p = NULL;
    assert_int_equal(pattern_compile(text, strlen(text), &p, NULL), 0);
    return pattern_decoder_create(p);
}

static void a_line_becomes_a_record(void **state)
{
    (void)state;
    decodes_to(decoder("<a> = <n:number>"), "x = 1\ny = 2.5\r\n\nz = ", "a n x",
               "x|1|~\ny|2.5|~\nz|~|~\n");
}

static void a_line_that_does_not_match_says_where(void **state)
{
    (void)state;
    decodes_to(decoder("<a> = <n:number>"), "x = 1\nno\nx = y\n", "a",
               "x\n! the pattern matches up to byte 0; behind it there is no \" = \"\n"
               "! n: \"y\" is no number\n");
}

static void an_access_log_has_time_status_and_bytes(void **state)
{
    (void)state;
    decodes_to(access_log_decoder_create(),
               "1.2.3.4 - ann [10/Oct/2000:13:55:36 -0700] \"GET /a HTTP/1.0\" 200 2326\n"
               "::1 - - [10/Oct/2000:13:55:36 -0700] \"-\" 408 - \"-\" \"-\"\n",
               "ip user time method path status bytes agent",
               "1.2.3.4|ann|971211336000|GET|/a|200|2326|~\n::1|~|971211336000|~|~|408|~|~\n");
}

static void what_is_no_access_log_says_where(void **state)
{
    (void)state;
    decodes_to(access_log_decoder_create(),
               "hello\n"
               "h - - [10/Okt/2000:13:55:36 -0700] \"-\" 200 0\n"
               "h - - [10/Oct/2000:13:55:36 -0700] \"-\" abc 0\n",
               "ip",
               "! no access log: at byte 1 there is not an address\n"
               "! time: \"10/Okt/2000:13:55:36 -0700\" is no time\n"
               "! status: \"abc\" is no number\n");
}

static void records_become_json(void **state)
{
    (void)state;
    static const char text[] =
        "1.2.3.4 - ann [10/Oct/2000:13:55:36 -0700] \"GET /a HTTP/1.0\" 200 -\n";
    char *json = decode_to_json(access_log_decoder_create(), text, sizeof text - 1);
    assert_string_equal(json, "{\"ip\":\"1.2.3.4\",\"user\":\"ann\",\"time\":971211336000,"
                              "\"request\":\"GET /a HTTP/1.0\",\"method\":\"GET\",\"path\":\"/a\","
                              "\"protocol\":\"HTTP/1.0\",\"status\":200}\n");
    memory_free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_becomes_a_record),
        cmocka_unit_test(a_line_that_does_not_match_says_where),
        cmocka_unit_test(an_access_log_has_time_status_and_bytes),
        cmocka_unit_test(what_is_no_access_log_says_where),
        cmocka_unit_test(records_become_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

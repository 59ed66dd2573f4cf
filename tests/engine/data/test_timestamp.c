/* Goal: each form of a timestamp gives the milliseconds that the C library computes, and nothing
 * else is one.
 * Method: the documented forms; timegm() as the oracle for every day of 10,000 years; all short
 * changes of good texts: what is still accepted is still a time. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "data/timestamp.h"
#include "testing.h"

static bool parse(const char *text, int64_t *ms)
{
    char *exact = exact_copy(text, strlen(text));
    bool is_one = timestamp_parse(exact, strlen(text), ms);
    memory_free(exact);
    return is_one;
}

static void is(const char *text, int64_t expected)
{
    int64_t ms = 12345;
    if (!parse(text, &ms) || ms != expected) {
        fail_msg("%s: %lld, not %lld", text, (long long)ms, (long long)expected);
    }
}

static void is_none(const char *text)
{
    int64_t ms = 12345;
    if (parse(text, &ms) || ms != 12345) {
        fail_msg("'%s' was taken: %lld", text, (long long)ms);
    }
}

static void numbers_are_milliseconds(void **state)
{
    (void)state;
    is("0", 0);
    is("1700000000000", 1700000000000);
    is("1700000000000.999", 1700000000000);
    is("-1", -1);
    is("0001", 1);
    is("9007199254740992", 9007199254740992);
    is_none("9007199254740993");
    is_none("9007199254740994");
    is_none("90071992547409930");
    is_none("-9007199254740993");
    is_none("99999999999999999999999999999999999999999999");
    is_none("-");
    is_none("");
    is_none("1.");
    is_none(".5");
    is_none("1e12");
    is_none("+1");
    is_none("0x10");
    is_none("1 ");
    is_none(" 1");
    is_none("nan");
}

static void iso_8601_has_dates_times_fractions_and_zones(void **state)
{
    (void)state;
    is("1970-01-01", 0);
    is("2000-10-10", 971136000000);
    is("2000-10-10T13:55:36Z", 971186136000);
    is("2000-10-10t13:55:36z", 971186136000);
    is("2000-10-10 13:55:36", 971186136000);
    is("2000-10-10T13:55", 971186100000);
    is("2000-10-10T13:55Z", 971186100000);
    is("2000-10-10T13:55:36.1Z", 971186136100);
    is("2000-10-10T13:55:36,123999999Z", 971186136123);
    is("2000-10-10T13:55:36.007-07:00", 971211336007);
    is("2000-10-10T13:55:36-0700", 971211336000);
    is("2000-10-10T13:55:36 -07", 971211336000);
    is("2000-10-10T13:55:36+05:30", 971166336000);
    is("2016-12-31T23:59:60Z", 1483228800000);
    is("1969-12-31T23:59:59.999Z", -1);
    is("0000-01-01", -62167219200000);
    is("9999-12-31T23:59:59.999Z", 253402300799999);
    is("9998-12-31T23:59:59.999Z", TIMESTAMP_MS_MAX);
}

static void access_logs_have_their_own_form(void **state)
{
    (void)state;
    is("10/Oct/2000:13:55:36 -0700", 971211336000);
    is("10/Oct/2000:13:55:36", 971186136000);
    is("01/Jan/1970:00:00:00 +0000", 0);
    is("29/Feb/2024:12:00:00 +0100", 1709204400000);
    is_none("29/Feb/2023:12:00:00 +0100");
    is_none("10/oct/2000:13:55:36 -0700");
    is_none("10/Okt/2000:13:55:36 -0700");
    is_none("10/Oct/2000");
    is_none("10/Oct/2000:");
    is_none("1/Oct/2000:13:55:36 -0700");
    is_none("10/Oct/2000 13:55:36 -0700");
    is_none("[10/Oct/2000:13:55:36 -0700]");
}

static void what_the_calendar_does_not_have_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"2000-13-01",
                                        "2000-00-01",
                                        "2000-01-00",
                                        "2000-01-32",
                                        "2000-04-31",
                                        "2000-02-30",
                                        "2001-02-29",
                                        "1900-02-29",
                                        "2000-10-10T24:00:00Z",
                                        "2000-10-10T13:60:00Z",
                                        "2000-10-10T13:55:61Z",
                                        "2000-10-10T13:55:36+24:00",
                                        "2000-10-10T13:55:36+00:60"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        is_none(texts[i]);
    }
    is("2000-02-29", 951782400000);
}

static void what_is_before_or_behind_it_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"2000-10-1",
                                        "2000-1-10",
                                        "2000-10-10T",
                                        "2000-10-10T13",
                                        "2000-10-10T13:5",
                                        "2000-10-10T13:",
                                        "2000-10-10T13:55:",
                                        "2000-10-10T13:55:36.",
                                        "2000-10-10T13:55:36.Z",
                                        "2000-10-10Z",
                                        "2000-10-10T13:55:6Z",
                                        "2000-10-10T13:55:36Zx",
                                        "2000-10-10T13:55:36+",
                                        "2000-10-10 ",
                                        "2000-10-10T13:55:+1",
                                        "2000-10-10T13:55:36+1",
                                        "20001-10-10",
                                        "-2000-10-10",
                                        "2000/10/10",
                                        "20001010T135536Z",
                                        "2000-10-10T13:55:36  Z",
                                        "12:00",
                                        "yesterday",
                                        "2000-10-10T13:55:36+07:"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        is_none(texts[i]);
    }
    int64_t ms = 0;
    assert_false(timestamp_parse("2000-10-10\0", 11, &ms));
    assert_false(timestamp_parse("2000-10-10T13:55\0", 17, &ms));
}

static void every_day_of_10000_years_is_that_of_the_c_library(void **state)
{
    (void)state;
    struct tm first = {.tm_year = -1900, .tm_mday = 1};
    time_t at = timegm(&first);
    for (int year = 0; year <= 9999;) {
        struct tm tm;
        assert_non_null(gmtime_r(&at, &tm));
        year = tm.tm_year + 1900;
        if (year > 9999) {
            break;
        }
        char text[32];
        snprintf(text, sizeof text, "%04d-%02d-%02d", year, tm.tm_mon + 1, tm.tm_mday);
        int64_t ms = 0;
        assert_true(timestamp_parse(text, 10, &ms));
        assert_int_equal(ms, (int64_t)at * 1000);
        at += 86400;
    }
}

static void a_changed_text_is_a_time_or_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"2000-10-10T13:55:36.123+07:00",
                                        "10/Oct/2000:13:55:36 -0700", "1700000000000"};
    struct chance c = {11};
    for (uint32_t i = 0; i < rounds(200000); i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", texts[chance_below(&c, 3)]);
        size_t size = strlen(text);
        for (uint32_t k = chance_below(&c, 4); k > 0; k--) {
            text[chance_below(&c, (uint32_t)size)] = chance_of(&c, "0123456789-+:/TZ. Oct\xff");
        }
        size -= chance_below(&c, 4) == 0 ? chance_below(&c, (uint32_t)size) : 0;
        char *exact = exact_copy(text, size);
        int64_t ms = 0;
        if (timestamp_parse(exact, size, &ms)) {
            assert_true(ms >= -9999999999999999 && ms <= 9999999999999999);
        }
        memory_free(exact);
    }
}

static void a_number_may_be_what_a_double_holds(void **state)
{
    (void)state;
    int64_t ms = 0;
    assert_true(timestamp_of_number(1700000000000.7, &ms));
    assert_int_equal(ms, 1700000000000);
    assert_true(timestamp_of_number(-0.5, &ms));
    assert_int_equal(ms, 0);
    assert_false(timestamp_of_number((double)NAN, &ms));
    assert_false(timestamp_of_number((double)INFINITY, &ms));
    assert_false(timestamp_of_number(-(double)INFINITY, &ms));
    assert_false(timestamp_of_number(1e300, &ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_milliseconds),
        cmocka_unit_test(iso_8601_has_dates_times_fractions_and_zones),
        cmocka_unit_test(access_logs_have_their_own_form),
        cmocka_unit_test(what_the_calendar_does_not_have_is_refused),
        cmocka_unit_test(what_is_before_or_behind_it_is_refused),
        cmocka_unit_test(every_day_of_10000_years_is_that_of_the_c_library),
        cmocka_unit_test(a_changed_text_is_a_time_or_none),
        cmocka_unit_test(a_number_may_be_what_a_double_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

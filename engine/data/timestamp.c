#include "data/timestamp.h"

#include <math.h>
#include <string.h>

#define EXACT_MAX  ((int64_t)1 << 53)
#define NUMBER_MAX ((double)EXACT_MAX)

#define MS_PER_MINUTE 60000
#define MS_PER_DAY    86400000

struct cursor {
    const char *at;
    const char *end;
};

/* Years 0 to 9999, as four digits say. */
struct date {
    int year, month, day;
};

static bool at_end(const struct cursor *c)
{
    return c->at == c->end;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_one_of(struct cursor *c, const char *bytes)
{
    for (; !at_end(c) && *bytes != '\0'; bytes++) {
        if (*c->at == *bytes) {
            c->at++;
            return true;
        }
    }
    return false;
}

/* Exactly `count` digits, at most four. */
static bool take_digits(struct cursor *c, int count, int *value)
{
    if (c->end - c->at < count) {
        return false;
    }
    *value = 0;
    for (int i = 0; i < count; i++) {
        if (!is_digit(c->at[i])) {
            return false;
        }
        *value = 10 * *value + (c->at[i] - '0');
    }
    c->at += count;
    return true;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool is_date(const struct date *d)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (d->month < 1 || d->month > 12 || d->day < 1) {
        return false;
    }
    return d->day <= days[d->month - 1] + (d->month == 2 && is_leap(d->year));
}

/* Counted in years that begin in March, so that the leap day is the last of its year. */
static int64_t days_since_1970(const struct date *d)
{
    int64_t year = d->month > 2 ? d->year : d->year - 1;
    int64_t month = d->month > 2 ? d->month - 3 : d->month + 9;
    int64_t era = (year + 400) / 400 - 1; /* rounded down: the year 0 begins in the year -1 */
    int64_t year_of_era = year - 400 * era;
    int64_t day_of_year = (153 * month + 2) / 5 + d->day - 1;
    int64_t day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

/* Three digits count, those behind them do not. */
static bool take_fraction(struct cursor *c, int64_t *ms)
{
    int digits = 0;
    for (int weight = 100; !at_end(c) && is_digit(*c->at); c->at++, digits++, weight /= 10) {
        *ms += (int64_t)weight * (*c->at - '0');
    }
    return digits > 0;
}

/* hh:mm, with seconds and a fraction when they are there. */
static bool take_time(struct cursor *c, int64_t *ms)
{
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!take_digits(c, 2, &hour) || !take_one_of(c, ":") || !take_digits(c, 2, &minute)) {
        return false;
    }
    bool has_seconds = take_one_of(c, ":");
    if (has_seconds && !take_digits(c, 2, &second)) {
        return false;
    }
    *ms = ((hour * 60 + minute) * 60 + second) * (int64_t)1000;
    if (has_seconds && take_one_of(c, ".,") && !take_fraction(c, ms)) {
        return false;
    }
    return hour <= 23 && minute <= 59 && second <= 60;
}

/* What is left: nothing, or a zone. */
static bool take_zone(struct cursor *c, int64_t *offset_ms)
{
    *offset_ms = 0;
    if (at_end(c)) {
        return true;
    }
    (void)take_one_of(c, " ");
    if (take_one_of(c, "Zz")) {
        return at_end(c);
    }
    int hour = 0;
    int minute = 0;
    bool is_west = !at_end(c) && *c->at == '-';
    if (!take_one_of(c, "+-") || !take_digits(c, 2, &hour)) {
        return false;
    }
    if (!at_end(c)) {
        (void)take_one_of(c, ":");
        if (!take_digits(c, 2, &minute)) {
            return false;
        }
    }
    *offset_ms = (hour * 60 + minute) * (int64_t)(is_west ? -MS_PER_MINUTE : MS_PER_MINUTE);
    return at_end(c) && hour <= 23 && minute <= 59;
}

static bool finish(struct cursor *c, const struct date *d, bool has_time, int64_t *ms)
{
    int64_t time_ms = 0;
    int64_t offset_ms = 0;
    if (has_time && (!take_time(c, &time_ms) || !take_zone(c, &offset_ms))) {
        return false;
    }
    if (!at_end(c) || !is_date(d)) {
        return false;
    }
    *ms = days_since_1970(d) * MS_PER_DAY + time_ms - offset_ms;
    return true;
}

static bool parse_iso(struct cursor c, int64_t *ms)
{
    struct date d = {0};
    if (!take_digits(&c, 4, &d.year) || !take_one_of(&c, "-") || !take_digits(&c, 2, &d.month) ||
        !take_one_of(&c, "-") || !take_digits(&c, 2, &d.day)) {
        return false;
    }
    bool has_time = take_one_of(&c, "Tt ");
    return finish(&c, &d, has_time, ms);
}

static bool take_month_name(struct cursor *c, int *month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12 && c->end - c->at >= 3; i++) {
        if (memcmp(c->at, names + (size_t)3 * (size_t)i, 3) == 0) {
            *month = i + 1;
            c->at += 3;
            return true;
        }
    }
    return false;
}

static bool parse_access_log(struct cursor c, int64_t *ms)
{
    struct date d = {0};
    return take_digits(&c, 2, &d.day) && take_one_of(&c, "/") && take_month_name(&c, &d.month) &&
           take_one_of(&c, "/") && take_digits(&c, 4, &d.year) && take_one_of(&c, ":") &&
           finish(&c, &d, true, ms);
}

static bool parse_number(struct cursor c, int64_t *ms)
{
    bool is_negative = take_one_of(&c, "-");
    if (at_end(&c) || !is_digit(*c.at)) {
        return false;
    }
    int64_t whole = 0;
    for (; !at_end(&c) && is_digit(*c.at) && whole <= EXACT_MAX; c.at++) {
        whole = 10 * whole + (*c.at - '0');
    }
    if (whole > EXACT_MAX) {
        return false;
    }
    double v = (double)whole;
    int64_t fraction_ms = 0;
    if (take_one_of(&c, ".") && !take_fraction(&c, &fraction_ms)) {
        return false;
    }
    return at_end(&c) && timestamp_of_number(is_negative ? -v : v, ms);
}

bool timestamp_parse(const char *text, size_t size, int64_t *ms)
{
    struct cursor c = {.at = text, .end = text + size};
    if (size > 4 && text[4] == '-') {
        return parse_iso(c, ms);
    }
    if (size > 2 && text[2] == '/') {
        return parse_access_log(c, ms);
    }
    return parse_number(c, ms);
}

bool timestamp_of_number(double v, int64_t *ms)
{
    if (!(fabs(v) <= NUMBER_MAX)) {
        return false;
    }
    *ms = (int64_t)v;
    return true;
}

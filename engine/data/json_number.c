#include "data/json_number.h"

#include <float.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define EXACT_INTEGER_MAX ((uint64_t)1 << 53)
#define EXACT_POWER_MAX   22 /* 10^22 is the last power of ten that a double holds */
#define COPY_BYTES        64

/* Digits as they stand, the point taken out: digits * 10^exponent. */
struct decimal {
    uint64_t digits;
    int32_t exponent;
    bool is_negative;
    bool is_whole;   /* neither point nor exponent */
    bool is_inexact; /* more digits than were counted */
};

static size_t count_digits(const char *at, const char *end)
{
    const char *start = at;
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    return (size_t)(at - start);
}

/* @return how many digits there are; 0 is what the grammar does not have */
static size_t take_digits(struct decimal *d, const char *at, const char *end, bool is_fraction)
{
    size_t count = count_digits(at, end);
    for (size_t i = 0; i < count; i++) {
        unsigned digit = (unsigned)(at[i] - '0');
        if (d->digits > (UINT64_MAX - digit) / 10) {
            d->is_inexact = true;
            return count;
        }
        d->digits = d->digits * 10 + digit;
        d->exponent -= is_fraction;
    }
    return count;
}

static const char *take_exponent(struct decimal *d, const char *at, const char *end)
{
    at++;
    bool is_negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    size_t count = count_digits(at, end);
    int32_t exponent = 0;
    for (size_t i = 0; i < count; i++) {
        exponent = exponent < 100000 ? exponent * 10 + (at[i] - '0') : exponent;
    }
    d->exponent += is_negative ? -exponent : exponent;
    return count == 0 ? NULL : at + count;
}

/* @return behind the number, NULL: there is none */
static const char *read_decimal(struct slice text, struct decimal *d)
{
    const char *at = text.data;
    const char *end = at + text.size;
    *d = (struct decimal){.is_whole = true};
    d->is_negative = at < end && *at == '-';
    at += d->is_negative;
    bool is_zero = at < end && *at == '0';
    size_t count = is_zero ? 1 : take_digits(d, at, end, false);
    if (count == 0) {
        return NULL;
    }
    at += count;
    if (at < end && *at == '.') {
        d->is_whole = false;
        count = take_digits(d, at + 1, end, true);
        if (count == 0) {
            return NULL;
        }
        at += 1 + count;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        d->is_whole = false;
        at = take_exponent(d, at, end);
    }
    return at;
}

size_t json_number_size(struct slice text)
{
    struct decimal d;
    const char *end = read_decimal(text, &d);
    return end == NULL ? 0 : (size_t)(end - text.data);
}

static struct mill_cell number(double v)
{
    return (struct mill_cell){.kind = MILL_NUMBER, .len = 1, .num = v};
}

static struct mill_cell bad(const char *reason)
{
    return (struct mill_cell){.kind = MILL_BAD, .len = (uint32_t)strlen(reason), .ptr = reason};
}

/* strtod needs a NUL behind the number. The program has no locale but "C". */
static struct mill_cell slow_number(struct slice token)
{
    char copy[COPY_BYTES];
    bool is_short = token.size < sizeof copy;
    char *text = is_short ? copy : memory_copy(token.data, token.size);
    if (is_short) {
        memcpy(copy, token.data, token.size);
        copy[token.size] = '\0';
    }
    double v = strtod(text, NULL);
    if (!is_short) {
        memory_free(text);
    }
    return v > DBL_MAX || v < -DBL_MAX ? bad("a number that is too large") : number(v);
}

static struct mill_cell whole_number(const struct decimal *d)
{
    uint64_t most_negative = (uint64_t)1 << 63;
    if (d->digits <= EXACT_INTEGER_MAX) {
        double v = (double)d->digits;
        return number(d->is_negative ? -v : v);
    }
    if (!d->is_negative) {
        return d->digits < most_negative
                   ? (struct mill_cell){.kind = MILL_INT64, .i64 = (int64_t)d->digits}
                   : (struct mill_cell){.kind = MILL_UINT64, .u64 = d->digits};
    }
    return (struct mill_cell){.kind = MILL_INT64, .i64 = (int64_t)(0 - d->digits)};
}

/* Both factors are exact, so one operation rounds once: to the nearest. */
static bool exact_number(const struct decimal *d, double *v)
{
    static const double powers[EXACT_POWER_MAX + 1] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (d->is_inexact || d->digits > EXACT_INTEGER_MAX || d->exponent < -EXACT_POWER_MAX ||
        d->exponent > EXACT_POWER_MAX) {
        return false;
    }
    double digits = (double)d->digits;
    digits = d->exponent < 0 ? digits / powers[-d->exponent] : digits * powers[d->exponent];
    *v = d->is_negative ? -digits : digits;
    return true;
}

struct mill_cell json_number_cell(struct slice token)
{
    struct decimal d;
    double v = 0;
    if (read_decimal(token, &d) != token.data + token.size) {
        return bad("no JSON value");
    }
    bool fits = !d.is_inexact && (!d.is_negative || d.digits <= (uint64_t)1 << 63);
    if (d.is_whole && fits) {
        return whole_number(&d);
    }
    return exact_number(&d, &v) ? number(v) : slow_number(token);
}

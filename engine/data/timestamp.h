/*
 * Timestamps as data has them, into milliseconds since 1970 (UTC).
 *
 *     1700000000000                    digits: milliseconds; a fraction is dropped, "-" allowed
 *     2000-10-10                       ISO 8601: midnight
 *     2000-10-10T13:55                 "T", "t" or a blank before the time; seconds may lack
 *     2000-10-10 13:55:36.123456Z      a fraction after "." or ",": digits below 1 ms are dropped
 *     2000-10-10T13:55:36 -07:00       zone: Z, +hh, +hhmm or +hh:mm, a blank before it; none: UTC
 *     10/Oct/2000:13:55:36 -0700       access logs; the zone may lack
 *
 * What is no time of the calendar (month 13, 30 February, 25:00) is refused, and so is anything
 * before or behind it. Second 60 is the first of the next minute. Which times make sense is the
 * caller's to judge, e.g. by the two bounds below. Pure. @thread any
 */
#ifndef DATA_TIMESTAMP_H
#define DATA_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a record's time can be expected to lie between: 1970, and the end of the year 9998 (9999
 * and later are what programs write for "never"). */
#define TIMESTAMP_MS_MIN 0
#define TIMESTAMP_MS_MAX 253370764799999

/** Parse all of a text. @param ms  out  @return false when it is no timestamp; *ms is untouched */
bool timestamp_parse(const char *text, size_t size, int64_t *ms);

/** Milliseconds as a number; a fraction is dropped. @return false for NaN and beyond 2^53 */
bool timestamp_of_number(double v, int64_t *ms);

#endif

/*
 * What scripts ask of texts, where Lua's own functions would keep a loop from being compiled. The
 * contracts are in base/tidemill_ffi.h. Pure. @thread any
 */
#include <math.h>
#include <string.h>

#include "base/ffi.h"
#include "data/field.h"
#include "data/timestamp.h"

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool mill_text_starts(const char *s, size_t size, const char *with, size_t with_size)
{
    return size >= with_size && memcmp(s, with, with_size) == 0;
}

bool mill_text_ends(const char *s, size_t size, const char *with, size_t with_size)
{
    return size >= with_size && memcmp(s + size - with_size, with, with_size) == 0;
}

/* @return NULL: it is not there */
static const char *find(const char *at, const char *end, const char *what, size_t what_size)
{
    return memmem(at, (size_t)(end - at), what, what_size);
}

bool mill_text_contains(const char *s, size_t size, const char *what, size_t what_size)
{
    return find(s, s + size, what, what_size) != NULL;
}

uint32_t mill_text_find(const char *s, size_t size, uint32_t from, const char *what,
                        size_t what_size)
{
    if (from > size) {
        return UINT32_MAX;
    }
    const char *found = find(s + from, s + size, what, what_size);
    return found == NULL ? UINT32_MAX : (uint32_t)(found - s);
}

static const char *skip(const char *at, const char *end, bool blanks)
{
    while (at < end && is_blank(*at) == blanks) {
        at++;
    }
    return at;
}

static bool find_word(const char *s, const char *end, uint32_t i, struct mill_part *found)
{
    const char *at = skip(s, end, true);
    for (; i > 1 && at < end; i--) {
        at = skip(skip(at, end, false), end, true);
    }
    *found =
        (struct mill_part){.from = (uint32_t)(at - s), .to = (uint32_t)(skip(at, end, false) - s)};
    return at < end && i == 1;
}

bool mill_text_field(const char *s, size_t size, uint32_t i, const char *separator,
                     size_t separator_size, struct mill_part *found)
{
    const char *at = s;
    const char *end = s + size;
    if (separator_size == 0) {
        return find_word(s, end, i, found);
    }
    for (; i > 1; i--) {
        at = find(at, end, separator, separator_size);
        if (at == NULL) {
            return false;
        }
        at += separator_size;
    }
    const char *to = find(at, end, separator, separator_size);
    to = to == NULL ? end : to;
    *found = (struct mill_part){.from = (uint32_t)(at - s), .to = (uint32_t)(to - s)};
    return i == 1;
}

void mill_text_trim(const char *s, size_t size, struct mill_part *found)
{
    const char *end = s + size;
    const char *from = skip(s, end, true);
    while (end > from && is_blank(end[-1])) {
        end--;
    }
    *found = (struct mill_part){.from = (uint32_t)(from - s), .to = (uint32_t)(end - s)};
}

double mill_text_time(const char *s, size_t size)
{
    int64_t ms = 0;
    return timestamp_parse(s, size, &ms) ? (double)ms : (double)NAN;
}

double mill_text_number(const char *s, size_t size)
{
    struct mill_cell cell = {.kind = MILL_EMPTY};
    const char *wrong = field_read(FIELD_NUMBER, (struct slice){s, size}, &cell);
    if (wrong != NULL || cell.kind == MILL_EMPTY) {
        return (double)NAN;
    }
    return cell.kind == MILL_INT64    ? (double)cell.i64
           : cell.kind == MILL_UINT64 ? (double)cell.u64
                                      : cell.num;
}

#include "data/json_check.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "data/json_number.h"

struct check_walk {
    const char *at;
    const char *end;
    const char *wrong;
};

static void skip_blanks(struct check_walk *w)
{
    while (w->at < w->end &&
           (*w->at == ' ' || *w->at == '\n' || *w->at == '\t' || *w->at == '\r')) {
        w->at++;
    }
}

static bool fail(struct check_walk *w, const char *why)
{
    w->wrong = w->at == w->end ? "it ends too early" : why;
    return false;
}

static bool take(struct check_walk *w, char c, const char *why)
{
    skip_blanks(w);
    if (w->at == w->end || *w->at != c) {
        return fail(w, why);
    }
    w->at++;
    return true;
}

static bool is_next(struct check_walk *w, char c)
{
    skip_blanks(w);
    bool is = w->at < w->end && *w->at == c;
    w->at += is;
    return is;
}

/* @return NUL at the end; one that stands in the text is wrong wherever it stands */
static char next_byte(const struct check_walk *w)
{
    if (w->at == w->end) {
        return '\0';
    }
    return *w->at;
}

static bool take_hex(struct check_walk *w, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef";
        char c = next_byte(w);
        const char *found = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);
        if (found == NULL) {
            return fail(w, "a wrong escape");
        }
        *unit = *unit << 4 | (uint32_t)(found - digits);
        w->at++;
    }
    return true;
}

static bool take_unicode(struct check_walk *w)
{
    uint32_t unit = 0;
    uint32_t low = 0;
    if (!take_hex(w, &unit)) {
        return false;
    }
    if (unit < 0xd800 || unit > 0xdfff) {
        return true;
    }
    if (unit > 0xdbff || w->end - w->at < 2 || w->at[0] != '\\' || w->at[1] != 'u') {
        return fail(w, "half of a surrogate pair");
    }
    w->at += 2;
    return take_hex(w, &low) &&
           (low >= 0xdc00 && low <= 0xdfff ? true : fail(w, "half of a surrogate pair"));
}

static bool take_escape(struct check_walk *w)
{
    char c = next_byte(w);
    if (c == 'u') {
        w->at++;
        return take_unicode(w);
    }
    if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL) {
        return fail(w, "a wrong escape");
    }
    w->at++;
    return true;
}

static bool take_string(struct check_walk *w)
{
    w->at++;
    while (w->at < w->end && *w->at != '"') {
        if ((uint8_t)*w->at < 0x20) {
            return fail(w, "a control character in a string");
        }
        bool is_escape = *w->at++ == '\\';
        if (is_escape && !take_escape(w)) {
            return false;
        }
    }
    return take(w, '"', "");
}

static bool take_word(struct check_walk *w, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(w->end - w->at) < size || memcmp(w->at, word, size) != 0) {
        w->wrong = "no value";
        return false;
    }
    w->at += size;
    return true;
}

static bool take_number(struct check_walk *w)
{
    struct slice rest = {w->at, (size_t)(w->end - w->at)};
    size_t size = json_number_size(rest);
    if (size == 0) {
        return fail(w, "no value");
    }
    if (json_number_cell((struct slice){w->at, size}).kind == MILL_BAD) {
        return fail(w, "a number that is too large");
    }
    w->at += size;
    return true;
}

static bool take_value(struct check_walk *w, int depth);

static bool take_array(struct check_walk *w, int depth)
{
    w->at++;
    if (is_next(w, ']')) {
        return true;
    }
    do {
        if (!take_value(w, depth)) {
            return false;
        }
    } while (is_next(w, ','));
    return take(w, ']', "neither , nor ] behind an element");
}

static bool take_member(struct check_walk *w, int depth)
{
    skip_blanks(w);
    if (w->at == w->end || *w->at != '"') {
        return fail(w, "a member without a name");
    }
    return take_string(w) && take(w, ':', "no : behind a name") && take_value(w, depth);
}

static bool take_object(struct check_walk *w, int depth)
{
    w->at++;
    if (is_next(w, '}')) {
        return true;
    }
    do {
        if (!take_member(w, depth)) {
            return false;
        }
    } while (is_next(w, ','));
    return take(w, '}', "neither , nor } behind a member");
}

static bool take_value(struct check_walk *w, int depth)
{
    skip_blanks(w);
    char c = next_byte(w);
    if ((c == '{' || c == '[') && depth == LIMIT_JSON_DEPTH_MAX) {
        return fail(w, "nested deeper than 64");
    }
    switch (c) {
    case '{':
        return take_object(w, depth + 1);
    case '[':
        return take_array(w, depth + 1);
    case '"':
        return take_string(w);
    case 't':
        return take_word(w, "true");
    case 'f':
        return take_word(w, "false");
    case 'n':
        return take_word(w, "null");
    default:
        return take_number(w);
    }
}

const char *json_check(struct slice text, size_t *at)
{
    struct check_walk w = {.at = text.data, .end = text.data + text.size};
    *at = 0;
    if (text.size == 0 || !take_value(&w, 0)) {
        *at = (size_t)(w.at - text.data);
        return text.size == 0 ? "it is empty" : w.wrong;
    }
    skip_blanks(&w);
    *at = (size_t)(w.at - text.data);
    if (w.at < w.end) {
        return "something behind the value";
    }
    *at = 0;
    return text_is_utf8(text.data, text.size) ? NULL : "invalid UTF-8";
}

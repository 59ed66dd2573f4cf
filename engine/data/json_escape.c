#include "data/json_escape.h"

#include <stdint.h>
#include <string.h>

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* @return the code unit of four digits, or -1 */
static int32_t read_unit(const char *s, size_t size)
{
    int32_t unit = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < size ? hex_digit(s[i]) : -1;
        if (digit < 0) {
            return -1;
        }
        unit = unit << 4 | digit;
    }
    return unit;
}

static size_t put_utf8(uint32_t code, char *into)
{
    if (code < 0x80) {
        into[0] = (char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        into[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    into[0] = (char)((0xf00u >> size & 0xf0u) | code);
    return size;
}

/* The code point of "uXXXX", or of two of them. @return bytes that it takes, 0: it is wrong */
static size_t read_code(const char *s, size_t size, uint32_t *code)
{
    int32_t unit = size > 1 ? read_unit(s + 1, size - 1) : -1;
    if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff)) {
        return 0;
    }
    *code = (uint32_t)unit;
    if (unit < 0xd800 || unit > 0xdbff) {
        return 5;
    }
    int32_t low = size > 7 && s[5] == '\\' && s[6] == 'u' ? read_unit(s + 7, size - 7) : -1;
    if (low < 0xdc00 || low > 0xdfff) {
        return 0;
    }
    *code = 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
    return 11;
}

/* @param s  behind a backslash @return bytes that it takes, 0: it is wrong */
static size_t read_escape(const char *s, size_t size, uint32_t *code)
{
    static const char plain[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    if (size == 0) {
        return 0;
    }
    if (s[0] == 'u') {
        return read_code(s, size, code);
    }
    const char *found = s[0] == '\0' ? NULL : strchr(plain, s[0]);
    *code = found == NULL ? 0 : (uint8_t)meant[found - plain];
    return found != NULL;
}

size_t json_unescape(const char *s, size_t size, char *into)
{
    size_t used = 0;
    size_t at = 0;
    while (at < size) {
        const char *slash = memchr(s + at, '\\', size - at);
        size_t plain = slash == NULL ? size - at : (size_t)(slash - s) - at;
        memmove(into + used, s + at, plain);
        used += plain;
        at += plain;
        if (slash == NULL) {
            break;
        }
        uint32_t code = 0;
        size_t taken = read_escape(s + at + 1, size - at - 1, &code);
        if (taken == 0) {
            return SIZE_MAX;
        }
        used += put_utf8(code, into + used);
        at += 1 + taken;
    }
    return used;
}

/* Whether a text begins with these bytes; they are taken from it. */
static bool takes(struct slice *text, const char *bytes, size_t size)
{
    if (size > text->size || (size > 0 && memcmp(text->data, bytes, size) != 0)) {
        return false;
    }
    text->data += size;
    text->size -= size;
    return true;
}

bool json_means(const char *s, size_t size, struct slice text)
{
    size_t at = 0;
    while (at < size) {
        const char *slash = memchr(s + at, '\\', size - at);
        size_t plain = slash == NULL ? size - at : (size_t)(slash - s) - at;
        if (!takes(&text, s + at, plain)) {
            return false;
        }
        at += plain;
        if (slash == NULL) {
            break;
        }
        uint32_t code = 0;
        char bytes[4];
        size_t taken = read_escape(s + at + 1, size - at - 1, &code);
        if (taken == 0 || !takes(&text, bytes, put_utf8(code, bytes))) {
            return false;
        }
        at += 1 + taken;
    }
    return text.size == 0;
}

#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"

char *text_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    check(length >= 0);
    char *text = memory_alloc((size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *text_path(const char *folder, const char *name)
{
    size_t length = strlen(folder);
    bool slash = length > 0 && folder[length - 1] == '/';
    return text_format("%s%s%s", folder, slash ? "" : "/", name);
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

bool text_is_name(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > LIMIT_NAME_BYTES || text[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!is_name_byte(text[i])) {
            return false;
        }
    }
    return true;
}

/* The next name of a path; none at its end. */
static struct slice next_name(const char **path)
{
    const char *from = *path;
    size_t size = 0;
    do {
        from += size;
        from += strspn(from, "/");
        size = strcspn(from, "/");
    } while (size == 1 && *from == '.');
    *path = from + size;
    return (struct slice){from, size};
}

bool text_same_path(const char *a, const char *b)
{
    if ((*a == '/') != (*b == '/')) {
        return false;
    }
    struct slice in_a;
    struct slice in_b;
    do {
        in_a = next_name(&a);
        in_b = next_name(&b);
    } while (in_a.size > 0 && in_a.size == in_b.size &&
             memcmp(in_a.data, in_b.data, in_a.size) == 0);
    return in_a.size == 0 && in_b.size == 0;
}

bool text_starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

bool text_ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t tail = strlen(end);
    return length >= tail && memcmp(text + length - tail, end, tail) == 0;
}

/* Bytes that follow a lead byte, and the range of the first of them (RFC 3629, section 4). */
static int sequence_tail(uint8_t lead, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 1;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        *low = lead == 0xE0 ? 0xA0 : 0x80;
        *high = lead == 0xED ? 0x9F : 0xBF;
        return 2;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        *low = lead == 0xF0 ? 0x90 : 0x80;
        *high = lead == 0xF4 ? 0x8F : 0xBF;
        return 3;
    }
    return -1;
}

bool text_is_utf8(const char *bytes, size_t size)
{
    const uint8_t *b = (const uint8_t *)bytes;
    size_t i = 0;
    while (i < size) {
        if (b[i] != 0 && b[i] < 0x80) {
            i++;
            continue;
        }
        uint8_t low = 0;
        uint8_t high = 0;
        int tail = b[i] == 0 ? -1 : sequence_tail(b[i], &low, &high);
        if (tail < 0 || (size_t)tail >= size - i || b[i + 1] < low || b[i + 1] > high) {
            return false;
        }
        for (int k = 2; k <= tail; k++) {
            if ((b[i + (size_t)k] & 0xC0) != 0x80) {
                return false;
            }
        }
        i += (size_t)tail + 1;
    }
    return true;
}

char *text_shell_word(const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789_./:=@%+,-#";
    static const char quote[] = {'\'', '\\', '\'', '\''};
    size_t size = strlen(text);
    /* "#" begins a comment only where a word begins. */
    if (size > 0 && text[0] != '#' && strspn(text, plain) == size) {
        return memory_text(text);
    }
    char *word = memory_alloc(4 * size + 3); /* each quote becomes four characters */
    char *to = word;
    *to++ = '\'';
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\'') {
            memcpy(to, quote, sizeof quote);
            to += sizeof quote;
        } else {
            *to++ = *p;
        }
    }
    memcpy(to, "'", 2);
    return word;
}

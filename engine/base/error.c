#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct error_class {
    const char *name;
    const char *text;
    bool retriable;
    bool fatal;
    int exit_code;
};

#define ERROR_AS_CLASS(name, text, retriable, fatal, exit_code)                                    \
    {#name, text, retriable, fatal, exit_code},
static const struct error_class classes[ERROR_INDEX_COUNT] = {
    {"MILL_OK", "no error", false, false, 0}, ERROR_CODES(ERROR_AS_CLASS)};
#undef ERROR_AS_CLASS

static const struct error_class *class_of(int code)
{
    bool known = code <= 0 && code > -(int)ERROR_INDEX_COUNT;
    return &classes[known ? -code : MILL_EIO_INDEX];
}

int error_set(struct error *e, int code, const char *format, ...)
{
    if (e == NULL) {
        return code;
    }
    e->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(e->message, sizeof e->message, format, args);
    va_end(args);
    return code;
}

int error_set_system(struct error *e, int system_errno, const char *format, ...)
{
    bool full = system_errno == ENOSPC || system_errno == EDQUOT;
    int code = full ? MILL_ENOSPC : system_errno == ENOENT ? MILL_ENOENT : MILL_EIO;
    if (e == NULL) {
        return code;
    }
    e->code = code;
    va_list args;
    va_start(args, format);
    int used = vsnprintf(e->message, sizeof e->message, format, args);
    va_end(args);
    size_t at = used < 0 ? 0 : (size_t)used;
    if (at < sizeof e->message) {
        char text[128];
        snprintf(e->message + at, sizeof e->message - at, ": %s",
                 strerror_r(system_errno, text, sizeof text));
    }
    return code;
}

int error_prefix(struct error *e, const char *format, ...)
{
    if (e == NULL) {
        return MILL_EIO;
    }
    char prefix[ERROR_MESSAGE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    int used = vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    size_t length = used < 0 ? 0 : (size_t)used;
    if (length > 0 && length < sizeof e->message) {
        memmove(e->message + length, e->message, sizeof e->message - length);
        memcpy(e->message, prefix, length);
        e->message[sizeof e->message - 1] = '\0';
    }
    return e->code;
}

void error_clear(struct error *e)
{
    if (e != NULL) {
        e->code = 0;
        e->message[0] = '\0';
    }
}

const char *error_name(int code)
{
    return class_of(code)->name;
}

const char *error_text(int code)
{
    return class_of(code)->text;
}

bool error_is_retriable(int code)
{
    return class_of(code)->retriable;
}

bool error_is_fatal(int code)
{
    return class_of(code)->fatal;
}

int error_exit_code(int code)
{
    return class_of(code)->exit_code;
}

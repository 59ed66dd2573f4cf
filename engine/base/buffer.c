#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/memory.h"

#define BUFFER_BYTES_MIN ((size_t)256)

void buffer_init(struct buffer *b, size_t max)
{
    *b = (struct buffer){.max = max};
}

void buffer_deinit(struct buffer *b)
{
    memory_free(b->data);
    *b = (struct buffer){0};
}

void buffer_clear(struct buffer *b)
{
    b->size = 0;
    b->failed = false;
}

static void grow(struct buffer *b, size_t needed)
{
    size_t capacity = b->capacity > BUFFER_BYTES_MIN ? b->capacity : BUFFER_BYTES_MIN;
    while (capacity < needed) {
        capacity += capacity / 2;
    }
    b->capacity = capacity < b->max ? capacity : b->max;
    b->data = memory_grow(b->data, b->capacity + 1); /* buffer_printf ends its text with a NUL */
}

int buffer_reserve(struct buffer *b, size_t more)
{
    check(b->size <= b->max);
    if (more > b->max - b->size) {
        b->failed = true;
        return MILL_ELIMIT;
    }
    if (b->size + more > b->capacity) {
        grow(b, b->size + more);
    }
    return 0;
}

int buffer_append(struct buffer *b, const void *bytes, size_t size)
{
    int rc = buffer_reserve(b, size);
    if (rc != 0) {
        return rc;
    }
    if (size > 0) {
        memcpy(b->data + b->size, bytes, size);
    }
    b->size += size;
    return 0;
}

int buffer_append_text(struct buffer *b, const char *text)
{
    return buffer_append(b, text, strlen(text));
}

int buffer_append_byte(struct buffer *b, uint8_t byte)
{
    return buffer_append(b, &byte, 1);
}

int buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int needed = vsnprintf(NULL, 0, format, args);
    va_end(args);
    int rc = needed < 0 ? MILL_EINVAL : buffer_reserve(b, (size_t)needed);
    if (rc == 0 && needed > 0) {
        vsnprintf(b->data + b->size, (size_t)needed + 1, format, again);
        b->size += (size_t)needed;
    }
    va_end(again);
    return rc;
}

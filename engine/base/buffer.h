/*
 * A growable run of bytes with a maximum. Appending beyond it fails and changes nothing;
 * whoever makes a buffer says how large it may become.
 *
 * A failure sticks: writers of many small pieces (msgpack, JSON) append without looking and check
 * `failed` once at the end.
 *
 * Owner: whoever called buffer_init. Reused by buffer_clear, so a steady load allocates nothing.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    char *data;      /**< NULL until the first byte */
    size_t size;     /**< bytes in use */
    size_t capacity; /**< bytes allocated */
    size_t max;      /**< never more than this */
    bool failed;     /**< an append met the maximum; until buffer_clear */
};

void buffer_init(struct buffer *b, size_t max);
void buffer_deinit(struct buffer *b);
/** Forget the bytes, keep the memory. */
void buffer_clear(struct buffer *b);

/** Make room for `more` bytes behind the end. @return 0, or MILL_ELIMIT (nothing changed). */
int buffer_reserve(struct buffer *b, size_t more) __attribute__((warn_unused_result));
/** @return 0, or MILL_ELIMIT (nothing changed). */
int buffer_append(struct buffer *b, const void *bytes, size_t size)
    __attribute__((warn_unused_result));
int buffer_append_text(struct buffer *b, const char *text) __attribute__((warn_unused_result));
int buffer_append_byte(struct buffer *b, uint8_t byte) __attribute__((warn_unused_result));
/** Append formatted text. @return 0, or MILL_ELIMIT. */
int buffer_printf(struct buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));

#endif

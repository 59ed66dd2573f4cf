/*
 * Small helpers for C strings: building paths and names, copying with a bound.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/** A new string, formatted. @owns the caller, until memory_free. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

/** "folder/name" as a new string. @owns the caller, until memory_free. */
char *text_path(const char *folder, const char *name) __attribute__((returns_nonnull));

/** The text as one word of a shell's command line: in quotes where it needs them. @owns the caller,
 * until memory_free. */
char *text_shell_word(const char *text) __attribute__((returns_nonnull));

/** True for a name that may become a file name: 1 to LIMIT_NAME_BYTES of A-Z a-z 0-9 _ - and
 * '.', not beginning with '.'. */
bool text_is_name(const char *text);

/** Whether two paths are one, however they are written: "./out//a/" is "out/a". Links and ".." are
 * not followed. */
bool text_same_path(const char *a, const char *b);

bool text_starts_with(const char *text, const char *start);
bool text_ends_with(const char *text, const char *end);

/** True when the bytes are well-formed UTF-8 without NUL. */
bool text_is_utf8(const char *bytes, size_t size);

#endif

/*
 * Errors: what went wrong, and what a caller may do about it.
 *
 * Functions that can fail return an int: 0, or one of the negative codes below. Those whose
 * failure a person will read also take a `struct error *` as their last parameter, owned by
 * the caller, may be NULL, and fill it with one line that says what happened and what to do.
 *
 * A code exists only where some caller acts on it. The two questions that callers ask are
 * answered by error_is_retriable() and error_is_fatal(), the third by error_exit_code().
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#define ERROR_MESSAGE_BYTES_MAX 2048

/* name, meaning, retriable (the epoch can be run again), fatal (the process must end), exit code */
#define ERROR_CODES(X)                                                                             \
    X(MILL_ENOMEM, "memory limit reached", false, false, 1)                                        \
    X(MILL_EIO, "input/output error", false, false, 1)                                             \
    X(MILL_ENOSPC, "no space left", true, false, 1)                                                \
    X(MILL_ESYNC, "sync to disk failed", false, true, 1)                                           \
    X(MILL_EINVAL, "wrong usage", false, false, 2)                                                 \
    X(MILL_ESCRIPT, "error in the script", false, false, 2)                                        \
    X(MILL_EFAILED, "the job failed", false, false, 1)                                             \
    X(MILL_EREFUSED, "refused", false, false, 3)                                                   \
    X(MILL_ECORRUPT, "stored data is damaged", false, false, 3)                                    \
    X(MILL_ELIMIT, "a limit was reached", false, false, 1)                                         \
    X(MILL_ENOENT, "not found", false, false, 1)                                                   \
    X(MILL_EDEADLINE, "a function ran past its deadline", true, false, 1)                          \
    X(MILL_EPIPE, "the reader of standard output went away", false, false, 1)                      \
    X(MILL_ESTOPPED, "stopped", false, false, 1)

#define ERROR_AS_ENUM(name, text, retriable, fatal, exit_code) name##_INDEX,
enum error_index { MILL_OK_INDEX, ERROR_CODES(ERROR_AS_ENUM) ERROR_INDEX_COUNT };
#undef ERROR_AS_ENUM

#define ERROR_AS_CODE(name, text, retriable, fatal, exit_code) name = -(int)name##_INDEX,
enum error_code { MILL_OK = 0, ERROR_CODES(ERROR_AS_CODE) };
#undef ERROR_AS_CODE

struct error {
    int code;                              /**< 0, or an enum error_code */
    char message[ERROR_MESSAGE_BYTES_MAX]; /**< one line for a person; empty when code is 0 */
};

/** Fill `e` (may be NULL). @return code, so that `return error_set(...)` reads well. */
int error_set(struct error *e, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** As error_set, from a system call: "<what>: <strerror>". ENOSPC and EDQUOT become MILL_ENOSPC. */
int error_set_system(struct error *e, int system_errno, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Put text before the message that `e` holds. @return e->code. */
int error_prefix(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

void error_clear(struct error *e);

/** The code's name, e.g. "MILL_EIO"; "MILL_OK" for 0. Never NULL. */
const char *error_name(int code);
/** What the code means, in a few words. Never NULL. */
const char *error_text(int code);
/** True when the epoch can be run again and may then succeed. */
bool error_is_retriable(int code);
/** True when the process must end at once: what is on disk is no longer known. */
bool error_is_fatal(int code);
/** The program's exit code: 0 good, 1 failed, 2 wrong usage or script, 3 refused. */
int error_exit_code(int code);

#endif

/*
 * Assertions that stay on in release: a crash is better than a wrong answer, and every epoch
 * survives one. `dcheck` is for conditions that cost more than a comparison; debug builds only.
 * Never on what comes from outside: that gets an error.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#define check(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) {                                                   \
            check_failed(#condition, __FILE__, __LINE__);                                          \
        }                                                                                          \
    } while (0)

#ifdef TIDEMILL_DEBUG
#define dcheck(condition) check(condition)
#else
#define dcheck(condition) ((void)sizeof(!(condition)))
#endif

/** Say which condition does not hold, and abort. */
__attribute__((noreturn, cold)) void check_failed(const char *condition, const char *file,
                                                  int line);

#endif

/*
 * Another process that holds the lock of a data directory.
 */
#ifndef TESTS_ENGINE_RUN_LOCK_HOLDER_H
#define TESTS_ENGINE_RUN_LOCK_HOLDER_H

#include <signal.h>
#include <unistd.h>

#include "run/lock_file.h"
#include "testing.h"

/** It has the lock when this returns, and waits for signals. @param on_term  or SIG_DFL */
static inline pid_t lock_holder_begin(const char *folder, void (*on_term)(int))
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = -1;
        signal(SIGTERM, on_term);
        char byte = lock_file_take(folder, &fd, NULL) == 0 ? 'y' : 'n';
        (void)!write(ends[1], &byte, 1);
        for (;;) {
            pause();
        }
    }
    char byte = 0;
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(ends[0]);
    close(ends[1]);
    return child;
}

#endif

#include "run/standard_output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* How soon a write that waits sees that the job ends. */
#define STDOUT_POLL_MS 200

/* A reader that is stopped must not keep the engine from ending: when poll says so, a pipe takes
 * PIPE_BUF bytes without waiting. */
static int wait_for_reader(struct publisher *publisher, struct error *e)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
    while (poll(&p, 1, STDOUT_POLL_MS) == 0) {
        if (publisher_is_stopped(publisher)) {
            return error_set(e, MILL_ESTOPPED, "standard output is not read");
        }
    }
    return 0;
}

int standard_output_write(struct publisher *publisher, const void *bytes, size_t size,
                          struct error *e)
{
    const char *at = bytes;
    while (size > 0) {
        int rc = wait_for_reader(publisher, e);
        if (rc != 0) {
            return rc;
        }
        ssize_t n = write(STDOUT_FILENO, at, size < PIPE_BUF ? size : PIPE_BUF);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            int code = errno == EPIPE ? MILL_EPIPE : MILL_EIO;
            return error_set(e, code, "cannot write to standard output: %s", strerror(errno));
        }
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

static void do_nothing(int number)
{
    (void)number;
}

/* Not SIG_IGN: so that it can be told from a program that was started with SIGPIPE ignored. */
void standard_output_begin(void)
{
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL) {
        struct sigaction ours = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
        sigaction(SIGPIPE, &ours, NULL);
    }
}

bool standard_output_ends_quietly(void)
{
    struct sigaction now;
    return sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == do_nothing;
}

int standard_output_end_code(void)
{
    return 128 + SIGPIPE;
}

void standard_output_end(void)
{
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
}

#include "run/patient_write.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* How soon a write that waits sees that the job ends. */
#define POLL_MS 200

static int wait_for_room(int fd, const struct publisher *p, struct error *e)
{
    struct pollfd at = {.fd = fd, .events = POLLOUT};
    while (poll(&at, 1, POLL_MS) == 0) {
        if (publisher_is_stopped(p)) {
            return error_set(e, MILL_ESTOPPED, "standard output is not read");
        }
    }
    return 0;
}

int patient_write(int fd, struct slice bytes, const struct publisher *p, struct error *e)
{
    while (bytes.size > 0) {
        int rc = wait_for_room(fd, p, e);
        if (rc != 0) {
            return rc;
        }
        /* When poll says so, a pipe takes that much without waiting. */
        ssize_t n = write(fd, bytes.data, bytes.size < PIPE_BUF ? bytes.size : PIPE_BUF);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            int code = errno == EPIPE ? MILL_EPIPE : MILL_EIO;
            return error_set(e, code, "cannot write to standard output: %s", strerror(errno));
        }
        bytes.data += n;
        bytes.size -= (size_t)n;
    }
    return 0;
}

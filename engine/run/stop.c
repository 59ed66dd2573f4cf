#include "run/stop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/lock_file.h"

#define SHOW_EVERY_MS 200
#define CLEAR_LINE    "\r\033[K"

static int refuse_idle(const char *data_folder, struct error *e)
{
    return error_set(e, MILL_ENOENT, "no job runs in %s", data_folder);
}

/* A handle to the holder of the lock. @param fd  out: -1 when it ended meanwhile */
static int open_holder(const char *data_folder, pid_t *pid, int *fd, struct error *e)
{
    *fd = -1;
    int rc = lock_file_holder(data_folder, pid, e);
    if (rc == MILL_ENOENT || (rc == 0 && *pid == 0)) {
        return refuse_idle(data_folder, e);
    }
    if (rc != 0) {
        return rc;
    }
    *fd = pidfd_open(*pid, 0);
    if (*fd < 0 && errno != ESRCH) {
        return error_set_system(e, errno, "cannot watch process %ld", (long)*pid);
    }
    /* The handle is of whoever has the number now: is it the holder still? */
    pid_t now = 0;
    rc = lock_file_holder(data_folder, &now, e);
    if (rc == 0 && now != *pid && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return rc;
}

static void show(pid_t pid, int64_t begun_us)
{
    char line[128];
    int size = snprintf(line, sizeof line, CLEAR_LINE "stopping process %ld: %.0f s", (long)pid,
                        (double)(clock_elapsed_us() - begun_us) / 1e6);
    (void)!write(STDERR_FILENO, line, (size_t)size);
}

/* Readable: the process has ended. */
static void wait_for_end(int fd, pid_t pid)
{
    int64_t begun_us = clock_elapsed_us();
    bool is_live = isatty(STDERR_FILENO) == 1;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, SHOW_EVERY_MS) <= 0) {
        if (is_live) {
            show(pid, begun_us);
        }
    }
    if (is_live) {
        (void)!write(STDERR_FILENO, CLEAR_LINE, sizeof CLEAR_LINE - 1);
    }
}

int stop_job(const char *data_folder, struct error *e)
{
    pid_t pid = 0;
    int fd = -1;
    int rc = open_holder(data_folder, &pid, &fd, e);
    if (rc != 0 || fd < 0) {
        return rc; /* without a handle it has ended by itself */
    }
    if (pidfd_send_signal(fd, SIGTERM, NULL, 0) == 0) {
        wait_for_end(fd, pid);
        log_info("process %ld has ended", (long)pid);
    } else if (errno != ESRCH) {
        rc = error_set(e, MILL_EREFUSED, "cannot stop process %ld, which runs the job in %s: %s",
                       (long)pid, data_folder, strerror(errno));
    }
    close(fd);
    return rc;
}

#include "base/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#define FAILPOINT_DELAY_MS 200

int failpoint_result(int system_errno, const char *where, struct error *e)
{
    return system_errno == 0 ? 0 : error_set_system(e, system_errno, "failpoint %s", where);
}

#define FAILPOINT_AS_NAME(name) #name,
static const char *const names[] = {FAILPOINTS(FAILPOINT_AS_NAME)};
#undef FAILPOINT_AS_NAME

const char *failpoint_name(int index)
{
    return index >= 0 && index < FAILPOINT_COUNT ? names[index] : NULL;
}

enum action { ACTION_NONE, ACTION_KILL, ACTION_EIO, ACTION_ENOSPC, ACTION_DELAY };

/* One configuration for the process: a failpoint is a property of where the code runs. */
static struct {
    enum action action;
    long at_hit;
    bool and_later;
    atomic_long hits;
} points[FAILPOINT_COUNT];

static int find_point(const char *name, size_t length)
{
    for (int i = 0; i < FAILPOINT_COUNT; i++) {
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
            return i;
        }
    }
    return -1;
}

static enum action find_action(const char *text, size_t length)
{
    static const char *const words[] = {"", "kill", "eio", "enospc", "delay"};
    for (int i = ACTION_KILL; i <= ACTION_DELAY; i++) {
        if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0) {
            return (enum action)i;
        }
    }
    return ACTION_NONE;
}

/* Digits, then perhaps a plus, up to `end`. @return the number, 0 when it is something else */
static long read_hit(const char *text, const char *end, bool *and_later)
{
    size_t digits = strspn(text, "0123456789");
    *and_later = text[digits] == '+';
    return text + digits + *and_later == end ? strtol(text, NULL, 10) : 0;
}

static int configure_one(const char *text, size_t length, struct error *e)
{
    const char *colon = memchr(text, ':', length);
    const char *at = colon == NULL ? NULL : memchr(colon, '@', length - (size_t)(colon - text));
    int point = colon == NULL ? -1 : find_point(text, (size_t)(colon - text));
    enum action action =
        at == NULL ? ACTION_NONE : find_action(colon + 1, (size_t)(at - colon - 1));
    bool and_later = false;
    long hit = at == NULL ? 0 : read_hit(at + 1, text + length, &and_later);
    if (point < 0 || action == ACTION_NONE || hit <= 0) {
        return error_set(e, MILL_EINVAL, "failpoint \"%.*s\": write name:kill|eio|enospc|delay@n",
                         (int)length, text);
    }
    points[point].action = action;
    points[point].at_hit = hit;
    points[point].and_later = and_later;
    return 0;
}

int failpoint_configure(const char *text, struct error *e)
{
    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, ",");
        int rc = configure_one(text, length, e);
        if (rc != 0) {
            return rc;
        }
        text += length + (text[length] == ',');
    }
    return 0;
}

#ifdef TIDEMILL_FAILPOINTS
static void log_first_hit(enum failpoint point)
{
    const char *path = getenv("TIDEMILL_FAILPOINT_LOG");
    int fd = path == NULL ? -1 : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0) {
        char line[80];
        int length = snprintf(line, sizeof line, "%s\n", names[point]);
        if (write(fd, line, (size_t)length) != length) {
            perror("failpoint log");
        }
        close(fd);
    }
}

int failpoint_hit(enum failpoint point)
{
    long hit = atomic_fetch_add(&points[point].hits, 1) + 1;
    if (hit == 1) {
        log_first_hit(point);
    }
    if (hit != points[point].at_hit && !(points[point].and_later && hit > points[point].at_hit)) {
        return 0;
    }
    switch (points[point].action) {
    case ACTION_KILL:
        kill(getpid(), SIGKILL);
        pause();
        return 0;
    case ACTION_EIO:
        return EIO;
    case ACTION_ENOSPC:
        return ENOSPC;
    case ACTION_DELAY:
        nanosleep(&(struct timespec){.tv_nsec = FAILPOINT_DELAY_MS * 1000000L}, NULL);
        return 0;
    case ACTION_NONE:
        break;
    }
    return 0;
}
#endif

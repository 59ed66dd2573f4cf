#include "run/lock_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

static int open_lock(const char *folder, int flags)
{
    char *path = text_path(folder, "LOCK");
    int fd = -1;
    do {
        fd = open(path, flags | O_CLOEXEC, 0666);
    } while (fd < 0 && errno == EINTR);
    memory_free(path);
    return fd;
}

static void read_holder(int fd, char *text, size_t size)
{
    ssize_t n = pread(fd, text, size - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
}

static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

static int refuse(int fd, const char *folder, struct error *e)
{
    char holder[32];
    read_holder(fd, holder, sizeof holder);
    return error_set(e, MILL_EREFUSED,
                     "%s is in use by another engine (process %s); stop it first, or give this "
                     "one its own --data",
                     folder, holder[0] != '\0' ? holder : "unknown");
}

int lock_file_take(const char *folder, int *fd, struct error *e)
{
    *fd = open_lock(folder, O_RDWR | O_CREAT);
    if (*fd < 0) {
        return error_set_system(e, errno, "cannot open the lock of %s", folder);
    }
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        return refuse(*fd, folder, e);
    }
    /* Where this one fails (some network file systems) nobody is told who it is, no more. */
    struct flock lock = whole_file();
    (void)fcntl(*fd, F_SETLK, &lock);
    char pid[32];
    int size = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(*fd, 0) != 0 || pwrite(*fd, pid, (size_t)size, 0) != size) {
        return error_set_system(e, errno, "cannot write the lock of %s", folder);
    }
    return 0;
}

int lock_file_holder(const char *folder, pid_t *pid, struct error *e)
{
    *pid = 0;
    int fd = open_lock(folder, O_RDONLY);
    if (fd < 0) {
        return error_set_system(e, errno, "cannot open the lock of %s", folder);
    }
    struct flock lock = whole_file();
    int rc = fcntl(fd, F_GETLK, &lock) == 0
                 ? 0
                 : error_set_system(e, errno, "cannot read the lock of %s", folder);
    bool is_told = rc == 0 && lock.l_type != F_UNLCK;
    bool is_taken = is_told || (rc == 0 && flock(fd, LOCK_SH | LOCK_NB) != 0);
    close(fd);
    *pid = is_told && lock.l_pid > 0 ? lock.l_pid : 0;
    if (is_taken && *pid == 0) {
        rc = error_set(e, MILL_EREFUSED,
                       "%s is in use by a process that cannot be seen from here (in another "
                       "container, or on another machine)",
                       folder);
    }
    return rc;
}

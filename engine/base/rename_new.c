#include "base/rename_new.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

/* What a call says that this file system does not know. */
static bool is_unknown(int why)
{
    return why == EINVAL || why == ENOSYS || why == EOPNOTSUPP;
}

int rename_new_by_look(const char *from, const char *to)
{
    struct stat s;
    if (lstat(to, &s) == 0) {
        return EEXIST;
    }
    if (errno != ENOENT) {
        return errno;
    }
    return rename(from, to) == 0 ? 0 : errno;
}

/* @return 0, or an errno */
static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL   ? memory_text(".")
                   : slash == path ? memory_text("/")
                                   : memory_copy(path, (size_t)(slash - path));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    memory_free(folder);
    if (fd < 0) {
        return errno;
    }
    int why = fsync(fd) == 0 || errno == EINVAL ? 0 : errno; /* some sync no folders */
    close(fd);
    return why;
}

int rename_new_by_link(const char *from, const char *to)
{
    if (link(from, to) != 0) {
        bool has_no_links = is_unknown(errno) || errno == EPERM || errno == EMLINK;
        return has_no_links ? ENOSYS : errno;
    }
    int why = sync_folder_of(to);
    return why != 0 ? why : unlink(from) == 0 ? 0 : errno;
}

int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    int why = errno;
    if (is_unknown(why)) {
        why = rename_new_by_link(from, to);
    }
    return why == ENOSYS ? rename_new_by_look(from, to) : why;
}

#include "base/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/memory.h"
#include "base/text.h"

void spill_init(struct spill *s)
{
    *s = (struct spill){.fd = -1};
}

/* Not every file system knows O_TMPFILE. */
static int open_and_unlink(const char *folder)
{
    char *path = text_path(folder, "spill-XXXXXX");
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) {
        unlink(path);
    }
    memory_free(path);
    return fd;
}

int spill_open(struct spill *s, const char *folder, struct error *e)
{
    s->size = 0;
    s->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd < 0) {
        s->fd = open_and_unlink(folder);
    }
    return s->fd >= 0 ? 0 : error_set_system(e, errno, "cannot open a spill file in %s", folder);
}

void spill_close(struct spill *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    spill_init(s);
}

int spill_write(struct spill *s, const void *bytes, size_t size, struct error *e)
{
    int fault = FAILPOINT(spill_write);
    if (fault != 0) {
        return error_set_system(e, fault, "cannot write a spill file");
    }
    const char *at = bytes;
    size_t left = size;
    while (left > 0) {
        ssize_t n = pwrite(s->fd, at, left, (off_t)(s->size + (size - left)));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return error_set_system(e, n == 0 ? ENOSPC : errno, "cannot write a spill file");
        }
        at += n;
        left -= (size_t)n;
    }
    s->size += size;
    return 0;
}

int spill_read(const struct spill *s, void *into, size_t size, uint64_t offset, struct error *e)
{
    char *at = into;
    while (size > 0) {
        ssize_t n = pread(s->fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return error_set_system(e, n == 0 ? EIO : errno, "cannot read a spill file");
        }
        at += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

void spill_reset(struct spill *s)
{
    if (s->fd >= 0 && ftruncate(s->fd, 0) == 0) {
        s->size = 0;
    } else {
        spill_close(s);
    }
}

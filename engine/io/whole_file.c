#include "io/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "io/input_file.h"

bool whole_file_is_same(const struct listed_file *a, const struct listed_file *b)
{
    return file_identity_equal(&a->identity, &b->identity) && a->size == b->size &&
           a->mtime_ns == b->mtime_ns;
}

static int read_all(int fd, const char *path, size_t size_max, struct buffer *into,
                    struct listed_file *as, struct error *e)
{
    if (file_look_open(fd, as) != 0) {
        return error_set(e, MILL_EREFUSED, "%s is not a file", path);
    }
    if (as->size > size_max) {
        return error_set(e, MILL_ELIMIT, "%s has %llu bytes; at most %zu MiB are possible", path,
                         (unsigned long long)as->size, size_max >> 20);
    }
    size_t size = (size_t)as->size;
    size_t got = 0;
    struct listed_file after;
    buffer_clear(into);
    int rc = buffer_reserve(into, size + LIMIT_TEXT_PADDING);
    rc = rc == 0 ? file_read(fd, into->data, size, 0, &got) : rc;
    if (rc != 0) {
        return error_set_system(e, errno, "cannot read %s", path);
    }
    if (got != size || file_look_open(fd, &after) != 0 || !whole_file_is_same(as, &after)) {
        return error_set(e, MILL_EIO, "%s changed while it was read", path);
    }
    memset(into->data + size, 0, LIMIT_TEXT_PADDING);
    into->size = size;
    return 0;
}

int whole_file_read(const char *path, size_t size_max, struct buffer *into, struct listed_file *as,
                    struct error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is not waited for */
    if (fd < 0) {
        int rc = errno == ENOENT ? MILL_ENOENT : MILL_EIO;
        error_set_system(e, errno, "cannot open %s", path);
        return rc;
    }
    int rc = read_all(fd, path, size_max, into, as, e);
    close(fd);
    return rc;
}

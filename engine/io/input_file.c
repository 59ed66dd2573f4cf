#include "io/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/memory.h"

int file_read(int fd, void *into, size_t size, uint64_t offset, size_t *got)
{
    char *at = into;
    *got = 0;
    while (*got < size) {
        ssize_t n = pread(fd, at + *got, size - *got, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 ? 0 : MILL_EIO;
        }
        *got += (size_t)n;
    }
    return 0;
}

static enum input_opening fail_to_read(const char *path, struct error *e)
{
    error_set_system(e, errno, "cannot read %s", path);
    return INPUT_UNREADABLE;
}

static enum input_opening compare(const struct known_file *known, const char *path,
                                  const void *head, uint64_t size, struct error *e)
{
    switch (known_file_judge(known, head, size)) {
    case FILE_SAME:
        return INPUT_OPENED;
    case FILE_ANOTHER:
        error_set(e, MILL_ENOENT, "%s was written anew after it was listed", path);
        return INPUT_REWRITTEN;
    case FILE_SMALLER:
        break;
    }
    bool is_packed = (known->flags & FILE_PACKED) != 0;
    uint64_t read = is_packed ? known->packed_size : known->offset;
    error_set(e, MILL_EREFUSED,
              "%s has %llu bytes now, and %llu were read of it before; --reread %s reads it again "
              "from its start, --skip-file %s leaves it out",
              path, (unsigned long long)size, (unsigned long long)read, path, path);
    return INPUT_SHRUNK;
}

enum input_opening input_file_check(struct input_file *file, const char *path,
                                    struct known_file *known, struct error *e)
{
    struct listed_file now;
    char head[FILE_HEAD_BYTES];
    size_t head_size = 0;
    if (file_look_open(file->fd, &now) != 0 ||
        file_read(file->fd, head, sizeof head, 0, &head_size) != 0) {
        return fail_to_read(path, e);
    }
    file->has_changed = now.size != known->size || now.mtime_ns != known->mtime_ns;
    uint64_t size = head_size < sizeof head ? head_size : now.size; /* what was just read is so */
    enum input_opening result = compare(known, path, head, size, e);
    if (result == INPUT_OPENED && known->head.size == 0 && head_size > 0) {
        file_head_take(&known->head, head, head_size);
        known->is_dirty = true;
    }
    return result;
}

/* O_NONBLOCK: the name may have become a pipe, and opening that would wait for a writer. */
static int open_for_reading(const char *path)
{
    int fd = -1;
    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static enum input_opening refuse(int fd, enum input_opening result)
{
    close(fd);
    return result;
}

enum input_opening input_file_open(const char *path, struct known_file *known,
                                   struct input_file **result, struct error *e)
{
    *result = NULL;
    int fd = open_for_reading(path);
    if (fd < 0) {
        int rc = error_set_system(e, errno, "cannot open %s", path);
        return rc == MILL_ENOENT ? INPUT_GONE : INPUT_UNREADABLE;
    }
    struct listed_file now;
    if (file_look_open(fd, &now) != 0 || !file_identity_equal(&now.identity, &known->identity)) {
        error_set(e, MILL_ENOENT, "%s is another file now", path);
        return refuse(fd, INPUT_GONE);
    }
    struct input_file opened = {.fd = fd, .size = known->size};
    opened.is_packed = (known->flags & FILE_PACKED) != 0;
    enum input_opening opening = input_file_check(&opened, path, known, e);
    if (opening != INPUT_OPENED) {
        return refuse(fd, opening);
    }
    *result = memory_alloc(sizeof **result);
    **result = opened;
    return INPUT_OPENED;
}

void input_file_close(struct input_file *file)
{
    if (file != NULL) {
        close(file->fd);
        memory_free(file);
    }
}

bool input_file_ends_unfinished(const struct input_file *file)
{
    char last = '\0';
    size_t got = 0;
    return file->size > 0 &&
           (file_read(file->fd, &last, 1, file->size - 1, &got) != 0 || last != '\n');
}

#include "base/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/rename_new.h"
#include "base/text.h"

#define READ_BYTES_MIN ((size_t)4096)

static int real_open(void *c, const char *path, enum disk_open_mode mode, struct disk_file *f,
                     struct error *e)
{
    (void)c;
    int access = mode == DISK_READ ? O_RDONLY : mode == DISK_UPDATE ? O_RDWR : O_WRONLY;
    int flags = access | O_CLOEXEC | (mode == DISK_CREATE ? O_CREAT | O_TRUNC : 0);
    f->fd = open(path, flags, 0666);
    f->fake = NULL;
    return f->fd >= 0 ? 0 : error_set_system(e, errno, "cannot open %s", path);
}

static int real_write(void *c, struct disk_file *f, const struct disk_write *w, struct error *e)
{
    (void)c;
    const char *at = w->bytes;
    size_t left = w->size;
    uint64_t offset = w->offset;
    while (left > 0) {
        ssize_t n = pwrite(f->fd, at, left, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return error_set_system(e, n == 0 ? ENOSPC : errno, "cannot write");
        }
        at += n;
        left -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

static int real_read_at(void *c, struct disk_file *f, struct disk_read *r, struct error *e)
{
    (void)c;
    size_t got = 0;
    while (got < r->size) {
        ssize_t n = pread(f->fd, (char *)r->into + got, r->size - got, (off_t)(r->offset + got));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return error_set_system(e, errno, "cannot read");
        }
        if (n == 0) {
            break;
        }
        got += (size_t)n;
    }
    r->size = got;
    return 0;
}

static int real_truncate(void *c, struct disk_file *f, uint64_t size, struct error *e)
{
    (void)c;
    return ftruncate(f->fd, (off_t)size) == 0 ? 0 : error_set_system(e, errno, "cannot truncate");
}

static int sync_fd(int fd, const char *what, struct error *e)
{
#ifdef TIDEMILL_BENCH_NO_COMMIT /* what commits cost: bench/README.md */
    return 0;
#endif
    if (fsync(fd) == 0) {
        return 0;
    }
    int why = errno;
    error_set_system(e, why, "cannot sync %s", what);
    if (e != NULL) {
        e->code = MILL_ESYNC;
    }
    errno = why;
    return MILL_ESYNC;
}

static int real_sync(void *c, struct disk_file *f, struct error *e)
{
    (void)c;
    return sync_fd(f->fd, "a file", e);
}

static void real_close(void *c, struct disk_file *f)
{
    (void)c;
    if (f->fd >= 0) {
        close(f->fd);
        f->fd = -1;
    }
}

/* @return bytes that can be read behind the end; 0 when the buffer is full */
static size_t make_room(struct buffer *into)
{
    size_t left = into->max - into->size;
    int rc = buffer_reserve(into, left < READ_BYTES_MIN ? left : READ_BYTES_MIN);
    check(rc == 0);
    return into->capacity - into->size;
}

static int read_all(int fd, struct buffer *into)
{
    for (;;) {
        size_t room = make_room(into);
        char beyond; /* a full buffer is an error only when the file has one byte more */
        ssize_t n = room > 0 ? read(fd, into->data + into->size, room) : read(fd, &beyond, 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 ? 0 : MILL_EIO;
        }
        if (room == 0) {
            return buffer_reserve(into, 1);
        }
        into->size += (size_t)n;
    }
}

static int real_read(void *c, const char *path, struct buffer *into, struct error *e)
{
    (void)c;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set_system(e, errno, "cannot open %s", path);
    }
    int rc = read_all(fd, into);
    if (rc == MILL_EIO) {
        rc = error_set_system(e, errno, "cannot read %s", path);
    } else if (rc != 0) {
        rc = error_set(e, rc, "%s is larger than %zu bytes", path, into->max);
    }
    close(fd);
    return rc;
}

static int real_rename(void *c, const char *from, const char *to, struct error *e)
{
    (void)c;
    return rename(from, to) == 0 ? 0 : error_set_system(e, errno, "cannot rename %s", from);
}

static int real_rename_new(void *c, const char *from, const char *to, struct error *e)
{
    (void)c;
    int why = rename_new(from, to);
    return why == 0 ? 0 : why == EEXIST ? 1 : error_set_system(e, why, "cannot rename %s", from);
}

static int real_remove(void *c, const char *path, struct error *e)
{
    (void)c;
    if (unlink(path) == 0 || errno == ENOENT) {
        return 0;
    }
    return error_set_system(e, errno, "cannot remove %s", path);
}

static int make_one_folder(const char *path, struct error *e)
{
    struct stat s;
    if (mkdir(path, 0777) == 0) {
        return 0;
    }
    int why = errno;
    if (why == EEXIST && stat(path, &s) == 0 && S_ISDIR(s.st_mode)) {
        return 0;
    }
    return error_set_system(e, why == EEXIST ? ENOTDIR : why, "cannot make the folder %s", path);
}

static int real_make_folder(void *c, const char *path, struct error *e)
{
    (void)c;
    char *copy = memory_text(path);
    int rc = 0;
    char *first = copy + (copy[0] == '/'); /* "/" itself is there */
    for (char *slash = strchr(first, '/'); slash != NULL && rc == 0;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        rc = make_one_folder(copy, e);
        *slash = '/';
    }
    memory_free(copy);
    return rc == 0 ? make_one_folder(path, e) : rc;
}

static int real_remove_folder(void *c, const char *path, struct error *e)
{
    (void)c;
    if (rmdir(path) == 0 || errno == ENOENT) {
        return 0;
    }
    return error_set_system(e, errno, "cannot remove the folder %s", path);
}

static int real_sync_folder(void *c, const char *path, struct error *e)
{
    (void)c;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return error_set_system(e, errno, "cannot open the folder %s", path);
    }
    int rc = sync_fd(fd, path, e);
    bool is_without = rc != 0 && errno == EINVAL; /* a file system that syncs no folders */
    close(fd);
    return is_without ? 0 : rc;
}

static int real_list(void *c, const char *path, disk_list_fn fn, void *fn_context, struct error *e)
{
    (void)c;
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return error_set_system(e, errno, "cannot list %s", path);
    }
    int rc = 0;
    errno = 0;
    for (struct dirent *d = readdir(dir); d != NULL && rc == 0; d = readdir(dir)) {
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0) {
            rc = fn(fn_context, d->d_name);
        }
        errno = 0;
    }
    if (rc == 0 && errno != 0) {
        rc = error_set_system(e, errno, "cannot list %s", path);
    }
    closedir(dir);
    return rc;
}

static int real_look(void *c, const char *path, struct disk_entry *entry, struct error *e)
{
    (void)c;
    struct stat s;
    *entry = (struct disk_entry){0};
    if (stat(path, &s) != 0) {
        bool absent = errno == ENOENT || errno == ENOTDIR;
        return absent ? 0 : error_set_system(e, errno, "cannot look at %s", path);
    }
    entry->exists = true;
    entry->is_folder = S_ISDIR(s.st_mode);
    entry->size = (uint64_t)s.st_size;
    entry->device = (uint64_t)s.st_dev;
    entry->inode = (uint64_t)s.st_ino;
    return 0;
}

static const struct disk_ops real_ops = {
    .open = real_open,
    .write = real_write,
    .read_at = real_read_at,
    .truncate = real_truncate,
    .sync = real_sync,
    .close = real_close,
    .read = real_read,
    .rename = real_rename,
    .rename_new = real_rename_new,
    .remove = real_remove,
    .make_folder = real_make_folder,
    .remove_folder = real_remove_folder,
    .sync_folder = real_sync_folder,
    .list = real_list,
    .look = real_look,
};

struct disk disk_real(void)
{
    return (struct disk){.ops = &real_ops};
}

int disk_open(const struct disk *d, const char *path, enum disk_open_mode mode, struct disk_file *f,
              struct error *e)
{
    return d->ops->open(d->context, path, mode, f, e);
}

int disk_write(const struct disk *d, struct disk_file *f, const void *bytes, size_t size,
               uint64_t offset, struct error *e)
{
    struct disk_write w = {bytes, size, offset};
    return d->ops->write(d->context, f, &w, e);
}

int disk_read_at(const struct disk *d, struct disk_file *f, void *into, size_t *size,
                 uint64_t offset, struct error *e)
{
    struct disk_read r = {into, *size, offset};
    int rc = d->ops->read_at(d->context, f, &r, e);
    *size = r.size;
    return rc;
}

int disk_truncate(const struct disk *d, struct disk_file *f, uint64_t size, struct error *e)
{
    return d->ops->truncate(d->context, f, size, e);
}

int disk_sync(const struct disk *d, struct disk_file *f, struct error *e)
{
    return d->ops->sync(d->context, f, e);
}

void disk_close(const struct disk *d, struct disk_file *f)
{
    d->ops->close(d->context, f);
}

int disk_read(const struct disk *d, const char *path, struct buffer *into, struct error *e)
{
    return d->ops->read(d->context, path, into, e);
}

int disk_rename(const struct disk *d, const char *from, const char *to, struct error *e)
{
    return d->ops->rename(d->context, from, to, e);
}

int disk_rename_new(const struct disk *d, const char *from, const char *to, struct error *e)
{
    return d->ops->rename_new(d->context, from, to, e);
}

int disk_remove(const struct disk *d, const char *path, struct error *e)
{
    return d->ops->remove(d->context, path, e);
}

int disk_make_folder(const struct disk *d, const char *path, struct error *e)
{
    return d->ops->make_folder(d->context, path, e);
}

/* Shorten a path to that of the folder above it. @return false for those that have none */
static bool cut_to_folder(char *path)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    path[size] = '\0';
    if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0 || path[0] == '\0') {
        return false;
    }
    char *slash = strrchr(path, '/');
    if (slash == NULL) {
        path[0] = '.';
        slash = path;
    }
    slash[slash == path] = '\0';
    return true;
}

int disk_make_folder_safe(const struct disk *d, const char *path, struct error *e)
{
    char *at = memory_text(path);
    int rc = disk_make_folder(d, path, e);
    while (rc == 0 && cut_to_folder(at)) {
        rc = disk_sync_folder(d, at, e);
        rc = rc == MILL_EIO ? 0 : rc; /* one that may be passed through but not read */
    }
    memory_free(at);
    return rc;
}

int disk_remove_folder(const struct disk *d, const char *path, struct error *e)
{
    return d->ops->remove_folder(d->context, path, e);
}

int disk_sync_folder(const struct disk *d, const char *path, struct error *e)
{
    return d->ops->sync_folder(d->context, path, e);
}

int disk_list(const struct disk *d, const char *path, disk_list_fn fn, void *fn_context,
              struct error *e)
{
    return d->ops->list(d->context, path, fn, fn_context, e);
}

int disk_look(const struct disk *d, const char *path, struct disk_entry *entry, struct error *e)
{
    return d->ops->look(d->context, path, entry, e);
}

static int write_and_sync(const struct disk *d, const char *path, const void *bytes, size_t size,
                          struct error *e)
{
    struct disk_file f;
    int rc = disk_open(d, path, DISK_CREATE, &f, e);
    if (rc != 0) {
        return rc;
    }
    rc = disk_write(d, &f, bytes, size, 0, e);
    if (rc == 0) {
        rc = disk_sync(d, &f, e);
    }
    disk_close(d, &f);
    if (rc != 0) {
        error_prefix(e, "%s: ", path);
    }
    return rc;
}

int disk_replace(const struct disk *d, const char *path, const void *bytes, size_t size,
                 struct error *e)
{
    char *folder = memory_text(path);
    (void)cut_to_folder(folder);
    char *temporary = text_format("%s.tmp", path);
    int rc = write_and_sync(d, temporary, bytes, size, e);
    if (rc == 0) {
        rc = disk_rename(d, temporary, path, e);
    }
    if (rc == 0) {
        rc = disk_sync_folder(d, folder, e);
    }
    memory_free(temporary);
    memory_free(folder);
    return rc;
}

#include "io/file_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/check.h"
#include "base/text.h"

#define NS_PER_S 1000000000

#define LOOK_MASK (STATX_TYPE | STATX_INO | STATX_SIZE | STATX_MTIME | STATX_BTIME)

void file_list_init(struct file_list *l)
{
    *l = (struct file_list){0};
    arena_init(&l->names);
}

void file_list_deinit(struct file_list *l)
{
    arena_deinit(&l->names);
    memory_free(l->files);
    *l = (struct file_list){0};
}

bool file_identity_equal(const struct file_identity *a, const struct file_identity *b)
{
    bool births_known = a->birth_ns != FILE_BIRTH_UNKNOWN && b->birth_ns != FILE_BIRTH_UNKNOWN;
    bool same = births_known ? a->birth_ns == b->birth_ns : a->device == b->device;
    return a->inode == b->inode && same;
}

static int64_t ns_of(const struct statx_timestamp *t)
{
    return t->tv_sec * NS_PER_S + t->tv_nsec;
}

static int look_at(int folder_fd, const char *name, int flags, struct listed_file *file)
{
    struct statx s;
    if (statx(folder_fd, name, flags, LOOK_MASK, &s) != 0) {
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? MILL_ENOENT : MILL_EIO;
    }
    if (!S_ISREG(s.stx_mode)) {
        return MILL_ENOENT;
    }
    bool has_birth = (s.stx_mask & STATX_BTIME) != 0;
    *file = (struct listed_file){
        .identity = {.device = makedev(s.stx_dev_major, s.stx_dev_minor),
                     .inode = s.stx_ino,
                     .birth_ns = has_birth ? ns_of(&s.stx_btime) : FILE_BIRTH_UNKNOWN},
        .size = s.stx_size,
        .mtime_ns = ns_of(&s.stx_mtime),
    };
    return 0;
}

int file_look(const char *path, struct listed_file *file)
{
    return look_at(AT_FDCWD, path, 0, file);
}

int file_look_open(int fd, struct listed_file *file)
{
    return look_at(fd, "", AT_EMPTY_PATH, file);
}

static bool is_seen(const char *name, const char *pattern)
{
    return name[0] != '.' && name[0] != '_' && !text_ends_with(name, ".tmp") &&
           fnmatch(pattern, name, 0) == 0;
}

/* What vanished after its name was read is not there, and neither is what a link points to in a
 * folder that we may not enter. Any other trouble fails the whole listing: a file that was left
 * out would count as missed. @return 0, or an errno */
static int add_name(struct file_list *l, int folder_fd, const struct dirent *d)
{
    struct listed_file file;
    int rc = look_at(folder_fd, d->d_name, 0, &file);
    if (rc == MILL_ENOENT || (rc != 0 && errno == EACCES && d->d_type == DT_LNK)) {
        return 0;
    }
    if (rc != 0) {
        return errno;
    }
    if (l->count == l->capacity) {
        check(l->capacity <= UINT32_MAX / 2);
        l->capacity = l->capacity == 0 ? 64 : l->capacity * 2;
        l->files = memory_grow(l->files, (size_t)l->capacity * sizeof *l->files);
    }
    file.name = arena_copy(&l->names, d->d_name, strlen(d->d_name) + 1);
    l->files[l->count++] = file;
    return 0;
}

static int compare_files(const void *left, const void *right)
{
    const struct listed_file *a = left;
    const struct listed_file *b = right;
    if (a->mtime_ns != b->mtime_ns) {
        return a->mtime_ns < b->mtime_ns ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const struct listed_file *)left)->name,
                  ((const struct listed_file *)right)->name);
}

static int fail(int why, const char *folder, struct error *e)
{
    switch (why) {
    case ENOENT:
        return error_set(e, MILL_ENOENT, "the input folder %s does not exist; make it", folder);
    case ENOTDIR:
        return error_set(e, MILL_EIO,
                         "the input %s is not a folder; name the folder that holds "
                         "the files",
                         folder);
    case EACCES:
        return error_set(e, MILL_EIO,
                         "the input folder %s cannot be listed: permission denied; "
                         "give the right to read and enter it",
                         folder);
    default:
        error_set_system(e, why, "cannot list the input folder %s", folder);
        if (e != NULL) {
            e->code = MILL_EIO;
        }
        return MILL_EIO;
    }
}

/* @return 0, or the errno with which listing failed */
static int read_names(struct file_list *l, DIR *dir, const char *pattern)
{
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (d == NULL) {
            return errno;
        }
        bool may_be_file = d->d_type == DT_REG || d->d_type == DT_LNK || d->d_type == DT_UNKNOWN;
        int why = may_be_file && is_seen(d->d_name, pattern) ? add_name(l, dirfd(dir), d) : 0;
        if (why != 0) {
            return why;
        }
    }
}

int file_list_read(struct file_list *l, const char *folder, const char *pattern, struct error *e)
{
    l->count = 0;
    arena_reset(&l->names);
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return fail(errno, folder, e);
    }
    int why = read_names(l, dir, pattern);
    closedir(dir);
    if (why != 0) {
        l->count = 0;
        return fail(why, folder, e);
    }
    if (l->count > 1) {
        qsort(l->files, l->count, sizeof *l->files, l->by_name ? compare_names : compare_files);
    }
    return 0;
}

/*
 * What is in a folder now: the files that a file source may read.
 *
 * Names that start with '.' or '_' or end in ".tmp" are not seen, so a writer can make a file in
 * place and rename it when it is whole. Subfolders are not entered. A symbolic link to a file
 * counts as that file. A file that cannot be opened is listed all the same: that is found out when
 * it is opened.
 *
 * Owner: whoever called file_list_init. Listing again reuses the memory.
 */
#ifndef IO_FILE_LIST_H
#define IO_FILE_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

/** Birth time of a file whose file system does not keep one. */
#define FILE_BIRTH_UNKNOWN 0

/** What stays the same while a file's name and content change. */
struct file_identity {
    uint64_t device;
    uint64_t inode;
    int64_t birth_ns; /**< since 1970, or FILE_BIRTH_UNKNOWN */
};

struct listed_file {
    const char *name; /**< without the folder; borrowed from the list */
    struct file_identity identity;
    uint64_t size;    /**< bytes */
    int64_t mtime_ns; /**< last change of the content, since 1970 */
};

struct file_list {
    struct listed_file *files; /**< by (mtime_ns, name), or by name */
    bool by_name;
    uint32_t count;
    uint32_t capacity;
    struct arena names;
};

void file_list_init(struct file_list *l);
void file_list_deinit(struct file_list *l);

/**
 * List a folder anew.
 * @param pattern  names, with * ? [] as in a shell
 * @return 0, MILL_ENOENT when there is no such folder, MILL_EIO when it cannot be listed. Then the
 *         list is empty and the message names the folder and says what is wanted.
 */
int file_list_read(struct file_list *l, const char *folder, const char *pattern, struct error *e)
    __attribute__((warn_unused_result));

/** Look at one file; `name` stays NULL. @return 0, MILL_ENOENT: no regular file is there, or
 *  MILL_EIO */
int file_look(const char *path, struct listed_file *file) __attribute__((warn_unused_result));
/** The same of an open file. */
int file_look_open(int fd, struct listed_file *file) __attribute__((warn_unused_result));

/**
 * True unless the two are surely different. The number of a device may be another after a reboot or
 * a remount, so it counts only where a birth time is unknown.
 */
bool file_identity_equal(const struct file_identity *a, const struct file_identity *b);

#endif

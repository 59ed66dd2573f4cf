/*
 * The disk: every file operation whose durability matters goes through this interface, so that
 * tests bring a disk that loses what was not synced, fails, or fills up (tests/engine/fake_disk.h).
 *
 * The rules of a POSIX file system that the engine relies on:
 *   - bytes are safe once disk_sync() of the file returned 0;
 *   - a new name, a rename or a removal is safe once disk_sync_folder() of its folder returned 0;
 *   - rename replaces the name in one step, or takes one that is free.
 * A sync that fails is never tried again: the kernel may have dropped the pages. It gives
 * MILL_ESYNC, on which the process ends.
 *
 * Paths are borrowed. @thread any; one file handle belongs to one thread at a time.
 */
#ifndef BASE_DISK_H
#define BASE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct disk_file {
    int fd;     /**< of the real disk; -1 when closed */
    void *fake; /**< of a test's disk */
};

struct disk_entry {
    bool exists;
    bool is_folder;
    uint64_t size; /**< bytes, of a file */
    uint64_t device;
    uint64_t inode; /**< with the device: one file or folder, whatever paths lead to it */
};

struct disk_write {
    const void *bytes;
    size_t size;
    uint64_t offset; /**< from the start of the file */
};

struct disk_read {
    void *into;
    size_t size;     /**< in: room; out: bytes read, fewer only at the end of the file */
    uint64_t offset; /**< from the start of the file */
};

enum disk_open_mode {
    DISK_CREATE, /**< a new file, for writing; a file of that name is cut to nothing */
    DISK_UPDATE, /**< an existing file, for reading and writing; MILL_ENOENT when there is none */
    DISK_READ    /**< an existing file, for reading; MILL_ENOENT when there is none */
};

/** Called for each name in a folder, but not "." and "..". Return nonzero to stop. */
typedef int (*disk_list_fn)(void *context, const char *name);

struct disk_ops {
    int (*open)(void *c, const char *path, enum disk_open_mode mode, struct disk_file *f,
                struct error *e);
    int (*write)(void *c, struct disk_file *f, const struct disk_write *w, struct error *e);
    int (*read_at)(void *c, struct disk_file *f, struct disk_read *r, struct error *e);
    int (*truncate)(void *c, struct disk_file *f, uint64_t size, struct error *e);
    int (*sync)(void *c, struct disk_file *f, struct error *e);
    void (*close)(void *c, struct disk_file *f);
    int (*read)(void *c, const char *path, struct buffer *into, struct error *e);
    int (*rename)(void *c, const char *from, const char *to, struct error *e);
    int (*rename_new)(void *c, const char *from, const char *to, struct error *e);
    int (*remove)(void *c, const char *path, struct error *e);
    int (*make_folder)(void *c, const char *path, struct error *e);
    int (*remove_folder)(void *c, const char *path, struct error *e);
    int (*sync_folder)(void *c, const char *path, struct error *e);
    int (*list)(void *c, const char *path, disk_list_fn fn, void *fn_context, struct error *e);
    int (*look)(void *c, const char *path, struct disk_entry *entry, struct error *e);
};

struct disk {
    const struct disk_ops *ops;
    void *context;
};

/** The machine's disk. */
struct disk disk_real(void);

int disk_open(const struct disk *d, const char *path, enum disk_open_mode mode, struct disk_file *f,
              struct error *e);
/** All bytes, at an offset of the file. */
int disk_write(const struct disk *d, struct disk_file *f, const void *bytes, size_t size,
               uint64_t offset, struct error *e);
/** Up to *size bytes from an offset. @param size in: room at `into`; out: bytes read, fewer only
 * at the end of the file */
int disk_read_at(const struct disk *d, struct disk_file *f, void *into, size_t *size,
                 uint64_t offset, struct error *e);
int disk_truncate(const struct disk *d, struct disk_file *f, uint64_t size, struct error *e);
int disk_sync(const struct disk *d, struct disk_file *f, struct error *e);
/** Closing a closed file is nothing. */
void disk_close(const struct disk *d, struct disk_file *f);

/** Append a whole file to a buffer. @return 0, MILL_ENOENT, MILL_ELIMIT (larger than the buffer
 * may be), MILL_EIO. */
int disk_read(const struct disk *d, const char *path, struct buffer *into, struct error *e);
/** Replaces `to` if there is one. */
int disk_rename(const struct disk *d, const char *from, const char *to, struct error *e);
/** Never replaces. @return 0; 1: `to` is there, and nothing was done; or an error. A crash, or an
 * error, may leave both names to the one file. */
int disk_rename_new(const struct disk *d, const char *from, const char *to, struct error *e);
/** A file that is not there is no error. */
int disk_remove(const struct disk *d, const char *path, struct error *e);
/** With all folders above it; one that is there is no error. */
int disk_make_folder(const struct disk *d, const char *path, struct error *e);
/** As disk_make_folder; its name and those above it are safe, whoever made them. */
int disk_make_folder_safe(const struct disk *d, const char *path, struct error *e);
/** An empty folder; one that is not there is no error. */
int disk_remove_folder(const struct disk *d, const char *path, struct error *e);
int disk_sync_folder(const struct disk *d, const char *path, struct error *e);
/** Names in no order. @return 0, MILL_ENOENT, MILL_EIO, or what fn returned. */
int disk_list(const struct disk *d, const char *path, disk_list_fn fn, void *fn_context,
              struct error *e);
int disk_look(const struct disk *d, const char *path, struct disk_entry *entry, struct error *e);

/** Write a small file so that it is either whole or absent after a crash: a temporary name in the
 * same folder, sync, rename, sync of the folder. */
int disk_replace(const struct disk *d, const char *path, const void *bytes, size_t size,
                 struct error *e);

#endif

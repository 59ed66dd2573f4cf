/*
 * An open file that a source reads. At every opening it is made sure that it is the file that is
 * known. It stays readable when its name is removed.
 *
 * Owner: the range of the plan that it was opened for; blocks that are cut from it borrow it until
 * they are done. Its fields do not change while it is open, so workers read them freely.
 */
#ifndef IO_INPUT_FILE_H
#define IO_INPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "io/known_file.h"

struct input_file {
    int fd;
    uint64_t size;    /**< when listed: no byte of the file behind it is read */
    bool is_packed;   /**< gzip */
    bool has_changed; /**< when it was looked at last it was not any more as listed */
};

enum input_opening {
    INPUT_OPENED,
    INPUT_GONE,       /* its name is gone, or another file has it */
    INPUT_UNREADABLE, /* no rights, no descriptors left, a broken disk */
    INPUT_REWRITTEN,  /* its head differs */
    INPUT_SHRUNK,     /* its head is equal, and it is smaller than what was read of it */
};

/**
 * Open a known file; one that is opened for the first time gets its head.
 * @param result  out, when INPUT_OPENED. @owns the caller, until input_file_close
 * @param e       else: why not, naming the file
 */
enum input_opening input_file_open(const char *path, struct known_file *known,
                                   struct input_file **result, struct error *e);
/** Look again whether an open file is still what is known. Never INPUT_GONE. */
enum input_opening input_file_check(struct input_file *file, const char *path,
                                    struct known_file *known, struct error *e);
/** NULL is nothing. */
void input_file_close(struct input_file *file);

/** Read at an offset, going on after interrupts and short reads.
 * @param got  out: bytes read; fewer than size only at the end of the file
 * @return 0, or MILL_EIO */
int file_read(int fd, void *into, size_t size, uint64_t offset, size_t *got)
    __attribute__((warn_unused_result));

/** True when the last of the file's listed bytes is not a line end (or it cannot be read). */
bool input_file_ends_unfinished(const struct input_file *file);

#endif

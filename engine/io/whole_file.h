/*
 * A file that is read at once, as it was at one moment: what changes while it is read is not taken.
 *
 * @thread any
 */
#ifndef IO_WHOLE_FILE_H
#define IO_WHOLE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "io/file_list.h"

/**
 * @param size_max  bytes
 * @param into      initialised with room for size_max + LIMIT_TEXT_PADDING; cleared. So many bytes
 *                  behind the text may be read
 * @param as        out: how the file was
 * @return 0; MILL_ENOENT; MILL_ELIMIT; MILL_EIO, also when it changed meanwhile; MILL_EREFUSED: it
 * is no regular file. The message names the path.
 */
int whole_file_read(const char *path, size_t size_max, struct buffer *into, struct listed_file *as,
                    struct error *e) __attribute__((warn_unused_result));

/** Whether a file is as it was. */
bool whole_file_is_same(const struct listed_file *a, const struct listed_file *b);

#endif

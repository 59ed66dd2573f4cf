/*
 * The rows that a manifest stands for, as bytes: inline, or in a file.
 */
#ifndef IO_MANIFEST_ROWS_H
#define IO_MANIFEST_ROWS_H

#include "base/disk.h"
#include "base/error.h"
#include "io/manifest.h"

typedef int (*manifest_rows_fn)(void *context, struct slice bytes, struct error *e);

/** Give all bytes to a function, piece by piece. @param path  the file, or NULL: inline
 *  @return 0, what the disk says, or what fn returned */
int manifest_rows_each(const struct disk *disk, const struct manifest *m, const char *path,
                       manifest_rows_fn fn, void *context, struct error *e);

/** Compare with the checksum. @return 0, MILL_ECORRUPT, or what the disk says */
int manifest_rows_check(const struct disk *disk, const struct manifest *m, const char *path,
                        struct error *e);

#endif

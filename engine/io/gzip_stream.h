/*
 * Unpacking a gzip file from its start: one member or several, one after the other, give one run
 * of bytes. Bytes behind the file's planned size do not exist.
 *
 * Owner: one block reader; kept from file to file, so that a steady job allocates nothing.
 * @thread owner only
 */
#ifndef IO_GZIP_STREAM_H
#define IO_GZIP_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct gzip_stream; /* opaque */

struct gzip_stream *gzip_stream_create(void);
/** NULL is nothing. */
void gzip_stream_destroy(struct gzip_stream *g);

/** Begin with a file. @param packed_size  bytes of it that count */
void gzip_stream_begin(struct gzip_stream *g, int fd, uint64_t packed_size);

/**
 * The next unpacked bytes.
 * @param got  out: as many as asked for; fewer only at the end
 * @return 0, MILL_ECORRUPT (not gzip, damaged, or cut off), MILL_EREFUSED (the file is smaller than
 *         packed_size), MILL_EIO. No message: the caller knows the file's name.
 */
int gzip_stream_read(struct gzip_stream *g, void *into, size_t size, size_t *got)
    __attribute__((warn_unused_result));

#endif

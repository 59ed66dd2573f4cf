/*
 * Writing an epoch's rows into a file, and reading them back to publish them: in big pieces, with
 * a checksum over all bytes.
 */
#ifndef IO_ROWS_FILE_H
#define IO_ROWS_FILE_H

#include <stdint.h>

#include "base/disk.h"
#include "base/error.h"
#include "base/hash.h"
#include "flow/rows.h"

struct rows_sum {
    uint64_t row_count;
    uint64_t byte_count;
    uint64_t checksum; /**< XXH3 of the bytes */
};

/** Where rows are appended to an open file. */
struct rows_place {
    const struct disk *disk;
    struct disk_file *file;
    uint64_t offset;
    XXH3_state_t *file_sum; /**< NULL, or the sum over what stands before the offset: it is
                                 continued, and the rows' checksum is of the whole file */
};

/** Append all rows; not synced. */
int rows_file_write(const struct rows_place *to, struct rows_reader *rows, struct rows_sum *sum,
                    struct error *e);

/** Append all rows to a buffer. @return 0, MILL_ELIMIT (they do not fit), MILL_EIO */
int rows_file_collect(struct rows_reader *rows, struct buffer *into, struct rows_sum *sum,
                      struct error *e);

#endif

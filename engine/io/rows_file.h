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

/**
 * Append all rows to an open file, from an offset on; not synced.
 * @param file_sum  NULL, or the sum over what stands before the offset: it is continued, and
 *                  sum->checksum is of the whole file
 */
int rows_file_write(const struct disk *disk, struct disk_file *file, uint64_t offset,
                    struct rows_reader *rows, XXH3_state_t *file_sum, struct rows_sum *sum,
                    struct error *e);

/** Append all rows to a buffer. @return 0, MILL_ELIMIT (they do not fit), MILL_EIO */
int rows_file_collect(struct rows_reader *rows, struct buffer *into, struct rows_sum *sum,
                      struct error *e);

#endif

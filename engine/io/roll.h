/*
 * The open file of an output with `roll`: it collects the rows of many epochs in the target's
 * hidden folder, named open-<output>-<first epoch>. META holds how far it is committed, and the
 * checksum of that much.
 */
#ifndef IO_ROLL_H
#define IO_ROLL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/disk.h"
#include "base/error.h"
#include "base/hash.h"
#include "io/target.h"

#define ROLL_BYTES_MAX ((size_t)16 * 1024)

struct roll {
    bool is_open;
    uint64_t first_epoch; /**< names the file */
    uint64_t length;      /**< bytes that are committed */
    uint64_t rows;
    int64_t opened_ms; /**< C of its first epoch */
    uint64_t checksum; /**< XXH3 of the committed bytes */
};

void roll_file_name(uint16_t output, uint64_t first_epoch, char name[PART_NAME_MAX]);

/** @param folder, suffix  where the file will go when it ends. @return 0, MILL_ELIMIT */
int roll_encode(const struct roll *r, const char *folder, const char *suffix, struct buffer *into)
    __attribute__((warn_unused_result));
/** @param folder, suffix  out, borrowed from bytes. @return 0, MILL_ECORRUPT */
int roll_decode(struct slice bytes, struct roll *r, struct slice *folder, struct slice *suffix,
                struct error *e) __attribute__((warn_unused_result));

/**
 * Check what is committed of the file, cut what stands behind it (an epoch that was not committed
 * wrote it), and make that safe.
 * @param sum  out: the sum over what is committed, to be continued
 * @return 0, MILL_EREFUSED (gone, or shorter than committed), MILL_ECORRUPT, what the disk says
 */
int roll_cut(const struct roll *r, const struct disk *disk, const char *path, XXH3_state_t *sum,
             struct error *e);

#endif

/*
 * Manifests: what an output prepared for an epoch, as the epoch's batch holds it. A manifest
 * carries all that publishing needs (where, under which name, the rows or the file that holds
 * them), so rows still go out when the script that made them is no longer there.
 *
 *     kind      what publishing does
 *     STREAM    write the rows to standard output
 *     BATCH     hand the rows to the script's function
 *     PART      give a temporary file its name in a folder
 *     FOLDER    make a folder, and give a temporary file (if any) its name in it
 *     HELD      nothing: the rows stay in the output's open file (roll)
 *
 * In OUTBOX until the mark that covers it is committed.
 */
#ifndef IO_MANIFEST_H
#define IO_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

enum manifest_kind {
    MANIFEST_STREAM = 1,
    MANIFEST_BATCH = 2,
    MANIFEST_PART = 3,
    MANIFEST_FOLDER = 4,
    MANIFEST_HELD = 5
};

struct manifest {
    enum manifest_kind kind;
    uint16_t output; /**< its number in the store */
    uint64_t epoch;
    int64_t time_ms;
    bool is_keyed; /**< rows are pairs */
    uint64_t row_count;
    uint64_t byte_count; /**< of the file, or of the inline rows */
    uint64_t checksum;   /**< of them, XXH3 */
    struct slice rows;   /**< inline, when `file` is empty */
    struct slice file;   /**< name of the file with the rows: in outbox/ of the data directory, or
                              in the hidden folder of the target */
    struct slice folder; /**< target folder of PART and FOLDER */
    struct slice name;   /**< final name in it; of FOLDER: new folder's name */
    struct slice part;   /**< FOLDER: the file's name in the new folder */
    struct slice label;  /**< of the output, for messages */
};

int manifest_encode(const struct manifest *m, struct buffer *into)
    __attribute__((warn_unused_result));
/** @param m  out: its slices are borrowed from bytes. @return 0, or MILL_ECORRUPT */
int manifest_decode(struct slice bytes, struct manifest *m, struct error *e)
    __attribute__((warn_unused_result));

#endif

/*
 * How long RocksDB's MANIFEST is, kept inside the database.
 *
 * MANIFEST is a log of which files the database consists of. Cut between two of its records it is
 * whole to RocksDB, which then opens an older set of files and removes the newer ones. A copy that
 * was taken while the job ran may be such a one. So every write says how long the file was:
 *
 *     default family:  "manifest"  ->  u64 number, u64 bytes
 *
 * A file that is shorter than the newest write knew has lost records. Not seen are those that were
 * added since; the store writes once more before it is closed, so that after a good end there are
 * none.
 */
#ifndef STATE_STORE_MANIFEST_H
#define STATE_STORE_MANIFEST_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

#define STORE_MANIFEST_KEY   "manifest"
#define STORE_MANIFEST_BYTES 16

struct store_manifest {
    uint64_t number; /**< in the file's name; a newer file has a larger one */
    uint64_t bytes;
};

/** Look at the MANIFEST that CURRENT names. All zero when there is none. @return 0, MILL_EIO */
int store_manifest_look(const char *folder, struct store_manifest *m, struct error *e);

void store_manifest_encode(const struct store_manifest *m, char bytes[STORE_MANIFEST_BYTES]);

/**
 * @param found  as it was before RocksDB opened it
 * @param noted  value of the key
 * @return 0, or MILL_ECORRUPT when records are lost
 */
int store_manifest_check(const char *folder, const struct store_manifest *found, struct slice noted,
                         struct error *e);

#endif

/*
 * The floor: the newest epoch of which anything was published, in the file EPOCHS beside the
 * store. A store that opens below it was rewound (restored from a copy, cut by a damaged log), and
 * would publish epochs under numbers that were used before: refused.
 *
 * Two slots of 32 bytes, written in turn: store id u64, epoch u64, checksum u64, zero u64. The
 * larger valid one counts, so a torn write loses nothing that matters.
 *
 * It is made, synced, at the first start on an empty store, before anything is committed. So a
 * store with an epoch has one; a missing file, one of another size or without a valid slot could
 * hide a rewound store, and is refused.
 *
 * @thread one at a time
 */
#ifndef IO_FLOOR_H
#define IO_FLOOR_H

#include <stdint.h>

#include "base/disk.h"
#include "base/error.h"

#define FLOOR_FILE "EPOCHS" /* in the data folder */

struct floor_file {
    const struct disk *disk;
    char *path;
    uint64_t store_id;
    uint64_t epoch; /**< newest of which anything was published; 0: none */
    uint32_t next;  /**< slot that is written next: the one that does not hold it */
};

/** The store that it belongs to. */
struct floor_store {
    uint64_t id;
    uint64_t epoch; /**< newest committed; 0: none, and the file may be missing */
};

/** Read the file, or make it.
 *  @return 0; MILL_EREFUSED: it is another store's, missing or damaged; MILL_EIO... */
int floor_open(struct floor_file *f, const struct disk *disk, const char *data_folder,
               struct floor_store store, struct error *e);
void floor_close(struct floor_file *f);
/** Before anything of an epoch is published. Synced. An epoch that is not above is nothing. */
int floor_raise(struct floor_file *f, uint64_t epoch, struct error *e);

#endif

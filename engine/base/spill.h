/*
 * Spill files: what does not fit into a budget goes to disk for the rest of an epoch. They have
 * no name (nothing is left behind by a crash) and are never synced (nothing reads them after one).
 *
 * Owner: whoever opened it. Writes by one thread; reads by any, once writing has ended.
 */
#ifndef BASE_SPILL_H
#define BASE_SPILL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct spill {
    int fd;        /**< -1: not open */
    uint64_t size; /**< bytes written */
};

void spill_init(struct spill *s);
/** Open one in a folder. @return 0, MILL_ENOSPC, MILL_EIO */
int spill_open(struct spill *s, const char *folder, struct error *e);
void spill_close(struct spill *s);
/** Append. @return 0, MILL_ENOSPC, MILL_EIO */
int spill_write(struct spill *s, const void *bytes, size_t size, struct error *e);
/** Read exactly size bytes. @return 0, or MILL_EIO */
int spill_read(const struct spill *s, void *into, size_t size, uint64_t offset, struct error *e);
/** Begin anew: cut to nothing. */
void spill_reset(struct spill *s);

#endif

/*
 * Merging: all workers' runs of one shard as one sequence, sorted by (key group, key, order).
 *
 * A binary heap of cursors; one cursor is one run, in memory or in a file. With a single run, the
 * usual case of a small job, nothing is compared.
 *
 * Reads sealed shuffles, which must not change meanwhile. @thread one at a time for each merge;
 * different shards of the same shuffles may be merged by different threads.
 */
#ifndef FLOW_MERGE_H
#define FLOW_MERGE_H

#include "base/error.h"
#include "flow/run_file.h"
#include "flow/shuffle.h"

struct merge_cursor {
    struct shuffle_entry entry; /**< the next one */
    const struct mill_shuffle *shuffle;
    uint32_t at; /**< in memory: place in shuffle->sorted */
    uint32_t end;
    bool in_file;
    struct run_reader reader;
    uint32_t rank; /**< of equal entries the lower rank comes first */
};

struct merge {
    struct merge_cursor *cursors;
    uint32_t cursor_count;
    uint32_t *heap; /**< indexes of cursors that have an entry */
    uint32_t heap_size;
    bool started;
};

/** @param shuffles  sealed; borrowed until merge_close
 *  @return 0, or MILL_EIO (nothing is left open) */
int merge_open(struct merge *m, struct mill_shuffle *const *shuffles, uint32_t shuffle_count,
               uint32_t shard, struct error *e);
void merge_close(struct merge *m);

/** @param entry  out: borrowed until the next call
 *  @return 1, 0 at the end, or MILL_EIO */
int merge_next(struct merge *m, const struct shuffle_entry **entry, struct error *e);

#endif

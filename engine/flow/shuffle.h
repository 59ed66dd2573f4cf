/*
 * Shuffled records: one worker's part of one stage's input, by key group, in order.
 *
 * While the epoch fills, records (or, from a keyed table, partial values) are appended. At its end
 * they are sorted; what outgrew the budget before that was sorted and written to a spill file as a
 * *run*. merge.h reads all workers' runs of a shard as one sorted sequence.
 *
 *     entries in memory ──sort──► order[]          by (key group, key, order, appearance)
 *                        └spill─► run 0, run 1...  the same, in a file, with each shard's offset
 *
 * `order` is the position of the block (or shard) that a record came from; within one block
 * records keep the order in which they were appended, after `origin` where several segments feed
 * one stage from the same chunk.
 *
 * Of a table of panes (windows) the keys are pane, key group, key, so that a shard is in order of
 * time; of one of spans (sessions) they are the keys, with the first time as the order and the last
 * as the origin.
 *
 * Owner: one worker until shuffle_seal; then read by whoever merges. @thread owner only
 */
#ifndef FLOW_SHUFFLE_H
#define FLOW_SHUFFLE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ffi.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/spill.h"
#include "state/table.h"

struct shuffle_entry {
    const char *key;    /**< encoded; in the arena or in a table */
    uint32_t key_size;  /**< bytes */
    uint32_t key_group; /**< of KEY_GROUP_COUNT */
    uint64_t order;     /**< position of the block it came from */
    uint64_t origin;    /**< where in the block: offset of the record it came from, or its number */
    struct mill_cell cell; /**< NUMBER (len: values in it), STRING, PACKED or RECORD */
};

/** How the number of a record in its chunk becomes an origin. */
struct shuffle_origin {
    const struct mill_slice *lines; /**< of a chunk of lines, else NULL */
    const struct mill_word *words;  /**< of a chunk of words, else NULL */
    const char *text;               /**< that lines point into, and words' offsets count from */
    uint64_t base; /**< offset of text in the block; of other chunks: records before */
};

struct shuffle_run {
    uint64_t shard_offset[SHARD_COUNT + 1]; /**< in the spill file; the last is the end */
};

struct shuffle_key; /* what sorting moves around */

struct mill_shuffle {
    struct shuffle_entry *entries;
    uint32_t count;
    uint32_t capacity;
    uint32_t peak;                         /**< the most entries of an epoch, or a run, lately */
    uint32_t clear_count;                  /**< epochs since then */
    struct arena arena;                    /**< keys and values of the entries */
    uint64_t order;                        /**< of the block that runs; the host sets it */
    uint64_t epoch;                        /**< that runs; the host sets it */
    struct shuffle_origin origin;          /**< of the chunk that runs; the host sets it */
    size_t bytes_max;                      /**< in memory; then a run is written */
    uint32_t *sorted;                      /**< indexes of entries in order; valid after seal */
    uint32_t shard_start[SHARD_COUNT + 1]; /**< in sorted[] */
    struct shuffle_key *sort_keys;
    uint32_t sort_capacity;
    const char *spill_folder; /**< borrowed */
    struct spill spill;
    struct shuffle_run *runs;
    uint32_t run_count;
    uint64_t spilled_bytes; /**< since the epoch began, for stats */
    struct error error;     /**< of the first write that failed, until shuffle_clear */
};

void shuffle_init(struct mill_shuffle *s, const char *spill_folder, size_t bytes_max);
void shuffle_deinit(struct mill_shuffle *s);

/**
 * Append a record; key and value are copied.
 * @param index  of the record in the chunk that it came from: s->origin makes its origin of it
 * @return 0, MILL_ELIMIT when the value is larger than a record may be (nothing changed), or what
 *         writing a run failed with (also in s->error; the epoch cannot go on)
 */
int shuffle_add(struct mill_shuffle *s, struct slice key, const struct mill_cell *cell,
                uint32_t index);

/** Append an entry as it is, with its group, order and origin; key and value are copied. The same
 * errors. */
int shuffle_add_entry(struct mill_shuffle *s, const struct shuffle_entry *given);

/** Append the touched keys of a sealed table, without copying: the table stays as it is until
 * shuffle_clear or shuffle_spill. */
void shuffle_add_table(struct mill_shuffle *s, const struct table *t);

/** Write what is in memory as a run and forget it. @return 0, or what writing failed with */
int shuffle_spill(struct mill_shuffle *s);

/** Sort what is in memory; no more is added. */
void shuffle_seal(struct mill_shuffle *s);

/** Begin an epoch: forget everything. */
void shuffle_clear(struct mill_shuffle *s);

/** Bytes that its records take, and that sorting them will. */
size_t shuffle_memory(const struct mill_shuffle *s);

/** Order of two entries: key group, key, order, origin. */
int shuffle_compare(const struct shuffle_entry *a, const struct shuffle_entry *b);

#endif

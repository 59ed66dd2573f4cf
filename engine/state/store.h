/*
 * The store: where everything that survives lives, in one database, written in one synced batch
 * for each epoch. Two implementations: RocksDB, and memory (tests of jobs, simulation), which can
 * fail and can lose what was not synced.
 *
 *     META    id, format version, graph, scripts, epoch records, sources' partitions, marks
 *     STATE   operator u16, key group u16, encoded key  ->  msgpack value
 *     OUTBOX  output u16, epoch u64  ->  manifest of rows that wait to be published
 *     REDO    epoch u64, part u32  ->  a part of a large state change
 *
 * A batch takes effect whole or not at all, also across a crash. A synced write makes all earlier
 * writes safe too. Keys of a batch in ascending order, family by family, are about three times
 * cheaper than in hash order; it is not required.
 *
 * Reads and writes: any thread; writes of several threads go one after the other.
 */
#ifndef STATE_STORE_H
#define STATE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

enum store_family { STORE_META, STORE_STATE, STORE_OUTBOX, STORE_REDO, STORE_FAMILY_COUNT };

/** Many keys of one family, and what is found. */
struct store_lookup {
    enum store_family family;
    const struct slice *keys; /**< ascending; at most STORE_LOOKUP_MAX */
    uint32_t count;
    struct buffer *values; /**< out: appended, one behind the other */
    struct slice *found;   /**< out: where each key's value is in values; data NULL: it has none */
};

#define STORE_LOOKUP_MAX 8192

struct store;
struct store_batch;
struct store_iterator;

/** One store's functions; use the store_ functions below instead. */
struct store_ops {
    int (*get)(struct store *s, enum store_family f, struct slice key, struct buffer *value,
               struct error *e);
    int (*get_many)(struct store *s, struct store_lookup *l, struct error *e);
    int (*write)(struct store *s, const struct store_batch *b, bool sync, struct error *e);
    struct store_iterator *(*iterate)(struct store *s, enum store_family f, struct slice from,
                                      struct slice to);
    int (*next)(struct store_iterator *i, struct slice *key, struct slice *value, struct error *e);
    void (*iterate_end)(struct store_iterator *i);
    void (*close)(struct store *s);
    void (*set_cache)(struct store *s, size_t bytes); /* NULL: nothing is cached */
};

/** First member of every implementation. */
struct store {
    const struct store_ops *ops;
};

/** First member of every implementation's iterator. */
struct store_iterator {
    const struct store_ops *ops;
};

/**
 * Open the RocksDB at a path, or make it.
 * Its memory is bounded as base/limits.h says. A log whose inside is damaged is an error; a torn
 * last record, which no synced write can leave behind, is cut off.
 * @param create  false: MILL_ENOENT when there is none
 * @return 0; MILL_ENOENT; MILL_EREFUSED when another process has it open; MILL_ECORRUPT; MILL_EIO;
 *         MILL_ENOSPC
 */
int store_open_rocksdb(const char *path, bool create, struct store **result, struct error *e);

/** An empty store in memory. */
struct store *store_create_memory(void);

/** Memory store only: forget every write since the last synced one, as a power cut does. */
void store_memory_crash(struct store *s);
/** Memory store only: let the n-th write from now on fail with a code (0: none). A failed write
 * changes nothing. */
void store_memory_fail(struct store *s, int after_writes, int code);

void store_close(struct store *s);

/** How much memory what was read from disk may take: LIMIT_BLOCK_CACHE_BYTES at first. Indexes and
 * filters of large state are in it, too. */
void store_set_cache(struct store *s, size_t bytes);

/** Append the value to a buffer. @return 0, MILL_ENOENT, MILL_ECORRUPT, MILL_EIO, MILL_ELIMIT */
int store_get(struct store *s, enum store_family f, struct slice key, struct buffer *value,
              struct error *e);

/** Read many keys at once: much cheaper than one after the other. Appending to l->values later
 * makes l->found invalid. @return 0, MILL_ECORRUPT, MILL_EIO, MILL_ELIMIT */
int store_get_many(struct store *s, struct store_lookup *l, struct error *e);

/**
 * @param sync  true: on return 0 this and all earlier writes are on disk
 * @return 0, MILL_ENOSPC (nothing changed, but the store may have to be opened anew), MILL_ESYNC
 *         or MILL_EIO (what is on disk is not known)
 */
int store_write(struct store *s, const struct store_batch *b, bool sync, struct error *e);

/** Walk over the keys in [from, to), ascending; `to` empty: to the end. Sees the store as it was
 * at this call. @owns the caller, until store_iterate_end. */
struct store_iterator *store_iterate(struct store *s, enum store_family f, struct slice from,
                                     struct slice to);
/** @param key, value  out: borrowed until the next call. @return 1, 0 at the end, MILL_ECORRUPT,
 * MILL_EIO */
int store_next(struct store_iterator *i, struct slice *key, struct slice *value, struct error *e);
void store_iterate_end(struct store_iterator *i);

/** A list of changes. @owns the caller */
struct store_batch *store_batch_create(void);
void store_batch_destroy(struct store_batch *b);
void store_batch_clear(struct store_batch *b);
/** Key and value are copied. */
void store_batch_put(struct store_batch *b, enum store_family f, struct slice key,
                     struct slice value);
void store_batch_remove(struct store_batch *b, enum store_family f, struct slice key);
/** Remove the keys in [from, to). */
void store_batch_remove_range(struct store_batch *b, enum store_family f, struct slice from,
                              struct slice to);
/** Bytes of memory that its changes take. */
size_t store_batch_bytes(const struct store_batch *b);

enum store_change { STORE_PUT, STORE_REMOVE, STORE_REMOVE_RANGE };
/** For implementations: called for each change, in order. `value` is the range's end for
 * STORE_REMOVE_RANGE. */
typedef void (*store_batch_fn)(void *context, enum store_change change, enum store_family f,
                               struct slice key, struct slice value);
void store_batch_each(const struct store_batch *b, store_batch_fn fn, void *context);

#endif

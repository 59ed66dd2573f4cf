/*
 * How RocksDB is set up. What was measured for the values stands in docs/internals/store.md.
 */
#ifndef STATE_STORE_OPTIONS_H
#define STATE_STORE_OPTIONS_H

#include <rocksdb/c.h>
#include <stdbool.h>

#include "base/limits.h"

/** All memtables together. */
#define STORE_MEMTABLES_BYTES (LIMIT_MEMTABLE_BYTES * LIMIT_MEMTABLE_COUNT)

/** @owns the caller, as of the others. @param create  make a database where there is none */
rocksdb_options_t *store_database_options(bool create);
/** Of the family that may be large. */
rocksdb_options_t *store_state_options(rocksdb_cache_t *cache);
/** Of the one that gets the parts of a large change. */
rocksdb_options_t *store_redo_options(rocksdb_cache_t *cache);
/** Of the others. */
rocksdb_options_t *store_small_options(rocksdb_cache_t *cache);
/** For walks over many keys. */
rocksdb_readoptions_t *store_walk_options(void);

#endif

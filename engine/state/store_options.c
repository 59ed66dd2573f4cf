#include "state/store_options.h"

#include "base/check.h"

/* Smaller memtables than limits.h names, and more: a sorted batch that falls into an empty one
 * costs a quarter of one that falls between the keys of another batch. */
#define STATE_MEMTABLE_BYTES (8 * MIB)
#define STATE_MEMTABLE_COUNT ((int)(STORE_MEMTABLES_BYTES / STATE_MEMTABLE_BYTES))
/* The small families get some 100 bytes an epoch. 1 MiB would fill for a quarter of an hour, and
 * look like a leak. Not less either: each one that is full begins a new log. */
#define SMALL_MEMTABLE_BYTES (256 * KIB)
#define SMALL_MEMTABLE_COUNT 8
/* A part of a large change is a memtable of its own, however large: the next but one waits. */
#define REDO_MEMTABLE_BYTES (1 * MIB)
#define REDO_MEMTABLE_COUNT 2

#define STATE_BLOCK_BYTES    (8 * KIB)
#define STATE_FILE_BYTES     (16 * MIB)
#define STATE_LEVEL1_BYTES   (128 * MIB)
#define STATE_BLOOM_BITS     10.0
#define SMALL_FILE_BYTES     (8 * MIB)
#define BACKGROUND_JOBS      2
#define OPEN_FILES_MAX       256
#define INFO_LOG_BYTES       (1 * MIB)
#define INFO_LOG_COUNT       2
#define MANIFEST_BYTES       (4 * MIB)
#define WALK_READAHEAD_BYTES (128 * KIB)

/* Behind this many files of level 0 writers are slowed down, or wait. RocksDB's own 20 and 36 are
 * meant for files eight times as large, and 256 times. */
#define LEVEL0_SLOW       40
#define LEVEL0_STOP       64
#define SMALL_LEVEL0_SLOW 160
#define SMALL_LEVEL0_STOP 288

/* Constants that RocksDB's C header leaves without a name. */
#define INFO_LOG_WARN                   2
#define RECOVERY_TOLERATES_TORN_TAIL    0
#define TABLE_FORMAT_SINCE_ROCKSDB_6_15 5

static void configure_tables(rocksdb_options_t *o, rocksdb_cache_t *cache, bool large)
{
    rocksdb_block_based_table_options_t *t = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(t, cache);
    rocksdb_block_based_options_set_format_version(t, TABLE_FORMAT_SINCE_ROCKSDB_6_15);
    /* Indexes and filters grow with the state: in the cache they are inside its budget, and in
     * partitions one of them does not throw out all others. */
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(t, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(t, 1);
    if (large) {
        rocksdb_block_based_options_set_block_size(t, STATE_BLOCK_BYTES);
        rocksdb_block_based_options_set_filter_policy(
            t, rocksdb_filterpolicy_create_bloom_full(STATE_BLOOM_BITS));
        rocksdb_block_based_options_set_index_type(
            t, rocksdb_block_based_table_index_type_two_level_index_search);
        rocksdb_block_based_options_set_partition_filters(t, 1);
    }
    rocksdb_options_set_block_based_table_factory(o, t);
    rocksdb_block_based_options_destroy(t);
}

rocksdb_options_t *store_state_options(rocksdb_cache_t *cache)
{
    rocksdb_options_t *o = rocksdb_options_create();
    rocksdb_options_set_write_buffer_size(o, STATE_MEMTABLE_BYTES);
    rocksdb_options_set_max_write_buffer_number(o, STATE_MEMTABLE_COUNT);
    rocksdb_options_set_compression(o, rocksdb_lz4_compression);
    rocksdb_options_set_target_file_size_base(o, STATE_FILE_BYTES);
    rocksdb_options_set_target_file_size_multiplier(o, 2);
    rocksdb_options_set_max_bytes_for_level_base(o, STATE_LEVEL1_BYTES);
    rocksdb_options_set_level0_slowdown_writes_trigger(o, LEVEL0_SLOW);
    rocksdb_options_set_level0_stop_writes_trigger(o, LEVEL0_STOP);
    configure_tables(o, cache, true);
    return o;
}

static rocksdb_options_t *plain_options(rocksdb_cache_t *cache, size_t memtable_bytes,
                                        int memtable_count)
{
    rocksdb_options_t *o = rocksdb_options_create();
    rocksdb_options_set_write_buffer_size(o, memtable_bytes);
    rocksdb_options_set_max_write_buffer_number(o, memtable_count);
    rocksdb_options_set_compression(o, rocksdb_no_compression);
    rocksdb_options_set_target_file_size_base(o, SMALL_FILE_BYTES);
    configure_tables(o, cache, false);
    return o;
}

rocksdb_options_t *store_small_options(rocksdb_cache_t *cache)
{
    rocksdb_options_t *o = plain_options(cache, SMALL_MEMTABLE_BYTES, SMALL_MEMTABLE_COUNT);
    rocksdb_options_set_level0_slowdown_writes_trigger(o, SMALL_LEVEL0_SLOW);
    rocksdb_options_set_level0_stop_writes_trigger(o, SMALL_LEVEL0_STOP);
    return o;
}

rocksdb_options_t *store_redo_options(rocksdb_cache_t *cache)
{
    return plain_options(cache, REDO_MEMTABLE_BYTES, REDO_MEMTABLE_COUNT);
}

/* What the log holds stays in it when the database is opened: no file is written and synced before
 * the first epoch. The C interface has no function for this option. Takes `base`. */
static rocksdb_options_t *without_flush_on_open(rocksdb_options_t *base)
{
    rocksdb_options_t *o = rocksdb_options_create();
    char *text = NULL;
    rocksdb_get_options_from_string(base, "avoid_flush_during_recovery=true", o, &text);
    check(text == NULL);
    rocksdb_options_destroy(base);
    return o;
}

rocksdb_options_t *store_database_options(bool create)
{
    rocksdb_options_t *o = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(o, create);
    /* Also where there is one already: its making may have been cut short. */
    rocksdb_options_set_create_missing_column_families(o, 1);
    rocksdb_options_set_paranoid_checks(o, 1);
    rocksdb_options_set_wal_recovery_mode(o, RECOVERY_TOLERATES_TORN_TAIL);
    rocksdb_options_set_max_total_wal_size(o, LIMIT_LOG_BYTES);
    rocksdb_options_set_db_write_buffer_size(o, STORE_MEMTABLES_BYTES);
    /* One thread writes: the way for several costs more and gives nothing. */
    rocksdb_options_set_allow_concurrent_memtable_write(o, 0);
    rocksdb_options_set_max_background_jobs(o, BACKGROUND_JOBS);
    rocksdb_options_set_max_open_files(o, OPEN_FILES_MAX);
    rocksdb_options_set_max_manifest_file_size(o, MANIFEST_BYTES);
    rocksdb_options_set_info_log_level(o, INFO_LOG_WARN);
    rocksdb_options_set_max_log_file_size(o, INFO_LOG_BYTES);
    rocksdb_options_set_keep_log_file_num(o, INFO_LOG_COUNT);
    rocksdb_options_set_stats_dump_period_sec(o, 0);
    rocksdb_options_set_stats_persist_period_sec(o, 0);
    rocksdb_options_set_skip_stats_update_on_db_open(o, 1);
    /* Each family would start 16 threads to open a handful of files: a third of a start. */
    rocksdb_options_set_max_file_opening_threads(o, 1);
    return without_flush_on_open(o);
}

rocksdb_readoptions_t *store_walk_options(void)
{
    rocksdb_readoptions_t *o = rocksdb_readoptions_create();
    /* A walk over all state must not throw out what single reads have in the cache. */
    rocksdb_readoptions_set_fill_cache(o, 0);
    rocksdb_readoptions_set_readahead_size(o, WALK_READAHEAD_BYTES);
    rocksdb_readoptions_set_background_purge_on_iterator_cleanup(o, 1);
    return o;
}

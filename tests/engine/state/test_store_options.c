/* Goal: RocksDB is set up within the limits, and no end of a log is taken for whole that is not.
 * Method: read the options back, as far as RocksDB's C interface gives them. */
#include "state/store_options.h"
#include "testing.h"

static void a_database_is_made_only_where_it_may_be(void **state)
{
    (void)state;
    for (int create = 0; create <= 1; create++) {
        rocksdb_options_t *o = store_database_options(create);
        assert_int_equal(rocksdb_options_get_create_if_missing(o), create);
        assert_true(rocksdb_options_get_create_missing_column_families(o));
        rocksdb_options_destroy(o);
    }
}

static void damage_is_not_passed_over(void **state)
{
    (void)state;
    rocksdb_options_t *o = store_database_options(true);
    assert_true(rocksdb_options_get_paranoid_checks(o));
    /* Only a record at a log's end may be torn: a write that no sync has ended. */
    assert_int_equal(rocksdb_options_get_wal_recovery_mode(o), 0);
    rocksdb_options_destroy(o);
}

static void logs_and_memtables_stay_within_the_limits(void **state)
{
    (void)state;
    rocksdb_cache_t *cache = rocksdb_cache_create_lru(LIMIT_BLOCK_CACHE_BYTES);
    rocksdb_options_t *database = store_database_options(true);
    rocksdb_options_t *large = store_state_options(cache);
    rocksdb_options_t *small = store_small_options(cache);
    assert_int_equal(rocksdb_options_get_max_total_wal_size(database), LIMIT_LOG_BYTES);
    assert_int_equal(rocksdb_options_get_db_write_buffer_size(database), STORE_MEMTABLES_BYTES);
    assert_true(rocksdb_options_get_write_buffer_size(large) *
                    (size_t)rocksdb_options_get_max_write_buffer_number(large) <=
                STORE_MEMTABLES_BYTES);
    assert_true(rocksdb_options_get_write_buffer_size(small) <
                rocksdb_options_get_write_buffer_size(large));
    /* Parts of a large change may be some 64 MiB each: few wait for the disk at a time. */
    rocksdb_options_t *redo = store_redo_options(cache);
    assert_int_equal(rocksdb_options_get_max_write_buffer_number(redo), 2);
    rocksdb_options_destroy(redo);
    rocksdb_options_destroy(small);
    rocksdb_options_destroy(large);
    rocksdb_options_destroy(database);
    rocksdb_cache_destroy(cache);
}

static void a_walk_leaves_the_cache_to_single_reads(void **state)
{
    (void)state;
    rocksdb_readoptions_t *o = store_walk_options();
    assert_false(rocksdb_readoptions_get_fill_cache(o));
    rocksdb_readoptions_destroy(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_database_is_made_only_where_it_may_be),
        cmocka_unit_test(damage_is_not_passed_over),
        cmocka_unit_test(logs_and_memtables_stay_within_the_limits),
        cmocka_unit_test(a_walk_leaves_the_cache_to_single_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

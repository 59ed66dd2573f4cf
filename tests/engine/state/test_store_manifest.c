/* Goal: a database whose MANIFEST has lost records is refused, then and later; every other state of
 * it opens.
 * Method: what is noted against what is found, case by case; then a real database that is cut at
 * each of its MANIFEST's lengths after a good end. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "state/store.h"
#include "state/store_manifest.h"
#include "testing.h"

static int check_case(uint64_t number, uint64_t bytes, uint64_t noted_number, uint64_t noted_bytes)
{
    struct store_manifest found = {number, bytes};
    struct store_manifest noted = {noted_number, noted_bytes};
    char value[STORE_MANIFEST_BYTES];
    store_manifest_encode(&noted, value);
    return store_manifest_check("store", &found, (struct slice){value, sizeof value}, NULL);
}

static void shorter_or_older_than_noted_is_damaged(void **state)
{
    (void)state;
    assert_int_equal(check_case(7, 100, 7, 100), 0);
    assert_int_equal(check_case(7, 200, 7, 100), 0);
    assert_int_equal(check_case(8, 10, 7, 100), 0);
    assert_int_equal(check_case(7, 99, 7, 100), MILL_ECORRUPT);
    assert_int_equal(check_case(6, 500, 7, 100), MILL_ECORRUPT);
    assert_int_equal(check_case(0, 0, 7, 100), MILL_ECORRUPT);
}

static void a_note_of_another_shape_is_damaged(void **state)
{
    (void)state;
    struct store_manifest found = {7, 100};
    struct error e = {0};
    assert_int_equal(store_manifest_check("store", &found, (struct slice){"short", 5}, &e),
                     MILL_ECORRUPT);
    assert_non_null(strstr(e.message, "MANIFEST-000007"));
}

static void a_folder_without_current_has_none(void **state)
{
    (void)state;
    char *folder = folder_create();
    struct store_manifest m = {1, 1};
    assert_int_equal(store_manifest_look(folder, &m, NULL), 0);
    assert_int_equal(m.number, 0);
    assert_int_equal(m.bytes, 0);
    folder_remove(folder);
}

static void fill(const char *path, uint32_t batches)
{
    struct store *store = NULL;
    assert_int_equal(store_open_rocksdb(path, true, &store, NULL), 0);
    struct store_batch *batch = store_batch_create();
    char *value = memory_zero(1, 1 << 20);
    for (uint32_t i = 0; i < batches; i++) {
        char key = (char)i;
        store_batch_clear(batch);
        store_batch_put(batch, STORE_STATE, (struct slice){&key, 1},
                        (struct slice){value, 1 << 20});
        store_batch_put(batch, STORE_META, (struct slice){"n", 1}, (struct slice){&key, 1});
        assert_int_equal(store_write(store, batch, true, NULL), 0);
    }
    memory_free(value);
    store_batch_destroy(batch);
    store_close(store);
}

static int open_and_close(const char *path)
{
    struct store *store = NULL;
    int rc = store_open_rocksdb(path, false, &store, NULL);
    store_close(store);
    return rc;
}

static char *manifest_of(const char *path, struct store_manifest *m)
{
    assert_int_equal(store_manifest_look(path, m, NULL), 0);
    char *name = text_format("MANIFEST-%06d", (int)m->number);
    char *manifest = text_path(path, name);
    memory_free(name);
    return manifest;
}

/* After a good end the note has the file's last byte: no cut of it goes unseen. The files of the
 * tables are larger than a memtable, so there are some. */
static void a_database_that_lost_records_is_refused(void **state)
{
    (void)state;
    for (uint64_t lost = 1; lost < 500; lost += 83) {
        char *folder = folder_create();
        char *path = text_path(folder, "store");
        fill(path, 20);
        assert_int_equal(open_and_close(path), 0);
        fill(path, 20);
        struct store_manifest m;
        char *manifest = manifest_of(path, &m);
        assert_true(m.bytes > lost);
        assert_int_equal(truncate(manifest, (off_t)(m.bytes - lost)), 0);
        assert_int_equal(open_and_close(path), MILL_ECORRUPT);
        assert_int_equal(open_and_close(path), MILL_ECORRUPT);
        memory_free(manifest);
        memory_free(path);
        folder_remove(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shorter_or_older_than_noted_is_damaged),
        cmocka_unit_test(a_note_of_another_shape_is_damaged),
        cmocka_unit_test(a_folder_without_current_has_none),
        cmocka_unit_test(a_database_that_lost_records_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

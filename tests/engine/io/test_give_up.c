/* Goal: rows that are given up leave OUTBOX together and are kept in a form that a person can read;
 * what is not wanted stays; a crash before the batch has given up nothing.
 * Method: manifests in a store in memory, their files on a disk that loses power. */
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "data/msgpack.h"
#include "io/give_up.h"
#include "io/roll.h"
#include "output_world.h"
#include "state/keys.h"

static void put_file(struct output_world *w, const char *path, const char *text)
{
    struct disk_file f;
    assert_int_equal(disk_open(&w->disk, path, DISK_CREATE, &f, NULL), 0);
    assert_int_equal(disk_write(&w->disk, &f, text, strlen(text), 0, NULL), 0);
    assert_int_equal(disk_sync(&w->disk, &f, NULL), 0);
    disk_close(&w->disk, &f);
}

static void put_manifest(struct output_world *w, const struct manifest *m)
{
    struct buffer bytes;
    buffer_init(&bytes, 100000);
    assert_int_equal(manifest_encode(m, &bytes), 0);
    struct store_key key = store_key_outbox(m->epoch, m->output);
    struct store_batch *batch = store_batch_create();
    store_batch_put(batch, STORE_OUTBOX, store_key_slice(&key),
                    (struct slice){bytes.data, bytes.size});
    assert_int_equal(store_write(w->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    buffer_deinit(&bytes);
}

static bool waits(struct output_world *w, uint64_t epoch, uint16_t output)
{
    struct store_key key = store_key_outbox(epoch, output);
    struct buffer value;
    buffer_init(&value, 100000);
    int rc = store_get(w->store, STORE_OUTBOX, store_key_slice(&key), &value, NULL);
    buffer_deinit(&value);
    return rc == 0;
}

static void expect_file(struct output_world *w, const char *path, const char *text)
{
    struct buffer bytes;
    buffer_init(&bytes, 100000);
    if (text == NULL) {
        assert_int_equal(disk_read(&w->disk, path, &bytes, NULL), MILL_ENOENT);
    } else {
        assert_int_equal(disk_read(&w->disk, path, &bytes, NULL), 0);
        assert_int_equal(bytes.size, strlen(text));
        assert_memory_equal(bytes.data, text, bytes.size);
    }
    buffer_deinit(&bytes);
}

static bool is_of_epoch(void *context, const struct manifest *m)
{
    return m->epoch == *(uint64_t *)context;
}

static int give_up(struct output_world *w, uint64_t epoch, uint64_t *rows)
{
    struct give_up g;
    give_up_begin(&g, &w->place, "data");
    int rc = give_up_manifests(&g, is_of_epoch, &epoch, &w->error);
    rc = rc == 0 ? give_up_commit(&g, &w->error) : rc;
    *rows = g.rows;
    give_up_end(&g);
    return rc;
}

/* Rows for a function: each framed. */
static void frame_rows(struct buffer *b)
{
    for (int i = 1; i <= 2; i++) {
        struct buffer row;
        buffer_init(&row, 100);
        msgpack_add_array(&row, 2);
        msgpack_add_string(&row, "key", 3);
        msgpack_add_number(&row, i);
        assert_int_equal(bytes_add_u32(b, (uint32_t)row.size), 0);
        assert_int_equal(buffer_append(b, row.data, row.size), 0);
        buffer_deinit(&row);
    }
}

static struct manifest batch_of(uint64_t epoch, const struct buffer *rows)
{
    return (struct manifest){.kind = MANIFEST_BATCH,
                             .output = 3,
                             .epoch = epoch,
                             .row_count = 2,
                             .rows = {rows->data, rows->size},
                             .checksum = hash_bytes(rows->data, rows->size)};
}

static void rows_for_a_function_are_kept_as_json(void **state)
{
    struct output_world *w = *state;
    struct buffer rows;
    uint64_t given_up = 0;
    buffer_init(&rows, 1000);
    frame_rows(&rows);
    struct manifest m = batch_of(7, &rows);
    put_manifest(w, &m);
    m.epoch = 8;
    put_manifest(w, &m);
    assert_int_equal(give_up(w, 7, &given_up), 0);
    assert_int_equal(given_up, 2);
    assert_false(waits(w, 7, 3));
    assert_true(waits(w, 8, 3));
    expect_file(w, "data/given_up/0000000007-3.json", "[\"key\",1]\n[\"key\",2]\n");
    m.epoch = 9;
    m.checksum++;
    put_manifest(w, &m);
    assert_int_equal(give_up(w, 9, &given_up), 0);
    expect_file(w, "data/given_up/0000000009-3.json", NULL);
    struct disk_entry entry;
    assert_int_equal(disk_look(&w->disk, "data/given_up/0000000009-3.rows", &entry, NULL), 0);
    assert_int_equal(entry.size, rows.size);
    buffer_deinit(&rows);
}

static void rows_in_files_are_copied_and_their_files_go(void **state)
{
    struct output_world *w = *state;
    uint64_t given_up = 0;
    char *hidden = memory_text("out/" WORLD_HIDDEN "/epoch-4");
    assert_int_equal(disk_make_folder(&w->disk, "out/" WORLD_HIDDEN, NULL), 0);
    put_file(w, hidden, "[1]\n");
    struct manifest part = {.kind = MANIFEST_PART,
                            .output = 4,
                            .epoch = 1,
                            .row_count = 1,
                            .checksum = hash_bytes("[1]\n", 4),
                            .file = {"epoch-4", 7},
                            .folder = {"out", 3},
                            .name = {"part.json", 9}};
    struct manifest gone = part;
    struct manifest text = {.kind = MANIFEST_STREAM, .output = 6, .epoch = 1, .row_count = 5};
    gone.output = 5;
    gone.file = (struct slice){"epoch-5", 7};
    text.rows = (struct slice){"a\nb\n", 4};
    text.checksum = hash_bytes("a\nb\n", 4);
    put_manifest(w, &part);
    put_manifest(w, &gone);
    put_manifest(w, &text);
    assert_int_equal(give_up(w, 2, &given_up), 0);
    assert_int_equal(given_up, 0);
    expect_file(w, hidden, "[1]\n");
    assert_int_equal(give_up(w, 1, &given_up), 0);
    assert_int_equal(given_up, 7);
    expect_file(w, "data/given_up/0000000001-4-part.json", "[1]\n");
    expect_file(w, "data/given_up/0000000001-6.txt", "a\nb\n");
    expect_file(w, hidden, NULL);
    assert_false(waits(w, 1, 4) || waits(w, 1, 5) || waits(w, 1, 6));
    memory_free(hidden);
}

static void a_store_that_fails_has_given_up_nothing(void **state)
{
    struct output_world *w = *state;
    struct buffer rows;
    uint64_t given_up = 0;
    buffer_init(&rows, 1000);
    frame_rows(&rows);
    struct manifest m = batch_of(1, &rows);
    put_manifest(w, &m);
    store_memory_fail(w->store, 1, MILL_ENOSPC);
    assert_int_equal(give_up(w, 1, &given_up), MILL_ENOSPC);
    assert_true(waits(w, 1, 3));
    assert_int_equal(give_up(w, 1, &given_up), 0);
    assert_false(waits(w, 1, 3));
    fake_disk_keep(w->fake, 0);
    fake_disk_crash(w->fake);
    expect_file(w, "data/given_up/0000000001-3.json", "[\"key\",1]\n[\"key\",2]\n");
    buffer_deinit(&rows);
}

static void an_open_file_is_given_up_with_what_is_committed_of_it(void **state)
{
    struct output_world *w = *state;
    struct roll roll = {.is_open = true, .first_epoch = 2, .length = 4, .rows = 1};
    struct buffer value;
    struct give_up g;
    buffer_init(&value, 1000);
    roll.checksum = hash_bytes("[1]\n", 4);
    assert_int_equal(roll_encode(&roll, "out", "json", &value), 0);
    struct store_key key = store_key_roll(4);
    struct store_batch *batch = store_batch_create();
    store_batch_put(batch, STORE_META, store_key_slice(&key),
                    (struct slice){value.data, value.size});
    assert_int_equal(store_write(w->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    assert_int_equal(disk_make_folder(&w->disk, "out/" WORLD_HIDDEN, NULL), 0);
    put_file(w, "out/" WORLD_HIDDEN "/open-4-0000000002", "[1]\n");
    give_up_begin(&g, &w->place, "data");
    assert_int_equal(give_up_open_file(&g, 9, NULL), 0);
    assert_int_equal(g.manifests, 0);
    assert_int_equal(give_up_open_file(&g, 4, NULL), 0);
    assert_int_equal(give_up_commit(&g, NULL), 0);
    give_up_end(&g);
    expect_file(w, "data/given_up/0000000002-4-open-4-0000000002", "[1]\n");
    buffer_clear(&value);
    assert_int_equal(store_get(w->store, STORE_META, store_key_slice(&key), &value, NULL),
                     MILL_ENOENT);
    buffer_deinit(&value);
}

static int begin(void **state)
{
    int rc = output_world_begin(state);
    struct output_world *w = *state;
    w->place = (struct output_place){
        .disk = &w->disk, .outbox = "data/outbox", .store_id = WORLD_STORE_ID, .store = w->store};
    return rc;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, output_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_for_a_function_are_kept_as_json),
        TEST(rows_in_files_are_copied_and_their_files_go),
        TEST(a_store_that_fails_has_given_up_nothing),
        TEST(an_open_file_is_given_up_with_what_is_committed_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

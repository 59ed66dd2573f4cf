#include "output_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/file_output.h"
#include "state/keys.h"

#define TEXT_BYTES ((size_t)1 << 20)

static int take_stdout(void *context, const void *bytes, size_t size, struct error *e)
{
    struct output_world *w = context;
    if (w->sink_code != 0) {
        return error_set(e, w->sink_code, "the sink was told to fail");
    }
    return buffer_append(&w->stdout_bytes, bytes, size);
}

static int take_batch(void *context, const struct manifest *m, const char *path, struct error *e)
{
    struct output_world *w = context;
    w->batch_calls++;
    if (w->sink_code != 0) {
        return error_set(e, w->sink_code, "the sink was told to fail");
    }
    buffer_clear(&w->batch_bytes);
    return path == NULL ? buffer_append(&w->batch_bytes, m->rows.data, m->rows.size)
                        : disk_read(&w->disk, path, &w->batch_bytes, e);
}

int output_world_begin(void **state)
{
    struct output_world *w = memory_zero(1, sizeof *w);
    w->fake = fake_disk_create(1);
    w->disk = fake_disk_of(w->fake);
    w->store = store_create_memory();
    w->graph = (struct graph_output){.kind = OUTPUT_FILES, .format = FORMAT_JSON, .target = "out"};
    buffer_init(&w->manifest, 2 * LIMIT_INLINE_ROWS_BYTES);
    buffer_init(&w->stdout_bytes, 64 * MIB);
    buffer_init(&w->batch_bytes, 64 * MIB);
    assert_int_equal(disk_make_folder_safe(&w->disk, "data/outbox", NULL), 0);
    *state = w;
    return 0;
}

int output_world_end(void **state)
{
    struct output_world *w = *state;
    world_close(w);
    fake_disk_destroy(w->fake);
    store_close(w->store);
    buffer_deinit(&w->manifest);
    buffer_deinit(&w->stdout_bytes);
    buffer_deinit(&w->batch_bytes);
    memory_free(w);
    return 0;
}

static bool keeps(void *context, const char *name)
{
    struct output_world *w = context;
    return output_keeps(&w->output, name) || publisher_names(&w->publisher, name);
}

/* What the store has of an open file that no output goes on with. */
static int close_stale(struct output_world *w)
{
    struct file_output_past past = {&w->output, 1, &w->disk, WORLD_STORE_ID, w->epoch};
    struct store_key key = store_key_roll(w->output.number);
    struct store_batch *batch = store_batch_create();
    struct buffer value;
    buffer_init(&value, 64 * KIB);
    int rc = 0;
    if (store_get(w->store, STORE_META, store_key_slice(&key), &value, NULL) == 0) {
        struct slice bytes = {value.data, value.size};
        rc = file_output_close_stale(&past, w->output.number, bytes, batch, &w->error);
        rc = rc == 0 ? store_write(w->store, batch, true, &w->error) : rc;
    }
    buffer_deinit(&value);
    store_batch_destroy(batch);
    return rc;
}

int world_open(struct output_world *w)
{
    w->place = (struct output_place){.disk = &w->disk,
                                     .outbox = "data/outbox",
                                     .store_id = WORLD_STORE_ID,
                                     .store = w->store,
                                     .epoch = w->epoch};
    w->error = (struct error){0};
    int rc = output_open(&w->output, &w->place, &w->graph, "to_files at job.lua:9", 5, &w->error);
    rc = rc == 0 ? close_stale(w) : rc;
    if (rc != 0) {
        return rc;
    }
    rc = publisher_open(&w->publisher, &w->place, "data", &w->error);
    w->publisher.sinks = (struct publisher_sinks){
        .context = w, .write_stdout = take_stdout, .call_batch = take_batch};
    return rc == 0 && w->output.has_target ? target_sweep(&w->output.target, keeps, w, &w->error)
                                           : rc;
}

void world_close(struct output_world *w)
{
    output_close(&w->output);
    if (w->publisher.disk != NULL) {
        publisher_close(&w->publisher);
    }
}

void world_crash(struct output_world *w, uint32_t keep)
{
    world_close(w);
    fake_disk_keep(w->fake, keep);
    fake_disk_crash(w->fake);
    store_memory_crash(w->store);
    assert_int_equal(world_open(w), 0);
}

static void fill(struct mill_rows *into, const char *rows)
{
    while (rows != NULL && *rows != '\0') {
        size_t size = strcspn(rows, "\n");
        assert_int_equal(rows_add(into, rows, size), 0);
        rows += size + (rows[size] == '\n');
    }
}

int world_prepare(struct output_world *w, const char *rows, int64_t clock_ms, bool is_last)
{
    struct output_epoch epoch = {.number = w->epoch + 1,
                                 .time_ms = (int64_t)(w->epoch + 1) * 1000,
                                 .clock_ms = clock_ms,
                                 .is_last = is_last};
    struct mill_rows made;
    struct mill_rows *list = &made;
    struct rows_reader reader;
    rows_init(&made, output_framing(&w->graph), "/no/such/folder", 64 * MIB);
    fill(&made, rows);
    rows_reader_open(&reader, &list, 1);
    buffer_clear(&w->manifest);
    w->error = (struct error){0};
    int rc = output_prepare(&w->output, &epoch, &reader, &w->manifest, &w->error);
    rows_reader_close(&reader);
    rows_deinit(&made);
    return rc;
}

void world_commit(struct output_world *w)
{
    struct store_batch *batch = store_batch_create();
    struct slice manifest = {w->manifest.data, w->manifest.size};
    struct store_key key = store_key_outbox(w->epoch + 1, w->output.number);
    assert_int_equal(output_commit_into(&w->output, batch), 0);
    publisher_commit_into(&w->publisher, batch);
    if (manifest.size > 0) {
        store_batch_put(batch, STORE_OUTBOX, store_key_slice(&key), manifest);
    }
    assert_int_equal(store_write(w->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    w->epoch++;
    output_committed(&w->output);
    publisher_committed(&w->publisher);
    if (manifest.size > 0) {
        publisher_add(&w->publisher, manifest);
    }
}

void world_epoch(struct output_world *w, const char *rows)
{
    assert_int_equal(world_prepare(w, rows, (int64_t)(w->epoch + 1) * 1000, false), 0);
    world_commit(w);
}

int world_publish(struct output_world *w)
{
    int rc = 1;
    w->error = (struct error){0};
    while (rc == 1) {
        rc = publisher_step(&w->publisher, &w->error);
    }
    return rc;
}

/* --- looking --- */

/* One of four texts, in turn, empty. */
static char *next_text(void)
{
    static char texts[4][TEXT_BYTES];
    static int turn;
    char *text = texts[turn++ % 4];
    text[0] = '\0';
    return text;
}

struct names {
    char list[64][128];
    uint32_t count;
};

static int add_name(void *context, const char *name)
{
    struct names *names = context;
    assert_true(names->count < 64);
    snprintf(names->list[names->count++], sizeof names->list[0], "%s", name);
    return 0;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(left, right);
}

const char *world_list(const struct output_world *w, const char *folder)
{
    struct names names = {.count = 0};
    char *text = next_text();
    if (disk_list(&w->disk, folder, add_name, &names, NULL) != 0) {
        return "(none)";
    }
    qsort(names.list, names.count, sizeof names.list[0], compare_names);
    size_t used = 0;
    for (uint32_t i = 0; i < names.count; i++) {
        used += (size_t)snprintf(text + used, TEXT_BYTES - used, "%s%s", i > 0 ? " " : "",
                                 names.list[i]);
    }
    return text;
}

const char *world_read(const struct output_world *w, const char *path)
{
    struct buffer b;
    char *text = next_text();
    buffer_init(&b, TEXT_BYTES - 1);
    int rc = disk_read(&w->disk, path, &b, NULL);
    if (b.size > 0) {
        memcpy(text, b.data, b.size);
    }
    text[b.size] = '\0';
    buffer_deinit(&b);
    return rc == 0 ? text : "(none)";
}

void world_write(struct output_world *w, const char *path, const char *text)
{
    struct disk_file f;
    assert_int_equal(disk_open(&w->disk, path, DISK_CREATE, &f, NULL), 0);
    assert_int_equal(disk_write(&w->disk, &f, text, strlen(text), 0, NULL), 0);
    assert_int_equal(disk_sync(&w->disk, &f, NULL), 0);
    disk_close(&w->disk, &f);
}

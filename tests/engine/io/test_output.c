/* Goal: each kind of output prepares what its publishing needs: few rows inside the manifest, many
 * in a file, nothing when there is nothing to give. Method: manifests of single epochs, read back.
 */
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "io/output.h"
#include "output_world.h"

static struct output_world *world_of(void **state, enum graph_output_kind kind,
                                     enum graph_format format)
{
    struct output_world *w = *state;
    w->graph = (struct graph_output){
        .kind = kind, .format = format, .target = "out", .print_rows = 10, .is_keyed = true};
    assert_int_equal(world_open(w), 0);
    return w;
}

static struct manifest prepared(struct output_world *w, const char *rows)
{
    struct manifest m;
    assert_int_equal(world_prepare(w, rows, 1000, false), 0);
    assert_int_equal(manifest_decode((struct slice){w->manifest.data, w->manifest.size}, &m, NULL),
                     0);
    return m;
}

static void rows_are(const struct manifest *m, const char *bytes, size_t size)
{
    assert_int_equal(m->rows.size, size);
    assert_memory_equal(m->rows.data, bytes, size);
    assert_int_equal(m->byte_count, size);
    assert_true(m->checksum == hash_bytes(bytes, size));
}

static void framing_follows_from_the_format(void **state)
{
    (void)state;
    assert_int_equal(output_framing(&(struct graph_output){.format = FORMAT_JSON}), ROWS_LINES);
    assert_int_equal(output_framing(&(struct graph_output){.format = FORMAT_TEXT}), ROWS_LINES);
    assert_int_equal(output_framing(&(struct graph_output){.format = FORMAT_PRINT}), ROWS_KEYED);
    assert_int_equal(output_framing(&(struct graph_output){.format = FORMAT_ROWS}), ROWS_FRAMED);
}

static void standard_output_s_rows_are_inside_the_manifest(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT, FORMAT_JSON);
    struct manifest m = prepared(w, "[1]\n[2]");
    assert_int_equal(m.kind, MANIFEST_STREAM);
    assert_true(m.output == 5 && m.epoch == 1 && m.time_ms == 1000 && m.row_count == 2);
    assert_true(m.is_keyed && m.file.size == 0);
    assert_int_equal(m.label.size, strlen("to_files at job.lua:9"));
    rows_are(&m, "[1]\n[2]\n", 8);
}

static void standard_output_without_rows_publishes_nothing(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT, FORMAT_JSON);
    assert_int_equal(world_prepare(w, NULL, 1000, false), 0);
    assert_int_equal(w->manifest.size, 0);
}

static void a_batch_function_gets_rows_with_their_sizes(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_BATCH, FORMAT_ROWS);
    struct manifest m = prepared(w, "a\nbc");
    assert_int_equal(m.kind, MANIFEST_BATCH);
    rows_are(&m, "\0\0\0\1a\0\0\0\2bc", 11);
    m = prepared(w, NULL);
    assert_int_equal(m.kind, MANIFEST_BATCH);
    assert_int_equal(m.row_count, 0);
}

static void print_prepares_its_text(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_PRINT, FORMAT_PRINT);
    struct manifest m = prepared(w, "(a,1)");
    assert_int_equal(m.kind, MANIFEST_STREAM);
    const char *text = "-------------------------------------------\nTime: 1000 ms\n"
                       "-------------------------------------------\n(a,1)\n\n";
    rows_are(&m, text, strlen(text));
    assert_true(prepared(w, NULL).rows.size > 0);
}

/* One line that makes the rows `size` bytes. */
static char *line_of(size_t size)
{
    char *line = memory_alloc(size);
    memset(line, 'x', size - 1);
    line[size - 1] = '\0';
    return line;
}

static void rows_above_the_limit_go_to_a_file(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT, FORMAT_JSON);
    char *fits = line_of(LIMIT_INLINE_ROWS_BYTES);
    char *above = line_of(LIMIT_INLINE_ROWS_BYTES + 1);
    assert_int_equal(prepared(w, fits).file.size, 0);
    assert_string_equal(world_list(w, "data/outbox"), "");
    struct manifest m = prepared(w, above);
    assert_int_equal(m.rows.size, 0);
    assert_int_equal(m.file.size, 12);
    assert_memory_equal(m.file.data, "0000000001-5", 12);
    assert_int_equal(m.byte_count, LIMIT_INLINE_ROWS_BYTES + 1);
    world_crash(w, 0);
    assert_int_equal(strlen(world_read(w, "data/outbox/0000000001-5")),
                     LIMIT_INLINE_ROWS_BYTES + 1);
    memory_free(fits);
    memory_free(above);
}

static void a_file_that_cannot_be_written_is_an_error(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT, FORMAT_JSON);
    char *above = line_of(LIMIT_INLINE_ROWS_BYTES + 1);
    for (uint32_t n = 1; n <= 4; n++) {
        /* opening, writing; then syncing the file, and the folder */
        int code = n <= 2 ? MILL_ENOSPC : MILL_ESYNC;
        fake_disk_fail(w->fake, n <= 2 ? n : n - 2, code);
        assert_int_equal(world_prepare(w, above, 1000, false), code);
        assert_int_equal(w->manifest.size, 0);
        fake_disk_fail(w->fake, 0, 0);
    }
    memory_free(above);
}

static void preparing_again_replaces_the_file(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT, FORMAT_JSON);
    char *large = line_of(LIMIT_INLINE_ROWS_BYTES + 5000);
    char *small = line_of(LIMIT_INLINE_ROWS_BYTES + 5);
    (void)prepared(w, large);
    (void)prepared(w, small);
    assert_int_equal(strlen(world_read(w, "data/outbox/0000000001-5")),
                     LIMIT_INLINE_ROWS_BYTES + 5);
    world_commit(w);
    assert_int_equal(world_publish(w), 0);
    memory_free(large);
    memory_free(small);
}

static void outputs_without_a_folder_keep_no_files(void **state)
{
    struct output_world *w = world_of(state, OUTPUT_STDOUT, FORMAT_JSON);
    assert_false(w->output.has_target);
    assert_false(output_keeps(&w->output, "epoch-5-0000000001"));
    struct store_batch *batch = store_batch_create();
    assert_int_equal(output_commit_into(&w->output, batch), 0);
    assert_int_equal(store_batch_bytes(batch), 0);
    store_batch_destroy(batch);
}

static void an_open_file_is_kept_and_is_in_the_batch(void **state)
{
    struct output_world *w = *state;
    w->graph.roll_bytes = 1000;
    assert_int_equal(world_open(w), 0);
    assert_false(output_keeps(&w->output, "open-5-0000000000"));
    assert_int_equal(world_prepare(w, "[1]", 1000, false), 0);
    assert_false(output_keeps(&w->output, "open-5-0000000001"));
    world_commit(w);
    assert_true(output_keeps(&w->output, "open-5-0000000001"));
    assert_false(output_keeps(&w->output, "open-5-0000000002"));
    assert_false(output_keeps(&w->output, "open-6-0000000001"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, output_world_begin, output_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(framing_follows_from_the_format),
        TEST(standard_output_s_rows_are_inside_the_manifest),
        TEST(standard_output_without_rows_publishes_nothing),
        TEST(a_batch_function_gets_rows_with_their_sizes),
        TEST(print_prepares_its_text),
        TEST(rows_above_the_limit_go_to_a_file),
        TEST(a_file_that_cannot_be_written_is_an_error),
        TEST(preparing_again_replaces_the_file),
        TEST(outputs_without_a_folder_keep_no_files),
        TEST(an_open_file_is_kept_and_is_in_the_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: a manifest reads back as it was written, and nothing else reads as a manifest.
 * Method: round trips; every cut, every flipped byte that matters. */
#include <string.h>

#include "base/memory.h"
#include "io/manifest.h"
#include "testing.h"

static const struct manifest full = {
    .kind = MANIFEST_FOLDER,
    .output = 0xfffe,
    .epoch = UINT64_MAX,
    .time_ms = -5,
    .is_keyed = true,
    .row_count = 3,
    .byte_count = 1ull << 40,
    .checksum = 0x0123456789abcdef,
    .rows = {"a\0b", 3},
    .file = {"epoch-1", 7},
    .folder = {"out", 3},
    .name = {"part", 4},
    .part = {"x", 1},
    .label = {"to_files at job.lua:9", 21},
};

static bool same(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static void same_manifest(const struct manifest *a, const struct manifest *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->output, b->output);
    assert_true(a->epoch == b->epoch && a->time_ms == b->time_ms && a->is_keyed == b->is_keyed);
    assert_true(a->row_count == b->row_count && a->byte_count == b->byte_count);
    assert_true(a->checksum == b->checksum);
    assert_true(same(a->rows, b->rows) && same(a->file, b->file) && same(a->folder, b->folder));
    assert_true(same(a->name, b->name) && same(a->part, b->part) && same(a->label, b->label));
}

static void a_manifest_reads_back_as_it_was_written(void **state)
{
    (void)state;
    const struct manifest empty = {.kind = MANIFEST_STREAM};
    const struct manifest *const list[] = {&full, &empty};
    for (size_t i = 0; i < 2; i++) {
        struct buffer b;
        struct manifest read;
        buffer_init(&b, 1000);
        assert_int_equal(manifest_encode(list[i], &b), 0);
        assert_int_equal(manifest_decode((struct slice){b.data, b.size}, &read, NULL), 0);
        same_manifest(list[i], &read);
        buffer_deinit(&b);
    }
}

static void a_manifest_that_was_cut_or_extended_is_damaged(void **state)
{
    (void)state;
    struct buffer b;
    struct manifest read;
    buffer_init(&b, 1000);
    assert_int_equal(manifest_encode(&full, &b), 0);
    for (size_t size = 0; size < b.size; size++) {
        struct error e = {0};
        char *cut = exact_copy(b.data, size);
        assert_int_equal(manifest_decode((struct slice){cut, size}, &read, &e), MILL_ECORRUPT);
        assert_non_null(strstr(e.message, "manifest"));
        memory_free(cut);
    }
    assert_int_equal(buffer_append_byte(&b, 0), 0);
    assert_int_equal(manifest_decode((struct slice){b.data, b.size}, &read, NULL), MILL_ECORRUPT);
    buffer_deinit(&b);
}

static void another_version_or_kind_is_no_manifest(void **state)
{
    (void)state;
    struct buffer b;
    struct manifest read;
    buffer_init(&b, 1000);
    assert_int_equal(manifest_encode(&full, &b), 0);
    struct slice bytes = {b.data, b.size};
    b.data[0] = 2;
    assert_int_equal(manifest_decode(bytes, &read, NULL), MILL_ECORRUPT);
    b.data[0] = 1;
    for (int kind = 0; kind < 256; kind++) {
        b.data[1] = (char)kind;
        bool known = kind >= MANIFEST_STREAM && kind <= MANIFEST_HELD;
        assert_int_equal(manifest_decode(bytes, &read, NULL), known ? 0 : MILL_ECORRUPT);
    }
    buffer_deinit(&b);
}

static void one_that_does_not_fit_is_said(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 90);
    assert_int_equal(manifest_encode(&full, &b), MILL_ELIMIT);
    buffer_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manifest_reads_back_as_it_was_written),
        cmocka_unit_test(a_manifest_that_was_cut_or_extended_is_damaged),
        cmocka_unit_test(another_version_or_kind_is_no_manifest),
        cmocka_unit_test(one_that_does_not_fit_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

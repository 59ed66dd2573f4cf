/* Goal: what is known of a file comes back from the store as it was, and damage is refused with the
 * key's name, never taken for something else.
 * Method: records from chance, cut at every byte and extended; single fields made impossible. */
#include <string.h>

#include "base/memory.h"
#include "io/file_record.h"
#include "testing.h"

static struct known_file some_file(struct chance *c, char *name)
{
    char head[FILE_HEAD_BYTES];
    chance_bytes(c, head, sizeof head);
    uint32_t length = 1 + chance_below(c, 255);
    for (uint32_t i = 0; i < length; i++) {
        name[i] = chance_of(c, "abcXYZ-_.09 \xc3");
    }
    name[length] = '\0';
    struct known_file f = {
        .serial = (uint32_t)chance_next(c),
        .flags = (uint8_t)(chance_below(c, FILE_FLAGS_KEPT + 1) | FILE_PACKED),
        .name = name,
        .identity = {chance_next(c), chance_next(c), (int64_t)chance_next(c)},
        .next_offset = chance_next(c) >> 1,
        .next_packed_size = chance_next(c) >> 1,
        .size = chance_next(c) >> 1,
        .mtime_ns = (int64_t)chance_next(c),
        .missed_ms = (int64_t)chance_next(c),
    };
    file_head_take(&f.head, head, 1 + chance_below(c, FILE_HEAD_BYTES));
    return f;
}

static struct slice slice_of(const struct buffer *b)
{
    return (struct slice){b->data, b->size};
}

static void a_file_comes_back_as_it_was(void **state)
{
    (void)state;
    struct chance c = {7};
    struct buffer b;
    buffer_init(&b, FILE_RECORD_BYTES_MAX);
    for (uint32_t i = 0; i < rounds(300); i++) {
        char name[256];
        struct known_file f = some_file(&c, name);
        buffer_clear(&b);
        file_record_encode(&f, &b);
        struct store_key key = file_record_key(9, f.serial);
        struct known_file back;
        assert_int_equal(file_record_decode(store_key_slice(&key), slice_of(&b), &back, NULL), 0);
        assert_int_equal(back.serial, f.serial);
        assert_int_equal(back.flags, f.flags);
        assert_string_equal(back.name, name);
        assert_memory_equal(&back.identity, &f.identity, sizeof f.identity);
        assert_int_equal(back.head.size, f.head.size);
        assert_int_equal(back.head.hash, f.head.hash);
        assert_memory_equal(back.head.marks, f.head.marks, sizeof f.head.marks);
        assert_int_equal(back.offset, f.next_offset);
        assert_int_equal(back.next_offset, f.next_offset);
        assert_int_equal(back.packed_size, f.next_packed_size);
        assert_int_equal(back.next_packed_size, f.next_packed_size);
        assert_int_equal(back.size, f.size);
        assert_int_equal(back.mtime_ns, f.mtime_ns);
        assert_int_equal(back.missed_ms, f.missed_ms);
        assert_false(back.is_listed || back.is_dirty);
        memory_free(back.name);
    }
    buffer_deinit(&b);
}

static int decode(struct slice key, const void *bytes, size_t size, struct error *e)
{
    char *copy = exact_copy(bytes, size);
    struct known_file f;
    int rc = file_record_decode(key, (struct slice){copy, size}, &f, e);
    memory_free(copy);
    if (rc == 0) {
        memory_free(f.name);
    }
    return rc;
}

static void a_record_of_any_other_length_is_refused(void **state)
{
    (void)state;
    struct chance c = {8};
    char name[256];
    struct known_file f = some_file(&c, name);
    f.serial = 77;
    struct buffer b;
    buffer_init(&b, FILE_RECORD_BYTES_MAX);
    file_record_encode(&f, &b);
    struct store_key key = file_record_key(9, f.serial);
    assert_int_equal(decode(store_key_slice(&key), b.data, b.size, NULL), 0);
    for (size_t size = 0; size < b.size; size++) {
        struct error e = {0};
        assert_int_equal(decode(store_key_slice(&key), b.data, size, &e), MILL_ECORRUPT);
        assert_non_null(strstr(e.message, "f/9/77"));
    }
    assert_int_equal(buffer_append_byte(&b, 0), 0);
    assert_int_equal(decode(store_key_slice(&key), b.data, b.size, NULL), MILL_ECORRUPT);
    buffer_deinit(&b);
}

static int encode_and_decode(const struct known_file *f)
{
    struct buffer b;
    buffer_init(&b, FILE_RECORD_BYTES_MAX);
    file_record_encode(f, &b);
    struct store_key key = file_record_key(1, f->serial);
    int rc = decode(store_key_slice(&key), b.data, b.size, NULL);
    buffer_deinit(&b);
    return rc;
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    char good_name[] = "a";
    char path_name[] = "a/b";
    char no_name[] = "";
    struct known_file good = {.name = good_name, .next_offset = 1};
    file_head_take(&good.head, "x", 1);
    assert_int_equal(encode_and_decode(&good), 0);
    struct known_file bad = good;
    bad.name = path_name;
    assert_int_equal(encode_and_decode(&bad), MILL_ECORRUPT);
    bad.name = no_name;
    assert_int_equal(encode_and_decode(&bad), MILL_ECORRUPT);
    bad = good;
    bad.flags = 0x10;
    assert_int_equal(encode_and_decode(&bad), MILL_ECORRUPT);
    bad = good;
    bad.head = (struct file_head){0}; /* read, but without a head */
    assert_int_equal(encode_and_decode(&bad), MILL_ECORRUPT);
    bad = good;
    bad.head.size = FILE_HEAD_BYTES + 1;
    assert_int_equal(encode_and_decode(&bad), MILL_ECORRUPT);
    bad = good;
    bad.next_packed_size = 1; /* not a .gz */
    assert_int_equal(encode_and_decode(&bad), MILL_ECORRUPT);
    bad.flags = FILE_PACKED;
    assert_int_equal(encode_and_decode(&bad), 0);
    bad = good;
    bad.next_offset = UINT64_MAX;
    assert_int_equal(encode_and_decode(&bad), MILL_ECORRUPT);
}

static void damaged_bytes_never_make_trouble(void **state)
{
    (void)state;
    struct chance c = {9};
    char name[256];
    struct known_file f = some_file(&c, name);
    struct buffer b;
    buffer_init(&b, FILE_RECORD_BYTES_MAX);
    file_record_encode(&f, &b);
    struct store_key key = file_record_key(9, f.serial);
    for (uint32_t i = 0; i < rounds(2000); i++) {
        char *copy = exact_copy(b.data, b.size);
        for (uint32_t k = 0; k <= chance_below(&c, 3); k++) {
            copy[chance_below(&c, (uint32_t)b.size)] = (char)chance_next(&c);
        }
        int rc = decode(store_key_slice(&key), copy, b.size, NULL);
        assert_true(rc == 0 || rc == MILL_ECORRUPT);
        memory_free(copy);
    }
    buffer_deinit(&b);
}

static void the_keys_of_a_source_lie_together_and_sort_by_serial(void **state)
{
    (void)state;
    struct store_key keys[] = {
        file_record_source_key(5),      file_record_key(5, 0),          file_record_key(5, 1),
        file_record_key(5, 256),        file_record_key(5, UINT32_MAX), file_record_end_key(5),
        file_record_source_key(6),      file_record_key(6, 0),          file_record_end_key(6),
        file_record_source_key(0xffff), file_record_end_key(0xffff),
    };
    for (size_t i = 1; i < sizeof keys / sizeof keys[0]; i++) {
        size_t size = keys[i - 1].size < keys[i].size ? keys[i - 1].size : keys[i].size;
        int order = memcmp(keys[i - 1].bytes, keys[i].bytes, size);
        assert_true(order < 0 || (order == 0 && keys[i - 1].size < keys[i].size));
    }
}

static void what_is_kept_of_a_source_comes_back(void **state)
{
    (void)state;
    struct file_source_record record = {.next_serial = 123456, .was_polled = true};
    struct file_source_record back = {0};
    struct error e = {0};
    struct buffer b;
    buffer_init(&b, FILE_RECORD_BYTES_MAX);
    file_source_record_encode(&record, &b);
    struct store_key key = file_record_source_key(3);
    struct slice name = store_key_slice(&key);
    assert_int_equal(file_source_record_decode(name, slice_of(&b), &back, &e), 0);
    assert_int_equal(back.next_serial, 123456);
    assert_true(back.was_polled);
    for (size_t size = 0; size < b.size; size++) {
        struct slice cut = {b.data, size};
        assert_int_equal(file_source_record_decode(name, cut, &back, &e), MILL_ECORRUPT);
    }
    assert_non_null(strstr(e.message, "f/3"));
    b.data[b.size - 1] = 2;
    assert_int_equal(file_source_record_decode(name, slice_of(&b), &back, &e), MILL_ECORRUPT);
    buffer_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_comes_back_as_it_was),
        cmocka_unit_test(a_record_of_any_other_length_is_refused),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(damaged_bytes_never_make_trouble),
        cmocka_unit_test(the_keys_of_a_source_lie_together_and_sort_by_serial),
        cmocka_unit_test(what_is_kept_of_a_source_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

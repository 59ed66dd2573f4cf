/* Goal: each exported function does what the engine's own of that name does, on the same buffer.
 * Method: both side by side; the values themselves are tests/engine/data/test_*.c and
 * tests/lua/values_spec.lua. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/json.h"
#include "data/key.h"
#include "data/msgpack.h"
#include "data/words.h"
#include "testing.h"

struct pair {
    struct buffer exported;
    struct buffer own;
};

static int begin(void **state)
{
    struct pair *p = memory_zero(1, sizeof *p);
    buffer_init(&p->exported, 1000);
    buffer_init(&p->own, 1000);
    *state = p;
    return 0;
}

static int end(void **state)
{
    struct pair *p = *state;
    buffer_deinit(&p->exported);
    buffer_deinit(&p->own);
    memory_free(p);
    return 0;
}

static void same(const struct pair *p)
{
    assert_true(p->own.size > 0);
    assert_int_equal(p->exported.size, p->own.size);
    assert_memory_equal(p->exported.data, p->own.data, p->own.size);
}

static void msgpack_is_written(void **state)
{
    struct pair *p = *state;
    struct mill_buffer *b = (struct mill_buffer *)&p->exported;
    mill_pack_nil(b);
    mill_pack_boolean(b, true);
    mill_pack_number(b, 1.5);
    mill_pack_int64(b, INT64_MIN);
    mill_pack_uint64(b, UINT64_MAX);
    mill_pack_string(b, "a\0b", 3);
    mill_pack_array(b, 70000);
    mill_pack_map(b, 3);
    mill_pack_record(b, "{}", 2);
    msgpack_add_nil(&p->own);
    msgpack_add_boolean(&p->own, true);
    msgpack_add_number(&p->own, 1.5);
    msgpack_add_int64(&p->own, INT64_MIN);
    msgpack_add_uint64(&p->own, UINT64_MAX);
    msgpack_add_string(&p->own, "a\0b", 3);
    msgpack_add_array(&p->own, 70000);
    msgpack_add_map(&p->own, 3);
    msgpack_add_record(&p->own, "{}", 2);
    same(p);
}

static void a_buffer_for_lua_is_made_and_read(void **state)
{
    (void)state;
    struct mill_buffer *b = mill_buffer_create(10);
    size_t size = 5;
    assert_string_equal(mill_buffer_text(b, &size), "");
    assert_int_equal(size, 0);
    mill_json_raw(b, "abc", 3);
    assert_memory_equal(mill_buffer_text(b, &size), "abc", 3);
    assert_int_equal(size, 3);
    mill_json_raw(b, "12345678", 8);
    assert_true(mill_buffer_failed(b));
    mill_buffer_destroy(b);
}

static void json_is_written(void **state)
{
    struct pair *p = *state;
    struct mill_buffer *b = (struct mill_buffer *)&p->exported;
    mill_json_boolean(b, false);
    assert_true(mill_json_number(b, 0.1));
    assert_false(mill_json_number(b, nan("")));
    mill_json_int64(b, INT64_MIN);
    mill_json_uint64(b, UINT64_MAX);
    mill_json_string(b, "a\"\n", 3);
    mill_json_raw(b, "[\"", 2);
    json_add_boolean(&p->own, false);
    assert_true(json_add_number(&p->own, 0.1));
    json_add_int64(&p->own, INT64_MIN);
    json_add_uint64(&p->own, UINT64_MAX);
    json_add_string(&p->own, "a\"\n", 3);
    json_add_text(&p->own, "[\"");
    same(p);
}

static void keys_are_written(void **state)
{
    struct pair *p = *state;
    struct mill_buffer *b = (struct mill_buffer *)&p->exported;
    mill_key_array_begin(b);
    mill_key_boolean(b, true);
    assert_true(mill_key_number(b, -1.5));
    assert_false(mill_key_number(b, nan("")));
    mill_key_int64(b, INT64_MIN);
    mill_key_uint64(b, UINT64_MAX);
    mill_key_part_string(b, "a\0b", 3);
    mill_key_array_end(b);
    mill_key_string(b, "whole", 5);
    key_add_array_begin(&p->own);
    key_add_boolean(&p->own, true);
    assert_true(key_add_number(&p->own, -1.5));
    key_add_int64(&p->own, INT64_MIN);
    key_add_uint64(&p->own, UINT64_MAX);
    key_add_part_string(&p->own, "a\0b", 3);
    key_add_array_end(&p->own);
    key_add_string(&p->own, "whole", 5);
    same(p);
}

static void a_buffer_says_when_it_was_full_until_it_is_cleared(void **state)
{
    struct pair *p = *state;
    struct mill_buffer *b = (struct mill_buffer *)&p->exported;
    char large[1001] = {0};
    assert_false(mill_buffer_failed(b));
    mill_json_raw(b, large, sizeof large);
    assert_true(mill_buffer_failed(b));
    mill_pack_nil(b);
    assert_true(mill_buffer_failed(b));
    mill_buffer_clear(b);
    assert_false(mill_buffer_failed(b));
    assert_int_equal(p->exported.size, 0);
}

static void a_buffer_is_read(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 10);
    assert_int_equal(mill_buffer_size((struct mill_buffer *)&b), 0);
    assert_int_equal(buffer_append(&b, "a\0b", 3), 0);
    assert_int_equal(mill_buffer_size((struct mill_buffer *)&b), 3);
    assert_memory_equal(mill_buffer_data((struct mill_buffer *)&b), "a\0b", 3);
    buffer_deinit(&b);
}

static void a_time_is_read(void **state)
{
    (void)state;
    double ms = 0;
    assert_true(mill_timestamp("1970-01-01T00:00:01.5Z", 22, &ms));
    assert_true(ms == 1500);
    assert_false(mill_timestamp("soon", 4, &ms));
}

static void words_are_where_the_splitter_has_them(void **state)
{
    (void)state;
    struct mill_splitter s;
    splitter_init(&s, "", 0);
    splitter_begin(&s, "to be", 5, true);
    assert_int_equal(splitter_next(&s), 2);
    assert_ptr_equal(mill_split_words(&s), s.words);
    splitter_deinit(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(msgpack_is_written),
        TEST(a_buffer_for_lua_is_made_and_read),
        TEST(json_is_written),
        TEST(keys_are_written),
        TEST(a_buffer_says_when_it_was_full_until_it_is_cleared),
        cmocka_unit_test(a_buffer_is_read),
        cmocka_unit_test(a_time_is_read),
        cmocka_unit_test(words_are_where_the_splitter_has_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

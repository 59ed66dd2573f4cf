/* Goal: what is written is JSON; numbers read back to the same double; strings keep every byte that
 * JSON does not reserve.
 * Method: a grammar of its own; random doubles with a fixed seed; msgpack cut at every byte. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/json.h"
#include "data/key.h"
#include "data/msgpack.h"
#include "json_grammar.h"
#include "testing.h"

static struct buffer out;
static struct buffer in;

static int begin(void **state)
{
    (void)state;
    buffer_init(&out, 1000000);
    buffer_init(&in, 1000000);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buffer_deinit(&out);
    buffer_deinit(&in);
    return 0;
}

static void wrote(const char *expected)
{
    assert_false(out.failed);
    assert_int_equal(buffer_append_byte(&out, 0), 0);
    assert_string_equal(out.data, expected);
    buffer_clear(&out);
}

static void writes_number(double v, const char *expected)
{
    assert_true(json_add_number(&out, v));
    wrote(expected);
}

static void numbers_are_written_shortly(void **state)
{
    (void)state;
    writes_number(0, "0");
    writes_number(-0.0, "-0");
    writes_number(1, "1");
    writes_number(-1, "-1");
    writes_number(0.1, "0.1");
    writes_number(-2.5, "-2.5");
    writes_number(1.0 / 3, "0.3333333333333333");
    writes_number(1e15, "1000000000000000");
    writes_number(0x1p53, "9007199254740992");
    writes_number(-0x1p53, "-9007199254740992");
    writes_number(1e300, "1e+300");
    writes_number(5e-324, "4.94065645841247e-324");
    writes_number(1.7976931348623157e308, "1.7976931348623157e+308");
}

static void numbers_read_back_to_the_same_double(void **state)
{
    (void)state;
    struct chance c = {10};
    for (uint32_t i = 0; i < rounds(100000); i++) {
        uint64_t bits = chance_next(&c);
        double v = 0;
        memcpy(&v, &bits, sizeof v);
        if (i % 2 == 0) {
            v = (double)(int64_t)(bits >> 8) / (double)(1 + chance_below(&c, 1000));
        }
        bool finite = isfinite(v) != 0;
        assert_int_equal(json_add_number(&out, v), finite);
        assert_int_equal(finite, is_json(out.data, out.size));
        assert_int_equal(buffer_append_byte(&out, 0), 0);
        double back = finite ? strtod(out.data, NULL) : v;
        assert_memory_equal(&back, &v, sizeof v);
        buffer_clear(&out);
    }
}

static void what_has_no_json_is_refused_and_nothing_written(void **state)
{
    (void)state;
    assert_false(json_add_number(&out, nan("")));
    assert_false(json_add_number(&out, HUGE_VAL));
    assert_false(json_add_number(&out, -HUGE_VAL));
    assert_int_equal(out.size, 0);
}

static void integers_are_written_in_full(void **state)
{
    (void)state;
    json_add_int64(&out, INT64_MIN);
    wrote("-9223372036854775808");
    json_add_int64(&out, INT64_MAX);
    wrote("9223372036854775807");
    json_add_int64(&out, 0);
    wrote("0");
    json_add_uint64(&out, UINT64_MAX);
    wrote("18446744073709551615");
}

static void words_are_written_as_they_are(void **state)
{
    (void)state;
    json_add_boolean(&out, true);
    json_add_boolean(&out, false);
    json_add_text(&out, "null");
    wrote("truefalsenull");
}

static void reserved_bytes_are_escaped(void **state)
{
    (void)state;
    json_add_string(&out, "\"\\/\b\f\n\r\t\0\1\x1f\x7f", 12);
    wrote("\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u0001\\u001f\x7f\"");
    json_add_string(&out, "", 0);
    wrote("\"\"");
}

static void all_other_bytes_stay_as_they_came(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        char byte = (char)i;
        json_add_string(&out, &byte, 1);
        assert_true(is_json(out.data, out.size));
        bool reserved = i < 0x20 || i == '"' || i == '\\';
        assert_int_equal(out.size == 3, !reserved);
        assert_true(reserved || out.data[1] == byte);
        buffer_clear(&out);
    }
    json_add_string(&out, "\xff\xc3\xa4\x80", 4);
    wrote("\"\xff\xc3\xa4\x80\"");
}

static void a_full_buffer_remembers_that_it_was(void **state)
{
    (void)state;
    struct buffer small;
    buffer_init(&small, 4);
    json_add_string(&small, "abc", 3);
    assert_true(small.failed);
    buffer_clear(&small);
    json_add_string(&small, "ab", 2);
    assert_false(small.failed);
    buffer_deinit(&small);
}

/* --- msgpack --- */

static int convert(size_t *used)
{
    char *bytes = exact_copy(in.data, in.size);
    int rc = json_add_msgpack(&out, bytes, in.size, used);
    memory_free(bytes);
    return rc;
}

static void converts_to(const char *expected)
{
    size_t used = 0;
    assert_int_equal(convert(&used), 0);
    assert_int_equal(used, in.size);
    assert_true(is_json(out.data, out.size));
    wrote(expected);
    buffer_clear(&in);
}

static void every_kind_of_value_is_converted(void **state)
{
    (void)state;
    msgpack_add_nil(&in);
    converts_to("null");
    msgpack_add_boolean(&in, true);
    converts_to("true");
    msgpack_add_number(&in, -1.5);
    converts_to("-1.5");
    msgpack_add_int64(&in, INT64_MIN);
    converts_to("-9223372036854775808");
    msgpack_add_uint64(&in, UINT64_MAX);
    converts_to("18446744073709551615");
    msgpack_add_string(&in, "a\"\0", 3);
    converts_to("\"a\\\"\\u0000\"");
    msgpack_add_array(&in, 0);
    converts_to("[]");
    msgpack_add_map(&in, 0);
    converts_to("{}");
}

static void values_nest(void **state)
{
    (void)state;
    msgpack_add_map(&in, 2);
    msgpack_add_string(&in, "list", 4);
    msgpack_add_array(&in, 3);
    msgpack_add_number(&in, 1);
    msgpack_add_nil(&in);
    msgpack_add_array(&in, 0);
    msgpack_add_string(&in, "map", 3);
    msgpack_add_map(&in, 1);
    msgpack_add_string(&in, "", 0);
    msgpack_add_boolean(&in, false);
    converts_to("{\"list\":[1,null,[]],\"map\":{\"\":false}}");
}

static void what_has_no_json_becomes_null(void **state)
{
    (void)state;
    msgpack_add_array(&in, 3);
    msgpack_add_number(&in, nan(""));
    msgpack_add_number(&in, HUGE_VAL);
    msgpack_add_number(&in, -HUGE_VAL);
    converts_to("[null,null,null]");
}

static void names_of_members_are_strings_whatever_the_key(void **state)
{
    (void)state;
    msgpack_add_map(&in, 3);
    msgpack_add_number(&in, 7);
    msgpack_add_nil(&in);
    msgpack_add_boolean(&in, true);
    msgpack_add_nil(&in);
    msgpack_add_number(&in, 0.5);
    msgpack_add_nil(&in);
    converts_to("{\"7\":null,\"true\":null,\"0.5\":null}");
}

static void a_name_is_never_more_than_a_string(void **state)
{
    (void)state;
    msgpack_add_map(&in, 1);
    msgpack_add_array(&in, 1);
    msgpack_add_string(&in, "a", 1);
    msgpack_add_nil(&in);
    converts_to("{\"[...]\":null}");
    assert_int_equal(buffer_append(&in, "\x81\xc4\1\"\xc0", 5), 0); /* {bin "\"": nil} */
    converts_to("{\"\\\"\":null}");
    for (int i = 0; i < 32; i++) {
        msgpack_add_map(&in, 1); /* each the name of the one before */
    }
    for (int i = 0; i < 33; i++) {
        msgpack_add_nil(&in);
    }
    converts_to("{\"{...}\":null}");
}

static void only_the_first_value_is_converted(void **state)
{
    (void)state;
    msgpack_add_number(&in, 1);
    msgpack_add_number(&in, 2);
    size_t used = 0;
    assert_int_equal(convert(&used), 0);
    assert_int_equal(used, 1);
    wrote("1");
}

static void a_value_cut_anywhere_is_damaged(void **state)
{
    (void)state;
    msgpack_add_map(&in, 2);
    msgpack_add_string(&in, "name", 4);
    msgpack_add_number(&in, 1e100);
    msgpack_add_number(&in, 5);
    msgpack_add_array(&in, 2);
    msgpack_add_int64(&in, 100000);
    msgpack_add_string(&in, "text of more than thirty-one bytes", 34);
    size_t whole = in.size;
    for (size_t cut = 0; cut < whole; cut++) {
        size_t used = 0;
        in.size = cut;
        assert_int_equal(convert(&used), MILL_ECORRUPT);
        assert_int_equal(out.size, 0);
    }
}

static void deep_values_are_converted_up_to_the_limit(void **state)
{
    (void)state;
    for (int i = 0; i < 32; i++) {
        msgpack_add_array(&in, 1);
    }
    msgpack_add_nil(&in);
    converts_to("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[null]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    for (int i = 0; i < 33; i++) {
        msgpack_add_array(&in, 1);
    }
    msgpack_add_nil(&in);
    size_t used = 0;
    assert_int_equal(convert(&used), MILL_ECORRUPT);
}

/* --- keys --- */

static void key_converts_to(const char *expected)
{
    char *bytes = exact_copy(in.data, in.size);
    assert_int_equal(json_add_key(&out, bytes, in.size), 0);
    memory_free(bytes);
    wrote(expected);
    buffer_clear(&in);
}

static void keys_are_converted(void **state)
{
    (void)state;
    key_add_boolean(&in, true);
    key_converts_to("true");
    assert_true(key_add_number(&in, -0.0));
    key_converts_to("0");
    key_add_int64(&in, -9007199254740993);
    key_converts_to("-9007199254740993");
    key_add_uint64(&in, UINT64_MAX);
    key_converts_to("18446744073709551615");
    assert_true(key_add_number(&in, HUGE_VAL));
    key_converts_to("1e999");
    assert_true(key_add_number(&in, -HUGE_VAL));
    key_converts_to("-1e999");
    key_add_string(&in, "a\0\"", 3);
    key_converts_to("\"a\\u0000\\\"\"");
}

static void array_keys_are_converted(void **state)
{
    (void)state;
    key_add_array_begin(&in);
    key_add_array_end(&in);
    key_converts_to("[]");
    key_add_array_begin(&in);
    key_add_part_string(&in, "a\0b", 3);
    key_add_array_begin(&in);
    key_add_array_begin(&in);
    key_add_array_end(&in);
    key_add_boolean(&in, false);
    key_add_array_end(&in);
    key_add_int64(&in, 5);
    key_add_part_string(&in, "", 0);
    key_add_array_end(&in);
    key_converts_to("[\"a\\u0000b\",[[],false],5,\"\"]");
}

static void damaged_keys_are_refused(void **state)
{
    (void)state;
    static const struct slice bad[] = {
        {"", 0},
        {"\x00", 1},
        {"\x03", 1},
        {"\x10\1\2\3", 4},
        {"\x01\x01", 2},
        {"\x30", 1},
        {"\x30\x20"
         "ab",
         4},
        {"\x30\x20"
         "a\0\2\0",
         6},
        {"\x30\x00\x00", 3},
        {"\x30\x30\x00", 3},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *bytes = exact_copy(bad[i].data, bad[i].size);
        assert_int_equal(json_add_key(&out, bytes, bad[i].size), MILL_ECORRUPT);
        memory_free(bytes);
    }
}

static void base64_is_as_the_standard_shows(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"", "\"\""},
        {"f", "\"Zg==\""},
        {"fo", "\"Zm8=\""},
        {"foo", "\"Zm9v\""},
        {"foob", "\"Zm9vYg==\""},
        {"fooba", "\"Zm9vYmE=\""},
        {"foobar", "\"Zm9vYmFy\""},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        json_add_base64(&out, pairs[i][0], strlen(pairs[i][0]));
        wrote(pairs[i][1]);
    }
    json_add_base64(&out, "\xfb\xff\xbf\x00", 4);
    wrote("\"+/+/AA==\"");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_are_written_shortly),
        TEST(numbers_read_back_to_the_same_double),
        TEST(what_has_no_json_is_refused_and_nothing_written),
        TEST(integers_are_written_in_full),
        TEST(words_are_written_as_they_are),
        TEST(reserved_bytes_are_escaped),
        TEST(all_other_bytes_stay_as_they_came),
        TEST(a_full_buffer_remembers_that_it_was),
        TEST(every_kind_of_value_is_converted),
        TEST(values_nest),
        TEST(what_has_no_json_becomes_null),
        TEST(names_of_members_are_strings_whatever_the_key),
        TEST(a_name_is_never_more_than_a_string),
        TEST(only_the_first_value_is_converted),
        TEST(a_value_cut_anywhere_is_damaged),
        TEST(deep_values_are_converted_up_to_the_limit),
        TEST(keys_are_converted),
        TEST(array_keys_are_converted),
        TEST(damaged_keys_are_refused),
        TEST(base64_is_as_the_standard_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: a stream of maps is read as records; what is none is bad alone, unless nothing tells where
 * the next one begins.
 * Method: values of each kind written by the writer; bombs and cuts; random bytes. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "data/msgpack.h"
#include "data/msgpack_decoder.h"
#include "decoded.h"
#include "testing.h"

#define NOT_READ "! no msgpack, or larger than 16 MiB; the rest is not read\n"

static void shows(const char *bytes, size_t size, const char *fields, const char *expected)
{
    struct mill_records *r = records_create(msgpack_decoder_create());
    char *shown = decode_in_pieces(r, bytes, size, SIZE_MAX, fields);
    assert_string_equal(shown, expected);
    memory_free(shown);
    records_destroy(r);
}

static void each_kind_of_value_is_read(void **state)
{
    (void)state;
    shows("\x85\xa1"
          "a\x05\xa1"
          "b\xa2xy\xa1"
          "c\xc3\xa1"
          "d\xc0\xa1"
          "e\x92\x01\xc0",
          20, "a b c d e f", "5|xy|true|~|[1,null]|~\n");
    shows("\x81\xa1"
          "a\x81\xa1"
          "b\x01",
          7, "a", "{\"b\":1}\n");
    shows("\x81\xa1"
          "a\xca\x3f\xc0\x00\x00",
          8, "a", "1.5\n");
    shows("\x81\xa1"
          "a\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
          12, "a", "~\n");
    shows("\x81\xa1"
          "a\xca\x7f\x80\x00\x00",
          8, "a", "~\n");
    shows("\x81\xa1"
          "a\xc4\x02hi",
          7, "a", "hi\n");
    shows("\x81\xa1"
          "a\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
          12, "a", "18446744073709551615ULL\n");
    shows("\x81\xa1"
          "a\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
          12, "a", "-9223372036854775808LL\n");
    shows("\x81\xa1"
          "a\xcf\x00\x20\x00\x00\x00\x00\x00\x01",
          12, "a", "9007199254740993LL\n");
    shows("\xde\x00\x01\xd9\x01"
          "a\x01",
          7, "a", "1\n");
    shows("\x80\x80", 2, "a", "~\n~\n");
}

static void the_first_of_two_members_of_one_name_counts(void **state)
{
    (void)state;
    shows("\x83\x01\x02\xa1"
          "a\x05\xa1"
          "a\x06",
          9, "a", "5\n");
}

static void what_is_no_map_is_bad_alone(void **state)
{
    (void)state;
    shows("\x01\x81\xa1"
          "a\x05\xa3xyz\x90",
          10, "a", "5\n! no map\n! no map\n! no map\n");
}

static void extensions_and_deep_values_are_bad_alone(void **state)
{
    (void)state;
    static const char why[] = "! an extension, or deeper than 32 levels\n";
    char expected[128];
    snprintf(expected, sizeof expected, "5\n%s%s", why, why);
    shows("\x81\xa1"
          "a\xd4\x05x\x81\xa1"
          "a\xd4\x01x\x81\xa1"
          "a\x05",
          16, "a", expected);
    char deep[64];
    memset(deep, '\x91', sizeof deep);
    memcpy(deep,
           "\x81\xa1"
           "a",
           3);
    deep[59] = 1;
    memcpy(deep + 60,
           "\x81\xa1"
           "a\x05",
           4);
    snprintf(expected, sizeof expected, "5\n%s", why);
    shows(deep, sizeof deep, "a", expected);
}

static void a_bomb_ends_the_stream(void **state)
{
    (void)state;
    shows("\x81\xa1"
          "a\x05\xdd\xff\x00\x00\x00\x81\xa1"
          "a\x06",
          13, "a", "5\n" NOT_READ);
    shows("\x81\xa1"
          "a\xdd\xff\x00\x00\x00",
          8, "a", NOT_READ);
    shows("\xc6\xff\xff\xff\xff", 5, "a", NOT_READ);
    shows("\xc1\x81\xa1"
          "a\x06",
          5, "a", NOT_READ);
}

static void what_breaks_off_is_bad(void **state)
{
    (void)state;
    static const char whole[] = "\x82\xa1"
                                "a\x05\xa1"
                                "b\xdc\x00\x02\x01\x02";
    for (size_t size = 1; size < sizeof whole - 1; size++) {
        shows(whole, size, "a", "! msgpack that breaks off\n");
    }
    shows(whole, sizeof whole - 1, "a b", "5|[1,2]\n");
}

static void of_what_is_not_read_a_part_is_kept(void **state)
{
    (void)state;
    char bytes[10000];
    memset(bytes, '\xc1', sizeof bytes);
    struct decoder *d = msgpack_decoder_create();
    struct mill_records *r = records_create(d);
    struct slice text = {bytes, sizeof bytes};
    records_begin(r, text, 0, 0);
    assert_int_equal(records_next(r, text, 0), sizeof bytes);
    assert_true(d->is_broken);
    assert_int_equal(r->fault_count, 1);
    assert_int_equal(r->faults[0].row.size, MSGPACK_BROKEN_BYTES);
    records_begin(r, text, 0, 0);
    assert_false(d->is_broken);
    records_destroy(r);
}

static void add_random(struct buffer *b, struct chance *c, int depth)
{
    switch (chance_below(c, depth > 0 ? 6 : 4)) {
    case 0:
        msgpack_add_number(b, chance_below(c, 100000));
        break;
    case 1:
        msgpack_add_string(b, "some text", chance_below(c, 10));
        break;
    case 2:
        msgpack_add_nil(b);
        break;
    case 3:
        msgpack_add_boolean(b, true);
        break;
    default: {
        uint32_t count = chance_below(c, 4);
        msgpack_add_array(b, count);
        for (uint32_t i = 0; i < count; i++) {
            add_random(b, c, depth - 1);
        }
    }
    }
}

static void pieces_of_any_size_give_the_same(void **state)
{
    (void)state;
    struct chance c = {5};
    struct buffer b;
    buffer_init(&b, MIB);
    for (int i = 0; i < 20; i++) {
        msgpack_add_map(&b, 2);
        msgpack_add_string(&b, "a", 1);
        add_random(&b, &c, 3);
        msgpack_add_string(&b, "b", 1);
        msgpack_add_number(&b, i);
    }
    char *whole = NULL;
    for (size_t piece = b.size; piece > 0; piece--) {
        struct mill_records *r = records_create(msgpack_decoder_create());
        char *shown = decode_in_pieces(r, b.data, b.size, piece, "a b");
        assert_true(whole == NULL || strcmp(shown, whole) == 0);
        memory_free(whole);
        whole = shown;
        records_destroy(r);
    }
    memory_free(whole);
    buffer_deinit(&b);
}

static void random_bytes_are_records_or_bad(void **state)
{
    (void)state;
    struct chance c = {6};
    for (uint32_t round = 0; round < rounds(20000); round++) {
        char bytes[48];
        size_t size = 1 + chance_below(&c, sizeof bytes - 1);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = chance_of(&c, "\x81\x82\xa1"
                                     "aab\x01\x91\x92\xc4\xd9\xdc\xde\xca\xd4\xc7\x7f");
        }
        struct mill_records *r = records_create(msgpack_decoder_create());
        memory_free(decode_in_pieces(r, bytes, size, 1 + chance_below(&c, 48), "a b"));
        records_destroy(r);
        memory_free(decode_to_json(msgpack_decoder_create(), bytes, size));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_value_is_read),
        cmocka_unit_test(the_first_of_two_members_of_one_name_counts),
        cmocka_unit_test(what_is_no_map_is_bad_alone),
        cmocka_unit_test(extensions_and_deep_values_are_bad_alone),
        cmocka_unit_test(a_bomb_ends_the_stream),
        cmocka_unit_test(what_breaks_off_is_bad),
        cmocka_unit_test(of_what_is_not_read_a_part_is_kept),
        cmocka_unit_test(pieces_of_any_size_give_the_same),
        cmocka_unit_test(random_bytes_are_records_or_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

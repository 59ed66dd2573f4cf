/* Goal: a record of the receiver log is known from all that is none. Method: every bit of a small
 * one is flipped; heads that mean nothing. */
#include <string.h>

#include "base/memory.h"
#include "io/received_record.h"
#include "testing.h"

#define SEED 9

static void expect_round_trip(const struct received_record *given)
{
    char head[RECEIVED_HEAD_BYTES];
    char *bytes = memory_zero(given->size + 1, 1);
    struct received_record r;
    received_record_encode(given, SEED, bytes, head);
    assert_true(received_record_decode(head, &r));
    assert_int_equal(r.kind, given->kind);
    assert_int_equal(r.restarts, given->restarts);
    assert_true(r.connection == given->connection && r.text == given->text);
    assert_true(r.line_size == given->line_size && r.size == given->size);
    assert_true(received_record_is_whole(head, bytes, r.size, SEED));
    assert_int_equal(received_text_bytes(&r), r.kind == RECEIVED_PART ? 0 : r.size);
    memory_free(bytes);
}

static void a_record_comes_back_as_it_was(void **state)
{
    (void)state;
    static const struct received_record records[] = {
        {.kind = RECEIVED_LINES, .connection = 1, .text = 0, .size = 5},
        {.kind = RECEIVED_BROKEN, .connection = UINT64_MAX, .text = 7, .size = 0},
        {.kind = RECEIVED_CROWDED, .text = UINT64_MAX, .size = 1},
        {.kind = RECEIVED_TOO_LONG, .line_size = 1 << 30, .size = RECEIVED_TOO_LONG_BYTES},
        {.kind = RECEIVED_PART, .restarts = true, .size = 3},
        {.kind = RECEIVED_PART, .size = RECEIVED_BYTES_MAX},
    };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        expect_round_trip(&records[i]);
    }
}

static void each_flipped_bit_is_found(void **state)
{
    (void)state;
    static const struct received_record given = {
        .kind = RECEIVED_LINES, .connection = 3, .text = 1000, .size = 6};
    char all[RECEIVED_HEAD_BYTES + 6];
    memcpy(all + RECEIVED_HEAD_BYTES, "a\nbc\n\n", 6);
    received_record_encode(&given, SEED, all + RECEIVED_HEAD_BYTES, all);
    for (size_t bit = 0; bit < sizeof all * 8; bit++) {
        struct received_record r;
        all[bit / 8] = (char)(all[bit / 8] ^ (1 << bit % 8));
        bool is_good = received_record_decode(all, &r) && r.size == 6 &&
                       received_record_is_whole(all, all + RECEIVED_HEAD_BYTES, 6, SEED);
        assert_false(is_good);
        all[bit / 8] = (char)(all[bit / 8] ^ (1 << bit % 8));
    }
    assert_true(received_record_is_whole(all, all + RECEIVED_HEAD_BYTES, 6, SEED));
}

static void a_record_belongs_to_its_place_in_its_log(void **state)
{
    (void)state;
    static const struct received_record given = {.kind = RECEIVED_LINES, .size = 2};
    char head[RECEIVED_HEAD_BYTES];
    received_record_encode(&given, received_seed(7, 100), "a\n", head);
    assert_true(received_record_is_whole(head, "a\n", 2, received_seed(7, 100)));
    assert_false(received_record_is_whole(head, "a\n", 2, received_seed(7, 101)));
    assert_false(received_record_is_whole(head, "a\n", 2, received_seed(8, 100)));
}

static void what_cannot_be_a_head_is_none(void **state)
{
    (void)state;
    char head[RECEIVED_HEAD_BYTES] = {0};
    struct received_record r;
    assert_false(received_record_decode(head, &r)); /* what a torn file is filled up with */
    memset(head, 0xff, sizeof head);
    assert_false(received_record_decode(head, &r));
    static const struct received_record given = {.kind = RECEIVED_PART, .size = 1};
    received_record_encode(&given, SEED, "x", head);
    head[12] = RECEIVED_PART + 1;
    assert_false(received_record_decode(head, &r));
    head[12] = RECEIVED_PART;
    bytes_put_u32(head + 8, (uint32_t)RECEIVED_BYTES_MAX);
    assert_true(received_record_decode(head, &r));
    bytes_put_u32(head + 8, (uint32_t)RECEIVED_BYTES_MAX + 1);
    assert_false(received_record_decode(head, &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_comes_back_as_it_was),
        cmocka_unit_test(each_flipped_bit_is_found),
        cmocka_unit_test(a_record_belongs_to_its_place_in_its_log),
        cmocka_unit_test(what_cannot_be_a_head_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Goal: the store's keys are what every data directory has: byte by byte, and in an order that
 * their readers rely on. Method: the bytes themselves; neighbours compared. */
#include <string.h>

#include "data/key.h"
#include "state/keys.h"
#include "testing.h"

static void key_is(struct store_key key, const char *bytes, size_t size)
{
    assert_int_equal(key.size, size);
    assert_memory_equal(key.bytes, bytes, size);
    struct slice s = store_key_slice(&key);
    assert_int_equal(s.size, size);
}

static void the_bytes_of_keys_are_fixed(void **state)
{
    (void)state;
    key_is(store_key_text("version"), "version", 7);
    key_is(store_key_text("epoch"), "epoch", 5);
    key_is(store_key_history(0x0102030405060708), "e\1\2\3\4\5\6\7\10", 9);
    key_is(store_key_mark(0x0102), "m\1\2", 3);
    key_is(store_key_roll(0xfffe), "r\xff\xfe", 3);
    key_is(store_key_queue(0x0102), "q\1\2", 3);
    key_is(store_key_received(0x0102), "l\1\2", 3);
    key_is(store_key_rate(0x0102), "n\1\2", 3);
    key_is(store_key_watermark(0x0102), "w\1\2", 3);
    key_is(store_key_watermark_partition(0x0102, 0x0304, 0x05060708090a0b0c),
           "w\1\2\3\4\5\6\7\10\11\12\13\14", 13);
    key_is(store_key_script(1), "text\1", 5);
    key_is(store_key_outbox(1, 2), "\0\0\0\0\0\0\0\1\0\2", 10);
    key_is(store_key_redo(1, 2), "\0\0\0\0\0\0\0\1\0\0\0\2", 12);
    char head[STATE_KEY_HEAD_BYTES];
    store_state_head(head, 0x0102, 0x0304);
    assert_memory_equal(head, "\1\2\3\4", 4);
    char deadline[DEADLINE_KEY_HEAD_BYTES];
    store_deadline_head(deadline, 0x0102, 0x0304, 0x1122334455667788);
    assert_memory_equal(deadline, "\x81\2\0\3\x11\x22\x33\x44\x55\x66\x77\x88\3\4", 14);
}

static bool below(struct store_key a, struct store_key b)
{
    return key_compare(a.bytes, a.size, b.bytes, b.size) < 0;
}

static void waiting_rows_are_sorted_by_epoch_then_output(void **state)
{
    (void)state;
    assert_true(below(store_key_outbox(1, UINT16_MAX), store_key_outbox(2, 0)));
    assert_true(below(store_key_outbox(2, 1), store_key_outbox(2, 2)));
    assert_true(below(store_key_outbox(255, 0), store_key_outbox(256, 0)));
}

static void parts_are_sorted_by_epoch_then_part(void **state)
{
    (void)state;
    assert_true(below(store_key_redo(1, UINT32_MAX), store_key_redo(2, 0)));
    assert_true(below(store_key_redo(2, 255), store_key_redo(2, 256)));
}

static void history_does_not_reach_into_its_neighbours(void **state)
{
    (void)state;
    assert_true(below(store_key_history(255), store_key_history(256)));
    /* "epoch" lies in the range of the letter, but it is no number of an epoch to come. */
    assert_true(below(store_key_history(0x7000000000000000 - 1), store_key_text("epoch")));
    assert_true(below(store_key_mark(UINT16_MAX), store_key_roll(0)));
    assert_true(below(store_key_roll(UINT16_MAX), store_key_text("s")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_of_keys_are_fixed),
        cmocka_unit_test(waiting_rows_are_sorted_by_epoch_then_output),
        cmocka_unit_test(parts_are_sorted_by_epoch_then_part),
        cmocka_unit_test(history_does_not_reach_into_its_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

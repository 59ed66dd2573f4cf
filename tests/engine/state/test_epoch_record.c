/* Goal: an epoch's record reads back as it was written; what no writer writes is damage.
 * Method: round trips of extreme values; every cut; counts that lie. */
#include <string.h>

#include "base/memory.h"
#include "state/epoch_record.h"
#include "testing.h"

static struct epoch_range ranges[2] = {
    {.source = 1, .partition = UINT64_MAX, .from = 3, .to = 1ull << 50},
    {.source = UINT16_MAX, .partition = 0, .from = 0, .to = 0},
};

static const struct epoch_record full = {
    .number = UINT64_MAX,
    .time_ms = INT64_MIN,
    .clock_ms = INT64_MAX,
    .interval_ms = 1000,
    .seed = 0x0123456789abcdef,
    .script_hash = 7,
    .redo_parts = UINT32_MAX,
    .redo_checksum = 9,
    .records = 11,
    .window_records = 13,
    .window_errors = 13,
    .ranges = ranges,
    .range_count = 2,
};

static void encode(const struct epoch_record *r, struct buffer *b)
{
    buffer_init(b, 100000);
    assert_int_equal(epoch_record_encode(r, b), 0);
}

static void a_record_reads_back_as_it_was_written(void **state)
{
    (void)state;
    struct buffer b;
    struct epoch_record r;
    encode(&full, &b);
    assert_int_equal(epoch_record_decode((struct slice){b.data, b.size}, &r, NULL), 0);
    assert_true(r.number == full.number && r.time_ms == full.time_ms);
    assert_true(r.clock_ms == full.clock_ms && r.interval_ms == full.interval_ms);
    assert_true(r.seed == full.seed && r.script_hash == full.script_hash);
    assert_true(r.redo_parts == full.redo_parts && r.redo_checksum == full.redo_checksum);
    assert_true(r.records == full.records && r.window_records == full.window_records);
    assert_true(r.window_errors == full.window_errors && r.range_count == 2);
    for (int i = 0; i < 2; i++) {
        assert_true(r.ranges[i].source == ranges[i].source);
        assert_true(r.ranges[i].partition == ranges[i].partition);
        assert_true(r.ranges[i].from == ranges[i].from && r.ranges[i].to == ranges[i].to);
    }
    epoch_record_deinit(&r);
    buffer_deinit(&b);
}

static void an_epoch_may_have_read_nothing(void **state)
{
    (void)state;
    struct epoch_record none = {.number = 1};
    struct epoch_record r;
    struct buffer b;
    encode(&none, &b);
    assert_int_equal(epoch_record_decode((struct slice){b.data, b.size}, &r, NULL), 0);
    assert_int_equal(r.range_count, 0);
    epoch_record_deinit(&r);
    epoch_record_deinit(&r);
    buffer_deinit(&b);
}

static void a_record_that_was_cut_or_extended_is_damaged(void **state)
{
    (void)state;
    struct buffer b;
    struct epoch_record r;
    encode(&full, &b);
    for (size_t size = 0; size < b.size; size++) {
        struct error e = {0};
        char *cut = exact_copy(b.data, size);
        assert_int_equal(epoch_record_decode((struct slice){cut, size}, &r, &e), MILL_ECORRUPT);
        assert_non_null(strstr(e.message, "damaged"));
        assert_null(r.ranges);
        memory_free(cut);
    }
    assert_int_equal(buffer_append_byte(&b, 0), 0);
    assert_int_equal(epoch_record_decode((struct slice){b.data, b.size}, &r, NULL), MILL_ECORRUPT);
    buffer_deinit(&b);
}

static void damaged(size_t offset, const char *bytes, size_t size)
{
    struct buffer b;
    struct epoch_record r;
    encode(&full, &b);
    memcpy(b.data + offset, bytes, size);
    assert_int_equal(epoch_record_decode((struct slice){b.data, b.size}, &r, NULL), MILL_ECORRUPT);
    buffer_deinit(&b);
}

/* u8 version, then twelve u64: number 0, ..., redo parts 6, window 9 and 10, count of ranges 11. */
#define AT(number) (1 + (number)*8)

static void what_no_writer_writes_is_damage(void **state)
{
    (void)state;
    damaged(0, "\2", 1);
    damaged(AT(0), "\0\0\0\0\0\0\0\0", 8);
    damaged(AT(6), "\0\0\0\1\0\0\0\0", 8);
    damaged(AT(10), "\0\0\0\0\0\0\0\16", 8);
    damaged(AT(11), "\0\0\0\0\0\0\0\3", 8);
    damaged(AT(11), "\0\0\0\0\0\0\0\1", 8);
    damaged(AT(11), "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
}

static void one_that_does_not_fit_is_said(void **state)
{
    (void)state;
    for (size_t max = 1; max < AT(12) + 2 * 26; max += 5) {
        struct buffer b;
        buffer_init(&b, max);
        assert_int_equal(epoch_record_encode(&full, &b), MILL_ELIMIT);
        buffer_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_reads_back_as_it_was_written),
        cmocka_unit_test(an_epoch_may_have_read_nothing),
        cmocka_unit_test(a_record_that_was_cut_or_extended_is_damaged),
        cmocka_unit_test(what_no_writer_writes_is_damage),
        cmocka_unit_test(one_that_does_not_fit_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

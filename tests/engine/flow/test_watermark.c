/* Goal: the watermark is what the rule says, for partitions that wait, run, end and go quiet.
 * Method: single rules; then random epochs against the rule written down over the whole past. */
#include "base/limits.h"
#include "base/memory.h"
#include "flow/watermark.h"
#include "testing.h"

#define NONE WATERMARK_NONE

static struct watermark make(int64_t max_delay, int64_t idle, bool once)
{
    struct watermark w;
    watermark_init(&w, &(struct watermark_options){max_delay, idle, once});
    return w;
}

static int64_t end_epoch(struct watermark *w, int64_t elapsed)
{
    watermark_advance(w, elapsed);
    watermark_committed(w);
    return w->now_ms;
}

static void it_is_the_least_of_the_partitions(void **state)
{
    (void)state;
    struct watermark w = make(10, 1000, false);
    watermark_saw(&w, 1, 1, 100);
    watermark_saw(&w, 1, 2, 50);
    watermark_saw(&w, 1, 2, 40);
    watermark_found(&w, 1, 1, PARTITION_IS_OPEN);
    watermark_found(&w, 1, 2, PARTITION_IS_OPEN);
    assert_int_equal(end_epoch(&w, 0), 40);
    watermark_deinit(&w);
}

static void it_never_goes_back(void **state)
{
    (void)state;
    struct watermark w = make(0, 1000, false);
    watermark_saw(&w, 1, 1, 100);
    watermark_found(&w, 1, 1, PARTITION_IS_OPEN);
    assert_int_equal(end_epoch(&w, 0), 100);
    watermark_saw(&w, 1, 2, 7);
    watermark_found(&w, 1, 1, PARTITION_IS_OPEN);
    watermark_found(&w, 1, 2, PARTITION_IS_OPEN);
    assert_int_equal(end_epoch(&w, 0), 100);
    watermark_deinit(&w);
}

static void a_file_that_is_not_begun_holds_it(void **state)
{
    (void)state;
    struct watermark w = make(0, 1000, true);
    watermark_saw(&w, 1, 1, 100);
    watermark_found(&w, 1, 1, PARTITION_ENDED);
    watermark_found(&w, 1, 2, PARTITION_WAITS);
    assert_true(end_epoch(&w, 0) == NONE);
    watermark_saw(&w, 1, 2, 30);
    watermark_found(&w, 1, 1, PARTITION_ENDED);
    watermark_found(&w, 1, 2, PARTITION_IS_OPEN);
    assert_int_equal(end_epoch(&w, 0), 30);
    watermark_found(&w, 1, 1, PARTITION_ENDED);
    watermark_found(&w, 1, 2, PARTITION_ENDED);
    assert_int_equal(end_epoch(&w, 0), 100);
    watermark_deinit(&w);
}

static void a_partition_at_its_end_counts_until_it_is_idle(void **state)
{
    (void)state;
    struct watermark w = make(0, 30, false);
    watermark_saw(&w, 1, 1, 100);
    watermark_saw(&w, 1, 2, 50);
    int64_t wanted[] = {50, 50, 50, 200, 200};
    for (int i = 0; i < 5; i++) {
        watermark_saw(&w, 1, 1, i == 3 ? 200 : 100);
        watermark_found(&w, 1, 1, PARTITION_IS_OPEN);
        watermark_found(&w, 1, 2, PARTITION_ENDED);
        assert_int_equal(end_epoch(&w, 10), wanted[i]);
    }
    watermark_deinit(&w);
}

static void what_it_brings_ends_its_idleness(void **state)
{
    (void)state;
    struct watermark w = make(0, 20, false);
    watermark_saw(&w, 1, 1, 50);
    for (int i = 0; i < 6; i++) {
        if (i % 2 == 0) {
            watermark_read(&w, 1, 1);
        }
        watermark_saw(&w, 1, 2, 100);
        watermark_found(&w, 1, 1, PARTITION_ENDED);
        watermark_found(&w, 1, 2, PARTITION_IS_OPEN);
        assert_int_equal(end_epoch(&w, 10), 50);
    }
    watermark_deinit(&w);
}

static void when_none_counts_it_goes_with_the_clock(void **state)
{
    (void)state;
    struct watermark w = make(5, 20, false);
    watermark_saw(&w, 1, 1, 100);
    int64_t wanted[] = {95, 95, 95, 105, 115};
    for (int i = 0; i < 5; i++) {
        watermark_found(&w, 1, 1, PARTITION_ENDED);
        assert_int_equal(end_epoch(&w, 10), wanted[i]);
    }
    watermark_found(&w, 1, 1, PARTITION_ENDED); /* the engine was down, or held it back */
    assert_int_equal(end_epoch(&w, 0), 115);
    watermark_deinit(&w);
}

static void with_once_the_clock_says_nothing(void **state)
{
    (void)state;
    struct watermark w = make(5, 20, true);
    watermark_saw(&w, 1, 1, 100);
    watermark_saw(&w, 1, 2, 90);
    for (int i = 0; i < 5; i++) {
        watermark_found(&w, 1, 1, PARTITION_ENDED);
        watermark_found(&w, 1, 2, PARTITION_ENDED);
        assert_int_equal(end_epoch(&w, 10), 95);
    }
    watermark_deinit(&w);
}

static void a_partition_without_times_holds_while_there_is_more(void **state)
{
    (void)state;
    struct watermark w = make(0, 20, false);
    watermark_saw(&w, 1, 1, 100);
    watermark_read(&w, 1, 2);
    watermark_found(&w, 1, 1, PARTITION_IS_OPEN);
    watermark_found(&w, 1, 2, PARTITION_IS_OPEN);
    assert_true(end_epoch(&w, 0) == NONE);
    watermark_found(&w, 1, 1, PARTITION_IS_OPEN);
    watermark_found(&w, 1, 2, PARTITION_ENDED);
    assert_int_equal(end_epoch(&w, 0), 100);
    watermark_deinit(&w);
}

static void nothing_seen_is_no_watermark(void **state)
{
    (void)state;
    struct watermark w = make(0, 0, false);
    assert_true(end_epoch(&w, 10) == NONE);
    watermark_found(&w, 1, 1, PARTITION_ENDED);
    assert_true(end_epoch(&w, 10) == NONE);
    assert_true(end_epoch(&w, 10) == NONE);
    watermark_deinit(&w);
}

static void what_was_abandoned_leaves_nothing(void **state)
{
    (void)state;
    struct watermark w = make(0, 20, false);
    watermark_saw(&w, 1, 1, 100);
    watermark_found(&w, 1, 1, PARTITION_IS_OPEN);
    watermark_advance(&w, 10);
    assert_int_equal(w.next_ms, 100);
    watermark_abandon(&w);
    assert_true(w.next_ms == NONE);
    watermark_saw(&w, 1, 1, 60);
    watermark_found(&w, 1, 1, PARTITION_IS_OPEN);
    assert_int_equal(end_epoch(&w, 10), 60);
    watermark_deinit(&w);
}

static void the_end_of_the_input_closes_what_is_open(void **state)
{
    (void)state;
    struct watermark w = make(0, 20, true);
    watermark_saw(&w, 1, 1, 100);
    watermark_found(&w, 1, 1, PARTITION_ENDED);
    watermark_advance(&w, 0);
    watermark_close(&w, 110);
    watermark_close(&w, 90);
    watermark_committed(&w);
    assert_int_equal(w.now_ms, 110);
    watermark_deinit(&w);
}

static void one_that_its_source_forgot_is_forgotten(void **state)
{
    (void)state;
    struct watermark w = make(0, 20, false);
    watermark_saw(&w, 1, 1, 10);
    watermark_saw(&w, 1, 2, 20);
    watermark_found(&w, 1, 1, PARTITION_IS_OPEN);
    watermark_found(&w, 1, 2, PARTITION_IS_OPEN);
    assert_int_equal(end_epoch(&w, 10), 10);
    watermark_found(&w, 1, 2, PARTITION_IS_OPEN);
    assert_int_equal(end_epoch(&w, 10), 20);
    assert_int_equal(w.count, 1);
    watermark_deinit(&w);
}

static void it_reads_back_as_it_was(void **state)
{
    (void)state;
    struct watermark w = make(5, 20, false);
    watermark_saw(&w, 1, 7, 100);
    watermark_found(&w, 1, 7, PARTITION_IS_OPEN);
    watermark_advance(&w, 3);
    struct buffer b;
    char partition[WATERMARK_PARTITION_BYTES];
    buffer_init(&b, 100);
    assert_int_equal(watermark_encode(&w, &b), 0);
    watermark_partition_encode(&w.partitions[0], partition);
    watermark_committed(&w);
    struct watermark back = make(5, 20, false);
    struct error e;
    struct slice bytes = {b.data, b.size};
    assert_int_equal(watermark_decode(&back, bytes, &e), 0);
    assert_int_equal(
        watermark_partition_decode(&back, 1, 7, (struct slice){partition, sizeof partition}, &e),
        0);
    assert_int_equal(back.now_ms, w.now_ms);
    assert_int_equal(back.largest_ms, w.largest_ms);
    assert_int_equal(back.partitions[0].seen_ms, 100);
    assert_int_equal(watermark_decode(&back, (struct slice){b.data, b.size - 1}, &e),
                     MILL_ECORRUPT);
    assert_int_equal(watermark_partition_decode(&back, 1, 7, (struct slice){partition, 3}, &e),
                     MILL_ECORRUPT);
    buffer_deinit(&b);
    watermark_deinit(&back);
    watermark_deinit(&w);
}

/* --- by chance: the rule, over all that ever happened --- */

enum { PARTITIONS = 4, EPOCHS = 40 };

struct past {
    int64_t seen[PARTITIONS];
    int64_t quiet[PARTITIONS]; /* how long nothing came, at its end */
    enum watermark_place place[PARTITIONS];
    int64_t largest;
    int64_t watermark;
    bool alone;
};

/* What the rule says, partition by partition. */
static void apply_rule(struct past *p, const struct watermark_options *o, int64_t elapsed)
{
    int64_t least = INT64_MAX;
    bool some = false;
    for (int i = 0; i < PARTITIONS; i++) {
        bool ended = p->place[i] == PARTITION_ENDED;
        bool counts = !ended || (!o->once && p->seen[i] != NONE && p->quiet[i] < o->idle_ms);
        int64_t seen = p->place[i] == PARTITION_WAITS ? NONE : p->seen[i];
        if (counts) {
            some = true;
            least = seen < least ? seen : least;
        }
    }
    int64_t from = some ? least : p->largest;
    int64_t next = from == NONE ? NONE : from - o->max_delay_ms;
    bool alone = !some && !o->once && p->largest != NONE;
    if (alone && p->alone && p->watermark + elapsed > next) {
        next = p->watermark + elapsed;
    }
    p->alone = alone;
    p->watermark = next > p->watermark ? next : p->watermark;
}

static void run_epoch(struct chance *c, struct watermark *w, struct past *p, int64_t elapsed)
{
    for (uint64_t i = 0; i < PARTITIONS; i++) {
        bool reads = p->place[i] != PARTITION_WAITS || chance_below(c, 3) == 0;
        uint32_t records = reads && chance_below(c, 3) == 0 ? chance_below(c, 4) : 0;
        for (uint32_t n = 0; n < records; n++) {
            int64_t time = chance_below(c, 1000);
            watermark_saw(w, 3, i, time);
            p->seen[i] = time > p->seen[i] ? time : p->seen[i];
            p->largest = time > p->largest ? time : p->largest;
        }
        if (records > 0 || p->place[i] != PARTITION_WAITS) {
            p->place[i] = chance_below(c, 2) ? PARTITION_IS_OPEN : PARTITION_ENDED;
        }
        bool quiet = p->place[i] == PARTITION_ENDED && records == 0;
        p->quiet[i] = quiet ? p->quiet[i] + elapsed : 0;
        watermark_found(w, 3, i, p->place[i]);
    }
}

static void random_epochs_follow_the_rule(void **state)
{
    (void)state;
    struct chance c = {5};
    for (uint32_t round = 0; round < rounds(300); round++) {
        struct watermark w = make(chance_below(&c, 50), chance_below(&c, 50), chance_below(&c, 2));
        struct past p = {.largest = NONE, .watermark = NONE};
        for (int i = 0; i < PARTITIONS; i++) {
            p.seen[i] = NONE;
            p.place[i] = (enum watermark_place)chance_below(&c, 3);
        }
        for (int n = 0; n < EPOCHS; n++) {
            int64_t elapsed = chance_below(&c, 20);
            struct past before = p;
            struct chance again = c;
            run_epoch(&c, &w, &p, elapsed);
            if (chance_below(&c, 5) == 0) { /* abandoned after all; the same once more */
                watermark_advance(&w, elapsed);
                watermark_abandon(&w);
                c = again;
                p = before;
                run_epoch(&c, &w, &p, elapsed);
            }
            apply_rule(&p, &w.options, elapsed);
            watermark_advance(&w, elapsed);
            assert_true(w.next_ms == p.watermark);
            watermark_committed(&w);
        }
        watermark_deinit(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_least_of_the_partitions),
        cmocka_unit_test(it_never_goes_back),
        cmocka_unit_test(a_file_that_is_not_begun_holds_it),
        cmocka_unit_test(a_partition_at_its_end_counts_until_it_is_idle),
        cmocka_unit_test(what_it_brings_ends_its_idleness),
        cmocka_unit_test(when_none_counts_it_goes_with_the_clock),
        cmocka_unit_test(with_once_the_clock_says_nothing),
        cmocka_unit_test(a_partition_without_times_holds_while_there_is_more),
        cmocka_unit_test(nothing_seen_is_no_watermark),
        cmocka_unit_test(what_was_abandoned_leaves_nothing),
        cmocka_unit_test(the_end_of_the_input_closes_what_is_open),
        cmocka_unit_test(one_that_its_source_forgot_is_forgotten),
        cmocka_unit_test(it_reads_back_as_it_was),
        cmocka_unit_test(random_epochs_follow_the_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

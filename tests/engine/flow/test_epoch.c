/* Goal: an epoch goes through its phases in order, waits for what is out, and begins anew from any
 * of them; its times are those of section 1 of the design.
 * Method: the machine driven by hand; random walks that only do what it asks for. */
#include <string.h>

#include "base/memory.h"
#include "flow/epoch.h"
#include "testing.h"

/* --- times --- */

static void the_batch_time_is_the_clock_rounded_down(void **state)
{
    (void)state;
    assert_int_equal(epoch_time(0, 1000, 5999), 5000);
    assert_int_equal(epoch_time(0, 1000, 6000), 6000);
    assert_int_equal(epoch_time(5000, 1000, 9876), 9000);
}

static void it_is_never_before_the_one_before_and_one_interval(void **state)
{
    (void)state;
    assert_int_equal(epoch_time(5000, 1000, 5999), 6000);
    assert_int_equal(epoch_time(5000, 1000, 6000), 6000);
    assert_int_equal(epoch_time(5000, 1000, 0), 6000);
    assert_int_equal(epoch_time(8000, 1000, 5000), 9000);
}

static void another_interval_gives_its_next_multiple(void **state)
{
    (void)state;
    assert_int_equal(epoch_time(5000, 2000, 0), 6000);
    assert_int_equal(epoch_time(6000, 2000, 0), 8000);
    assert_int_equal(epoch_time(5000, 300, 0), 5100);
    assert_int_equal(epoch_time(5100, 300, 0), 5400);
    assert_int_equal(epoch_time(7, 1, 0), 8);
}

static void times_before_1970_round_down_too(void **state)
{
    (void)state;
    assert_int_equal(epoch_time(-5000, 1000, -3500), -4000);
    assert_int_equal(epoch_time(-5500, 1000, -9000), -5000);
    assert_int_equal(epoch_time(-1, 1000, -9000), 0);
}

static void the_clock_never_goes_back(void **state)
{
    (void)state;
    assert_int_equal(epoch_clock(5000, 5001), 5001);
    assert_int_equal(epoch_clock(5000, 4000), 5000);
    assert_int_equal(epoch_clock(5000, 5000), 5000);
}

static void any_clock_gives_multiples_that_increase(void **state)
{
    (void)state;
    struct chance chance = {1};
    int64_t time = 0;
    int64_t clock = 0;
    int64_t machine = 1700000000000;
    for (uint32_t i = 0; i < rounds(20000); i++) {
        int64_t interval = 1 + chance_below(&chance, 5000);
        machine += (int64_t)chance_below(&chance, 4000) - 1000;
        int64_t next = epoch_time(time, interval, machine);
        assert_true(next > time && next % interval == 0);
        assert_true(next <= machine || next - time <= interval);
        time = next;
        next = epoch_clock(clock, machine);
        assert_true(next >= clock && next >= machine);
        clock = next;
    }
}

/* --- phases --- */

static struct epoch begun(uint32_t stage_count)
{
    struct epoch e = {.number = 1, .stage_count = stage_count};
    memset(&e.phase, 0x7f, sizeof e.phase);
    epoch_begin(&e);
    return e;
}

static void an_empty_epoch_goes_straight_through(void **state)
{
    (void)state;
    struct epoch e = begun(0);
    assert_int_equal(epoch_next(&e), EPOCH_HAND_OUT);
    epoch_cut(&e);
    assert_int_equal(epoch_next(&e), EPOCH_PREPARE);
    epoch_prepare_posted(&e);
    assert_int_equal(epoch_next(&e), EPOCH_WAIT);
    epoch_prepared(&e);
    assert_int_equal(epoch_next(&e), EPOCH_COMMIT);
    epoch_commit_posted(&e);
    assert_int_equal(epoch_next(&e), EPOCH_WAIT);
    epoch_committed(&e);
    assert_int_equal(epoch_next(&e), EPOCH_FINISH);
}

static void a_cut_epoch_waits_for_its_blocks(void **state)
{
    (void)state;
    struct epoch e = begun(1);
    epoch_block_handed(&e);
    epoch_block_handed(&e);
    epoch_block_done(&e);
    assert_int_equal(epoch_next(&e), EPOCH_HAND_OUT);
    epoch_cut(&e);
    epoch_cut(&e);
    assert_int_equal(epoch_next(&e), EPOCH_WAIT);
    epoch_block_done(&e);
    assert_int_equal(epoch_next(&e), EPOCH_RUN_STAGE);
    epoch_cut(&e);
    assert_int_equal(epoch_next(&e), EPOCH_RUN_STAGE);
}

static void stages_run_one_after_the_other(void **state)
{
    (void)state;
    struct epoch e = begun(2);
    epoch_cut(&e);
    for (uint32_t stage = 0; stage < 2; stage++) {
        assert_int_equal(epoch_next(&e), EPOCH_RUN_STAGE);
        assert_int_equal(e.stage, stage);
        epoch_stage_posted(&e, 3);
        for (int task = 0; task < 3; task++) {
            assert_int_equal(epoch_next(&e), EPOCH_WAIT);
            epoch_task_done(&e);
        }
    }
    assert_int_equal(epoch_next(&e), EPOCH_PREPARE);
}

static void it_is_quiet_when_nobody_holds_anything(void **state)
{
    (void)state;
    struct epoch e = begun(1);
    assert_true(epoch_is_quiet(&e));
    epoch_block_handed(&e);
    assert_false(epoch_is_quiet(&e));
    epoch_cut(&e);
    epoch_block_done(&e);
    assert_true(epoch_is_quiet(&e));
    epoch_stage_posted(&e, 1);
    assert_false(epoch_is_quiet(&e));
    epoch_task_done(&e);
    assert_true(epoch_is_quiet(&e));
    epoch_prepare_posted(&e);
    assert_false(epoch_is_quiet(&e));
    epoch_prepared(&e);
    assert_true(epoch_is_quiet(&e));
    epoch_commit_posted(&e);
    assert_false(epoch_is_quiet(&e));
}

/* Do what the machine asks for, finish what is out in any order; abandon now and then when quiet.
 */
static void any_order_of_events_ends_in_one_commit(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < rounds(500); seed++) {
        struct chance chance = {seed};
        struct epoch e = begun(chance_below(&chance, 4));
        uint32_t commits = 0;
        for (uint32_t step = 0; commits == 0; step++) {
            assert_true(step < 100000);
            if (epoch_is_quiet(&e) && chance_below(&chance, 20) == 0) {
                epoch_begin(&e);
            }
            switch (epoch_next(&e)) {
            case EPOCH_HAND_OUT:
                if (e.blocks_out > 0 && chance_below(&chance, 2) == 0) {
                    epoch_block_done(&e);
                } else if (chance_below(&chance, 8) == 0) {
                    epoch_cut(&e);
                } else {
                    epoch_block_handed(&e);
                }
                break;
            case EPOCH_RUN_STAGE:
                assert_int_equal(e.blocks_out, 0);
                epoch_stage_posted(&e, 1 + chance_below(&chance, 16));
                break;
            case EPOCH_PREPARE:
                assert_true(e.stage == e.stage_count);
                epoch_prepare_posted(&e);
                break;
            case EPOCH_COMMIT:
                epoch_commit_posted(&e);
                break;
            case EPOCH_FINISH:
                commits++;
                break;
            case EPOCH_WAIT:
                if (e.phase == EPOCH_DRAINING) {
                    epoch_block_done(&e);
                } else if (e.phase == EPOCH_STAGES) {
                    epoch_task_done(&e);
                } else if (e.phase == EPOCH_PREPARING) {
                    epoch_prepared(&e);
                } else {
                    epoch_committed(&e);
                }
                break;
            }
        }
    }
}

static void hand_out_when_cut(void)
{
    struct epoch e = begun(0);
    epoch_cut(&e);
    epoch_block_handed(&e);
}

static void commit_what_is_not_prepared(void)
{
    struct epoch e = begun(0);
    epoch_cut(&e);
    epoch_commit_posted(&e);
}

static void finish_a_block_too_many(void)
{
    struct epoch e = begun(0);
    epoch_block_done(&e);
}

static void what_must_not_happen_ends_the_process(void **state)
{
    (void)state;
    void (*const wrong[])(void) = {hand_out_when_cut, commit_what_is_not_prepared,
                                   finish_a_block_too_many};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char output[1000];
        assert_int_not_equal(run_apart(wrong[i], output, sizeof output), 0);
        assert_non_null(strstr(output, "epoch.c"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_batch_time_is_the_clock_rounded_down),
        cmocka_unit_test(it_is_never_before_the_one_before_and_one_interval),
        cmocka_unit_test(another_interval_gives_its_next_multiple),
        cmocka_unit_test(times_before_1970_round_down_too),
        cmocka_unit_test(the_clock_never_goes_back),
        cmocka_unit_test(any_clock_gives_multiples_that_increase),
        cmocka_unit_test(an_empty_epoch_goes_straight_through),
        cmocka_unit_test(a_cut_epoch_waits_for_its_blocks),
        cmocka_unit_test(stages_run_one_after_the_other),
        cmocka_unit_test(it_is_quiet_when_nobody_holds_anything),
        cmocka_unit_test(any_order_of_events_ends_in_one_commit),
        cmocka_unit_test(what_must_not_happen_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

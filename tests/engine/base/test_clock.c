/* Goal: a virtual clock stands still, the machine's agrees with the machine, elapsed time never
 * runs back.
 * Method: the C library's clock as the witness. */
#include <time.h>

#include "base/clock.h"
#include "testing.h"

static void a_virtual_clock_stands_still_until_it_is_set(void **state)
{
    (void)state;
    struct clock c = clock_virtual(-5);
    assert_int_equal(clock_now_ms(&c), -5);
    assert_int_equal(clock_now_ms(&c), -5);
    c.fixed_ms = INT64_MAX;
    assert_true(clock_now_ms(&c) == INT64_MAX);
}

/* time() tells the second of the last tick, which may be over. */
static int64_t machine_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void the_machines_clock_counts_milliseconds_since_1970(void **state)
{
    (void)state;
    struct clock c = clock_machine();
    int64_t before_ms = machine_ms();
    int64_t now_ms = clock_now_ms(&c);
    int64_t after_ms = machine_ms();
    assert_true(before_ms <= now_ms && now_ms <= after_ms);
}

static void elapsed_time_is_microseconds_and_never_runs_back(void **state)
{
    (void)state;
    int64_t first_us = clock_elapsed_us();
    int64_t last_us = first_us;
    for (int i = 0; i < 1000; i++) {
        int64_t now_us = clock_elapsed_us();
        assert_true(now_us >= last_us);
        last_us = now_us;
    }
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    assert_true(clock_elapsed_us() - first_us >= 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_virtual_clock_stands_still_until_it_is_set),
        cmocka_unit_test(the_machines_clock_counts_milliseconds_since_1970),
        cmocka_unit_test(elapsed_time_is_microseconds_and_never_runs_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

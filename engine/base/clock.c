#include "base/clock.h"

#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec t = {0};
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t machine_now_ms(const struct clock *c)
{
    (void)c;
    return read_us(CLOCK_REALTIME) / 1000;
}

static int64_t virtual_now_ms(const struct clock *c)
{
    return c->fixed_ms;
}

struct clock clock_machine(void)
{
    return (struct clock){.now_ms = machine_now_ms};
}

struct clock clock_virtual(int64_t start_ms)
{
    return (struct clock){.now_ms = virtual_now_ms, .fixed_ms = start_ms};
}

int64_t clock_now_ms(const struct clock *c)
{
    return c->now_ms(c);
}

int64_t clock_elapsed_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

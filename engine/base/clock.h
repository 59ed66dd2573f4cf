/*
 * Clocks. Inside the engine a point in time is an int64_t: `_ms` milliseconds since 1970 where
 * users see it (batch times), `_us` microseconds where precision matters. Elapsed time comes
 * from the monotonic clock, never from the machine's.
 *
 * A `struct clock` is handed to whatever asks for the machine's time, so that tests and
 * `--clock virtual` bring their own.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*now_ms)(const struct clock *c); /**< the machine's time */
    int64_t fixed_ms;                         /**< what a virtual clock answers */
};

/** The machine's clock. */
struct clock clock_machine(void);
/** A clock that stands still until `fixed_ms` is set. */
struct clock clock_virtual(int64_t start_ms);

int64_t clock_now_ms(const struct clock *c);

/** Microseconds on the monotonic clock; only differences mean something. */
int64_t clock_elapsed_us(void);

#endif

/*
 * The pace of epochs that are cut by time: when the next one is to be cut.
 *
 *     multiples of the interval   │         │         │         │
 *     fast: a short tail           ▒▒▒▒▒▒▒▒▒█▒▒▒▒▒▒▒▒▒█▒▒▒▒▒▒▒▒▒█       ▒ takes input
 *     slow: a long one             ▒▒▒▒▒▒▒▒▒███████▒▒▒▒▒▒▒▒▒▒▒▒▒███████ █ tail: no input is taken
 *                                                  └ the multiple in between would leave it less
 *                                                    time than the tail takes
 *
 * An engine that is told before a batch how much it will get must estimate its rate (Spark's PID
 * controller does). Here workers take blocks when they are free, so input flows just as fast as it
 * is processed, and there is nothing to estimate but how long an epoch should take input, so that
 * what it costs to end one is not most of the work. docs/internals/run.md tells more.
 *
 * Pure.
 */
#ifndef FLOW_PACE_H
#define FLOW_PACE_H

#include <stdint.h>

struct pace {
    int64_t
        tail_us; /**< moving average of the time from an epoch's cut to its commit; 0 at first */
};

/** An epoch was committed. @param tail_us  >= 0, since it was cut */
void pace_add(struct pace *p, int64_t tail_us);

/**
 * How long the epoch that begins now takes input: until a multiple of the interval, and at least as
 * long as a tail takes; but an interval is enough, however long the tail (a tail that grows with
 * the input would otherwise double, and double again).
 * @return ms, in [1, 2 * interval_ms)
 */
int64_t pace_input_ms(const struct pace *p, int64_t interval_ms, int64_t now_ms);

#endif

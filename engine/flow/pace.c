#include "flow/pace.h"

/* Of what a new tail counts: one that took long for once is forgotten after some epochs. */
#define NEW_SHARE 4

void pace_add(struct pace *p, int64_t tail_us)
{
    p->tail_us = p->tail_us == 0 ? tail_us : p->tail_us + (tail_us - p->tail_us) / NEW_SHARE;
}

int64_t pace_input_ms(const struct pace *p, int64_t interval_ms, int64_t now_ms)
{
    int64_t past = now_ms % interval_ms;
    int64_t left = interval_ms - (past < 0 ? past + interval_ms : past);
    int64_t tail_ms = p->tail_us / 1000;
    int64_t least = tail_ms < interval_ms ? tail_ms : interval_ms;
    return left < least ? left + interval_ms : left;
}

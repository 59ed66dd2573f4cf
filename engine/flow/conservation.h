/*
 * Conservation: no record gets lost between operators. For every operator of an epoch
 *
 *     in = out + filtered + dead + skipped
 *
 * and what an operator gives is what its readers get. Operators count what they filter and lose;
 * the ends of segments count on their own what arrives at them. Where the two disagree, the engine
 * is wrong. Checked at every commit of a debug build.
 *
 * Pure.
 */
#ifndef FLOW_CONSERVATION_H
#define FLOW_CONSERVATION_H

#include "base/error.h"
#include "base/ffi.h"
#include "flow/graph.h"

/**
 * @param counters  by operator, summed over all workers; of sources: out
 * @param heads     by stage, likewise
 * @return 0, or MILL_EFAILED naming the operator at which records are missing or too many
 */
int conservation_check(const struct graph *g, const struct mill_counter *counters,
                       const struct mill_counter *heads, struct error *e);

/** Add one worker's counters to a sum. */
void conservation_add(struct mill_counter *sum, const struct mill_counter *part, uint32_t count);

#endif

/*
 * Folding in C: count, sum, min, max and avg of partial values. Pure.
 */
#ifndef FLOW_COMBINE_H
#define FLOW_COMBINE_H

#include "base/ffi.h"
#include "flow/graph.h"

/** Fold a partial value into another; both are NUMBER. `len` counts the values in it. Of
 * COMBINE_LUA there is nothing to fold here. */
void combine_cells(enum graph_combine how, struct mill_cell *into, const struct mill_cell *from);

/** What is shown of a folded value: of an avg the quotient. */
void combine_finish(enum graph_combine how, struct mill_cell *cell);

#endif

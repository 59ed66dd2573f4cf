/*
 * Which member of a script is which of the store's (flow/identity.h).
 *
 * Every start on an existing store compares. What has the same identity keeps its state, what is
 * new starts empty. Refused, with lines to paste:
 *   - a stateful operator that is gone;
 *   - unnamed ones of a kind (of sources and outputs: of a kind and target) that occurs more than
 *     once, when their number or order changed, as far as their details, places and contents tell.
 * Not print and to_stdout: what they prepare says all that publishing it needs;
 *   - a kind that changed under one identity;
 *   - a source that got another name together with other changes;
 *   - a new one when all numbers are given.
 * A script that differs by names alone is accepted, and the names are taken over by place.
 *
 * Pure: compares two lists.
 */
#ifndef FLOW_IDENTITY_MATCH_H
#define FLOW_IDENTITY_MATCH_H

#include "base/error.h"
#include "flow/identity.h"

/**
 * Give the new set's members their numbers: those of the old ones that they are, or fresh ones.
 * Old members that are gone and must not be forgotten are added, not present.
 * @param old  of the store; empty for a new one
 * @return 0, or MILL_EREFUSED with what to write into the script
 */
int identity_match(const struct identity_set *old, struct identity_set *set, struct error *e);

#endif

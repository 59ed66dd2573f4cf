/*
 * Outputs that are gone from the script. The store remembers them, so that they keep their numbers
 * and names when they come back; a job that names its target by the day would fill it with them.
 *
 * @thread the coordinator, at a start
 */
#ifndef RUN_GONE_H
#define RUN_GONE_H

#include "base/error.h"
#include "flow/identity.h"
#include "state/store.h"

/** When the store has more than LIMIT_MEMBERS_KEPT members: forget the outputs that are gone and
 * have nothing left in it, neither rows that wait nor an open file. Sources and operators stay: the
 * store has what they have read, and their state.
 *  @param set  of the store. @return 0, or what the store says */
int gone_forget(struct store *store, struct identity_set *set, struct error *e);

#endif

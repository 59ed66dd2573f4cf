/*
 * The start of a job: what is in the store against what is in the script.
 *
 * Every start on an existing data directory is a reload: identities are compared (flow/identity.h),
 * what cannot go on as it was is refused with what to do about it, and a script that changed is on
 * probation for its first epoch.
 */
#ifndef RUN_START_H
#define RUN_START_H

#include "run/runner.h"

/** Compare with the store: whose directory it is, identities, the script's versions.
 *  @return 0, MILL_EREFUSED, MILL_ESCRIPT, MILL_ECORRUPT */
int start_compare(struct runner *r, struct error *e);
/** Open sources, outputs and the publisher, and clear up what a crash left. */
int start_open(struct runner *r, struct error *e);
void start_close(struct runner *r);

#endif

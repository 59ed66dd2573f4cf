/*
 * Mending: a start that was refused is made again with what a person has decided (base/choices.h).
 *
 *     --adopt SCRIPT                 the data directory goes over to this script
 *     --drop-state NAME              the state of an operator that is gone from the script goes
 *     --reread FILE, --skip-file     a file that is smaller than what was read of it
 *
 * These take effect in the first epoch's batch, with the new graph, and with --once that epoch is
 * run for them even when nothing is new: a script on probation that fails has dropped nothing.
 *
 * What is about rows and folders is in mend_rows.h.
 *
 * A name that nothing has is an error, with what there is; a decision about something that is not
 * refused changes nothing, and says so.
 *
 * @thread the coordinator, at the start
 */
#ifndef RUN_MEND_H
#define RUN_MEND_H

#include "run/runner.h"

/** Before anything is compared: --adopt names the script or a folder of an output.
 *  @return 0, MILL_EINVAL */
int mend_check_adopted(const struct runner *r, struct error *e);
/** Whether the script at another path takes over. */
bool mend_adopts_script(struct runner *r);
/** identity_match of the graph to r->identities, without the states that are to be dropped.
 *  @param old  those are taken out of it. @return as identity_match, or MILL_EINVAL */
int mend_match(struct runner *r, struct identity_set *old, struct error *e);
/** The sources are open, and were not polled. @return 0, MILL_EINVAL */
int mend_sources(struct runner *r, struct error *e);
/** All is open: say which decisions had nothing to decide. */
void mend_report(const struct runner *r);
/** Add to the first batch what is dropped. */
void mend_commit_into(const struct runner *r, struct store_batch *batch);
/** The batch was written. */
void mend_committed(struct runner *r);

#endif

/*
 * Mending (mend.h), of rows that wait to be published and of the folders that they go to.
 *
 *     --drop-output NAME             rows that wait for an output that is gone from the script
 *     --skip-epoch [NAME=]N          rows of an epoch that cannot be published
 *     --assume-published FOLDER, --publish-again FOLDER
 *                                    an output folder that is not what it was
 *     --adopt FOLDER                 one that another store has written to
 *
 * These take effect at once, in a batch of their own (io/give_up.h, reclaim.h, adoption.h).
 *
 * @thread the coordinator, at the start
 */
#ifndef RUN_MEND_ROWS_H
#define RUN_MEND_ROWS_H

#include "run/runner.h"

/** Before outputs and the publisher are opened; r->place is set. @return 0, MILL_EINVAL, what
 *  the disk and the store say */
int mend_rows(struct runner *r, struct error *e);
/** What --drop-output and --skip-epoch call an output, as a shell takes it. @owns the caller
 *  @return NULL: it has no name (the dead letters) */
char *mend_output_name(const struct runner *r, uint16_t number);

#endif

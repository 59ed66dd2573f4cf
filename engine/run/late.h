/*
 * Late records: what came too late for all its windows. They are written like dead letters, into
 * late/ of the data directory, exactly once; and they are no errors. When they have more than
 * LIMIT_LATE_BYTES, the oldest go. With late = "drop" they are only counted.
 */
#ifndef RUN_LATE_H
#define RUN_LATE_H

#include "flow/rows.h"
#include "run/runner.h"

/** The number in the store of the output; beyond those that are given. */
#define LATE_NUMBER (LIMIT_NUMBERS_MAX + 2)

/** Whether the job has windows, and keeps what is late for them. */
bool late_is_wanted(const struct runner *r);
int late_open(struct runner *r, struct error *e);
/** How often a record was late in the host's epoch, kept or not. */
uint64_t late_count(const struct host *h);
/** Leave out the oldest of one epoch, when they alone are too many. */
void late_limit(struct runner *r, struct rows_reader *rows);
/** Something was published: remove the oldest parts when all have become too many. */
void late_trim(struct runner *r);

#endif

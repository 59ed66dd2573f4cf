/*
 * What a person sees of a running job: on a terminal one line on standard error that is written
 * over, a few times a second; otherwise nothing but what is worth a line of its own.
 *
 * @thread the coordinator
 */
#ifndef RUN_STATUS_H
#define RUN_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "run/runner.h"

struct status {
    bool is_live;  /**< standard error is a terminal, and wanted */
    bool is_shown; /**< a line stands there */
    struct runner_report last;
    int64_t reported_us;       /**< when `last` came */
    double records_per_second; /**< between the last two reports */
    uint64_t bytes_reported;   /**< read when `last` came */
    int64_t measured_us;       /**< when bytes_per_second was taken... */
    uint64_t bytes_measured;   /**< ...and what was read by then */
    double bytes_per_second;
    uint64_t bytes_in_all; /**< --once: of the files at the start; 0: not known */
};

/** @param is_wanted  false: nothing is shown even on a terminal */
void status_open(struct status *s, bool is_wanted);
/** Take the line away. */
void status_close(struct status *s);
/** An epoch was committed. */
void status_add(struct status *s, const struct runner *r, const struct runner_report *report);
/** Write the line anew: what the last epoch took, how fast input is read now, with --once how much
 * of it is read, and why it is not read while it is not. */
void status_show(struct status *s, const struct runner *r);
/** --once found nothing to do. */
void status_nothing_new(const struct runner *r);
/** At the end of a run that went well: an error that says what it has left, or (none) perhaps that
 *  there was nothing new. */
void status_describe_end(struct runner *r, struct error *e);

#endif

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
    bool is_live;           /**< standard error is a terminal, and wanted */
    bool is_shown;          /**< a line stands there */
    int64_t shown_us;       /**< when the line was last written */
    uint64_t shown_records; /**< read by then */
};

/** @param is_wanted  false: nothing is shown even on a terminal */
void status_open(struct status *s, bool is_wanted);
/** Take the line away. */
void status_close(struct status *s);
void status_show(struct status *s, const struct runner_report *report);
/** --once found nothing to do. */
void status_nothing_new(const struct runner *r);
/** At the end of a run that went well: an error that says what it has left, or (none) perhaps that
 *  there was nothing new. */
void status_describe_end(struct runner *r, struct error *e);

#endif

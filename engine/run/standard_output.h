/*
 * Standard output, as the outputs print and to_stdout write to it.
 *
 * A reader that goes away ends the job as it ends other programs of a pipe: by SIGPIPE, without a
 * word. What was not written is not marked as published, so the next start writes it. Where the
 * program was started with SIGPIPE ignored it is an error like others.
 */
#ifndef RUN_STANDARD_OUTPUT_H
#define RUN_STANDARD_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "io/publish.h"

/** Write all of it. @param publisher  ends the waiting for a reader that does not read
 *  @return 0, MILL_EPIPE, MILL_EIO, MILL_ESTOPPED. @thread the publishing one */
int standard_output_write(struct publisher *publisher, const void *bytes, size_t size,
                          struct error *e);

/** At the start of the program: writing to a pipe without a reader is an error from now on, not
 * the end. */
void standard_output_begin(void);
/** Whether a reader that went away is to end the program without a word. */
bool standard_output_ends_quietly(void);
/** The exit code that stands for it, as shells have it; main() ends by the signal instead. */
int standard_output_end_code(void);
/** End by SIGPIPE. Returns only where that is blocked. */
void standard_output_end(void);

#endif

/*
 * What connections send, as lines in a receiver log. A line stands in the log in order of its
 * completion; what a connection has sent of a line that has not ended is kept here, up to the
 * size of a record, and for all connections together up to unfinished_max.
 *
 *     a line longer than a record may be     its beginning is a dead letter, the rest is passed
 *     the connection ends within a line      what there is of it is a dead letter; of standard
 *                                            input it is a line (ends_last_line)
 *     more than unfinished_max               the same for the longest unfinished line of all
 *     the engine is killed                   what was saved of lines that were begun becomes dead
 *                                            letters at the next start (io/receiver_log.h)
 *
 * Owner and thread: the log's writer.
 */
#ifndef IO_LINE_RECEIVER_H
#define IO_LINE_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "io/receiver_log.h"

struct line_receiver;
struct line_connection;

/** @param log  borrowed. @owns the caller, until line_receiver_destroy */
struct line_receiver *line_receiver_create(struct receiver_log *log, uint64_t unfinished_max,
                                           bool ends_last_line);
/** With its connections; what they have not ended is lost unless line_receiver_end was called. */
void line_receiver_destroy(struct line_receiver *r);

struct line_connection *line_receiver_begin(struct line_receiver *r);

/**
 * Take bytes that a connection has sent.
 * @param taken  out: how many were taken; the others are to be given again, first
 * @return 0 (all were taken), or why the log takes no more now: MILL_ELIMIT, MILL_ENOSPC; MILL_EIO
 */
int line_receiver_take(struct line_receiver *r, struct line_connection *c, const char *bytes,
                       size_t size, size_t *taken, struct error *e);
/** The connection has ended. @return 0: it is gone; or as above, and it is to be ended again */
int line_receiver_end(struct line_receiver *r, struct line_connection *c, struct error *e);

/** All connections have ended, as if they had been cut off. @return 0; or as above, and those that
 *  are left are to be ended again */
int line_receiver_break(struct line_receiver *r, struct error *e);

/** Note in the log what lines have begun and not ended, for a start after a crash. The same. */
int line_receiver_save(struct line_receiver *r, struct error *e);

uint64_t line_receiver_unfinished(const struct line_receiver *r);

#endif

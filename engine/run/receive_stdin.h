/*
 * Standard input as a receiving end: a file, a pipe or a terminal, read by a thread of its own,
 * which is the writer of the log. Its last line counts also without a line end.
 */
#ifndef RUN_RECEIVE_STDIN_H
#define RUN_RECEIVE_STDIN_H

#include "run/receiving.h"

/** @param fd  to read from. @owns the caller, until receive_stdin_destroy */
struct receiving *receive_stdin_create(int fd);
/** It was stopped. */
void receive_stdin_destroy(struct receiving *base);

#endif

/*
 * The folders that a job writes into, seen together: no two outputs share one, by whatever paths
 * (a link, "..") they reach it, nor does one write into the data directory's own folders.
 */
#ifndef RUN_TARGETS_H
#define RUN_TARGETS_H

#include "base/error.h"
#include "run/runner.h"

/** When all outputs are open: then their folders are there. @return 0, MILL_EREFUSED, MILL_EIO */
int targets_check(const struct runner *r, struct error *e);

#endif

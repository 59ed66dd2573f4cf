/*
 * Opening a receiver log: its segments are read through and checked, what a crash has torn is cut
 * off, and lines that were begun and never ended are found.
 */
#ifndef IO_RECEIVER_SCAN_H
#define IO_RECEIVER_SCAN_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/disk.h"
#include "base/error.h"
#include "io/receiver_log.h"
#include "io/receiver_segment.h"

/** The beginning of a line that no record ends. */
struct receiver_part {
    uint64_t connection;
    struct buffer bytes;
};

struct receiver_scan {
    struct receiver_segments segments;
    uint64_t end;  /**< of the log */
    uint64_t text; /**< and of its text */
    struct receiver_part *parts;
    uint32_t part_count;
    /** Each record; is_first: of its segment. */
    void (*seen)(void *context, uint64_t at, uint64_t text, bool is_first);
    void *context;
};

/**
 * @param s  its `seen` and `context` are set, the rest is zero; out: the rest
 * @return 0, MILL_EREFUSED, MILL_ECORRUPT, MILL_EIO, MILL_ESYNC
 */
int receiver_scan_run(struct receiver_scan *s, const struct receiver_log_options *o,
                      struct error *e);
/** The parts; and the segments, unless somebody has taken them. */
void receiver_scan_deinit(struct receiver_scan *s);

#endif

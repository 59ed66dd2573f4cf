/*
 * How many lines an epoch takes of a source at most: max_records_per_batch.
 *
 * Before a block is handed out its lines are counted, by the reader that the worker will use, so
 * what counts as a line is the same: an unfinished one that is taken, one that is too long. Where
 * the last one ends the block ends, and the plan with it. It is read twice, the second time from
 * the page cache, and not beyond the last line that is counted.
 *
 *     block      ├──────────────┬────────────────────┤
 *                1st line  ...  ▲ the line behind the last one begins here
 *
 * Owner: one source. @thread coordinator only
 */
#ifndef IO_LINE_LIMIT_H
#define IO_LINE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "io/source.h"

struct block_reader;
struct receiver_reader;

struct line_limit {
    uint64_t max;  /**< lines of an epoch; 0: no limit */
    uint64_t left; /**< of the running one */
    struct block_reader *files;
    struct receiver_reader *received; /**< NULL, both, while nothing was counted */
};

void line_limit_init(struct line_limit *l, uint64_t max);
void line_limit_deinit(struct line_limit *l);

/** A new epoch: nothing was taken. */
void line_limit_begin(struct line_limit *l);

/** The epoch has all that it may take. */
bool line_limit_is_reached(const struct line_limit *l);

/**
 * Count the lines that begin in a block, and end it where more begin than the epoch may take. There
 * is a limit, and it is not reached.
 * @param block  of a file that is not packed, or of a receiver log; out: its end
 * @return 0, or why it cannot be read (nothing is counted)
 */
int line_limit_cut(struct line_limit *l, struct source_block *block, struct error *e);

/** What cannot be cut counts as all that the epoch may take. */
void line_limit_use_up(struct line_limit *l);

#endif

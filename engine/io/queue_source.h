/*
 * A list of batches as a source: queue_stream. Each batch is one epoch's input, whatever its size;
 * for tests and for the REPL, where a script gives its own input.
 *
 * One partition, 0, whose offsets count batches. The store keeps, in META, "q" u16 source -> u64:
 * the number of batches that committed epochs have read.
 */
#ifndef IO_QUEUE_SOURCE_H
#define IO_QUEUE_SOURCE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "io/source.h"

struct queue_source_options {
    const struct slice *batches; /**< each a msgpack array; copied */
    uint32_t batch_count;
    uint32_t index;    /**< source.index */
    uint16_t store_id; /**< source.store_id */
};

/** Open a source and load how far it came. @owns the caller, until source_close.
 *  @return 0, MILL_ECORRUPT, MILL_EIO */
int queue_source_open(const struct queue_source_options *options, struct store *store,
                      struct source **result, struct error *e);

/** Batches that no committed epoch has read. None when the list is shorter than what was read. */
uint64_t queue_source_left(const struct source *s);

#endif

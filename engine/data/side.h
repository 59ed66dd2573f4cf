/*
 * A side table: rows by a key, to look things up in while a stream runs (mill.table). Made of the
 * text of a file at once, and never changed: whoever has one may read it on any thread, and a file
 * that was replaced is another table.
 *
 *     keys (data/keyset.h)   "u1" -> 1   "u2" -> 2
 *     rows                   1 -> {"user":"u1","city":"Rome"}      as JSON, whatever the format
 *
 * Keys are strings or numbers; 1 and "1" are two. Of several rows of one key the last counts. A row
 * that cannot be read, or that has no key, makes the whole text none: half a table is worse than
 * the one before.
 */
#ifndef DATA_SIDE_H
#define DATA_SIDE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ffi.h"
#include "data/decoder.h"

struct side_options {
    struct slice key; /**< the field that has the key */
    size_t bytes_max; /**< of the table in memory */
};

/**
 * @param text     need not live on
 * @param padding  bytes behind it that may be read
 * @param decoder  of its format, of lines; gone afterwards
 * @param result   out. @owns the caller, until side_destroy
 * @return 0; MILL_EFAILED with the line and what is wrong with it; MILL_ELIMIT
 */
int side_build(struct slice text, size_t padding, struct decoder *decoder,
               const struct side_options *options, struct mill_side **result, struct error *e);
/** NULL is nothing. */
void side_destroy(struct mill_side *t);

#endif

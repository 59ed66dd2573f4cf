/*
 * A chunk of records as columns: rows are slices of the text as it came, columns are cells of the
 * fields that somebody reads. One for each source whose records have fields.
 *
 *                  columns: price         user
 *     rows[0]   NUMBER 12.5     STRING "ann"        of  {"user":"ann","price":12.5}
 *     rows[1]   EMPTY           STRING "bob"            {"user":"bob"}
 *
 * Nobody declares the fields. The first time that a script reads one, mill_records_field reads it
 * from all rows of the chunk, and from then on it is a column of every chunk; so a row is parsed
 * once, for exactly the fields that the job reads. Columns never move.
 *
 * Owner: one worker. @thread owner only
 */
#ifndef DATA_RECORDS_H
#define DATA_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ffi.h"
#include "base/limits.h"
#include "base/memory.h"
#include "data/common_strings.h"
#include "data/decoder.h"

/** A row that is no record. */
struct record_fault {
    struct slice row;
    const char *reason; /**< lives as long as the chunk */
};

struct mill_records {
    struct decoder *decoder;                     /**< owned */
    struct mill_slice *rows;                     /**< the good ones */
    uint32_t count;                              /**< of them */
    struct record_fault *faults;                 /**< the others, in order */
    uint32_t fault_count;                        /**< of them */
    struct slice names[LIMIT_FIELDS_MAX];        /**< of the fields, in the arena `kept` */
    struct mill_cell *columns[LIMIT_FIELDS_MAX]; /**< LIMIT_CHUNK_RECORDS_MAX cells each */
    struct common_strings common[LIMIT_FIELDS_MAX];
    uint32_t field_count;
    uint16_t common_last;  /**< the number that one of all their strings got last */
    struct slice readable; /**< the piece and its padding */
    struct arena kept;     /**< names */
    struct arena arena;    /**< of the chunk */
};

/** @param decoder  is owned from now on */
struct mill_records *records_create(struct decoder *decoder);
void records_destroy(struct mill_records *r);

/** A piece of a partition's text comes next.
 * @param offset   of it in the partition
 * @param padding  bytes that may be read behind the text */
void records_begin(struct mill_records *r, struct slice text, uint64_t offset, size_t padding);

/**
 * The next chunk: r->rows, r->columns and r->faults are those of the records at the beginning of
 * the text.
 * @param text    the piece, or what is left of it; borrowed until the next call
 * @param offset  of it in its partition
 * @return bytes of the text that were used; 0 when nothing is left, or (a decoder that cuts) no
 *         whole record is
 */
size_t records_next(struct mill_records *r, struct slice text, uint64_t offset);

#endif

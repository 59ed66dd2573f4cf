/*
 * The decoder of CSV (data/csv.h): columns by their names, from the first line of each file or from
 * the script, and their types. All records of a file have as many fields as it has columns.
 */
#ifndef DATA_CSV_DECODER_H
#define DATA_CSV_DECODER_H

#include <stdbool.h>
#include <stdint.h>

#include "data/decoder.h"
#include "data/field.h"

struct csv_options {
    const struct slice *columns; /**< their names, at most LIMIT_COLUMNS_MAX... */
    uint32_t column_count;       /**< ...or 0: the first line has them */
    const struct field *types;   /**< of columns, by name; the others are strings */
    uint32_t type_count;
    char separator;
    bool has_head;     /**< the first line of a file is no record; always where it has the names */
    bool is_multiline; /**< quoted fields may hold line ends */
};

/** @param options  copied  @owns the caller, until ops->destroy */
struct decoder *csv_decoder_create(const struct csv_options *options);

#endif

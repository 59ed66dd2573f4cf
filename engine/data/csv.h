/*
 * CSV as RFC 4180 has it: a record into its fields, and a text into records.
 *
 *     a,"b, with ""quotes""",,d        fields: a | b, with "quotes" | (empty) | d
 *
 * A field that begins with a quote ends with one; in it, two quotes are one. A quote elsewhere is a
 * byte like others, blanks too. What is no record: an open quote, or text behind a closing one.
 *
 * By default a record is a line, so that a file can be read at several places at once: a quoted
 * field does not hold a line end. csv_record_size() is for texts where it does.
 *
 * Pure. @thread any
 */
#ifndef DATA_CSV_H
#define DATA_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct csv_field {
    struct slice text;      /**< borrowed, without its quotes */
    bool has_double_quotes; /**< csv_unquote() gives what they stand for */
};

#define CSV_OPEN_QUOTE       "a quoted field has no end"
#define CSV_BEHIND_THE_QUOTE "text behind the closing quote of a field"

/**
 * Split a record.
 * @param row         without its line end
 * @param fields      out: up to fields_max of them
 * @param reason      out, when it is none: one of the texts above
 * @return how many fields the record has, be they more than fields_max; 0 when it is none
 */
uint32_t csv_split(struct slice row, char separator, struct csv_field *fields, uint32_t fields_max,
                   const char **reason);

/** Write the field's bytes, each two quotes as one. @param into  room for text.size bytes
 * @return bytes written */
size_t csv_unquote(const struct csv_field *field, char *into);

/**
 * The bytes of the record at the start of a text, line ends within quotes included. A record with
 * text behind a closing quote ends with its line.
 * @param ends  out: false when the text ends within the record, which may go on behind it
 * @return its bytes with its line end
 */
size_t csv_record_size(struct slice text, char separator, bool *ends);

#endif

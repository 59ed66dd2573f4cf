/*
 * What decoders of formats have in common that know their fields' names beforehand (CSV, patterns,
 * access logs): a record is split into texts, one for each name, and these are read as their types.
 *
 * A field of a type that is none of it (price: "abc") makes the record bad, whoever reads it: so a
 * good record stays good, and can be written as JSON. Empty lines are no records.
 *
 * A decoder embeds this as its first member and gives `split`. @thread as data/decoder.h
 */
#ifndef DATA_NAMED_DECODER_H
#define DATA_NAMED_DECODER_H

#include "base/limits.h"
#include "data/csv.h"
#include "data/decoder.h"
#include "data/field.h"

#define NAMED_REASON_BYTES 256

struct named_decoder {
    struct decoder base;
    /** Split a row: set values[0 .. field_count). data NULL is no value. @return NULL, or why it is
     * no record */
    const char *(*split)(struct named_decoder *d, struct slice row, struct csv_field *values);
    const struct field *fields; /**< owned by who embeds it */
    uint32_t field_count;
    struct csv_field *values; /**< owned, LIMIT_COLUMNS_MAX: of the row that is read */
    struct slice names[LIMIT_FIELDS_MAX];
    int32_t places[LIMIT_FIELDS_MAX]; /**< of the names among the fields; -1: nowhere */
    uint32_t wanted_count;
    char reason[NAMED_REASON_BYTES];
};

void named_decoder_init(struct named_decoder *d);
void named_decoder_deinit(struct named_decoder *d);

/** The fields are others from now on. */
void named_decoder_set_fields(struct named_decoder *d, const struct field *fields, uint32_t count);

/** Make a reason. @return it, so that `return named_decoder_refuse(...)` reads well */
const char *named_decoder_refuse(struct named_decoder *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As struct decoder_ops wants them. */
void named_decoder_want(struct decoder *decoder, const struct slice *names, uint32_t count);
enum decoder_result named_decoder_read(struct decoder *decoder, struct slice row,
                                       struct mill_cell *const *columns, uint32_t at,
                                       struct arena *arena);
void named_decoder_to_json(struct decoder *decoder, struct slice row, struct buffer *into);

#endif

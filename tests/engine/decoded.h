/*
 * What a decoder makes of a text, as text: a line for each record, with the fields that were asked
 * for, and then one for each that is bad.
 *
 *     1|ann|~            a number, a string, no value; true, [list], {object} as JSON
 *     ! reason
 */
#ifndef TESTS_ENGINE_DECODED_H
#define TESTS_ENGINE_DECODED_H

#include "data/records.h"

/**
 * Read a text from its beginning in pieces of piece_size bytes (line by line formats: of the lines
 * that end in them); what a decoder leaves of one comes again with the next.
 * @param fields  names with blanks between them; they are wanted after the first piece was read
 * @owns the caller, until memory_free
 */
char *decode_in_pieces(struct mill_records *r, const char *text, size_t size, size_t piece_size,
                       const char *fields);

/** The whole text at once; fails the test when the result is another. */
void decodes_to(struct decoder *owned, const char *text, const char *fields, const char *expected);

/** The JSON of all good records, a line each. @owns the caller, until memory_free */
char *decode_to_json(struct decoder *owned, const char *text, size_t size);

#endif

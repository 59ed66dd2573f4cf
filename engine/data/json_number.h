/*
 * Numbers of JSON text. Whole ones keep every digit that 64 bits hold; all others become the double
 * that is nearest.
 */
#ifndef DATA_JSON_NUMBER_H
#define DATA_JSON_NUMBER_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/ffi.h"

/** @param token  without blanks around it @return NUMBER, INT64, UINT64, or BAD with the reason */
struct mill_cell json_number_cell(struct slice token);

/** Bytes of the number at the beginning of the text, by JSON's grammar; 0: there is none. */
size_t json_number_size(struct slice text);

#endif

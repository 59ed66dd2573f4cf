/*
 * The decoder of NDJSON: a record is a line that holds one object. Lines of blanks are no records.
 */
#ifndef DATA_JSON_DECODER_H
#define DATA_JSON_DECODER_H

#include <stdbool.h>

#include "data/decoder.h"

/** @param strict  whether values that no one reads are checked too
 *  @owns the caller, until ops->destroy */
struct decoder *json_decoder_create(bool strict);

#endif

/*
 * The decoder of a source, by its format.
 */
#ifndef SCRIPT_RECORD_DECODER_H
#define SCRIPT_RECORD_DECODER_H

#include "data/decoder.h"
#include "flow/graph.h"

/** @return NULL when its records have no fields: lines, or values
 *  @owns the caller, until ops->destroy */
struct decoder *record_decoder_create(const struct graph_source *source);

#endif

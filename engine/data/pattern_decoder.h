/*
 * The decoders of lines of a fixed form: a pattern of the script's (data/pattern.h), and access
 * logs (data/access_log.h). A line that is none says at which byte it stops being one.
 */
#ifndef DATA_PATTERN_DECODER_H
#define DATA_PATTERN_DECODER_H

#include "data/decoder.h"
#include "data/pattern.h"

/** @param pattern  is owned from now on  @owns the caller, until ops->destroy */
struct decoder *pattern_decoder_create(struct pattern *pattern);

/** @owns the caller, until ops->destroy */
struct decoder *access_log_decoder_create(void);

#endif

/*
 * How the log looks on standard error: for people, or one JSON object a line for programs.
 *
 *     tidemill: warning: in/a.txt cannot be opened
 *     {"time":"2024-05-01T12:00:00.123Z","level":"warn","message":"in/a.txt cannot be opened"}
 *
 * There is no colour in either. Each line is one write, so that those of several processes do not
 * mix.
 *
 * @thread any; called under the log's lock
 */
#ifndef RUN_LOG_WRITER_H
#define RUN_LOG_WRITER_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/log.h"

/* Sinks for log_to. */
void log_write_text(void *context, enum log_level level, const char *line);
void log_write_json(void *context, enum log_level level, const char *line);

/** One line of the JSON form. @param now_ms  since 1970 */
void log_format_json(struct buffer *b, int64_t now_ms, enum log_level level, const char *line);

/** "error" ...; -1 when there is no such level. */
int log_level_of(const char *name);

#endif

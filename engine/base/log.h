/*
 * Logging. The engine never prints: it hands lines to a sink that main() gives it. One line an
 * event, fragments and key=value; control characters of what comes from outside are escaped.
 *
 *   error  data is at risk, or the job ends
 *   warn   not expected, handled; a person may want to act
 *   info   a change of state (start, reload, stop)
 *   debug  what a developer of the engine needs; off by default
 *
 * Never in the data path: that counts.  @thread any; the sink is called under a lock.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

typedef void (*log_sink_fn)(void *context, enum log_level level, const char *line);

/** Where lines go from now on, and the least important level that still goes there. */
void log_to(log_sink_fn sink, void *context, enum log_level level_max);

/** Let the sink have what scripts print, too, as lines of LOG_INFO, whatever the level: standard
 * error is its own. */
void log_take_prints(bool is_taken);
/** A script prints. @return false: the log does not take it */
bool log_print(const char *text);

/** Text of the program's own as it is, of several lines perhaps. */
void log_text(enum log_level level, const char *text);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif

#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#define LOG_LINE_BYTES_MAX 4096

/* The process has one log, as it has one standard error. */
static struct {
    pthread_mutex_t lock;
    log_sink_fn sink;
    void *context;
    enum log_level level_max;
    bool takes_prints;
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .level_max = LOG_INFO};

void log_to(log_sink_fn sink, void *context, enum log_level level_max)
{
    pthread_mutex_lock(&log_state.lock);
    log_state.sink = sink;
    log_state.context = context;
    log_state.level_max = level_max;
    pthread_mutex_unlock(&log_state.lock);
}

/* A name from outside must not write to the terminal on its own, nor make a line of its own. */
static void escape_controls(char *line)
{
    for (unsigned char *p = (unsigned char *)line; *p != '\0'; p++) {
        if (*p == '\n' || *p == '\t') {
            *p = ' ';
        } else if (*p < ' ' || *p == 0x7f) {
            *p = '?';
        }
    }
}

void log_take_prints(bool is_taken)
{
    pthread_mutex_lock(&log_state.lock);
    log_state.takes_prints = is_taken;
    pthread_mutex_unlock(&log_state.lock);
}

bool log_print(const char *text)
{
    pthread_mutex_lock(&log_state.lock);
    bool is_taken = log_state.takes_prints && log_state.sink != NULL;
    if (is_taken) {
        log_state.sink(log_state.context, LOG_INFO, text);
    }
    pthread_mutex_unlock(&log_state.lock);
    return is_taken;
}

void log_text(enum log_level level, const char *text)
{
    pthread_mutex_lock(&log_state.lock);
    if (log_state.sink != NULL && level <= log_state.level_max) {
        log_state.sink(log_state.context, level, text);
    }
    pthread_mutex_unlock(&log_state.lock);
}

void log_line(enum log_level level, const char *format, ...)
{
    char line[LOG_LINE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    escape_controls(line);
    log_text(level, line);
}

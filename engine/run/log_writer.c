#include "run/log_writer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "data/json.h"

#define LINE_BYTES_MAX ((size_t)1 << 20)

static const char *const names[] = {"error", "warn", "info", "debug"};

static void write_all(struct buffer *b)
{
    size_t at = 0;
    while (at < b->size) {
        ssize_t n = write(STDERR_FILENO, b->data + at, b->size - at);
        if (n < 0 && errno != EINTR) {
            break; /* nobody is left to tell */
        }
        at += n > 0 ? (size_t)n : 0;
    }
    buffer_deinit(b);
}

void log_write_text(void *context, enum log_level level, const char *line)
{
    static const char *const prefixes[] = {"", "warning: ", "", "debug: "};
    struct buffer b;
    (void)context;
    buffer_init(&b, LINE_BYTES_MAX);
    (void)!buffer_printf(&b, "tidemill: %s%s\n", prefixes[level], line);
    write_all(&b);
}

static void add_time(struct buffer *b, int64_t now_ms)
{
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc = {0};
    char text[32];
    gmtime_r(&seconds, &utc);
    size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)!buffer_printf(b, "\"time\":\"%.*s.%03dZ\"", (int)size, text, (int)(now_ms % 1000));
}

/* A file's name need not be UTF-8, JSON must be. */
static void add_message(struct buffer *b, const char *line)
{
    size_t size = strlen(line);
    if (text_is_utf8(line, size)) {
        json_add_string(b, line, size);
        return;
    }
    struct buffer plain;
    buffer_init(&plain, LINE_BYTES_MAX);
    int rc = buffer_append(&plain, line, size);
    for (size_t i = 0; rc == 0 && i < size; i++) {
        if ((unsigned char)plain.data[i] >= 0x80) {
            plain.data[i] = '?';
        }
    }
    json_add_string(b, plain.data == NULL ? "" : plain.data, plain.size);
    buffer_deinit(&plain);
}

void log_format_json(struct buffer *b, int64_t now_ms, enum log_level level, const char *line)
{
    (void)!buffer_append_byte(b, '{');
    add_time(b, now_ms);
    (void)!buffer_printf(b, ",\"level\":\"%s\",\"message\":", names[level]);
    add_message(b, line);
    (void)!buffer_append_text(b, "}\n");
}

void log_write_json(void *context, enum log_level level, const char *line)
{
    struct clock clock = clock_machine();
    struct buffer b;
    (void)context;
    buffer_init(&b, 2 * LINE_BYTES_MAX);
    log_format_json(&b, clock_now_ms(&clock), level, line);
    write_all(&b);
}

int log_level_of(const char *name)
{
    for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
        if (strcmp(names[level], name) == 0) {
            return level;
        }
    }
    return -1;
}

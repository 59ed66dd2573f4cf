/*
 * A folder of input files for tests: writing, appending, setting times, packing; and what the log
 * said meanwhile.
 */
#ifndef TESTS_ENGINE_IO_INPUT_FOLDER_H
#define TESTS_ENGINE_IO_INPUT_FOLDER_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "testing.h"

static inline void write_bytes(const char *folder, const char *name, int flags, const void *bytes,
                               size_t size)
{
    char *path = text_path(folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
    memory_free(path);
}

static inline void write_file(const char *folder, const char *name, const char *text)
{
    write_bytes(folder, name, O_TRUNC, text, strlen(text));
}

static inline void append_file(const char *folder, const char *name, const char *text)
{
    write_bytes(folder, name, O_APPEND, text, strlen(text));
}

static inline void rename_file(const char *folder, const char *from, const char *to)
{
    char *old = text_path(folder, from);
    char *new = text_path(folder, to);
    assert_int_equal(rename(old, new), 0);
    memory_free(old);
    memory_free(new);
}

static inline void remove_file(const char *folder, const char *name)
{
    char *path = text_path(folder, name);
    assert_int_equal(unlink(path), 0);
    memory_free(path);
}

static inline void cut_file(const char *folder, const char *name, long size)
{
    char *path = text_path(folder, name);
    assert_int_equal(truncate(path, size), 0);
    memory_free(path);
}

/** Let a file look as if it was last changed so many seconds ago. */
static inline void age_file(const char *folder, const char *name, long seconds)
{
    char *path = text_path(folder, name);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct timespec times[2] = {{now.tv_sec - seconds, 0}, {now.tv_sec - seconds, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    memory_free(path);
}

/** As if a file was last changed when another one was. */
static inline void age_file_as(const char *folder, const char *name, const char *other)
{
    char *path = text_path(folder, name);
    char *other_path = text_path(folder, other);
    struct stat of_other;
    assert_int_equal(stat(other_path, &of_other), 0);
    struct timespec times[2] = {of_other.st_atim, of_other.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    memory_free(other_path);
    memory_free(path);
}

/** Rights count for nothing as long as a test runs as root: be somebody else for a while. */
static inline void rights_drop(void)
{
    if (getuid() == 0) {
        assert_int_equal(seteuid(65534), 0);
    }
}

static inline void rights_restore(void)
{
    assert_int_equal(seteuid(getuid()), 0);
}

/** Append one gzip member. */
static inline void pack_file(const char *folder, const char *name, const void *bytes, size_t size)
{
    char *path = text_path(folder, name);
    gzFile file = gzopen(path, "ab6");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), size);
    assert_int_equal(gzclose(file), Z_OK);
    memory_free(path);
}

/* What was logged since log_catch. */
static char caught_lines[4096];
static int caught_count;

static inline void catch_line(void *context, enum log_level level, const char *line)
{
    (void)context;
    (void)level;
    size_t used = strlen(caught_lines);
    size_t length = strlen(line);
    if (used + length + 2 < sizeof caught_lines) {
        memcpy(caught_lines + used, line, length);
        memcpy(caught_lines + used + length, "\n", 2);
    }
    caught_count++;
}

static inline void log_catch(void)
{
    caught_lines[0] = '\0';
    caught_count = 0;
    log_to(catch_line, NULL, LOG_INFO);
}

static inline bool was_logged(const char *text)
{
    return strstr(caught_lines, text) != NULL;
}

#endif

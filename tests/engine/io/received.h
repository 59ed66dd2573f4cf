/*
 * A receiver log on a disk that loses power, and what is read from it, for tests of io/.
 */
#ifndef TESTS_ENGINE_IO_RECEIVED_H
#define TESTS_ENGINE_IO_RECEIVED_H

#include <string.h>

#include "base/memory.h"
#include "fake_disk.h"
#include "io/receiver_log.h"
#include "io/receiver_reader.h"
#include "io/receiver_segment.h"
#include "testing.h"

#define RECEIVED_FOLDER "data/received/1"

struct received {
    struct fake_disk *fake;
    struct disk disk;
    struct receiver_log *log;
    struct receiver_log_options options;
    struct error error;
};

static inline void received_begin(struct received *x, uint64_t seed)
{
    *x = (struct received){.fake = fake_disk_create(seed)};
    x->disk = fake_disk_of(x->fake);
    x->options = (struct receiver_log_options){
        .disk = &x->disk,
        .folder = RECEIVED_FOLDER,
        .name = "stdin",
        .key = 42,
        .segment_bytes = 400,
        .bytes_max = 1 << 30,
    };
}

static inline void received_end(struct received *x)
{
    receiver_log_close(x->log);
    fake_disk_destroy(x->fake);
}

/* @return what receiver_log_open gives */
static inline int received_open(struct received *x)
{
    error_clear(&x->error);
    x->log = NULL;
    return receiver_log_open(&x->options, &x->log, &x->error);
}

/* Close, and open again with what a commit has named. */
static inline int received_reopen(struct received *x, uint64_t text, uint64_t end)
{
    receiver_log_close(x->log);
    x->options.committed = (struct receiver_committed){text, end};
    return received_open(x);
}

static inline int received_append(struct received *x, enum received_kind kind, uint64_t connection,
                                  const char *bytes, size_t size)
{
    struct received_record r = {.kind = kind, .connection = connection};
    return receiver_log_append(x->log, &r, bytes, size, &x->error);
}

static inline void received_lines(struct received *x, const char *text)
{
    assert_int_equal(received_append(x, RECEIVED_LINES, 1, text, strlen(text)), 0);
}

static inline void received_sync(struct received *x)
{
    assert_int_equal(receiver_log_sync(x->log, &x->error), 0);
}

/* Append what a block gives to `into`: pieces as they are, each that is no whole line between
 * brackets. @return what the last call gave */
static inline int received_read(struct received *x, uint64_t start, uint64_t end,
                                struct buffer *into, struct source_done *done)
{
    struct receiver_reader *r = receiver_reader_create();
    struct source_block block = {
        .partition_name = "stdin", .log = x->log, .start = start, .end = end, .limit = end};
    struct block_piece piece;
    receiver_reader_begin(r, &block);
    int rc = receiver_reader_next(r, &piece, &x->error);
    while (rc == 1) {
        bool is_special = piece.too_long || piece.fault != NULL;
        for (size_t i = 0; i < piece.padding; i++) { /* AddressSanitizer says whether it may */
            (void)*(const volatile char *)(piece.text.data + piece.text.size + i);
        }
        int added = is_special ? buffer_append_text(into, piece.too_long ? "<" : "[") : 0;
        added |= buffer_append(into, piece.text.data, piece.text.size);
        added |= is_special ? buffer_append_text(into, piece.too_long ? ">" : "]") : 0;
        assert_int_equal(added, 0);
        rc = receiver_reader_next(r, &piece, &x->error);
    }
    *done = receiver_reader_done(r);
    receiver_reader_end(r);
    receiver_reader_destroy(r);
    return rc;
}

/* All from a place of the text on, as a C string. @owns the caller, until memory_free */
static inline char *received_text(struct received *x, uint64_t from)
{
    struct buffer all;
    struct source_done done;
    buffer_init(&all, (size_t)1 << 30);
    uint64_t end = receiver_log_text_end(x->log);
    if (from < end) {
        assert_int_equal(received_read(x, from, end, &all, &done), 0);
        assert_int_equal(done.next, end);
    }
    char *text = memory_copy(all.data == NULL ? "" : all.data, all.size);
    buffer_deinit(&all);
    return text;
}

static inline void received_expect(struct received *x, uint64_t from, const char *wanted)
{
    char *text = received_text(x, from);
    assert_string_equal(text, wanted);
    memory_free(text);
}

static inline int received_count_name(void *context, const char *name)
{
    (void)name;
    ++*(uint32_t *)context;
    return 0;
}

/* Files in the log's folder. */
static inline uint32_t received_files(struct received *x)
{
    uint32_t count = 0;
    assert_int_equal(disk_list(&x->disk, RECEIVED_FOLDER, received_count_name, &count, NULL), 0);
    return count;
}

/* Change a file of the log: XOR a byte, or (0) cut the file there. */
static inline void received_harm(struct received *x, uint64_t start, uint64_t text, uint64_t at,
                                 char flip)
{
    char *path = receiver_segment_path(RECEIVED_FOLDER, start, text);
    struct disk_file file;
    assert_int_equal(disk_open(&x->disk, path, DISK_UPDATE, &file, NULL), 0);
    if (flip == 0) {
        assert_int_equal(disk_truncate(&x->disk, &file, at, NULL), 0);
    } else {
        char byte = 0;
        size_t size = 1;
        assert_int_equal(disk_read_at(&x->disk, &file, &byte, &size, at, NULL), 0);
        assert_int_equal(size, 1);
        byte = (char)(byte ^ flip);
        assert_int_equal(disk_write(&x->disk, &file, &byte, 1, at, NULL), 0);
    }
    assert_int_equal(disk_sync(&x->disk, &file, NULL), 0);
    disk_close(&x->disk, &file);
    memory_free(path);
}

#endif

#include "io/receiver_reader.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "io/received_walk.h"
#include "io/receiver_log.h"
#include "io/receiver_segment.h"

/* A piece of several records: what lies before a multiple of LIMIT_CHUNK_BYTES, and a line. */
#define PIECE_BYTES_MAX (LIMIT_CHUNK_BYTES + RECEIVED_BYTES_MAX + LIMIT_TEXT_PADDING)
#define KEPT_BYTES_MAX  ((size_t)2 * LIMIT_CHUNK_BYTES)

struct receiver_reader {
    struct source_block block;
    struct receiver_place place;
    struct received_walk walk;
    struct disk_file file;
    bool is_open;
    bool must_begin;

    struct received_record record; /* of lines, of which `left` was not given yet */
    struct slice left;
    uint64_t left_at;           /* where it stands in the text */
    struct block_piece special; /* the next piece, if there is one */
    bool has_special;
    struct buffer joined;
    struct source_done done;
};

struct receiver_reader *receiver_reader_create(void)
{
    struct receiver_reader *r = memory_zero(1, sizeof *r);
    received_walk_init(&r->walk);
    buffer_init(&r->joined, PIECE_BYTES_MAX);
    return r;
}

void receiver_reader_end(struct receiver_reader *r)
{
    if (r->is_open) {
        disk_close(r->walk.disk, &r->file);
        r->is_open = false;
    }
}

void receiver_reader_destroy(struct receiver_reader *r)
{
    if (r != NULL) {
        receiver_reader_end(r);
        received_walk_deinit(&r->walk);
        buffer_deinit(&r->joined);
        memory_free(r);
    }
}

void receiver_reader_begin(struct receiver_reader *r, const struct source_block *block)
{
    check(block->log != NULL && block->start < block->end);
    receiver_reader_end(r);
    r->block = *block;
    r->place = receiver_log_find(block->log, block->start);
    r->walk.disk = receiver_log_disk(block->log);
    r->walk.key = receiver_log_key(block->log);
    r->must_begin = true;
    r->has_special = false;
    r->left = (struct slice){NULL, 0};
    r->done = (struct source_done){0};
    if (r->joined.capacity > KEPT_BYTES_MAX) {
        buffer_deinit(&r->joined);
        buffer_init(&r->joined, PIECE_BYTES_MAX);
    }
}

struct source_done receiver_reader_done(const struct receiver_reader *r)
{
    return r->done;
}

/* --- records --- */

static int open_segment(struct receiver_reader *r, struct error *e)
{
    receiver_reader_end(r);
    char *path =
        receiver_segment_path(receiver_log_folder(r->block.log), r->place.start, r->place.text);
    int rc = disk_open(r->walk.disk, path, DISK_READ, &r->file, e);
    memory_free(path);
    r->is_open = rc == 0;
    if (rc == 0) {
        received_walk_begin(&r->walk, &r->file, r->place.start, r->place.at, r->place.limit);
    }
    return rc == MILL_ENOENT ? MILL_EIO : rc;
}

static int fail(const struct receiver_reader *r, int rc, struct error *e)
{
    if (rc == MILL_EIO) {
        return rc;
    }
    return error_set(e, MILL_ECORRUPT,
                     "%s: the received data in %s/%016" PRIx64 "-%016" PRIx64 ".log is damaged at "
                     "byte %" PRIu64 "; bring the file back, or start over with --fresh",
                     r->block.partition_name, receiver_log_folder(r->block.log), r->place.start,
                     r->place.text, r->walk.at - r->place.start);
}

/* The next record with text; all that the block needs are there. @return 0, MILL_ECORRUPT,
 * MILL_EIO */
static int next_record(struct receiver_reader *r, struct slice *bytes, struct error *e)
{
    for (;;) {
        int rc = received_walk_next(&r->walk, &r->record, bytes, e);
        if (rc == 0 && receiver_log_next(r->block.log, &r->place)) {
            rc = open_segment(r, e);
            if (rc != 0) {
                return rc;
            }
            continue;
        }
        if (rc != 1) {
            return fail(r, rc, e);
        }
        uint64_t size = received_text_bytes(&r->record);
        if (size > 0 && r->record.text + size > r->block.start) {
            return 0;
        }
    }
}

/* The first of the lines that begin at or behind the block's start. */
static void skip_to_start(const struct receiver_reader *r, struct slice *bytes)
{
    if (r->record.text >= r->block.start) {
        return;
    }
    size_t from = (size_t)(r->block.start - r->record.text) - 1;
    const char *newline = memchr(bytes->data + from, '\n', bytes->size - from);
    size_t passed = newline == NULL ? bytes->size : (size_t)(newline + 1 - bytes->data);
    bytes->data += passed;
    bytes->size -= passed;
}

/* --- pieces --- */

static int give(struct receiver_reader *r, const struct block_piece *given,
                struct block_piece *piece)
{
    *piece = *given;
    r->done.bytes += piece->text.size;
    r->done.next = piece->offset + piece->text.size;
    return 1;
}

/* Of `left`: the lines that begin before `to`. */
static struct slice take(struct receiver_reader *r, uint64_t to)
{
    struct slice taken = r->left;
    if (r->left_at + r->left.size > to) {
        size_t from = (size_t)(to - r->left_at) - 1;
        const char *newline = memchr(r->left.data + from, '\n', r->left.size - from);
        if (newline != NULL) {
            taken.size = (size_t)(newline + 1 - r->left.data);
        }
    }
    r->left.data += taken.size;
    r->left.size -= taken.size;
    r->left_at += taken.size;
    return taken;
}

/* Everything before this was given, or does not begin in the block. */
static uint64_t position(const struct receiver_reader *r)
{
    return r->left.size > 0 ? r->left_at : r->record.text + r->record.size;
}

static const char *fault_of(enum received_kind kind)
{
    switch (kind) {
    case RECEIVED_BROKEN:
        return "the connection ended within the line";
    case RECEIVED_CROWDED:
        return "the line was not ended, and those of all connections together were more than 64 "
               "MiB";
    case RECEIVED_LINES:
    case RECEIVED_TOO_LONG:
    case RECEIVED_PART:
        break;
    }
    return NULL;
}

/* Go on to the next record: its lines are in `left` then, or it waits as a piece of its own. */
static int load(struct receiver_reader *r, struct error *e)
{
    struct slice bytes;
    int rc = next_record(r, &bytes, e);
    if (rc != 0) {
        return rc;
    }
    if (r->record.kind == RECEIVED_LINES) {
        size_t size = bytes.size;
        skip_to_start(r, &bytes);
        r->left = bytes;
        r->left_at = r->record.text + (size - bytes.size);
    } else if (r->record.text >= r->block.start) {
        r->has_special = true;
        r->special = (struct block_piece){
            .text = bytes,
            .offset = r->record.text,
            .too_long = r->record.kind == RECEIVED_TOO_LONG,
            .line_size = r->record.line_size,
            .fault = fault_of(r->record.kind),
        };
    }
    return 0;
}

/* Lines of several records, of which `first` are the first. */
static int join_lines(struct receiver_reader *r, struct slice first, uint64_t at, uint64_t to,
                      struct error *e)
{
    buffer_clear(&r->joined);
    int rc = buffer_append(&r->joined, first.data, first.size);
    while (rc == 0 && at + r->joined.size < to && !r->has_special) {
        rc = load(r, e);
        if (rc != 0 || r->has_special) {
            break;
        }
        struct slice more = take(r, to);
        rc = buffer_append(&r->joined, more.data, more.size);
    }
    check(rc != MILL_ELIMIT);
    return rc != 0 ? rc : buffer_reserve(&r->joined, LIMIT_TEXT_PADDING);
}

/* Lines from `left` on, up to a multiple of LIMIT_CHUNK_BYTES. */
static int give_lines(struct receiver_reader *r, struct block_piece *piece, struct error *e)
{
    struct block_piece lines = {.offset = r->left_at, .padding = LIMIT_TEXT_PADDING};
    uint64_t to = (lines.offset / LIMIT_CHUNK_BYTES + 1) * LIMIT_CHUNK_BYTES;
    to = to < r->block.end ? to : r->block.end;
    lines.text = take(r, to);
    if (lines.offset + lines.text.size < to) {
        int rc = join_lines(r, lines.text, lines.offset, to, e);
        if (rc != 0) {
            return rc;
        }
        lines.text = (struct slice){r->joined.data, r->joined.size};
    }
    return give(r, &lines, piece);
}

int receiver_reader_next(struct receiver_reader *r, struct block_piece *piece, struct error *e)
{
    int rc = 0;
    if (r->must_begin) {
        r->must_begin = false;
        r->record = (struct received_record){.text = r->block.start};
        rc = open_segment(r, e);
    }
    while (rc == 0) {
        if (r->has_special) {
            r->has_special = false;
            return give(r, &r->special, piece);
        }
        if (position(r) >= r->block.end) {
            return 0;
        }
        if (r->left.size > 0) {
            return give_lines(r, piece, e);
        }
        rc = load(r, e);
    }
    return rc;
}

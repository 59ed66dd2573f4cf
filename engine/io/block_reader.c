#include "io/block_reader.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "io/gzip_stream.h"
#include "io/input_file.h"

/* Behind the block's end only the rest of one line is wanted: the first step is small. */
#define STEP_BYTES_MIN ((size_t)4 * KIB)
#define STEP_BYTES_MAX ((size_t)LIMIT_CHUNK_BYTES)

/* A line with its line end. */
#define LINE_BYTES_MAX ((size_t)LIMIT_RECORD_BYTES_MAX + 2)

/* What is kept between blocks; a longer line's memory is given back. */
#define KEPT_BYTES_MAX (4 * STEP_BYTES_MAX)

struct block_reader {
    struct source_block block;
    uint64_t end;   /* the block's, bounded by limit */
    uint64_t limit; /* of a .gz: its unpacked size */

    char *data; /* the window: bytes of the file from `at` on */
    size_t capacity;
    size_t have;
    uint64_t at;

    uint64_t next_at; /* where the window goes on after the piece that was given... */
    size_t next_from; /* ...and where in `data` that is */

    bool must_begin; /* the first line of the block was not looked for yet */
    bool is_through;
    struct source_done done;
    struct gzip_stream *gzip; /* NULL until the first .gz */
    const atomic_int *is_unwanted;
};

struct block_reader *block_reader_create(const atomic_int *is_unwanted)
{
    struct block_reader *r = memory_zero(1, sizeof *r);
    r->is_unwanted = is_unwanted;
    return r;
}

void block_reader_destroy(struct block_reader *r)
{
    if (r != NULL) {
        gzip_stream_destroy(r->gzip);
        memory_free(r->data);
        memory_free(r);
    }
}

void block_reader_begin(struct block_reader *r, const struct source_block *block)
{
    check(block->file != NULL && block->start <= block->end);
    check(block->starts_a_record || block->start > 0);
    r->block = *block;
    r->limit = block->limit;
    r->end = block->end < block->limit ? block->end : block->limit;
    r->have = 0;
    r->at = block->starts_a_record ? block->start : block->start - 1;
    r->next_at = r->at;
    r->next_from = 0;
    r->must_begin = true;
    r->is_through = false;
    r->done = (struct source_done){.next = block->starts_a_record ? block->start : 0};
    if (r->capacity > KEPT_BYTES_MAX) {
        memory_free(r->data);
        r->data = NULL;
        r->capacity = 0;
    }
}

struct source_done block_reader_done(const struct block_reader *r)
{
    return r->done;
}

/* --- bytes --- */

static void reserve(struct block_reader *r, size_t size)
{
    if (size > r->capacity) {
        size_t capacity = r->capacity == 0 ? STEP_BYTES_MAX : r->capacity;
        while (capacity < size) {
            capacity *= 2;
        }
        r->data = memory_grow(r->data, capacity + LIMIT_TEXT_PADDING);
        r->capacity = capacity;
    }
}

static int fail(const struct block_reader *r, int rc, struct error *e)
{
    const char *name = r->block.partition_name;
    switch (rc) {
    case MILL_EREFUSED:
        return error_set(e, rc,
                         "%s is smaller than what was planned to be read: it was cut short "
                         "meanwhile; start again to go on",
                         name);
    case MILL_ECORRUPT:
        return error_set(e, MILL_EIO, "%s changed while it was read", name);
    case MILL_ESTOPPED:
        return error_set(e, rc, "stopped");
    default:
        return error_set_system(e, errno, "cannot read %s", name);
    }
}

/* A .gz has no places: to be anywhere in it takes as long as all in front of it. */
static int read_packed(const struct block_reader *r, void *into, size_t size, size_t *got)
{
    bool is_unwanted = r->is_unwanted != NULL && atomic_load(r->is_unwanted) != 0;
    return is_unwanted ? MILL_ESTOPPED : gzip_stream_read(r->gzip, into, size, got);
}

/* Exactly size bytes, which the file has by its plan. A .gz is only ever read on. */
static int read_bytes(struct block_reader *r, void *into, size_t size, uint64_t offset,
                      struct error *e)
{
    size_t got = 0;
    int rc = r->block.file->is_packed ? read_packed(r, into, size, &got)
                                      : file_read(r->block.file->fd, into, size, offset, &got);
    if (rc == 0 && got < size) {
        rc = MILL_EREFUSED;
    }
    return rc == 0 ? 0 : fail(r, rc, e);
}

/* Let the window reach to `to`. */
static int extend(struct block_reader *r, uint64_t to, struct error *e)
{
    check(to >= r->at + r->have && to <= r->limit);
    size_t size = (size_t)(to - r->at) - r->have;
    reserve(r, r->have + size);
    int rc = size == 0 ? 0 : read_bytes(r, r->data + r->have, size, r->at + r->have, e);
    r->have += rc == 0 ? size : 0;
    return rc;
}

/* Let the window begin behind what was given. */
static void move_on(struct block_reader *r)
{
    size_t left = r->have - r->next_from;
    if (r->next_from > 0 && left > 0) {
        memmove(r->data, r->data + r->next_from, left);
    }
    r->have = left;
    r->at = r->next_at;
    r->next_from = 0;
}

/* --- the beginning of a block --- */

/* @return 0, MILL_ECORRUPT: it does not unpack, or as fail() */
static int measure_packed(struct block_reader *r, uint64_t *size, struct error *e)
{
    gzip_stream_begin(r->gzip, r->block.file->fd, r->block.file->size);
    reserve(r, STEP_BYTES_MAX);
    *size = 0;
    for (size_t got = STEP_BYTES_MAX; got == STEP_BYTES_MAX; *size += got) {
        int rc = read_packed(r, r->data, STEP_BYTES_MAX, &got);
        if (rc != 0) {
            return rc == MILL_ECORRUPT ? rc : fail(r, rc, e);
        }
    }
    return 0;
}

/* What was read of it before can only be unpacked again. */
static int skip_packed(struct block_reader *r, struct error *e)
{
    gzip_stream_begin(r->gzip, r->block.file->fd, r->block.file->size);
    uint64_t skipped = 0;
    while (skipped < r->block.start) {
        size_t size = (size_t)least_offset(STEP_BYTES_MAX, r->block.start - skipped);
        int rc = read_bytes(r, r->data, size, skipped, e);
        if (rc != 0) {
            return rc;
        }
        skipped += size;
    }
    return 0;
}

static int begin_packed(struct block_reader *r, struct error *e)
{
    uint64_t size = 0;
    if (r->gzip == NULL) {
        r->gzip = gzip_stream_create();
    }
    int rc = measure_packed(r, &size, e);
    if (rc == MILL_ECORRUPT) {
        r->is_through = true;
        r->done.unreadable = true;
        return 0;
    }
    r->limit = r->end = size;
    return rc == 0 ? skip_packed(r, e) : rc;
}

/* Find the first line that begins in the block: one line end is in front of it, and none behind
 * end - 2 can be. */
static int skip_to_line(struct block_reader *r, struct error *e)
{
    while (r->at < r->end - 1) {
        int rc = extend(r, least_offset(r->end - 1, r->at + STEP_BYTES_MAX), e);
        if (rc != 0) {
            return rc;
        }
        const char *newline = memchr(r->data, '\n', r->have);
        if (newline != NULL) {
            r->next_from = (size_t)(newline + 1 - r->data);
            r->next_at = r->at + r->next_from;
            r->done.next = r->next_at;
            move_on(r);
            return 0;
        }
        r->at += r->have;
        r->have = 0;
    }
    r->is_through = true;
    return 0;
}

static int begin(struct block_reader *r, struct error *e)
{
    r->must_begin = false;
    if (r->block.file->is_packed) {
        return begin_packed(r, e);
    }
    return r->block.starts_a_record ? 0 : skip_to_line(r, e);
}

/* --- lines --- */

/* Bytes of a line without its line end. */
static uint64_t strip(const char *line, uint64_t size)
{
    if (size == 0 || line[size - 1] != '\n') {
        return size;
    }
    return size >= 2 && line[size - 2] == '\r' ? size - 2 : size - 1;
}

static int give(struct block_reader *r, size_t size, struct block_piece *piece)
{
    *piece = (struct block_piece){
        .text = {r->data, size},
        .offset = r->at,
        .padding = r->capacity - size + LIMIT_TEXT_PADDING,
    };
    r->next_from = size;
    r->next_at = r->at + size;
    r->done.next = r->next_at;
    r->done.bytes += size;
    return 1;
}

static int give_too_long(struct block_reader *r, uint64_t line_size, struct block_piece *piece)
{
    *piece = (struct block_piece){
        .text = {r->data, BLOCK_TOO_LONG_BYTES},
        .offset = r->at,
        .too_long = true,
        .line_size = line_size,
    };
    r->done.next = r->next_at;
    r->done.bytes += r->next_at - r->at;
    return 1;
}

/* The file ends within a line, of which the window has all, or (too long) the beginning. */
static int end_unfinished(struct block_reader *r, struct block_piece *piece)
{
    r->is_through = true;
    if (!r->block.takes_unfinished || r->at == r->limit) {
        return 0;
    }
    if (r->limit - r->at > LIMIT_RECORD_BYTES_MAX) {
        r->next_at = r->limit;
        return give_too_long(r, r->limit - r->at, piece);
    }
    return give(r, r->have, piece);
}

/* How far to read next, from `from`: never from within the block to beyond its end, so that what
 * is left over behind a line belongs to the block. */
static uint64_t next_stop(const struct block_reader *r, uint64_t from, size_t step)
{
    return from < r->end ? least_offset(r->end, from + STEP_BYTES_MAX)
                         : least_offset(r->limit, from + step);
}

/* The line in the window is longer than a record may be: keep its beginning, look for its end.
 * The window has LINE_BYTES_MAX bytes or more without a line end. */
static int pass_too_long(struct block_reader *r, struct block_piece *piece, struct error *e)
{
    uint64_t from = r->at + r->have;
    char last = r->data[r->have - 1];
    char *rest = r->data + BLOCK_TOO_LONG_BYTES;
    while (from < r->limit) {
        size_t size = (size_t)(next_stop(r, from, STEP_BYTES_MAX) - from);
        int rc = read_bytes(r, rest, size, from, e);
        if (rc != 0) {
            return rc;
        }
        const char *newline = memchr(rest, '\n', size);
        if (newline != NULL) {
            size_t length = (size_t)(newline - rest);
            bool carriage = (length > 0 ? newline[-1] : last) == '\r';
            r->next_from = BLOCK_TOO_LONG_BYTES + length + 1;
            r->have = BLOCK_TOO_LONG_BYTES + size;
            r->next_at = from + length + 1;
            return give_too_long(r, r->next_at - r->at - 1 - carriage, piece);
        }
        last = rest[size - 1];
        from += size;
    }
    r->have = BLOCK_TOO_LONG_BYTES;
    r->next_from = r->have;
    return end_unfinished(r, piece);
}

/* The window holds no line end: read on until there is one. */
static int give_long_line(struct block_reader *r, struct block_piece *piece, struct error *e)
{
    size_t step = STEP_BYTES_MIN;
    while (r->at + r->have < r->limit) {
        if (r->have >= LINE_BYTES_MAX) {
            return pass_too_long(r, piece, e);
        }
        size_t seen = r->have;
        int rc = extend(r, next_stop(r, r->at + r->have, step), e);
        if (rc != 0) {
            return rc;
        }
        const char *newline = memchr(r->data + seen, '\n', r->have - seen);
        if (newline == NULL) {
            step = step < STEP_BYTES_MAX ? step * 2 : step;
            continue;
        }
        size_t size = (size_t)(newline + 1 - r->data);
        uint64_t line_size = strip(r->data, size);
        if (line_size <= LIMIT_RECORD_BYTES_MAX) {
            return give(r, size, piece);
        }
        r->next_from = size;
        r->next_at = r->at + size;
        return give_too_long(r, line_size, piece);
    }
    return end_unfinished(r, piece);
}

static int give_lines(struct block_reader *r, struct block_piece *piece, struct error *e)
{
    move_on(r);
    if (r->at >= r->end) {
        r->is_through = true;
        return 0;
    }
    uint64_t to = least_offset(r->end, r->at + STEP_BYTES_MAX);
    int rc = to > r->at + r->have ? extend(r, to, e) : 0;
    if (rc != 0) {
        return rc;
    }
    const char *newline = memrchr(r->data, '\n', r->have);
    return newline != NULL ? give(r, (size_t)(newline + 1 - r->data), piece)
                           : give_long_line(r, piece, e);
}

int block_reader_next(struct block_reader *r, struct block_piece *piece, struct error *e)
{
    int rc = r->must_begin ? begin(r, e) : 0;
    if (rc == 0 && !r->is_through) {
        rc = give_lines(r, piece, e);
    }
    if (rc < 0) {
        r->is_through = true;
    }
    return rc;
}

/* --- streams --- */

int block_reader_head(struct block_reader *r, size_t size, struct slice *head, struct error *e)
{
    check(r->must_begin);
    const struct input_file *file = r->block.file;
    size_t got = 0;
    reserve(r, size);
    if (file->is_packed) {
        r->gzip = r->gzip == NULL ? gzip_stream_create() : r->gzip;
        gzip_stream_begin(r->gzip, file->fd, file->size);
    }
    int rc = file->is_packed
                 ? gzip_stream_read(r->gzip, r->data, size, &got)
                 : file_read(file->fd, r->data, (size_t)least_offset(size, file->size), 0, &got);
    *head = (struct slice){r->data, got};
    return rc == 0 || rc == MILL_ECORRUPT ? 0 : fail(r, rc, e);
}

/* The window that comes next, bounded by what a record may be. */
static uint64_t stream_stop(const struct block_reader *r, bool is_longer)
{
    size_t wanted = is_longer && r->have >= STEP_BYTES_MAX ? 2 * r->have : STEP_BYTES_MAX;
    wanted = wanted > LIMIT_RECORD_BYTES_MAX ? LIMIT_RECORD_BYTES_MAX + 1 : wanted;
    return least_offset(r->limit, r->at + (wanted > r->have ? wanted : r->have));
}

static void use(struct block_reader *r, size_t size)
{
    check(size <= r->have);
    r->next_from = size;
    r->next_at = r->at + size;
    r->done.next = r->next_at;
    r->done.bytes += size;
    move_on(r);
}

static int give_stream(struct block_reader *r, bool is_longer, struct block_piece *piece,
                       struct error *e)
{
    bool is_stuck = is_longer && r->at + r->have == r->limit;
    if (r->at >= r->end || is_stuck) {
        r->is_through = true;
        return 0;
    }
    int rc = extend(r, stream_stop(r, is_longer), e);
    if (rc != 0) {
        return rc;
    }
    bool ends = r->at + r->have == r->limit && r->block.takes_unfinished;
    *piece = (struct block_piece){
        .text = {r->data, r->have},
        .offset = r->at,
        .own = (size_t)least_offset(r->have, r->end - r->at),
        .is_whole = ends || r->have > LIMIT_RECORD_BYTES_MAX,
        .padding = r->capacity - r->have + LIMIT_TEXT_PADDING,
    };
    return 1;
}

int block_reader_stream(struct block_reader *r, size_t used, struct block_piece *piece,
                        struct error *e)
{
    check(r->block.starts_a_record);
    bool is_first = r->must_begin;
    int rc = is_first ? begin(r, e) : 0;
    if (rc == 0 && !r->is_through) {
        use(r, used);
        rc = give_stream(r, !is_first && used == 0, piece, e);
    }
    if (rc < 0) {
        r->is_through = true;
    }
    return rc;
}

void block_reader_let_go(struct block_reader *r)
{
    r->done.bytes += r->limit - r->done.next;
    r->done.next = r->limit;
    r->is_through = true;
}

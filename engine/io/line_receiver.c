#include "io/line_receiver.h"

#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"

/* A part is put before the lines that follow it when they are together no longer than this. */
#define JOINED_BYTES_MAX (2 * LIMIT_RECEIVE_BYTES)

/* What is kept of a connection's memory between two lines. */
#define KEPT_BYTES_MAX ((size_t)4 * KIB)

enum state {
    COLLECTS,
    PASSES_LONG, /* the line is too long: `part` has its beginning */
    PASSES,      /* the line was given up */
};

struct line_connection {
    struct line_connection *next;
    struct line_connection *before;
    uint64_t number;
    enum state state;
    struct buffer part; /* of a line that has not ended */
    uint64_t line_size; /* of PASSES_LONG: bytes so far */
    bool ends_in_cr;    /* the last of them is one */
    size_t saved;       /* bytes of the part that the log has as parts... */
    uint64_t saved_at;  /* ...from here on */
};

struct line_receiver {
    struct receiver_log *log;
    struct line_connection *connections;
    uint64_t next_number;
    uint64_t unfinished;
    uint64_t unfinished_max;
    bool ends_last_line;
};

struct line_receiver *line_receiver_create(struct receiver_log *log, uint64_t unfinished_max,
                                           bool ends_last_line)
{
    check(unfinished_max > RECEIVED_BYTES_MAX);
    struct line_receiver *r = memory_zero(1, sizeof *r);
    r->log = log;
    r->next_number = 1;
    r->unfinished_max = unfinished_max;
    r->ends_last_line = ends_last_line;
    return r;
}

struct line_connection *line_receiver_begin(struct line_receiver *r)
{
    struct line_connection *c = memory_zero(1, sizeof *c);
    c->number = r->next_number++;
    buffer_init(&c->part, RECEIVED_BYTES_MAX + JOINED_BYTES_MAX);
    c->next = r->connections;
    if (c->next != NULL) {
        c->next->before = c;
    }
    r->connections = c;
    return c;
}

static void forget(struct line_receiver *r, struct line_connection *c)
{
    r->unfinished -= c->part.size;
    if (c->before != NULL) {
        c->before->next = c->next;
    } else {
        r->connections = c->next;
    }
    if (c->next != NULL) {
        c->next->before = c->before;
    }
    buffer_deinit(&c->part);
    memory_free(c);
}

void line_receiver_destroy(struct line_receiver *r)
{
    while (r != NULL && r->connections != NULL) {
        forget(r, r->connections);
    }
    memory_free(r);
}

uint64_t line_receiver_unfinished(const struct line_receiver *r)
{
    return r->unfinished;
}

/* The line is over, one way or another. */
static void clear_part(struct line_receiver *r, struct line_connection *c)
{
    r->unfinished -= c->part.size;
    c->saved = 0;
    buffer_clear(&c->part);
    if (c->part.capacity > KEPT_BYTES_MAX) {
        size_t max = c->part.max;
        buffer_deinit(&c->part);
        buffer_init(&c->part, max);
    }
}

static void add_to_part(struct line_receiver *r, struct line_connection *c, const char *bytes,
                        size_t size)
{
    int rc = buffer_append(&c->part, bytes, size);
    check(rc == 0);
    r->unfinished += size;
}

static int append(struct line_receiver *r, struct line_connection *c, enum received_kind kind,
                  struct slice bytes, struct error *e)
{
    struct received_record record = {
        .kind = kind,
        .connection = c->number,
        .line_size = kind == RECEIVED_TOO_LONG ? c->line_size : 0,
    };
    return receiver_log_append(r->log, &record, bytes.data, bytes.size, e);
}

static struct slice part_of(const struct line_connection *c)
{
    return (struct slice){c->part.data, c->part.size};
}

/* --- lines that are not kept --- */

static size_t line_end(const char *bytes, size_t size)
{
    const char *newline = memchr(bytes, '\n', size);
    return newline == NULL ? 0 : (size_t)(newline + 1 - bytes);
}

static int append_too_long(struct line_receiver *r, struct line_connection *c, struct error *e)
{
    struct slice head = {c->part.data, RECEIVED_TOO_LONG_BYTES};
    int rc = append(r, c, RECEIVED_TOO_LONG, head, e);
    if (rc == 0) {
        clear_part(r, c);
        c->state = COLLECTS;
    }
    return rc;
}

/* The rest of a line of which no more is kept. @return bytes taken, or why not */
static int64_t pass(struct line_receiver *r, struct line_connection *c, const char *bytes,
                    size_t size, struct error *e)
{
    size_t end = line_end(bytes, size);
    if (end == 0) {
        c->line_size += size;
        c->ends_in_cr = bytes[size - 1] == '\r';
        return (int64_t)size;
    }
    if (c->state == PASSES) {
        c->state = COLLECTS;
        return (int64_t)end;
    }
    bool carriage = end >= 2 ? bytes[end - 2] == '\r' : c->ends_in_cr;
    uint64_t before = c->line_size;
    c->line_size += end - 1 - carriage;
    int rc = append_too_long(r, c, e);
    c->line_size = rc == 0 ? 0 : before;
    return rc == 0 ? (int64_t)end : rc;
}

static void begin_to_pass(struct line_receiver *r, struct line_connection *c)
{
    c->state = PASSES_LONG;
    c->line_size = c->part.size;
    c->ends_in_cr = c->part.data[c->part.size - 1] == '\r';
    struct buffer head;
    buffer_init(&head, c->part.max);
    int rc = buffer_append(&head, c->part.data, RECEIVED_TOO_LONG_BYTES);
    check(rc == 0);
    r->unfinished -= c->part.size - head.size;
    buffer_deinit(&c->part);
    c->part = head;
}

/* All unfinished lines together are too many: give up the longest. */
static int give_up_longest(struct line_receiver *r, struct error *e)
{
    struct line_connection *longest = r->connections;
    for (struct line_connection *c = r->connections; c != NULL; c = c->next) {
        if (c->part.size > longest->part.size) {
            longest = c;
        }
    }
    check(longest != NULL);
    int rc = longest->state == PASSES_LONG
                 ? append_too_long(r, longest, e)
                 : append(r, longest, RECEIVED_CROWDED, part_of(longest), e);
    if (rc == 0) {
        clear_part(r, longest);
        longest->state = PASSES;
    }
    return rc;
}

/* --- lines --- */

/* No line end in them. */
static int64_t keep(struct line_receiver *r, struct line_connection *c, const char *bytes,
                    size_t size, struct error *e)
{
    size_t room = RECEIVED_BYTES_MAX - c->part.size;
    size_t kept = size < room ? size : room;
    if (r->unfinished + kept > r->unfinished_max) {
        int rc = give_up_longest(r, e);
        return rc == 0 ? 0 : rc; /* and once more */
    }
    add_to_part(r, c, bytes, kept);
    if (c->part.size == RECEIVED_BYTES_MAX) {
        begin_to_pass(r, c);
    }
    return (int64_t)kept;
}

/* A line that a part begins and that ends in `bytes`, and what may go with it. */
static int64_t join(struct line_receiver *r, struct line_connection *c, const char *bytes,
                    size_t first, size_t all, struct error *e)
{
    size_t size = c->part.size + all <= JOINED_BYTES_MAX ? all : first;
    size_t before = c->part.size;
    uint64_t saved_size = c->line_size;
    add_to_part(r, c, bytes, size);
    const char *end = c->part.data + before + first - 1; /* of the first line */
    uint64_t length = (uint64_t)(end - c->part.data);
    length -= length > 0 && end[-1] == '\r';
    int rc = 0;
    if (length > LIMIT_RECORD_BYTES_MAX) {
        c->line_size = length;
        rc = append_too_long(r, c, e);
    } else {
        rc = append(r, c, RECEIVED_LINES, part_of(c), e);
        if (rc == 0) {
            clear_part(r, c);
        }
    }
    if (rc != 0) {
        c->part.size = before;
        c->line_size = saved_size;
        r->unfinished -= size;
        return rc;
    }
    return (int64_t)size;
}

/* @return how many bytes were taken; 0: nothing yet, try again; or why not */
static int64_t take_some(struct line_receiver *r, struct line_connection *c, const char *bytes,
                         size_t size, struct error *e)
{
    if (c->state != COLLECTS) {
        return pass(r, c, bytes, size, e);
    }
    const char *last = memrchr(bytes, '\n', size);
    if (last == NULL) {
        return keep(r, c, bytes, size, e);
    }
    size_t all = (size_t)(last + 1 - bytes);
    if (c->part.size > 0) {
        return join(r, c, bytes, line_end(bytes, all), all, e);
    }
    int rc = append(r, c, RECEIVED_LINES, (struct slice){bytes, all}, e);
    return rc == 0 ? (int64_t)all : rc;
}

int line_receiver_take(struct line_receiver *r, struct line_connection *c, const char *bytes,
                       size_t size, size_t *taken, struct error *e)
{
    check(size <= LIMIT_RECEIVE_BYTES);
    *taken = 0;
    while (*taken < size) {
        int64_t n = take_some(r, c, bytes + *taken, size - *taken, e);
        if (n < 0) {
            return (int)n;
        }
        *taken += (size_t)n;
    }
    return 0;
}

int line_receiver_end(struct line_receiver *r, struct line_connection *c, struct error *e)
{
    int rc = 0;
    if (c->state == PASSES_LONG) {
        rc = append_too_long(r, c, e);
    } else if (c->part.size > 0 && r->ends_last_line) {
        rc = (int)join(r, c, "\n", 1, 1, e);
        rc = rc > 0 ? 0 : rc;
    } else if (c->part.size > 0) {
        rc = append(r, c, RECEIVED_BROKEN, part_of(c), e);
    }
    if (rc == 0) {
        forget(r, c);
    }
    return rc;
}

int line_receiver_break(struct line_receiver *r, struct error *e)
{
    r->ends_last_line = false;
    int rc = 0;
    while (r->connections != NULL && rc == 0) {
        rc = line_receiver_end(r, r->connections, e);
    }
    return rc;
}

/* --- for a start after a crash --- */

static int save(struct line_receiver *r, struct line_connection *c, struct error *e)
{
    if (c->state != COLLECTS || c->saved == c->part.size) {
        return 0;
    }
    struct received_record record = {
        .kind = RECEIVED_PART, .connection = c->number, .restarts = c->saved == 0};
    uint64_t at = receiver_log_end(r->log);
    int rc =
        receiver_log_append(r->log, &record, c->part.data + c->saved, c->part.size - c->saved, e);
    if (rc == 0) {
        c->saved_at = c->saved == 0 ? at : c->saved_at;
        c->saved = c->part.size;
    }
    return rc;
}

int line_receiver_save(struct line_receiver *r, struct error *e)
{
    uint64_t oldest = UINT64_MAX;
    int rc = 0;
    for (struct line_connection *c = r->connections; c != NULL && rc == 0; c = c->next) {
        /* A line that goes on for long does not keep old segments: it is noted anew. */
        if (c->saved > 0 && c->saved_at < receiver_log_segment_start(r->log)) {
            c->saved = 0;
        }
        rc = save(r, c, e);
        if (c->saved > 0 && c->saved_at < oldest) {
            oldest = c->saved_at;
        }
    }
    if (rc == 0) {
        receiver_log_keep(r->log, oldest);
    }
    return rc;
}

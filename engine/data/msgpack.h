/*
 * msgpack: how values are kept outside the Lua heap (state, shuffled records, rows).
 *
 * Writing and reading go through msgpack-c. Before it unpacks, msgpack_scan() looks at the bytes:
 * counts against the bytes left and nesting against LIMIT_VALUE_DEPTH_MAX, because the library
 * allocates by the counts that it reads (five bytes could ask for 96 GB).
 *
 * Numbers: a double that is a whole number within 2^53 is written as an integer, -0 and all
 * others as a float; so 1.0 and 1 are one value, and every double comes back bit for bit.
 *
 * Records that a script sees as views are kept as they came: an extension of type
 * MSGPACK_RECORD whose bytes are the text of a JSON object.
 */
#ifndef DATA_MSGPACK_H
#define DATA_MSGPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"

/** The type of the extension; stored for ever. */
#define MSGPACK_RECORD 1

/* Appending. Reaching the buffer's maximum sets its failed flag. */
void msgpack_add_nil(struct buffer *b);
void msgpack_add_boolean(struct buffer *b, bool v);
void msgpack_add_number(struct buffer *b, double v);
void msgpack_add_int64(struct buffer *b, int64_t v);
void msgpack_add_uint64(struct buffer *b, uint64_t v);
void msgpack_add_string(struct buffer *b, const char *s, size_t size);
void msgpack_add_array(struct buffer *b, uint32_t count);
void msgpack_add_map(struct buffer *b, uint32_t count);
/** A record that is kept as it came: the text of a JSON object, as an extension. */
void msgpack_add_record(struct buffer *b, const char *json, size_t size);

/** The text of a record; data is NULL when the value is another. @param value  one whole value */
struct slice msgpack_record(struct slice value);

/** The head of an array: its elements follow. @return bytes of the head, 0 when it is none */
size_t msgpack_array_head(const void *bytes, size_t size, uint32_t *count);

/**
 * Measure the value at the start of the bytes without allocating.
 * @param value_size  out: its bytes
 * @return 0, or MILL_ECORRUPT: cut short, counts beyond the bytes left, too deep, or an
 *         extension that is no record
 */
int msgpack_scan(const void *bytes, size_t size, size_t *value_size);

/** Whether the bytes are one value that msgpack_scan takes, and without any extension: what others
 * wrote is no record of ours. */
bool msgpack_is_plain(const void *bytes, size_t size);

enum msgpack_found {
    MSGPACK_WHOLE,
    MSGPACK_SHORT, /**< the bytes end within the value */
    MSGPACK_NONE   /**< no value, or one that is larger than a record may be */
};

/**
 * Find the end of the value at the start of a stream, be it as deep as it may and of any extension.
 * @param value_size  out, when WHOLE
 */
enum msgpack_found msgpack_measure(const void *bytes, size_t size, size_t *value_size);

#endif

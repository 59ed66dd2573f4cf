/*
 * How a source's files are written in the store, in META (big endian):
 *
 *     "f" u16 source              ->  version u8, next serial u32, was polled u8
 *     "f" u16 source u32 serial   ->  version u8, flags u8, device u64, inode u64, birth u64,
 *                                     name, head {size u32, hash u64, marks u32...}, offset u64,
 *                                     packed size u64, size u64, mtime u64, missed u64
 *
 * The first sorts directly before the others. What is read back is checked in full: a record that
 * no encoder can have written is damage.
 */
#ifndef IO_FILE_RECORD_H
#define IO_FILE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "io/known_file.h"
#include "state/keys.h"

#define FILE_RECORD_BYTES_MAX 4096

/** What is kept of a source as a whole. */
struct file_source_record {
    uint32_t next_serial; /**< survives the files that are forgotten */
    bool was_polled;      /**< its folder was listed once */
};

struct store_key file_record_source_key(uint16_t source);
struct store_key file_record_key(uint16_t source, uint32_t serial);
/** Behind all keys of a source. */
struct store_key file_record_end_key(uint16_t source);

/** Append a record. `next_offset` and `next_packed_size` are written: what the commit makes true.
 */
void file_record_encode(const struct known_file *f, struct buffer *into);
/**
 * @param f  out: a file that no listing has shown yet. @owns its name: the caller
 * @return 0, or MILL_ECORRUPT with the key in the message
 */
int file_record_decode(struct slice key, struct slice value, struct known_file *f, struct error *e)
    __attribute__((warn_unused_result));

void file_source_record_encode(const struct file_source_record *record, struct buffer *into);
/** @return 0, or MILL_ECORRUPT with the key in the message */
int file_source_record_decode(struct slice key, struct slice value,
                              struct file_source_record *record, struct error *e)
    __attribute__((warn_unused_result));

#endif

/*
 * Sorted runs in a spill file: writing one, and reading one shard of it entry by entry.
 *
 *     u64 order  u64 origin  u32 key_size  u32 key_group  u32 kind  u32 len  f64 num  key [bytes]
 *
 * Native byte order: a spill file does not outlive the process.
 */
#ifndef FLOW_RUN_FILE_H
#define FLOW_RUN_FILE_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "flow/shuffle.h"

/** Append the sorted entries of `s` to its spill file. @return 0, MILL_ENOSPC, MILL_EIO */
int run_file_write(struct mill_shuffle *s, struct shuffle_run *run, struct error *e);

struct run_reader {
    const struct spill *spill;
    uint64_t offset; /**< of the next byte to read from the file */
    uint64_t end;
    struct buffer window; /**< bytes read ahead */
    size_t at;            /**< of the next entry in the window */
};

void run_reader_init(struct run_reader *r, const struct spill *spill, uint64_t from, uint64_t end);
void run_reader_deinit(struct run_reader *r);
/** @param entry  out: its key and bytes are borrowed until the next call
 *  @return 1, 0 at the end, or MILL_EIO */
int run_reader_next(struct run_reader *r, struct shuffle_entry *entry, struct error *e);

#endif

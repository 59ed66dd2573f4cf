/*
 * The plan of an epoch: which ranges of which files belong to it, and which of their blocks were
 * handed out.
 *
 *     files by serial   ▏done▕▒▒▒▒▒▒▒▒▒▏  ▏▒▒▒▒▒▒▏  ▏▒▒▒▒    ▏        ▒ planned: bytes_max in all
 *                            ↑start    ↑limit            ↑end
 *     blocks                 └─┴───┴───┘                 the line in which `end` lies goes on
 *
 * Blocks are cut at multiples of LIMIT_BLOCK_BYTES of the file, so they are the same whatever was
 * handed out before. A .gz is one block, and so is the range of a file whose records are not lines.
 *
 * When the epoch is to be run again, the plan is trimmed to what was handed out.
 *
 * Pure: opening files is the caller's part. Owner: one file source.
 */
#ifndef IO_FILE_PLAN_H
#define IO_FILE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "io/file_registry.h"
#include "io/input_file.h"
#include "io/source.h"

struct file_range {
    uint32_t serial;
    bool is_packed;
    bool takes_unfinished; /**< the file stood still: its last line ends with it */
    uint64_t start;        /**< offset */
    uint64_t at;           /**< blocks up to here were handed out */
    uint64_t end;          /**< the last byte of the share is before this one */
    uint64_t limit;        /**< size when listed (packed size of a .gz) */
    uint64_t share;        /**< bytes of the plan that are its own (packed ones of a .gz) */
    char *path; /**< for messages; set when the file is opened, lives as long as the plan */
    struct input_file *file; /**< NULL while it is not open */
    uint32_t in_flight;      /**< blocks handed out and not done */
};

struct file_plan {
    struct file_range *ranges; /**< by serial */
    uint32_t count;
    uint32_t capacity;
    uint32_t cursor;    /**< range from which the next block comes */
    uint64_t bytes;     /**< planned in all */
    uint64_t sequence;  /**< blocks handed out */
    uint64_t in_flight; /**< of them, not done */
    bool is_stream;     /**< records are not lines: a range is one block; set by the owner */
    bool is_rerun;      /**< it holds what an abandoned epoch handed out, and no more */
};

void file_plan_init(struct file_plan *p);
void file_plan_deinit(struct file_plan *p);

/** Drop the plan: close its files. What is in flight is not read any more. */
void file_plan_clear(struct file_plan *p);

/** Make a new plan of what is listed and unread, in order of the serial numbers. */
void file_plan_make(struct file_plan *p, const struct file_registry *r, uint64_t bytes_max);

/** The range from which the next block comes. @return NULL: all was handed out */
struct file_range *file_plan_current(struct file_plan *p);

/** Leave the current range out of the epoch: it cannot be read. None of it was handed out. */
void file_plan_drop(struct file_plan *p);

/** The next block of the current range, whose file is open. Nothing changes. */
void file_plan_peek(struct file_plan *p, uint32_t source, struct source_block *block);

/** Hand that block out. Its end may have been moved to the front. */
void file_plan_take(struct file_plan *p, const struct source_block *block);

/** The epoch ends here: nothing of the current range at or behind an offset belongs to it, and no
 *  range behind it. @param end  not before what was handed out; UINT64_MAX: the range's own */
void file_plan_end(struct file_plan *p, uint64_t end);

/** True when all was handed out. */
bool file_plan_is_through(const struct file_plan *p);

/** A block is done. @return its range */
struct file_range *file_plan_done(struct file_plan *p, const struct source_block *block);

/** Begin with the first block again: what was handed out is the plan now, unless it is a rerun's
 *  already. What is in flight is not read any more. */
void file_plan_rewind(struct file_plan *p);

#endif

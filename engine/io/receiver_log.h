/*
 * The receiver log: what peers have sent that cannot be asked to send it again (stdin, sockets),
 * on disk before it counts. One log a source, in <data directory>/received/<source number>/.
 *
 *     segment 0             segment 1             segment 2
 *     ├─────────────────────┼───────────■─────────┼──────────□───────▶ records
 *     deleted               ↑ read by   ↑ safe: synced before the commit that names it
 *                             committed epochs
 *
 * Records (io/received_record.h) are appended by whoever receives. A commit names two places:
 * how far the text was read, and how far the log was synced. At the next start
 *   - what is behind the synced place and is no whole record was torn by the crash: it is cut off
 *     before anything is appended, with all that follows it;
 *   - a log that ends before it is refused (MILL_EREFUSED): it is not the one that was written;
 *   - damage before it is MILL_ECORRUPT;
 *   - of a connection that had begun a line, the beginning becomes a broken line (a dead letter):
 *     it will not come back.
 * A segment is deleted when a commit has passed its end, and no line that has not ended begins
 * in it.
 *
 * @thread receiver_log_append: one thread at a time, the writer. _sync and _release: one thread
 *         at a time, beside the writer. The others: any.
 */
#ifndef IO_RECEIVER_LOG_H
#define IO_RECEIVER_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/disk.h"
#include "base/error.h"
#include "io/received_record.h"

/** What a commit says of a log. */
struct receiver_committed {
    uint64_t text; /**< what is before this in the text was read by committed epochs */
    uint64_t end;  /**< what is before this in the log was synced */
};

struct receiver_log_options {
    const struct disk *disk; /**< borrowed */
    const char *folder;      /**< copied; made when it is not there */
    const char *name;        /**< of the source, for messages; copied */
    uint64_t key;            /**< of the checksums; the store's id */
    uint64_t segment_bytes;  /**< a segment is ended behind the record that reaches this */
    uint64_t bytes_max;      /**< of the log on disk */
    struct receiver_committed committed;
};

struct receiver_log; /* opaque */

/** Where to begin to read: a record of a segment. */
struct receiver_place {
    uint64_t start; /**< of the segment */
    uint64_t text;  /**< of the segment: with `start`, its name */
    uint64_t at;    /**< of the record */
    uint64_t limit; /**< records of the segment that are complete end here */
};

/** @owns the caller, until receiver_log_close. @return 0, MILL_EREFUSED, MILL_ECORRUPT, MILL_EIO,
 *  MILL_ENOSPC */
int receiver_log_open(const struct receiver_log_options *o, struct receiver_log **result,
                      struct error *e);
/** Count what lies behind committed.text in a log that nobody has open: the text, and what lines
 *  have begun. @return as receiver_log_open */
int receiver_log_count(const struct receiver_log_options *o, uint64_t *bytes, struct error *e);
/** NULL is nothing. Nothing is synced. */
void receiver_log_close(struct receiver_log *l);

/**
 * Append a record; its `text` and `size` are filled in.
 * @return 0; or with nothing appended: MILL_ELIMIT (the log has bytes_max), MILL_ENOSPC, MILL_EIO
 */
int receiver_log_append(struct receiver_log *l, struct received_record *r, const void *bytes,
                        size_t size, struct error *e);
/** Make safe what was appended before. @return 0, MILL_ESYNC (never try again) */
int receiver_log_sync(struct receiver_log *l, struct error *e);
/** What a commit may name now: everything before it was synced. */
uint64_t receiver_log_synced(struct receiver_log *l);
/** A commit says that the text before this was read: delete segments. @return 0, or why one could
 *  not be; it is tried again next time */
int receiver_log_release(struct receiver_log *l, uint64_t text, struct error *e);
/** No segment behind this place of the log is deleted: a line begins there. UINT64_MAX: none */
void receiver_log_keep(struct receiver_log *l, uint64_t at);

/** Where the next record will stand, in the log and in the text. */
uint64_t receiver_log_end(struct receiver_log *l);
uint64_t receiver_log_text_end(struct receiver_log *l);
/** Where the segment begins that the last record is in. */
uint64_t receiver_log_segment_start(struct receiver_log *l);
/** Bytes on disk. */
uint64_t receiver_log_bytes(struct receiver_log *l);

/** Readers: the record in which a place of the text lies (one behind its end: the log's end). It
 *  must not be released. */
struct receiver_place receiver_log_find(struct receiver_log *l, uint64_t text);
/** The next segment's first record. @return false: there is none yet */
bool receiver_log_next(struct receiver_log *l, struct receiver_place *place);
const struct disk *receiver_log_disk(const struct receiver_log *l);
const char *receiver_log_folder(const struct receiver_log *l);
uint64_t receiver_log_key(const struct receiver_log *l);

#endif

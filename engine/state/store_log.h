/*
 * RocksDB's log after a power cut.
 *
 * Its last record may have reached the disk in part. Where the part is a beginning, RocksDB cuts
 * it off itself. But a file system may also keep a later page and lose an earlier one, which then
 * reads as zeros; RocksDB cannot tell that from damage and refuses the log. We can, because the
 * store syncs every write: only the last record can be torn, so what has no whole record behind
 * it, and zeros in it, is torn. All else is damage, and stays refused.
 *
 *     ├─ record ─┤├─ record ─┤├── re░░░░rd ──┤           torn: cut off where it begins
 *     ├─ record ─┤├─ re░░░░ ─┤├── record ────┤           damaged: left as it is
 *     ├─ record ─┤├─ record ─┤├── re*ord ────┤ (no zeros)  damaged: left as it is
 *
 * The format: blocks of 32 KiB, in them pieces {u32 checksum, u16 size, u8 kind, bytes}, little
 * endian; a record is one whole piece, or a first, some middle ones and a last.
 */
#ifndef STATE_STORE_LOG_H
#define STATE_STORE_LOG_H

#include "base/error.h"

/**
 * Cut off the last record of a folder's newest log if it is torn.
 * @return 1 when it was, and is gone; 0 when there is nothing torn (nothing changed); MILL_EIO,
 * MILL_ESYNC
 */
int store_log_mend(const char *folder, struct error *e);

#endif

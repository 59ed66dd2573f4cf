/*
 * RocksDB has its errors as text: which of ours each is, and what to do about it.
 */
#ifndef STATE_STORE_STATUS_H
#define STATE_STORE_STATUS_H

/** Of a read. @return MILL_ENOSPC, MILL_ECORRUPT, MILL_EIO */
int store_status_of(const char *text);
/** Of opening: MILL_EREFUSED too, when another process has it open. */
int store_status_of_open(const char *text);
/** Of a write. Whether its bytes came to the disk is not known, and a second try would not tell
 * (MILL_ESYNC): unless it did not come as far as the sync (MILL_ENOSPC). */
int store_status_of_write(const char *text);

/** What a person can do. */
const char *store_status_advice(int code);

#endif

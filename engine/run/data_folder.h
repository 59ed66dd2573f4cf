/*
 * The data directory of a job:
 *
 *     LOCK            held by the engine that runs the job; its process id, for messages
 *     store/          RocksDB
 *     EPOCHS          the newest published epoch (io/floor.h)
 *     received/       what was received and may still be read, by source (io/receiver_log.h)
 *     outbox/         rows that wait to be published and are too many for the store
 *     dead_letters/   records that could not be processed, exactly once
 *     late/           records that came too late for their windows, exactly once (run/late.h)
 *     given_up/       rows that a person gave up (io/give_up.h)
 *     spill/          what does not fit into memory; emptied at every start
 *     FRESH           only while --fresh is at work
 *
 * Opening locks it, finishes or begins a --fresh, opens the store, and brings it to its newest
 * epoch. A job without a directory (tests) has its store in memory and only spill/ on disk.
 *
 * Owner: the coordinator.
 */
#ifndef RUN_DATA_FOLDER_H
#define RUN_DATA_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "base/error.h"
#include "state/epoch_record.h"
#include "state/store.h"

struct data_folder {
    struct disk disk;
    char *path;
    char *outbox;
    char *spill;
    char *dead_letters;
    char *late;
    char *received;
    int lock; /**< file descriptor; -1: none */
    bool in_memory;
    struct store *store;
    size_t cache_bytes; /**< of the store; 0: its own default */
    uint64_t store_id;
    struct epoch_record last; /**< newest epoch; number 0: none */
};

/** @param fresh  forget everything that was there
 *  @return 0; MILL_EREFUSED: another engine has it, or its format is newer; MILL_ECORRUPT... */
int data_folder_open(struct data_folder *d, const char *path, bool fresh, struct error *e);
/** A store in memory, and a temporary folder to spill to. */
int data_folder_open_memory(struct data_folder *d, struct error *e);
/** Give the store so much memory for what it reads, whenever it is opened. */
void data_folder_set_cache(struct data_folder *d, size_t bytes);
/** Close the store and open it again: after a write that failed, what is in it is not known. */
int data_folder_reopen(struct data_folder *d, struct error *e);
void data_folder_close(struct data_folder *d);

#endif

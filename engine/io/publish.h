/*
 * Publishing: what was committed goes out, in the order of epochs, outputs in the order of their
 * numbers, one after the other, aside from the workers.
 *
 * Each output has a mark: the newest epoch that it has published. Marks are committed with the next
 * epoch, so after a crash the last few manifests are published again: renaming again is nothing,
 * standard output and for_each_batch see those batches twice (at least once).
 *
 *   coordinator:  publisher_add after each commit, publisher_commit_into before each
 *   publishing thread: publisher_step, one at a time
 */
#ifndef IO_PUBLISH_H
#define IO_PUBLISH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "base/error.h"
#include "io/floor.h"
#include "io/manifest.h"
#include "io/output.h"
#include "io/target.h"
#include "state/store.h"

/** Where rows go that do not go to files. */
struct publisher_sinks {
    void *context;
    /** Write to standard output. @return 0, MILL_EPIPE, MILL_EIO */
    int (*write_stdout)(void *context, const void *bytes, size_t size, struct error *e);
    /** Call the function of a for_each_batch. @param path  file with the rows, or NULL: inline */
    int (*call_batch)(void *context, const struct manifest *m, const char *path, struct error *e);
};

struct publisher_item; /* a manifest that waits */

struct publisher {
    const struct disk *disk;
    char *outbox;
    uint64_t store_id;
    struct floor_file floor;
    struct publisher_sinks sinks;
    pthread_mutex_t lock;        /**< over what follows */
    struct publisher_item *head; /**< oldest that waits */
    struct publisher_item *tail;
    atomic_bool is_stopped;
    struct publisher_item *done; /**< published, not yet in a commit; oldest first */
    struct publisher_item *done_tail;
    uint64_t waiting; /**< manifests from head on */
};

/** Before anything of the outputs is touched. @return 0, MILL_EREFUSED: the store was rewound */
int publisher_check(const struct disk *disk, const char *data_folder, uint64_t store_id,
                    uint64_t epoch, struct error *e);

/**
 * Open the publisher of a store: read the floor and what waits in OUTBOX.
 * @param place  copied; as the outputs have it
 * @return 0, MILL_EREFUSED when the store was rewound, MILL_ECORRUPT, MILL_EIO
 */
int publisher_open(struct publisher *p, const struct output_place *place, const char *data_folder,
                   struct error *e);
void publisher_close(struct publisher *p);

/** A manifest was committed. Its bytes are copied. */
void publisher_add(struct publisher *p, struct slice manifest);

/**
 * Publish the oldest manifest that waits.
 * @return 1 done, 0 nothing waits, or why it failed (it stays the oldest)
 */
int publisher_step(struct publisher *p, struct error *e);

/** Manifests that wait, and the oldest one's epoch (0: none). */
uint64_t publisher_waiting(struct publisher *p);
uint64_t publisher_oldest(struct publisher *p);
/** Whose the oldest is. */
uint16_t publisher_oldest_output(struct publisher *p);

/** From now on publisher_step publishes nothing. From any thread. */
void publisher_stop(struct publisher *p);
bool publisher_is_stopped(const struct publisher *p);

/** Add the marks, and the removal of what they cover, to a batch. */
void publisher_commit_into(struct publisher *p, struct store_batch *batch);
/** The batch was written. */
void publisher_committed(struct publisher *p);

/** True when a waiting manifest names this temporary file of a target. Whatever the folder: a name
 * is used once in a store, and one folder has many paths. */
bool publisher_names(struct publisher *p, const char *file);
/** True when a waiting manifest has its rows in this file of outbox/. */
bool publisher_names_rows(struct publisher *p, const char *file);
/** Rows that wait, for messages. */
uint64_t publisher_waiting_rows(struct publisher *p);

/** Called for each waiting manifest, oldest first; nonzero ends the walk. */
typedef int (*publisher_each_fn)(void *context, const struct manifest *m);
int publisher_each(struct publisher *p, publisher_each_fn fn, void *context);

#endif

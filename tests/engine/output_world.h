/*
 * What an output sees in tests: a disk that loses power, a store in memory, rows, and the calls
 * that the runner makes around an epoch. One output at a time; `publish` publishes what was
 * committed.
 */
#ifndef TESTS_ENGINE_OUTPUT_WORLD_H
#define TESTS_ENGINE_OUTPUT_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/disk.h"
#include "fake_disk.h"
#include "flow/graph.h"
#include "flow/rows.h"
#include "io/output.h"
#include "io/publish.h"
#include "state/store.h"
#include "testing.h"

#define WORLD_STORE_ID UINT64_C(0x1a2b3c4d5e6f7081)
#define WORLD_HIDDEN   ".tidemill-1a2b3c4d"

struct output_world {
    struct fake_disk *fake;
    struct disk disk;
    struct store *store;
    struct graph_output graph;
    struct output_place place;
    struct output output;
    struct publisher publisher;
    struct buffer manifest; /* of the epoch that was prepared last */
    uint64_t epoch;         /* newest committed */
    struct buffer stdout_bytes;
    struct buffer batch_bytes; /* of the last call */
    uint32_t batch_calls;
    int sink_code;      /* what the sinks give back */
    struct error error; /* of the last call */
};

/** cmocka's setup: *state is a world whose output writes JSON to files in "out". */
int output_world_begin(void **state);
int output_world_end(void **state);

/** Open the output and the publisher, as a start does: open files that nobody goes on with are
 * closed, what nobody names is swept. @return 0 or why not */
int world_open(struct output_world *w);
void world_close(struct output_world *w);
/** Lose power and start again. @param keep  of 100 unsynced changes stay */
void world_crash(struct output_world *w, uint32_t keep);

/** Prepare the next epoch. @param rows  each is a line; NULL: none. @return 0 or why not */
int world_prepare(struct output_world *w, const char *rows, int64_t clock_ms, bool is_last);
/** Write its batch: what META holds of the output, its manifest, the marks. */
void world_commit(struct output_world *w);
/** Prepare and commit; epoch n is at n * 1000 ms. */
void world_epoch(struct output_world *w, const char *rows);
/** Publish all that waits. @return 0 or why not */
int world_publish(struct output_world *w);

/** Names in a folder, sorted, with blanks between them; "(none)" when it is not there. Valid until
 * the fourth call from here. */
const char *world_list(const struct output_world *w, const char *folder);
/** A file's bytes, likewise; "(none)" when it is not there. */
const char *world_read(const struct output_world *w, const char *path);
void world_write(struct output_world *w, const char *path, const char *text);

#endif

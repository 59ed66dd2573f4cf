/*
 * The receiving ends of a job: what its stdin, socket_text_stream and listen sources hear goes into
 * their receiver logs, from where epochs read it (io/receiver_source.h).
 *
 *     receive_stdin.c    standard input, read by a thread of its own
 *     receive_listen.c   clients that connect
 *     receive_socket.c   a server to which the job connects
 *     receive_stream.c   connections of these two
 *
 * A peer is not read while its log or the disk is full, or LIMIT_RECEIVED_UNREAD_BYTES wait to be
 * handed to workers.
 *
 * With --once standard input is read to its end; sockets bring what comes within one interval from
 * the start (a server that ends its connection before: until then). What was received before is
 * processed first.
 *
 * @thread the coordinator's, but where an end says otherwise
 */
#ifndef RUN_RECEIVING_H
#define RUN_RECEIVING_H

#include <stdbool.h>

#include "base/error.h"
#include "io/line_receiver.h"
#include "run/runner.h"

struct receiving_ops {
    /** Begin to receive. */
    int (*start)(struct receiving *x, struct error *e);
    /** There may be more or less room than before. */
    void (*update)(struct receiving *x);
    /** Take note of what other threads have done. */
    void (*heard)(struct receiving *x);
    /** Note in the log what lines have begun. */
    void (*save)(struct receiving *x);
    /** Receive no more; started or not. Handles of the loop begin to close. */
    void (*stop)(struct receiving *x);
};

/** A source's receiving end; first member of each. */
struct receiving {
    const struct receiving_ops *ops;
    struct runner *runner;
    const struct graph_source *graph;
    struct source *source;
    struct receiver_log *log;
    struct line_receiver *lines;
    bool is_started; /**< and not stopped */
    bool has_ended;  /**< nothing more comes */
    bool said_blocked;
};

/** Make the ends of all sources that have one. Nothing is received yet. */
int receiving_open(struct runner *r, struct error *e);
/** Begin to receive. */
int receiving_start(struct runner *r, struct error *e);
/** Blocks were handed out, or an epoch was committed: there may be room. */
void receiving_update(struct runner *r);
/** True when all the job's input was standard input, and it has ended: nothing comes any more, so
 * the job ends when all is processed, as a filter does. */
bool receiving_is_over(const struct runner *r);
/** True while a peer is not read because there is no room for what it sends. */
bool receiving_is_blocked(const struct runner *r);
/** Before outputs are prepared. */
void receiving_save(struct runner *r);
/** Receive no more. What lines have begun is put into the logs, which are synced. */
void receiving_stop(struct runner *r);
/** After the loop was closed. */
void receiving_close(struct runner *r);

/* For the ends. */

/** receiving_ops.save of ends that the coordinator writes for. */
void receiving_save_lines(struct receiving *x);

/** Nothing more comes from this end's peers. */
void receiving_ended(struct receiving *x);
/** The log takes no more now (MILL_ELIMIT, MILL_ENOSPC), or (0) it does again; said once. */
void receiving_blocked(struct receiving *x, const struct error *why);
/** Go on with the epoch: there may be new input. */
void receiving_drive(struct receiving *x);
/** What a person calls the source. */
const char *receiving_name(const struct graph_source *g);

#endif

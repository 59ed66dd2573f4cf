/*
 * The connections of a receiving end over sockets: bytes of each become lines of the end's log. All
 * are read into one buffer; a connection costs its handle and what it has begun of a line.
 *
 * All are paused together: while too much is unread, and while the log takes no more. What a
 * connection had sent by then waits here.
 */
#ifndef RUN_RECEIVE_STREAM_H
#define RUN_RECEIVE_STREAM_H

#include "run/receiving.h"

struct stream_set;

/** A handle of libuv, as what it is and as what it can be taken for. */
union stream_handle {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

struct stream_peer {
    union stream_handle uv;
    struct stream_set *set;
    struct stream_peer *next;
    struct stream_peer *before;
    struct line_connection *lines; /**< NULL: what it sends does not count yet */
    bool has_sent;                 /**< it has brought something */
    bool must_end;                 /**< it has ended, and the log could not take that */
    uint64_t since_ms;             /**< of the loop's time */
    char *head;                    /**< of set->admit; freed with the peer */
    size_t head_size;
};

struct stream_set {
    struct receiving *x;
    struct stream_peer *peers;
    uint32_t count;
    char *bytes; /**< that were read last */
    bool is_paused;
    struct stream_peer *waiting; /**< the log did not take all from it */
    char *rest;                  /**< what it did not take */
    size_t rest_size;
    uint64_t rest_epoch; /**< the last one when that was tried */
    uv_timer_t retry;

    /** Bytes of a peer that was not let in yet. @return how many of them are used up; SIZE_MAX: it
     *  is not let in and was closed. NULL: everyone is let in at once */
    size_t (*admit)(struct stream_peer *p, const char *bytes, size_t size);
    /** A peer has ended. It is forgotten already. NULL: nothing */
    void (*gone)(struct stream_set *s, bool has_sent);
};

void stream_set_init(struct stream_set *s, struct receiving *x);
/** After the loop was closed. */
void stream_set_deinit(struct stream_set *s);
/** Close all connections. What they have begun is with the line_receiver. */
void stream_set_stop(struct stream_set *s);
/** There may be room. */
void stream_set_update(struct stream_set *s);

/** A peer whose handle is to be initialised. @owns the caller, until stream_peer_begin or
 *  stream_peer_close */
struct stream_peer *stream_peer_create(struct stream_set *s);
/** It is connected: read it. */
void stream_peer_begin(struct stream_peer *p);
/** Take no more from it; freed when its handle is closed. */
void stream_peer_close(struct stream_peer *p);
/** Say a line to it, and close it. */
void stream_peer_refuse(struct stream_peer *p, const char *line);

#endif

/*
 * A TCP connection that the job makes, as a receiving end: socket_text_stream. When it cannot be
 * made, or ends, it is made again: after 100 ms, doubling to 10 s as long as none brings anything.
 * That is said once, until there is a connection again.
 *
 * Bytes on the wire at a crash are lost: the protocol has no acknowledgement.
 *
 * With --once it is read until the server closes it, for one interval at most.
 */
#ifndef RUN_RECEIVE_SOCKET_H
#define RUN_RECEIVE_SOCKET_H

#include "run/receiving.h"

/** @owns the caller, until receive_socket_destroy */
struct receiving *receive_socket_create(void);
/** After the loop was closed. */
void receive_socket_destroy(struct receiving *base);

#endif

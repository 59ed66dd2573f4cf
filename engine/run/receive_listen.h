/*
 * A listening socket as a receiving end: lines that clients send over TCP or a unix socket.
 *
 * More clients than the option `clients` are told so and closed. With the option `token` a client's
 * first line must be it, within 10 seconds; else it is told so and closed. A client that vanishes
 * without closing is found by TCP's keepalive. Who is refused is counted, and said when the job
 * stops; the first one at once.
 *
 * A unix socket has mode 0600. One that is left over, on which nobody listens, is removed first;
 * it is removed when the job stops.
 *
 * With --once clients may connect and send for one interval; then what they have begun is a dead
 * letter, and the job ends when it has processed the rest.
 */
#ifndef RUN_RECEIVE_LISTEN_H
#define RUN_RECEIVE_LISTEN_H

#include "run/receiving.h"

/** @owns the caller, until receive_listen_destroy */
struct receiving *receive_listen_create(void);
/** After the loop was closed. */
void receive_listen_destroy(struct receiving *base);

#endif

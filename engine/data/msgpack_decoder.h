/*
 * The decoder of msgpack: a stream of maps, one after the other. A record is a map; nested maps are
 * views, arrays lists, binary data strings. NaN and infinities have no value, as in JSON.
 *
 * A value of another kind, with an extension or deeper than LIMIT_VALUE_DEPTH_MAX is a bad record,
 * and the next one is read. Bytes that are no msgpack, or that claim more than a record may have
 * (dd ff 00 00 00), leave nothing to find the next one by: they are the last record, and bad.
 */
#ifndef DATA_MSGPACK_DECODER_H
#define DATA_MSGPACK_DECODER_H

#include "data/decoder.h"

/** Of what cannot be told apart, at most so many bytes are the last record. */
#define MSGPACK_BROKEN_BYTES 4096

/** @owns the caller, until ops->destroy */
struct decoder *msgpack_decoder_create(void);

#endif

/*
 * Access logs of web servers: the common format, and the combined one, which has two fields more.
 *
 *     1.2.3.4 - ann [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 200 2326 "http://b/" "Agent/1"
 *     ip  ident user time                         request         status bytes referer   agent
 *
 * `request` has three parts, `method`, `path` and `protocol`; those of a request that is none (what
 * a scanner sent) have no value. A "-" is no value either. A quote within quotes is \"; escapes
 * stay as the server wrote them. What stands behind the last field, after a blank, is not looked
 * at.
 *
 * Pure. @thread any
 */
#ifndef DATA_ACCESS_LOG_H
#define DATA_ACCESS_LOG_H

#include <stdint.h>

#include "base/bytes.h"
#include "data/field.h"

#define ACCESS_LOG_FIELDS 12

/** Names and types, ACCESS_LOG_FIELDS of them. */
const struct field *access_log_fields(void);

/**
 * Split a line.
 * @param values   out, ACCESS_LOG_FIELDS: in the line; data NULL: no value
 * @param stopped  out, when it is no such line: the byte up to which it is one
 * @return NULL, or what is wanted there
 */
const char *access_log_split(struct slice line, struct slice *values, size_t *stopped);

#endif

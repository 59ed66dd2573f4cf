/*
 * Dead letters: records that could not be processed, each one line of JSON in the data directory:
 *
 *     {"epoch":3,"operator":"map at job.lua:7","source":"in","partition":"in/a.log","offset":120,
 *      "ordinal":2,"reason":"job.lua:7: ...","traceback":["at job.lua:3 in f"],
 *      "record":"the line as it was"}
 *
 * "record_base64" stands in for "record" when the bytes are not UTF-8. Behind a shuffle there is no
 * position: "key" and "values" say what it was.
 *
 * Late records are written in the same way, into a file of their own; they are no errors.
 *
 * on_error decides: a dead letter, a count only (skip), or the end of the job (fail).
 */
#ifndef SCRIPT_DEAD_LETTER_H
#define SCRIPT_DEAD_LETTER_H

#include <stdint.h>

#include "base/error.h"
#include "script/host.h"

/** The operator's label; "reading" for 0. */
const char *dead_letter_label(const struct host *h, uint32_t operator_id);

/** The element at h->control of a segment failed. @param message  with the user's frames
 *  @return 0, MILL_EFAILED when the job is to end, or what writing failed with */
int dead_letter_of_segment(struct host *h, uint32_t segment, const char *message, struct error *e);

/** The element at h->control came too late for a stage's windows. The same. */
int dead_letter_of_late(struct host *h, uint32_t segment, struct error *e);

/** A record failed outside of Lua: at an operator that runs in C, or (0) before any saw it. */
int dead_letter_of_record(struct host *h, uint32_t operator_id, uint64_t offset,
                          struct slice record, const char *message, struct error *e);

/** A key's value in a table cannot be kept: the key's input of this epoch is lost. */
int dead_letter_of_slot(struct host *h, uint32_t stage, uint32_t slot, const char *message,
                        struct error *e);

/** Note the element at h->control as one to be skipped. */
void dead_letter_mark(struct host *h, uint32_t segment, struct host_skip *skip);

/** Whether the record (of the running chunk's position) is one that a skip names; then the skip. */
const struct host_skip *dead_letter_find_skip(const struct host *h, uint32_t index);

#endif

/*
 * The files of a source as partitions of event time: where each stands.
 *
 * A file of which nothing was read waits, one that has more is open, one that is read through, or
 * cannot be read, has ended. Pure. Owner: one file source.
 */
#ifndef IO_FILE_PARTITIONS_H
#define IO_FILE_PARTITIONS_H

#include "io/file_registry.h"
#include "io/source.h"

/**
 * Call a function with each file, once the running epoch is committed.
 * @param by_name  the files are in order of time: only the last one that was begun counts
 */
void file_partitions_each(const struct file_registry *r, bool by_name, source_partition_fn fn,
                          void *context);

#endif

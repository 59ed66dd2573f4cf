/*
 * The outputs that write files: to_files (with or without roll), save_as_text_files, and the dead
 * letters. io/output.h has the contracts; these are its parts for files and folders.
 */
#ifndef IO_FILE_OUTPUT_H
#define IO_FILE_OUTPUT_H

#include "io/output.h"

int file_output_open(struct output *o, struct error *e);
int file_output_prepare(struct output *o, const struct output_epoch *epoch,
                        struct rows_reader *rows, struct buffer *manifest, struct error *e);
int file_output_commit_into(struct output *o, struct store_batch *batch)
    __attribute__((warn_unused_result));
bool file_output_keeps(const struct output *o, const char *hidden_name);

#endif

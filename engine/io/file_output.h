/*
 * The outputs that write files: to_files (with or without roll), save_as_text_files, and the dead
 * letters. io/output.h has the contracts; these are its parts for files and folders.
 */
#ifndef IO_FILE_OUTPUT_H
#define IO_FILE_OUTPUT_H

#include "io/output.h"

/** Where the store stands when it is opened. */
struct file_output_past {
    const struct output *outputs; /**< of the script */
    uint32_t output_count;
    const struct disk *disk;
    uint64_t store_id;
    uint64_t epoch; /**< newest committed */
};

int file_output_open(struct output *o, struct error *e);
void file_output_close(struct output *o);
int file_output_prepare(struct output *o, const struct output_epoch *epoch,
                        struct rows_reader *rows, struct buffer *manifest, struct error *e);
int file_output_commit_into(struct output *o, struct store_batch *batch)
    __attribute__((warn_unused_result));
void file_output_committed(struct output *o);
bool file_output_keeps(const struct output *o, const char *hidden_name);

/**
 * What META holds of an open file: close it where it is when no output of the script goes on with
 * it (none has the number, or that one writes elsewhere, in another format, or does not roll).
 * @param number  of the output; value: its record in META
 * @param batch   gets the manifest that publishes the file, and the removal of the record
 */
int file_output_close_stale(const struct file_output_past *past, uint16_t number,
                            struct slice value, struct store_batch *batch, struct error *e);

#endif

#include "io/rows_file.h"

#include "base/check.h"
#include "base/failpoint.h"
#include "base/hash.h"

typedef int (*take_fn)(void *context, struct slice bytes, struct error *e);

/* Give all bytes to a function, and sum them up behind what the state has summed up. */
static int each_piece_onto(XXH3_state_t *state, struct rows_reader *rows, take_fn take,
                           void *context, struct rows_sum *sum, struct error *e)
{
    *sum = (struct rows_sum){.row_count = rows->row_count};
    struct slice bytes;
    int rc = rows_reader_bytes(rows, &bytes, e);
    while (rc == 1) {
        rc = take(context, bytes, e);
        if (rc != 0) {
            break;
        }
        XXH3_64bits_update(state, bytes.data, bytes.size);
        sum->byte_count += bytes.size;
        rc = rows_reader_bytes(rows, &bytes, e);
    }
    sum->checksum = XXH3_64bits_digest(state);
    return rc;
}

static int each_piece(struct rows_reader *rows, take_fn take, void *context, struct rows_sum *sum,
                      struct error *e)
{
    XXH3_state_t *state = hash_sum_create();
    int rc = each_piece_onto(state, rows, take, context, sum, e);
    XXH3_freeState(state);
    return rc;
}

struct file_writer {
    const struct disk *disk;
    struct disk_file *file;
    uint64_t offset;
};

static int write_piece(void *context, struct slice bytes, struct error *e)
{
    struct file_writer *w = context;
    int rc = FAILPOINT_RESULT(file_output_write, e);
    if (rc == 0) {
        rc = disk_write(w->disk, w->file, bytes.data, bytes.size, w->offset, e);
    }
    w->offset += bytes.size;
    return rc;
}

int rows_file_write(const struct rows_place *to, struct rows_reader *rows, struct rows_sum *sum,
                    struct error *e)
{
    struct file_writer w = {to->disk, to->file, to->offset};
    return to->file_sum == NULL ? each_piece(rows, write_piece, &w, sum, e)
                                : each_piece_onto(to->file_sum, rows, write_piece, &w, sum, e);
}

static int collect_piece(void *context, struct slice bytes, struct error *e)
{
    int rc = buffer_append(context, bytes.data, bytes.size);
    return rc == 0 ? 0 : error_set(e, rc, "the rows do not fit");
}

int rows_file_collect(struct rows_reader *rows, struct buffer *into, struct rows_sum *sum,
                      struct error *e)
{
    return each_piece(rows, collect_piece, into, sum, e);
}

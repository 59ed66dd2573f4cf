#include "io/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/file_output.h"
#include "io/print.h"
#include "io/rows_file.h"
#include "state/keys.h"

enum rows_framing output_framing(const struct graph_output *graph)
{
    if (graph->format == FORMAT_PRINT) {
        return ROWS_KEYED;
    }
    return graph->format == FORMAT_ROWS ? ROWS_FRAMED : ROWS_LINES;
}

int output_open(struct output *o, const struct output_place *place,
                const struct graph_output *graph, const char *label, uint16_t number,
                struct error *e)
{
    *o = (struct output){.graph = graph, .label = label, .number = number, .place = place};
    o->has_target = graph->kind == OUTPUT_FILES || graph->kind == OUTPUT_FOLDERS;
    return o->has_target ? file_output_open(o, e) : 0;
}

void output_close(struct output *o)
{
    if (o->has_target) {
        file_output_close(o);
        target_deinit(&o->target);
    }
    *o = (struct output){0};
}

static int write_outbox_file(struct output *o, const char *name, struct rows_reader *rows,
                             struct rows_sum *sum, struct error *e)
{
    const struct disk *disk = o->place->disk;
    char *path = text_path(o->place->outbox, name);
    struct disk_file file;
    int rc = disk_open(disk, path, DISK_CREATE, &file, e);
    memory_free(path);
    if (rc != 0) {
        return rc;
    }
    rc = FAILPOINT_RESULT(outbox_write, e);
    rc = rc == 0 ? rows_file_write(&(struct rows_place){.disk = disk, .file = &file}, rows, sum, e)
                 : rc;
    rc = rc == 0 ? FAILPOINT_RESULT(outbox_before_sync, e) : rc;
    rc = rc == 0 ? disk_sync(disk, &file, e) : rc;
    disk_close(disk, &file);
    rc = rc == 0 ? disk_sync_folder(disk, o->place->outbox, e) : rc;
    return rc == 0 ? FAILPOINT_RESULT(outbox_after_sync, e) : rc;
}

/* Rows that go out through the data directory: a few inside the manifest, many in a file. */
static int prepare_rows(struct output *o, const struct manifest *head, struct rows_reader *rows,
                        struct buffer *manifest, struct error *e)
{
    struct manifest m = *head;
    struct buffer inline_rows;
    buffer_init(&inline_rows, LIMIT_INLINE_ROWS_BYTES);
    struct rows_sum sum = {0};
    char name[64];
    int rc = 0;
    if (rows->byte_count <= LIMIT_INLINE_ROWS_BYTES) {
        rc = rows_file_collect(rows, &inline_rows, &sum, e);
        m.rows = (struct slice){inline_rows.data, inline_rows.size};
    } else {
        snprintf(name, sizeof name, "%010" PRIu64 "-%" PRIu16, m.epoch, m.output);
        rc = write_outbox_file(o, name, rows, &sum, e);
        m.file = (struct slice){name, strlen(name)};
    }
    m.row_count = sum.row_count;
    m.byte_count = sum.byte_count;
    m.checksum = sum.checksum;
    if (rc == 0 && manifest_encode(&m, manifest) != 0) {
        rc = error_set(e, MILL_ELIMIT, "%s: its manifest is too large", o->label);
    }
    buffer_deinit(&inline_rows);
    return rc;
}

static int prepare_print(struct output *o, struct manifest *m, struct rows_reader *rows,
                         struct buffer *manifest, struct error *e)
{
    struct mill_rows text;
    rows_init(&text, ROWS_LINES, o->place->outbox, LIMIT_COLLECT_BYTES);
    int rc = print_render(rows, o->graph->print_rows, m->time_ms, &text, e);
    if (rc == 0) {
        struct mill_rows *only = &text;
        struct rows_reader printed;
        rows_reader_open(&printed, &only, 1);
        rc = prepare_rows(o, m, &printed, manifest, e);
        rows_reader_close(&printed);
    }
    rows_deinit(&text);
    return rc;
}

int output_prepare(struct output *o, const struct output_epoch *epoch, struct rows_reader *rows,
                   struct buffer *manifest, struct error *e)
{
    if (o->has_target) {
        return file_output_prepare(o, epoch, rows, manifest, e);
    }
    struct manifest m = {
        .kind = o->graph->kind == OUTPUT_BATCH ? MANIFEST_BATCH : MANIFEST_STREAM,
        .output = o->number,
        .epoch = epoch->number,
        .time_ms = epoch->time_ms,
        .is_keyed = o->graph->is_keyed,
        .label = {o->label, strlen(o->label)},
    };
    if (o->graph->kind == OUTPUT_PRINT) {
        return prepare_print(o, &m, rows, manifest, e);
    }
    if (o->graph->kind == OUTPUT_STDOUT && rows->row_count == 0) {
        return 0;
    }
    return prepare_rows(o, &m, rows, manifest, e);
}

int output_commit_into(struct output *o, struct store_batch *batch)
{
    return o->has_target ? file_output_commit_into(o, batch) : 0;
}

void output_committed(struct output *o)
{
    if (o->has_target) {
        file_output_committed(o);
    }
}

bool output_keeps(const struct output *o, const char *hidden_name)
{
    return o->has_target && file_output_keeps(o, hidden_name);
}

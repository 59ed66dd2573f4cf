#include "script/block_run.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "data/cell.h"
#include "data/msgpack.h"
#include "io/rate_source.h"
#include "script/dead_letter.h"
#include "script/native_run.h"
#include "script/segment.h"

#define HEAD_BYTES_MIN ((size_t)4 * KIB)

/* Record by record, so that the one to be skipped is met alone by the checked loop. */
static int run_checked(struct host *h, uint32_t segment, uint32_t count, struct error *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        const struct host_skip *skip = dead_letter_find_skip(h, i);
        h->checked = skip != NULL;
        h->control.skip_op = skip != NULL ? skip->operator_id : 0;
        if (skip != NULL) {
            memcpy(h->control.skip_j, skip->element, sizeof h->control.skip_j);
        }
        rc = segment_run(h, segment, i, i + 1, e);
        h->checked = false;
        h->control.skip_op = 0;
    }
    return rc;
}

static bool may_skip(const struct host *h)
{
    for (uint32_t i = 0; i < h->skip_count; i++) {
        const struct host_skip *s = &h->skips[i];
        if (!s->has_key && s->source == h->position.source &&
            s->partition == h->position.partition) {
            return true;
        }
    }
    return false;
}

static int run_lua(struct host *h, uint32_t segment, uint32_t count, struct error *e)
{
    return may_skip(h) ? run_checked(h, segment, count, e) : segment_run(h, segment, 0, count, e);
}

static int run_chunk(struct host *h, uint32_t segment, uint32_t count, struct error *e)
{
    if (count == 0) {
        return 0;
    }
    bool native = h->graph->segments[segment].is_native;
    int rc = native ? native_run(h, segment, count, e) : run_lua(h, segment, count, e);
    return rc == 0 ? host_write_error(h, e) : rc;
}

static bool reads(const struct host *h, uint32_t segment, enum graph_input input)
{
    const struct graph_segment *s = &h->graph->segments[segment];
    return s->input == input && s->from == h->position.source;
}

/* All segments that read the words of one splitter. */
static int run_words(struct host *h, uint32_t splitter_index, struct slice text, struct error *e)
{
    struct mill_splitter *splitter = &h->splitters[splitter_index];
    splitter_begin(splitter, text.data, text.size, false);
    h->position.input = INPUT_WORDS;
    h->position.splitter = splitter;
    int rc = 0;
    uint32_t counted_for = 0;
    for (uint32_t count = splitter_next(splitter); count > 0 && rc == 0;
         count = splitter_next(splitter)) {
        host_end_life(h, MILL_OF_CHUNK);
        h->input.words = splitter->words;
        h->input.base = splitter->text;
        struct shuffle_origin origin = {
            .words = splitter->words,
            .text = splitter->text,
            .base = h->position.text_offset + (uint64_t)(splitter->text - text.data),
        };
        host_set_origin(h, &origin);
        counted_for = 0;
        for (uint32_t s = 0; s < h->graph->segment_count && rc == 0; s++) {
            const struct graph_segment *segment = &h->graph->segments[s];
            if (!reads(h, s, INPUT_WORDS) || segment->splitter != splitter_index) {
                continue;
            }
            if (segment->input_operator != counted_for) {
                h->counters[segment->input_operator].elements += count;
                counted_for = segment->input_operator;
            }
            rc = run_chunk(h, s, count, e);
        }
    }
    return rc;
}

/* What a chunk of lines or records is to the segments that read it. */
static int run_rows(struct host *h, struct slice text, uint32_t count, struct error *e)
{
    struct shuffle_origin origin = {
        .lines = h->input.lines, .text = text.data, .base = h->position.text_offset};
    host_set_origin(h, &origin);
    int rc = 0;
    for (uint32_t s = 0; s < h->graph->segment_count && rc == 0; s++) {
        if (reads(h, s, h->position.input)) {
            rc = run_chunk(h, s, count, e);
        }
    }
    return rc;
}

static int refuse_faults(struct host *h, const struct mill_records *r, struct error *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < r->fault_count && rc == 0; i++) {
        struct slice row = r->faults[i].row;
        uint64_t offset = h->position.text_offset + (uint64_t)(row.data - h->position.text);
        rc = dead_letter_of_record(h, 0, offset, row, r->faults[i].reason, e);
    }
    h->records += r->fault_count;
    return rc;
}

static int run_records(struct host *h, struct block_piece *piece, uint32_t *count, struct error *e)
{
    struct mill_records *r = h->chunks[h->position.source];
    struct slice left = piece->text;
    int rc = 0;
    size_t used = 1;
    h->position.input = INPUT_RECORDS;
    records_begin(r, left, piece->starts_anew ? 0 : piece->offset, piece->padding);
    r->decoder->is_whole = piece->is_whole;
    r->decoder->own_end = left.data + (piece->own > 0 ? piece->own : left.size);
    while (left.size > 0 && used > 0 && rc == 0) {
        uint64_t offset = piece->offset + (uint64_t)(left.data - piece->text.data);
        host_end_life(h, MILL_OF_CHUNK);
        used = records_next(r, left, offset);
        h->input.lines = r->rows;
        rc = refuse_faults(h, r, e);
        rc = rc == 0 ? run_rows(h, piece->text, r->count, e) : rc;
        *count += r->count;
        left.data += used;
        left.size -= used;
    }
    piece->used = piece->text.size - left.size;
    return rc;
}

static int run_lines(struct host *h, struct slice text, uint32_t *count, struct error *e)
{
    int rc = 0;
    size_t at = 0;
    h->position.input = INPUT_LINES;
    while (at < text.size && rc == 0) {
        size_t size = text.size - at;
        uint32_t n = lines_split(text.data + at, &size, h->lines, LIMIT_CHUNK_RECORDS_MAX);
        host_end_life(h, MILL_OF_CHUNK);
        h->input.lines = h->lines;
        rc = run_rows(h, text, n, e);
        at += size;
        *count += n;
    }
    return rc;
}

static uint32_t count_lines(struct slice text)
{
    uint32_t count = 0;
    for (const char *at = text.data; at < text.data + text.size; count++) {
        const char *newline = memchr(at, '\n', (size_t)(text.data + text.size - at));
        at = newline == NULL ? text.data + text.size : newline + 1;
    }
    return count;
}

static bool reads_lines(const struct host *h)
{
    for (uint32_t s = 0; s < h->graph->segment_count; s++) {
        if (reads(h, s, INPUT_LINES)) {
            return true;
        }
    }
    return false;
}

static bool splits_here(const struct host *h, uint32_t splitter_index)
{
    for (uint32_t s = 0; s < h->graph->segment_count; s++) {
        if (reads(h, s, INPUT_WORDS) && h->graph->segments[s].splitter == splitter_index) {
            return true;
        }
    }
    return false;
}

static int run_text(struct host *h, struct block_piece *piece, struct error *e)
{
    if (host_is_stopped(h)) { /* what runs without Lua has no other end */
        return error_set(e, MILL_ESTOPPED, "stopped");
    }
    h->position.text = piece->text.data;
    h->position.text_offset = piece->offset;
    host_seed(h, h->position.partition, piece->offset);
    uint32_t count = 0;
    int rc = 0;
    if (h->chunks[h->position.source] != NULL) {
        rc = run_records(h, piece, &count, e);
    } else if (reads_lines(h)) {
        rc = run_lines(h, piece->text, &count, e);
    } else {
        count = count_lines(piece->text);
    }
    for (uint32_t i = 0; i < h->graph->splitter_count && rc == 0; i++) {
        if (splits_here(h, i)) {
            rc = run_words(h, i, piece->text, e);
        }
    }
    h->records += count;
    h->counters[h->graph->sources[h->position.source].operator_id].out += count;
    return rc;
}

static int refuse_line(struct host *h, const struct block_piece *piece, struct error *e)
{
    char message[128];
    snprintf(message, sizeof message, "a line of %llu bytes; a record has at most 16 MiB",
             (unsigned long long)piece->line_size);
    h->records++;
    return dead_letter_of_record(h, 0, piece->offset, piece->text, message, e);
}

/* A decoder that takes its names from a file's first line needs that for a block of its middle. */
static int give_head(struct host *h, const struct source_block *block, struct error *e)
{
    const struct mill_records *r = h->chunks[block->source];
    struct slice head = {NULL, 0};
    if (r == NULL || r->decoder->ops->head == NULL) {
        return 0;
    }
    int rc = block->start == 0 ? 0 : block_reader_head(h->reader, HEAD_BYTES_MIN, &head, e);
    bool is_enough = r->decoder->ops->head(r->decoder, head);
    if (rc == 0 && !is_enough && head.size == HEAD_BYTES_MIN) {
        rc = block_reader_head(h->reader, LIMIT_HEAD_BYTES, &head, e);
        (void)r->decoder->ops->head(r->decoder, head);
    }
    return rc;
}

static int run_stream(struct host *h, struct error *e)
{
    struct block_piece piece;
    const struct decoder *d = h->chunks[h->position.source]->decoder;
    int rc = block_reader_stream(h->reader, 0, &piece, e);
    while (rc == 1) {
        rc = run_text(h, &piece, e);
        if (rc == 0 && d->is_broken) {
            block_reader_let_go(h->reader);
            return 0;
        }
        rc = rc == 0 ? block_reader_stream(h->reader, piece.used, &piece, e) : rc;
    }
    return rc;
}

static int run_file_lines(struct host *h, struct error *e)
{
    struct block_piece piece;
    int rc = block_reader_next(h->reader, &piece, e);
    while (rc == 1) {
        rc = piece.too_long ? refuse_line(h, &piece, e) : run_text(h, &piece, e);
        if (rc == 0) {
            rc = block_reader_next(h->reader, &piece, e);
        }
    }
    return rc;
}

static int run_file(struct host *h, const struct source_block *block, struct source_done *done,
                    struct error *e)
{
    block_reader_begin(h->reader, block);
    int rc = give_head(h, block, e);
    if (rc == 0) {
        rc = block->is_stream ? run_stream(h, e) : run_file_lines(h, e);
    }
    *done = block_reader_done(h->reader);
    return rc;
}

/* What is no whole line: it was sent by a connection that is gone, or was let go. */
static int refuse_broken(struct host *h, const struct block_piece *piece, struct error *e)
{
    h->records++;
    return dead_letter_of_record(h, 0, piece->offset, piece->text, piece->fault, e);
}

static int run_received(struct host *h, const struct source_block *block, struct source_done *done,
                        struct error *e)
{
    struct block_piece piece;
    receiver_reader_begin(h->receiver_reader, block);
    int rc = receiver_reader_next(h->receiver_reader, &piece, e);
    while (rc == 1) {
        rc = piece.too_long        ? refuse_line(h, &piece, e)
             : piece.fault != NULL ? refuse_broken(h, &piece, e)
                                   : run_text(h, &piece, e);
        if (rc == 0) {
            rc = receiver_reader_next(h->receiver_reader, &piece, e);
        }
    }
    receiver_reader_end(h->receiver_reader);
    *done = receiver_reader_done(h->receiver_reader);
    return rc;
}

/* The msgpack array of a queue's batch, as cells. @return how many, or MILL_ECORRUPT */
static int read_cells(struct host *h, struct slice *values, uint32_t *left, struct error *e)
{
    uint32_t count = 0;
    while (*left > 0 && count < LIMIT_CHUNK_RECORDS_MAX) {
        size_t size = 0;
        if (msgpack_scan(values->data, values->size, &size) != 0) {
            return error_set(e, MILL_ECORRUPT, "a queue's batch is damaged");
        }
        h->cells[count++] = cell_of_msgpack((struct slice){values->data, size});
        values->data += size;
        values->size -= size;
        --*left;
    }
    return (int)count;
}

/* @param left  how many values */
static int run_values(struct host *h, const struct source_block *block, struct slice values,
                      uint32_t left, struct source_done *done, struct error *e)
{
    *done = (struct source_done){.next = block->end, .bytes = values.size};
    h->position.input = INPUT_CELLS;
    h->position.text_offset = block->start;
    host_seed(h, block->partition, block->start);
    int rc = 0;
    while (left > 0 && rc == 0) {
        int count = read_cells(h, &values, &left, e);
        if (count < 0) {
            return count;
        }
        host_end_life(h, MILL_OF_CHUNK);
        h->input.cells = h->cells;
        host_set_origin(h, &(struct shuffle_origin){.base = done->records});
        h->position.cells_before = (uint32_t)done->records;
        for (uint32_t s = 0; s < h->graph->segment_count && rc == 0; s++) {
            if (reads(h, s, INPUT_CELLS)) {
                rc = run_chunk(h, s, (uint32_t)count, e);
            }
        }
        h->records += (uint64_t)count;
        done->records += (uint64_t)count;
        h->counters[h->graph->sources[block->source].operator_id].out += (uint64_t)count;
    }
    return rc;
}

static int run_queue(struct host *h, const struct source_block *block, struct source_done *done,
                     struct error *e)
{
    struct slice values = block->values;
    uint32_t left = 0;
    size_t head = msgpack_array_head(values.data, values.size, &left);
    if (head == 0) {
        return error_set(e, MILL_ECORRUPT, "a queue's batch is damaged");
    }
    values.data += head;
    values.size -= head;
    return run_values(h, block, values, left, done, e);
}

static int run_rate(struct host *h, const struct source_block *block, struct source_done *done,
                    struct error *e)
{
    uint32_t count = (uint32_t)(block->end - block->start);
    struct buffer b;
    buffer_init(&b, (size_t)64 * (count + 1));
    rate_pack(block->rate, block->start, count, &b);
    int rc = run_values(h, block, (struct slice){b.data, b.size}, count, done, e);
    buffer_deinit(&b);
    return rc;
}

/* Lines that came through a queue (tests of jobs). */
static int run_queued_text(struct host *h, const struct source_block *block,
                           struct source_done *done, struct error *e)
{
    struct block_piece piece = {
        .text = block->values, .offset = block->start, .starts_anew = true, .is_whole = true};
    *done = (struct source_done){.next = block->end, .bytes = block->values.size};
    return piece.text.size == 0 ? 0 : run_text(h, &piece, e);
}

static int run_block(struct host *h, const struct source_block *block, struct source_done *done,
                     struct error *e)
{
    if (block->file != NULL) {
        return run_file(h, block, done, e);
    }
    if (block->log != NULL) {
        return run_received(h, block, done, e);
    }
    if (block->rate != NULL) {
        return run_rate(h, block, done, e);
    }
    bool is_text = graph_is_text(&h->graph->sources[block->source]);
    return is_text ? run_queued_text(h, block, done, e) : run_queue(h, block, done, e);
}

int block_run(struct host *h, const struct source_block *block, struct source_done *done,
              struct error *e)
{
    *done = (struct source_done){.next = block->start};
    host_set_order(h, block->order);
    h->position.source = block->source;
    h->position.partition = block->partition;
    h->position.partition_name = block->partition_name;
    host_begin_times(h);
    int rc = run_block(h, block, done, e);
    host_end_times(h);
    h->bytes += done->bytes;
    return rc;
}

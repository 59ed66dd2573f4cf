/* The job of a seed, and what it must give: nothing here has seen the engine. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "data/key.h"
#include "sim.h"

#define DEAD_LETTER_NUMBER UINT16_MAX
#define PRINT_ROWS         3

/* Chance that depends on what it is for, not on when it is asked. */
static uint64_t draw(const struct sim *s, uint64_t what, uint64_t a, uint64_t b)
{
    uint64_t parts[4] = {s->seed, what, a, b};
    return hash_bytes(parts, sizeof parts);
}

enum { DRAW_KEY, DRAW_ROW, DRAW_PADDING };

/* --- keys and counts --- */

static int compare_keys(const void *left, const void *right)
{
    const struct sim_key *a = left;
    const struct sim_key *b = right;
    if (a->key_group != b->key_group) {
        return a->key_group < b->key_group ? -1 : 1;
    }
    return key_compare(a->bytes, a->size, b->bytes, b->size);
}

static void make_keys(struct sim_job *j)
{
    for (uint32_t k = 0; k < j->key_count; k++) {
        char text[8];
        int size = snprintf(text, sizeof text, "k%" PRIu32, k);
        struct buffer b;
        buffer_init(&b, sizeof j->keys[k].bytes);
        key_add_string(&b, text, (size_t)size);
        check(!b.failed);
        struct sim_key *key = &j->keys[k];
        memcpy(key->bytes, b.data, b.size);
        key->size = (uint32_t)b.size;
        key->key_group = (uint16_t)key_group_of(hash_key(key->bytes, key->size));
        key->shard = shard_of_group(key->key_group);
        buffer_deinit(&b);
    }
    qsort(j->keys, j->key_count, sizeof *j->keys, compare_keys);
}

static void make_records(struct sim *s)
{
    struct sim_job *j = &s->job;
    for (uint32_t stage = 0; stage < j->stage_count; stage++) {
        for (uint32_t i = 0; i < j->record_count; i++) {
            j->key_of[stage][i] = (uint16_t)(draw(s, DRAW_KEY, stage, i) % j->key_count);
        }
    }
}

/* --- outputs --- */

static void set_roll(struct sim *s, struct graph_output *g)
{
    uint32_t how = sim_below(s, 4);
    g->roll_bytes = how & 1 ? 50 + sim_below(s, 1500) : 0;
    g->roll_ms = how & 2 ? s->job.interval_ms * (1 + sim_below(s, 8)) : 0;
}

static void set_place(struct sim_output *o, const char *format, uint32_t a, uint32_t b)
{
    check(o->place_count < SIM_PLACES_MAX);
    char *place = o->places[o->place_count++];
    snprintf(place, sizeof o->places[0], "%s%" PRIu32 "-%" PRIu32, format, a, b);
    o->graph.target = place;
}

static void make_output(struct sim *s, uint32_t index)
{
    static const enum graph_output_kind kinds[] = {OUTPUT_STDOUT,  OUTPUT_PRINT, OUTPUT_BATCH,
                                                   OUTPUT_FOLDERS, OUTPUT_FILES, OUTPUT_FILES,
                                                   OUTPUT_FILES};
    struct sim_output *o = &s->job.outputs[index];
    struct graph_output *g = &o->graph;
    *o = (struct sim_output){.number = (uint16_t)(index + 1), .of_stage = sim_maybe(s, 50)};
    o->one_in = sim_maybe(s, 60) ? 1 : 1 + sim_below(s, 12);
    o->padding = sim_maybe(s, 8) ? 9000 : sim_maybe(s, 30) ? 200 : 0;
    *g = (struct graph_output){.kind = kinds[sim_below(s, sizeof kinds / sizeof *kinds)],
                               .format = FORMAT_JSON,
                               .target = "stdout"};
    switch (g->kind) {
    case OUTPUT_PRINT:
        g->format = FORMAT_PRINT;
        g->print_rows = PRINT_ROWS;
        break;
    case OUTPUT_BATCH:
        g->format = FORMAT_ROWS;
        break;
    case OUTPUT_FOLDERS:
        g->suffix = sim_maybe(s, 30) ? "txt" : NULL;
        set_place(o, sim_maybe(s, 50) ? "all/in/w" : "out0-0/w", index, 0);
        break;
    case OUTPUT_FILES:
        set_place(o, "out", index, 0);
        set_roll(s, g);
        break;
    case OUTPUT_STDOUT:
        break;
    }
}

static void make_dead_letters(struct sim_job *j)
{
    struct sim_output *o = &j->outputs[j->output_count];
    *o = (struct sim_output){.number = DEAD_LETTER_NUMBER, .one_in = 13};
    snprintf(o->places[0], sizeof o->places[0], "data/dead_letters");
    o->place_count = 1;
    o->graph =
        (struct graph_output){.kind = OUTPUT_FILES, .format = FORMAT_JSON, .target = o->places[0]};
}

void sim_job_make(struct sim *s)
{
    struct sim_job *j = &s->job;
    j->record_count = 20 + sim_below(s, SIM_RECORDS_MAX - 19);
    j->key_count = 1 + sim_below(s, SIM_KEYS_MAX);
    j->stage_count = 1 + sim_below(s, SIM_STAGES_MAX);
    j->worker_count = 1 + sim_below(s, SIM_WORKERS_MAX);
    j->interval_ms = 100 * (1 + sim_below(s, 20));
    j->output_count = 1 + sim_below(s, SIM_OUTPUTS_MAX);
    make_keys(j);
    make_records(s);
    for (uint32_t i = 0; i < j->output_count; i++) {
        make_output(s, i);
    }
    make_dead_letters(j);
}

void sim_job_change(struct sim *s)
{
    struct sim_output *o = &s->job.outputs[sim_below(s, s->job.output_count)];
    if (o->graph.kind != OUTPUT_FILES) {
        return;
    }
    if (o->place_count < SIM_PLACES_MAX && sim_maybe(s, 50)) {
        set_place(o, "out", o->number - 1u, o->place_count);
        o->is_claimed = false;
    }
    if (sim_maybe(s, 70)) {
        set_roll(s, &o->graph);
    }
    sim_note(s, "the script changed: %s rolls at %" PRIu64 " bytes, %" PRId64 " ms",
             o->graph.target, o->graph.roll_bytes, o->graph.roll_ms);
}

/* --- rows --- */

static bool add_row(const struct sim *s, uint32_t output, uint64_t which, struct buffer *row)
{
    const struct sim_output *o = &s->job.outputs[output];
    if (draw(s, DRAW_ROW, output, which) % o->one_in != 0) {
        return false;
    }
    uint64_t padding =
        o->padding == 0 ? 0 : draw(s, DRAW_PADDING, output, which) % (o->padding + 1);
    int rc = buffer_append_byte(row, ' ');
    for (uint64_t i = 0; i < padding && rc == 0; i++) {
        rc = buffer_append_byte(row, (uint8_t)('a' + (which + i) % 26));
    }
    check(rc == 0);
    return true;
}

bool sim_row_of_record(const struct sim *s, uint32_t output, uint32_t record, struct buffer *row)
{
    buffer_clear(row);
    int rc = buffer_printf(row, "%" PRIu32 ": record %" PRIu32, output, record);
    check(rc == 0);
    return add_row(s, output, record, row);
}

bool sim_row_of_key(const struct sim *s, uint32_t output, uint32_t key, uint32_t count,
                    uint32_t last_record, struct buffer *row)
{
    buffer_clear(row);
    int rc = buffer_printf(row, "%" PRIu32 ": %.*s is %" PRIu32 " after %" PRIu32, output,
                           (int)s->job.keys[key].size - 1, s->job.keys[key].bytes + 1, count,
                           last_record);
    check(rc == 0);
    return add_row(s, output, (uint64_t)last_record << 32 | key, row);
}

uint32_t sim_last_record(const struct sim *s, uint32_t stage, uint32_t key, uint32_t from,
                         uint32_t to)
{
    for (uint32_t i = to; i > from; i--) {
        if (s->job.key_of[stage][i - 1] == key && !s->job.is_skipped[i - 1]) {
            return i - 1;
        }
    }
    return UINT32_MAX;
}

uint32_t sim_count_at(const struct sim *s, uint32_t stage, uint32_t key, uint32_t position)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < position; i++) {
        count += s->job.key_of[stage][i] == key && !s->job.is_skipped[i];
    }
    return count % SIM_COUNT_AROUND;
}

/* --- what an output must give --- */

struct expectation {
    const struct sim_output *o;
    struct buffer *into;
    uint32_t count;
};

static void add_line(struct buffer *into, const char *text, size_t size)
{
    int rc = buffer_append(into, text, size);
    rc = rc == 0 ? buffer_append_byte(into, '\n') : rc;
    check(rc == 0);
}

static void add_text(struct buffer *into, const char *text)
{
    add_line(into, text, strlen(text));
}

static void expect_row(struct expectation *x, const struct buffer *row)
{
    x->count++;
    if (x->o->graph.kind == OUTPUT_BATCH) {
        int rc = bytes_add_string(x->into, row->data, row->size);
        check(rc == 0);
    } else if (x->o->graph.kind != OUTPUT_PRINT || x->count <= PRINT_ROWS) {
        add_line(x->into, row->data, row->size);
    }
}

static void expect_rows(const struct sim *s, uint32_t output, const struct sim_epoch *epoch,
                        struct expectation *x)
{
    struct buffer row;
    buffer_init(&row, MIB);
    uint32_t stage = s->job.stage_count - 1;
    for (uint32_t i = epoch->from; i < epoch->to && !x->o->of_stage; i++) {
        if (!s->job.is_skipped[i] && sim_row_of_record(s, output, i, &row)) {
            expect_row(x, &row);
        }
    }
    for (uint32_t k = 0; k < s->job.key_count && x->o->of_stage; k++) {
        uint32_t last = sim_last_record(s, stage, k, epoch->from, epoch->to);
        if (last != UINT32_MAX &&
            sim_row_of_key(s, output, k, sim_count_at(s, stage, k, epoch->to), last, &row)) {
            expect_row(x, &row);
        }
    }
    buffer_deinit(&row);
}

void sim_expected(const struct sim *s, uint32_t output, const struct sim_epoch *epoch,
                  struct buffer *into)
{
    static const char rule[] = "-------------------------------------------";
    struct expectation x = {.o = &s->job.outputs[output], .into = into};
    if (x.o->graph.kind != OUTPUT_PRINT) {
        expect_rows(s, output, epoch, &x);
        return;
    }
    char time[64];
    snprintf(time, sizeof time, "Time: %" PRId64 " ms", epoch->time_ms);
    add_text(into, rule);
    add_text(into, time);
    add_text(into, rule);
    expect_rows(s, output, epoch, &x);
    if (x.count > PRINT_ROWS) {
        add_text(into, "...");
    }
    add_text(into, "");
}

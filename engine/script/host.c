#include "script/host.h"

#include <math.h>
#include <string.h>

#include <lauxlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "data/key.h"
#include "io/output.h"
#include "script/host_lua.h"
#include "script/record_decoder.h"
#include "script/segment.h"

/* A record of NUL bytes grows sixfold as JSON. */
#define DEAD_LETTER_BYTES_MAX ((size_t)(7 * LIMIT_RECORD_BYTES_MAX))
#define CELLS_KEPT            (8 * LIMIT_CHUNK_RECORDS_MAX)
#define GLOBAL_SLOT           1 /* of a table without keys; the generated code knows it */

static void create_stages(struct host *h)
{
    const struct graph *g = h->graph;
    uint32_t n = g->stage_count;
    h->tables = memory_zero(n + 1, sizeof *h->tables);
    h->shuffles = memory_zero(n + 1, sizeof *h->shuffles);
    h->tops = memory_zero(n + 1, sizeof *h->tops);
    h->sealed = memory_zero(n + 1, sizeof *h->sealed);
    h->table_generations = memory_zero(n + 1, sizeof *h->table_generations);
    h->window_ends = memory_zero(n + 1, sizeof *h->window_ends);
    h->events = memory_zero(g->event_count + 1, sizeof *h->events);
    h->known_slots = memory_zero(g->segment_count + 1, sizeof *h->known_slots);
    for (uint32_t i = 0; i < g->segment_count; i++) {
        if (g->segments[i].is_native && g->segments[i].input == INPUT_WORDS) {
            h->known_slots[i] = memory_zero(LIMIT_DICTIONARY_ENTRIES_MAX + 1, sizeof(uint32_t));
        }
    }
    size_t share = (size_t)g->options.shuffle_memory / (n > 0 ? n : 1);
    share = share > MIB ? share : MIB;
    for (uint32_t i = 0; i < n; i++) {
        table_init(&h->tables[i], share);
        if (g->stages[i].kind == STAGE_WINDOW) {
            table_use_panes(&h->tables[i], g->stages[i].window.kind == WINDOW_SESSION);
        }
        shuffle_init(&h->shuffles[i], h->options.spill_folder, share);
        top_init(&h->tops[i], g->stages[i].top_count);
    }
}

static void create_records(struct host *h)
{
    const struct graph *g = h->graph;
    h->chunks = memory_zero(g->source_count + 1, sizeof(struct mill_records *));
    for (uint32_t i = 0; i < g->source_count; i++) {
        struct decoder *decoder = record_decoder_create(&g->sources[i]);
        h->chunks[i] = decoder == NULL ? NULL : records_create(decoder);
    }
}

static void create_outputs(struct host *h)
{
    const struct graph *g = h->graph;
    h->rows = memory_zero(g->output_count + 1, sizeof *h->rows);
    size_t share = LIMIT_ROWS_BYTES / (g->output_count + 2);
    for (uint32_t i = 0; i < g->output_count; i++) {
        enum rows_framing framing = h->options.capture && g->outputs[i].kind != OUTPUT_PRINT
                                        ? ROWS_LINES
                                        : output_framing(&g->outputs[i]);
        rows_init(&h->rows[i], framing, h->options.spill_folder, share);
    }
    rows_init(&h->dead, ROWS_LINES, h->options.spill_folder, share);
    rows_allow(&h->dead, DEAD_LETTER_BYTES_MAX);
    rows_init(&h->late, ROWS_LINES, h->options.spill_folder, share);
    rows_allow(&h->late, DEAD_LETTER_BYTES_MAX);
}

int host_create(const struct host_options *options, struct host **result, struct error *e)
{
    struct host *h = memory_zero(1, sizeof *h);
    const struct graph *g = options->graph;
    h->options = *options;
    h->graph = g;
    h->counters = memory_zero(g->operator_count + 1, sizeof *h->counters);
    h->heads = memory_zero(g->stage_count + 1, sizeof *h->heads);
    buffer_init(&h->key, LIMIT_KEY_BYTES_MAX);
    buffer_init(&h->value, LIMIT_RECORD_BYTES_MAX + KIB);
    arena_init(&h->arena);
    h->splitters = memory_zero(g->splitter_count + 1, sizeof *h->splitters);
    for (uint32_t i = 0; i < g->splitter_count; i++) {
        splitter_init(&h->splitters[i], g->splitters[i].data, g->splitters[i].size);
    }
    create_stages(h);
    create_records(h);
    side_reader_init(&h->sides, options->sides);
    (void)side_reader_refresh(&h->sides);
    create_outputs(h);
    h->tees = memory_zero(g->tee_count + 1, sizeof *h->tees);
    h->lines = memory_alloc(LIMIT_CHUNK_RECORDS_MAX * sizeof *h->lines);
    h->groups = memory_alloc(LIMIT_CHUNK_RECORDS_MAX * sizeof *h->groups);
    h->cell_capacity = LIMIT_CHUNK_RECORDS_MAX;
    h->cells = memory_alloc(h->cell_capacity * sizeof *h->cells);
    h->reader = block_reader_create(&h->is_unwanted);
    h->receiver_reader = receiver_reader_create();
    h->segment_refs = memory_zero(g->segment_count + 1, sizeof(int));
    h->checked_refs = memory_zero(g->segment_count + 1, sizeof(int));
    h->seal_refs = memory_zero(g->stage_count + 1, sizeof(int));
    int rc = host_lua_open(h, e);
    if (rc != 0) {
        host_destroy(h);
        return rc;
    }
    *result = h;
    return 0;
}

void host_destroy(struct host *h)
{
    host_lua_close(h);
    const struct graph *g = h->graph;
    for (uint32_t i = 0; i < g->splitter_count; i++) {
        splitter_deinit(&h->splitters[i]);
    }
    for (uint32_t i = 0; i < g->stage_count; i++) {
        table_deinit(&h->tables[i]);
        shuffle_deinit(&h->shuffles[i]);
        top_deinit(&h->tops[i]);
    }
    for (uint32_t i = 0; i < g->segment_count; i++) {
        memory_free(h->known_slots[i]);
    }
    for (uint32_t i = 0; i < g->output_count; i++) {
        rows_deinit(&h->rows[i]);
    }
    rows_deinit(&h->dead);
    for (uint32_t i = 0; i < g->source_count; i++) {
        records_destroy(h->chunks[i]);
    }
    rows_deinit(&h->late);
    side_reader_deinit(&h->sides);
    block_reader_destroy(h->reader);
    receiver_reader_destroy(h->receiver_reader);
    arena_deinit(&h->arena);
    buffer_deinit(&h->key);
    buffer_deinit(&h->value);
    void *const blocks[] = {
        h->sealed,      h->heads,       h->counters,    h->splitters,    h->tables,
        h->shuffles,    h->tops,        h->rows,        h->tees,         h->table_generations,
        h->lines,       h->groups,      h->cells,       h->segment_refs, h->checked_refs,
        h->seal_refs,   h->expired.key, h->known_slots, h->events,       h->seen,
        h->window_ends, h->chunks};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        memory_free(blocks[i]);
    }
    memory_free(h);
}

/* The table may have forgotten its keys: then so do the caches, and slot 1 is made again. */
static void forget_slots(struct host *h, uint32_t stage)
{
    for (uint32_t i = 0; i < h->graph->segment_count; i++) {
        if (h->known_slots[i] != NULL && h->graph->segments[i].to == stage) {
            memset(h->known_slots[i], 0, (LIMIT_DICTIONARY_ENTRIES_MAX + 1) * sizeof(uint32_t));
        }
    }
}

static void renew_table(struct host *h, uint32_t stage)
{
    struct table *t = &h->tables[stage];
    if (h->table_generations[stage] == t->generation) {
        return;
    }
    h->table_generations[stage] = t->generation;
    forget_slots(h, stage);
    host_lua_forget(h, "forget_table", stage);
    if (h->graph->stages[stage].is_global) {
        uint32_t slot = table_slot(t, hash_key(GLOBAL_KEY, 1), (uint8_t)GLOBAL_KEY[0], "", 0);
        check(slot == GLOBAL_SLOT);
    }
}

static void begin_stage(struct host *h, uint32_t stage)
{
    shuffle_clear(&h->shuffles[stage]);
    top_clear(&h->tops[stage]);
    table_clear(&h->tables[stage]);
    host_end_life(h, MILL_OF_TABLE);
    renew_table(h, stage);
    h->sealed[stage] = false;
}

/* What the loops judge times by: late below, too far ahead above. */
static void begin_times(struct host *h, const struct host_epoch *epoch)
{
    const struct graph *g = h->graph;
    for (uint32_t i = 0; i < g->stage_count; i++) {
        if (g->stages[i].kind == STAGE_WINDOW) {
            const struct window_shape *w = &g->stages[i].window;
            int64_t watermark = epoch->watermarks == NULL ? WATERMARK_NONE : epoch->watermarks[i];
            int64_t needed = watermark == WATERMARK_NONE ? WATERMARK_NONE
                             : w->kind == WINDOW_SESSION ? watermark - w->size_ms + 1
                                                         : window_needed_from(w, watermark);
            h->tables[i].shared.needed_ms = (double)needed;
        }
        h->window_ends[i] = WATERMARK_NONE;
    }
    for (uint32_t i = 0; i < g->event_count; i++) {
        bool is_bound = epoch->latest_ms != WATERMARK_END;
        h->events[i].limit_ms =
            is_bound ? (double)(epoch->latest_ms + g->events[i].max_ahead_ms) : HUGE_VAL;
    }
    h->seen_count = 0;
    host_begin_times(h);
}

void host_begin_times(struct host *h)
{
    for (uint32_t i = 0; i < h->graph->event_count; i++) {
        h->events[i].seen_ms = -1;
    }
}

void host_end_times(struct host *h)
{
    for (uint32_t i = 0; i < h->graph->event_count; i++) {
        if (h->events[i].seen_ms < 0) {
            continue;
        }
        if (h->seen_count == h->seen_capacity) {
            h->seen_capacity = h->seen_capacity == 0 ? 64 : h->seen_capacity * 2;
            h->seen = memory_grow(h->seen, h->seen_capacity * sizeof *h->seen);
        }
        h->seen[h->seen_count++] = (struct host_seen){
            .event = i,
            .source = h->position.source,
            .partition = h->position.partition,
            .time_ms = (int64_t)h->events[i].seen_ms,
        };
    }
}

void host_begin(struct host *h, const struct host_epoch *epoch)
{
    for (uint32_t i = 0; i < h->graph->stage_count; i++) {
        begin_stage(h, i);
        h->shuffles[i].epoch = epoch->number;
    }
    begin_times(h, epoch);
    for (uint32_t i = 0; i < h->graph->output_count; i++) {
        rows_clear(&h->rows[i]);
    }
    rows_clear(&h->dead);
    rows_clear(&h->late);
    for (uint32_t i = 0; i < h->graph->tee_count; i++) {
        h->tees[i].count = 0; /* records that an abandoned run left on their way */
    }
    for (uint32_t i = 0; i < h->graph->splitter_count; i++) {
        if (splitter_is_full(&h->splitters[i])) {
            splitter_clear(&h->splitters[i]);
            host_lua_forget(h, "forget_words", i);
            for (uint32_t stage = 0; stage < h->graph->stage_count; stage++) {
                forget_slots(h, stage);
            }
        }
    }
    memset(h->counters, 0, (h->graph->operator_count + 1) * sizeof *h->counters);
    memset(h->heads, 0, (h->graph->stage_count + 1) * sizeof *h->heads);
    error_clear(&h->fatal);
    if (side_reader_refresh(&h->sides)) {
        host_end_life(h, MILL_OF_CHUNK);
    }
    h->control.time_ms = (double)epoch->time_ms;
    h->clock_ms = epoch->clock_ms;
    h->control.random[0] = epoch->seed;
    h->position.epoch = epoch->number;
    h->skips = epoch->skips;
    h->skip_count = epoch->skip_count;
    h->records = 0;
    h->bytes = 0;
    h->errors = 0;
}

void host_set_order(struct host *h, uint64_t order)
{
    for (uint32_t i = 0; i < h->graph->stage_count; i++) {
        h->shuffles[i].order = order;
        h->shuffles[i].origin = (struct shuffle_origin){0};
        h->tops[i].order = order;
    }
    for (uint32_t i = 0; i < h->graph->output_count; i++) {
        h->rows[i].order = order;
    }
    h->dead.order = order;
    h->late.order = order;
}

void host_end_life(struct host *h, enum mill_life life)
{
    h->lives.generation[life]++;
}

void host_set_origin(struct host *h, const struct shuffle_origin *origin)
{
    for (uint32_t i = 0; i < h->graph->stage_count; i++) {
        h->shuffles[i].origin = *origin;
    }
}

int host_write_error(const struct host *h, struct error *e)
{
    for (uint32_t i = 0; i < h->graph->stage_count; i++) {
        if (h->shuffles[i].error.code != 0) {
            *e = h->shuffles[i].error;
            return e->code;
        }
    }
    for (uint32_t i = 0; i < h->graph->output_count; i++) {
        if (h->rows[i].error.code != 0) {
            *e = h->rows[i].error;
            return e->code;
        }
    }
    const struct mill_rows *letters = h->dead.error.code != 0 ? &h->dead : &h->late;
    if (letters->error.code != 0) {
        *e = letters->error;
        return e->code;
    }
    return 0;
}

/* Values in the Lua heap become bytes in the table. */
static int seal_table(struct host *h, uint32_t stage, struct error *e)
{
    if (!h->graph->stages[stage].has_seal || h->tables[stage].touched_count == 0) {
        return 0;
    }
    heap_lift(&h->lua.heap);
    int rc = segment_seal(h, stage, e);
    heap_lower(&h->lua.heap);
    return rc;
}

static bool has_table(const struct host *h, uint32_t stage)
{
    enum graph_stage_kind kind = h->graph->stages[stage].kind;
    return kind == STAGE_TABLE || kind == STAGE_WINDOW;
}

int host_seal_stage(struct host *h, uint32_t stage, struct error *e)
{
    if (has_table(h, stage)) {
        int rc = seal_table(h, stage, e);
        if (rc != 0) {
            return rc;
        }
        shuffle_add_table(&h->shuffles[stage], &h->tables[stage]);
    }
    shuffle_seal(&h->shuffles[stage]);
    h->sealed[stage] = true;
    return 0;
}

static int relieve_table(struct host *h, uint32_t stage, struct error *e)
{
    int rc = seal_table(h, stage, e);
    if (rc != 0) {
        return rc;
    }
    shuffle_add_table(&h->shuffles[stage], &h->tables[stage]);
    rc = shuffle_spill(&h->shuffles[stage]);
    if (rc != 0) {
        *e = h->shuffles[stage].error;
        return rc;
    }
    table_clear(&h->tables[stage]);
    host_end_life(h, MILL_OF_TABLE);
    renew_table(h, stage);
    return 0;
}

int host_relieve_tables(struct host *h, bool all, struct error *e)
{
    for (uint32_t i = 0; i < h->graph->stage_count; i++) {
        bool is_filling = has_table(h, i) && !h->sealed[i];
        if (is_filling && (h->tables[i].shared.full != 0 || all)) {
            int rc = relieve_table(h, i, e);
            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

void host_give_back_cells(struct host *h)
{
    if (h->cell_capacity > CELLS_KEPT) {
        h->cell_capacity = LIMIT_CHUNK_RECORDS_MAX;
        h->cells = memory_grow(h->cells, h->cell_capacity * sizeof *h->cells);
    }
}

void host_stop(struct host *h)
{
    atomic_fetch_or(&h->is_unwanted, 1);
    watchdog_hurry(&h->watch);
}

void host_relieve_caches(struct host *h)
{
    for (uint32_t i = 0; i < h->graph->splitter_count; i++) {
        host_lua_forget(h, "forget_words", i);
    }
    for (uint32_t i = 0; i < h->graph->stage_count; i++) {
        host_lua_forget(h, "forget_table", i);
    }
    heap_lift(&h->lua.heap);
    lua_gc(h->lua.L, LUA_GCCOLLECT, 0);
    heap_lower(&h->lua.heap);
}

void host_seed(struct host *h, uint64_t partition, uint64_t offset)
{
    uint64_t parts[3] = {h->control.random[0], partition, offset};
    h->control.random[1] = hash_bytes(parts, sizeof parts);
}

#include "script/plan_read.h"

#include <string.h>

#include "base/check.h"

/* Both halves are ours and were built together, so a field of the wrong type is a bug. */

static double get_number(lua_State *L, const char *field)
{
    lua_getfield(L, -1, field);
    check(lua_type(L, -1) == LUA_TNUMBER);
    double v = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return v;
}

static uint32_t get_u32(lua_State *L, const char *field)
{
    double v = get_number(L, field);
    check(v >= 0 && v <= UINT32_MAX);
    return (uint32_t)v;
}

static bool get_boolean(lua_State *L, const char *field)
{
    lua_getfield(L, -1, field);
    bool v = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return v;
}

/* NULL when the field is nil. */
static const char *get_text(lua_State *L, const char *field, struct arena *arena)
{
    lua_getfield(L, -1, field);
    size_t size = 0;
    const char *text = lua_tolstring(L, -1, &size);
    const char *copy = text == NULL ? NULL : arena_copy(arena, text, size + 1);
    lua_pop(L, 1);
    return copy;
}

/* The index of a field's text in a list of words that ends with NULL. */
static int get_choice(lua_State *L, const char *field, const char *const *words)
{
    lua_getfield(L, -1, field);
    const char *text = lua_tostring(L, -1);
    check(text != NULL);
    int i = 0;
    while (words[i] != NULL && strcmp(words[i], text) != 0) {
        i++;
    }
    check(words[i] != NULL);
    lua_pop(L, 1);
    return i;
}

static const char *const role_words[] = {"unused", "source", "single", "flat",
                                         "union",  "stage",  "output", NULL};
static const char *const source_words[] = {"files",  "queue", "stdin", "socket",
                                           "listen", "rate",  NULL};
static const char *const stage_words[] = {"table", "update", "with_state", "top", "window", NULL};
static const char *const combine_words[] = {"lua", "count", "sum", "min", "max", "avg", NULL};
static const char *const record_format_words[] = {"text",       "json",    "csv", "pattern",
                                                  "access_log", "msgpack", NULL};
static const char *const input_words[] = {"lines",  "records", "words", "cells",
                                          "groups", "tee",     NULL};
static const char *const terminal_words[] = {"stage", "output", "tee", "state", NULL};
static const char *const window_words[] = {"tumbling", "sliding", "session", "none", NULL};
static const char *const late_words[] = {"dead_letter", "drop", NULL};
static const char *const output_words[] = {
    "print", "to_stdout", "to_files", "save_as_text_files", "for_each_batch", NULL};
static const char *const format_words[] = {"json", "text", "print", "rows", NULL};
static const char *const event_words[] = {"batch_started", "batch_completed", "error", "stopped",
                                          NULL};
static const char *const error_words[] = {"dead_letter", "fail", "skip", NULL};

typedef void (*element_fn)(lua_State *L, struct arena *arena, void *element);

struct list {
    element_fn read;
    const char *field;
    size_t max;
    size_t element_bytes;
    size_t extra; /* unused elements in front */
};

/* Read a list of tables, one element each. */
static int read_list(lua_State *L, struct arena *arena, const struct list *list, uint32_t *count,
                     void **elements, struct error *e)
{
    lua_getfield(L, -1, list->field);
    size_t n = lua_objlen(L, -1);
    if (n > list->max) {
        lua_pop(L, 1);
        return error_set(e, MILL_ELIMIT, "the job has %zu %s; at most %zu are possible", n,
                         list->field, list->max);
    }
    char *block = arena_alloc(arena, (n + list->extra) * list->element_bytes + 1);
    memset(block, 0, (n + list->extra) * list->element_bytes);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        list->read(L, arena, block + (i + list->extra) * list->element_bytes);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    *count = (uint32_t)n;
    *elements = block;
    return 0;
}

static uint32_t *read_numbers(lua_State *L, const char *field, struct arena *arena, uint32_t *count)
{
    lua_getfield(L, -1, field);
    *count = (uint32_t)lua_objlen(L, -1);
    uint32_t *numbers = arena_alloc(arena, (*count + 1) * sizeof *numbers);
    for (uint32_t i = 0; i < *count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        numbers[i] = (uint32_t)lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return numbers;
}

static void read_operator(lua_State *L, struct arena *arena, void *element)
{
    struct graph_operator *o = element;
    o->kind = get_text(L, "kind", arena);
    o->label = get_text(L, "label", arena);
    o->name = get_text(L, "name", arena);
    o->was = get_text(L, "was", arena);
    o->place = get_text(L, "place", arena);
    o->content = get_text(L, "content", arena);
    o->role = (enum graph_role)get_choice(L, "role", role_words);
    o->inputs = read_numbers(L, "inputs", arena, &o->input_count);
}

static struct slice *read_texts(lua_State *L, const char *field, struct arena *arena,
                                uint32_t *count)
{
    lua_getfield(L, -1, field);
    *count = (uint32_t)lua_objlen(L, -1);
    struct slice *texts = arena_alloc(arena, (*count + 1) * sizeof *texts);
    for (uint32_t i = 0; i < *count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        size_t size = 0;
        const char *text = lua_tolstring(L, -1, &size);
        check(text != NULL);
        texts[i] = (struct slice){arena_copy(arena, text, size), size};
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return texts;
}

/* Two lists: names of columns, and their types. */
static void read_types(lua_State *L, struct arena *arena, struct csv_options *o)
{
    uint32_t count = 0;
    const struct slice *names = read_texts(L, "typed", arena, &o->type_count);
    const struct slice *types = read_texts(L, "types", arena, &count);
    check(count == o->type_count);
    struct field *fields = arena_alloc(arena, (count + 1) * sizeof *fields);
    for (uint32_t i = 0; i < count; i++) {
        fields[i] = (struct field){.name = names[i]};
        bool is_known = field_type_of(types[i], &fields[i].type);
        check(is_known);
    }
    o->types = fields;
}

static void read_csv(lua_State *L, struct arena *arena, struct csv_options *o)
{
    o->columns = read_texts(L, "columns", arena, &o->column_count);
    read_types(L, arena, o);
    o->separator = get_text(L, "separator", arena)[0];
    o->has_head = get_boolean(L, "header");
    o->is_multiline = get_boolean(L, "multiline");
}

static void read_format(lua_State *L, struct arena *arena, struct graph_source *s)
{
    s->format = (enum graph_record_format)get_choice(L, "format", record_format_words);
    s->is_strict = get_boolean(L, "strict");
    s->layout = get_text(L, "layout", arena);
    if (s->format == RECORDS_CSV) {
        lua_getfield(L, -1, "csv");
        read_csv(L, arena, &s->csv);
        lua_pop(L, 1);
    }
}

static void read_side(lua_State *L, struct arena *arena, void *element)
{
    struct graph_side *s = element;
    s->path = get_text(L, "path", arena);
    s->label = get_text(L, "label", arena);
    const char *key = get_text(L, "key", arena);
    s->key = (struct slice){key, strlen(key)};
    s->format.kind = SOURCE_FILES;
    read_format(L, arena, &s->format);
}

static void read_source(lua_State *L, struct arena *arena, void *element)
{
    struct graph_source *s = element;
    s->kind = (enum graph_source_kind)get_choice(L, "kind", source_words);
    s->operator_id = get_u32(L, "operator");
    s->target = get_text(L, "target", arena);
    s->pattern = get_text(L, "pattern", arena);
    s->new_files_only = get_boolean(L, "new_files_only");
    s->by_name = get_boolean(L, "by_name");
    s->host = get_text(L, "host", arena);
    s->port = get_u32(L, "port");
    s->path = get_text(L, "path", arena);
    s->clients_max = get_u32(L, "clients");
    s->bytes_max = (uint64_t)get_number(L, "bytes_max");
    s->records_max = (uint64_t)get_number(L, "records_max");
    s->rows_per_second = (uint64_t)get_number(L, "rows_per_second");
    s->rows = (uint64_t)get_number(L, "rows");
    s->token = get_text(L, "token", arena);
    read_format(L, arena, s);
}

/* Lists of the plan count from 1. */
static uint32_t *read_indexes(lua_State *L, const char *field, struct arena *arena, uint32_t *count)
{
    uint32_t *numbers = read_numbers(L, field, arena, count);
    for (uint32_t i = 0; i < *count; i++) {
        numbers[i]--;
    }
    return numbers;
}

static void read_event(lua_State *L, struct arena *arena, void *element)
{
    struct graph_event *ev = element;
    ev->operator_id = get_u32(L, "operator");
    ev->max_delay_ms = (int64_t)get_number(L, "max_delay");
    ev->idle_ms = (int64_t)get_number(L, "idle");
    ev->max_ahead_ms = (int64_t)get_number(L, "max_ahead");
    ev->sources = read_indexes(L, "sources", arena, &ev->source_count);
}

static void read_window(lua_State *L, struct arena *arena, struct graph_stage *s)
{
    int kind = get_choice(L, "window", window_words);
    int64_t size_ms = (int64_t)get_number(L, "size_ms");
    int64_t slide_ms = (int64_t)get_number(L, "slide_ms");
    if (s->kind == STAGE_WINDOW) {
        s->window = window_shape((enum window_kind)kind, size_ms, slide_ms);
    }
    s->updates = get_boolean(L, "updates");
    s->events = read_indexes(L, "events", arena, &s->event_count);
}

static void read_stage(lua_State *L, struct arena *arena, void *element)
{
    struct graph_stage *s = element;
    s->kind = (enum graph_stage_kind)get_choice(L, "kind", stage_words);
    s->combine = (enum graph_combine)get_choice(L, "combine", combine_words);
    s->operator_id = get_u32(L, "operator");
    s->is_global = get_boolean(L, "global");
    s->has_seal = get_boolean(L, "seal");
    s->emits_if_empty = get_boolean(L, "emits_if_empty");
    s->is_keyed = get_boolean(L, "keyed");
    s->top_count = get_u32(L, "top");
    s->timeout_ms = (int64_t)get_number(L, "timeout_ms");
    read_window(L, arena, s);
}

static void read_segment(lua_State *L, struct arena *arena, void *element)
{
    struct graph_segment *s = element;
    s->operators = read_numbers(L, "operators", arena, &s->operator_count);
    s->depths = read_numbers(L, "depths", arena, &s->operator_count);
    s->input = (enum graph_input)get_choice(L, "input", input_words);
    s->from = get_u32(L, "from") - 1;
    uint32_t splitter = get_u32(L, "splitter");
    s->splitter = splitter > 0 ? splitter - 1 : 0;
    s->input_operator = get_u32(L, "input_operator");
    s->terminal = (enum graph_terminal)get_choice(L, "terminal", terminal_words);
    s->to = get_u32(L, "to") - 1;
    s->depth = get_u32(L, "depth");
    s->is_native = get_boolean(L, "native");
}

static void read_output(lua_State *L, struct arena *arena, void *element)
{
    struct graph_output *o = element;
    o->kind = (enum graph_output_kind)get_choice(L, "kind", output_words);
    o->format = (enum graph_format)get_choice(L, "format", format_words);
    o->operator_id = get_u32(L, "operator");
    o->target = get_text(L, "target", arena);
    o->suffix = get_text(L, "suffix", arena);
    o->is_keyed = get_boolean(L, "keyed");
    o->is_windowed = get_boolean(L, "windowed");
    o->print_rows = get_u32(L, "print_rows");
    o->roll_ms = (int64_t)get_number(L, "roll_ms");
    o->roll_bytes = (uint64_t)get_number(L, "roll_bytes");
    o->timeout_ms = (int64_t)get_number(L, "timeout_ms");
}

static void read_handler(lua_State *L, struct arena *arena, void *element)
{
    struct graph_handler *h = element;
    h->event = (enum graph_happening)get_choice(L, "event", event_words);
    h->label = get_text(L, "label", arena);
}

static void read_options(lua_State *L, struct graph_options *o)
{
    lua_getfield(L, -1, "options");
    o->batch_ms = (int64_t)get_number(L, "batch");
    lua_getfield(L, -1, "workers");
    o->workers = (uint32_t)lua_tonumber(L, -1);
    lua_pop(L, 1);
    o->batch_bytes = (uint64_t)get_number(L, "batch_bytes");
    o->on_error = (enum on_error)get_choice(L, "on_error", error_words);
    o->late = (enum late_choice)get_choice(L, "late", late_words);
    o->max_error_ratio = get_number(L, "max_error_ratio");
    o->deadline_ms = (int64_t)get_number(L, "deadline");
    o->max_strikes = get_u32(L, "max_strikes");
    o->memory_max = (uint64_t)get_number(L, "memory_max");
    o->shuffle_memory = (uint64_t)get_number(L, "shuffle_memory");
    o->state_cache = (uint64_t)get_number(L, "state_cache");
    o->rows_max = (uint64_t)get_number(L, "rows_max");
    o->dead_letters_max = (uint64_t)get_number(L, "dead_letters_max");
    o->received_max = (uint64_t)get_number(L, "received_max");
    lua_pop(L, 1);
}

int plan_read(lua_State *L, struct arena *arena, struct graph *graph, struct error *e)
{
    *graph = (struct graph){.name = get_text(L, "name", arena)};
    read_options(L, &graph->options);
    graph->splitters = read_texts(L, "splitters", arena, &graph->splitter_count);
    graph->tee_count = get_u32(L, "tees");
    void *operators = NULL;
    void *sources = NULL;
    void *stages = NULL;
    void *segments = NULL;
    void *outputs = NULL;
    void *handlers = NULL;
    void *events = NULL;
    void *sides = NULL;
    const struct list lists[] = {
        {read_operator, "operators", LIMIT_OPERATORS_MAX, sizeof(struct graph_operator), 1},
        {read_source, "sources", LIMIT_SOURCES_MAX, sizeof(struct graph_source), 0},
        {read_stage, "stages", LIMIT_STAGES_MAX, sizeof(struct graph_stage), 0},
        {read_segment, "segments", LIMIT_OPERATORS_MAX, sizeof(struct graph_segment), 0},
        {read_output, "outputs", LIMIT_OUTPUTS_MAX, sizeof(struct graph_output), 0},
        {read_handler, "handlers", LIMIT_HANDLERS_MAX, sizeof(struct graph_handler), 0},
        {read_event, "events", LIMIT_EVENT_TIMES_MAX, sizeof(struct graph_event), 0},
        {read_side, "sides", LIMIT_SIDE_TABLES_MAX, sizeof(struct graph_side), 0},
    };
    int rc = read_list(L, arena, &lists[0], &graph->operator_count, &operators, e);
    rc = rc != 0 ? rc : read_list(L, arena, &lists[1], &graph->source_count, &sources, e);
    rc = rc != 0 ? rc : read_list(L, arena, &lists[2], &graph->stage_count, &stages, e);
    rc = rc != 0 ? rc : read_list(L, arena, &lists[3], &graph->segment_count, &segments, e);
    rc = rc != 0 ? rc : read_list(L, arena, &lists[4], &graph->output_count, &outputs, e);
    rc = rc != 0 ? rc : read_list(L, arena, &lists[5], &graph->handler_count, &handlers, e);
    rc = rc != 0 ? rc : read_list(L, arena, &lists[6], &graph->event_count, &events, e);
    graph->events = events;
    rc = rc != 0 ? rc : read_list(L, arena, &lists[7], &graph->side_count, &sides, e);
    graph->handlers = handlers;
    graph->sides = sides;
    graph->operators = operators;
    graph->sources = sources;
    graph->stages = stages;
    graph->segments = segments;
    graph->outputs = outputs;
    lua_pop(L, 1);
    return rc;
}

/* Goal: the graph in C is the plan that Lua made, field by field; more than the engine takes is
 * said. Method: one script with everything in it, and scripts that are too large. */
#include <stdio.h>
#include <string.h>

#include "job_world.h"

static const char everything[] =
    "lines:flat_map(mill.split(',')):count_by_value():named('words', {was = 'old'})\n"
    "   :to_files('out', {roll = '10m'})\n"
    "local pairs = values:map_to_pair(function(v) return v, 1 end)\n"
    "pairs:reduce_by_key(mill.avg):print(3)\n"
    "pairs:update_state_by_key(function(v, s) return 1 end)\n"
    "   :for_each_batch(function() end, {timeout = '2s'})\n"
    "pairs:top(7, function() return 1 end):save_as_text_files('all/w', 'txt')\n"
    "values:count():to_stdout{format = 'text'}\n"
    "values:reduce(function(a, b) return a end):to_files('big', {roll = '64MiB'})\n";

static struct job *with_everything(void **state)
{
    struct job *j = *state;
    int rc = job_plan(j,
                      "batch = '2s', workers = 3, batch_bytes = '1MiB', on_error = 'skip', "
                      "max_error_ratio = 0.25, deadline = '100ms', max_strikes = 9, "
                      "memory_max = '64MiB', shuffle_memory = '2MiB', state_cache = '3MiB', "
                      "rows_max = '4MiB', dead_letters_max = '5MiB', received_max = '300MiB'",
                      everything);
    if (rc != 0) {
        fail_msg("%s", j->error.message);
    }
    return j;
}

static void options_are_numbers(void **state)
{
    const struct graph_options *o = &with_everything(state)->graph.options;
    assert_true(o->batch_ms == 2000 && o->workers == 3 && o->batch_bytes == MIB);
    assert_true(o->on_error == ON_ERROR_SKIP && o->deadline_ms == 100 && o->max_strikes == 9);
    assert_true(o->max_error_ratio == 0.25 && o->memory_max == 64 * MIB);
    assert_true(o->shuffle_memory == 2 * MIB && o->state_cache == 3 * MIB);
    assert_true(o->rows_max == 4 * MIB && o->dead_letters_max == 5 * MIB);
    assert_true(o->received_max == 300 * MIB);
}

static void options_have_their_defaults(void **state)
{
    struct job *j = *state;
    assert_int_equal(job_plan(j, "", "values:print()"), 0);
    const struct graph_options *o = &j->graph.options;
    assert_true(o->batch_ms == 1000 && o->workers == 0);
    assert_true(o->batch_bytes == LIMIT_BATCH_BYTES_DEFAULT);
    assert_true(o->on_error == ON_ERROR_DEAD_LETTER && o->max_error_ratio == 0.05);
    assert_true(o->deadline_ms == LIMIT_DEADLINE_MS_DEFAULT);
    assert_true(o->max_strikes == LIMIT_STRIKES_DEFAULT);
    assert_true(o->memory_max == LIMIT_LUA_BYTES_DEFAULT);
    assert_true(o->shuffle_memory == LIMIT_SHUFFLE_BYTES);
    assert_true(o->state_cache == LIMIT_BLOCK_CACHE_BYTES);
    assert_true(o->rows_max == LIMIT_COLLECT_BYTES);
    assert_true(o->dead_letters_max == LIMIT_DEAD_LETTER_BYTES);
    assert_true(o->received_max == LIMIT_RECEIVED_BYTES);
    assert_string_equal(j->graph.name, "test");
}

static void sources_are_in_order(void **state)
{
    const struct graph *g = &with_everything(state)->graph;
    assert_int_equal(g->source_count, 2);
    assert_int_equal(g->sources[0].kind, SOURCE_QUEUE);
    assert_int_equal(g->sources[1].kind, SOURCE_FILES);
    assert_string_equal(g->sources[1].target, "lines");
    assert_string_equal(g->sources[1].pattern, "*");
    assert_false(g->sources[1].new_files_only);
    assert_string_equal(g->operators[g->sources[1].operator_id].kind, "text_file_stream");
}

static void peers_have_their_addresses(void **state)
{
    struct job *j = *state;
    int rc = job_plan(j, "",
                      "job:stdin():to_stdout()\n"
                      "job:listen('tcp://127.0.0.1:9', {clients = 5, token = 't'}):print()\n"
                      "job:listen('unix://a.sock'):print()\n"
                      "job:socket_text_stream('h', 7):print()");
    assert_int_equal(rc, 0);
    const struct graph_source *s = j->graph.sources;
    assert_int_equal(j->graph.source_count, 4);
    assert_true(s[0].kind == SOURCE_STDIN && s[1].kind == SOURCE_LISTEN);
    assert_true(s[2].kind == SOURCE_LISTEN && s[3].kind == SOURCE_SOCKET);
    for (int i = 0; i < 4; i++) {
        assert_true(graph_is_received(&s[i]));
    }
    assert_string_equal(s[0].target, "");
    assert_string_equal(s[1].target, "tcp://127.0.0.1:9");
    assert_string_equal(s[1].host, "127.0.0.1");
    assert_string_equal(s[1].token, "t");
    assert_true(s[1].port == 9 && s[1].clients_max == 5 && s[1].path == NULL);
    assert_string_equal(s[2].path, "a.sock");
    assert_true(s[2].clients_max == 1024 && s[2].host == NULL && s[2].token == NULL);
    assert_string_equal(s[3].host, "h");
    assert_int_equal(s[3].port, 7);
}

static void operators_have_their_names_and_places(void **state)
{
    const struct graph *g = &with_everything(state)->graph;
    const struct graph_operator *o = &g->operators[g->stages[0].operator_id];
    assert_string_equal(o->kind, "count_by_value");
    assert_string_equal(o->label, "count_by_value \"words\" at job.lua:1");
    assert_string_equal(o->name, "words");
    assert_string_equal(o->was, "old");
    assert_string_equal(o->place, ">text_file_stream>flat_map>count_by_value");
    assert_null(g->operators[g->stages[1].operator_id].name);
    assert_int_equal(g->splitter_count, 1);
    assert_int_equal(g->splitters[0].size, 1);
    assert_memory_equal(g->splitters[0].data, ",", 1);
}

static const struct graph_stage *stage_of(const struct graph *g, const char *kind)
{
    for (uint32_t i = 0; i < g->stage_count; i++) {
        if (strcmp(g->operators[g->stages[i].operator_id].kind, kind) == 0) {
            return &g->stages[i];
        }
    }
    fail_msg("no stage %s", kind);
    return NULL;
}

static void stages_say_how_they_combine(void **state)
{
    const struct graph *g = &with_everything(state)->graph;
    assert_int_equal(g->stage_count, 6);
    const struct graph_stage *s = stage_of(g, "count_by_value");
    assert_true(s->kind == STAGE_TABLE && s->combine == COMBINE_COUNT && s->is_keyed);
    assert_true(!s->has_seal && !s->is_global && !s->emits_if_empty);
    s = stage_of(g, "reduce_by_key");
    assert_true(s->kind == STAGE_TABLE && s->combine == COMBINE_AVG && s->is_keyed);
    s = stage_of(g, "update_state_by_key");
    assert_true(s->kind == STAGE_UPDATE && s->is_keyed);
    s = stage_of(g, "top");
    assert_true(s->kind == STAGE_TOP && s->top_count == 7);
    s = stage_of(g, "count");
    assert_true(s->combine == COMBINE_COUNT && s->is_global && s->emits_if_empty && !s->is_keyed);
    s = stage_of(g, "reduce");
    assert_true(s->combine == COMBINE_LUA && s->is_global && s->has_seal && !s->emits_if_empty);
}

static void windows_say_their_shape_and_what_they_go_by(void **state)
{
    struct job *j = *state;
    assert_int_equal(
        job_plan(j, "late = 'drop'",
                 "local a = values:event_time('t', {max_delay = '5s', idle = '7s', "
                 "max_ahead = '1h'})\n"
                 "local b = job:queue_stream({}):event_time('t')\n"
                 "a:union(b):map_to_pair(print):sliding('10s', '4s'):avg():to_stdout()\n"
                 "b:map_to_pair(print):session('3s'):list():to_stdout()\n"
                 "b:map_to_pair(print):tumbling('3s', {emit = 'update'}):count():keys()"
                 ":to_stdout()"),
        0);
    const struct graph *g = &j->graph;
    assert_int_equal(g->options.late, LATE_DROP);
    assert_int_equal(g->event_count, 2);
    const struct graph_event *ev = &g->events[0];
    assert_true(ev->max_delay_ms == 5000 && ev->idle_ms == 7000 && ev->max_ahead_ms == 3600000);
    assert_string_equal(g->operators[ev->operator_id].kind, "event_time");
    assert_true(ev->source_count == 1 && ev->sources[0] == 0);
    assert_true(g->events[1].source_count == 1 && g->events[1].sources[0] == 1);
    assert_true(g->events[1].max_delay_ms == 0 && g->events[1].idle_ms == 30000);
    const struct graph_stage *s = stage_of(g, "sliding_avg");
    assert_true(s->kind == STAGE_WINDOW && s->combine == COMBINE_AVG && s->is_keyed);
    assert_true(s->window.kind == WINDOW_SLIDING && s->window.size_ms == 10000);
    assert_true(s->window.slide_ms == 4000 && s->window.pane_ms == 2000 && !s->updates);
    assert_true(s->event_count == 2 && s->events[0] == 0 && s->events[1] == 1);
    s = stage_of(g, "session_list");
    assert_true(s->window.kind == WINDOW_SESSION && s->combine == COMBINE_LUA && s->has_seal);
    assert_true(s->event_count == 1 && s->events[0] == 1);
    assert_true(stage_of(g, "tumbling_count")->updates);
    assert_true(g->outputs[0].is_windowed && g->outputs[1].is_windowed);
    assert_false(g->outputs[2].is_windowed);
}

static const struct graph_output *output_of(const struct graph *g, enum graph_output_kind kind)
{
    for (uint32_t i = 0; i < g->output_count; i++) {
        if (g->outputs[i].kind == kind) {
            return &g->outputs[i];
        }
    }
    fail_msg("no such output");
    return NULL;
}

static void outputs_say_where_and_how(void **state)
{
    const struct graph *g = &with_everything(state)->graph;
    assert_int_equal(g->output_count, 6);
    const struct graph_output *o = output_of(g, OUTPUT_FILES);
    assert_string_equal(o->target, "out");
    assert_true(o->format == FORMAT_JSON && o->is_keyed && o->roll_ms == 600000);
    assert_true(o->roll_bytes == 0);
    assert_true(g->outputs[5].roll_bytes == 64 * MIB && g->outputs[5].roll_ms == 0);
    o = output_of(g, OUTPUT_PRINT);
    assert_true(o->print_rows == 3 && o->format == FORMAT_PRINT && o->is_keyed);
    o = output_of(g, OUTPUT_BATCH);
    assert_true(o->timeout_ms == 2000 && o->format == FORMAT_ROWS);
    o = output_of(g, OUTPUT_FOLDERS);
    assert_string_equal(o->target, "all/w");
    assert_string_equal(o->suffix, "txt");
    assert_int_equal(o->format, FORMAT_TEXT);
    o = output_of(g, OUTPUT_STDOUT);
    assert_true(o->format == FORMAT_TEXT && !o->is_keyed);
    assert_null(o->suffix);
}

static void segments_lead_from_sources_to_outputs(void **state)
{
    const struct graph *g = &with_everything(state)->graph;
    uint32_t words = 0;
    uint32_t ends = 0;
    for (uint32_t i = 0; i < g->segment_count; i++) {
        const struct graph_segment *s = &g->segments[i];
        if (s->input == INPUT_WORDS) {
            words++;
            assert_true(s->is_native && s->splitter == 0 && s->from == 1);
            assert_string_equal(g->operators[s->input_operator].kind, "flat_map");
            assert_true(s->terminal == TERMINAL_STAGE && s->to == 0);
        }
        ends += s->terminal == TERMINAL_OUTPUT;
        assert_true(s->terminal != TERMINAL_TEE || s->to < g->tee_count);
        assert_true(s->terminal != TERMINAL_STAGE || s->to < g->stage_count);
    }
    assert_int_equal(words, 1);
    assert_int_equal(ends, 6);
}

static void operators_know_how_deep_they_are(void **state)
{
    struct job *j = *state;
    assert_int_equal(job_plan(j, "",
                              "local f = function(v) return {v} end\n"
                              "values:map(f):flat_map(f):flat_map(f):map(f):print()"),
                     0);
    const struct graph_segment *s = &j->graph.segments[0];
    assert_int_equal(s->operator_count, 4);
    assert_int_equal(s->depth, 2);
    const uint32_t depths[] = {0, 0, 1, 2};
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(s->depths[i], depths[i]);
    }
}

/* A script with `count` of something. */
static int plan_many(struct job *j, const char *what, int count)
{
    char script[400];
    snprintf(script, sizeof script, "for i = 1, %d do %s end", count, what);
    return job_plan(j, "", script);
}

static void what_is_too_much_is_said(void **state)
{
    struct job *j = *state;
    const char *print = "values:print()";
    assert_int_equal(plan_many(j, print, LIMIT_OUTPUTS_MAX), 0);
    assert_int_equal(plan_many(j, print, LIMIT_OUTPUTS_MAX + 1), MILL_ELIMIT);
    assert_non_null(strstr(j->error.message, "the job has 65 outputs; at most 64"));
    const char *source = "job:queue_stream({}):print()";
    assert_int_equal(plan_many(j, source, LIMIT_SOURCES_MAX + 1), MILL_ELIMIT);
    assert_non_null(strstr(j->error.message, "65 sources; at most 64"));
    const char *handler = "job:on('error', print) if i == 65 then values:print() end";
    assert_int_equal(plan_many(j, handler, LIMIT_HANDLERS_MAX + 1), MILL_ELIMIT);
    assert_non_null(strstr(j->error.message, "65 handlers; at most 64"));
    const char *map = "values = values:map(function(v) return v end) "
                      "if i == 1100 then values:print() end";
    assert_int_equal(plan_many(j, map, 1100), MILL_ELIMIT);
    assert_non_null(strstr(j->error.message, "operators; at most 1024"));
    const char *stage = "values = values:map_to_pair(function(v) return v, 1 end)"
                        ":reduce_by_key(mill.sum):keys() if i == 129 then values:print() end";
    assert_int_equal(plan_many(j, stage, 129), MILL_ELIMIT);
    assert_non_null(strstr(j->error.message, "129 stages; at most 128"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, job_begin_test, job_end_test)

static void formats_have_their_options(void **state)
{
    struct job *j = *state;
    int rc = job_plan(j, "",
                      "job:file_stream('in', {format = 'csv', columns = {'b', 'a'}, header = true, "
                      "types = {a = 'number'}, separator = ';', multiline = true}):print()\n"
                      "job:file_stream('x', {format = 'pattern', pattern = '<a>'}):print()\n"
                      "job:stdin{format = 'access_log'}:print()\n"
                      "job:file_stream('y', {format = 'msgpack'}):print()\n");
    assert_int_equal(rc, 0);
    const struct graph_source *s = j->graph.sources;
    assert_int_equal(s[0].format, RECORDS_CSV);
    assert_int_equal(s[0].csv.column_count, 2);
    assert_true(slice_is(s[0].csv.columns[1], "a"));
    assert_int_equal(s[0].csv.type_count, 1);
    assert_true(slice_is(s[0].csv.types[0].name, "a"));
    assert_int_equal(s[0].csv.types[0].type, FIELD_NUMBER);
    assert_true(s[0].csv.separator == ';' && s[0].csv.has_head && s[0].csv.is_multiline);
    assert_int_equal(s[1].format, RECORDS_PATTERN);
    assert_string_equal(s[1].layout, "<a>");
    assert_int_equal(s[2].format, RECORDS_ACCESS_LOG);
    assert_int_equal(s[3].format, RECORDS_MSGPACK);
    assert_true(graph_is_stream(&s[0]) && graph_is_stream(&s[3]));
    assert_false(graph_is_stream(&s[1]) || graph_is_stream(&s[2]));
}

static void side_tables_have_their_paths_and_keys(void **state)
{
    struct job *j = *state;
    int rc = job_plan(j, "",
                      "mill.table('a.csv', {key = 'id', separator = ';'})\n"
                      "mill.table('b.json', {key = 'k', strict = true})\n"
                      "values:print()");
    assert_int_equal(rc, 0);
    const struct graph_side *s = j->graph.sides;
    assert_int_equal(j->graph.side_count, 2);
    assert_string_equal(s[0].path, "a.csv");
    assert_string_equal(s[0].label, "mill.table at job.lua:1");
    assert_true(slice_is(s[0].key, "id") && s[0].format.format == RECORDS_CSV);
    assert_int_equal(s[0].format.csv.separator, ';');
    assert_true(s[1].format.format == RECORDS_JSON && s[1].format.is_strict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(options_are_numbers),
        TEST(options_have_their_defaults),
        TEST(sources_are_in_order),
        TEST(peers_have_their_addresses),
        TEST(operators_have_their_names_and_places),
        TEST(stages_say_how_they_combine),
        TEST(windows_say_their_shape_and_what_they_go_by),
        TEST(outputs_say_where_and_how),
        TEST(segments_lead_from_sources_to_outputs),
        TEST(operators_know_how_deep_they_are),
        TEST(what_is_too_much_is_said),
        TEST(formats_have_their_options),
        TEST(side_tables_have_their_paths_and_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

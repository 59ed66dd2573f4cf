#include "job_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "data/msgpack.h"
#include "flow/top.h"
#include "script/block_run.h"
#include "script/plan_read.h"
#include "state/epoch_record.h"

#define TEXT_BYTES ((size_t)16 << 20)

/* A broken invariant says more than its condition. */
static void show_error(void *context, enum log_level level, const char *line)
{
    (void)context;
    (void)level;
    fprintf(stderr, "# %s\n", line);
}

int job_group_begin(void **state)
{
    (void)state;
    log_to(show_error, NULL, LOG_ERROR);
    watchdog_start(NULL, NULL);
    return 0;
}

int job_group_end(void **state)
{
    (void)state;
    watchdog_stop();
    return 0;
}

int job_begin_test(void **state)
{
    struct job *j = memory_zero(1, sizeof *j);
    j->folder = folder_create();
    j->store = store_create_memory();
    j->before_ms = j->watermark_ms = WATERMARK_NONE;
    arena_init(&j->arena);
    *state = j;
    return 0;
}

static void close_script(struct job *j)
{
    for (uint32_t i = 0; i < j->host_count; i++) {
        host_destroy(j->hosts[i]);
    }
    j->host_count = 0;
    if (j->delta.batches != NULL) {
        delta_deinit(&j->delta);
    }
    if (j->control.L != NULL) {
        script_state_close(&j->control);
        source_text_deinit(&j->source);
    }
    memory_free(j->skip.key);
    j->skip = (struct host_skip){0};
}

int job_end_test(void **state)
{
    struct job *j = *state;
    close_script(j);
    store_close(j->store);
    arena_deinit(&j->arena);
    folder_remove(j->folder);
    memory_free(j);
    return 0;
}

/* --- the script --- */

/* On one line, so that the script's own lines keep their numbers. */
static char *whole_script(const char *options, const char *script)
{
    if (strstr(script, "mill.job") != NULL) {
        return memory_text(script);
    }
    return text_format("local mill = require 'tidemill' local job = mill.job('test', {%s}) "
                       "local values = job:queue_stream({}) "
                       "local lines = job:text_file_stream('lines') %s\nreturn job",
                       options, script);
}

static int plan(struct job *j)
{
    lua_State *L = j->control.L;
    int rc = script_push(&j->control, "tidemill.script", "plan", &j->error);
    if (rc == 0) {
        source_text_push(L, &j->source);
        rc = script_call(&j->control, 1, 1, &j->error);
    }
    rc = rc == 0 ? script_push(&j->control, "tidemill.plan", "describe", &j->error) : rc;
    if (rc == 0) {
        lua_insert(L, -2);
        rc = script_call(&j->control, 1, 1, &j->error);
    }
    return rc == 0 ? plan_read(L, &j->arena, &j->graph, &j->error) : rc;
}

int job_plan(struct job *j, const char *options, const char *script)
{
    close_script(j);
    j->error = (struct error){0};
    char *text = whole_script(options, script);
    source_text_init(&j->source, "job.lua", "job.lua", (struct slice){text, strlen(text)});
    memory_free(text);
    struct lua_options lua = {.modules = embedded_modules};
    int rc = script_state_open(&j->control, &lua, &j->error);
    return rc == 0 ? plan(j) : rc;
}

void job_open_with(struct job *j, const char *options, const char *script, uint32_t host_count)
{
    int rc = job_plan(j, options, script);
    struct host_options o = {
        .modules = embedded_modules,
        .source = &j->source,
        .graph = &j->graph,
        .spill_folder = j->folder,
        .trace = j->trace,
        .jit_off = j->jit_off || (UNDER_TSAN && !j->trace),
        .capture = true,
    };
    while (rc == 0 && j->host_count < host_count) {
        rc = host_create(&o, &j->hosts[j->host_count], &j->error);
        j->host_count += rc == 0;
    }
    if (rc != 0) {
        fail_msg("%s", j->error.message);
    }
    delta_init(&j->delta, j->store, j->graph.stage_count, LIMIT_DELTA_BYTES);
}

void job_open(struct job *j, const char *script)
{
    job_open_with(j, "", script, 1);
}

/* --- epochs --- */

static void begin_hosts(struct job *j)
{
    j->sequence = 0;
    for (uint32_t i = 0; i < LIMIT_STAGES_MAX; i++) {
        j->watermarks[i] = j->before_ms;
    }
    j->epoch.watermarks = j->watermarks;
    j->epoch.clock_ms = j->epoch.time_ms;
    j->epoch.latest_ms = WATERMARK_END;
    assert_int_equal(delta_begin(&j->delta, j->epoch.number, NULL), 0);
    for (uint32_t i = 0; i < j->host_count; i++) {
        host_begin(j->hosts[i], &j->epoch);
    }
}

void job_begin(struct job *j)
{
    j->epoch = (struct host_epoch){.number = j->epoch.number + 1,
                                   .time_ms = (int64_t)(j->epoch.number + 1) * 1000,
                                   .seed = j->epoch.number + 1};
    begin_hosts(j);
}

void job_begin_without_expired(struct job *j, uint32_t host)
{
    struct host *h = j->hosts[host];
    memory_free(j->skip.key);
    j->skip = h->expired;
    j->skip.key = h->expired.key == NULL ? NULL : memory_copy(j->skip.key, j->skip.key_size);
    assert_int_equal(host_renew(h, &j->error), 0);
    j->epoch.skips = &j->skip;
    j->epoch.skip_count = 1;
    begin_hosts(j);
}

int job_block(struct job *j, uint32_t host, const struct source_block *block)
{
    struct source_done done;
    j->error = (struct error){0};
    return block_run(j->hosts[host], block, &done, &j->error);
}

static uint32_t source_of(const struct job *j, enum graph_source_kind kind)
{
    for (uint32_t i = 0; i < j->graph.source_count; i++) {
        if (j->graph.sources[i].kind == kind) {
            return i;
        }
    }
    fail_msg("the job has no such source");
    return 0;
}

static int run_values(struct job *j, uint32_t host, enum graph_source_kind kind,
                      struct slice values)
{
    uint32_t source = source_of(j, kind);
    struct source_block block = {
        .source = source,
        .order = SOURCE_ORDER(source, j->sequence),
        .partition_name = "lines/a.txt",
        .start = j->sequence,
        .end = j->sequence + 1,
        .values = values,
    };
    j->sequence++;
    return job_block(j, host, &block);
}

int job_values(struct job *j, uint32_t host, const char *json)
{
    struct buffer b;
    job_msgpack(json, &b);
    int rc = run_values(j, host, SOURCE_QUEUE, (struct slice){b.data, b.size});
    buffer_deinit(&b);
    return rc;
}

int job_lines(struct job *j, uint32_t host, const char *text)
{
    return run_values(j, host, SOURCE_FILES, (struct slice){text, strlen(text)});
}

static int run_shards(struct job *j, uint32_t stage)
{
    struct mill_shuffle *shuffles[JOB_HOSTS_MAX];
    struct mill_top *tops[JOB_HOSTS_MAX];
    for (uint32_t i = 0; i < j->host_count; i++) {
        shuffles[i] = &j->hosts[i]->shuffles[stage];
        tops[i] = &j->hosts[i]->tops[stage];
    }
    const struct graph_stage *s = &j->graph.stages[stage];
    bool is_single = s->is_global || s->kind == STAGE_TOP;
    if (s->kind == STAGE_TOP) {
        top_merge(tops, j->host_count);
    }
    int rc = 0;
    for (uint32_t shard = 0; shard < SHARD_COUNT && rc == 0; shard++) {
        struct stage_task task = {
            .stage = stage,
            .shard = shard,
            .shuffles = shuffles,
            .tops = tops,
            .worker_count = j->host_count,
            .operator_number = (uint16_t)(stage + 1),
            .store = j->store,
            .delta = &j->delta,
            .before_ms = j->before_ms,
            .watermark_ms = j->watermark_ms,
            .stored_until_ms = INT64_MAX,
        };
        if (!is_single || shard == graph_global_shard()) {
            rc = stage_run(j->hosts[shard % j->host_count], &task, &j->error);
        }
    }
    return rc;
}

int job_finish(struct job *j)
{
    int rc = 0;
    j->error = (struct error){0};
    for (uint32_t stage = 0; stage < j->graph.stage_count && rc == 0; stage++) {
        for (uint32_t i = 0; i < j->host_count && rc == 0; i++) {
            rc = host_seal_stage(j->hosts[i], stage, &j->error);
        }
        rc = rc == 0 ? run_shards(j, stage) : rc;
    }
    return rc;
}

void job_commit(struct job *j)
{
    struct epoch_record record = {.number = j->epoch.number};
    struct store_batch *batch = store_batch_create();
    assert_int_equal(delta_commit_into(&j->delta, batch, &record, NULL), 0);
    assert_int_equal(store_write(j->store, batch, true, NULL), 0);
    assert_int_equal(delta_committed(&j->delta, &record, NULL), 0);
    j->before_ms = j->watermark_ms;
    store_batch_destroy(batch);
}

void job_epoch(struct job *j, const char *json)
{
    job_begin(j);
    int rc = job_values(j, 0, json);
    rc = rc == 0 ? job_finish(j) : rc;
    if (rc != 0) {
        fail_msg("%s", j->error.message);
    }
    job_commit(j);
}

/* --- results --- */

static char *next_text(void)
{
    static char *texts[4];
    static int turn;
    char **text = &texts[turn++ % 4];
    memory_free(*text);
    *text = memory_alloc(TEXT_BYTES);
    return *text;
}

/* Without their keys (print). */
static const char *read_keyed(struct mill_rows *const *rows, uint32_t count)
{
    struct rows_reader reader;
    struct rows_cursor cursor;
    struct slice key;
    struct slice row;
    char *text = next_text();
    size_t size = 0;
    rows_reader_open(&reader, rows, count);
    rows_cursor_init(&cursor, &reader);
    while (rows_cursor_next(&cursor, ROWS_KEYED, &key, &row, NULL) == 1) {
        assert_true(size + row.size + 1 < TEXT_BYTES);
        memcpy(text + size, row.data, row.size);
        size += row.size;
        text[size++] = '\n';
    }
    rows_cursor_deinit(&cursor);
    rows_reader_close(&reader);
    text[size] = '\0';
    return text;
}

static const char *read_rows(struct mill_rows *const *rows, uint32_t count)
{
    if (rows[0]->framing == ROWS_KEYED) {
        return read_keyed(rows, count);
    }
    struct rows_reader reader;
    struct slice bytes;
    char *text = next_text();
    size_t size = 0;
    rows_reader_open(&reader, rows, count);
    while (rows_reader_bytes(&reader, &bytes, NULL) == 1) {
        assert_true(size + bytes.size < TEXT_BYTES);
        memcpy(text + size, bytes.data, bytes.size);
        size += bytes.size;
    }
    rows_reader_close(&reader);
    text[size] = '\0';
    return text;
}

const char *job_rows(struct job *j, uint32_t output)
{
    struct mill_rows *rows[JOB_HOSTS_MAX];
    for (uint32_t i = 0; i < j->host_count; i++) {
        rows[i] = &j->hosts[i]->rows[output];
    }
    return read_rows(rows, j->host_count);
}

const char *job_dead(struct job *j)
{
    struct mill_rows *rows[JOB_HOSTS_MAX];
    for (uint32_t i = 0; i < j->host_count; i++) {
        rows[i] = &j->hosts[i]->dead;
    }
    return read_rows(rows, j->host_count);
}

/* The text behind a field's name up to a quote that is not escaped. */
static int copy_field(char *to, size_t room, const char *line, const char *field)
{
    const char *start = strstr(line, field);
    if (start == NULL) {
        return snprintf(to, room, "?");
    }
    start += strlen(field);
    size_t size = 0;
    while (start[size] != '"' && start[size] != '\0') {
        size += start[size] == '\\' ? 2 : 1;
    }
    return snprintf(to, room, "%.*s", (int)size, start);
}

const char *job_letters(struct job *j)
{
    const char *line = job_dead(j);
    char *text = next_text();
    size_t size = 0;
    text[0] = '\0';
    while (*line != '\0') {
        size += (size_t)copy_field(text + size, TEXT_BYTES - size, line, "\"operator\":\"");
        size += (size_t)snprintf(text + size, TEXT_BYTES - size, ": ");
        size += (size_t)copy_field(text + size, TEXT_BYTES - size, line, "\"reason\":\"");
        size += (size_t)snprintf(text + size, TEXT_BYTES - size, "\n");
        line += strcspn(line, "\n") + 1;
    }
    return text;
}

/* --- values --- */

static uint32_t count_elements(const char *at)
{
    uint32_t count = 0;
    int depth = 0;
    bool any = false;
    for (; !(depth == 0 && *at == ']'); at++) {
        if (*at == '"') {
            at += strcspn(at + 1, "\"") + 1;
        }
        depth += *at == '[' ? 1 : *at == ']' ? -1 : 0;
        count += *at == ',' && depth == 0;
        any = any || *at != ' ';
    }
    return any ? count + 1 : 0;
}

/* @return behind the value */
static const char *add_value(const char *at, struct buffer *into)
{
    at += strspn(at, " ,");
    if (*at == '[') {
        msgpack_add_array(into, count_elements(++at));
        while (*at != ']') {
            at = add_value(at, into);
            at += strspn(at, " ,");
        }
        return at + 1;
    }
    if (*at == '"') {
        size_t size = strcspn(at + 1, "\"");
        msgpack_add_string(into, at + 1, size);
        return at + size + 2;
    }
    if (strncmp(at, "true", 4) == 0 || strncmp(at, "false", 5) == 0) {
        msgpack_add_boolean(into, *at == 't');
        return at + (*at == 't' ? 4 : 5);
    }
    if (strncmp(at, "null", 4) == 0) {
        msgpack_add_nil(into);
        return at + 4;
    }
    char *behind = NULL;
    msgpack_add_number(into, strtod(at, &behind));
    assert_true(behind > at);
    return behind;
}

void job_msgpack(const char *json, struct buffer *into)
{
    buffer_init(into, 64 * MIB);
    (void)add_value(json, into);
    assert_false(into->failed);
}

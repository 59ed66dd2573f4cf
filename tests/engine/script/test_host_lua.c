/* Goal: a host's Lua state is the job's script with its segments; a fresh one takes the place of a
 * lost one; what a script does at load is limited and watched. Method: hosts that are made,
 * renewed, traced; scripts that are wrong at load. */
#include <string.h>

#include "job_world.h"
#include "script/host_lua.h"

static int make(struct job *j, const char *options, const char *script, const char *then)
{
    struct host *h = NULL;
    if (job_plan(j, options, script) != 0) {
        fail_msg("%s", j->error.message);
    }
    if (then != NULL) {
        source_text_deinit(&j->source);
        source_text_init(&j->source, "job.lua", NULL, (struct slice){then, strlen(then)});
    }
    struct host_options o = {.modules = embedded_modules,
                             .source = &j->source,
                             .graph = &j->graph,
                             .spill_folder = j->folder,
                             .capture = true};
    int rc = host_create(&o, &h, &j->error);
    if (rc == 0) {
        host_destroy(h);
    }
    return rc;
}

static void the_stack_is_empty_between_calls(void **state)
{
    struct job *j = *state;
    job_open(j, "values:map_to_pair(function(v) return v, {v} end)"
                ":reduce_by_key(function(a) return a end):to_stdout()");
    for (int epoch = 0; epoch < 3; epoch++) {
        job_epoch(j, "[1,2,3]");
        host_relieve_caches(j->hosts[0]);
        assert_true(lua_gettop(j->hosts[0]->lua.L) < 4);
    }
}

static void a_script_that_does_not_end_is_stopped(void **state)
{
    struct job *j = *state;
    assert_int_equal(make(j, "deadline = '100ms'", "values:print()", "while true do end"),
                     MILL_ESCRIPT);
    assert_string_equal(j->error.message,
                        "the script takes longer to load than a function may take");
}

static void a_script_may_take_longer_than_a_record(void **state)
{
    struct job *j = *state;
    job_open_with(j, "deadline = '50ms'",
                  "local n = 0 for i = 1, 3e7 do n = (n + i) % 7 end values:to_stdout()", 1);
    job_epoch(j, "[1,2]");
    assert_string_equal(job_rows(j, 0), "1\n2\n");
}

static void a_script_that_eats_memory_is_stopped(void **state)
{
    struct job *j = *state;
    int rc = make(j, "memory_max = '16MiB'", "values:print()",
                  "local t = {} for i = 1, 1e9 do t[i] = {i} end");
    assert_int_equal(rc, MILL_ESCRIPT);
    assert_string_equal(j->error.message, "the script needs more memory than memory_max allows");
}

static void a_renewed_state_is_as_the_first(void **state)
{
    struct job *j = *state;
    job_open(j, "local n = 0\n"
                "values:map(function(v) n = n + 1 return {v, n} end):to_stdout()");
    job_epoch(j, "[1,2]");
    assert_string_equal(job_rows(j, 0), "[1,1]\n[2,2]\n");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(host_renew(j->hosts[0], NULL), 0);
        job_epoch(j, "[1,2]");
        assert_string_equal(job_rows(j, 0), "[1,1]\n[2,2]\n");
    }
}

static void what_was_compiled_is_reported(void **state)
{
    struct job *j = *state;
    struct buffer b;
    buffer_init(&b, 1 << 20);
    j->trace = true;
    job_open(j, "values:map(function(v) return v + 1 end):reduce(mill.sum):to_stdout()\n"
                "values:map(function(v) local f = function() return v end return f() end)"
                ":reduce(mill.sum):to_stdout()");
    char *json = memory_alloc(200000);
    size_t size = 0;
    for (int i = 0; i < 30000; i++) {
        json[size++] = i == 0 ? '[' : ',';
        json[size++] = '1';
    }
    memcpy(json + size, "]", 2);
    job_epoch(j, json);
    memory_free(json);
    assert_int_equal(host_trace_report(j->hosts[0], &b, &j->error), 0);
    assert_int_equal(buffer_append_byte(&b, 0), 0);
    assert_non_null(strstr(b.data, "segment 1: compiled"));
    assert_non_null(strstr(b.data, "gave up at job.lua:2: NYI: bytecode FNEW"));
    assert_non_null(strstr(b.data, "make it once, outside"));
    buffer_deinit(&b);
}

static void a_report_names_the_fields_that_are_read(void **state)
{
    struct job *j = *state;
    struct buffer b;
    buffer_init(&b, 1 << 20);
    j->trace = true;
    job_open(j, "job:file_stream('a', {format = 'json'})"
                ":filter(function(e) return e.type == 'view' end)"
                ":map_to_pair(function(e) return e.ad, e end):reduce_by_key(mill.sum):to_stdout()\n"
                "job:file_stream('b', {format = 'json'}):count():to_stdout()");
    static const char line[] = "{\"type\":1,\"ad\":12}\n";
    size_t size = sizeof line - 1;
    char *text = memory_alloc(size * 10000 + 1);
    for (size_t i = 0; i < 10000; i++) {
        memcpy(text + size * i, line, size + 1);
    }
    job_begin(j);
    assert_int_equal(job_lines(j, 0, text), 0);
    memory_free(text);
    assert_int_equal(host_trace_report(j->hosts[0], &b, &j->error), 0);
    assert_int_equal(buffer_append_byte(&b, 0), 0);
    assert_non_null(strstr(b.data, "segment 1: compiled"));
    assert_non_null(strstr(b.data, "file_stream at job.lua:1 reads the fields type\n"));
    assert_null(strstr(b.data, "file_stream at job.lua:2 reads"));
    buffer_deinit(&b);
}

static void outputs_are_json_in_capture(void **state)
{
    struct job *j = *state;
    job_open(j, "values:print()\nvalues:to_files('x', {format = 'text'})\n"
                "values:for_each_batch(function() end)\nvalues:save_as_text_files('y')");
    job_epoch(j, "[1,\"a\"]");
    for (uint32_t i = 0; i < 4; i++) {
        assert_string_equal(job_rows(j, i), "1\n\"a\"\n");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, job_begin_test, job_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_stack_is_empty_between_calls),        TEST(a_script_that_does_not_end_is_stopped),
        TEST(a_script_may_take_longer_than_a_record),  TEST(a_script_that_eats_memory_is_stopped),
        TEST(a_renewed_state_is_as_the_first),         TEST(what_was_compiled_is_reported),
        TEST(a_report_names_the_fields_that_are_read), TEST(outputs_are_json_in_capture),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

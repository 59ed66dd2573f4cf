/* Goal: every record of a block goes through every segment that reads it, in order, with its
 * position; and a steady job allocates nothing, in C and in Lua. Method: text and values of many
 * shapes; a million words with the allocations counted. */
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "io/file_source.h"
#include "job_world.h"
#include "script/block_run.h"

static void run_lines(struct job *j, const char *text)
{
    job_begin(j);
    if (job_lines(j, 0, text) != 0 || job_finish(j) != 0) {
        fail_msg("%s", j->error.message);
    }
}

/* --- text --- */

static void lines_come_in_order_without_their_ends(void **state)
{
    struct job *j = *state;
    job_open(j, "lines:to_stdout()");
    run_lines(j, "a\n\nb b\r\nlast");
    assert_string_equal(job_rows(j, 0), "\"a\"\n\"\"\n\"b b\"\n\"last\"\n");
    assert_int_equal(j->hosts[0]->records, 4);
    run_lines(j, "");
    assert_string_equal(job_rows(j, 0), "");
}

static void more_lines_than_a_chunk_are_all_there(void **state)
{
    struct job *j = *state;
    char *text = memory_alloc(2000000);
    size_t size = 0;
    for (int i = 0; i < 20000; i++) {
        size += (size_t)sprintf(text + size, "line %d\n", i);
    }
    job_open(j, "lines:count():to_stdout()\nlines:flat_map(mill.words):count():to_stdout()\n"
                "lines:map(function(l) return #l end):reduce(mill.sum):to_stdout()");
    run_lines(j, text);
    assert_string_equal(job_rows(j, 0), "20000\n");
    assert_string_equal(job_rows(j, 1), "40000\n");
    char expected[32];
    snprintf(expected, sizeof expected, "%zu\n", size - 20000);
    assert_string_equal(job_rows(j, 2), expected);
    memory_free(text);
}

static void words_of_several_splitters_are_read_side_by_side(void **state)
{
    struct job *j = *state;
    job_open(j, "lines:flat_map(mill.words):to_stdout()\n"
                "lines:flat_map(mill.split(',')):to_stdout()\n"
                "lines:flat_map(mill.words):count_by_value():to_stdout()");
    run_lines(j, "a,b c\n\n c ,");
    assert_string_equal(job_rows(j, 0), "\"a,b\"\n\"c\"\n\"c\"\n\",\"\n");
    assert_string_equal(job_rows(j, 1), "\"a\"\n\"b c\"\n\"\"\n\" c \"\n\"\"\n");
    assert_non_null(strstr(job_rows(j, 2), "[\"c\",2]\n"));
}

/* --- values --- */

static void values_come_as_they_are(void **state)
{
    struct job *j = *state;
    job_open(j, "values:to_stdout()");
    job_epoch(j, "[1,-2.5,\"text\",true,[1,[\"x\"]],[]]");
    assert_string_equal(job_rows(j, 0), "1\n-2.5\n\"text\"\ntrue\n[1,[\"x\"]]\n[]\n");
}

static void a_batch_that_is_no_list_is_damage(void **state)
{
    struct job *j = *state;
    job_open(j, "values:to_stdout()");
    job_begin(j);
    struct source_block block = {.end = 1, .values = {"\x05", 1}};
    assert_int_equal(job_block(j, 0, &block), MILL_ECORRUPT);
    block.values = (struct slice){"\x92\x01", 2};
    assert_int_equal(job_block(j, 0, &block), MILL_ECORRUPT);
}

/* --- counters --- */

static void what_an_operator_takes_is_what_it_gives_and_loses(void **state)
{
    struct job *j = *state;
    job_open(j, "values:filter(function(v) return v % 2 == 0 end)"
                ":map(function(v) if v % 3 == 0 then error('no', 0) end return v end)"
                ":flat_map(function(v) return {v, v, v} end):to_stdout()");
    job_epoch(j, "[1,2,3,4,5,6,7,8]");
    const struct mill_counter *c = j->hosts[0]->counters;
    assert_int_equal(c[1].out, 8);
    assert_int_equal(c[3].filtered, 4);
    assert_int_equal(c[4].dead, 1);
    assert_int_equal(c[5].elements, 9);
    assert_int_equal(c[6].elements, 9);
}

/* --- real files --- */

static void a_file_s_block_is_read_with_its_offsets(void **state)
{
    struct job *j = *state;
    char *folder = folder_create();
    char path[300];
    snprintf(path, sizeof path, "%s/a.log", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("one\ntwo\nbad\nlast", f);
    fclose(f);
    job_open(j, "lines:map(function(l) if l == 'bad' then error('no', 0) end return l end)"
                ":to_stdout()");
    struct file_source_options options = {
        .folder = folder, .pattern = "*", .still_ms = 1, .once = true, .index = 0, .store_id = 1};
    struct source *source = NULL;
    struct source_block block;
    struct source_done done;
    uint64_t bytes = 0;
    assert_int_equal(file_source_open(&options, j->store, &source, NULL), 0);
    assert_int_equal(source_poll(source, 1, NULL), 0);
    assert_int_equal(source_plan(source, UINT64_MAX, &bytes, NULL), 0);
    assert_int_equal(bytes, 16);
    job_begin(j);
    assert_int_equal(source_next_block(source, &block, NULL), 1);
    assert_int_equal(block_run(j->hosts[0], &block, &done, &j->error), 0);
    assert_true(done.next == 16 && done.bytes == 16);
    assert_string_equal(job_rows(j, 0), "\"one\"\n\"two\"\n\"last\"\n");
    assert_non_null(strstr(job_dead(j), "\"offset\":8,\"record\":\"bad\"}"));
    assert_non_null(strstr(job_dead(j), "a.log\""));
    source_block_done(source, &block, &done);
    source_close(source);
    folder_remove(folder);
}

/* --- allocations --- */

/* Text of `count` words, of which 5,000 differ, eight a line. @owns the caller */
static char *many_words(uint32_t count)
{
    char *text = memory_alloc((size_t)count * 8 + 1);
    size_t size = 0;
    struct chance chance = {3};
    for (uint32_t i = 0; i < count; i++) {
        size += (size_t)sprintf(text + size, "w%u%c", chance_below(&chance, 5000),
                                i % 8 == 7 ? '\n' : ' ');
    }
    return text;
}

static double lua_kib(struct job *j)
{
    lua_State *L = j->hosts[0]->lua.L;
    return lua_gc(L, LUA_GCCOUNT, 0) + lua_gc(L, LUA_GCCOUNTB, 0) / 1024.0;
}

/* @return allocations of C in the second epoch; *kib: what the Lua heap grew by meanwhile */
static uint64_t steady_allocations(struct job *j, const char *script, const char *text, double *kib)
{
    job_open(j, script);
    uint64_t before = 0;
    double before_kib = 0;
    for (int epoch = 0; epoch < 3; epoch++) {
        job_begin(j);
        lua_gc(j->hosts[0]->lua.L, LUA_GCCOLLECT, 0);
        lua_gc(j->hosts[0]->lua.L, LUA_GCSTOP, 0);
        before = memory_allocation_count();
        before_kib = lua_kib(j);
        struct source_block block = {.source = 0, .end = 1, .values = {text, strlen(text)}};
        assert_int_equal(job_block(j, 0, &block), 0);
        *kib = lua_kib(j) - before_kib;
        before = memory_allocation_count() - before;
        lua_gc(j->hosts[0]->lua.L, LUA_GCRESTART, 0);
        assert_int_equal(job_finish(j), 0);
    }
    return before;
}

static void a_steady_word_count_allocates_nothing(void **state)
{
    if (UNDER_TSAN) {
        return; /* an interpreted loop allocates */
    }
    struct job *j = *state;
    const uint32_t count = 1000000;
    char *text = many_words(count);
    static const char *const scripts[] = {
        "lines:flat_map(mill.words):count_by_value():to_stdout()",
        "lines:flat_map(mill.words):map_to_pair(function(w) return w, 1 end)"
        ":reduce_by_key(function(a, b) return a + b end):to_stdout()",
        "lines:flat_map(mill.words):filter(function(w) return w ~= 'w1' end)"
        ":map_to_pair(function(w) return w, 1 end):reduce_by_key(mill.sum):to_stdout()",
    };
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        double kib = 0;
        uint64_t allocations = steady_allocations(j, scripts[i], text, &kib);
        /* A call has a pointer or two of its own; a record has nothing. */
        uint64_t calls = count / LIMIT_CHUNK_RECORDS_MAX + 1;
        assert_true(allocations <= 4 * calls);
        assert_true(kib * 1024 < 128.0 * (double)calls);
    }
    memory_free(text);
}

/* --- records --- */

#define EVENTS "local events = job:file_stream('in', {format = 'json'}) "

static char *many_events(uint32_t count)
{
    char *text = memory_alloc((size_t)count * 80 + 1);
    size_t size = 0;
    struct chance chance = {5};
    for (uint32_t i = 0; i < count; i++) {
        size += (size_t)sprintf(text + size, "{\"ad\":\"ad%u\",\"type\":\"%s\",\"n\":%u.5}\n",
                                chance_below(&chance, 1000),
                                chance_below(&chance, 3) == 0 ? "view" : "click", i);
    }
    return text;
}

/* A view that the script does not keep is never made. */
static void a_steady_job_of_records_allocates_nothing(void **state)
{
    if (UNDER_TSAN) {
        return; /* an interpreted loop allocates */
    }
    struct job *j = *state;
    const uint32_t count = 200000;
    char *text = many_events(count);
    static const char *const scripts[] = {
        EVENTS "events:filter(function(e) return e.type == 'view' end)"
               ":map_to_pair(function(e) return e.ad, 1 end)"
               ":reduce_by_key(function(a, b) return a + b end):to_stdout()",
        EVENTS "events:map(function(e) return e.n end):filter(function(n) return n > 10 end)"
               ":reduce(mill.max):to_stdout()",
        EVENTS "events:filter(function(e) return e.missing == nil end):count():to_stdout()",
    };
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        double kib = 0;
        uint64_t allocations = steady_allocations(j, scripts[i], text, &kib);
        uint64_t calls = count / LIMIT_CHUNK_RECORDS_MAX + 1;
        assert_true(allocations <= 4 * calls);
        assert_true(kib * 1024 < 256.0 * (double)calls);
    }
    memory_free(text);
}

static void a_running_value_is_a_view_until_the_epoch_ends(void **state)
{
    struct job *j = *state;
    job_open(j, "local kept " EVENTS "events:map_to_pair(function(e) return e.k, e end)"
                ":reduce_by_key(function(a, b) kept = kept or a return kept.n < b.n and b or a end)"
                ":map_values(function(e) return e.n end):to_stdout()");
    job_begin(j);
    assert_int_equal(job_lines(j, 0, "{\"k\":1,\"n\":1}\n{\"k\":1,\"n\":2}\n"), 0);
    assert_int_equal(job_lines(j, 0, "{\"k\":1,\"n\":3}\n"), 0);
    assert_int_equal(job_finish(j), 0);
    assert_string_equal(job_rows(j, 0), "[1,3]\n");
    job_begin(j);
    assert_int_equal(job_lines(j, 0, "{\"k\":1,\"n\":7}\n{\"k\":1,\"n\":8}\n"), 0);
    assert_int_equal(job_finish(j), 0);
    assert_string_equal(job_rows(j, 0), "[1,7]\n");
    assert_string_equal(job_letters(j),
                        "reduce_by_key at job.lua:1: job.lua:1: view used after its "
                        "call; keep mill.copy(e)\n");
}

/* Two records of a table that is full: it goes to disk between them. */
static void a_full_table_of_records_goes_to_disk(void **state)
{
    struct job *j = *state;
    job_open_with(j, "shuffle_memory = '1MiB'",
                  EVENTS "events:map_to_pair(function(e) return e.k, e end)"
                         ":reduce_by_key(function(a, b) return a.n > b.n and a or b end)"
                         ":map_values(function(e) return e.n end):to_stdout()",
                  1);
    char *text = memory_alloc(300 * 20000);
    size_t size = 0;
    for (int i = 0; i < 20000; i++) {
        size +=
            (size_t)sprintf(text + size, "{\"k\":%d,\"n\":%d,\"pad\":\"%200d\"}\n", i % 3, i, 0);
    }
    job_begin(j);
    assert_int_equal(job_lines(j, 0, text), 0);
    assert_true(j->hosts[0]->shuffles[0].run_count > 0);
    assert_int_equal(job_finish(j), 0);
    assert_string_equal(job_rows(j, 0), "[1,19999]\n[0,19998]\n[2,19997]\n");
    assert_string_equal(job_letters(j), "");
    memory_free(text);
}

static void records_of_a_file_have_their_offsets(void **state)
{
    struct job *j = *state;
    job_open(j, EVENTS "events:map(function(e) return e.a.b end):to_stdout()");
    job_begin(j);
    assert_int_equal(job_lines(j, 0, "\xef\xbb\xbf{\"a\":{\"b\":1}}\r\n\n{\"x\":1}\n[]\n"), 0);
    assert_int_equal(job_finish(j), 0);
    assert_string_equal(job_rows(j, 0), "1\n");
    assert_non_null(strstr(job_dead(j), "\"offset\":19,\"record\":\"{\\\"x\\\":1}\""));
    assert_non_null(strstr(job_dead(j), "\"offset\":27,\"record\":\"[]\""));
}

/* Where a chunk stood, the next one stands: a string that was read there says nothing any more. */
static void a_string_is_that_of_the_chunk_that_runs(void **state)
{
    struct job *j = *state;
    char text[] = "{\"s\":\"a string that is too long for a number\"}\n";
    job_open(j, EVENTS "events:filter(function(e) return e.s ~= '' end)"
                       ":map(function(e) return e.s .. #e.s end):to_stdout()");
    run_lines(j, text);
    assert_string_equal(job_rows(j, 0), "\"a string that is too long for a number38\"\n");
    text[6] = 'b';
    run_lines(j, text);
    assert_string_equal(job_rows(j, 0), "\"b string that is too long for a number38\"\n");
    memcpy(text + 38, "\"} \n\n\n\n\n", 9);
    run_lines(j, text);
    assert_string_equal(job_rows(j, 0), "\"b string that is too long for a 32\"\n");
}

static void raise_once(lua_State *L, lua_Debug *frame)
{
    (void)frame;
    lua_sethook(L, NULL, 0, 0);
    luaL_error(L, "stopped");
}

/* The watchdog stops a function at any instruction, and for memory's sake it is called again: here
 * by the script. */
static void a_read_that_is_stopped_leaves_no_other_string_behind(void **state)
{
    struct job *j = *state;
    int survived = 0;
    job_open(j, EVENTS "local function read(e) return e.a .. e.b .. e.a end "
                       "events:map(function(e) pcall(read, e) return e.a .. e.b end):to_stdout()");
    for (int n = 1; n < 200; n++) {
        char text[100];
        char wanted[100];
        (void)sprintf(text, "{\"a\":\"a of %d, a long string\",\"b\":\"b of %d, a long string\"}\n",
                      n, n);
        (void)sprintf(wanted, "\"a of %d, a long stringb of %d, a long string\"\n", n, n);
        lua_sethook(j->hosts[0]->lua.L, raise_once, LUA_MASKCOUNT, n);
        run_lines(j, text);
        bool is_refused = *job_rows(j, 0) == '\0'; /* stopped outside of pcall: a dead letter */
        if (!is_refused) {
            assert_string_equal(job_rows(j, 0), wanted);
        }
        survived += !is_refused;
    }
    assert_true(survived > 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, job_begin_test, job_end_test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_come_in_order_without_their_ends),
        TEST(more_lines_than_a_chunk_are_all_there),
        TEST(words_of_several_splitters_are_read_side_by_side),
        TEST(values_come_as_they_are),
        TEST(a_batch_that_is_no_list_is_damage),
        TEST(what_an_operator_takes_is_what_it_gives_and_loses),
        TEST(a_file_s_block_is_read_with_its_offsets),
        TEST(a_steady_word_count_allocates_nothing),
        TEST(a_steady_job_of_records_allocates_nothing),
        TEST(a_running_value_is_a_view_until_the_epoch_ends),
        TEST(a_full_table_of_records_goes_to_disk),
        TEST(records_of_a_file_have_their_offsets),
        TEST(a_string_is_that_of_the_chunk_that_runs),
        TEST(a_read_that_is_stopped_leaves_no_other_string_behind),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

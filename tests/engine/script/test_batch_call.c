/* Goal: a for_each_batch function gets its rows, time and epoch as often as it goes through them,
 * from memory or a file; its errors come back; a state that ran past its timeout is replaced.
 * Method: functions that fail unless they got what they should have. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "data/msgpack.h"
#include "job_world.h"
#include "script/batch_call.h"

struct fixture {
    struct job *job;
    struct batch_caller caller;
    struct error e;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    void *job = NULL;
    job_begin_test(&job);
    x->job = job;
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    void *job = x->job;
    batch_caller_deinit(&x->caller);
    job_end_test(&job);
    memory_free(x);
    return 0;
}

/* A job whose only output is for_each_batch(f). */
static void open_job(struct fixture *x, const char *stream, const char *f, const char *options)
{
    char script[2000];
    snprintf(script, sizeof script, "%s:for_each_batch(%s%s)", stream, f, options);
    if (job_plan(x->job, "", script) != 0) {
        fail_msg("%s", x->job->error.message);
    }
    struct lua_options lua = {.modules = embedded_modules, .memory_max = 64 << 20};
    batch_caller_init(&x->caller, &x->job->graph, &x->job->source, &lua, NULL);
}

/* Rows of numbers 1 to count, framed; or pairs {i, i * 10}. */
static void make_rows(struct buffer *b, uint32_t count, bool is_keyed)
{
    buffer_init(b, 64 << 20);
    for (uint32_t i = 1; i <= count; i++) {
        struct buffer row;
        buffer_init(&row, 100);
        if (is_keyed) {
            msgpack_add_array(&row, 2);
            msgpack_add_number(&row, i);
            msgpack_add_number(&row, i * 10);
        } else {
            msgpack_add_number(&row, i);
        }
        assert_int_equal(bytes_add_string(b, row.data, row.size), 0);
        buffer_deinit(&row);
    }
}

static int call(struct fixture *x, uint32_t count, bool is_keyed)
{
    struct buffer b;
    make_rows(&b, count, is_keyed);
    struct manifest m = {.epoch = 7,
                         .time_ms = 5000,
                         .is_keyed = is_keyed,
                         .row_count = count,
                         .byte_count = b.size,
                         .rows = {b.data, b.size}};
    x->e = (struct error){0};
    int rc = batch_call(&x->caller, 0, &m, NULL, &x->e);
    buffer_deinit(&b);
    return rc;
}

static void is_called_well(struct fixture *x, uint32_t count, bool is_keyed)
{
    if (call(x, count, is_keyed) != 0) {
        fail_msg("%s", x->e.message);
    }
}

static void rows_time_and_epoch_are_given(void **state)
{
    struct fixture *x = *state;
    open_job(x, "values",
             "function(rows, time, epoch)\n"
             "   assert(time == 5000 and epoch == 7 and rows:count() == 3)\n"
             "   local sum = 0\n"
             "   for v in rows:each() do sum = sum + v end\n"
             "   for v in rows:each() do sum = sum + v end\n"
             "   assert(sum == 12, sum)\n"
             "   assert(mill.now() == 5000)\n"
             "end",
             "");
    is_called_well(x, 3, false);
}

/* Records are views, however the rows are gone through; not beyond the call. */
static void rows_that_are_records_are_views(void **state)
{
    struct fixture *x = *state;
    open_job(x, "values",
             "function(rows)\n"
             "   assert(kept == nil or not pcall(function() return kept.user.name end))\n"
             "   local list = rows:collect()\n"
             "   local again = rows:first()\n"
             "   collectgarbage()\n"
             "   assert(list[1].user.name == 'ann' and list[2].user.name == 'bob')\n"
             "   assert(again.user.name == 'ann' and mill.copy(again).user.name == 'ann')\n"
             "   kept = list[1]\n"
             "end",
             "");
    struct buffer b;
    buffer_init(&b, 1000);
    const char *names[] = {"ann", "bob"};
    for (int i = 0; i < 2; i++) {
        char json[50];
        struct buffer row;
        buffer_init(&row, 100);
        int size = snprintf(json, sizeof json, "{\"user\":{\"name\":\"%s\"}}", names[i]);
        msgpack_add_record(&row, json, (size_t)size);
        assert_int_equal(bytes_add_string(&b, row.data, row.size), 0);
        buffer_deinit(&row);
    }
    struct manifest m = {.row_count = 2, .byte_count = b.size, .rows = {b.data, b.size}};
    for (int i = 0; i < 2; i++) {
        if (batch_call(&x->caller, 0, &m, NULL, &x->e) != 0) {
            fail_msg("%s", x->e.message);
        }
    }
    buffer_deinit(&b);
}

static void pairs_come_as_key_and_value(void **state)
{
    struct fixture *x = *state;
    open_job(x, "values:map_to_pair(function(v) return v, v end)",
             "function(rows)\n"
             "   for k, v in rows:each() do assert(v == k * 10) end\n"
             "   assert(rows:to_table()[2] == 20 and rows:first()[2] == 10)\n"
             "   assert(#rows:take(2) == 2 and rows:collect()[3][1] == 3)\n"
             "end",
             "");
    is_called_well(x, 3, true);
}

static void a_batch_without_rows_is_empty(void **state)
{
    struct fixture *x = *state;
    open_job(x, "values",
             "function(rows)\n"
             "   for _ in rows:each() do error('a row') end\n"
             "   assert(rows:first() == nil and #rows:collect() == 0)\n"
             "end",
             "");
    is_called_well(x, 0, false);
}

/* Rows of numbers 1 to count in a file. @param path  out @return their bytes */
static uint64_t write_rows(const struct fixture *x, uint32_t count, char path[300])
{
    struct buffer b;
    make_rows(&b, count, false);
    uint64_t size = b.size;
    snprintf(path, 300, "%s/rows", x->job->folder);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b.data, 1, b.size, f), b.size);
    fclose(f);
    buffer_deinit(&b);
    return size;
}

static void many_rows_come_from_a_file(void **state)
{
    struct fixture *x = *state;
    char path[300];
    open_job(x, "values",
             "function(rows)\n"
             "   local n = 0\n"
             "   for v in rows:each() do n = n + 1 assert(v == n) end\n"
             "   assert(n == rows:count())\n"
             "   assert(rows:take(2)[2] == 2)\n"
             "end",
             "");
    uint64_t size = write_rows(x, 200000, path);
    struct manifest m = {.row_count = 200000, .byte_count = size};
    int rc = batch_call(&x->caller, 0, &m, path, &x->e);
    if (rc != 0) {
        fail_msg("%s", x->e.message);
    }
    m.row_count++;
    FILE *f = fopen(path, "ab");
    fputs("\177\177", f);
    fclose(f);
    assert_int_equal(batch_call(&x->caller, 0, &m, path, &x->e), MILL_EFAILED);
    assert_int_equal(remove(path), 0);
    assert_int_equal(batch_call(&x->caller, 0, &m, path, &x->e), MILL_EFAILED);
    assert_non_null(strstr(x->e.message, "cannot open"));
}

static uint32_t count_descriptors(void)
{
    uint32_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

/* They stayed open, with a deleted file behind each, until Lua happened to collect. */
static void rows_that_are_left_early_are_closed_with_the_call(void **state)
{
    struct fixture *x = *state;
    char path[300];
    open_job(x, "values",
             "function(rows)\n"
             "   assert(rows:first() == 1)\n"
             "   for v in rows:each() do if v == 2 then break end end\n"
             "   local next_row = rows:each()\n"
             "   while next_row() do end\n"
             "   assert(next_row() == nil and next_row() == nil)\n"
             "end",
             "");
    (void)write_rows(x, 1000, path);
    struct manifest m = {.row_count = 1000};
    uint32_t before = count_descriptors();
    for (int i = 0; i < 20; i++) {
        if (batch_call(&x->caller, 0, &m, path, &x->e) != 0) {
            fail_msg("%s", x->e.message);
        }
        assert_int_equal(count_descriptors(), before);
    }
}

static void damaged_rows_are_said(void **state)
{
    struct fixture *x = *state;
    open_job(x, "values", "function(rows) for _ in rows:each() do end end", "");
    const struct slice damaged[] = {{"\0\0\0\5\1", 5}, {"\0\0\0\1\xc1", 5}};
    for (int i = 0; i < 2; i++) {
        struct manifest m = {.row_count = 1, .rows = damaged[i]};
        assert_int_equal(batch_call(&x->caller, 0, &m, NULL, &x->e), MILL_EFAILED);
        assert_non_null(strstr(x->e.message, i == 0 ? "cut short" : "damaged"));
    }
}

static void its_error_comes_back_with_frames(void **state)
{
    struct fixture *x = *state;
    open_job(x, "values", "function(rows)\n   error('database is down')\nend", "");
    assert_int_equal(call(x, 1, false), MILL_EFAILED);
    assert_string_equal(x->e.message, "job.lua:2: database is down\n\tat job.lua:2");
    assert_int_equal(x->e.code, MILL_EFAILED);
    assert_int_equal(call(x, 1, false), MILL_EFAILED);
}

static void its_state_lives_from_batch_to_batch(void **state)
{
    struct fixture *x = *state;
    open_job(x, "values",
             "(function() local n = 0 return function() n = n + 1"
             " if n == 3 then error('third', 0) end end end)()",
             "");
    is_called_well(x, 1, false);
    is_called_well(x, 1, false);
    assert_int_equal(call(x, 1, false), MILL_EFAILED);
    is_called_well(x, 1, false);
}

static void rows_that_are_kept_raise_an_error(void **state)
{
    struct fixture *x = *state;
    open_job(x, "values",
             "(function() local kept return function(rows)\n"
             "   if kept then for _ in kept:each() do end end\n"
             "   kept = rows\n"
             "end end)()",
             "");
    is_called_well(x, 1, false);
    assert_int_equal(call(x, 1, false), MILL_EFAILED);
    assert_non_null(strstr(x->e.message, "rows used after their call"));
}

static void a_call_past_its_timeout_is_stopped_and_the_next_has_a_fresh_state(void **state)
{
    struct fixture *x = *state;
    if (UNDER_TSAN) {
        return; /* the state compiles */
    }
    open_job(x, "values",
             "(function() local first = true return function(rows)\n"
             "   if rows:count() == 2 then while true do end end\n"
             "   assert(first) first = false\n"
             "end end)()",
             ", {timeout = '100ms'}");
    is_called_well(x, 1, false);
    int64_t begun = clock_elapsed_us();
    assert_int_equal(call(x, 2, false), MILL_EFAILED);
    assert_true(clock_elapsed_us() - begun < 2000000);
    assert_string_equal(x->e.message, "the function ran past its timeout");
    is_called_well(x, 1, false);
}

static void a_call_without_memory_fails_and_the_next_goes_on(void **state)
{
    struct fixture *x = *state;
    open_job(x, "values",
             "function(rows) if rows:count() == 2 then local t = {}"
             " for i = 1, 1e9 do t[i] = {i} end end end",
             "");
    assert_int_equal(call(x, 2, false), MILL_EFAILED);
    assert_non_null(strstr(x->e.message, "memory"));
    is_called_well(x, 1, false);
}

/* A call that goes over the limit and ends: the next that does is again noticed at the limit. */
static void a_call_over_the_limit_does_not_lift_it(void **state)
{
    struct fixture *x = *state;
    open_job(x, "values",
             "function() local s = ('x'):rep(16e6) return table.concat({s, s, s, s, s}) end", "");
    int well = 0;
    for (int i = 0; i < 20; i++) {
        well += call(x, 1, false) == 0;
        assert_false(x->caller.lua.heap.over);
    }
    assert_true(well > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_time_and_epoch_are_given),
        TEST(rows_that_are_records_are_views),
        TEST(pairs_come_as_key_and_value),
        TEST(a_batch_without_rows_is_empty),
        TEST(many_rows_come_from_a_file),
        TEST(rows_that_are_left_early_are_closed_with_the_call),
        TEST(damaged_rows_are_said),
        TEST(its_error_comes_back_with_frames),
        TEST(its_state_lives_from_batch_to_batch),
        TEST(rows_that_are_kept_raise_an_error),
        TEST(a_call_past_its_timeout_is_stopped_and_the_next_has_a_fresh_state),
        TEST(a_call_without_memory_fails_and_the_next_goes_on),
        TEST(a_call_over_the_limit_does_not_lift_it),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

/* Goal: the Lua half can load, run and step a job through tidemill.engine, and gets exit codes and
 * messages; wrong calls are Lua errors.
 * Method: Lua chunks in a control state as the program's. */
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "job_world.h"
#include "run/command.h"
#include "script/lua_state.h"

struct fixture {
    struct script_state s;
    char *folder;
};

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    struct lua_options options = {.modules = embedded_modules};
    assert_int_equal(script_state_open(&x->s, &options, NULL), 0);
    command_preload(x->s.L, embedded_modules);
    x->folder = folder_create();
    lua_pushstring(x->s.L, x->folder);
    lua_setglobal(x->s.L, "FOLDER");
    *state = x;
    return 0;
}

static int end(void **state)
{
    struct fixture *x = *state;
    script_state_close(&x->s);
    folder_remove(x->folder);
    memory_free(x);
    return 0;
}

/* What every chunk begins with: load(text) prepares a script. */
static const char prelude[] =
    "local engine = require 'tidemill.engine'\n"
    "local launch_module = require 'tidemill.launch'\n"
    "local function prepare(body)\n"
    "   return launch_module.prepare { path = 'job.lua', text = [[local mill = require 'tidemill'\n"
    "      local job = mill.job('test', {}) ]] .. body .. '\\nreturn job' }\n"
    "end\n";

static void run(struct fixture *x, const char *chunk)
{
    lua_State *L = x->s.L;
    lua_settop(L, 0);
    lua_pushstring(L, prelude);
    lua_pushstring(L, chunk);
    lua_concat(L, 2);
    const char *text = lua_tostring(L, -1);
    if (luaL_loadstring(L, text) != 0 || lua_pcall(L, 0, 0, 0) != 0) {
        fail_msg("%s", lua_tostring(L, -1));
    }
}

static void a_job_is_stepped_through(void **state)
{
    run(*state, "local launch = prepare('job:queue_stream({{1, 2}, {3}}):map(function(v)"
                " if v == 2 then error(\"no\", 0) end return v * 10 end):to_stdout()')\n"
                "launch:open { capture = true, queues_only = true, once = true,"
                " virtual_clock = true }\n"
                "local rows, time = launch:step()\n"
                "assert(rows[1] == '10\\n' and time == 1000)\n"
                "assert(rows[2]:find('\"reason\":\"no\"'))\n"
                "rows, time = launch:step()\n"
                "assert(rows[1] == '30\\n' and rows[2] == nil and time == 2000)\n"
                "launch:close()\n"
                "launch:close()\n"
                "assert(not pcall(launch.step, launch))");
}

static void a_job_runs_in_a_data_directory(void **state)
{
    struct fixture *x = *state;
    run(x,
        "local text = 'job:queue_stream({{1, 2}, {3}}):to_files(\"' .. FOLDER .. '/out\")'\n"
        "local launch = prepare(text)\n"
        "local code, message = launch:run { data = FOLDER .. '/data', once = true, quiet = true }\n"
        "assert(code == 0 and message == nil, message)\n"
        "launch = prepare(text)\n"
        "code, message = launch:run { data = FOLDER .. '/data', once = true, quiet = true }\n"
        "assert(code == 0 and message == nil, message)\n");
    char *path = text_path(x->folder, "out");
    assert_int_equal(folder_count(path), 3);
    memory_free(path);
}

static void exit_codes_are_those_of_the_errors(void **state)
{
    run(*state,
        "local function try(body, options)\n"
        "   options.once, options.quiet = true, true\n"
        "   options.data = FOLDER .. '/data'\n"
        "   return prepare(body):run(options)\n"
        "end\n"
        "local code, message = try('job:text_file_stream(\"/no/such/folder\"):print()', {})\n"
        "assert(code == 1 and message:find('/no/such/folder'), message)\n"
        "local keyed = 'job:queue_stream({{1}}):map_to_pair(function(v) return v, v end)'\n"
        "code, message = try(keyed .. ':update_state_by_key(function() return 1 end)'\n"
        "   .. ':to_files(\"' .. FOLDER .. '/out\")', {})\n"
        "assert(code == 0, message)\n"
        "code, message = try(keyed .. ':to_files(\"' .. FOLDER .. '/out\")', {})\n"
        "assert(code == 3 and message:find('is in the store'), message)");
}

static void queues_and_initial_states_reach_the_job(void **state)
{
    run(*state,
        "local launch = prepare('job:queue_stream({{\"a\"}})"
        ":map_to_pair(function(v) return v, 1 end)"
        ":update_state_by_key(function(vs, s) return s + #vs end,"
        " {initial = {a = 10, b = 20, c = 30}}):to_stdout()')\n"
        "launch:open { capture = true, queues_only = true, once = true, virtual_clock = true }\n"
        "local rows = launch:step()\n"
        "for _, row in ipairs { '[\"a\",11]', '[\"b\",20]', '[\"c\",30]' } do\n"
        "   assert(rows[1]:find(row, 1, true), rows[1])\n"
        "end");
}

static void what_is_wrong_is_a_lua_error(void **state)
{
    run(*state, "local function fails(f, ...)\n"
                "   local ok, err = pcall(f, ...)\n"
                "   assert(not ok)\n"
                "   return err\n"
                "end\n"
                "local launch = prepare('job:queue_stream({{1}}):print()')\n"
                "assert(fails(launch.step, launch):find('is not open'))\n"
                "assert(fails(launch.add_batch, launch, 2):find('no such source'))\n"
                "assert(fails(launch.add_initial, launch, 1):find('no such stage'))\n"
                "assert(fails(launch.run, launch):find('table expected'))\n"
                "assert(fails(launch.step, {}))\n"
                "assert(fails(launch.step, io.stdout))\n"
                "assert(fails(engine.launch))\n"
                "launch:open { capture = true, once = true, virtual_clock = true }\n"
                "assert(fails(launch.open, launch, {}):find('is open'))\n"
                "local too_many = 'for i = 1, 65 do job:queue_stream({}):print() end'\n"
                "assert(fails(prepare, too_many):find('65 sources'))");
}

static void a_step_that_fails_gives_nil_and_why(void **state)
{
    run(*state, "local launch = launch_module.prepare { path = 'job.lua', text = [[\n"
                "   local mill = require 'tidemill'\n"
                "   local job = mill.job('test', {on_error = 'fail'})\n"
                "   job:queue_stream({{1}}):map(function() error('no', 0) end):print()\n"
                "   return job]] }\n"
                "launch:open { capture = true, queues_only = true, once = true,"
                " virtual_clock = true }\n"
                "local rows, message = launch:step()\n"
                "assert(rows == nil and message:find('map at job.lua:3: no'), message)");
}

static void a_launch_that_is_forgotten_gives_all_back(void **state)
{
    run(*state, "for i = 1, 3 do\n"
                "   local launch = prepare('job:queue_stream({{1}}):print()')\n"
                "   launch:open { capture = true, once = true, virtual_clock = true }\n"
                "   launch = nil\n"
                "   collectgarbage()\n"
                "end");
}

static void the_engine_says_what_it_is(void **state)
{
    run(*state, "assert(engine.version:match('^%d+%.%d+%.%d+$'))\n"
                "assert(engine.real_path(FOLDER .. '/.') == engine.real_path(FOLDER))\n"
                "assert(engine.real_path(FOLDER .. '/nothing') == nil)\n"
                "assert(type(engine.failpoints()) == 'table')");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_is_stepped_through),
        TEST(a_job_runs_in_a_data_directory),
        TEST(exit_codes_are_those_of_the_errors),
        TEST(queues_and_initial_states_reach_the_job),
        TEST(what_is_wrong_is_a_lua_error),
        TEST(a_step_that_fails_gives_nil_and_why),
        TEST(a_launch_that_is_forgotten_gives_all_back),
        TEST(the_engine_says_what_it_is),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

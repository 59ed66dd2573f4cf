/*
 * tidemill: the program. It makes the control state, hands it the command line, and ends with the
 * exit code that lua/tidemill/cli.lua returns.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <lauxlib.h>

#include "base/failpoint.h"
#include "base/log.h"
#include "base/memory.h"
#include "run/command.h"
#include "run/log_writer.h"
#include "run/standard_output.h"
#include "script/lua_state.h"
#include "script/watchdog.h"

/* The control state only builds graphs; a script that fills it must not take the machine. */
#define CONTROL_BYTES_MAX ((size_t)1 << 30)

/* A C function that does not return cannot be stopped from outside. */
static void on_stuck(void *context, const struct watch *w)
{
    (void)context;
    (void)w;
    log_error("a function is stuck inside a C function (a pattern that backtracks without end?) "
              "and cannot be stopped; ending. What was committed is safe");
    _Exit(1);
}

/* What is opened first would have the number of a standard descriptor that is closed, and be read,
 * written or kept open in its place. These cannot be used, either. */
static void fill_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0) {
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        }
    }
}

/* As most servers do: what an administrator allows is the hard limit. */
static void raise_file_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)!setrlimit(RLIMIT_NOFILE, &files);
    }
}

static int run(struct script_state *s, int argc, char **argv, struct error *e)
{
    lua_State *L = s->L;
    int rc = script_push(s, "tidemill.cli", "main", e);
    if (rc != 0) {
        return rc;
    }
    lua_createtable(L, argc, 0);
    for (int i = 1; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    return script_call(s, 1, 1, e);
}

int main(int argc, char **argv)
{
    struct error e = {0};
    fill_standard_descriptors();
    raise_file_limit();
    memory_begin();
    log_to(log_write_text, NULL, LOG_INFO);
    standard_output_begin();
    if (failpoint_configure(getenv("TIDEMILL_FAILPOINT"), &e) != 0) {
        log_error("%s", e.message);
        return 2;
    }
    struct script_state s;
    struct lua_options options = {.modules = embedded_modules, .memory_max = CONTROL_BYTES_MAX};
    if (script_state_open(&s, &options, &e) != 0) {
        log_error("%s", e.message);
        return 1;
    }
    command_preload(s.L, embedded_modules);
    watchdog_start(on_stuck, NULL);
    int code = 1;
    if (run(&s, argc, argv, &e) == 0) {
        code = (int)lua_tointeger(s.L, -1);
    } else {
        log_error("%s", e.message);
    }
    script_state_close(&s);
    watchdog_stop();
    if (code == standard_output_end_code()) {
        standard_output_end();
    }
    return code;
}

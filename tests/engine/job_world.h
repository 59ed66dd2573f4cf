/*
 * A job from a Lua text, for tests of script/ and run/: what the command line does to a script, and
 * hosts that are driven by hand, each as a worker would, in one thread. The store is in memory.
 *
 *     job_open(j, "values:map(function(v) return v + 1 end):to_stdout()")
 *     job_begin(j)                an epoch, on every host
 *     job_values(j, 0, "[1,2]")   a block, on host 0
 *     job_finish(j)               the stages, one after the other
 *     job_rows(j, 0)              what output 0 has then: JSON lines
 *
 * A script that is an expression or statements without `return` stands behind
 *     local job = mill.job("test", {options})
 *     local values = job:queue_stream({})    local lines = job:text_file_stream("lines")
 */
#ifndef TESTS_ENGINE_JOB_WORLD_H
#define TESTS_ENGINE_JOB_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "flow/graph.h"
#include "script/host.h"
#include "script/lua_state.h"
#include "script/source_text.h"
#include "script/stage_run.h"
#include "state/delta.h"
#include "state/store.h"
#include "testing.h"

enum { JOB_HOSTS_MAX = 4 };

struct job {
    struct script_state control; /* the state that planned the job */
    struct source_text source;
    struct arena arena;
    struct graph graph;
    char *folder; /* to spill to */
    struct store *store;
    struct delta delta;
    struct host *hosts[JOB_HOSTS_MAX];
    uint32_t host_count;
    struct host_epoch epoch;
    uint64_t sequence;    /* of blocks in the epoch */
    int64_t before_ms;    /* the watermark of all windows: in force... */
    int64_t watermark_ms; /* ...and what the epoch closes by. job_commit puts it in force */
    int64_t watermarks[LIMIT_STAGES_MAX];
    struct host_skip skip;
    struct error error; /* of the last call */
    bool trace;         /* set before job_open_with */
    bool jit_off;       /* too */
};

/** cmocka's setup of a group: the watchdog. */
int job_group_begin(void **state);
int job_group_end(void **state);
/** cmocka's setup of a test: *state is a struct job without a script. */
int job_begin_test(void **state);
int job_end_test(void **state);

/** Plan a script. @return 0, or why not: j->error */
int job_plan(struct job *j, const char *options, const char *script);
/** Plan it and make so many hosts; all of it must succeed. */
void job_open_with(struct job *j, const char *options, const char *script, uint32_t host_count);
void job_open(struct job *j, const char *script);

/** Begin the next epoch on all hosts; T is its number times 1000. */
void job_begin(struct job *j);
/** Begin it again, without the element that ran past its deadline on a host, which is renewed. */
void job_begin_without_expired(struct job *j, uint32_t host);
/** Run a block of a source on a host: values as a JSON array of numbers, strings, booleans and
 * arrays of them; or lines of text. The first source is 0. @return 0, or why not: j->error */
int job_values(struct job *j, uint32_t host, const char *json);
int job_lines(struct job *j, uint32_t host, const char *text);
int job_block(struct job *j, uint32_t host, const struct source_block *block);
/** Run all stages. Shards are dealt to the hosts in turn. @return 0, or why not */
int job_finish(struct job *j);
/** Write the state change to the store, as a commit does. */
void job_commit(struct job *j);
/** An epoch of one block of values on host 0, to its commit. */
void job_epoch(struct job *j, const char *json);

/** Rows of an output of all hosts in order, a line each; lives until the fourth call from here. */
const char *job_rows(struct job *j, uint32_t output);
/** The dead letters, a line each: "operator: reason". */
const char *job_letters(struct job *j);
/** The dead letters as they are. */
const char *job_dead(struct job *j);

/** What a JSON text is as msgpack. @owns the caller, until buffer_deinit */
void job_msgpack(const char *json, struct buffer *into);

#endif

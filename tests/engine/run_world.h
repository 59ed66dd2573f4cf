/*
 * A runner from a Lua text (see job_world.h), for tests of run/: epoch by epoch in memory with its
 * rows captured, or to its end in a data directory, with files and standard output.
 *
 *     run_plan(x, "", "values:count():to_stdout()");
 *     run_queue(x, "[1,2]");                 a batch of the queue
 *     run_open(x); run_step(x);              one epoch; x->rows[0] is what output 0 gave
 *     run_once(x)                            open, run with --once, close: x->out is standard
 * output
 *
 * FOLDER in a script stands for a new folder that goes away with the test.
 */
#ifndef TESTS_ENGINE_RUN_WORLD_H
#define TESTS_ENGINE_RUN_WORLD_H

#include "job_world.h"
#include "run/runner.h"

enum { RUN_BATCHES_MAX = 64, RUN_OUTPUTS_MAX = 8 };

struct run {
    struct job *job;      /* the script; its hosts are not made */
    char *folder;         /* FOLDER; the data directory is FOLDER/data */
    char *data;           /* NULL before run_open when it is to be in memory */
    struct runner runner; /* between run_open and run_close */
    bool is_open;
    struct runner_options options; /* set before run_open; at first: capture, once, virtual */
    struct slice batches[RUN_BATCHES_MAX];
    uint32_t batch_count;
    struct runner_queue queues[LIMIT_SOURCES_MAX];
    struct stage_initial initial; /* of the first stage, when its key is set */
    struct runner_initial initials[LIMIT_STAGES_MAX];
    char *rows[RUN_OUTPUTS_MAX]; /* of the last step; dead letters behind the outputs' */
    char *out;                   /* standard output since run_plan */
    int out_code;                /* what writing to it gives */
    struct runner_report report; /* of the last epoch */
    uint32_t epochs;             /* since run_open */
    void (*on_epoch)(struct run *x);
    struct error error; /* of the last call */
};

/** cmocka's setup of a test: *state is a struct run. With the watchdog of job_group_begin. */
int run_begin_test(void **state);
int run_end_test(void **state);

/** Plan a script; it must succeed. What a data directory has stays. */
void run_plan(struct run *x, const char *options, const char *script);
/** Add a batch to the queue of every queue_stream: a JSON array. */
void run_queue(struct run *x, const char *json);
/** @return 0, or why not: x->error */
int run_open(struct run *x);
void run_close(struct run *x);
/** One epoch, in capture mode. @return 0, or why not */
int run_step(struct run *x);
/** Run in the data directory with --once from open to close. @return 0, or why not */
int run_once(struct run *x);

/** A path in FOLDER; lives until the eighth call from here. */
const char *run_path(const struct run *x, const char *name);
/** A file's text; "(none)" when it is not there; likewise. */
const char *run_read(const struct run *x, const char *name);
void run_write(const struct run *x, const char *name, const char *text);
/** Names in a folder, sorted, hidden ones left out, blanks between them; likewise. */
const char *run_list(const struct run *x, const char *name);
/** The text of all parts in a folder, in order; likewise. */
const char *run_parts(const struct run *x, const char *name);

#endif

#include "run_world.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/text.h"
#include "run/data_folder.h"

#define TEXT_BYTES ((size_t)1 << 20)

int run_begin_test(void **state)
{
    struct run *x = memory_zero(1, sizeof *x);
    void *job = NULL;
    job_begin_test(&job);
    x->job = job;
    x->folder = folder_create();
    x->options = (struct runner_options){
        .once = true, .virtual_clock = true, .capture = true, .jit_off = UNDER_TSAN};
    x->out = memory_text("");
    *state = x;
    return 0;
}

static void forget_batches(struct run *x)
{
    for (uint32_t i = 0; i < x->batch_count; i++) {
        union {
            const char *in;
            void *out;
        } p = {.in = x->batches[i].data};
        memory_free(p.out);
    }
    x->batch_count = 0;
}

static void forget_rows(struct run *x)
{
    for (uint32_t i = 0; i < RUN_OUTPUTS_MAX; i++) {
        memory_free(x->rows[i]);
        x->rows[i] = NULL;
    }
}

int run_end_test(void **state)
{
    struct run *x = *state;
    void *job = x->job;
    run_close(x);
    forget_batches(x);
    forget_rows(x);
    job_end_test(&job);
    folder_remove(x->folder);
    memory_free(x->data);
    memory_free(x->out);
    memory_free(x);
    return 0;
}

/* --- the script --- */

/* The script with FOLDER replaced. @owns the caller */
static char *with_folder(const struct run *x, const char *script)
{
    char *text = memory_text(script);
    for (char *at = strstr(text, "FOLDER"); at != NULL; at = strstr(text, "FOLDER")) {
        char *longer = text_format("%.*s%s%s", (int)(at - text), text, x->folder, at + 6);
        memory_free(text);
        text = longer;
    }
    return text;
}

void run_plan(struct run *x, const char *options, const char *script)
{
    char *text = with_folder(x, script);
    run_close(x);
    forget_batches(x);
    memory_free(x->out);
    x->out = memory_text("");
    int rc = job_plan(x->job, options, text);
    memory_free(text);
    if (rc != 0) {
        fail_msg("%s", x->job->error.message);
    }
}

void run_queue(struct run *x, const char *json)
{
    struct buffer b;
    assert_true(x->batch_count < RUN_BATCHES_MAX);
    job_msgpack(json, &b);
    x->batches[x->batch_count++] = (struct slice){memory_copy(b.data, b.size), b.size};
    buffer_deinit(&b);
}

/* --- running --- */

static void add_text(char **to, struct slice bytes)
{
    size_t size = *to == NULL ? 0 : strlen(*to);
    *to = memory_grow(*to, size + bytes.size + 1);
    if (bytes.size > 0) {
        memcpy(*to + size, bytes.data, bytes.size);
    }
    (*to)[size + bytes.size] = '\0';
}

static void take_rows(void *context, uint32_t output, uint64_t epoch, struct slice rows)
{
    struct run *x = context;
    (void)epoch;
    assert_true(output < RUN_OUTPUTS_MAX);
    add_text(&x->rows[output], rows);
}

static int take_stdout(void *context, const void *bytes, size_t size, struct error *e)
{
    struct run *x = context;
    if (x->out_code != 0) {
        return error_set(e, x->out_code, "standard output was told to fail");
    }
    add_text(&x->out, (struct slice){bytes, size});
    return 0;
}

static void take_report(void *context, const struct runner_report *report)
{
    struct run *x = context;
    x->report = *report;
    x->epochs++;
    if (x->on_epoch != NULL) {
        x->on_epoch(x);
    }
}

int run_open(struct run *x)
{
    struct runner_options *o = &x->options;
    for (uint32_t i = 0; i < x->job->graph.source_count; i++) {
        x->queues[i] = (struct runner_queue){x->batches, x->batch_count};
    }
    if (x->initial.key != NULL) {
        x->initials[0] = (struct runner_initial){&x->initial, 1};
    }
    o->modules = embedded_modules;
    o->source = &x->job->source;
    o->graph = &x->job->graph;
    o->data_folder = x->data;
    o->queues = x->queues;
    o->initials = x->initials;
    o->on_rows = take_rows;
    o->on_epoch = take_report;
    o->write_stdout = take_stdout;
    o->context = x;
    x->epochs = 0;
    x->error = (struct error){0};
    int rc = runner_open(&x->runner, o, &x->error);
    x->is_open = true;
    return rc;
}

void run_close(struct run *x)
{
    if (x->is_open) {
        runner_close(&x->runner);
        x->is_open = false;
    }
}

int run_step(struct run *x)
{
    forget_rows(x);
    for (uint32_t i = 0; i <= x->job->graph.output_count; i++) {
        x->rows[i] = memory_text("");
    }
    x->error = (struct error){0};
    return runner_step(&x->runner, &x->error);
}

int run_once(struct run *x)
{
    if (x->data == NULL) {
        x->data = text_path(x->folder, "data");
    }
    x->options.capture = false;
    int rc = run_open(x);
    rc = rc == 0 ? runner_run(&x->runner, &x->error) : rc;
    run_close(x);
    return rc;
}

/* --- the world --- */

static char *next_text(void)
{
    static char texts[8][TEXT_BYTES];
    static int turn;
    char *text = texts[turn++ % 8];
    text[0] = '\0';
    return text;
}

const char *run_path(const struct run *x, const char *name)
{
    char *text = next_text();
    snprintf(text, TEXT_BYTES, "%s/%s", x->folder, name);
    return text;
}

const char *run_read(const struct run *x, const char *name)
{
    FILE *f = fopen(run_path(x, name), "rb");
    if (f == NULL) {
        return "(none)";
    }
    char *text = next_text();
    text[fread(text, 1, TEXT_BYTES - 1, f)] = '\0';
    fclose(f);
    return text;
}

void run_write(const struct run *x, const char *name, const char *text)
{
    char *path = memory_text(run_path(x, name));
    char *slash = strrchr(path, '/');
    *slash = '\0';
    (void)mkdir(path, 0777);
    *slash = '/';
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    fclose(f);
    memory_free(path);
}

static int is_shown(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

const char *run_list(const struct run *x, const char *name)
{
    struct dirent **names = NULL;
    int count = scandir(run_path(x, name), &names, is_shown, alphasort);
    if (count < 0) {
        return "(none)";
    }
    char *text = next_text();
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        size += (size_t)snprintf(text + size, TEXT_BYTES - size, "%s%s", i > 0 ? " " : "",
                                 names[i]->d_name);
        free(names[i]); /* scandir allocates outside of base/memory */
    }
    free(names);
    return text;
}

const char *run_parts(const struct run *x, const char *name)
{
    char *names = memory_text(run_list(x, name));
    char *all = memory_zero(1, TEXT_BYTES);
    size_t used = 0;
    for (char *at = strtok(names, " "); at != NULL; at = strtok(NULL, " ")) {
        char *path = text_path(name, at);
        if (text_starts_with(at, "part-")) {
            used += (size_t)snprintf(all + used, TEXT_BYTES - used, "%s", run_read(x, path));
        }
        memory_free(path);
    }
    memory_free(names);
    char *text = next_text(); /* last: reading has used up others */
    memcpy(text, all, TEXT_BYTES);
    memory_free(all);
    return text;
}

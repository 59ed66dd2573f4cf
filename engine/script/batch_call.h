/*
 * Calling the functions of for_each_batch: in a Lua state of their own, aside from the workers,
 * with a timeout for each batch.
 *
 * The state is made when first needed. A call that runs past its timeout costs the state; the next
 * call makes a new one. @thread one at a time (the publishing thread)
 */
#ifndef SCRIPT_BATCH_CALL_H
#define SCRIPT_BATCH_CALL_H

#include <stdint.h>

#include "base/error.h"
#include "flow/graph.h"
#include "io/manifest.h"
#include "script/lua_state.h"
#include "script/side_tables.h"
#include "script/source_text.h"
#include "script/watchdog.h"

struct batch_caller {
    const struct graph *graph;
    const struct source_text *source;
    struct lua_options options;
    struct script_state lua;
    struct watch watch;
    struct mill_control control;
    struct side_reader sides; /**< rows of mill.table */
    int plan_ref;             /**< the plan, in the registry */
};

/** @param sides  borrowed; NULL: their rows are not looked up */
void batch_caller_init(struct batch_caller *c, const struct graph *graph,
                       const struct source_text *source, const struct lua_options *options,
                       struct side_tables *sides);
void batch_caller_deinit(struct batch_caller *c);

/**
 * Call the function of an output with the rows of a manifest.
 * @param output  index in the graph
 * @param path    file with the rows; NULL: they are inline in the manifest
 * @return 0; MILL_EFAILED with the function's error; MILL_EDEADLINE
 */
int batch_call(struct batch_caller *c, uint32_t output, const struct manifest *m, const char *path,
               struct error *e);

/** The state's plan behind a function of a module of the Lua half, on the stack. Makes the state
 *  when there is none. @return 0, MILL_ESCRIPT, MILL_ENOMEM */
int batch_caller_push(struct batch_caller *c, const char *module, const char *function,
                      struct error *e);
/** Call what was pushed, with a timeout. @param argument_count  the plan and those behind it
 *  @return 0; MILL_ESCRIPT, MILL_ENOMEM; MILL_EDEADLINE: the state is gone, and with it the stack
 */
int batch_caller_call(struct batch_caller *c, int argument_count, int64_t timeout_ms,
                      struct error *e);

#endif

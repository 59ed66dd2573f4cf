#include "run/start.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "flow/identity_match.h"
#include "io/file_output.h"
#include "io/file_source.h"
#include "io/queue_source.h"
#include "io/rate_source.h"
#include "io/receiver_source.h"
#include "run/commit.h"
#include "run/gone.h"
#include "run/gone_logs.h"
#include "run/late.h"
#include "run/mend.h"
#include "run/mend_rows.h"
#include "run/publishing.h"
#include "run/receiving.h"
#include "run/skips.h"
#include "run/targets.h"
#include "run/times.h"
#include "run/versions.h"
#include "state/keys.h"

#define META_BYTES_MAX     ((size_t)256 << 20)
#define DEAD_LETTER_NUMBER (LIMIT_NUMBERS_MAX + 1)
#define STILL_MS_MAX       1000

/* --- comparing
 * ------------------------------------------------------------------------------------ */

static int get(struct runner *r, const struct store_key *key, struct buffer *value, struct error *e)
{
    buffer_init(value, META_BYTES_MAX);
    return store_get(r->data.store, STORE_META, store_key_slice(key), value, e);
}

static int load_identities(struct runner *r, struct identity_set *old, struct error *e)
{
    struct store_key key = store_key_text("graph");
    struct buffer value;
    int rc = get(r, &key, &value, e);
    *old = (struct identity_set){.next_number = 1};
    if (rc == 0) {
        rc = identity_set_decode((struct slice){value.data, value.size}, old, e);
    } else if (rc == MILL_ENOENT) {
        rc = 0;
    }
    buffer_deinit(&value);
    return rc;
}

static bool same_graph(const struct identity_set *a, const struct identity_set *b)
{
    struct buffer left;
    struct buffer right;
    buffer_init(&left, META_BYTES_MAX);
    buffer_init(&right, META_BYTES_MAX);
    int rc = identity_set_encode(a, &left);
    rc = rc == 0 ? identity_set_encode(b, &right) : rc;
    bool same = rc == 0 && left.size == right.size && memcmp(left.data, right.data, left.size) == 0;
    buffer_deinit(&left);
    buffer_deinit(&right);
    return same;
}

static int compare_identities(struct runner *r, struct error *e)
{
    struct identity_set old;
    int rc = load_identities(r, &old, e);
    if (rc != 0) {
        return rc;
    }
    rc = gone_forget(r->data.store, &old, e);
    rc = rc == 0 ? gone_logs_sweep(&r->data, &old, e) : rc;
    rc = rc == 0 ? mend_match(r, &old, e) : rc;
    if (rc == 0) {
        gone_logs_find(&r->data, &r->identities, &r->gone_logs);
    }
    r->identities_changed = rc == 0 && (r->dropped_count > 0 || !same_graph(&old, &r->identities));
    identity_set_deinit(&old);
    return rc;
}

/* Whether one of the stored versions of the script has this hash. */
static int find_version(struct runner *r, struct source_text *newest, bool *has_newest,
                        bool *is_stored, struct error *e)
{
    *has_newest = false;
    *is_stored = false;
    for (uint8_t slot = 0; slot < VERSIONS_KEPT; slot++) {
        struct source_text text;
        int rc = versions_read(r->data.store, slot, &text, e);
        if (rc == MILL_ENOENT) {
            continue;
        }
        if (rc != 0) {
            return rc;
        }
        *is_stored = *is_stored || source_text_hash(&text) == r->script_hash;
        if (slot == 0) {
            *newest = text;
            *has_newest = true;
        } else {
            source_text_deinit(&text);
        }
    }
    return 0;
}

static int compare_script(struct runner *r, struct error *e)
{
    struct source_text newest;
    bool has_newest = false;
    bool is_stored = false;
    int rc = find_version(r, &newest, &has_newest, &is_stored, e);
    if (rc != 0 || !has_newest) {
        return rc;
    }
    const char *path = r->options.source->canonical;
    if (strcmp(newest.path, path) != 0 && !is_stored && !mend_adopts_script(r)) {
        rc = error_set(e, MILL_EREFUSED,
                       "%s belongs to the script %s, and %s is another one with the same job name; "
                       "give this job another name or --data, or take it over with --adopt %s",
                       r->data.path, newest.path, path, r->options.source->path);
    }
    r->script_changed =
        source_text_hash(&newest) != r->script_hash || strcmp(newest.path, path) != 0;
    r->on_probation = source_text_hash(&newest) != r->script_hash && r->data.last.number > 0;
    source_text_deinit(&newest);
    return rc;
}

int start_compare(struct runner *r, struct error *e)
{
    const struct epoch_record *last = &r->data.last;
    r->last_number = last->number;
    r->last_time_ms = last->time_ms;
    r->last_clock_ms = last->clock_ms;
    r->window_records = last->window_records;
    r->window_errors = last->window_errors;
    r->ratio_before =
        last->window_records == 0 ? 0 : (double)last->window_errors / (double)last->window_records;
    r->script_hash = source_text_hash(r->options.source);
    r->script_changed = true;
    int rc = mend_check_adopted(r, e);
    rc = rc == 0 ? compare_script(r, e) : rc;
    rc = rc == 0 ? compare_identities(r, e) : rc;
    return rc == 0 ? skips_load(r, e) : rc;
}

int commit_start_into(struct runner *r, struct store_batch *batch, struct error *e)
{
    int rc = 0;
    mend_commit_into(r, batch);
    gone_logs_commit_into(&r->gone_logs, batch);
    if (r->script_changed) {
        rc = versions_commit_into(r->data.store, batch, r->options.source, e);
    }
    if (rc == 0 && r->identities_changed) {
        struct store_key key = store_key_text("graph");
        struct buffer value;
        buffer_init(&value, META_BYTES_MAX);
        rc = identity_set_encode(&r->identities, &value);
        store_batch_put(batch, STORE_META, store_key_slice(&key),
                        (struct slice){value.data, value.size});
        buffer_deinit(&value);
    }
    return rc;
}

/* --- opening
 * ---------------------------------------------------------------------------------------- */

/* Crash tests make something large out of something small. */
static uint64_t bytes_for_test(const char *variable, uint64_t limit)
{
#ifdef TIDEMILL_FAILPOINTS
    const char *text = getenv(variable);
    if (text != NULL) {
        return strtoull(text, NULL, 10);
    }
#endif
    (void)variable;
    return limit;
}

static int open_received(struct runner *r, uint32_t index, uint16_t number, struct error *e)
{
    char *folder = text_format("%s/%u", r->data.received, number);
    struct receiver_source_options options = {
        .disk = &r->data.disk,
        .folder = folder,
        .name = receiving_name(&r->graph->sources[index]),
        .key = r->data.store_id,
        .segment_bytes =
            bytes_for_test("TIDEMILL_TEST_SEGMENT_BYTES", LIMIT_RECEIVED_SEGMENT_BYTES),
        .bytes_max = bytes_for_test("TIDEMILL_TEST_RECEIVED_BYTES", r->graph->options.received_max),
        .records_max = r->graph->sources[index].records_max,
        .once = r->options.once,
        .index = index,
        .store_id = number,
    };
    int rc = receiver_source_open(&options, r->data.store, &r->sources[index], e);
    memory_free(folder);
    return rc;
}

static int open_rate(struct runner *r, uint32_t index, uint16_t number, struct error *e)
{
    const struct graph_source *g = &r->graph->sources[index];
    if (r->options.once && !r->options.capture && g->rows == 0) {
        return error_set(e, MILL_EINVAL,
                         "%s never ends, and --once would not: say how many with rows = N",
                         r->graph->operators[g->operator_id].label);
    }
    struct rate_source_options options = {
        .rows_per_second = g->rows_per_second,
        .rows = g->rows,
        .records_max = g->records_max,
        .starts_at_zero = r->options.virtual_clock,
        .takes_all = r->options.once && !r->options.virtual_clock,
        .never_ends = r->options.capture,
        .index = index,
        .store_id = number,
    };
    return rate_source_open(&options, r->data.store, &r->sources[index], e);
}

static int open_source(struct runner *r, uint32_t index, struct error *e)
{
    const struct graph_source *g = &r->graph->sources[index];
    uint16_t number = identity_find(&r->identities, IDENTITY_SOURCE, index)->number;
    if (g->kind == SOURCE_RATE) {
        return open_rate(r, index, number, e);
    }
    bool is_unheard = r->options.capture && graph_is_received(g);
    if (g->kind == SOURCE_QUEUE || r->options.queues_only || is_unheard) {
        struct queue_source_options options = {
            .batches = r->options.queues[index].batches,
            .batch_count = r->options.queues[index].count,
            .index = index,
            .store_id = number,
        };
        return queue_source_open(&options, r->data.store, &r->sources[index], e);
    }
    if (graph_is_received(g)) {
        return open_received(r, index, number, e);
    }
    int64_t interval = r->graph->options.batch_ms;
    struct file_source_options options = {
        .folder = g->target,
        .pattern = g->pattern,
        .new_files_only = g->new_files_only,
        .by_name = g->by_name,
        .records_max = g->records_max,
        .still_ms = interval < STILL_MS_MAX ? interval : STILL_MS_MAX,
        .is_stream = graph_is_stream(g),
        .once = r->options.once,
        .index = index,
        .store_id = number,
    };
    return file_source_open(&options, r->data.store, &r->sources[index], e);
}

static int open_outputs(struct runner *r, struct error *e)
{
    int rc = 0;
    r->outputs_open = true;
    for (uint32_t i = 0; i < r->graph->output_count && rc == 0; i++) {
        const struct graph_output *g = &r->graph->outputs[i];
        uint16_t number = identity_find(&r->identities, IDENTITY_OUTPUT, i)->number;
        rc = output_open(&r->outputs[i], &r->place, g, r->graph->operators[g->operator_id].label,
                         number, e);
    }
    r->dead_graph = (struct graph_output){
        .kind = OUTPUT_FILES, .format = FORMAT_JSON, .target = r->data.dead_letters};
    rc = rc == 0 ? output_open(&r->dead_output, &r->place, &r->dead_graph, "dead letters",
                               DEAD_LETTER_NUMBER, e)
                 : rc;
    rc = rc == 0 ? late_open(r, e) : rc;
    return rc == 0 ? targets_check(r, e) : rc;
}

static bool is_present_output(const struct runner *r, uint16_t number)
{
    for (uint32_t i = 0; i < r->identities.count; i++) {
        const struct identity *m = &r->identities.items[i];
        if (m->category == IDENTITY_OUTPUT && m->is_present && m->number == number) {
            return true;
        }
    }
    return number == DEAD_LETTER_NUMBER || number == LATE_NUMBER;
}

struct orphan {
    struct runner *r;
    struct error *e;
};

/* Rows for a function that the script no longer has: nobody could take them. */
static int refuse_orphan(void *context, const struct manifest *m)
{
    struct orphan *o = context;
    if (m->kind != MANIFEST_BATCH || is_present_output(o->r, m->output)) {
        return 0;
    }
    char *name = mend_output_name(o->r, m->output);
    int rc = error_set(o->e, MILL_EREFUSED,
                       "%.*s is gone from the script, but %" PRIu64 " of its rows of epoch %" PRIu64
                       " were not handed to it yet: bring it back for one more start, or drop them "
                       "with --drop-output %s",
                       (int)m->label.size, m->label.data, m->row_count, m->epoch,
                       name == NULL ? "NAME" : name);
    memory_free(name);
    return rc;
}

static bool keeps(void *context, const char *name)
{
    struct runner *r = context;
    if (publisher_names(&r->publisher, name)) {
        return true;
    }
    for (uint32_t i = 0; i < r->graph->output_count; i++) {
        if (output_keeps(&r->outputs[i], name)) {
            return true;
        }
    }
    return false;
}

static int sweep_outputs(struct runner *r, struct error *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < runner_output_count(r) && rc == 0; i++) {
        struct output *o = runner_output(r, i);
        if (o->has_target) {
            rc = target_sweep(&o->target, keeps, r, e);
        }
    }
    return rc;
}

static int sweep_outbox_file(void *context, const char *name)
{
    struct runner *r = context;
    if (!publisher_names_rows(&r->publisher, name)) {
        char *path = text_path(r->data.outbox, name);
        disk_remove(&r->data.disk, path, NULL);
        memory_free(path);
    }
    return 0;
}

static int add_size(void *context, const char *name)
{
    struct runner *r = context;
    char *path = text_path(r->data.dead_letters, name);
    struct disk_entry entry;
    if (disk_look(&r->data.disk, path, &entry, NULL) == 0 && !entry.is_folder) {
        r->dead_bytes += entry.size;
    }
    memory_free(path);
    return 0;
}

/* A file that rows were collected in (roll) by an output that is gone, or writes elsewhere now: it
 * is closed where it is. */
static int close_stale_rolls(struct runner *r, struct error *e)
{
    struct slice from = {"r", 1};
    struct slice to = {"s", 1};
    struct file_output_past past = {r->outputs, r->graph->output_count, &r->data.disk,
                                    r->data.store_id, r->last_number};
    struct store_batch *batch = store_batch_create();
    struct store_iterator *i = store_iterate(r->data.store, STORE_META, from, to);
    struct slice key;
    struct slice value;
    int rc = store_next(i, &key, &value, e);
    while (rc == 1) {
        uint16_t number = key.size == 3 ? bytes_get_u16(key.data + 1) : 0;
        rc = file_output_close_stale(&past, number, value, batch, e);
        if (rc != 0) {
            break;
        }
        rc = store_next(i, &key, &value, e);
    }
    store_iterate_end(i);
    if (rc == 0 && store_batch_bytes(batch) > 0) {
        rc = store_write(r->data.store, batch, true, e);
    }
    store_batch_destroy(batch);
    return rc;
}

static int open_publishing(struct runner *r, struct error *e)
{
    /* First: a store that was rewound must not cut what its future has written. */
    int rc = publisher_check(&r->data.disk, r->data.path, r->data.store_id, r->last_number, e);
    r->place = (struct output_place){
        .disk = &r->data.disk,
        .outbox = r->data.outbox,
        .store_id = r->data.store_id,
        .store = r->data.store,
        .epoch = r->last_number,
        .choices = r->options.choices,
    };
    rc = rc == 0 ? mend_rows(r, e) : rc;
    rc = rc == 0 ? open_outputs(r, e) : rc;
    rc = rc == 0 ? close_stale_rolls(r, e) : rc;
    rc = rc == 0 ? publishing_open(r, e) : rc;
    struct orphan orphan = {r, e};
    rc = rc == 0 ? publisher_each(&r->publisher, refuse_orphan, &orphan) : rc;
    rc = rc == 0 ? sweep_outputs(r, e) : rc;
    rc = rc == 0 ? disk_list(&r->data.disk, r->data.outbox, sweep_outbox_file, r, e) : rc;
    return rc == 0 ? disk_list(&r->data.disk, r->data.dead_letters, add_size, r, e) : rc;
}

int start_open(struct runner *r, struct error *e)
{
    delta_init(&r->delta, r->data.store, r->graph->stage_count,
               bytes_for_test("TIDEMILL_TEST_DELTA_BYTES", LIMIT_DELTA_BYTES));
    r->has_late = late_is_wanted(r);
    r->late_bytes_max = bytes_for_test("TIDEMILL_TEST_LATE_BYTES", LIMIT_LATE_BYTES);
    r->unread_max = bytes_for_test("TIDEMILL_TEST_UNREAD_BYTES", LIMIT_RECEIVED_UNREAD_BYTES);
    int rc = 0;
    for (uint32_t i = 0; i < r->graph->source_count && rc == 0; i++) {
        rc = open_source(r, i, e);
    }
    rc = rc == 0 ? mend_sources(r, e) : rc;
    rc = rc == 0 ? times_open(r, e) : rc;
    rc = rc == 0 ? receiving_open(r, e) : rc;
    rc = rc == 0 && !r->options.capture ? open_publishing(r, e) : rc;
    if (rc == 0) {
        mend_report(r);
    }
    return rc;
}

void start_close(struct runner *r)
{
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        if (r->sources[i] != NULL) {
            source_close(r->sources[i]);
        }
    }
    if (r->outputs_open) {
        for (uint32_t i = 0; i < r->graph->output_count; i++) {
            output_close(&r->outputs[i]);
        }
        output_close(&r->dead_output);
        output_close(&r->late_output);
    }
    if (r->publisher_open) {
        batch_caller_deinit(&r->batch_caller);
        publisher_close(&r->publisher);
    }
    if (r->delta.batches != NULL) {
        delta_deinit(&r->delta);
    }
    times_close(r);
    identity_set_deinit(&r->identities);
    skips_clear(r);
}

#include "io/receiver_source.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "io/line_limit.h"
#include "state/keys.h"

#define VALUE_BYTES (2 * sizeof(uint64_t))

struct receiver_source {
    struct source base;
    struct receiver_log *log;
    char *name;
    bool once;
    bool has_ended;  /* nothing more is received */
    bool is_blocked; /* nothing more before a commit */

    struct receiver_committed committed;
    struct receiver_committed next; /* what the running epoch will commit */

    uint64_t at;       /* handed out up to here */
    uint64_t plan_end; /* the share's last byte is before this */
    uint64_t sequence; /* blocks handed out */
    uint64_t in_flight;
    bool is_rerun; /* plan_end is where the abandoned run had come to */
    struct line_limit limit;
};

static struct receiver_source *of(struct source *s)
{
    return (struct receiver_source *)s;
}

static const struct receiver_source *of_const(const struct source *s)
{
    return (const struct receiver_source *)s;
}

static int plan(struct source *base, uint64_t bytes_max, uint64_t *bytes, struct error *e)
{
    (void)e;
    struct receiver_source *s = of(base);
    if (!s->is_rerun) {
        check(s->sequence == 0);
        s->plan_end = s->committed.text + bytes_max;
        line_limit_begin(&s->limit);
    }
    bool is_open = s->once && !s->has_ended && !s->is_rerun;
    uint64_t end = is_open ? s->plan_end : least_offset(s->plan_end, receiver_log_text_end(s->log));
    *bytes = end - s->committed.text;
    return 0;
}

/* Let the plan end with the last line that the epoch may take. */
static int limit_lines(struct receiver_source *s, struct source_block *block, struct error *e)
{
    if (s->limit.max == 0 || s->is_rerun) {
        return 0;
    }
    int rc = line_limit_cut(&s->limit, block, e);
    if (rc == 0 && line_limit_is_reached(&s->limit)) {
        s->plan_end = block->end;
    }
    return rc;
}

static int next_block(struct source *base, struct source_block *block, struct error *e)
{
    struct receiver_source *s = of(base);
    uint64_t end = least_offset(s->plan_end, receiver_log_text_end(s->log));
    if (s->at >= end) {
        return 0;
    }
    uint64_t boundary = (s->at / LIMIT_BLOCK_BYTES + 1) * LIMIT_BLOCK_BYTES;
    bool may_grow = s->once && !s->has_ended && !s->is_blocked && end < s->plan_end;
    if (may_grow && end < boundary) {
        return 0;
    }
    end = least_offset(end, boundary);
    *block = (struct source_block){
        .source = base->index,
        .order = SOURCE_ORDER(base->index, s->sequence),
        .partition_name = s->name,
        .log = s->log,
        .start = s->at,
        .end = end,
        .limit = end,
        .bytes = end - s->at,
    };
    int rc = limit_lines(s, block, e);
    if (rc != 0) {
        return rc;
    }
    s->at = block->end;
    s->sequence++;
    s->in_flight++;
    return 1;
}

static void block_done(struct source *base, const struct source_block *block,
                       const struct source_done *done)
{
    struct receiver_source *s = of(base);
    check(s->in_flight > 0 && block->log == s->log);
    s->in_flight--;
    if (done->next > s->next.text) {
        s->next.text = done->next;
    }
}

/* Segments that are not wanted any more; and what was received is made safe. */
static int prepare(struct source *base, struct error *e)
{
    struct receiver_source *s = of(base);
    int rc = receiver_log_release(s->log, s->committed.text, e);
    rc = rc == 0 ? receiver_log_sync(s->log, e) : rc;
    s->next.end = receiver_log_synced(s->log);
    return rc;
}

static int commit_into(struct source *base, struct store_batch *batch, struct error *e)
{
    (void)e;
    struct receiver_source *s = of(base);
    check(s->in_flight == 0);
    if (s->next.text != s->committed.text || s->next.end != s->committed.end) {
        struct store_key key = store_key_received(base->store_id);
        char value[VALUE_BYTES];
        bytes_put_u64(value, s->next.text);
        bytes_put_u64(value + sizeof(uint64_t), s->next.end);
        store_batch_put(batch, STORE_META, store_key_slice(&key),
                        (struct slice){value, sizeof value});
    }
    return 0;
}

static void committed(struct source *base)
{
    struct receiver_source *s = of(base);
    s->committed = s->next;
    s->at = s->plan_end = s->committed.text;
    s->sequence = 0;
    s->is_rerun = false;
}

static void abandon(struct source *base)
{
    struct receiver_source *s = of(base);
    if (!s->is_rerun) {
        s->plan_end = s->at;
    }
    s->at = s->next.text = s->committed.text;
    s->sequence = 0;
    s->in_flight = 0;
    s->is_rerun = true;
}

static bool is_drained(const struct source *base)
{
    const struct receiver_source *s = of_const(base);
    uint64_t end = receiver_log_text_end(s->log);
    bool is_counted = s->limit.max == 0 || s->is_rerun || s->at >= end;
    return is_counted && (s->has_ended || !s->once) && s->plan_end >= end;
}

static bool is_waiting(const struct source *base)
{
    const struct receiver_source *s = of_const(base);
    bool may_come = s->once && !s->has_ended && !s->is_rerun && s->at < s->plan_end;
    bool has_some = s->at > s->committed.text;
    return may_come && !(s->is_blocked && has_some);
}

/* With --once standard input may still bring something. */
static void each_partition(const struct source *base, source_partition_fn fn, void *context)
{
    const struct receiver_source *s = of_const(base);
    bool is_open = receiver_log_text_end(s->log) > s->next.text || (s->once && !s->has_ended);
    fn(context, 0, is_open ? PARTITION_IS_OPEN : PARTITION_ENDED);
}

static void close_source(struct source *base)
{
    struct receiver_source *s = of(base);
    line_limit_deinit(&s->limit);
    receiver_log_close(s->log);
    memory_free(s->name);
    memory_free(s);
}

static const struct source_ops receiver_ops = {
    .plan = plan,
    .next_block = next_block,
    .block_done = block_done,
    .prepare = prepare,
    .commit_into = commit_into,
    .committed = committed,
    .abandon = abandon,
    .is_drained = is_drained,
    .is_waiting = is_waiting,
    .each_partition = each_partition,
    .close = close_source,
};

int receiver_source_committed(struct store *store, uint16_t store_id,
                              struct receiver_committed *committed, struct error *e)
{
    struct store_key key = store_key_received(store_id);
    struct buffer value;
    buffer_init(&value, 4096);
    *committed = (struct receiver_committed){0};
    int rc = store_get(store, STORE_META, store_key_slice(&key), &value, e);
    if (rc == MILL_ENOENT) {
        rc = 0;
    } else if (rc == MILL_ELIMIT || (rc == 0 && value.size != VALUE_BYTES)) {
        rc = error_set(e, MILL_ECORRUPT, "the record META l/%u of what was received is damaged",
                       store_id);
    } else if (rc == 0) {
        committed->text = bytes_get_u64(value.data);
        committed->end = bytes_get_u64(value.data + sizeof(uint64_t));
    }
    buffer_deinit(&value);
    return rc;
}

static struct receiver_log_options log_options(const struct receiver_source_options *options,
                                               struct receiver_committed committed)
{
    return (struct receiver_log_options){
        .disk = options->disk,
        .folder = options->folder,
        .name = options->name,
        .key = options->key,
        .segment_bytes = options->segment_bytes,
        .bytes_max = options->bytes_max,
        .committed = committed,
    };
}

int receiver_source_count(const struct receiver_source_options *options, struct store *store,
                          uint64_t *bytes, struct error *e)
{
    struct receiver_committed committed;
    *bytes = 0;
    int rc = receiver_source_committed(store, options->store_id, &committed, e);
    if (rc == 0) {
        struct receiver_log_options log = log_options(options, committed);
        rc = receiver_log_count(&log, bytes, e);
    }
    return rc;
}

int receiver_source_open(const struct receiver_source_options *options, struct store *store,
                         struct source **result, struct error *e)
{
    struct receiver_source *s = memory_zero(1, sizeof *s);
    s->base = (struct source){&receiver_ops, options->index, options->store_id};
    s->name = memory_text(options->name);
    s->once = options->once;
    line_limit_init(&s->limit, options->records_max);
    int rc = receiver_source_committed(store, options->store_id, &s->committed, e);
    if (rc == 0) {
        struct receiver_log_options log = log_options(options, s->committed);
        rc = receiver_log_open(&log, &s->log, e);
    }
    if (rc != 0) {
        close_source(&s->base);
        return rc;
    }
    s->next = s->committed;
    s->at = s->plan_end = s->committed.text;
    *result = &s->base;
    return 0;
}

struct receiver_log *receiver_source_log(struct source *s)
{
    return of(s)->log;
}

int receiver_source_release(struct source *s, struct error *e)
{
    return receiver_log_release(of(s)->log, of(s)->committed.text, e);
}

void receiver_source_end_input(struct source *s)
{
    of(s)->has_ended = true;
}

void receiver_source_block_input(struct source *s, bool is_blocked)
{
    of(s)->is_blocked = is_blocked;
}

uint64_t receiver_source_handed(const struct source *s)
{
    return of_const(s)->at;
}

uint64_t receiver_source_left(const struct source *s)
{
    return receiver_log_text_end(of_const(s)->log) - of_const(s)->committed.text;
}

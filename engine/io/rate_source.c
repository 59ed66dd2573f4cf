#include "io/rate_source.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "data/msgpack.h"
#include "state/keys.h"

#define VALUE_BYTES  (4 * sizeof(uint64_t))
#define RECORD_BYTES 30 /* of the share: what one takes as msgpack, about */
#define BLOCK_VALUES ((uint64_t)4 * LIMIT_CHUNK_RECORDS_MAX)

struct rate_source {
    struct source base;
    struct rate rate;
    uint64_t rows;        /* UINT64_MAX: no end */
    uint64_t records_max; /* of an epoch */
    bool takes_all;
    bool never_ends;
    bool is_idle;   /* nothing is due, and the epoch runs all the same: with an empty block */
    bool has_begun; /* rate.since_ms is known */

    int64_t now_ms;
    uint64_t position; /* values before it were read by committed epochs */
    uint64_t at;       /* handed out up to here */
    uint64_t plan_end;
    uint64_t sequence;
    uint64_t in_flight;
    bool is_rerun; /* plan_end is where the abandoned run had come to */
};

static struct rate_source *of(struct source *s)
{
    return (struct rate_source *)s;
}

int64_t rate_due_ms(const struct rate *rate, uint64_t value)
{
    uint64_t n = value - rate->first;
    uint64_t seconds = n / rate->rows_per_second;
    uint64_t rest = n % rate->rows_per_second;
    return rate->since_ms + (int64_t)(seconds * 1000 + rest * 1000 / rate->rows_per_second);
}

/* The first value that is not due yet: all before it have a time before `now_ms`. */
static uint64_t due_end(const struct rate *rate, int64_t now_ms)
{
    if (now_ms <= rate->since_ms) {
        return rate->first;
    }
    uint64_t ms = (uint64_t)(now_ms - rate->since_ms);
    uint64_t rest = ms % 1000 * rate->rows_per_second;
    return rate->first + ms / 1000 * rate->rows_per_second + (rest + 999) / 1000;
}

void rate_pack(const struct rate *rate, uint64_t value, uint32_t count, struct buffer *b)
{
    for (uint32_t i = 0; i < count; i++) {
        msgpack_add_map(b, 2);
        msgpack_add_string(b, "value", 5);
        msgpack_add_number(b, (double)(value + i));
        msgpack_add_string(b, "time", 4);
        msgpack_add_number(b, (double)rate_due_ms(rate, value + i));
    }
}

static int poll(struct source *base, int64_t now_ms, struct error *e)
{
    (void)e;
    struct rate_source *s = of(base);
    if (!s->has_begun) {
        s->rate.since_ms = now_ms;
        s->has_begun = true;
    }
    s->now_ms = now_ms;
    return 0;
}

static int plan(struct source *base, uint64_t bytes_max, uint64_t *bytes, struct error *e)
{
    (void)e;
    struct rate_source *s = of(base);
    if (!s->is_rerun) {
        check(s->sequence == 0);
        uint64_t share = bytes_max / RECORD_BYTES > 0 ? bytes_max / RECORD_BYTES : 1;
        share = least_offset(share, s->records_max);
        uint64_t end = s->takes_all ? s->rows : least_offset(s->rows, due_end(&s->rate, s->now_ms));
        end = end > s->position ? end : s->position;
        s->plan_end = s->position + least_offset(share, end - s->position);
        s->is_idle = end == s->position && (s->never_ends || s->position < s->rows);
    }
    *bytes = (s->plan_end - s->position) * RECORD_BYTES;
    if (s->is_idle) {
        *bytes = 1;
    }
    return 0;
}

static int next_block(struct source *base, struct source_block *block, struct error *e)
{
    (void)e;
    struct rate_source *s = of(base);
    if (s->at >= s->plan_end && !(s->is_idle && s->sequence == 0)) {
        return 0;
    }
    uint64_t end = s->at + least_offset(BLOCK_VALUES, s->plan_end - s->at);
    *block = (struct source_block){
        .source = base->index,
        .order = SOURCE_ORDER(base->index, s->sequence),
        .partition_name = "rate",
        .rate = &s->rate,
        .start = s->at,
        .end = end,
        .limit = end,
        .bytes = (end - s->at) * RECORD_BYTES,
        .starts_a_record = true,
    };
    s->at = end;
    s->sequence++;
    s->in_flight++;
    return 1;
}

static void block_done(struct source *base, const struct source_block *block,
                       const struct source_done *done)
{
    struct rate_source *s = of(base);
    check(s->in_flight > 0 && done->next == block->end);
    s->in_flight--;
}

static int commit_into(struct source *base, struct store_batch *batch, struct error *e)
{
    (void)e;
    struct rate_source *s = of(base);
    check(s->in_flight == 0);
    struct store_key key = store_key_rate(base->store_id);
    char value[VALUE_BYTES];
    bytes_put_u64(value, s->at);
    bytes_put_u64(value + 8, s->rate.first);
    bytes_put_u64(value + 16, (uint64_t)s->rate.since_ms);
    bytes_put_u64(value + 24, s->rate.rows_per_second);
    store_batch_put(batch, STORE_META, store_key_slice(&key), (struct slice){value, sizeof value});
    return 0;
}

static void committed(struct source *base)
{
    struct rate_source *s = of(base);
    s->position = s->plan_end = s->at;
    s->sequence = 0;
    s->is_rerun = false;
}

static void abandon(struct source *base)
{
    struct rate_source *s = of(base);
    if (!s->is_rerun) {
        s->plan_end = s->at;
        s->is_idle = s->is_idle && s->sequence > 0;
    }
    s->at = s->position;
    s->sequence = 0;
    s->in_flight = 0;
    s->is_rerun = true;
}

static bool is_drained(const struct source *base)
{
    const struct rate_source *s = (const struct rate_source *)base;
    return s->plan_end >= s->rows;
}

static void each_partition(const struct source *base, source_partition_fn fn, void *context)
{
    const struct rate_source *s = (const struct rate_source *)base;
    fn(context, 0, s->at >= s->rows ? PARTITION_ENDED : PARTITION_IS_OPEN);
}

static void close_source(struct source *base)
{
    memory_free(of(base));
}

static const struct source_ops rate_ops = {
    .poll = poll,
    .plan = plan,
    .next_block = next_block,
    .block_done = block_done,
    .commit_into = commit_into,
    .committed = committed,
    .abandon = abandon,
    .is_drained = is_drained,
    .each_partition = each_partition,
    .close = close_source,
};

/* @param value  what was stored */
static int take_position(struct rate_source *s, const struct buffer *value, struct error *e)
{
    const char *bytes = value->data;
    uint64_t rows_per_second = value->size == VALUE_BYTES ? bytes_get_u64(bytes + 24) : 0;
    uint64_t first = rows_per_second == 0 ? 0 : bytes_get_u64(bytes + 8);
    if (rows_per_second == 0 || first > bytes_get_u64(bytes)) {
        return error_set(e, MILL_ECORRUPT, "the record META n/%u of a rate's position is damaged",
                         s->base.store_id);
    }
    struct rate old = {first, (int64_t)bytes_get_u64(bytes + 16), rows_per_second};
    s->position = s->at = s->plan_end = bytes_get_u64(bytes);
    s->has_begun = true;
    if (old.rows_per_second == s->rate.rows_per_second) {
        s->rate = old;
    } else {
        s->rate.first = s->position;
        s->rate.since_ms = rate_due_ms(&old, s->position);
    }
    return 0;
}

int rate_source_open(const struct rate_source_options *options, struct store *store,
                     struct source **result, struct error *e)
{
    check(options->rows_per_second > 0);
    struct rate_source *s = memory_zero(1, sizeof *s);
    s->base = (struct source){&rate_ops, options->index, options->store_id};
    s->rate.rows_per_second = options->rows_per_second;
    s->rows = options->rows > 0 ? options->rows : UINT64_MAX;
    s->records_max = options->records_max > 0 ? options->records_max : UINT64_MAX;
    s->takes_all = options->takes_all;
    s->never_ends = options->never_ends;
    s->has_begun = options->starts_at_zero;
    struct store_key key = store_key_rate(options->store_id);
    struct buffer value;
    buffer_init(&value, 4096);
    int rc = store_get(store, STORE_META, store_key_slice(&key), &value, e);
    rc = rc == 0 ? take_position(s, &value, e) : rc == MILL_ENOENT ? 0 : rc;
    buffer_deinit(&value);
    if (rc != 0) {
        close_source(&s->base);
        return rc;
    }
    *result = &s->base;
    return 0;
}

#include "io/queue_source.h"

#include "base/check.h"
#include "base/memory.h"
#include "state/keys.h"

struct batch {
    char *bytes; /* owned */
    size_t size;
};

struct queue_source {
    struct source base;
    struct batch *batches;
    uint64_t count;
    uint64_t position; /* batches read by committed epochs */
    bool is_planned;   /* the batch at `position` belongs to the running epoch */
    bool is_out;       /* it was handed out */
    bool is_rerun;     /* what was handed out when the epoch was abandoned is all there is */
};

static struct queue_source *of(struct source *s)
{
    return (struct queue_source *)s;
}

static int plan(struct source *base, uint64_t bytes_max, uint64_t *bytes, struct error *e)
{
    (void)bytes_max;
    (void)e;
    struct queue_source *q = of(base);
    if (!q->is_rerun) {
        check(!q->is_out);
        q->is_planned = q->position < q->count;
    }
    /* A batch without records (text of no lines) is a batch: its epoch must run. */
    *bytes = !q->is_planned                     ? 0
             : q->batches[q->position].size > 0 ? q->batches[q->position].size
                                                : 1;
    return 0;
}

static int next_block(struct source *base, struct source_block *block, struct error *e)
{
    (void)e;
    struct queue_source *q = of(base);
    if (!q->is_planned || q->is_out) {
        return 0;
    }
    q->is_out = true;
    const struct batch *batch = &q->batches[q->position];
    *block = (struct source_block){
        .source = base->index,
        .order = SOURCE_ORDER(base->index, 0),
        .partition_name = "queue",
        .start = q->position,
        .end = q->position + 1,
        .limit = q->position + 1,
        .bytes = batch->size,
        .starts_a_record = true,
        .values = {batch->bytes, batch->size},
    };
    return 1;
}

static void block_done(struct source *base, const struct source_block *block,
                       const struct source_done *done)
{
    (void)done;
    check(of(base)->is_out && block->start == of(base)->position);
}

static int commit_into(struct source *base, struct store_batch *batch, struct error *e)
{
    (void)e;
    struct queue_source *q = of(base);
    if (q->is_out) {
        struct store_key key = store_key_queue(base->store_id);
        char value[sizeof(uint64_t)];
        bytes_put_u64(value, q->position + 1);
        store_batch_put(batch, STORE_META, store_key_slice(&key),
                        (struct slice){value, sizeof value});
    }
    return 0;
}

static void committed(struct source *base)
{
    struct queue_source *q = of(base);
    q->position += q->is_out;
    q->is_planned = q->is_out = q->is_rerun = false;
}

static void abandon(struct source *base)
{
    struct queue_source *q = of(base);
    if (!q->is_rerun) {
        q->is_planned = q->is_out;
    }
    q->is_out = false;
    q->is_rerun = true;
}

static bool is_drained(const struct source *base)
{
    const struct queue_source *q = (const struct queue_source *)base;
    return q->position + q->is_planned >= q->count;
}

static void each_partition(const struct source *base, source_partition_fn fn, void *context)
{
    const struct queue_source *q = (const struct queue_source *)base;
    fn(context, 0, q->position + q->is_out >= q->count ? PARTITION_ENDED : PARTITION_IS_OPEN);
}

static void close_source(struct source *base)
{
    struct queue_source *q = of(base);
    for (uint64_t i = 0; i < q->count; i++) {
        memory_free(q->batches[i].bytes);
    }
    memory_free(q->batches);
    memory_free(q);
}

static const struct source_ops queue_ops = {
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

static int load_position(struct queue_source *q, struct store *store, struct error *e)
{
    struct store_key key = store_key_queue(q->base.store_id);
    struct buffer value;
    buffer_init(&value, 4096);
    int rc = store_get(store, STORE_META, store_key_slice(&key), &value, e);
    if (rc == MILL_ENOENT) {
        rc = 0;
    } else if (rc == MILL_ELIMIT || (rc == 0 && value.size != sizeof(uint64_t))) {
        rc = error_set(e, MILL_ECORRUPT, "the record META q/%u of a queue's position is damaged",
                       q->base.store_id);
    } else if (rc == 0) {
        q->position = bytes_get_u64(value.data);
    }
    buffer_deinit(&value);
    return rc;
}

int queue_source_open(const struct queue_source_options *options, struct store *store,
                      struct source **result, struct error *e)
{
    struct queue_source *q = memory_zero(1, sizeof *q);
    q->base = (struct source){&queue_ops, options->index, options->store_id};
    q->count = options->batch_count;
    q->batches = memory_zero(q->count + 1, sizeof *q->batches);
    for (uint64_t i = 0; i < q->count; i++) {
        const struct slice *batch = &options->batches[i];
        q->batches[i] = (struct batch){memory_copy(batch->data, batch->size), batch->size};
    }
    int rc = load_position(q, store, e);
    if (rc != 0) {
        close_source(&q->base);
        return rc;
    }
    *result = &q->base;
    return 0;
}

uint64_t queue_source_left(const struct source *s)
{
    const struct queue_source *q = (const struct queue_source *)s;
    return q->position < q->count ? q->count - q->position : 0;
}

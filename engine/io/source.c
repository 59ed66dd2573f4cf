#include "io/source.h"

int source_poll(struct source *s, int64_t now_ms, struct error *e)
{
    return s->ops->poll == NULL ? 0 : s->ops->poll(s, now_ms, e);
}

int source_plan(struct source *s, uint64_t bytes_max, uint64_t *bytes, struct error *e)
{
    return s->ops->plan(s, bytes_max, bytes, e);
}

int source_next_block(struct source *s, struct source_block *block, struct error *e)
{
    return s->ops->next_block(s, block, e);
}

void source_block_done(struct source *s, const struct source_block *block,
                       const struct source_done *done)
{
    s->ops->block_done(s, block, done);
}

bool source_is_waiting(const struct source *s)
{
    return s->ops->is_waiting != NULL && s->ops->is_waiting(s);
}

int source_prepare(struct source *s, struct error *e)
{
    return s->ops->prepare == NULL ? 0 : s->ops->prepare(s, e);
}

int source_commit_into(struct source *s, struct store_batch *batch, struct error *e)
{
    return s->ops->commit_into(s, batch, e);
}

void source_committed(struct source *s)
{
    s->ops->committed(s);
}

void source_abandon(struct source *s)
{
    s->ops->abandon(s);
}

bool source_is_drained(const struct source *s)
{
    return s->ops->is_drained(s);
}

bool source_wants_commit(const struct source *s)
{
    return s->ops->wants_commit != NULL && s->ops->wants_commit(s);
}

void source_each_partition(const struct source *s, source_partition_fn fn, void *context)
{
    s->ops->each_partition(s, fn, context);
}

void source_close(struct source *s)
{
    s->ops->close(s);
}

#include "flow/merge.h"

#include "base/check.h"
#include "base/memory.h"

/* @return 1 when the cursor has an entry, 0 at its end, or MILL_EIO */
static int advance(struct merge_cursor *c, struct error *e)
{
    if (c->in_file) {
        return run_reader_next(&c->reader, &c->entry, e);
    }
    if (c->at == c->end) {
        return 0;
    }
    c->entry = c->shuffle->entries[c->shuffle->sorted[c->at++]];
    return 1;
}

static bool comes_before(const struct merge *m, uint32_t a, uint32_t b)
{
    const struct merge_cursor *left = &m->cursors[a];
    const struct merge_cursor *right = &m->cursors[b];
    int order = shuffle_compare(&left->entry, &right->entry);
    return order != 0 ? order < 0 : left->rank < right->rank;
}

static void sift_down(struct merge *m, uint32_t at)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= m->heap_size) {
            return;
        }
        if (child + 1 < m->heap_size && comes_before(m, m->heap[child + 1], m->heap[child])) {
            child++;
        }
        if (!comes_before(m, m->heap[child], m->heap[at])) {
            return;
        }
        uint32_t moved = m->heap[at];
        m->heap[at] = m->heap[child];
        m->heap[child] = moved;
        at = child;
    }
}

static void add_file_cursor(struct merge *m, const struct mill_shuffle *s, uint32_t run,
                            uint32_t shard)
{
    struct merge_cursor *c = &m->cursors[m->cursor_count];
    *c = (struct merge_cursor){.shuffle = s, .in_file = true, .rank = m->cursor_count};
    run_reader_init(&c->reader, &s->spill, s->runs[run].shard_offset[shard],
                    s->runs[run].shard_offset[shard + 1]);
    m->cursor_count++;
}

static void add_memory_cursor(struct merge *m, const struct mill_shuffle *s, uint32_t shard)
{
    m->cursors[m->cursor_count] = (struct merge_cursor){
        .shuffle = s,
        .at = s->shard_start[shard],
        .end = s->shard_start[shard + 1],
        .rank = m->cursor_count,
    };
    m->cursor_count++;
}

int merge_open(struct merge *m, struct mill_shuffle *const *shuffles, uint32_t shuffle_count,
               uint32_t shard, struct error *e)
{
    *m = (struct merge){0};
    check(shard < SHARD_COUNT);
    uint32_t count = shuffle_count;
    for (uint32_t i = 0; i < shuffle_count; i++) {
        count += shuffles[i]->run_count;
    }
    m->cursors = memory_alloc(count * sizeof *m->cursors);
    m->heap = memory_alloc(count * sizeof *m->heap);
    for (uint32_t i = 0; i < shuffle_count; i++) {
        for (uint32_t run = 0; run < shuffles[i]->run_count; run++) {
            add_file_cursor(m, shuffles[i], run, shard);
        }
        add_memory_cursor(m, shuffles[i], shard);
    }
    for (uint32_t i = 0; i < m->cursor_count; i++) {
        int rc = advance(&m->cursors[i], e);
        if (rc < 0) {
            merge_close(m);
            return rc;
        }
        if (rc == 1) {
            m->heap[m->heap_size++] = i;
        }
    }
    for (uint32_t i = m->heap_size / 2; i > 0; i--) {
        sift_down(m, i - 1);
    }
    return 0;
}

void merge_close(struct merge *m)
{
    for (uint32_t i = 0; i < m->cursor_count; i++) {
        if (m->cursors[i].in_file) {
            run_reader_deinit(&m->cursors[i].reader);
        }
    }
    memory_free(m->cursors);
    memory_free(m->heap);
    *m = (struct merge){0};
}

int merge_next(struct merge *m, const struct shuffle_entry **entry, struct error *e)
{
    if (m->started && m->heap_size > 0) {
        int rc = advance(&m->cursors[m->heap[0]], e);
        if (rc < 0) {
            return rc;
        }
        if (rc == 0) {
            m->heap[0] = m->heap[--m->heap_size];
        }
        sift_down(m, 0);
    }
    m->started = true;
    if (m->heap_size == 0) {
        return 0;
    }
    *entry = &m->cursors[m->heap[0]].entry;
    return 1;
}

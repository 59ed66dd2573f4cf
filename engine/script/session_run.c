#include "script/session_run.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "data/key.h"
#include "flow/combine.h"
#include "flow/merge.h"
#include "script/dead_letter.h"
#include "script/window_part.h"
#include "state/keys.h"

#define DUE_BYTES_MAX     ((size_t)(4 * MIB)) /* in memory; then runs on disk */
#define KEYS_MAX          512                 /* looked up at once */
#define KEYS_FIRST        16                  /* nothing is known about their size yet */
#define VALUES_WANTED     (32 * MIB)          /* of what is looked up; then fewer keys */
#define PIECES_WANTED     8192                /* and then no more keys */
#define LOOKUP_VALUES_MAX ((size_t)KEYS_MAX * (LIMIT_STATE_VALUE_BYTES_MAX + 16))

struct piece {
    struct window_span span;
    struct mill_cell cell;
    bool is_stored; /* a session of the store, as it was */
};

struct session_key {
    struct slice key;
    uint32_t first; /* index of its first piece with records; they are in order of time */
    uint32_t count;
    uint64_t indexed; /* of the store; 0: it has nothing */
};

/* What stands behind a group of the chunk. */
struct session {
    const struct session_key *key;
    struct window_span span;
    uint32_t first; /* index of its first piece in w->pieces */
    uint32_t count;
    bool ends_key; /* the last one of its key */
};

struct session_run {
    struct stage_chunk *c;
    const struct window_shape *shape;
    int64_t now_ms;
    struct mill_shuffle due; /* keys whose entries have come */
    struct arena arena;      /* of keys and pieces */
    struct session_key *keys;
    uint32_t key_count;
    uint32_t keys_max;    /* that are looked up at once the next time */
    struct piece *pieces; /* of these keys, with records */
    uint32_t piece_count;
    uint32_t piece_capacity;
    struct piece *line; /* of one key, those of the store too, in order of time */
    uint32_t line_count;
    uint32_t line_capacity;
    struct session *sessions; /* by group of the chunk */
    struct slice *lookups;
    struct slice *found;
    struct buffer values;
    struct buffer kept;  /* of the key that is being written: its open sessions */
    int64_t kept_end_ms; /* of the first of them */
};

static struct store_batch *batch_of(const struct session_run *w)
{
    const struct stage_task *t = w->c->task;
    return delta_batch(t->delta, t->stage, t->shard);
}

static struct slice entry_key(const struct session_run *w, struct slice key, uint64_t time_ms)
{
    char head[DEADLINE_KEY_HEAD_BYTES];
    uint16_t group = (uint16_t)key_group_of(hash_key(key.data, key.size));
    store_deadline_head(head, w->c->task->operator_number, group, time_ms);
    return stage_chunk_key(w->c, (struct slice){head, sizeof head}, key);
}

/* --- keys whose time is up --- */

static int add_due(struct session_run *w, struct slice entry, struct error *e)
{
    if (entry.size <= DEADLINE_KEY_HEAD_BYTES) {
        return error_set(e, MILL_ECORRUPT, "the key of a session in the store is damaged");
    }
    struct shuffle_entry mark = {
        .key = entry.data + DEADLINE_KEY_HEAD_BYTES,
        .key_size = (uint32_t)(entry.size - DEADLINE_KEY_HEAD_BYTES),
        .key_group = bytes_get_u16(entry.data + 12),
        .cell = {.kind = MILL_NUMBER, .len = 0}, /* a number of no values marks the key */
    };
    int rc = shuffle_add_entry(&w->due, &mark);
    if (rc != 0) {
        *e = w->due.error;
        return rc;
    }
    store_batch_remove(batch_of(w), STORE_STATE, entry);
    return 0;
}

static int collect_due(struct session_run *w, struct error *e)
{
    const struct stage_task *t = w->c->task;
    bool is_end = w->now_ms == WATERMARK_END;
    if (w->now_ms == w->c->task->before_ms || w->now_ms < 0) {
        return 0;
    }
    uint16_t first_group = (uint16_t)(t->shard * (KEY_GROUP_COUNT / SHARD_COUNT));
    char from[DEADLINE_KEY_HEAD_BYTES];
    char to[DEADLINE_KEY_HEAD_BYTES];
    store_deadline_head(from, t->operator_number, first_group, 0);
    store_deadline_head(to, t->operator_number, first_group,
                        is_end ? UINT64_MAX : (uint64_t)w->now_ms + 1);
    size_t before = store_batch_bytes(batch_of(w));
    struct store_iterator *i =
        store_iterate(t->store, STORE_STATE, (struct slice){from, 12}, (struct slice){to, 12});
    struct slice key;
    struct slice value;
    int rc = store_next(i, &key, &value, e);
    while (rc == 1) {
        rc = add_due(w, key, e);
        rc = rc == 0 ? store_next(i, &key, &value, e) : rc;
    }
    store_iterate_end(i);
    return rc == 0 ? delta_check(t->delta, t->stage, t->shard, before, e) : rc;
}

static bool is_mark(const struct shuffle_entry *entry)
{
    return entry->cell.kind == MILL_NUMBER && entry->cell.len == 0;
}

/* --- the sessions of the store --- */

static struct piece *append(struct piece **list, uint32_t *count, uint32_t *capacity)
{
    if (*count == *capacity) {
        *capacity = *capacity == 0 ? 1024 : *capacity * 2;
        *list = memory_grow(*list, (size_t)*capacity * sizeof **list);
    }
    return &(*list)[(*count)++];
}

static int read_stored(struct session_run *w, struct session_key *k, struct slice value,
                       struct error *e)
{
    struct reader in;
    reader_init(&in, value.data, value.size);
    k->indexed = reader_u64(&in);
    int rc = 0;
    while (reader_left(&in) > 0 && !in.failed && rc == 0) {
        struct piece p = {.is_stored = true};
        p.span.first_ms = (int64_t)reader_u64(&in);
        p.span.last_ms = (int64_t)reader_u64(&in);
        struct slice part = reader_string(&in);
        rc = in.failed ? 0 : window_part_get(w->c->stage, part, &p.cell, e);
        *append(&w->line, &w->line_count, &w->line_capacity) = p;
    }
    bool good = !in.failed && k->indexed > 0 && w->line_count > 0;
    return rc != 0 || good ? rc : error_set(e, MILL_ECORRUPT, "a session in the store is damaged");
}

static int compare_pieces(const void *left, const void *right)
{
    const struct window_span *a = &((const struct piece *)left)->span;
    const struct window_span *b = &((const struct piece *)right)->span;
    if (a->first_ms != b->first_ms) {
        return a->first_ms < b->first_ms ? -1 : 1;
    }
    return a->last_ms < b->last_ms ? -1 : a->last_ms > b->last_ms;
}

/* All pieces of a key by time; of equal ones that of the store is first (there is one at most, and
 * those with records are in order already). */
static int line_up(struct session_run *w, struct session_key *k, struct slice stored,
                   struct error *e)
{
    w->line_count = 0;
    int rc = stored.data == NULL ? 0 : read_stored(w, k, stored, e);
    uint32_t from_store = w->line_count;
    for (uint32_t i = 0; i < k->count; i++) {
        *append(&w->line, &w->line_count, &w->line_capacity) = w->pieces[k->first + i];
    }
    if (from_store > 0 && k->count > 0) {
        qsort(w->line, w->line_count, sizeof *w->line, compare_pieces);
    }
    return rc;
}

/* --- what becomes of a key --- */

static bool is_closed(const struct session_run *w, const struct window_span *span)
{
    return w->now_ms == WATERMARK_END || window_end(w->shape, span) <= w->now_ms;
}

static int keep(struct session_run *w, const struct window_span *span, const struct mill_cell *cell,
                struct error *e)
{
    struct buffer *part = &w->c->h->value;
    buffer_clear(part);
    int rc = window_part_put(w->c->stage, cell, part) ? 0 : MILL_ELIMIT;
    if (w->kept.size == 0) {
        rc = rc == 0 ? bytes_add_u64(&w->kept, 0) : rc; /* finish_key says what is indexed */
        w->kept_end_ms = window_end(w->shape, span);
    }
    rc = rc == 0 ? bytes_add_u64(&w->kept, (uint64_t)span->first_ms) : rc;
    rc = rc == 0 ? bytes_add_u64(&w->kept, (uint64_t)span->last_ms) : rc;
    rc = rc == 0 ? bytes_add_string(&w->kept, part->data, part->size) : rc;
    if (rc == 0) {
        return 0;
    }
    return error_set(e, MILL_ELIMIT, "%s: the open sessions of a key are larger than 16 MiB",
                     dead_letter_label(w->c->h, w->c->stage->operator_id));
}

static void finish_key(struct session_run *w, const struct session_key *k)
{
    bool has_come =
        k->indexed > 0 && (w->now_ms == WATERMARK_END || (int64_t)k->indexed <= w->now_ms);
    uint64_t indexed = has_come ? 0 : k->indexed; /* an entry that has come is removed */
    uint64_t wanted = w->kept.size == 0 ? 0 : (uint64_t)w->kept_end_ms;
    bool is_right = indexed > 0 && wanted > 0 && indexed <= wanted;
    if (!is_right && indexed > 0) {
        store_batch_remove(batch_of(w), STORE_STATE, entry_key(w, k->key, indexed));
    }
    if (!is_right && wanted > 0) {
        indexed = wanted;
        store_batch_put(batch_of(w), STORE_STATE, entry_key(w, k->key, indexed),
                        (struct slice){"", 0});
    }
    if (wanted > 0) {
        bytes_put_u64(w->kept.data, indexed);
        store_batch_put(batch_of(w), STORE_STATE, stage_chunk_state_key(w->c, k->key),
                        (struct slice){w->kept.data, w->kept.size});
    } else if (k->indexed > 0) {
        store_batch_remove(batch_of(w), STORE_STATE, stage_chunk_state_key(w->c, k->key));
    }
    buffer_clear(&w->kept);
}

/* What failed leaves the sessions as the store has them. */
static int keep_stored(struct session_run *w, const struct session *s, struct error *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < s->count && rc == 0; i++) {
        const struct piece *p = &w->pieces[s->first + i];
        rc = p->is_stored ? keep(w, &p->span, &p->cell, e) : 0;
    }
    return rc;
}

/* Sessions that are open go into the state; those that have closed stay in the chunk. */
static int part_sessions(struct session_run *w, struct error *e)
{
    struct host *h = w->c->h;
    uint32_t closed = 0;
    int rc = 0;
    for (uint32_t i = 0; i < w->c->group_count && rc == 0; i++) {
        struct mill_group g = h->groups[i];
        const struct session *s = &w->sessions[i];
        if ((g.changed & GROUP_CHANGED) == 0) {
            rc = keep_stored(w, s, e);
        } else if (!is_closed(w, &s->span)) {
            rc = keep(w, &s->span, &g.after, e);
        } else {
            h->cells[g.first] = g.after;
            combine_finish(w->c->stage->combine, &h->cells[g.first]);
            g.count = 1;
            g.ordinal |= 1;
            h->groups[closed++] = g;
        }
        if (s->ends_key && rc == 0) {
            finish_key(w, s->key);
        }
    }
    w->c->group_count = closed;
    return rc;
}

static void note_ends(struct session_run *w)
{
    int64_t *last = &w->c->h->window_ends[w->c->task->stage];
    for (uint32_t i = 0; i < w->c->group_count; i++) {
        int64_t end_ms = (int64_t)w->c->h->groups[i].end_ms;
        *last = end_ms > *last ? end_ms : *last;
    }
}

static int flush(struct session_run *w, struct error *e)
{
    const struct stage_task *t = w->c->task;
    if (w->c->group_count == 0) {
        return 0;
    }
    size_t before = store_batch_bytes(batch_of(w));
    int rc = window_part_merge(w->c, e);
    rc = rc == 0 ? part_sessions(w, e) : rc;
    if (rc == 0 && w->c->group_count > 0) {
        note_ends(w);
        rc = stage_chunk_run(w->c, e);
    }
    stage_chunk_clear(w->c);
    return rc == 0 ? delta_check(t->delta, t->stage, t->shard, before, e) : rc;
}

/* --- pieces into sessions --- */

/* A group for the pieces [first, first + count) of the line. */
static void add_session(struct session_run *w, const struct session_key *k, uint32_t first,
                        uint32_t count, const struct window_span *span)
{
    struct mill_group *g = stage_chunk_add_group(w->c, k->key.data, (uint32_t)k->key.size);
    struct session *s = &w->sessions[w->c->group_count - 1];
    *s = (struct session){.key = k,
                          .span = *span,
                          .first = w->piece_count,
                          .count = count,
                          .ends_key = first + count == w->line_count};
    for (uint32_t i = first; i < first + count; i++) {
        stage_chunk_add_cell(w->c, &w->line[i].cell, false);
        *append(&w->pieces, &w->piece_count, &w->piece_capacity) = w->line[i];
    }
    g->count = count;
    g->start_ms = (double)span->first_ms;
    g->end_ms = (double)window_end(w->shape, span);
    g->ordinal = (uint32_t)(span->first_ms / w->shape->pane_ms) << 1;
}

static int run_key(struct session_run *w, struct session_key *k, struct error *e)
{
    uint32_t first = 0;
    int rc = 0;
    while (first < w->line_count && rc == 0) {
        struct window_span span = w->line[first].span;
        uint32_t count = 1;
        while (first + count < w->line_count &&
               window_touches(w->shape, &span, &w->line[first + count].span)) {
            int64_t last = w->line[first + count].span.last_ms;
            span.last_ms = last > span.last_ms ? last : span.last_ms;
            count++;
        }
        add_session(w, k, first, count, &span);
        first += count;
        rc = stage_chunk_is_full(w->c) ? flush(w, e) : 0;
    }
    return rc;
}

/* The keys that were collected, with what the store has of them. */
static int run_keys(struct session_run *w, struct error *e)
{
    for (uint32_t i = 0; i < w->key_count; i++) {
        w->lookups[i] = stage_chunk_state_key(w->c, w->keys[i].key);
    }
    buffer_clear(&w->values);
    struct store_lookup l = {STORE_STATE, w->lookups, w->key_count, &w->values, w->found};
    int rc = w->key_count > 0 ? store_get_many(w->c->task->store, &l, e) : 0;
    for (uint32_t i = 0; i < w->key_count && rc == 0; i++) {
        rc = line_up(w, &w->keys[i], w->found[i], e);
        rc = rc == 0 ? run_key(w, &w->keys[i], e) : rc;
    }
    rc = rc == 0 ? flush(w, e) : rc;
    if (w->values.size > VALUES_WANTED) {
        w->keys_max = w->keys_max > 4 ? w->keys_max / 4 : 1;
    } else if (w->values.size < VALUES_WANTED / 4 && w->keys_max < KEYS_MAX) {
        w->keys_max *= 2;
    }
    w->key_count = 0;
    w->piece_count = 0;
    arena_reset(&w->arena);
    return rc;
}

/* --- collecting --- */

static bool is_same_key(const struct session_run *w, const struct shuffle_entry *entry)
{
    if (w->key_count == 0) {
        return false;
    }
    const struct slice *key = &w->keys[w->key_count - 1].key;
    return key->size == entry->key_size && memcmp(key->data, entry->key, key->size) == 0;
}

static int begin_key(struct session_run *w, const struct shuffle_entry *entry, struct error *e)
{
    bool is_full =
        w->key_count >= w->keys_max || w->piece_count >= PIECES_WANTED || w->arena.bytes >= MIB;
    int rc = is_full ? run_keys(w, e) : 0;
    const char *bytes = arena_copy(&w->arena, entry->key, entry->key_size);
    w->keys[w->key_count++] = (struct session_key){
        .key = {bytes, entry->key_size},
        .first = w->piece_count,
    };
    return rc;
}

static int add_entry(struct session_run *w, const struct shuffle_entry *entry, struct error *e)
{
    int rc = is_same_key(w, entry) ? 0 : begin_key(w, entry, e);
    if (rc != 0 || is_mark(entry)) {
        return rc;
    }
    struct piece *p = append(&w->pieces, &w->piece_count, &w->piece_capacity);
    *p = (struct piece){{(int64_t)entry->order, (int64_t)entry->origin}, entry->cell, false};
    if (entry->cell.kind != MILL_NUMBER) {
        p->cell.ptr = arena_copy(&w->arena, entry->cell.ptr, entry->cell.len);
    }
    w->keys[w->key_count - 1].count++;
    if (w->arena.bytes + w->piece_count * sizeof *p <= LIMIT_GROUP_BYTES_MAX) {
        return 0;
    }
    return error_set(e, MILL_ELIMIT, "%s: one key has more than 64 MiB of values in one batch",
                     dead_letter_label(w->c->h, w->c->stage->operator_id));
}

static int run_entries(struct session_run *w, struct merge *m, struct error *e)
{
    const struct shuffle_entry *entry = NULL;
    int rc = merge_next(m, &entry, e);
    while (rc == 1) {
        rc = add_entry(w, entry, e);
        rc = rc == 0 ? merge_next(m, &entry, e) : rc;
    }
    return rc == 0 ? run_keys(w, e) : rc;
}

static int merge_all(struct session_run *w, struct error *e)
{
    const struct stage_task *t = w->c->task;
    struct mill_shuffle **all = memory_alloc((t->worker_count + 1) * sizeof(struct mill_shuffle *));
    for (uint32_t i = 0; i < t->worker_count; i++) {
        all[i] = t->shuffles[i];
    }
    shuffle_seal(&w->due);
    all[t->worker_count] = &w->due;
    struct merge m;
    int rc = merge_open(&m, all, t->worker_count + 1, t->shard, e);
    rc = rc == 0 ? run_entries(w, &m, e) : rc;
    merge_close(&m);
    memory_free(all);
    return rc;
}

int session_run(struct stage_chunk *c, struct error *e)
{
    struct session_run w = {
        .c = c,
        .shape = &c->stage->window,
        .now_ms = c->task->watermark_ms,
        .keys_max = KEYS_FIRST,
        .keys = memory_alloc(KEYS_MAX * sizeof *w.keys),
        .sessions = memory_alloc((STAGE_CHUNK_GROUPS_MAX + 1) * sizeof *w.sessions),
        .lookups = memory_alloc(KEYS_MAX * sizeof *w.lookups),
        .found = memory_alloc(KEYS_MAX * sizeof *w.found),
    };
    arena_init(&w.arena);
    buffer_init(&w.values, LOOKUP_VALUES_MAX);
    buffer_init(&w.kept, LIMIT_STATE_VALUE_BYTES_MAX);
    shuffle_init(&w.due, c->h->options.spill_folder, DUE_BYTES_MAX);
    int rc = collect_due(&w, e);
    rc = rc == 0 ? merge_all(&w, e) : rc;
    shuffle_deinit(&w.due);
    buffer_deinit(&w.values);
    buffer_deinit(&w.kept);
    arena_deinit(&w.arena);
    memory_free(w.keys);
    memory_free(w.pieces);
    memory_free(w.line);
    memory_free(w.sessions);
    memory_free(w.lookups);
    memory_free(w.found);
    return rc;
}

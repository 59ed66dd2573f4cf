#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>
#include <string.h>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/memory.h"
#include "base/text.h"
#include "state/store.h"
#include "state/store_folder.h"
#include "state/store_log.h"
#include "state/store_manifest.h"
#include "state/store_options.h"
#include "state/store_status.h"

/* A skiplist holds this much for a byte of short keys and values. */
#define MEMTABLE_OVERHEAD 2
/* An unusually large batch gives its memory back. */
#define BATCH_BYTES_KEPT (16 * MIB)

#define HANDLE_COUNT (STORE_FAMILY_COUNT + 1)
static const char *const names[HANDLE_COUNT] = {"default", "meta", "state", "outbox", "redo"};

struct rocksdb_store {
    struct store base;
    char *path;
    rocksdb_t *db;
    rocksdb_column_family_handle_t *handles[HANDLE_COUNT];
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *write;
    rocksdb_flushoptions_t *flush;
    pthread_mutex_t writing;     /* over the batch, from its filling until it is written */
    rocksdb_writebatch_t *batch; /* reused by each write */
    atomic_uint iterators;       /* open ones */
    bool is_written;             /* since it was opened, and never in vain */
};

struct rocksdb_store_iterator {
    struct store_iterator base;
    struct rocksdb_store *store;
    rocksdb_iterator_t *at;
    rocksdb_readoptions_t *read;
    char *to; /* RocksDB borrows it */
    bool started;
};

static rocksdb_column_family_handle_t *handle_of(const struct rocksdb_store *s, enum store_family f)
{
    return s->handles[f + 1];
}

/* Takes RocksDB's text. */
static int fail(const char *path, int code, char *text, struct error *e)
{
    error_set(e, code, "store %s: %s (%s)", path, store_status_advice(code), text);
    rocksdb_free(text);
    return code;
}

/* --- opening and closing --- */

static int open_database(struct rocksdb_store *s, bool create, struct error *e)
{
    rocksdb_options_t *database = store_database_options(create);
    rocksdb_options_t *small = store_small_options(s->cache);
    rocksdb_options_t *state = store_state_options(s->cache);
    rocksdb_options_t *redo = store_redo_options(s->cache);
    const rocksdb_options_t *options[HANDLE_COUNT];
    for (int i = 0; i < HANDLE_COUNT; i++) {
        options[i] = i == STORE_STATE + 1 ? state : i == STORE_REDO + 1 ? redo : small;
    }
    char *text = NULL;
    s->db = rocksdb_open_column_families(database, s->path, HANDLE_COUNT, names, options,
                                         s->handles, &text);
    rocksdb_options_destroy(database);
    rocksdb_options_destroy(small);
    rocksdb_options_destroy(state);
    rocksdb_options_destroy(redo);
    if (text == NULL) {
        return 0;
    }
    s->db = NULL;
    if (strstr(text, "Column families not opened") != NULL) {
        error_set(e, MILL_EREFUSED, "store %s: made by a newer tidemill; use that one (%s)",
                  s->path, text);
        rocksdb_free(text);
        return MILL_EREFUSED;
    }
    return fail(s->path, store_status_of_open(text), text, e);
}

static int open_and_mend(struct rocksdb_store *s, bool create, struct error *e)
{
    int rc = open_database(s, create, e);
    if (rc != MILL_ECORRUPT) {
        return rc;
    }
    int mended = store_log_mend(s->path, e);
    if (mended != 1) {
        return mended == 0 ? rc : mended;
    }
    error_clear(e);
    return open_database(s, create, e);
}

/* @return whether a flush or a compaction is writing, or about to sync, the MANIFEST */
static bool works_in_background(struct rocksdb_store *s)
{
    static const char *const kinds[] = {"rocksdb.num-running-flushes",
                                        "rocksdb.num-running-compactions"};
    for (size_t i = 0; i < 2; i++) {
        uint64_t running = 1;
        if (rocksdb_property_int_cf(s->db, s->handles[0], kinds[i], &running) != 0 || running > 0) {
            return true;
        }
    }
    return false;
}

/* Only what is surely synced is noted: what a power cut takes from the MANIFEST's end was not. So
 * first look, then ask: work that begins behind the look is not in what was seen. */
static void add_manifest(struct rocksdb_store *s)
{
    struct store_manifest now;
    char value[STORE_MANIFEST_BYTES];
    if (store_manifest_look(s->path, &now, NULL) != 0 || works_in_background(s)) {
        return; /* what was noted before stays: the file is no shorter now */
    }
    store_manifest_encode(&now, value);
    rocksdb_writebatch_put_cf(s->batch, s->handles[0], STORE_MANIFEST_KEY,
                              strlen(STORE_MANIFEST_KEY), value, sizeof value);
}

/* RocksDB has removed the files that it did not know, and its next MANIFEST is a whole one: so
 * that later starts are refused too, the note is made one that no file can meet. */
static void refuse_for_ever(struct rocksdb_store *s)
{
    struct store_manifest never = {UINT64_MAX, UINT64_MAX};
    char value[STORE_MANIFEST_BYTES];
    char *text = NULL;
    store_manifest_encode(&never, value);
    rocksdb_put_cf(s->db, s->write, s->handles[0], STORE_MANIFEST_KEY, strlen(STORE_MANIFEST_KEY),
                   value, sizeof value, &text);
    rocksdb_free(text);
}

static int check_manifest(struct rocksdb_store *s, const struct store_manifest *found,
                          struct error *e)
{
    size_t size = 0;
    char *text = NULL;
    char *noted = rocksdb_get_cf(s->db, s->read, s->handles[0], STORE_MANIFEST_KEY,
                                 strlen(STORE_MANIFEST_KEY), &size, &text);
    if (text != NULL) {
        return fail(s->path, store_status_of(text), text, e);
    }
    if (noted == NULL) {
        return 0; /* nothing was ever written */
    }
    int rc = store_manifest_check(s->path, found, (struct slice){noted, size}, e);
    rocksdb_free(noted);
    if (rc == MILL_ECORRUPT) {
        refuse_for_ever(s);
    }
    return rc;
}

static int open_and_check(struct rocksdb_store *s, bool create, struct error *e)
{
    struct store_manifest found;
    int rc = store_manifest_look(s->path, &found, e);
    rc = rc == 0 ? open_and_mend(s, create, e) : rc;
    return rc == 0 ? check_manifest(s, &found, e) : rc;
}

/* For those of its records that came behind the last write. */
static void note_manifest(struct rocksdb_store *s)
{
    char *text = NULL;
    rocksdb_cancel_all_background_work(s->db, 1);
    add_manifest(s);
    rocksdb_write(s->db, s->write, s->batch, &text);
    rocksdb_free(text); /* not noted is no harm */
}

static void rocksdb_store_close(struct store *base)
{
    struct rocksdb_store *s = (struct rocksdb_store *)base;
    check(atomic_load(&s->iterators) == 0);
    if (s->is_written) {
        note_manifest(s);
    }
    if (s->db != NULL) {
        for (int i = 0; i < HANDLE_COUNT; i++) {
            rocksdb_column_family_handle_destroy(s->handles[i]);
        }
        rocksdb_close(s->db);
    }
    rocksdb_writebatch_destroy(s->batch);
    pthread_mutex_destroy(&s->writing);
    rocksdb_flushoptions_destroy(s->flush);
    rocksdb_writeoptions_destroy(s->write);
    rocksdb_readoptions_destroy(s->read);
    rocksdb_cache_destroy(s->cache);
    memory_free(s->path);
    memory_free(s);
}

/* --- reading --- */

static int rocksdb_store_get(struct store *base, enum store_family f, struct slice key,
                             struct buffer *value, struct error *e)
{
    struct rocksdb_store *s = (struct rocksdb_store *)base;
    char *text = NULL;
    rocksdb_pinnableslice_t *found =
        rocksdb_get_pinned_cf(s->db, s->read, handle_of(s, f), key.data, key.size, &text);
    if (text != NULL) {
        return fail(s->path, store_status_of(text), text, e);
    }
    if (found == NULL) {
        return error_set(e, MILL_ENOENT, "store: no such key");
    }
    size_t size = 0;
    const char *bytes = rocksdb_pinnableslice_value(found, &size);
    int rc = buffer_append(value, bytes, size);
    rocksdb_pinnableslice_destroy(found);
    return rc == 0 ? 0
                   : error_set(e, rc, "store %s: a value of %zu bytes; at most %zu have room here",
                               s->path, size, value->max);
}

/* What RocksDB wants and gives for a lookup, in arrays of its own. */
struct many {
    const char **keys;
    size_t *sizes;
    rocksdb_pinnableslice_t **values;
    char **errors;
};

/* Add a value that was found, which has room. */
static struct slice take_value(struct buffer *values, rocksdb_pinnableslice_t *value)
{
    size_t size = 0;
    const char *bytes = rocksdb_pinnableslice_value(value, &size);
    struct slice found = {size == 0 ? "" : values->data + values->size, size};
    int rc = buffer_append(values, bytes, size);
    check(rc == 0);
    return found;
}

/* @return 0, or what the first key failed with */
static int take_values(struct rocksdb_store *s, struct store_lookup *l, struct many *m,
                       struct error *e)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        size_t size = 0;
        if (m->values[i] != NULL) {
            rocksdb_pinnableslice_value(m->values[i], &size);
        }
        bytes += size;
    }
    int rc = buffer_reserve(l->values, bytes);
    rc = rc == 0 ? 0 : error_set(e, rc, "store %s: %zu bytes have no room", s->path, bytes);
    for (uint32_t i = 0; i < l->count; i++) {
        l->found[i] = (struct slice){0};
        if (m->errors[i] != NULL) {
            rc = fail(s->path, store_status_of(m->errors[i]), m->errors[i], rc == 0 ? e : NULL);
        }
        if (m->values[i] != NULL && rc == 0) {
            l->found[i] = take_value(l->values, m->values[i]);
        }
        rocksdb_pinnableslice_destroy(m->values[i]);
    }
    return rc;
}

static int rocksdb_store_get_many(struct store *base, struct store_lookup *l, struct error *e)
{
    struct rocksdb_store *s = (struct rocksdb_store *)base;
    struct many m = {
        .keys = memory_alloc(l->count * sizeof *m.keys),
        .sizes = memory_alloc(l->count * sizeof *m.sizes),
        .values = memory_zero(l->count, sizeof(void *)),
        .errors = memory_zero(l->count, sizeof *m.errors),
    };
    for (uint32_t i = 0; i < l->count; i++) {
        m.keys[i] = l->keys[i].data;
        m.sizes[i] = l->keys[i].size;
    }
    rocksdb_batched_multi_get_cf(s->db, s->read, handle_of(s, l->family), l->count, m.keys, m.sizes,
                                 m.values, m.errors, true);
    int rc = take_values(s, l, &m, e);
    memory_free(m.keys);
    memory_free(m.sizes);
    memory_free(m.values);
    memory_free(m.errors);
    return rc;
}

static struct store_iterator *rocksdb_store_iterate(struct store *base, enum store_family f,
                                                    struct slice from, struct slice to)
{
    struct rocksdb_store *s = (struct rocksdb_store *)base;
    struct rocksdb_store_iterator *i = memory_zero(1, sizeof *i);
    i->base.ops = base->ops;
    i->store = s;
    i->read = store_walk_options();
    if (to.size > 0) {
        i->to = memory_copy(to.data, to.size);
        rocksdb_readoptions_set_iterate_upper_bound(i->read, i->to, to.size);
    }
    i->at = rocksdb_create_iterator_cf(s->db, i->read, handle_of(s, f));
    rocksdb_iter_seek(i->at, from.size > 0 ? from.data : "", from.size);
    atomic_fetch_add(&s->iterators, 1);
    return &i->base;
}

static int rocksdb_store_next(struct store_iterator *base, struct slice *key, struct slice *value,
                              struct error *e)
{
    struct rocksdb_store_iterator *i = (struct rocksdb_store_iterator *)base;
    if (i->started && rocksdb_iter_valid(i->at)) {
        rocksdb_iter_next(i->at);
    }
    i->started = true;
    if (rocksdb_iter_valid(i->at)) {
        key->data = rocksdb_iter_key(i->at, &key->size);
        value->data = rocksdb_iter_value(i->at, &value->size);
        return 1;
    }
    char *text = NULL;
    rocksdb_iter_get_error(i->at, &text);
    return text == NULL ? 0 : fail(i->store->path, store_status_of(text), text, e);
}

static void rocksdb_store_iterate_end(struct store_iterator *base)
{
    struct rocksdb_store_iterator *i = (struct rocksdb_store_iterator *)base;
    rocksdb_iter_destroy(i->at);
    rocksdb_readoptions_destroy(i->read);
    atomic_fetch_sub(&i->store->iterators, 1);
    memory_free(i->to);
    memory_free(i);
}

/* --- writing --- */

static void add_change(void *context, enum store_change change, enum store_family f,
                       struct slice key, struct slice value)
{
    struct rocksdb_store *s = context;
    rocksdb_column_family_handle_t *handle = handle_of(s, f);
    switch (change) {
    case STORE_PUT:
        rocksdb_writebatch_put_cf(s->batch, handle, key.data, key.size, value.data, value.size);
        break;
    case STORE_REMOVE:
        rocksdb_writebatch_delete_cf(s->batch, handle, key.data, key.size);
        break;
    case STORE_REMOVE_RANGE:
        rocksdb_writebatch_delete_range_cf(s->batch, handle, key.data, key.size, value.data,
                                           value.size);
        break;
    }
}

/* RocksDB counts memtables, and a batch goes into one of them however large it is. So wait here
 * until those before it are on disk when all together would be above the budget. */
static char *keep_memtables_small(struct rocksdb_store *s, size_t batch_bytes)
{
    uint64_t in_use = 0;
    char *text = NULL;
    int rc = rocksdb_property_int_cf(s->db, handle_of(s, STORE_STATE),
                                     "rocksdb.cur-size-all-mem-tables", &in_use);
    check(rc == 0);
    if (in_use + batch_bytes * MEMTABLE_OVERHEAD > STORE_MEMTABLES_BYTES) {
        rocksdb_flush_cf(s->db, s->flush, handle_of(s, STORE_STATE), &text);
    }
    return text;
}

/* Synced whether asked for or not: few writes are not to be (parts of a large delta), it costs
 * them little, and so only the last record of a log can be torn (store_log.h). */
static char *write_batch(struct rocksdb_store *s, const struct store_batch *b)
{
    pthread_mutex_lock(&s->writing);
    char *text = keep_memtables_small(s, store_batch_bytes(b));
    if (text != NULL) {
        pthread_mutex_unlock(&s->writing);
        return text;
    }
    store_batch_each(b, add_change, s);
    add_manifest(s);
    rocksdb_write(s->db, s->write, s->batch, &text);
    s->is_written = text == NULL;
    rocksdb_writebatch_clear(s->batch);
    if (store_batch_bytes(b) > BATCH_BYTES_KEPT) {
        rocksdb_writebatch_destroy(s->batch);
        s->batch = rocksdb_writebatch_create();
    }
    pthread_mutex_unlock(&s->writing);
    return text;
}

static int fail_when_told(struct error *e)
{
    int rc = FAILPOINT_RESULT(commit_write, e);
    return rc == MILL_EIO ? error_set(e, MILL_ESYNC, "failpoint commit_write: EIO") : rc;
}

static int rocksdb_store_write(struct store *base, const struct store_batch *b, bool sync,
                               struct error *e)
{
#ifdef TIDEMILL_BENCH_NO_COMMIT /* what commits cost: bench/README.md */
    return 0;
#endif
    struct rocksdb_store *s = (struct rocksdb_store *)base;
    int rc = sync ? fail_when_told(e) : 0;
    if (rc != 0) {
        return rc;
    }
    char *text = write_batch(s, b);
    return text == NULL ? 0 : fail(s->path, store_status_of_write(text), text, e);
}

static void rocksdb_store_set_cache(struct store *base, size_t bytes)
{
    rocksdb_cache_set_capacity(((struct rocksdb_store *)base)->cache, bytes);
}

static const struct store_ops rocksdb_store_ops = {
    .set_cache = rocksdb_store_set_cache,
    .get = rocksdb_store_get,
    .get_many = rocksdb_store_get_many,
    .write = rocksdb_store_write,
    .iterate = rocksdb_store_iterate,
    .next = rocksdb_store_next,
    .iterate_end = rocksdb_store_iterate_end,
    .close = rocksdb_store_close,
};

int store_open_rocksdb(const char *path, bool create, struct store **result, struct error *e)
{
    *result = NULL;
    int rc = store_folder_prepare(path, create, e);
    if (rc != 0) {
        return rc;
    }
    struct rocksdb_store *s = memory_zero(1, sizeof *s);
    s->base.ops = &rocksdb_store_ops;
    s->path = memory_text(path);
    s->cache = rocksdb_cache_create_lru(LIMIT_BLOCK_CACHE_BYTES);
    s->read = rocksdb_readoptions_create();
    s->flush = rocksdb_flushoptions_create();
    s->batch = rocksdb_writebatch_create();
    pthread_mutex_init(&s->writing, NULL);
    s->write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(s->write, 1);
    rc = open_and_check(s, create, e);
    if (rc != 0) {
        rocksdb_store_close(&s->base);
        return rc;
    }
    *result = &s->base;
    return 0;
}

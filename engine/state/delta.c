#include "state/delta.h"

#include "base/check.h"
#include "base/failpoint.h"
#include "base/hash.h"
#include "base/memory.h"
#include "state/keys.h"

#define PART_BYTES_MAX ((size_t)1 << 31)

void delta_init(struct delta *d, struct store *store, uint32_t stage_count, size_t bytes_max)
{
    *d = (struct delta){.store = store, .stage_count = stage_count, .bytes_max = bytes_max};
    d->batches = memory_zero((size_t)stage_count * SHARD_COUNT + 1, sizeof(struct store_batch *));
    pthread_mutex_init(&d->lock, NULL);
}

/* Its memory too: cleared, the batches of all shards together would keep many parts' worth. */
static void forget_batch(struct delta *d, uint32_t index)
{
    store_batch_destroy(d->batches[index]);
    d->batches[index] = NULL;
}

static void forget_batches(struct delta *d)
{
    for (uint32_t i = 0; i < d->stage_count * SHARD_COUNT; i++) {
        forget_batch(d, i);
    }
    d->bytes = 0;
}

void delta_deinit(struct delta *d)
{
    forget_batches(d);
    memory_free(d->batches);
    pthread_mutex_destroy(&d->lock);
    *d = (struct delta){0};
}

static int remove_parts(struct store *store, uint64_t below_epoch, struct error *e)
{
    struct store_key from = store_key_redo(0, 0);
    struct store_key to = store_key_redo(below_epoch, 0);
    struct store_batch *batch = store_batch_create();
    store_batch_remove_range(batch, STORE_REDO, store_key_slice(&from), store_key_slice(&to));
    int rc = store_write(store, batch, false, e);
    store_batch_destroy(batch);
    return rc;
}

int delta_begin(struct delta *d, uint64_t epoch, struct error *e)
{
    forget_batches(d);
    int rc = d->part_count > 0 ? remove_parts(d->store, d->epoch + 1, e) : 0;
    d->epoch = epoch;
    d->part_count = 0;
    d->checksum = 0;
    return rc;
}

struct store_batch *delta_batch(struct delta *d, uint32_t stage, uint32_t shard)
{
    struct store_batch **batch = &d->batches[stage * SHARD_COUNT + shard];
    if (*batch == NULL) {
        *batch = store_batch_create();
    }
    return *batch;
}

static void add_change(void *context, enum store_change change, enum store_family f,
                       struct slice key, struct slice value)
{
    struct buffer *part = context;
    check(f == STORE_STATE && change != STORE_REMOVE_RANGE);
    int rc = bytes_add_u8(part, (uint8_t)change);
    rc = rc == 0 ? bytes_add_string(part, key.data, key.size) : rc;
    rc = rc == 0 ? bytes_add_string(part, value.data, value.size) : rc;
    check(rc == 0);
}

/* Not synced: the commit that names the part is, and a sync covers what was written before. */
static int write_part(struct delta *d, const struct store_batch *changes, struct error *e)
{
    struct buffer part;
    buffer_init(&part, PART_BYTES_MAX);
    store_batch_each(changes, add_change, &part);
    struct store_key key = store_key_redo(d->epoch, d->part_count);
    struct store_batch *batch = store_batch_create();
    store_batch_put(batch, STORE_REDO, store_key_slice(&key), (struct slice){part.data, part.size});
    int rc = store_write(d->store, batch, false, e);
    store_batch_destroy(batch);
    if (rc == 0) {
        uint64_t sums[2] = {d->checksum, hash_bytes(part.data, part.size)};
        d->checksum = hash_bytes(sums, sizeof sums);
        d->part_count++;
        rc = FAILPOINT_RESULT(redo_after_part, e);
    }
    buffer_deinit(&part);
    return rc;
}

int delta_check(struct delta *d, uint32_t stage, uint32_t shard, size_t before, struct error *e)
{
    struct store_batch *batch = delta_batch(d, stage, shard);
    size_t bytes = store_batch_bytes(batch);
    pthread_mutex_lock(&d->lock);
    d->bytes += bytes - before;
    int rc = 0;
    if (d->bytes > d->bytes_max && bytes > d->bytes_max / 8) {
        rc = write_part(d, batch, e);
        forget_batch(d, stage * SHARD_COUNT + shard);
        d->bytes -= bytes;
    }
    pthread_mutex_unlock(&d->lock);
    return rc;
}

static void copy_change(void *context, enum store_change change, enum store_family f,
                        struct slice key, struct slice value)
{
    if (change == STORE_PUT) {
        store_batch_put(context, f, key, value);
    } else {
        store_batch_remove(context, f, key);
    }
}

int delta_commit_into(struct delta *d, struct store_batch *batch, struct epoch_record *record,
                      struct error *e)
{
    bool in_parts = d->part_count > 0 || d->bytes > d->bytes_max;
    int rc = 0;
    for (uint32_t i = 0; i < d->stage_count * SHARD_COUNT && rc == 0; i++) {
        if (d->batches[i] == NULL || store_batch_bytes(d->batches[i]) == 0) {
            continue;
        }
        if (in_parts) {
            rc = write_part(d, d->batches[i], e);
        } else {
            store_batch_each(d->batches[i], copy_change, batch);
        }
        forget_batch(d, i); /* an epoch that fails from here on computes it again */
    }
    record->redo_parts = d->part_count;
    record->redo_checksum = d->checksum;
    return rc;
}

static int decode_part(struct slice bytes, struct store_batch *batch, struct error *e)
{
    struct reader in;
    reader_init(&in, bytes.data, bytes.size);
    while (reader_left(&in) > 0 && !in.failed) {
        uint8_t change = reader_u8(&in);
        struct slice key = reader_string(&in);
        struct slice value = reader_string(&in);
        if (in.failed || (change != STORE_PUT && change != STORE_REMOVE)) {
            return error_set(e, MILL_ECORRUPT, "a part of a state change is damaged");
        }
        copy_change(batch, (enum store_change)change, STORE_STATE, key, value);
    }
    return 0;
}

static int read_part(struct store *store, uint64_t epoch, uint32_t part, struct buffer *bytes,
                     struct error *e)
{
    struct store_key key = store_key_redo(epoch, part);
    int rc = store_get(store, STORE_REDO, store_key_slice(&key), bytes, e);
    return rc != MILL_ENOENT ? rc
                             : error_set(e, MILL_ECORRUPT,
                                         "a part of the state change of the last epoch is missing");
}

/* Either they are there as the commit says, or they were applied and removed in one step. */
static int check_parts(struct store *store, const struct epoch_record *record, struct error *e)
{
    uint64_t checksum = 0;
    int rc = 0;
    for (uint32_t part = 0; part < record->redo_parts && rc == 0; part++) {
        struct buffer bytes;
        buffer_init(&bytes, PART_BYTES_MAX);
        rc = read_part(store, record->number, part, &bytes, e);
        uint64_t sums[2] = {checksum, hash_bytes(bytes.data, bytes.size)};
        checksum = hash_bytes(sums, sizeof sums);
        buffer_deinit(&bytes);
    }
    if (rc == 0 && checksum != record->redo_checksum) {
        rc = error_set(e, MILL_ECORRUPT, "the state change of the last epoch is damaged");
    }
    return rc;
}

static int apply_parts(struct store *store, const struct epoch_record *record, struct error *e)
{
    int rc = FAILPOINT_RESULT(redo_before_apply, e);
    for (uint32_t part = 0; part < record->redo_parts && rc == 0; part++) {
        struct buffer bytes;
        buffer_init(&bytes, PART_BYTES_MAX);
        struct store_batch *batch = store_batch_create();
        rc = read_part(store, record->number, part, &bytes, e);
        rc = rc == 0 ? decode_part((struct slice){bytes.data, bytes.size}, batch, e) : rc;
        rc = rc == 0 ? store_write(store, batch, false, e) : rc;
        store_batch_destroy(batch);
        buffer_deinit(&bytes);
    }
    return rc == 0 ? FAILPOINT_RESULT(redo_after_apply, e) : rc;
}

static int finish_parts(struct store *store, uint64_t epoch, struct error *e)
{
    int rc = remove_parts(store, epoch + 1, e);
    return rc == 0 ? FAILPOINT_RESULT(redo_after_delete, e) : rc;
}

int delta_committed(struct delta *d, const struct epoch_record *record, struct error *e)
{
    int rc = 0;
    if (record->redo_parts > 0) {
        rc = apply_parts(d->store, record, e);
        rc = rc == 0 ? finish_parts(d->store, record->number, e) : rc;
        d->part_count = 0;
    }
    return rc;
}

static int has_parts(struct store *store, struct error *e)
{
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(store, STORE_REDO, none, none);
    struct slice key;
    struct slice value;
    int rc = store_next(i, &key, &value, e);
    store_iterate_end(i);
    return rc;
}

int delta_recover(struct store *store, const struct epoch_record *record, struct error *e)
{
    int rc = FAILPOINT_RESULT(open_before_redo, e);
    int some = rc == 0 ? has_parts(store, e) : rc;
    if (some <= 0) {
        return some;
    }
    /* Removal is one write, so the parts of a commit are there all or none. */
    struct store_key first = store_key_redo(record == NULL ? 0 : record->number, 0);
    struct buffer bytes;
    buffer_init(&bytes, PART_BYTES_MAX);
    bool named = record != NULL && record->redo_parts > 0 &&
                 store_get(store, STORE_REDO, store_key_slice(&first), &bytes, NULL) == 0;
    buffer_deinit(&bytes);
    if (named) {
        rc = check_parts(store, record, e);
        rc = rc == 0 ? apply_parts(store, record, e) : rc;
    }
    rc = rc == 0 ? remove_parts(store, UINT64_MAX, e) : rc;
    return rc == 0 ? FAILPOINT_RESULT(open_after_redo, e) : rc;
}

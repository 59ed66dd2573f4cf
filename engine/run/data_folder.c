#include "run/data_folder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "run/fresh.h"
#include "run/lock_file.h"
#include "state/delta.h"
#include "state/keys.h"

static int make_folders(struct data_folder *d, struct error *e)
{
    const char *const folders[] = {d->path, d->outbox, d->spill};
    int rc = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && rc == 0; i++) {
        rc = disk_make_folder(&d->disk, folders[i], e);
    }
    return rc;
}

static int encode_version(struct data_folder *d, struct buffer *value)
{
    int rc = bytes_add_u32(value, STORE_FORMAT_VERSION);
    return rc == 0 ? bytes_add_u64(value, d->store_id) : rc;
}

/* An empty store gets its id; nothing else is in it until it has one. */
static int make_identity(struct data_folder *d, struct error *e)
{
    if (getrandom(&d->store_id, sizeof d->store_id, 0) != (ssize_t)sizeof d->store_id) {
        return error_set_system(e, errno, "cannot make an id for the store");
    }
    struct buffer value;
    buffer_init(&value, 64);
    int rc = encode_version(d, &value);
    check(rc == 0);
    struct store_key key = store_key_text("version");
    struct store_batch *batch = store_batch_create();
    store_batch_put(batch, STORE_META, store_key_slice(&key),
                    (struct slice){value.data, value.size});
    rc = store_write(d->store, batch, true, e);
    store_batch_destroy(batch);
    buffer_deinit(&value);
    return rc == 0 ? FAILPOINT_RESULT(store_after_create, e) : rc;
}

static int read_version(struct data_folder *d, struct error *e)
{
    struct store_key key = store_key_text("version");
    struct buffer value;
    buffer_init(&value, 64);
    int rc = store_get(d->store, STORE_META, store_key_slice(&key), &value, e);
    if (rc == MILL_ENOENT) {
        buffer_deinit(&value);
        return make_identity(d, e);
    }
    if (rc == 0) {
        struct reader in;
        reader_init(&in, value.data, value.size);
        uint32_t version = reader_u32(&in);
        d->store_id = reader_u64(&in);
        if (in.failed) {
            rc = error_set(e, MILL_ECORRUPT, "%s: the store's version is damaged", d->path);
        } else if (version > STORE_FORMAT_VERSION) {
            rc = error_set(e, MILL_EREFUSED,
                           "%s was written by a newer tidemill (format %" PRIu32
                           ", this one reads %d); use that one, or start over with --fresh",
                           d->path, version, STORE_FORMAT_VERSION);
        }
    }
    buffer_deinit(&value);
    return rc;
}

static int read_last_epoch(struct data_folder *d, struct error *e)
{
    struct store_key key = store_key_text("epoch");
    struct buffer value;
    buffer_init(&value, SIZE_MAX / 2);
    int rc = store_get(d->store, STORE_META, store_key_slice(&key), &value, e);
    if (rc == 0) {
        rc = epoch_record_decode((struct slice){value.data, value.size}, &d->last, e);
    } else if (rc == MILL_ENOENT) {
        rc = 0;
    }
    buffer_deinit(&value);
    return rc;
}

static int open_store(struct data_folder *d, struct error *e)
{
    char *path = text_path(d->path, "store");
    int rc = FAILPOINT_RESULT(store_before_create, e);
    rc = rc == 0 ? store_open_rocksdb(path, true, &d->store, e) : rc;
    memory_free(path);
    if (rc == 0 && d->cache_bytes > 0) {
        store_set_cache(d->store, d->cache_bytes);
    }
    rc = rc == 0 ? read_version(d, e) : rc;
    rc = rc == 0 ? read_last_epoch(d, e) : rc;
    return rc == 0 ? delta_recover(d->store, d->last.number > 0 ? &d->last : NULL, e) : rc;
}

void data_folder_set_cache(struct data_folder *d, size_t bytes)
{
    d->cache_bytes = bytes;
    store_set_cache(d->store, bytes);
}

int data_folder_reopen(struct data_folder *d, struct error *e)
{
    if (d->in_memory) {
        return 0;
    }
    if (d->store != NULL) {
        store_close(d->store);
        d->store = NULL;
    }
    epoch_record_deinit(&d->last);
    d->last = (struct epoch_record){0};
    return open_store(d, e);
}

static void name_folders(struct data_folder *d, const char *path)
{
    *d = (struct data_folder){.disk = disk_real(), .path = memory_text(path), .lock = -1};
    d->outbox = text_path(path, "outbox");
    d->spill = text_path(path, "spill");
    d->dead_letters = text_path(path, "dead_letters");
    d->late = text_path(path, "late");
    d->received = text_path(path, "received");
}

int data_folder_open(struct data_folder *d, const char *path, bool fresh, struct error *e)
{
    name_folders(d, path);
    int rc = disk_make_folder(&d->disk, path, e);
    rc = rc == 0 ? lock_file_take(d->path, &d->lock, e) : rc;
    rc = rc == 0 ? fresh_finish(d, e) : rc;
    rc = rc == 0 && fresh ? fresh_start(d, e) : rc;
    rc = rc == 0 ? make_folders(d, e) : rc;
    rc = rc == 0 ? fresh_empty_folder(d, d->spill, e) : rc;
    rc = rc == 0 ? open_store(d, e) : rc;
    rc = rc == 0 ? fresh_done(d, e) : rc;
    if (rc != 0) {
        data_folder_close(d);
    }
    return rc;
}

int data_folder_open_memory(struct data_folder *d, struct error *e)
{
    const char *base = getenv("TMPDIR");
    char *path = text_path(base != NULL && *base != '\0' ? base : "/tmp", "tidemill-XXXXXX");
    if (mkdtemp(path) == NULL) {
        int rc = error_set_system(e, errno, "cannot make a temporary folder");
        memory_free(path);
        *d = (struct data_folder){.lock = -1};
        return rc;
    }
    name_folders(d, path);
    memory_free(path);
    d->in_memory = true;
    d->store = store_create_memory();
    int rc = make_folders(d, e);
    rc = rc == 0 ? read_version(d, e) : rc;
    if (rc != 0) {
        data_folder_close(d);
    }
    return rc;
}

static void remove_temporary(struct data_folder *d)
{
    const char *const folders[] = {d->outbox, d->spill, d->path};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        fresh_empty_folder(d, folders[i], NULL);
        disk_remove_folder(&d->disk, folders[i], NULL);
    }
}

void data_folder_close(struct data_folder *d)
{
    if (d->store != NULL) {
        store_close(d->store);
    }
    if (d->in_memory) {
        remove_temporary(d);
    }
    if (d->lock >= 0) {
        close(d->lock);
    }
    epoch_record_deinit(&d->last);
    memory_free(d->path);
    memory_free(d->outbox);
    memory_free(d->spill);
    memory_free(d->dead_letters);
    memory_free(d->late);
    memory_free(d->received);
    *d = (struct data_folder){.lock = -1};
}

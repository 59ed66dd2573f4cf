#include "io/publish.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/manifest_rows.h"
#include "state/keys.h"

struct publisher_item {
    struct publisher_item *next;
    bool is_in_batch;         /* of done: covered by the batch that is being written */
    bool is_loaded;           /* an earlier process prepared it: its file may have changed since */
    char *bytes;              /* encoded manifest */
    struct manifest manifest; /* borrows from bytes */
};

static void append(struct publisher *p, struct slice bytes, bool is_loaded)
{
    struct publisher_item *item = memory_zero(1, sizeof *item);
    item->is_loaded = is_loaded;
    item->bytes = memory_copy(bytes.data, bytes.size);
    int rc = manifest_decode((struct slice){item->bytes, bytes.size}, &item->manifest, NULL);
    check(rc == 0);
    if (p->tail == NULL) {
        p->head = item;
    } else {
        p->tail->next = item;
    }
    p->tail = item;
    p->waiting++;
}

void publisher_add(struct publisher *p, struct slice manifest)
{
    pthread_mutex_lock(&p->lock);
    append(p, manifest, false);
    pthread_mutex_unlock(&p->lock);
}

static int load(struct publisher *p, struct store *store, struct error *e)
{
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(store, STORE_OUTBOX, none, none);
    struct slice key;
    struct slice value;
    int rc = store_next(i, &key, &value, e);
    while (rc == 1) {
        struct manifest m;
        rc = manifest_decode(value, &m, e);
        if (rc != 0) {
            break;
        }
        append(p, value, true);
        rc = store_next(i, &key, &value, e);
    }
    store_iterate_end(i);
    return rc;
}

static int check_floor(const struct floor_file *floor, const char *data_folder, uint64_t epoch,
                       struct error *e)
{
    if (floor->epoch <= epoch) {
        return 0;
    }
    return error_set(e, MILL_EREFUSED,
                     "%s: epoch %" PRIu64 " was published, but the store ends at %" PRIu64
                     ": it was rewound (an old copy, or a damaged log); start over with --fresh",
                     data_folder, floor->epoch, epoch);
}

int publisher_check(const struct disk *disk, const char *data_folder, uint64_t store_id,
                    uint64_t epoch, struct error *e)
{
    struct floor_file floor;
    int rc = floor_open(&floor, disk, data_folder, (struct floor_store){store_id, epoch}, e);
    rc = rc == 0 ? check_floor(&floor, data_folder, epoch, e) : rc;
    floor_close(&floor);
    return rc;
}

int publisher_open(struct publisher *p, const struct output_place *place, const char *data_folder,
                   struct error *e)
{
    *p = (struct publisher){.disk = place->disk, .store_id = place->store_id};
    pthread_mutex_init(&p->lock, NULL);
    p->outbox = memory_text(place->outbox);
    struct floor_store store = {place->store_id, place->epoch};
    int rc = floor_open(&p->floor, place->disk, data_folder, store, e);
    rc = rc == 0 ? check_floor(&p->floor, data_folder, place->epoch, e) : rc;
    return rc == 0 ? load(p, place->store, e) : rc;
}

static void free_items(struct publisher_item *item)
{
    while (item != NULL) {
        struct publisher_item *next = item->next;
        memory_free(item->bytes);
        memory_free(item);
        item = next;
    }
}

void publisher_close(struct publisher *p)
{
    free_items(p->head);
    free_items(p->done);
    floor_close(&p->floor);
    memory_free(p->outbox);
    pthread_mutex_destroy(&p->lock);
    *p = (struct publisher){0};
}

static char *text_of(struct slice s)
{
    return memory_copy(s.data, s.size);
}

/* A name is safe before the other one of its file goes. */
static int drop_other_name(const struct publisher *p, const char *name, const char *other,
                           struct error *e)
{
    const char *slash = strrchr(name, '/');
    check(slash != NULL);
    char *folder = slash == name ? memory_text("/") : memory_copy(name, (size_t)(slash - name));
    int rc = disk_sync_folder(p->disk, folder, e);
    memory_free(folder);
    return rc == 0 ? disk_remove(p->disk, other, e) : rc;
}

/* The name is taken. By this very part, when a crash, or a rename of two steps that failed in its
 * middle, left it under both names: the hidden one goes. By anything else: nothing is replaced. */
static int settle_taken(const struct publisher *p, const struct manifest *m, const char *from,
                        const char *to, struct error *e)
{
    struct disk_entry entry;
    int rc = disk_look(p->disk, to, &entry, e);
    bool may_be_ours = rc == 0 && !entry.is_folder && entry.size == m->byte_count;
    rc = may_be_ours ? manifest_rows_check(p->disk, m, to, e) : rc;
    if (rc == MILL_ECORRUPT || (rc == 0 && !may_be_ours)) {
        rc = error_set(e, MILL_EREFUSED,
                       "%.*s: the rows of epoch %" PRIu64 " wait to become %s, and another file "
                       "has that name; move it away and start again",
                       (int)m->label.size, m->label.data, m->epoch, to);
    }
    return rc == 0 ? drop_other_name(p, to, from, e) : rc;
}

/* Give a temporary file its name. One that is gone was renamed before, if the folder is ours. */
static int rename_hidden(const struct publisher *p, const struct target *t,
                         const struct publisher_item *item, const char *to, struct error *e)
{
    char *name = text_of(item->manifest.file);
    char *from = target_hidden_path(t, name);
    struct disk_entry entry;
    int rc = disk_look(t->disk, from, &entry, e);
    rc = rc == 0 ? target_check(t, e) : rc; /* behind it: the folder may go before either */
    if (rc == 0 && entry.exists) {
        /* Before any of it goes out: a second look later would be too late. */
        rc = item->is_loaded ? manifest_rows_check(p->disk, &item->manifest, from, e) : 0;
        rc = rc == 0 ? FAILPOINT_RESULT(file_output_before_rename, e) : rc;
        rc = rc == 0 ? disk_rename_new(t->disk, from, to, e) : rc;
        rc = rc == 1 ? settle_taken(p, &item->manifest, from, to, e) : rc;
        rc = rc == 0 ? FAILPOINT_RESULT(file_output_after_rename, e) : rc;
    }
    memory_free(from);
    memory_free(name);
    return rc;
}

static int publish_part(struct publisher *p, const struct publisher_item *item, struct error *e)
{
    const struct manifest *m = &item->manifest;
    char *folder = text_of(m->folder);
    char *name = text_of(m->name);
    char *to = text_path(folder, name);
    struct target t;
    target_init(&t, p->disk, folder, p->store_id);
    int rc = rename_hidden(p, &t, item, to, e);
    rc = rc == 0 ? disk_sync_folder(p->disk, folder, e) : rc;
    rc = target_explain(&t, rc, e);
    target_deinit(&t);
    memory_free(to);
    memory_free(name);
    memory_free(folder);
    return rc;
}

static int publish_folder(struct publisher *p, const struct publisher_item *item, struct error *e)
{
    const struct manifest *m = &item->manifest;
    char *folder = text_of(m->folder);
    char *name = text_of(m->name);
    char *made = text_path(folder, name);
    char *part = text_of(m->part);
    char *to = text_path(made, part);
    struct target t;
    target_init(&t, p->disk, folder, p->store_id);
    int rc = target_check(&t, e);
    rc = rc == 0 ? disk_make_folder(p->disk, made, e) : rc;
    /* The new folder is safe before the file leaves the hidden one, or a crash may lose both. */
    rc = rc == 0 ? disk_sync_folder(p->disk, folder, e) : rc;
    rc = rc == 0 && m->file.size > 0 ? rename_hidden(p, &t, item, to, e) : rc;
    rc = rc == 0 && m->file.size > 0 ? disk_sync_folder(p->disk, made, e) : rc;
    rc = target_explain(&t, rc, e);
    target_deinit(&t);
    memory_free(to);
    memory_free(part);
    memory_free(made);
    memory_free(name);
    memory_free(folder);
    return rc;
}

static int write_piece(void *context, struct slice bytes, struct error *e)
{
    const struct publisher *p = context;
    return p->sinks.write_stdout(p->sinks.context, bytes.data, bytes.size, e);
}

static int publish_rows(struct publisher *p, const struct manifest *m, struct error *e)
{
    char *name = text_of(m->file);
    char *path = m->file.size > 0 ? text_path(p->outbox, name) : NULL;
    int rc = manifest_rows_check(p->disk, m, path, e);
    if (rc == 0 && m->kind == MANIFEST_BATCH) {
        rc = p->sinks.call_batch(p->sinks.context, m, path, e);
    } else if (rc == 0) {
        rc = manifest_rows_each(p->disk, m, path, write_piece, p, e);
    }
    memory_free(path);
    memory_free(name);
    return rc;
}

static int publish_one(struct publisher *p, const struct publisher_item *item, struct error *e)
{
    switch (item->manifest.kind) {
    case MANIFEST_STREAM:
    case MANIFEST_BATCH:
        return publish_rows(p, &item->manifest, e);
    case MANIFEST_PART:
        return publish_part(p, item, e);
    case MANIFEST_FOLDER:
        return publish_folder(p, item, e);
    case MANIFEST_HELD:
        return 0;
    }
    return error_set(e, MILL_ECORRUPT, "a manifest of an unknown kind");
}

static void move_to_done(struct publisher *p)
{
    pthread_mutex_lock(&p->lock);
    struct publisher_item *item = p->head;
    p->head = item->next;
    if (p->head == NULL) {
        p->tail = NULL;
    }
    item->next = NULL;
    *(p->done == NULL ? &p->done : &p->done_tail->next) = item;
    p->done_tail = item;
    p->waiting--;
    pthread_mutex_unlock(&p->lock);
}

int publisher_step(struct publisher *p, struct error *e)
{
    pthread_mutex_lock(&p->lock);
    struct publisher_item *item = p->head;
    pthread_mutex_unlock(&p->lock);
    if (item == NULL || atomic_load(&p->is_stopped)) {
        return 0;
    }
    const struct manifest *m = &item->manifest;
    int rc = m->kind == MANIFEST_HELD ? 0 : floor_raise(&p->floor, m->epoch, e);
    rc = rc == 0 ? FAILPOINT_RESULT(publish_before, e) : rc;
    rc = rc == 0 ? publish_one(p, item, e) : rc;
    rc = rc == 0 ? FAILPOINT_RESULT(publish_after, e) : rc;
    if (rc != 0) {
        return rc;
    }
    move_to_done(p);
    return 1;
}

void publisher_stop(struct publisher *p)
{
    atomic_store(&p->is_stopped, true);
}

bool publisher_is_stopped(const struct publisher *p)
{
    return atomic_load(&p->is_stopped);
}

uint64_t publisher_waiting(struct publisher *p)
{
    pthread_mutex_lock(&p->lock);
    uint64_t waiting = p->waiting;
    pthread_mutex_unlock(&p->lock);
    return waiting;
}

uint64_t publisher_oldest(struct publisher *p)
{
    pthread_mutex_lock(&p->lock);
    uint64_t epoch = p->head == NULL ? 0 : p->head->manifest.epoch;
    pthread_mutex_unlock(&p->lock);
    return epoch;
}

uint16_t publisher_oldest_output(struct publisher *p)
{
    pthread_mutex_lock(&p->lock);
    uint16_t output = p->head == NULL ? 0 : p->head->manifest.output;
    pthread_mutex_unlock(&p->lock);
    return output;
}

uint64_t publisher_waiting_rows(struct publisher *p)
{
    uint64_t rows = 0;
    pthread_mutex_lock(&p->lock);
    for (const struct publisher_item *i = p->head; i != NULL; i = i->next) {
        bool is_held = i->manifest.kind == MANIFEST_HELD; /* the file's manifest counts them */
        rows += is_held ? 0 : i->manifest.row_count;
    }
    pthread_mutex_unlock(&p->lock);
    return rows;
}

void publisher_commit_into(struct publisher *p, struct store_batch *batch)
{
    pthread_mutex_lock(&p->lock);
    for (struct publisher_item *i = p->done; i != NULL; i = i->next) {
        uint8_t mark[sizeof(uint64_t)];
        bytes_put_u64(mark, i->manifest.epoch);
        struct store_key key = store_key_outbox(i->manifest.epoch, i->manifest.output);
        store_batch_remove(batch, STORE_OUTBOX, store_key_slice(&key));
        key = store_key_mark(i->manifest.output);
        store_batch_put(batch, STORE_META, store_key_slice(&key),
                        (struct slice){(const char *)mark, sizeof mark});
        i->is_in_batch = true;
    }
    pthread_mutex_unlock(&p->lock);
}

/* The rows of what is committed as published need not be kept. */
static void remove_rows(struct publisher *p, const struct manifest *m)
{
    bool in_outbox = m->kind == MANIFEST_STREAM || m->kind == MANIFEST_BATCH;
    if (in_outbox && m->file.size > 0) {
        char *name = text_of(m->file);
        char *path = text_path(p->outbox, name);
        disk_remove(p->disk, path, NULL);
        memory_free(path);
        memory_free(name);
    }
}

void publisher_committed(struct publisher *p)
{
    /* Items are in the batch from the oldest on; those published since come behind them. */
    pthread_mutex_lock(&p->lock);
    struct publisher_item *covered = p->done;
    struct publisher_item **end = &p->done;
    while (*end != NULL && (*end)->is_in_batch) {
        end = &(*end)->next;
    }
    struct publisher_item *rest = *end;
    *end = NULL;
    p->done = rest;
    pthread_mutex_unlock(&p->lock);
    if (covered == rest) {
        return; /* none */
    }
    for (const struct publisher_item *i = covered; i != NULL; i = i->next) {
        remove_rows(p, &i->manifest);
    }
    free_items(covered);
}

static bool names(struct publisher *p, const char *file, bool in_outbox)
{
    bool found = false;
    pthread_mutex_lock(&p->lock);
    for (const struct publisher_item *i = p->head; i != NULL && !found; i = i->next) {
        found = (i->manifest.folder.size == 0) == in_outbox && slice_is(i->manifest.file, file);
    }
    pthread_mutex_unlock(&p->lock);
    return found;
}

bool publisher_names(struct publisher *p, const char *file)
{
    return names(p, file, false);
}

bool publisher_names_rows(struct publisher *p, const char *file)
{
    return names(p, file, true);
}

int publisher_each(struct publisher *p, publisher_each_fn fn, void *context)
{
    int rc = 0;
    pthread_mutex_lock(&p->lock);
    for (const struct publisher_item *i = p->head; i != NULL && rc == 0; i = i->next) {
        rc = fn(context, &i->manifest);
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

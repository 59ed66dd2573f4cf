#include "run/fresh.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/floor.h"
#include "io/manifest.h"
#include "io/receiver_source.h"
#include "io/roll.h"
#include "io/target.h"
#include "state/keys.h"

#define FRESH_BYTES_MAX ((size_t)16 << 20)

static char *marker_path(const struct data_folder *d)
{
    return text_path(d->path, "FRESH");
}

struct emptying {
    struct data_folder *d;
    const char *folder;
    struct error *e;
};

static int remove_file(void *context, const char *name)
{
    struct emptying *em = context;
    char *path = text_path(em->folder, name);
    struct disk_entry entry;
    int rc = disk_look(&em->d->disk, path, &entry, em->e);
    if (rc == 0 && entry.exists && !entry.is_folder) {
        rc = disk_remove(&em->d->disk, path, em->e);
    }
    memory_free(path);
    return rc;
}

int fresh_empty_folder(struct data_folder *d, const char *folder, struct error *e)
{
    struct emptying em = {d, folder, e};
    int rc = disk_list(&d->disk, folder, remove_file, &em, e);
    return rc == MILL_ENOENT ? 0 : rc;
}

struct marking {
    struct buffer *text;
    struct error *e;
};

static int add_target(void *context, const char *folder)
{
    struct marking *m = context;
    return buffer_printf(m->text, "%s\n", folder) == 0
               ? 0
               : error_set(m->e, MILL_ELIMIT, "the store has written to too many folders");
}

/* META "r": files that are still open. */
static uint64_t count_open_rows(struct store *store)
{
    struct slice from = {"r", 1};
    struct slice to = {"s", 1};
    struct store_iterator *i = store_iterate(store, STORE_META, from, to);
    struct slice key;
    struct slice value;
    uint64_t rows = 0;
    while (store_next(i, &key, &value, NULL) == 1) {
        struct roll roll;
        struct slice folder;
        struct slice suffix;
        rows += roll_decode(value, &roll, &folder, &suffix, NULL) == 0 ? roll.rows : 0;
    }
    store_iterate_end(i);
    return rows;
}

static uint64_t count_waiting_rows(struct store *store)
{
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(store, STORE_OUTBOX, none, none);
    struct slice key;
    struct slice value;
    uint64_t rows = count_open_rows(store);
    while (store_next(i, &key, &value, NULL) == 1) {
        struct manifest m;
        bool counts = manifest_decode(value, &m, NULL) == 0 && m.kind != MANIFEST_HELD;
        rows += counts ? m.row_count : 0;
    }
    store_iterate_end(i);
    return rows;
}

static int read_id(struct store *store, uint64_t *id)
{
    struct store_key key = store_key_text("version");
    struct buffer value;
    buffer_init(&value, 64);
    int rc = store_get(store, STORE_META, store_key_slice(&key), &value, NULL);
    if (rc == 0 && value.size >= 12) {
        *id = bytes_get_u64(value.data + 4);
    }
    buffer_deinit(&value);
    return rc;
}

static uint64_t count_unread_of(struct data_folder *d, struct store *store, uint16_t number)
{
    char *folder = text_format("%s/%u", d->received, number);
    struct receiver_source_options options = {
        .disk = &d->disk, .folder = folder, .name = folder, .store_id = number};
    uint64_t bytes = 0;
    if (read_id(store, &options.key) != 0 ||
        receiver_source_count(&options, store, &bytes, NULL) != 0) {
        bytes = 0; /* it goes, whatever it is */
    }
    memory_free(folder);
    return bytes;
}

struct counting {
    struct data_folder *d;
    struct store *store;
    uint64_t bytes;
};

static int count_unread_folder(void *context, const char *name)
{
    struct counting *c = context;
    char *end = NULL;
    unsigned long number = strtoul(name, &end, 10);
    if (*end == '\0' && number > 0 && number < UINT16_MAX) {
        c->bytes += count_unread_of(c->d, c->store, (uint16_t)number);
    }
    return 0;
}

/* What was received and no committed epoch has read. */
static uint64_t count_unread(struct data_folder *d, struct store *store)
{
    struct counting c = {.d = d, .store = store};
    disk_list(&d->disk, d->received, count_unread_folder, &c, NULL);
    return c.bytes;
}

static int write_marker(struct data_folder *d, struct store *store, struct error *e)
{
    uint64_t id = 0;
    if (read_id(store, &id) != 0) {
        return 0; /* a store without an id has written nothing */
    }
    struct buffer text;
    buffer_init(&text, FRESH_BYTES_MAX);
    int rc = buffer_printf(&text, "%016" PRIx64 "\n", id);
    struct marking marking = {&text, e};
    rc = rc == 0 ? target_each(store, add_target, &marking, e) : rc;
    uint64_t rows = count_waiting_rows(store);
    if (rows > 0) {
        log_warn("--fresh drops %" PRIu64 " rows that were committed and not yet published", rows);
    }
    uint64_t unread = count_unread(d, store);
    if (unread > 0) {
        log_warn("--fresh drops %" PRIu64 " bytes that were received and not yet read", unread);
    }
    char *path = marker_path(d);
    rc = rc == 0 ? disk_replace(&d->disk, path, text.data, text.size, e) : rc;
    memory_free(path);
    buffer_deinit(&text);
    return rc == 0 ? FAILPOINT_RESULT(fresh_after_marker, e) : rc;
}

/* The store cannot be read: then nobody knows where it has written.
 * @param what  is wrong */
static int write_bare_marker(struct data_folder *d, const char *what, struct error *e)
{
    log_warn("%s: the store %s; --fresh removes what is there, but its results elsewhere stay",
             d->path, what);
    char *path = marker_path(d);
    int rc = disk_replace(&d->disk, path, "0000000000000000\n", 17, e);
    memory_free(path);
    return rc;
}

/* A store that was removed by hand has left its number of epochs, which is no other store's. */
static int look_for_rest(struct data_folder *d, struct error *e)
{
    char *path = text_path(d->path, FLOOR_FILE);
    struct disk_entry entry;
    int rc = disk_look(&d->disk, path, &entry, e);
    memory_free(path);
    return rc == 0 && entry.exists ? write_bare_marker(d, "is gone", e) : rc;
}

int fresh_start(struct data_folder *d, struct error *e)
{
    char *path = text_path(d->path, "store");
    struct store *store = NULL;
    struct disk_entry entry;
    int rc = disk_look(&d->disk, path, &entry, e);
    int opened = MILL_ENOENT;
    if (rc == 0 && entry.exists) {
        opened = store_open_rocksdb(path, false, &store, NULL);
    }
    memory_free(path);
    if (rc == 0 && opened == 0) {
        rc = write_marker(d, store, e);
        store_close(store);
    } else if (rc == 0 && opened != MILL_ENOENT) {
        rc = write_bare_marker(d, "cannot be opened", e);
    } else if (rc == 0) {
        rc = look_for_rest(d, e);
    }
    return rc == 0 ? fresh_finish(d, e) : rc;
}

static int remove_targets(struct data_folder *d, char *text, struct error *e)
{
    char *line_end = strchr(text, '\n');
    if (line_end == NULL) {
        return error_set(e, MILL_ECORRUPT, "%s/FRESH is damaged", d->path);
    }
    uint64_t id = strtoull(text, NULL, 16);
    int rc = 0;
    for (char *line = line_end + 1; *line != '\0' && rc == 0; line = line_end + 1) {
        line_end = strchr(line, '\n');
        if (line_end == NULL) {
            break;
        }
        *line_end = '\0';
        struct disk_entry entry;
        rc = disk_look(&d->disk, line, &entry, e);
        if (rc == 0 && entry.exists) {
            rc = target_remove(&d->disk, line, id, e);
        }
    }
    return rc == 0 ? FAILPOINT_RESULT(fresh_after_outputs, e) : rc;
}

static int remove_folder(void *context, const char *name)
{
    struct emptying *em = context;
    char *path = text_path(em->folder, name);
    int rc = fresh_empty_folder(em->d, path, em->e);
    rc = rc == 0 ? disk_remove_folder(&em->d->disk, path, em->e) : rc;
    memory_free(path);
    return rc;
}

static int remove_hidden_folder(void *context, const char *name)
{
    return text_starts_with(name, ".tidemill-") ? remove_folder(context, name) : 0;
}

/* Those of a store that could not be read are still there: nobody knew its id. */
static int remove_letters(struct data_folder *d, const char *folder, struct error *e)
{
    struct emptying em = {d, folder, e};
    int rc = disk_list(&d->disk, folder, remove_hidden_folder, &em, e);
    rc = rc == 0 ? fresh_empty_folder(d, folder, e) : rc;
    return rc == MILL_ENOENT ? 0 : rc;
}

static int remove_received(struct data_folder *d, struct error *e)
{
    struct emptying em = {d, d->received, e};
    int rc = disk_list(&d->disk, d->received, remove_folder, &em, e);
    rc = rc == 0 ? disk_remove_folder(&d->disk, d->received, e) : rc;
    return rc == MILL_ENOENT ? 0 : rc;
}

static int remove_store(struct data_folder *d, struct error *e)
{
    char *store = text_path(d->path, "store");
    char *floor = text_path(d->path, FLOOR_FILE);
    char *given_up = text_path(d->path, "given_up");
    int rc = fresh_empty_folder(d, store, e);
    rc = rc == 0 ? disk_remove_folder(&d->disk, store, e) : rc;
    rc = rc == 0 ? disk_remove(&d->disk, floor, e) : rc;
    rc = rc == 0 ? fresh_empty_folder(d, d->outbox, e) : rc;
    rc = rc == 0 ? fresh_empty_folder(d, given_up, e) : rc;
    rc = rc == 0 ? disk_remove_folder(&d->disk, given_up, e) : rc;
    rc = rc == 0 ? remove_received(d, e) : rc;
    rc = rc == 0 ? remove_letters(d, d->dead_letters, e) : rc;
    rc = rc == 0 ? remove_letters(d, d->late, e) : rc;
    rc = rc == 0 ? disk_sync_folder(&d->disk, d->path, e) : rc;
    memory_free(store);
    memory_free(floor);
    memory_free(given_up);
    return rc == 0 ? FAILPOINT_RESULT(fresh_after_store, e) : rc;
}

int fresh_finish(struct data_folder *d, struct error *e)
{
    char *path = marker_path(d);
    struct buffer text;
    buffer_init(&text, FRESH_BYTES_MAX);
    int rc = disk_read(&d->disk, path, &text, e);
    memory_free(path);
    if (rc == 0) {
        rc = buffer_append_byte(&text, 0);
        rc = rc == 0 ? remove_targets(d, text.data, e) : rc;
        rc = rc == 0 ? remove_store(d, e) : rc;
    } else if (rc == MILL_ENOENT) {
        rc = 0;
    }
    buffer_deinit(&text);
    return rc;
}

int fresh_done(struct data_folder *d, struct error *e)
{
    char *path = marker_path(d);
    struct disk_entry entry;
    int rc = disk_look(&d->disk, path, &entry, e);
    if (rc == 0 && entry.exists) {
        rc = FAILPOINT_RESULT(fresh_before_unmark, e);
        rc = rc == 0 ? disk_remove(&d->disk, path, e) : rc;
        rc = rc == 0 ? disk_sync_folder(&d->disk, d->path, e) : rc;
    }
    memory_free(path);
    return rc;
}

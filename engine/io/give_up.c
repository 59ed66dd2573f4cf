#include "io/give_up.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/json.h"
#include "io/manifest_rows.h"
#include "io/roll.h"
#include "io/target.h"
#include "state/keys.h"

#define FLUSH_BYTES ((size_t)256 * 1024)
#define TEXT_BYTES  ((size_t)1 << 30)

void give_up_begin(struct give_up *g, const struct output_place *place, const char *data_folder)
{
    *g = (struct give_up){.place = place, .batch = store_batch_create()};
    g->folder = text_path(data_folder, "given_up");
}

static void free_list(char **list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        memory_free(list[i]);
    }
    memory_free(list);
}

void give_up_end(struct give_up *g)
{
    free_list(g->rest, g->rest_count);
    free_list(g->said, g->said_count);
    memory_free(g->folder);
    store_batch_destroy(g->batch);
    *g = (struct give_up){0};
}

/* --- keeping --- */

/* Rows on their way into a kept file. */
struct keeping {
    const struct disk *disk;
    struct disk_file file;
    uint64_t offset;
    struct buffer framed; /* of a batch: bytes whose row is not whole yet */
    struct buffer text;
};

static void say(struct give_up *g, const struct manifest *m, const char *what, const char *where)
{
    g->said = memory_grow(g->said, (g->said_count + 1) * sizeof *g->said);
    g->said[g->said_count++] =
        text_format("%" PRIu64 " rows of %.*s, epoch %" PRIu64 ", are given up; they %s %s",
                    m->row_count, (int)m->label.size, m->label.data, m->epoch, what, where);
}

static int put(struct keeping *k, const void *bytes, size_t size, struct error *e)
{
    int rc = disk_write(k->disk, &k->file, bytes, size, k->offset, e);
    k->offset += size;
    return rc;
}

static int keep_as_it_is(void *context, struct slice bytes, struct error *e)
{
    return put(context, bytes.data, bytes.size, e);
}

static int flush(struct keeping *k, struct error *e)
{
    int rc = k->text.size > 0 ? put(k, k->text.data, k->text.size, e) : 0;
    buffer_clear(&k->text);
    return rc;
}

/* Rows of a batch: u32 size, msgpack. */
static int keep_as_json(void *context, struct slice bytes, struct error *e)
{
    struct keeping *k = context;
    int rc = buffer_append(&k->framed, bytes.data, bytes.size);
    size_t at = 0;
    while (rc == 0 && k->framed.size - at >= sizeof(uint32_t)) {
        size_t size = bytes_get_u32(k->framed.data + at);
        size_t used = 0;
        if (k->framed.size - at - sizeof(uint32_t) < size) {
            break;
        }
        rc = json_add_msgpack(&k->text, k->framed.data + at + sizeof(uint32_t), size, &used);
        rc = rc == 0 ? buffer_append_byte(&k->text, '\n') : rc;
        at += sizeof(uint32_t) + size;
        rc = rc == 0 && k->text.size >= FLUSH_BYTES ? flush(k, e) : rc;
    }
    if (at > 0) {
        k->framed.size -= at;
        memmove(k->framed.data, k->framed.data + at, k->framed.size);
    }
    return rc;
}

static int keep(struct give_up *g, const struct manifest *m, const char *path, const char *name,
                manifest_rows_fn fn, struct error *e)
{
    struct keeping k = {.disk = g->place->disk};
    char *to = text_path(g->folder, name);
    int rc = disk_open(k.disk, to, DISK_CREATE, &k.file, e);
    if (rc == 0) {
        buffer_init(&k.framed, TEXT_BYTES);
        buffer_init(&k.text, TEXT_BYTES);
        rc = manifest_rows_each(k.disk, m, path, fn, &k, e);
        rc = rc == 0 ? flush(&k, e) : rc;
        rc = rc == 0 ? disk_sync(k.disk, &k.file, e) : rc;
        disk_close(k.disk, &k.file);
        buffer_deinit(&k.framed);
        buffer_deinit(&k.text);
    }
    if (rc == 0) {
        say(g, m, "are kept in", to);
    }
    memory_free(to);
    return rc;
}

/* The file that the rows are in; NULL: they are inline. @owns the caller */
static char *path_of(const struct give_up *g, const struct manifest *m)
{
    char *path = NULL;
    if (m->file.size == 0) {
        return NULL;
    }
    char *name = memory_copy(m->file.data, m->file.size);
    if (m->kind == MANIFEST_STREAM || m->kind == MANIFEST_BATCH) {
        path = text_path(g->place->outbox, name);
    } else {
        struct target t;
        char *folder = memory_copy(m->folder.data, m->folder.size);
        target_init(&t, g->place->disk, folder, g->place->store_id);
        path = target_hidden_path(&t, name);
        target_deinit(&t);
        memory_free(folder);
    }
    memory_free(name);
    return path;
}

static char *kept_name(const struct manifest *m, bool is_damaged)
{
    char *head = text_format("%010" PRIu64 "-%u", m->epoch, m->output);
    struct slice part = m->kind == MANIFEST_FOLDER ? m->part : m->name;
    char *name = m->kind == MANIFEST_STREAM ? text_format("%s.txt", head)
                 : m->kind != MANIFEST_BATCH
                     ? text_format("%s-%.*s", head, (int)part.size, part.data)
                     : text_format("%s.%s", head, is_damaged ? "rows" : "json");
    memory_free(head);
    return name;
}

/* @return 0, or why they cannot be kept: what the disk says */
static int keep_rows(struct give_up *g, const struct manifest *m, const char *path, struct error *e)
{
    struct error why = {0};
    int damage = manifest_rows_check(g->place->disk, m, path, &why);
    if (damage == MILL_ENOENT || damage == MILL_EIO) {
        say(g, m, "cannot be kept:", why.message);
        return 0;
    }
    char *name = kept_name(m, damage != 0);
    bool as_json = m->kind == MANIFEST_BATCH && damage == 0;
    int rc = disk_make_folder_safe(g->place->disk, g->folder, e);
    rc = rc == 0 ? keep(g, m, path, name, as_json ? keep_as_json : keep_as_it_is, e) : rc;
    memory_free(name);
    return rc;
}

/* --- the batch --- */

static void forget_file(struct give_up *g, char *path)
{
    g->rest = memory_grow(g->rest, (g->rest_count + 1) * sizeof *g->rest);
    g->rest[g->rest_count++] = path;
}

static int give_up_one(struct give_up *g, const struct manifest *m, struct error *e)
{
    bool has_rows = m->kind != MANIFEST_HELD && (m->kind != MANIFEST_FOLDER || m->file.size > 0);
    char *path = has_rows ? path_of(g, m) : NULL;
    int rc = has_rows ? keep_rows(g, m, path, e) : 0;
    struct store_key key = store_key_outbox(m->epoch, m->output);
    store_batch_remove(g->batch, STORE_OUTBOX, store_key_slice(&key));
    if (path != NULL) {
        forget_file(g, path);
    }
    g->manifests++;
    g->rows += m->kind == MANIFEST_HELD ? 0 : m->row_count; /* its file's manifest counts them */
    return rc;
}

int give_up_manifests(struct give_up *g, give_up_wants_fn wants, void *context, struct error *e)
{
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(g->place->store, STORE_OUTBOX, none, none);
    struct slice key;
    struct slice value;
    int rc = store_next(i, &key, &value, e);
    while (rc == 1) {
        struct manifest m;
        rc = manifest_decode(value, &m, e);
        rc = rc == 0 && wants(context, &m) ? give_up_one(g, &m, e) : rc;
        rc = rc == 0 ? store_next(i, &key, &value, e) : rc;
    }
    store_iterate_end(i);
    return rc;
}

int give_up_open_file(struct give_up *g, uint16_t output, struct error *e)
{
    struct store_key key = store_key_roll(output);
    struct buffer value;
    struct roll roll;
    struct slice folder;
    struct slice suffix;
    buffer_init(&value, ROLL_BYTES_MAX);
    int rc = store_get(g->place->store, STORE_META, store_key_slice(&key), &value, e);
    if (rc != 0) {
        buffer_deinit(&value);
        return rc == MILL_ENOENT ? 0 : rc;
    }
    rc = roll_decode((struct slice){value.data, value.size}, &roll, &folder, &suffix, e);
    if (rc == 0) {
        char name[PART_NAME_MAX];
        roll_file_name(output, roll.first_epoch, name);
        struct manifest m = {
            .kind = MANIFEST_PART,
            .output = output,
            .epoch = roll.first_epoch,
            .row_count = roll.rows,
            .byte_count = roll.length,
            .checksum = roll.checksum,
            .file = {name, strlen(name)},
            .name = {name, strlen(name)},
            .folder = folder,
            .label = {"an open file", 12},
        };
        rc = give_up_one(g, &m, e);
        store_batch_remove(g->batch, STORE_META, store_key_slice(&key));
    }
    buffer_deinit(&value);
    return rc;
}

int give_up_commit(struct give_up *g, struct error *e)
{
    if (store_batch_bytes(g->batch) == 0) {
        return 0;
    }
    struct disk_entry entry;
    int rc = disk_look(g->place->disk, g->folder, &entry, e);
    rc = rc == 0 && entry.exists ? disk_sync_folder(g->place->disk, g->folder, e) : rc;
    rc = rc == 0 ? FAILPOINT_RESULT(give_up_before_write, e) : rc;
    rc = rc == 0 ? store_write(g->place->store, g->batch, true, e) : rc;
    rc = rc == 0 ? FAILPOINT_RESULT(give_up_after_write, e) : rc;
    for (uint32_t i = 0; rc == 0 && i < g->said_count; i++) {
        log_warn("%s", g->said[i]);
    }
    for (uint32_t i = 0; rc == 0 && i < g->rest_count; i++) {
        disk_remove(g->place->disk, g->rest[i], NULL);
    }
    return rc;
}

#include "io/target.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/memory.h"
#include "base/text.h"
#include "state/keys.h"

#define HIDDEN_PREFIX  ".tidemill-"
#define STORE_FILE     "STORE"
#define STORE_ID_BYTES 16 /* hex digits */
#define PATH_BYTES_MAX 4096
#define TIME_DIGITS    13

void target_store8(uint64_t store_id, char store8[STORE8_BYTES + 1])
{
    snprintf(store8, STORE8_BYTES + 1, "%08" PRIx32, (uint32_t)(store_id >> 32));
}

void target_init(struct target *t, const struct disk *disk, const char *folder, uint64_t store_id)
{
    *t = (struct target){.disk = disk, .folder = memory_text(folder), .store_id = store_id};
    target_store8(store_id, t->store8);
    char *hidden = text_format(HIDDEN_PREFIX "%s", t->store8);
    t->hidden = text_path(folder, hidden);
    memory_free(hidden);
}

void target_deinit(struct target *t)
{
    memory_free(t->folder);
    memory_free(t->hidden);
    *t = (struct target){0};
}

char *target_hidden_path(const struct target *t, const char *name)
{
    return text_path(t->hidden, name);
}

void target_part_name(const struct target *t, uint64_t epoch, uint32_t seq, const char *extension,
                      char name[PART_NAME_MAX])
{
    snprintf(name, PART_NAME_MAX, "part-%s-%010" PRIu64 "-%04" PRIu32 ".%s", t->store8, epoch, seq,
             extension);
}

bool target_parse_part(const char *name, char store8[STORE8_BYTES + 1], uint64_t *epoch)
{
    static const char digits[] = "0123456789abcdef";
    if (!text_starts_with(name, "part-") || strspn(name + 5, digits) != STORE8_BYTES ||
        name[5 + STORE8_BYTES] != '-') {
        return false;
    }
    const char *number = name + 5 + STORE8_BYTES + 1;
    char *end = NULL;
    *epoch = strtoull(number, &end, 10);
    memcpy(store8, name + 5, STORE8_BYTES);
    store8[STORE8_BYTES] = '\0';
    return end > number && *end == '-';
}

static int write_store_file(struct target *t, struct error *e)
{
    char id[STORE_ID_BYTES + 2];
    snprintf(id, sizeof id, "%016" PRIx64 "\n", t->store_id);
    char *path = target_hidden_path(t, STORE_FILE);
    int rc = disk_replace(t->disk, path, id, strlen(id), e);
    memory_free(path);
    return rc;
}

/* The id in STORE. @return 0, MILL_ENOENT when there is none, MILL_EREFUSED when it is not an id */
static int read_store_file(const struct disk *disk, const char *hidden, uint64_t *id,
                           struct error *e)
{
    char *path = text_path(hidden, STORE_FILE);
    struct buffer text;
    buffer_init(&text, 4096);
    int rc = disk_read(disk, path, &text, e);
    char *end = NULL;
    if (rc == 0 && buffer_append_byte(&text, 0) == 0) {
        *id = strtoull(text.data, &end, 16);
        if (end != text.data + STORE_ID_BYTES) {
            rc = error_set(e, MILL_EREFUSED, "%s does not hold a store's id", path);
        }
    }
    buffer_deinit(&text);
    memory_free(path);
    return rc;
}

int target_check(const struct target *t, struct error *e)
{
    uint64_t id = 0;
    int rc = read_store_file(t->disk, t->hidden, &id, e);
    if (rc == MILL_ENOENT || rc == MILL_EREFUSED || (rc == 0 && id != t->store_id)) {
        const char *what = rc == 0               ? "another store's"
                           : rc == MILL_EREFUSED ? "no store's"
                                                 : "missing";
        return error_set(e, MILL_EREFUSED,
                         "%s: this store has written here, but %s/" STORE_FILE
                         " is %s; not mounted? Bring the folder back, or choose: "
                         "--assume-published %s or --publish-again %s",
                         t->folder, t->hidden, what, t->folder, t->folder);
    }
    return rc;
}

int target_explain(const struct target *t, int rc, struct error *e)
{
    struct error why;
    if (rc != MILL_ENOENT || target_check(t, &why) != MILL_EREFUSED) {
        return rc;
    }
    if (e != NULL) {
        *e = why;
    }
    return MILL_EREFUSED;
}

struct look {
    const struct target *t;
    uint64_t epoch;
    struct error *e;
    const char *prefix; /* of folders of batches */
    char *batch;        /* the one that is looked into */
};

/* A store that is older than its results would give other rows the names that these have. */
static int refuse_later(const struct look *look, const char *folder, const char *name,
                        uint64_t epoch)
{
    if (epoch <= look->epoch) {
        return 0;
    }
    return error_set(look->e, MILL_EREFUSED,
                     "%s holds %s, but the store ends at epoch %" PRIu64
                     ": the data directory is older than its results; bring the newer one back, or "
                     "start over with --fresh",
                     folder, name, look->epoch);
}

static bool is_adopted(const struct target *t, const char *store8)
{
    return t->adoption != NULL && adoption_takes(t->adoption, store8);
}

static int refuse_foreign(void *context, const char *name)
{
    struct look *look = context;
    char store8[STORE8_BYTES + 1];
    uint64_t epoch = 0;
    if (text_starts_with(name, HIDDEN_PREFIX) &&
        strcmp(name + strlen(HIDDEN_PREFIX), look->t->store8) != 0 &&
        !is_adopted(look->t, name + strlen(HIDDEN_PREFIX))) {
        return error_set(look->e, MILL_EREFUSED,
                         "%s: another store writes here (%s); give this job another folder, or "
                         "take it over with --adopt %s",
                         look->t->folder, name, look->t->folder);
    }
    if (!target_parse_part(name, store8, &epoch)) {
        return 0;
    }
    bool is_ours = strcmp(store8, look->t->store8) == 0;
    if (!is_ours && is_adopted(look->t, store8)) {
        return 0;
    }
    if (!is_ours) {
        return error_set(look->e, MILL_EREFUSED,
                         "%s holds parts of another store (%s): its data directory was deleted or "
                         "is elsewhere; give this job an empty folder, or take it over with "
                         "--adopt %s",
                         look->t->folder, name, look->t->folder);
    }
    return refuse_later(look, look->t->folder, name, epoch);
}

static int refuse_later_part(void *context, const char *name)
{
    const struct look *look = context;
    char store8[STORE8_BYTES + 1];
    uint64_t epoch = 0;
    bool is_ours = target_parse_part(name, store8, &epoch) && strcmp(store8, look->t->store8) == 0;
    return is_ours ? refuse_later(look, look->batch, name, epoch) : 0;
}

/* "prefix-TIME" or "prefix-TIME.suffix" */
static bool is_batch_of(const char *name, const char *prefix)
{
    size_t size = strlen(prefix);
    size_t digits = strncmp(name, prefix, size) == 0 && name[size] == '-'
                        ? strspn(name + size + 1, "0123456789")
                        : 0;
    return digits > 0 && (name[size + 1 + digits] == '\0' || name[size + 1 + digits] == '.');
}

static int look_into_batch(void *context, const char *name)
{
    struct look *look = context;
    if (!is_batch_of(name, look->prefix)) {
        return 0;
    }
    struct disk_entry entry;
    look->batch = text_path(look->t->folder, name);
    int rc = disk_look(look->t->disk, look->batch, &entry, look->e);
    if (rc == 0 && entry.is_folder) {
        rc = disk_list(look->t->disk, look->batch, refuse_later_part, look, look->e);
        rc = rc == MILL_ENOENT ? 0 : rc; /* taken away meanwhile */
    }
    memory_free(look->batch);
    return rc;
}

static int claim(struct target *t, struct error *e)
{
    int rc = disk_make_folder(t->disk, t->hidden, e);
    if (rc == 0) {
        rc = write_store_file(t, e);
    }
    if (rc == 0) {
        rc = disk_sync_folder(t->disk, t->folder, e);
    }
    return rc != 0 ? rc : FAILPOINT_RESULT(marker_after_sync, e);
}

static struct slice note_key(const struct target *t, struct buffer *key)
{
    buffer_init(key, (size_t)2 * PATH_BYTES_MAX);
    int rc = buffer_append_byte(key, 't');
    rc = rc == 0 ? buffer_append_text(key, t->folder) : rc;
    check(rc == 0);
    return (struct slice){key->data, key->size};
}

/* What META says about this store and the folder. */
enum noted { NOTED_NOTHING = 0, NOTED_CLAIMING = 1, NOTED_CLAIMED = 2 };

static const char *const note_texts[] = {NULL, "claiming", "claimed"};

/* @return an enum noted, or an error */
static int read_note(const struct target *t, struct store *store, struct error *e)
{
    struct buffer key;
    struct buffer value;
    buffer_init(&value, 64);
    int rc = store_get(store, STORE_META, note_key(t, &key), &value, e);
    bool is_claiming =
        rc == 0 && slice_is((struct slice){value.data, value.size}, note_texts[NOTED_CLAIMING]);
    buffer_deinit(&key);
    buffer_deinit(&value);
    if (rc == MILL_ENOENT) {
        return NOTED_NOTHING;
    }
    return rc != 0 ? rc : is_claiming ? NOTED_CLAIMING : NOTED_CLAIMED;
}

static void note_into(const struct target *t, struct store_batch *batch, enum noted noted)
{
    struct buffer key;
    const char *text = note_texts[noted];
    store_batch_put(batch, STORE_META, note_key(t, &key), (struct slice){text, strlen(text)});
    buffer_deinit(&key);
}

static int note(const struct target *t, struct store *store, enum noted noted, struct error *e)
{
    struct store_batch *batch = store_batch_create();
    note_into(t, batch, noted);
    int rc = store_write(store, batch, true, e);
    store_batch_destroy(batch);
    return rc;
}

void target_note_into(const struct target *t, struct store_batch *batch)
{
    note_into(t, batch, NOTED_CLAIMING);
}

/* The text of a script lies among the folders: "text" and a slot, no letter. */
static bool is_note(struct slice key)
{
    bool is_script =
        key.size == 5 && memcmp(key.data, "text", 4) == 0 && key.data[4] >= 0 && key.data[4] < ' ';
    return key.size > 1 && !is_script;
}

int target_each(struct store *store, target_fn fn, void *context, struct error *e)
{
    struct slice from = {"t", 1};
    struct slice to = {"u", 1};
    struct store_iterator *i = store_iterate(store, STORE_META, from, to);
    struct slice key = {"", 0};
    struct slice value;
    int rc = store_next(i, &key, &value, e);
    while (rc == 1) {
        char *folder = is_note(key) ? memory_copy(key.data + 1, key.size - 1) : NULL;
        rc = folder == NULL ? 0 : fn(context, folder);
        memory_free(folder);
        rc = rc == 0 ? store_next(i, &key, &value, e) : rc;
    }
    store_iterate_end(i);
    return rc;
}

static int refuse_others(const struct target *t, uint64_t epoch, const char *prefix,
                         struct error *e)
{
    struct look look = {.t = t, .epoch = epoch, .e = e, .prefix = prefix};
    int rc =
        disk_list(t->disk, t->folder, prefix == NULL ? refuse_foreign : look_into_batch, &look, e);
    return rc == MILL_ENOENT ? 0 : rc;
}

/* The note comes before the claim, so that --fresh finds a folder whose claim was cut short, and
 * again after it: only then a missing STORE means that the folder is not the same. */
int target_claim(struct target *t, struct store *store, struct error *e)
{
    int rc = store == NULL ? 0 : note(t, store, NOTED_CLAIMING, e);
    rc = rc == 0 ? disk_make_folder_safe(t->disk, t->folder, e) : rc;
    rc = rc == 0 ? claim(t, e) : rc;
    return rc == 0 && store != NULL ? note(t, store, NOTED_CLAIMED, e) : rc;
}

int target_open(struct target *t, struct store *store, uint64_t epoch, const char *prefix,
                struct error *e)
{
    int noted = store == NULL ? NOTED_NOTHING : read_note(t, store, e);
    if (noted < 0) {
        return noted;
    }
    int rc = noted == NOTED_CLAIMED ? target_check(t, e) : 0;
    rc = rc == 0 ? refuse_others(t, epoch, prefix, e) : rc;
    return rc == 0 && noted != NOTED_CLAIMED ? target_claim(t, store, e) : rc;
}

struct sweep {
    struct target *t;
    target_keep_fn keep;
    void *context;
    struct error *e;
};

static int sweep_one(void *context, const char *name)
{
    struct sweep *sweep = context;
    if (strcmp(name, STORE_FILE) == 0 || sweep->keep(sweep->context, name)) {
        return 0;
    }
    char *path = target_hidden_path(sweep->t, name);
    int rc = disk_remove(sweep->t->disk, path, sweep->e);
    memory_free(path);
    return rc;
}

int target_sweep(struct target *t, target_keep_fn keep, void *context, struct error *e)
{
    struct sweep sweep = {t, keep, context, e};
    int rc = disk_list(t->disk, t->hidden, sweep_one, &sweep, e);
    return rc != 0 ? rc : FAILPOINT_RESULT(open_after_sweep, e);
}

struct removal {
    const struct disk *disk;
    const char *folder;
    const char *store8; /* the parts of this store; NULL: all but STORE */
    struct error *e;
};

static int remove_one(void *context, const char *name)
{
    struct removal *removal = context;
    char store8[STORE8_BYTES + 1];
    uint64_t epoch = 0;
    bool ours = removal->store8 == NULL ? strcmp(name, STORE_FILE) != 0
                                        : target_parse_part(name, store8, &epoch) &&
                                              strcmp(store8, removal->store8) == 0;
    if (!ours) {
        return 0;
    }
    char *path = text_path(removal->folder, name);
    int rc = disk_remove(removal->disk, path, removal->e);
    memory_free(path);
    return rc;
}

/* save_as_text_files ends names in "-<time in ms>" and perhaps a suffix. */
static bool is_folder_of_batch(const char *name)
{
    for (const char *dash = strchr(name, '-'); dash != NULL; dash = strchr(dash + 1, '-')) {
        size_t digits = strspn(dash + 1, "0123456789");
        char next = dash[1 + digits];
        if (digits == TIME_DIGITS && (next == '\0' || next == '.')) {
            return true;
        }
    }
    return false;
}

static int stop_at_first(void *context, const char *name)
{
    (void)context;
    (void)name;
    return 1;
}

/* A folder of a batch without rows is empty, and nothing says whose it was: all of them go. */
static int remove_folder_of_batch(void *context, const char *name)
{
    const struct removal *parent = context;
    if (!is_folder_of_batch(name)) {
        return 0;
    }
    char *path = text_path(parent->folder, name);
    struct removal parts = {parent->disk, path, parent->store8, parent->e};
    struct disk_entry entry;
    int rc = disk_look(parent->disk, path, &entry, parent->e);
    if (rc == 0 && entry.is_folder) {
        rc = disk_list(parent->disk, path, remove_one, &parts, parent->e);
        rc = rc == 0 ? disk_list(parent->disk, path, stop_at_first, NULL, parent->e) : rc;
        rc = rc == 0 ? disk_remove_folder(parent->disk, path, parent->e) : rc;
        rc = rc == 1 ? disk_sync_folder(parent->disk, path, parent->e) : rc;
    }
    memory_free(path);
    return rc;
}

/* STORE goes last: as long as it is there, a removal that was cut short can be told and finished.
 */
static int remove_all(const struct disk *disk, const struct target *t, struct error *e)
{
    struct removal parts = {disk, t->folder, t->store8, e};
    struct removal hidden = {disk, t->hidden, NULL, e};
    int rc = disk_list(disk, t->folder, remove_one, &parts, e);
    rc = rc == 0 ? disk_list(disk, t->folder, remove_folder_of_batch, &parts, e) : rc;
    rc = rc == 0 ? disk_list(disk, t->hidden, remove_one, &hidden, e) : rc;
    rc = rc == 0 ? disk_sync_folder(disk, t->folder, e) : rc;
    char *path = target_hidden_path(t, STORE_FILE);
    rc = rc == 0 ? disk_remove(disk, path, e) : rc;
    memory_free(path);
    rc = rc == 0 ? disk_remove_folder(disk, t->hidden, e) : rc;
    return rc == 0 ? disk_sync_folder(disk, t->folder, e) : rc;
}

int target_remove(const struct disk *disk, const char *folder, uint64_t store_id, struct error *e)
{
    struct target t;
    target_init(&t, disk, folder, store_id);
    uint64_t id = 0;
    int rc = read_store_file(disk, t.hidden, &id, NULL);
    if (rc == 0 && id == store_id) {
        rc = remove_all(disk, &t, e);
    } else if (rc == MILL_ENOENT) {
        /* A hidden folder without STORE is what a claim or a removal left that was cut short. */
        char *path = target_hidden_path(&t, STORE_FILE ".tmp");
        disk_remove(disk, path, NULL);
        disk_remove_folder(disk, t.hidden, NULL);
        memory_free(path);
        rc = 0;
    } else {
        rc = 0; /* no longer ours */
    }
    target_deinit(&t);
    return rc;
}

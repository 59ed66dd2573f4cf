#include "io/reclaim.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/give_up.h"
#include "io/roll.h"
#include "io/target.h"

/* What waits for the folder and is not there. */
struct missing {
    struct target target;
    struct give_up give_up; /* of open files; its batch is written */
    uint64_t files;
    uint64_t rows;
    uint64_t first_epoch;
    uint64_t last_epoch;
    struct error *e;
};

static void add_missing(struct missing *m, uint64_t rows, uint64_t epoch)
{
    m->files++;
    m->rows += rows;
    m->first_epoch = m->first_epoch == 0 || epoch < m->first_epoch ? epoch : m->first_epoch;
    m->last_epoch = epoch > m->last_epoch ? epoch : m->last_epoch;
}

/* However it was written when the rows were. */
static bool is_of_folder(const struct missing *m, struct slice folder)
{
    char *text = memory_copy(folder.data, folder.size);
    bool is_same = text_same_path(text, m->target.folder);
    memory_free(text);
    return is_same;
}

static bool is_good(const struct missing *m, uint16_t output, const struct roll *roll)
{
    char name[PART_NAME_MAX];
    roll_file_name(output, roll->first_epoch, name);
    char *path = target_hidden_path(&m->target, name);
    XXH3_state_t *sum = hash_sum_create();
    int rc = roll_cut(roll, m->target.disk, path, sum, NULL);
    XXH3_freeState(sum);
    memory_free(path);
    return rc == 0;
}

/* META "r" u16: an open file. */
static int look_at_open_file(struct missing *m, struct slice key, struct slice value)
{
    struct roll roll;
    struct slice folder;
    struct slice suffix;
    int rc = roll_decode(value, &roll, &folder, &suffix, m->e);
    uint16_t output = key.size == 3 ? bytes_get_u16(key.data + 1) : 0;
    if (rc != 0 || !is_of_folder(m, folder) || is_good(m, output, &roll)) {
        return rc;
    }
    add_missing(m, roll.rows, roll.first_epoch);
    return give_up_open_file(&m->give_up, output, m->e);
}

static int look_at_open_files(struct missing *m)
{
    struct slice from = {"r", 1};
    struct slice to = {"s", 1};
    struct store_iterator *i = store_iterate(m->give_up.place->store, STORE_META, from, to);
    struct slice key;
    struct slice value;
    int rc = store_next(i, &key, &value, m->e);
    while (rc == 1) {
        rc = look_at_open_file(m, key, value);
        rc = rc == 0 ? store_next(i, &key, &value, m->e) : rc;
    }
    store_iterate_end(i);
    return rc;
}

/* For give_up_manifests: nothing of it is given up; beside a good STORE it counts as published. */
static bool note_missing(void *context, const struct manifest *manifest)
{
    struct missing *m = context;
    bool is_file = manifest->kind == MANIFEST_PART || manifest->kind == MANIFEST_FOLDER;
    if (!is_file || manifest->file.size == 0 || !is_of_folder(m, manifest->folder)) {
        return false;
    }
    char *name = memory_copy(manifest->file.data, manifest->file.size);
    char *path = target_hidden_path(&m->target, name);
    struct disk_entry entry;
    if (disk_look(m->target.disk, path, &entry, NULL) == 0 && !entry.exists) {
        add_missing(m, manifest->row_count, manifest->epoch);
    }
    memory_free(path);
    memory_free(name);
    return false;
}

static int refuse(const struct missing *m)
{
    const char *folder = m->target.folder;
    return error_set(m->e, MILL_EREFUSED,
                     "%s: %" PRIu64 " rows of epochs %" PRIu64 " to %" PRIu64
                     " are gone and cannot be published again; bring the folder back, go on "
                     "without them with --assume-published %s, or start over with --fresh",
                     folder, m->rows, m->first_epoch, m->last_epoch, folder);
}

static int claim_again(struct missing *m, bool is_lost)
{
    if (is_lost) {
        target_note_into(&m->target, m->give_up.batch);
    }
    int rc = give_up_commit(&m->give_up, m->e);
    rc = rc == 0 && is_lost ? target_claim(&m->target, m->give_up.place->store, m->e) : rc;
    if (rc != 0) {
        return rc;
    }
    log_warn("%s is the job's again; %" PRIu64
             " rows that waited for it count as published. What was published there before is not "
             "made again: only --fresh does that",
             m->target.folder, m->rows);
    return 1;
}

int reclaim_folder(const struct output_place *place, const char *folder, const char *data_folder,
                   bool again, struct error *e)
{
    struct missing m = {.e = e};
    target_init(&m.target, place->disk, folder, place->store_id);
    give_up_begin(&m.give_up, place, data_folder);
    int rc = target_check(&m.target, e);
    bool is_lost = rc == MILL_EREFUSED;
    rc = is_lost ? 0 : rc;
    rc = rc == 0 ? look_at_open_files(&m) : rc;
    rc = rc == 0 && is_lost ? give_up_manifests(&m.give_up, note_missing, &m, e) : rc;
    if (rc == 0 && (is_lost || m.files > 0)) {
        rc = again && m.files > 0 ? refuse(&m) : claim_again(&m, is_lost);
    }
    give_up_end(&m.give_up);
    target_deinit(&m.target);
    return rc;
}

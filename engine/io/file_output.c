#include "io/file_output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/roll.h"
#include "io/rows_file.h"
#include "state/keys.h"

static const char *extension(const struct output *o)
{
    return o->graph->format == FORMAT_JSON ? "json" : "txt";
}

static bool rolls(const struct output *o)
{
    return o->graph->roll_ms > 0 || o->graph->roll_bytes > 0;
}

/* save_as_text_files("out/words") makes folders in "out"; a bare prefix makes them here. */
static char *folder_of(const struct output *o)
{
    const char *target = o->graph->target;
    if (o->graph->kind == OUTPUT_FILES) {
        return memory_text(target);
    }
    const char *slash = strrchr(target, '/');
    return slash == NULL ? memory_text(".")
                         : memory_copy(target, slash == target ? 1 : (size_t)(slash - target));
}

/* What the names of its folders begin with. */
static const char *prefix_of(const struct output *o)
{
    const char *slash = strrchr(o->graph->target, '/');
    return slash == NULL ? o->graph->target : slash + 1;
}

static void open_file_name(const struct output *o, uint64_t first_epoch, char name[PART_NAME_MAX])
{
    roll_file_name(o->number, first_epoch, name);
}

/* An open file in another folder or format is not this output's any more: file_output_close_stale
 * closes it. */
static int load_roll(struct output *o, struct error *e)
{
    struct store_key key = store_key_roll(o->number);
    struct buffer value;
    buffer_init(&value, ROLL_BYTES_MAX);
    int rc = store_get(o->place->store, STORE_META, store_key_slice(&key), &value, e);
    if (rc == 0) {
        struct roll roll;
        struct slice folder;
        struct slice suffix;
        rc = roll_decode((struct slice){value.data, value.size}, &roll, &folder, &suffix, e);
        if (rc == 0 && slice_is(folder, o->target.folder) && slice_is(suffix, extension(o))) {
            o->roll = roll;
        }
    } else if (rc == MILL_ENOENT) {
        rc = 0;
    }
    o->next = o->roll;
    buffer_deinit(&value);
    return rc;
}

/* An open file that is not as it was committed: say how to go on without it. */
static int cut_roll(const struct target *t, const struct roll *roll, const char *path,
                    XXH3_state_t *sum, struct error *e)
{
    int rc = roll_cut(roll, t->disk, path, sum, e);
    if (rc == MILL_EREFUSED || rc == MILL_ECORRUPT) {
        char *folder = text_shell_word(t->folder);
        error_prefix(e, "bring it back, or go on without it with --assume-published %s: ", folder);
        memory_free(folder);
    }
    return rc;
}

static int cut_open_file(struct output *o, struct error *e)
{
    char name[PART_NAME_MAX];
    open_file_name(o, o->roll.first_epoch, name);
    char *path = target_hidden_path(&o->target, name);
    int rc = cut_roll(&o->target, &o->roll, path, o->roll_sum, e);
    memory_free(path);
    return rc;
}

/* Parts of others in the folder are refused, unless a person has taken them over. */
static int open_target(struct output *o, struct error *e)
{
    const struct output_place *place = o->place;
    const char *prefix = o->graph->kind == OUTPUT_FILES ? NULL : prefix_of(o);
    struct adoption adoption;
    struct choice *choice = choices_find_path(place->choices, CHOICE_ADOPT, o->target.folder);
    int rc = adoption_load(&adoption, place->store, o->target.folder, choice != NULL, e);
    o->target.adoption = &adoption;
    rc = rc == 0 ? target_open(&o->target, place->store, place->epoch, prefix, e) : rc;
    o->target.adoption = NULL;
    if (rc == 0 && adoption.is_changed) {
        check(choice != NULL);
        choice->is_taken = true;
        rc = adoption_save(&adoption, place->store, o->target.folder, e);
    }
    adoption_deinit(&adoption);
    return rc;
}

int file_output_open(struct output *o, struct error *e)
{
    char *folder = folder_of(o);
    target_init(&o->target, o->place->disk, folder, o->place->store_id);
    memory_free(folder);
    int rc = open_target(o, e);
    if (rolls(o)) {
        o->roll_sum = hash_sum_create();
        o->next_sum = hash_sum_create();
        rc = rc == 0 ? load_roll(o, e) : rc;
    }
    rc = rc == 0 && o->roll.is_open ? cut_open_file(o, e) : rc;
    return rc == 0 ? 0 : error_prefix(e, "%s: ", o->label);
}

void file_output_close(struct output *o)
{
    if (o->roll_sum != NULL) {
        XXH3_freeState(o->roll_sum);
        XXH3_freeState(o->next_sum);
    }
}

void file_output_committed(struct output *o)
{
    o->roll = o->next;
    if (o->roll_sum != NULL) {
        XXH3_copyState(o->roll_sum, o->next_sum);
    }
}

/* A file in the target's hidden folder that gets rows. */
struct hidden {
    const char *name;
    uint64_t offset;   /* what stands before it stays */
    XXH3_state_t *sum; /* over what stays, to be continued; NULL for a new file */
};

/* What stands at the folder's path now may not be what stood there when the file was opened. A file
 * in another folder would be missed only when it is published, and then be taken for one that has
 * its name already. */
static int see_file(const struct output *o, const char *path, uint64_t size, struct error *e)
{
    struct disk_entry entry;
    int rc = target_check(&o->target, e);
    rc = rc == 0 ? disk_look(o->place->disk, path, &entry, e) : rc;
    if (rc == 0 && (!entry.exists || entry.size != size)) {
        rc = error_set(e, MILL_EREFUSED,
                       "%s is not what was just written; was its folder replaced?", path);
    }
    return rc;
}

/* Write the rows into a hidden file and make them safe, name and all. */
static int write_hidden(struct output *o, const struct hidden *h, struct rows_reader *rows,
                        struct rows_sum *sum, struct error *e)
{
    const struct disk *disk = o->place->disk;
    char *path = target_hidden_path(&o->target, h->name);
    struct disk_file file;
    int rc = disk_open(disk, path, h->offset == 0 ? DISK_CREATE : DISK_UPDATE, &file, e);
    if (rc != 0) {
        memory_free(path);
        return rc;
    }
    rc = h->offset == 0 ? 0 : disk_truncate(disk, &file, h->offset, e);
    rc = rc == 0
             ? rows_file_write(&(struct rows_place){disk, &file, h->offset, h->sum}, rows, sum, e)
             : rc;
    rc = rc == 0 ? FAILPOINT_RESULT(file_output_before_sync, e) : rc;
    rc = rc == 0 ? disk_sync(disk, &file, e) : rc;
    disk_close(disk, &file);
    rc = rc == 0 ? disk_sync_folder(disk, o->target.hidden, e) : rc;
    rc = rc == 0 ? see_file(o, path, h->offset + sum->byte_count, e) : rc;
    memory_free(path);
    return rc == 0 ? FAILPOINT_RESULT(file_output_after_sync, e) : rc;
}

static int encode(struct output *o, const struct manifest *m, struct buffer *manifest,
                  struct error *e)
{
    int rc = manifest_encode(m, manifest);
    return rc == 0 ? 0 : error_set(e, rc, "%s: its manifest is too large", o->label);
}

static struct manifest begin_manifest(const struct output *o, const struct output_epoch *epoch,
                                      enum manifest_kind kind)
{
    return (struct manifest){
        .kind = kind,
        .output = o->number,
        .epoch = epoch->number,
        .time_ms = epoch->time_ms,
        .is_keyed = o->graph->is_keyed,
        .folder = {o->target.folder, strlen(o->target.folder)},
        .label = {o->label, strlen(o->label)},
    };
}

static void add_sum(struct manifest *m, const struct rows_sum *sum)
{
    m->row_count = sum->row_count;
    m->byte_count = sum->byte_count;
    m->checksum = sum->checksum;
}

static int prepare_part(struct output *o, const struct output_epoch *epoch,
                        struct rows_reader *rows, struct buffer *manifest, struct error *e)
{
    if (rows->row_count == 0) {
        return 0;
    }
    struct manifest m = begin_manifest(o, epoch, MANIFEST_PART);
    char temporary[PART_NAME_MAX];
    char name[PART_NAME_MAX];
    snprintf(temporary, sizeof temporary, "epoch-%" PRIu16 "-%010" PRIu64, o->number,
             epoch->number);
    target_part_name(&o->target, epoch->number, 0, extension(o), name);
    struct rows_sum sum = {0};
    int rc = write_hidden(o, &(struct hidden){.name = temporary}, rows, &sum, e);
    if (rc != 0) {
        return rc;
    }
    add_sum(&m, &sum);
    m.file = (struct slice){temporary, strlen(temporary)};
    m.name = (struct slice){name, strlen(name)};
    return encode(o, &m, manifest, e);
}

/* prefix-TIME[.suffix], made for every batch, as Spark does; a part in it when there are rows. */
static int prepare_folder(struct output *o, const struct output_epoch *epoch,
                          struct rows_reader *rows, struct buffer *manifest, struct error *e)
{
    struct manifest m = begin_manifest(o, epoch, MANIFEST_FOLDER);
    const char *suffix = o->graph->suffix;
    char *folder = text_format("%s-%" PRId64 "%s%s", prefix_of(o), epoch->time_ms,
                               suffix == NULL ? "" : ".", suffix == NULL ? "" : suffix);
    char temporary[PART_NAME_MAX];
    char part[PART_NAME_MAX];
    m.name = (struct slice){folder, strlen(folder)};
    int rc = 0;
    if (rows->row_count > 0) {
        snprintf(temporary, sizeof temporary, "epoch-%" PRIu16 "-%010" PRIu64, o->number,
                 epoch->number);
        target_part_name(&o->target, epoch->number, 0, extension(o), part);
        struct rows_sum sum = {0};
        rc = write_hidden(o, &(struct hidden){.name = temporary}, rows, &sum, e);
        add_sum(&m, &sum);
        m.file = (struct slice){temporary, strlen(temporary)};
        m.part = (struct slice){part, strlen(part)};
    }
    rc = rc == 0 ? encode(o, &m, manifest, e) : rc;
    memory_free(folder);
    return rc;
}

/* Whether the open file is to be closed by this epoch; decided once, recorded in its manifest. */
static bool ends_file(const struct output *o, const struct output_epoch *epoch)
{
    const struct roll *roll = &o->next;
    bool is_old = o->graph->roll_ms > 0 && epoch->clock_ms - roll->opened_ms >= o->graph->roll_ms;
    bool is_large = o->graph->roll_bytes > 0 && roll->length >= o->graph->roll_bytes;
    return roll->is_open && (epoch->is_last || is_old || is_large);
}

/* Write the rows behind what is committed of the open file; one begins where there is none. */
static int add_to_open_file(struct output *o, const struct output_epoch *epoch,
                            struct rows_reader *rows, struct error *e)
{
    char open_name[PART_NAME_MAX];
    struct rows_sum sum = {0};
    if (!o->next.is_open) {
        o->next = (struct roll){
            .is_open = true, .first_epoch = epoch->number, .opened_ms = epoch->clock_ms};
        XXH3_64bits_reset(o->next_sum);
    }
    open_file_name(o, o->next.first_epoch, open_name);
    struct hidden open = {open_name, o->next.length, o->next_sum};
    int rc = write_hidden(o, &open, rows, &sum, e);
    o->next.length += sum.byte_count;
    o->next.rows += sum.row_count;
    o->next.checksum = sum.checksum;
    return rc;
}

static int prepare_roll(struct output *o, const struct output_epoch *epoch,
                        struct rows_reader *rows, struct buffer *manifest, struct error *e)
{
    o->next = o->roll;
    XXH3_copyState(o->next_sum, o->roll_sum);
    int rc = rows->row_count > 0 ? add_to_open_file(o, epoch, rows, e) : 0;
    if (rc != 0) {
        return rc;
    }
    struct manifest m = begin_manifest(o, epoch, MANIFEST_HELD);
    m.row_count = rows->row_count;
    m.byte_count = o->next.length;
    m.checksum = o->next.checksum;
    if (!ends_file(o, epoch)) {
        return rows->row_count > 0 ? encode(o, &m, manifest, e) : 0;
    }
    /* This epoch may have been prepared before, with rows that it has no more. */
    rc = rows->row_count == 0 ? cut_open_file(o, e) : 0;
    if (rc != 0) {
        return rc;
    }
    char open_name[PART_NAME_MAX];
    char name[PART_NAME_MAX];
    open_file_name(o, o->next.first_epoch, open_name);
    target_part_name(&o->target, epoch->number, 0, extension(o), name);
    m.kind = MANIFEST_PART;
    m.row_count = o->next.rows; /* the file's, of all its epochs */
    m.file = (struct slice){open_name, strlen(open_name)};
    m.name = (struct slice){name, strlen(name)};
    o->next = (struct roll){0};
    rc = FAILPOINT_RESULT(roll_after_close, e);
    return rc == 0 ? encode(o, &m, manifest, e) : rc;
}

int file_output_prepare(struct output *o, const struct output_epoch *epoch,
                        struct rows_reader *rows, struct buffer *manifest, struct error *e)
{
    int rc = o->graph->kind == OUTPUT_FOLDERS ? prepare_folder(o, epoch, rows, manifest, e)
             : rolls(o)                       ? prepare_roll(o, epoch, rows, manifest, e)
                                              : prepare_part(o, epoch, rows, manifest, e);
    rc = target_explain(&o->target, rc, e);
    return rc == 0 ? 0 : error_prefix(e, "%s: ", o->label);
}

int file_output_commit_into(struct output *o, struct store_batch *batch)
{
    struct store_key key = store_key_roll(o->number);
    if (!o->next.is_open) {
        if (o->roll.is_open) {
            store_batch_remove(batch, STORE_META, store_key_slice(&key));
        }
        return 0;
    }
    struct buffer value;
    buffer_init(&value, ROLL_BYTES_MAX);
    int rc = roll_encode(&o->next, o->target.folder, extension(o), &value);
    if (rc == 0) {
        store_batch_put(batch, STORE_META, store_key_slice(&key),
                        (struct slice){value.data, value.size});
    }
    buffer_deinit(&value);
    return rc;
}

bool file_output_keeps(const struct output *o, const char *hidden_name)
{
    char name[PART_NAME_MAX];
    open_file_name(o, o->roll.first_epoch, name);
    return o->roll.is_open && strcmp(name, hidden_name) == 0;
}

static bool goes_on(const struct output *outputs, uint32_t count, uint16_t number)
{
    for (uint32_t i = 0; i < count; i++) {
        if (outputs[i].number == number && outputs[i].roll.is_open) {
            return true;
        }
    }
    return false;
}

/* A folder that is not ours, or not there, is told from one whose file is gone. */
static int cut_stale(const struct target *t, const char *name, const struct roll *roll,
                     struct error *e)
{
    char *path = target_hidden_path(t, name);
    XXH3_state_t *sum = hash_sum_create();
    int rc = target_check(t, e);
    rc = rc == 0 ? cut_roll(t, roll, path, sum, e) : rc;
    XXH3_freeState(sum);
    memory_free(path);
    return rc;
}

static int add_closing(struct store_batch *batch, const struct manifest *m, struct error *e)
{
    struct buffer bytes;
    buffer_init(&bytes, ROLL_BYTES_MAX);
    int rc = manifest_encode(m, &bytes);
    if (rc == 0) {
        struct store_key outbox = store_key_outbox(m->epoch, m->output);
        struct store_key roll = store_key_roll(m->output);
        store_batch_put(batch, STORE_OUTBOX, store_key_slice(&outbox),
                        (struct slice){bytes.data, bytes.size});
        store_batch_remove(batch, STORE_META, store_key_slice(&roll));
    }
    buffer_deinit(&bytes);
    return rc == 0 ? 0 : error_set(e, rc, "the manifest of an open file is too large");
}

int file_output_close_stale(const struct file_output_past *past, uint16_t number,
                            struct slice value, struct store_batch *batch, struct error *e)
{
    struct roll roll;
    struct slice folder;
    struct slice suffix;
    if (goes_on(past->outputs, past->output_count, number)) {
        return 0;
    }
    int rc = roll_decode(value, &roll, &folder, &suffix, e);
    if (rc != 0) {
        return rc;
    }
    char *folder_text = memory_copy(folder.data, folder.size);
    char *suffix_text = memory_copy(suffix.data, suffix.size);
    struct target t;
    target_init(&t, past->disk, folder_text, past->store_id);
    char open_name[PART_NAME_MAX];
    char name[PART_NAME_MAX];
    roll_file_name(number, roll.first_epoch, open_name);
    target_part_name(&t, past->epoch, 0, suffix_text, name);
    rc = cut_stale(&t, open_name, &roll, e);
    struct manifest m = {
        .kind = MANIFEST_PART,
        .output = number,
        .epoch = past->epoch,
        .row_count = roll.rows,
        .byte_count = roll.length,
        .checksum = roll.checksum,
        .file = {open_name, strlen(open_name)},
        .folder = folder,
        .name = {name, strlen(name)},
        .label = {"an open file", 12},
    };
    rc = rc == 0 ? add_closing(batch, &m, e) : rc;
    target_deinit(&t);
    memory_free(folder_text);
    memory_free(suffix_text);
    return rc;
}

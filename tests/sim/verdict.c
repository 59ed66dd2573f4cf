/* What must hold. After each start: the state, the offset and everything that is published are
 * those of the epochs that were committed. At the end the five checks: published rows are what the
 * job must give, once and in order; each batch came to its sink, whole; state; offset; nothing is
 * left over. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/cell.h"
#include "io/target.h"
#include "sim.h"
#include "state/keys.h"

#define NAMES_MAX 400

struct names {
    char list[NAMES_MAX][96];
    uint32_t count;
};

static int add_name(void *context, const char *name)
{
    struct names *names = context;
    check(names->count < NAMES_MAX);
    snprintf(names->list[names->count++], sizeof names->list[0], "%s", name);
    return 0;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* In order; none when the folder is not there. Around the faults: this is the world looking. */
static void list(const struct sim *s, const char *folder, struct names *names)
{
    names->count = 0;
    (void)disk_list(&s->fake_disk, folder, add_name, names, NULL);
    qsort(names->list, names->count, sizeof names->list[0], compare_names);
}

static void read_file(struct sim *s, const char *path, struct buffer *into)
{
    if (disk_read(&s->fake_disk, path, into, NULL) != 0) {
        sim_fail(s, "%s cannot be read", path);
    }
}

/* --- files --- */

struct part {
    uint64_t epoch;
    char path[160];
};

struct parts {
    struct part list[NAMES_MAX];
    uint32_t count;
};

static int compare_parts(const void *left, const void *right)
{
    const struct part *a = left;
    const struct part *b = right;
    return a->epoch < b->epoch ? -1 : a->epoch > b->epoch;
}

static void find_parts(struct sim *s, const struct sim_output *o, struct parts *parts)
{
    parts->count = 0;
    for (uint32_t place = 0; place < o->place_count; place++) {
        struct names names;
        list(s, o->places[place], &names);
        for (uint32_t i = 0; i < names.count; i++) {
            char store8[STORE8_BYTES + 1];
            struct part *part = &parts->list[parts->count];
            if (target_parse_part(names.list[i], store8, &part->epoch)) {
                snprintf(part->path, sizeof part->path, "%s/%s", o->places[place], names.list[i]);
                parts->count++;
            }
        }
    }
    qsort(parts->list, parts->count, sizeof *parts->list, compare_parts);
}

/* The rows in the published files are the first of those that the committed epochs must give. */
static void check_files(struct sim *s, uint32_t output, bool all)
{
    struct parts parts;
    struct buffer found;
    struct buffer expected;
    buffer_init(&found, 64 * MIB);
    buffer_init(&expected, 64 * MIB);
    find_parts(s, &s->job.outputs[output], &parts);
    for (uint32_t i = 0; i < parts.count; i++) {
        read_file(s, parts.list[i].path, &found);
    }
    for (uint64_t n = 1; n <= s->epoch_count; n++) {
        sim_expected(s, output, &s->epochs[n], &expected);
    }
    size_t same = 0;
    while (same < found.size && same < expected.size && found.data[same] == expected.data[same]) {
        same++;
    }
    if (same < found.size || (all && found.size < expected.size)) {
        sim_fail(s, "%s: %zu bytes are published, %zu committed, the first %zu are the same",
                 s->job.outputs[output].places[0], found.size, expected.size, same);
    }
    buffer_deinit(&found);
    buffer_deinit(&expected);
}

/* --- folders --- */

/* The folder of a batch: empty while its file is on the way, or when it has no rows. */
static void check_folder(struct sim *s, uint32_t output, uint64_t epoch, bool all)
{
    const struct sim_output *o = &s->job.outputs[output];
    const char *suffix = o->graph.suffix;
    char path[128];
    struct buffer found;
    struct buffer expected;
    buffer_init(&found, 16 * MIB);
    buffer_init(&expected, 16 * MIB);
    snprintf(path, sizeof path, "%s-%" PRId64 "%s%s", o->places[0], s->epochs[epoch].time_ms,
             suffix == NULL ? "" : ".", suffix == NULL ? "" : suffix);
    struct names names;
    list(s, path, &names);
    for (uint32_t i = 0; i < names.count; i++) {
        char *file = text_path(path, names.list[i]);
        read_file(s, file, &found);
        memory_free(file);
    }
    sim_expected(s, output, &s->epochs[epoch], &expected);
    bool same = found.size == expected.size &&
                (found.size == 0 || memcmp(found.data, expected.data, found.size) == 0);
    struct disk_entry entry;
    (void)disk_look(&s->fake_disk, path, &entry, NULL);
    if (!(same && (entry.exists || !all)) && !(names.count == 0 && !all)) {
        sim_fail(s, "%s has %zu bytes, the epoch %zu", path, found.size, expected.size);
    }
    buffer_deinit(&found);
    buffer_deinit(&expected);
}

/* Every batch has its folder, and there are no others. */
static void check_folders(struct sim *s, uint32_t output, bool all)
{
    const struct sim_output *o = &s->job.outputs[output];
    for (uint64_t n = 1; n <= s->epoch_count; n++) {
        check_folder(s, output, n, all);
    }
    const char *slash = strrchr(o->places[0], '/');
    char *parent = memory_copy(o->places[0], (size_t)(slash - o->places[0]));
    struct names names;
    list(s, parent, &names);
    uint64_t count = 0;
    for (uint32_t i = 0; i < names.count; i++) {
        char *start = text_format("%s-", slash + 1);
        count += text_starts_with(names.list[i], start);
        memory_free(start);
    }
    if (count > s->epoch_count) {
        sim_fail(s, "%s: %" PRIu64 " folders for %" PRIu64 " epochs", parent, count,
                 s->epoch_count);
    }
    memory_free(parent);
}

static void check_published(struct sim *s, bool all)
{
    for (uint32_t i = 0; i <= s->job.output_count; i++) {
        if (s->job.outputs[i].graph.kind == OUTPUT_FILES) {
            check_files(s, i, all);
        } else if (s->job.outputs[i].graph.kind == OUTPUT_FOLDERS) {
            check_folders(s, i, all);
        }
    }
}

/* --- deliveries --- */

static uint32_t output_of(struct sim *s, uint16_t number)
{
    for (uint32_t i = 0; i <= s->job.output_count; i++) {
        if (s->job.outputs[i].number == number) {
            return i;
        }
    }
    sim_fail(s, "there is no output %u", number);
}

static void add_delivery(struct sim *s, uint16_t number, uint64_t epoch)
{
    if (s->delivery_count == s->delivery_capacity) {
        s->delivery_capacity = s->delivery_capacity == 0 ? 64 : 2 * s->delivery_capacity;
        s->deliveries = memory_grow(s->deliveries, s->delivery_capacity * sizeof *s->deliveries);
    }
    s->deliveries[s->delivery_count++] = (struct sim_delivery){number, epoch};
}

/* Whether the output ever gave the epoch. */
static bool was_delivered(const struct sim *s, uint16_t number, uint64_t epoch)
{
    for (uint32_t i = 0; i < s->delivery_count; i++) {
        if (s->deliveries[i].output == number && s->deliveries[i].epoch == epoch) {
            return true;
        }
    }
    return false;
}

/* Whole, of a committed epoch, and none before it is missing. */
void sim_verdict_delivery(struct sim *s, uint16_t number, uint64_t epoch)
{
    uint32_t output = output_of(s, number);
    bool may_be_committed = s->pending_number == epoch && s->end == SIM_RUNS;
    if (epoch == 0 || epoch > s->epoch_count + may_be_committed) {
        sim_fail(s, "output %u gave epoch %" PRIu64 ", which is not committed", number, epoch);
    }
    struct buffer expected;
    buffer_init(&expected, 16 * MIB);
    sim_expected(s, output, epoch <= s->epoch_count ? &s->epochs[epoch] : &s->pending, &expected);
    if (s->given.size != expected.size ||
        (expected.size > 0 && memcmp(s->given.data, expected.data, expected.size) != 0)) {
        sim_fail(s, "output %u gave other rows in epoch %" PRIu64 ": %zu bytes, not %zu", number,
                 epoch, s->given.size, expected.size);
    }
    buffer_deinit(&expected);
    add_delivery(s, number, epoch);
}

static void check_deliveries(struct sim *s)
{
    struct buffer expected;
    buffer_init(&expected, 16 * MIB);
    for (uint32_t i = 0; i < s->job.output_count; i++) {
        const struct sim_output *o = &s->job.outputs[i];
        bool is_sink = o->graph.kind == OUTPUT_STDOUT || o->graph.kind == OUTPUT_PRINT ||
                       o->graph.kind == OUTPUT_BATCH;
        for (uint64_t n = 1; n <= s->epoch_count && is_sink; n++) {
            buffer_clear(&expected);
            sim_expected(s, i, &s->epochs[n], &expected);
            bool is_due = o->graph.kind != OUTPUT_STDOUT || expected.size > 0;
            if (is_due && !was_delivered(s, o->number, n)) {
                sim_fail(s, "output %u never gave epoch %" PRIu64, o->number, n);
            }
        }
    }
    buffer_deinit(&expected);
}

/* --- the store --- */

static void check_family_is_empty(struct sim *s, enum store_family f, const char *from,
                                  const char *to, const char *what)
{
    struct slice low = {from, strlen(from)};
    struct slice high = {to, strlen(to)};
    struct store_iterator *i = store_iterate(s->memory, f, low, high);
    struct slice key;
    struct slice value;
    int rc = store_next(i, &key, &value, NULL);
    store_iterate_end(i);
    if (rc != 0) {
        sim_fail(s, "%s are left over in the store", what);
    }
}

static uint32_t count_of_value(struct slice value)
{
    struct mill_cell cell = cell_of_msgpack(value);
    return cell.kind == MILL_NUMBER ? (uint32_t)cell.num : UINT32_MAX;
}

static uint32_t stored_count(struct sim *s, uint32_t stage, uint32_t key)
{
    char bytes[32];
    const struct sim_key *k = &s->job.keys[key];
    store_state_head(bytes, (uint16_t)(stage + 1), k->key_group);
    memcpy(bytes + STATE_KEY_HEAD_BYTES, k->bytes, k->size);
    struct slice at = {bytes, STATE_KEY_HEAD_BYTES + k->size};
    struct buffer value;
    buffer_init(&value, 64);
    int rc = store_get(s->memory, STORE_STATE, at, &value, NULL);
    uint32_t count = rc == 0 ? count_of_value((struct slice){value.data, value.size}) : 0;
    buffer_deinit(&value);
    return count;
}

static void check_state(struct sim *s)
{
    uint32_t kept = 0;
    for (uint32_t stage = 0; stage < s->job.stage_count; stage++) {
        for (uint32_t key = 0; key < s->job.key_count; key++) {
            uint32_t expected = sim_count_at(s, stage, key, s->process.position);
            uint32_t found = stored_count(s, stage, key);
            kept += expected > 0;
            if (found != expected) {
                sim_fail(s,
                         "stage %" PRIu32 ": %s is %" PRIu32 " in the store, and should be %" PRIu32
                         " behind %" PRIu32 " records",
                         stage, s->job.keys[key].bytes + 1, found, expected, s->process.position);
            }
        }
    }
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(s->memory, STORE_STATE, none, none);
    struct slice key;
    struct slice value;
    while (store_next(i, &key, &value, NULL) == 1 && kept != UINT32_MAX) {
        kept--; /* below 0: a key that should not be there */
    }
    store_iterate_end(i);
    if (kept != 0) {
        sim_fail(s, "keys of the state should not be there");
    }
}

static void check_history(struct sim *s)
{
    for (uint64_t n = 1; n <= s->epoch_count; n++) {
        struct store_key key = store_key_history(n);
        struct buffer value;
        struct epoch_record r = {0};
        buffer_init(&value, MIB);
        int rc = store_get(s->memory, STORE_META, store_key_slice(&key), &value, NULL);
        rc = rc == 0 ? epoch_record_decode((struct slice){value.data, value.size}, &r, NULL) : rc;
        bool good = rc == 0 && r.number == n && r.ranges[0].from == s->epochs[n].from &&
                    r.ranges[0].to == s->epochs[n].to && r.time_ms % r.interval_ms == 0 &&
                    (n == 1 || (r.time_ms > s->epochs[n - 1].time_ms &&
                                r.clock_ms >= s->epochs[n - 1].clock_ms &&
                                r.ranges[0].from == s->epochs[n - 1].to));
        epoch_record_deinit(&r);
        buffer_deinit(&value);
        if (!good) {
            sim_fail(s, "the record of epoch %" PRIu64 " is not that of the epoch", n);
        }
    }
}

static void check_offset(struct sim *s)
{
    uint32_t expected = s->epoch_count == 0 ? 0 : s->epochs[s->epoch_count].to;
    struct slice key = {"q\0\1", 3};
    struct buffer value;
    buffer_init(&value, 64);
    int rc = store_get(s->memory, STORE_META, key, &value, NULL);
    uint32_t found = rc == 0 && value.size == 4 ? bytes_get_u32(value.data) : 0;
    buffer_deinit(&value);
    if (found != expected || s->process.position != expected) {
        sim_fail(s, "the offset is %" PRIu32 " and should be %" PRIu32, found, expected);
    }
}

/* --- what is left over --- */

static bool is_left_over(const char *name)
{
    return text_ends_with(name, ".tmp") || text_starts_with(name, "epoch-") ||
           text_starts_with(name, "open-");
}

static void check_clean(struct sim *s, const char *folder, bool must_be_empty)
{
    struct names names;
    list(s, folder, &names);
    for (uint32_t i = 0; i < names.count; i++) {
        if (must_be_empty || is_left_over(names.list[i])) {
            sim_fail(s, "%s/%s is left over", folder, names.list[i]);
        }
    }
}

/* A crash may bring back the old name of a file that was published: the next start removes it. */
static void check_left_overs(struct sim *s, bool was_swept)
{
    for (uint32_t i = 0; i <= s->job.output_count; i++) {
        const struct output *o = &s->process.outputs[i];
        if (o->has_target) {
            if (was_swept) {
                check_clean(s, o->target.hidden, false);
            }
            check_clean(s, o->target.folder, false);
        }
    }
    check_clean(s, "data", false);
    check_clean(s, "data/outbox", true);
    check_family_is_empty(s, STORE_REDO, "", "", "parts of a change");
    check_family_is_empty(s, STORE_OUTBOX, "", "", "manifests");
    check_family_is_empty(s, STORE_META, "r", "s", "open files");
}

void sim_verdict_start(struct sim *s)
{
    for (uint32_t i = 0; i <= s->job.output_count; i++) {
        s->job.outputs[i].is_claimed = true;
    }
    check_offset(s);
    check_state(s);
    check_published(s, false);
    check_family_is_empty(s, STORE_REDO, "", "", "parts of a change");
}

void sim_verdict_end(struct sim *s, bool was_swept)
{
    if (s->process.position != s->job.record_count) {
        sim_fail(s, "%" PRIu32 " of %" PRIu32 " records were read", s->process.position,
                 s->job.record_count);
    }
    check_offset(s);
    check_state(s);
    check_history(s);
    check_published(s, true);
    check_deliveries(s);
    check_left_overs(s, was_swept);
}

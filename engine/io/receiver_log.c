#include "io/receiver_log.h"

#include <pthread.h>
#include <string.h>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/receiver_scan.h"
#include "io/receiver_segment.h"

/* Readers begin at most so far in front of what they look for. */
#define INDEX_STEP_BYTES ((uint64_t)64 * KIB)

#define APPEND_BYTES_MAX (RECEIVED_HEAD_BYTES + RECEIVED_BYTES_MAX)

/* A larger record's memory is given back. */
#define KEPT_BYTES_MAX ((size_t)4 * LIMIT_RECEIVE_BYTES)

/* Where some records are. */
struct entry {
    uint64_t at;
    uint64_t text;
};

struct receiver_log {
    struct receiver_log_options options;
    char *folder; /* of the options, owned */
    char *name;
    struct buffer record; /* of the writer */

    pthread_mutex_t lock; /* of all below */
    struct receiver_segments segments;
    struct entry *index; /* by place */
    uint32_t index_count;
    uint32_t index_capacity;
    uint64_t end;
    uint64_t text;
    uint64_t synced;
    uint64_t keep;
    bool has_new_names; /* the folder is to be synced */
};

static void add_entry(void *context, uint64_t at, uint64_t text, bool is_first)
{
    struct receiver_log *l = context;
    if (!is_first && at < l->index[l->index_count - 1].at + INDEX_STEP_BYTES) {
        return;
    }
    if (l->index_count == l->index_capacity) {
        l->index_capacity = l->index_capacity == 0 ? 64 : l->index_capacity * 2;
        l->index = memory_grow(l->index, l->index_capacity * sizeof *l->index);
    }
    l->index[l->index_count++] = (struct entry){at, text};
}

/* @locks lock */
static struct receiver_segment *last_segment(const struct receiver_log *l)
{
    return l->segments.count == 0 ? NULL : l->segments.items[l->segments.count - 1];
}

/* It stays the last one until the writer makes another. */
static struct receiver_segment *writers_segment(struct receiver_log *l)
{
    pthread_mutex_lock(&l->lock);
    struct receiver_segment *g = last_segment(l);
    pthread_mutex_unlock(&l->lock);
    return g;
}

static char *path_of(const struct receiver_log *l, const struct receiver_segment *g)
{
    return receiver_segment_path(l->options.folder, g->start, g->text);
}

/* --- opening --- */

static struct receiver_log *create(const struct receiver_log_options *o)
{
    struct receiver_log *l = memory_zero(1, sizeof *l);
    l->options = *o;
    l->options.folder = l->folder = memory_text(o->folder);
    l->options.name = l->name = memory_text(o->name);
    l->keep = UINT64_MAX;
    buffer_init(&l->record, APPEND_BYTES_MAX);
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

/* Connections of the last run are gone: what they had begun will not be ended. */
static int break_parts(struct receiver_log *l, const struct receiver_scan *s, struct error *e)
{
    uint64_t bytes_max = l->options.bytes_max;
    l->options.bytes_max = UINT64_MAX; /* a full log could not be opened, and so never be read */
    int rc = 0;
    for (uint32_t i = 0; i < s->part_count && rc == 0; i++) {
        const struct receiver_part *p = &s->parts[i];
        struct received_record r = {.kind = RECEIVED_BROKEN, .connection = p->connection};
        rc = receiver_log_append(l, &r, p->bytes.data, p->bytes.size, e);
    }
    l->options.bytes_max = bytes_max;
    return rc;
}

int receiver_log_open(const struct receiver_log_options *o, struct receiver_log **result,
                      struct error *e)
{
    struct receiver_log *l = create(o);
    struct receiver_scan scan = {.seen = add_entry, .context = l};
    int rc = disk_make_folder_safe(o->disk, o->folder, e);
    rc = rc == 0 ? receiver_scan_run(&scan, o, e) : rc;
    if (rc == 0) {
        l->segments = scan.segments;
        scan.segments = (struct receiver_segments){0};
        l->end = scan.end;
        l->text = scan.text;
        l->synced = o->committed.end;
        l->has_new_names = true; /* perhaps: those that the last run made and did not sync */
        for (uint32_t i = 0; i < l->segments.count; i++) {
            struct receiver_segment *g = l->segments.items[i];
            g->synced = g->end < l->synced ? g->end : l->synced < g->start ? g->start : l->synced;
        }
        rc = break_parts(l, &scan, e);
    }
    receiver_scan_deinit(&scan);
    if (rc != 0) {
        receiver_log_close(l);
        return rc;
    }
    *result = l;
    return 0;
}

static void pass_record(void *context, uint64_t at, uint64_t text, bool is_first)
{
    (void)context;
    (void)at;
    (void)text;
    (void)is_first;
}

int receiver_log_count(const struct receiver_log_options *o, uint64_t *bytes, struct error *e)
{
    struct receiver_scan scan = {.seen = pass_record};
    int rc = receiver_scan_run(&scan, o, e);
    *bytes = rc == 0 && scan.text > o->committed.text ? scan.text - o->committed.text : 0;
    for (uint32_t i = 0; i < scan.part_count && rc == 0; i++) {
        *bytes += scan.parts[i].bytes.size;
    }
    receiver_scan_deinit(&scan);
    return rc;
}

static void close_segment(struct receiver_log *l, struct receiver_segment *g)
{
    if (g->is_open) {
        disk_close(l->options.disk, &g->file);
        g->is_open = false;
    }
}

void receiver_log_close(struct receiver_log *l)
{
    if (l == NULL) {
        return;
    }
    for (uint32_t i = 0; i < l->segments.count; i++) {
        close_segment(l, l->segments.items[i]);
    }
    receiver_segments_deinit(&l->segments);
    pthread_mutex_destroy(&l->lock);
    buffer_deinit(&l->record);
    memory_free(l->index);
    memory_free(l->folder);
    memory_free(l->name);
    memory_free(l);
}

/* --- appending --- */

static int open_segment(struct receiver_log *l, struct receiver_segment *g,
                        enum disk_open_mode mode, struct error *e)
{
    char *path = path_of(l, g);
    int rc = disk_open(l->options.disk, path, mode, &g->file, e);
    memory_free(path);
    g->is_open = rc == 0;
    return rc;
}

/* A new segment; the one before is closed by whoever syncs it. */
static int roll(struct receiver_log *l, struct error *e)
{
    pthread_mutex_lock(&l->lock);
    struct receiver_segment *before = last_segment(l);
    if (before != NULL && before->synced == before->end) {
        close_segment(l, before);
    }
    struct receiver_segment *g = receiver_segments_add(&l->segments, l->end, l->text);
    pthread_mutex_unlock(&l->lock);
    int rc = open_segment(l, g, DISK_CREATE, e);
    pthread_mutex_lock(&l->lock);
    if (rc == 0) {
        l->has_new_names = true;
    } else {
        receiver_segments_drop_last(&l->segments);
    }
    pthread_mutex_unlock(&l->lock);
    return rc == 0 ? FAILPOINT_RESULT(received_after_roll, e) : rc;
}

/* The segment that takes the next record, open. */
static int prepare_segment(struct receiver_log *l, struct error *e)
{
    struct receiver_segment *g = writers_segment(l);
    if (g == NULL || g->end - g->start >= l->options.segment_bytes) {
        return roll(l, e);
    }
    return g->is_open ? 0 : open_segment(l, g, DISK_UPDATE, e);
}

static int encode(struct receiver_log *l, const struct received_record *r, const void *bytes)
{
    char head[RECEIVED_HEAD_BYTES];
    received_record_encode(r, received_seed(l->options.key, l->end), bytes, head);
    if (l->record.capacity > KEPT_BYTES_MAX) {
        buffer_deinit(&l->record);
        buffer_init(&l->record, APPEND_BYTES_MAX);
    }
    buffer_clear(&l->record);
    int rc = buffer_append(&l->record, head, sizeof head);
    return rc == 0 ? buffer_append(&l->record, bytes, r->size) : rc;
}

static void note_appended(struct receiver_log *l, const struct received_record *r)
{
    pthread_mutex_lock(&l->lock);
    struct receiver_segment *g = last_segment(l);
    add_entry(l, l->end, l->text, l->end == g->start);
    l->end += l->record.size;
    l->text += received_text_bytes(r);
    g->end = l->end;
    pthread_mutex_unlock(&l->lock);
}

int receiver_log_append(struct receiver_log *l, struct received_record *r, const void *bytes,
                        size_t size, struct error *e)
{
    check(size <= RECEIVED_BYTES_MAX);
    if (receiver_log_bytes(l) + RECEIVED_HEAD_BYTES + size > l->options.bytes_max) {
        return error_set(e, MILL_ELIMIT, "%s: %s is full: the job does not keep up",
                         l->options.name, l->options.folder);
    }
    r->text = l->text; /* only the writer changes it */
    r->size = (uint32_t)size;
    int rc = prepare_segment(l, e);
    rc = rc == 0 ? FAILPOINT_RESULT(received_write, e) : rc;
    if (rc != 0) {
        return rc;
    }
    rc = encode(l, r, bytes);
    check(rc == 0);
    struct receiver_segment *g = writers_segment(l);
    rc =
        disk_write(l->options.disk, &g->file, l->record.data, l->record.size, l->end - g->start, e);
    if (rc != 0) { /* the next record stands here */
        disk_truncate(l->options.disk, &g->file, l->end - g->start, NULL);
        return rc;
    }
    note_appended(l, r);
    return 0;
}

/* --- syncing --- */

/* What was written to a segment, also through another handle. */
static int sync_segment(struct receiver_log *l, const struct receiver_segment *g, struct error *e)
{
    char *path = path_of(l, g);
    struct disk_file file;
    int rc = disk_open(l->options.disk, path, DISK_UPDATE, &file, e);
    if (rc == 0) {
        rc = disk_sync(l->options.disk, &file, e);
        disk_close(l->options.disk, &file);
    }
    memory_free(path);
    return rc;
}

/* The first segment that has more than what is synced, as it is now. @return false: none */
static bool next_unsynced(struct receiver_log *l, uint64_t end, struct receiver_segment *copy)
{
    bool found = false;
    pthread_mutex_lock(&l->lock);
    for (uint32_t i = 0; i < l->segments.count && !found; i++) {
        const struct receiver_segment *g = l->segments.items[i];
        found = g->start < end && g->synced < (g->end < end ? g->end : end);
        *copy = *g;
    }
    pthread_mutex_unlock(&l->lock);
    return found;
}

static void note_synced(struct receiver_log *l, const struct receiver_segment *copy)
{
    pthread_mutex_lock(&l->lock);
    struct receiver_segment *g = receiver_segments_at(&l->segments, copy->start);
    g->synced = copy->end;
    if (g != last_segment(l)) {
        close_segment(l, g); /* the writer is through with it */
    }
    pthread_mutex_unlock(&l->lock);
}

int receiver_log_sync(struct receiver_log *l, struct error *e)
{
    pthread_mutex_lock(&l->lock);
    uint64_t end = l->end;
    bool has_new_names = l->has_new_names;
    l->has_new_names = false;
    pthread_mutex_unlock(&l->lock);
    if (end == l->synced && !has_new_names) {
        return 0;
    }
    int rc = FAILPOINT_RESULT(received_before_sync, e);
    struct receiver_segment segment;
    while (rc == 0 && next_unsynced(l, end, &segment)) {
        rc = sync_segment(l, &segment, e);
        if (rc == 0) {
            note_synced(l, &segment);
        }
    }
    rc = rc == 0 && has_new_names ? disk_sync_folder(l->options.disk, l->options.folder, e) : rc;
    pthread_mutex_lock(&l->lock);
    if (rc == 0) {
        l->synced = end;
    } else {
        l->has_new_names = l->has_new_names || has_new_names;
    }
    pthread_mutex_unlock(&l->lock);
    return rc == 0 ? FAILPOINT_RESULT(received_after_sync, e) : rc;
}

/* --- the end of segments --- */

static void forget_first(struct receiver_log *l)
{
    pthread_mutex_lock(&l->lock);
    close_segment(l, l->segments.items[0]);
    receiver_segments_drop_first(&l->segments);
    uint64_t start = l->segments.items[0]->start;
    uint32_t gone = 0;
    while (gone < l->index_count && l->index[gone].at < start) {
        gone++;
    }
    l->index_count -= gone;
    memmove(l->index, l->index + gone, l->index_count * sizeof *l->index);
    pthread_mutex_unlock(&l->lock);
}

/* @return false: the first segment is still wanted */
static bool is_first_done(struct receiver_log *l, uint64_t text, char **path)
{
    pthread_mutex_lock(&l->lock);
    bool is_done = l->segments.count > 1 && l->segments.items[1]->text <= text &&
                   l->segments.items[1]->start <= l->keep &&
                   l->segments.items[1]->start <= l->synced;
    *path = is_done ? path_of(l, l->segments.items[0]) : NULL;
    pthread_mutex_unlock(&l->lock);
    return is_done;
}

int receiver_log_release(struct receiver_log *l, uint64_t text, struct error *e)
{
    char *path = NULL;
    int rc = 0;
    while (rc == 0 && is_first_done(l, text, &path)) {
        rc = disk_remove(l->options.disk, path, e);
        memory_free(path);
        if (rc == 0) {
            forget_first(l);
            rc = FAILPOINT_RESULT(received_after_remove, e);
        }
    }
    return rc;
}

/* --- what others ask --- */

static uint64_t locked(struct receiver_log *l, const uint64_t *field)
{
    pthread_mutex_lock(&l->lock);
    uint64_t value = *field;
    pthread_mutex_unlock(&l->lock);
    return value;
}

void receiver_log_keep(struct receiver_log *l, uint64_t at)
{
    pthread_mutex_lock(&l->lock);
    l->keep = at;
    pthread_mutex_unlock(&l->lock);
}

uint64_t receiver_log_synced(struct receiver_log *l)
{
    return locked(l, &l->synced);
}

uint64_t receiver_log_end(struct receiver_log *l)
{
    return locked(l, &l->end);
}

uint64_t receiver_log_text_end(struct receiver_log *l)
{
    return locked(l, &l->text);
}

uint64_t receiver_log_segment_start(struct receiver_log *l)
{
    pthread_mutex_lock(&l->lock);
    uint64_t start = l->segments.count == 0 ? l->end : last_segment(l)->start;
    pthread_mutex_unlock(&l->lock);
    return start;
}

uint64_t receiver_log_bytes(struct receiver_log *l)
{
    pthread_mutex_lock(&l->lock);
    uint64_t bytes = l->segments.count == 0 ? 0 : l->end - l->segments.items[0]->start;
    pthread_mutex_unlock(&l->lock);
    return bytes;
}

static struct receiver_place place_in(const struct receiver_segment *g, uint64_t at)
{
    return (struct receiver_place){g->start, g->text, at, g->end};
}

struct receiver_place receiver_log_find(struct receiver_log *l, uint64_t text)
{
    struct receiver_place place = {0};
    pthread_mutex_lock(&l->lock);
    uint32_t low = 0;
    uint32_t high = l->index_count;
    while (low < high) { /* the last entry at or before text */
        uint32_t middle = low + (high - low) / 2;
        if (l->index[middle].text <= text) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low > 0) {
        uint64_t at = l->index[low - 1].at;
        place = place_in(receiver_segments_at(&l->segments, at), at);
    } else if (l->segments.count > 0) {
        place = place_in(l->segments.items[0], l->segments.items[0]->start);
    }
    pthread_mutex_unlock(&l->lock);
    return place;
}

bool receiver_log_next(struct receiver_log *l, struct receiver_place *place)
{
    bool found = false;
    pthread_mutex_lock(&l->lock);
    for (uint32_t i = 0; i < l->segments.count && !found; i++) {
        const struct receiver_segment *g = l->segments.items[i];
        found = g->start > place->start;
        if (found) {
            *place = place_in(g, g->start);
        }
    }
    pthread_mutex_unlock(&l->lock);
    return found;
}

const struct disk *receiver_log_disk(const struct receiver_log *l)
{
    return l->options.disk;
}

const char *receiver_log_folder(const struct receiver_log *l)
{
    return l->options.folder;
}

uint64_t receiver_log_key(const struct receiver_log *l)
{
    return l->options.key;
}

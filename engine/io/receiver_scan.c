#include "io/receiver_scan.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/received_walk.h"

/* --- lines that did not end --- */

static struct receiver_part *find_part(struct receiver_scan *s, uint64_t connection)
{
    for (uint32_t i = 0; i < s->part_count; i++) {
        if (s->parts[i].connection == connection) {
            return &s->parts[i];
        }
    }
    return NULL;
}

static void drop_part(struct receiver_scan *s, struct receiver_part *part)
{
    buffer_deinit(&part->bytes);
    *part = s->parts[--s->part_count];
}

static void note_part(struct receiver_scan *s, const struct received_record *r, struct slice bytes)
{
    struct receiver_part *part = find_part(s, r->connection);
    if (r->kind != RECEIVED_PART) {
        if (part != NULL) {
            drop_part(s, part);
        }
        return;
    }
    if (part == NULL) {
        s->parts = memory_grow(s->parts, (s->part_count + 1) * sizeof *s->parts);
        part = &s->parts[s->part_count++];
        part->connection = r->connection;
        buffer_init(&part->bytes, RECEIVED_BYTES_MAX);
    }
    if (r->restarts) {
        buffer_clear(&part->bytes);
    }
    if (buffer_append(&part->bytes, bytes.data, bytes.size) != 0) {
        drop_part(s, part); /* longer than a line may be: the receiver let it go, too */
    }
}

/* --- segments --- */

static int remove_segment(const struct receiver_log_options *o, const struct receiver_segment *g,
                          struct error *e)
{
    char *path = receiver_segment_path(o->folder, g->start, g->text);
    int rc = disk_remove(o->disk, path, e);
    memory_free(path);
    return rc;
}

/* Segments that were deleted come back after a power cut, perhaps not all of them: only those
 * count that join on to where reading goes on. */
static int drop_stale(struct receiver_scan *s, const struct receiver_log_options *o,
                      struct error *e)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i < s->segments.count; i++) {
        const struct receiver_segment *g = s->segments.items[i];
        if (g->text <= o->committed.text && s->segments.items[i - 1]->end != g->start) {
            first = i;
        }
    }
    int rc = 0;
    for (; first > 0 && rc == 0; first--) {
        rc = remove_segment(o, s->segments.items[0], e);
        receiver_segments_drop_first(&s->segments);
    }
    return rc;
}

/* Before the first commit, a power cut can take the first file and leave later ones. */
static int drop_headless(struct receiver_scan *s, const struct receiver_log_options *o,
                         struct error *e)
{
    int rc = 0;
    bool is_headless =
        o->committed.end == 0 && s->segments.count > 0 && s->segments.items[0]->start > 0;
    while (is_headless && s->segments.count > 0 && rc == 0) {
        rc = remove_segment(o, s->segments.items[s->segments.count - 1], e);
        receiver_segments_drop_last(&s->segments);
    }
    return rc == 0 && is_headless ? disk_sync_folder(o->disk, o->folder, e) : rc;
}

/* The log ends at `at`: what is behind it was torn. */
static int cut(struct receiver_scan *s, const struct receiver_log_options *o, uint64_t at,
               struct error *e)
{
    int rc = 0;
    uint64_t torn = 0;
    bool is_changed = false;
    /* A segment of which nothing is left goes too, but the first. */
    bool is_first = at == s->segments.items[0]->start;
    struct receiver_segment *last = receiver_segments_at(&s->segments, is_first ? at : at - 1);
    while (s->segments.items[s->segments.count - 1] != last && rc == 0) {
        const struct receiver_segment *g = s->segments.items[s->segments.count - 1];
        torn += g->end - g->start;
        is_changed = true;
        rc = remove_segment(o, g, e);
        receiver_segments_drop_last(&s->segments);
    }
    if (rc == 0 && last->end > at) {
        torn += last->end - at;
        is_changed = true;
        char *path = receiver_segment_path(o->folder, last->start, last->text);
        struct disk_file file;
        rc = disk_open(o->disk, path, DISK_UPDATE, &file, e);
        if (rc == 0) {
            rc = disk_truncate(o->disk, &file, at - last->start, e);
            rc = rc == 0 ? disk_sync(o->disk, &file, e) : rc;
            disk_close(o->disk, &file);
        }
        memory_free(path);
        last->end = at;
    }
    if (is_changed && rc == 0) { /* before anything is appended */
        rc = disk_sync_folder(o->disk, o->folder, e);
        rc = rc == 0 ? FAILPOINT_RESULT(received_after_cut, e) : rc;
    }
    if (torn > 0 && rc == 0) {
        log_warn("%s: %" PRIu64 " received bytes were torn by the last end of the engine; they "
                 "are not read",
                 o->name, torn);
    }
    return rc;
}

static int refuse(const struct receiver_log_options *o, uint64_t at, struct error *e)
{
    return error_set(e, MILL_EREFUSED,
                     "%s: the received data in %s ends at byte %" PRIu64 ", but the job has saved "
                     "up to byte %" PRIu64 " of it; bring the files back, or start over with "
                     "--fresh",
                     o->name, o->folder, at, o->committed.end);
}

/* The first place at which there is no record. */
static int judge(struct receiver_scan *s, const struct receiver_log_options *o, uint64_t at,
                 struct error *e)
{
    if (at >= o->committed.end) {
        return cut(s, o, at, e);
    }
    const struct receiver_segment *last = s->segments.items[s->segments.count - 1];
    const struct receiver_segment *here = receiver_segments_at(&s->segments, at);
    if (last->end < o->committed.end && here == last) {
        return refuse(o, at, e);
    }
    return error_set(e, MILL_ECORRUPT,
                     "%s: the received data in %s/%016" PRIx64 "-%016" PRIx64 ".log is damaged at "
                     "byte %" PRIu64 "; bring the file back, or start over with --fresh",
                     o->name, o->folder, here->start, here->text, at - here->start);
}

/* @return 0 with s->end where the records of the segment end; MILL_EIO */
static int scan_segment(struct receiver_scan *s, const struct receiver_log_options *o,
                        struct received_walk *w, const struct receiver_segment *g, struct error *e)
{
    char *path = receiver_segment_path(o->folder, g->start, g->text);
    struct disk_file file;
    int rc = disk_open(o->disk, path, DISK_READ, &file, e);
    memory_free(path);
    if (rc != 0) {
        return rc;
    }
    received_walk_begin(w, &file, g->start, g->start, g->end);
    struct received_record record;
    struct slice bytes;
    rc = received_walk_next(w, &record, &bytes, e);
    while (rc == 1 && record.text == s->text) {
        s->seen(s->context, s->end, s->text, s->end == g->start);
        note_part(s, &record, bytes);
        s->text += received_text_bytes(&record);
        s->end = w->at;
        rc = received_walk_next(w, &record, &bytes, e);
    }
    disk_close(o->disk, &file);
    return rc == MILL_EIO ? rc : 0;
}

/* A segment that was read to its end may be one that was deleted, and came back without all of
 * its bytes: only lines begun in it are lost. @return false: its bytes are still wanted */
static bool pass_over(struct receiver_scan *s, const struct receiver_log_options *o, uint32_t i)
{
    const struct receiver_segment *next =
        i + 1 < s->segments.count ? s->segments.items[i + 1] : NULL;
    if (next == NULL || next->text > o->committed.text) {
        return false;
    }
    while (s->part_count > 0) {
        drop_part(s, &s->parts[0]);
    }
    s->end = next->start;
    s->text = next->text;
    return true;
}

static int scan_all(struct receiver_scan *s, const struct receiver_log_options *o,
                    struct received_walk *w, struct error *e)
{
    const struct receiver_segment *first = s->segments.items[0];
    s->end = first->start;
    s->text = first->text;
    if (first->text > o->committed.text) {
        return error_set(e, MILL_EREFUSED,
                         "%s: the received data in %s begins behind what the job has read; bring "
                         "the files back, or start over with --fresh",
                         o->name, o->folder);
    }
    for (uint32_t i = 0; i < s->segments.count; i++) {
        const struct receiver_segment *g = s->segments.items[i];
        if (g->start != s->end || g->text != s->text) {
            break;
        }
        int rc = scan_segment(s, o, w, g, e);
        if (rc != 0) {
            return rc;
        }
        if (s->end < g->end && !pass_over(s, o, i)) {
            break;
        }
    }
    return judge(s, o, s->end, e);
}

int receiver_scan_run(struct receiver_scan *s, const struct receiver_log_options *o,
                      struct error *e)
{
    int rc = receiver_segments_find(o->disk, o->folder, &s->segments, e);
    rc = rc == 0 ? drop_headless(s, o, e) : rc;
    rc = rc == 0 ? drop_stale(s, o, e) : rc;
    if (rc != 0 || s->segments.count == 0) {
        return rc == 0 && o->committed.end > 0 ? refuse(o, 0, e) : rc;
    }
    struct received_walk w;
    received_walk_init(&w);
    w.disk = o->disk;
    w.key = o->key;
    rc = scan_all(s, o, &w, e);
    received_walk_deinit(&w);
    return rc;
}

void receiver_scan_deinit(struct receiver_scan *s)
{
    for (uint32_t i = 0; i < s->part_count; i++) {
        buffer_deinit(&s->parts[i].bytes);
    }
    memory_free(s->parts);
    receiver_segments_deinit(&s->segments);
}

#include "io/file_source.h"

#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/file_partitions.h"
#include "io/file_plan.h"
#include "io/file_watch.h"
#include "io/input_file.h"
#include "io/line_limit.h"

struct file_source {
    struct source base;
    struct file_watch watch;
    struct file_plan plan;
    struct line_limit limit;
    struct input_file *kept; /* a file that the last epoch left in its middle: it can be read on
                                 even if its name is removed */
    uint32_t kept_serial;
    bool is_by_name; /* files are in order of time, by their names */
};

static struct file_source *of(struct source *s)
{
    return (struct file_source *)s;
}

static const struct file_source *of_const(const struct source *s)
{
    return (const struct file_source *)s;
}

/* Bytes that can be read and that no committed epoch has read. */
static uint64_t count_unread(const struct file_source *s)
{
    const struct file_registry *r = &s->watch.registry;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        bytes += known_file_unread(&r->files[i]);
    }
    return bytes;
}

static int poll(struct source *base, int64_t now_ms, struct error *e)
{
    struct file_source *s = of(base);
    if (s->plan.is_rerun || s->plan.sequence > 0 || count_unread(s) > 0) {
        return 0;
    }
    return file_watch_poll(&s->watch, now_ms, e);
}

static int plan(struct source *base, uint64_t bytes_max, uint64_t *bytes, struct error *e)
{
    struct file_source *s = of(base);
    *bytes = 0;
    if (s->watch.refused.code != 0) {
        return error_set(e, s->watch.refused.code, "%s", s->watch.refused.message);
    }
    if (!s->plan.is_rerun) {
        check(s->plan.sequence == 0);
        file_plan_make(&s->plan, &s->watch.registry, bytes_max);
        line_limit_begin(&s->limit);
    }
    *bytes = s->plan.bytes;
    return 0;
}

static bool is_drained(const struct source *base)
{
    const struct file_source *s = of_const(base);
    bool is_counted = s->limit.max == 0 || s->plan.is_rerun || file_plan_is_through(&s->plan);
    return is_counted && count_unread(s) <= s->plan.bytes;
}

/* --- blocks --- */

static struct known_file *known_of(struct file_source *s, const struct file_range *range)
{
    struct known_file *f = file_registry_find(&s->watch.registry, range->serial);
    check(f != NULL); /* nothing is forgotten while an epoch runs */
    return f;
}

static enum input_opening open_kept(struct file_source *s, struct file_range *range,
                                    struct known_file *known, struct error *e)
{
    enum input_opening opening = input_file_check(s->kept, range->path, known, e);
    if (opening == INPUT_OPENED) {
        range->file = s->kept;
    } else {
        input_file_close(s->kept);
    }
    s->kept = NULL;
    return opening;
}

/* A file that goes on changing leaves its last line for later, however still it stood. */
static void note_opened(struct file_range *range, struct known_file *known)
{
    known->was_warned = false;
    if (range->file->has_changed && !range->is_packed) {
        range->takes_unfinished = false;
        known->is_still = false;
    }
}

/* @return 0; the range may have been dropped; or MILL_EREFUSED */
static int open_range(struct file_source *s, struct file_range *range, struct error *e)
{
    struct known_file *known = known_of(s, range);
    struct error why = {0};
    if (range->path == NULL) {
        range->path = file_watch_path(&s->watch, known);
    }
    bool is_kept = s->kept != NULL && s->kept_serial == range->serial;
    enum input_opening opening = is_kept ? open_kept(s, range, known, &why)
                                         : input_file_open(range->path, known, &range->file, &why);
    if (opening == INPUT_OPENED) {
        note_opened(range, known);
        return 0;
    }
    if (opening == INPUT_SHRUNK) {
        return error_set(e, why.code, "%s", why.message);
    }
    known->is_another = opening == INPUT_REWRITTEN;
    file_watch_block(known, &why);
    file_plan_drop(&s->plan);
    return 0;
}

/* A .gz is not cut: with a limit on lines it is an epoch's only file. @return 1, or 0: it is left
 * to the next epoch */
static int limit_packed(struct file_source *s, const struct source_block *block)
{
    bool is_alone = s->limit.left == s->limit.max;
    file_plan_end(&s->plan, is_alone ? UINT64_MAX : block->start);
    line_limit_use_up(&s->limit);
    return is_alone;
}

/* Let the plan end with the last line that the epoch may take. @return 1, 0: it ends in front of
 * the block, or why the block cannot be read */
static int limit_lines(struct file_source *s, struct source_block *block, struct error *e)
{
    if (s->limit.max == 0 || s->plan.is_rerun) {
        return 1;
    }
    if (block->file->is_packed) {
        return limit_packed(s, block);
    }
    int rc = line_limit_cut(&s->limit, block, e);
    if (rc == 0 && line_limit_is_reached(&s->limit)) {
        file_plan_end(&s->plan, block->end);
    }
    return rc == 0 ? 1 : rc;
}

static int cut_block(struct file_source *s, struct source_block *block, struct error *e)
{
    file_plan_peek(&s->plan, s->base.index, block);
    int rc = limit_lines(s, block, e);
    if (rc == 1) {
        file_plan_take(&s->plan, block);
    }
    return rc;
}

static int next_block(struct source *base, struct source_block *block, struct error *e)
{
    struct file_source *s = of(base);
    for (;;) {
        struct file_range *range = file_plan_current(&s->plan);
        if (range == NULL) {
            return 0;
        }
        int rc = range->file == NULL ? open_range(s, range, e) : 0;
        if (rc != 0) {
            return rc;
        }
        if (range->file != NULL) {
            return cut_block(s, block, e);
        }
    }
}

static void block_done(struct source *base, const struct source_block *block,
                       const struct source_done *done)
{
    struct file_source *s = of(base);
    const struct file_range *range = file_plan_done(&s->plan, block);
    struct known_file *known = known_of(s, range);
    if (done->unreadable) {
        known->is_stuck = true;
        if (!known->was_warned) {
            log_warn("%s is not a valid .gz file; nothing is read of it until it changes",
                     range->path);
            known->was_warned = true;
        }
        return;
    }
    if (range->is_packed) {
        known->next_packed_size = range->limit;
    }
    if (done->next > known->next_offset) {
        known->next_offset = done->next;
    }
    known->is_dirty = true;
}

/* --- the end of an epoch --- */

static int commit_into(struct source *base, struct store_batch *batch, struct error *e)
{
    (void)e;
    struct file_source *s = of(base);
    check(s->plan.in_flight == 0);
    file_registry_commit_into(&s->watch.registry, base->store_id, batch);
    return 0;
}

static bool wants_commit(const struct source *base)
{
    const struct file_watch *w = &of_const(base)->watch;
    return w->new_files_only && w->registry.is_source_dirty;
}

/* What lies between the last line and the end of what was handed out is an unfinished line. */
static void note_unfinished(const struct file_source *s, const struct file_range *range,
                            struct known_file *known)
{
    if (range->is_packed || range->at == range->start || known->offset >= range->at) {
        return;
    }
    known->is_stuck = true;
    if (s->watch.once) {
        log_info("%s is still being written: its unfinished last line is left to the next run",
                 range->path);
    }
}

static void keep_open(struct file_source *s, struct file_range *range)
{
    input_file_close(s->kept);
    s->kept = range->file;
    s->kept_serial = range->serial;
    range->file = NULL;
}

static void committed(struct source *base)
{
    struct file_source *s = of(base);
    file_registry_committed(&s->watch.registry);
    for (uint32_t i = 0; i < s->plan.count; i++) {
        struct file_range *range = &s->plan.ranges[i];
        struct known_file *known = known_of(s, range);
        note_unfinished(s, range, known);
        if (range->file != NULL && known_file_unread(known) > 0) {
            keep_open(s, range);
        }
    }
    file_plan_clear(&s->plan);
}

static void abandon(struct source *base)
{
    struct file_source *s = of(base);
    file_registry_abandon(&s->watch.registry);
    file_plan_rewind(&s->plan);
}

static void each_partition(const struct source *base, source_partition_fn fn, void *context)
{
    const struct file_source *s = of_const(base);
    file_partitions_each(&s->watch.registry, s->is_by_name, fn, context);
}

static void close_source(struct source *base)
{
    struct file_source *s = of(base);
    input_file_close(s->kept);
    file_plan_deinit(&s->plan);
    line_limit_deinit(&s->limit);
    file_watch_deinit(&s->watch);
    memory_free(s);
}

static const struct source_ops file_ops = {
    .poll = poll,
    .plan = plan,
    .next_block = next_block,
    .block_done = block_done,
    .commit_into = commit_into,
    .committed = committed,
    .abandon = abandon,
    .is_drained = is_drained,
    .wants_commit = wants_commit,
    .each_partition = each_partition,
    .close = close_source,
};

int file_source_open(const struct file_source_options *options, struct store *store,
                     struct source **result, struct error *e)
{
    struct file_source *s = memory_zero(1, sizeof *s);
    s->base = (struct source){&file_ops, options->index, options->store_id};
    file_watch_init(&s->watch, options->folder, options->pattern);
    s->watch.once = options->once;
    s->watch.new_files_only = options->new_files_only;
    s->watch.still_ms = options->still_ms;
    s->is_by_name = options->by_name;
    s->watch.list.by_name = options->by_name;
    file_plan_init(&s->plan);
    s->plan.is_stream = options->is_stream;
    line_limit_init(&s->limit, options->records_max);
    int rc = file_registry_load(&s->watch.registry, options->store_id, store, e);
    if (rc != 0) {
        close_source(&s->base);
        return rc;
    }
    *result = &s->base;
    return 0;
}

/* --- for messages and options --- */

static struct known_file *find_path(struct file_source *s, const char *path, struct error *e)
{
    struct file_registry *r = &s->watch.registry;
    for (uint32_t i = r->count; i > 0; i--) {
        struct known_file *f = &r->files[i - 1];
        char *own = file_watch_path(&s->watch, f);
        bool found = (f->flags & FILE_RETIRED) == 0 && strcmp(own, path) == 0;
        memory_free(own);
        if (found) {
            return f;
        }
    }
    error_set(e, MILL_ENOENT, "%s is not a file that was read from the folder %s", path,
              s->watch.folder);
    return NULL;
}

static bool is_shrunk(struct file_source *s, struct known_file *f)
{
    struct input_file *file = NULL;
    char *path = file_watch_path(&s->watch, f);
    bool is_read = (f->flags & (FILE_NEVER | FILE_RETIRED)) == 0;
    bool shrunk = is_read && input_file_open(path, f, &file, NULL) == INPUT_SHRUNK;
    input_file_close(file);
    memory_free(path);
    return shrunk;
}

int file_source_is_shrunk(struct source *s, const char *path)
{
    struct known_file *f = find_path(of(s), path, NULL);
    return f == NULL ? MILL_ENOENT : is_shrunk(of(s), f);
}

void file_source_each_shrunk(struct source *s, file_source_path_fn fn, void *context)
{
    struct file_registry *r = &of(s)->watch.registry;
    for (uint32_t i = 0; i < r->count; i++) {
        if (is_shrunk(of(s), &r->files[i])) {
            char *path = file_watch_path(&of(s)->watch, &r->files[i]);
            fn(context, path);
            memory_free(path);
        }
    }
}

int file_source_reread(struct source *s, const char *path, struct error *e)
{
    struct known_file *f = find_path(of(s), path, e);
    if (f == NULL) {
        return MILL_ENOENT;
    }
    file_registry_reread(&of(s)->watch.registry, f);
    return 0;
}

int file_source_skip(struct source *s, const char *path, struct error *e)
{
    struct known_file *f = find_path(of(s), path, e);
    if (f == NULL) {
        return MILL_ENOENT;
    }
    file_registry_skip(&of(s)->watch.registry, f);
    return 0;
}

void file_source_count(const struct source *s, uint64_t *done, uint64_t *known)
{
    const struct file_registry *r = &of_const(s)->watch.registry;
    *done = 0;
    *known = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct known_file *f = &r->files[i];
        bool is_packed = (f->flags & FILE_PACKED) != 0;
        bool counts = (f->flags & (FILE_NEVER | FILE_RETIRED)) == 0;
        *known += counts;
        *done += counts && (is_packed ? f->packed_size : f->offset) >= f->size;
    }
}

void file_source_left(const struct source *s, uint64_t *bytes, uint64_t *files)
{
    const struct file_registry *r = &of_const(s)->watch.registry;
    *bytes = 0;
    *files = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        uint64_t left = known_file_left(&r->files[i]);
        *bytes += left;
        *files += left > 0;
    }
}

#include "io/file_watch.h"

#include <errno.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/input_file.h"

void file_watch_init(struct file_watch *w, const char *folder, const char *pattern)
{
    *w = (struct file_watch){
        .folder = memory_text(folder),
        .pattern = memory_text(pattern == NULL ? "*" : pattern),
    };
    file_list_init(&w->list);
    file_registry_init(&w->registry);
}

void file_watch_deinit(struct file_watch *w)
{
    memory_free(w->folder);
    memory_free(w->pattern);
    file_list_deinit(&w->list);
    file_registry_deinit(&w->registry);
}

char *file_watch_path(const struct file_watch *w, const struct known_file *f)
{
    return text_path(w->folder, f->name);
}

void file_watch_block(struct known_file *f, const struct error *why)
{
    f->is_blocked = true;
    if (!f->was_warned) {
        log_warn("%s; it is left out for now", why->message);
        f->was_warned = true;
    }
}

static enum input_opening try_to_open(const struct file_watch *w, struct known_file *f,
                                      struct input_file **file, struct error *e)
{
    char *path = file_watch_path(w, f);
    enum input_opening opening = input_file_open(path, f, file, e);
    memory_free(path);
    return opening;
}

static void check_one(struct file_watch *w, struct known_file *f)
{
    struct input_file *file = NULL;
    struct error why = {0};
    switch (try_to_open(w, f, &file, &why)) {
    case INPUT_OPENED:
        file_registry_accept(&w->registry, f);
        break;
    case INPUT_REWRITTEN:
        file_registry_retire(&w->registry, f);
        break;
    case INPUT_SHRUNK:
        f->is_blocked = true;
        w->refused = why;
        break;
    case INPUT_UNREADABLE:
        file_watch_block(f, &why);
        break;
    case INPUT_GONE: /* since the listing; the next one tells more */
        f->is_blocked = true;
        break;
    }
    input_file_close(file);
}

/* Files that are never read get a head too: they are recognised when they are written anew. */
static void take_heads(struct file_watch *w)
{
    for (uint32_t i = 0; i < w->registry.count; i++) {
        struct known_file *f = &w->registry.files[i];
        bool needs_head = (f->flags & FILE_NEVER) != 0 && f->head.size == 0;
        if (needs_head && f->is_listed && f->size > 0) {
            struct input_file *file = NULL;
            (void)try_to_open(w, f, &file, NULL);
            input_file_close(file);
        }
    }
}

/* --- once: files that end in an unfinished line --- */

static bool may_change(const struct known_file *f)
{
    return known_file_left(f) > 0 && !f->is_still && !f->is_blocked;
}

/* What ends with a line end needs no waiting. A .gz cannot be looked into: it may be half written.
 */
static bool must_wait(const struct file_watch *w, struct known_file *f)
{
    if ((f->flags & FILE_PACKED) != 0) {
        return true;
    }
    struct input_file *file = NULL;
    struct error why;
    bool unfinished =
        try_to_open(w, f, &file, &why) == INPUT_OPENED && input_file_ends_unfinished(file);
    input_file_close(file);
    return unfinished;
}

static void sleep_until(int64_t elapsed_us)
{
    int64_t left_us = elapsed_us - clock_elapsed_us();
    struct timespec left = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
    while (left_us > 0 && nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static void look_again(const struct file_watch *w, struct known_file *f)
{
    struct listed_file now;
    char *path = file_watch_path(w, f);
    f->is_still = file_look(path, &now) == 0 && file_identity_equal(&now.identity, &f->identity) &&
                  now.size == f->size && now.mtime_ns == f->mtime_ns;
    if (!f->is_still && (f->flags & FILE_PACKED) != 0) {
        log_info("%s is still being written: it is left to the next run", path);
    }
    memory_free(path);
}

static void wait_for_last_lines(struct file_watch *w, int64_t listed_us)
{
    struct file_registry *r = &w->registry;
    bool waits = false;
    for (uint32_t i = 0; i < r->count; i++) {
        struct known_file *f = &r->files[i];
        if (may_change(f)) {
            f->is_still = !must_wait(w, f);
            waits = waits || !f->is_still;
        }
    }
    if (!waits) {
        return;
    }
    sleep_until(listed_us + w->still_ms * 1000);
    for (uint32_t i = 0; i < r->count; i++) {
        if (may_change(&r->files[i])) {
            look_again(w, &r->files[i]);
        }
    }
}

int file_watch_poll(struct file_watch *w, int64_t now_ms, struct error *e)
{
    struct file_registry *r = &w->registry;
    if (w->once && w->was_listed) {
        return 0;
    }
    struct file_moment when = {now_ms, clock_elapsed_us(), w->still_ms};
    int rc = file_list_read(&w->list, w->folder, w->pattern, e);
    if (rc != 0) {
        return rc;
    }
    error_clear(&w->refused);
    file_registry_match(r, &w->list, &when);
    uint32_t at = 0;
    for (struct known_file *f = file_registry_next_check(r, &at); f != NULL;
         f = file_registry_next_check(r, &at)) {
        check_one(w, f);
    }
    bool is_read = r->source.was_polled || !w->new_files_only;
    rc = file_registry_settle(r, is_read, e);
    if (rc == 0) {
        take_heads(w);
    }
    if (rc == 0 && w->once) {
        wait_for_last_lines(w, when.elapsed_us);
    }
    w->was_listed = rc == 0;
    return rc;
}

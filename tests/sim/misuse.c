/* Starts that must be refused, and must leave everything as it was: with an old copy of the store
 * whose later epochs were published, and with a folder that is not the one that was written to. */
#include <inttypes.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"
#include "sim.h"

static struct store *copy_store(struct store *from)
{
    struct store *copy = store_create_memory();
    struct store_batch *batch = store_batch_create();
    struct slice none = {"", 0};
    for (int f = 0; f < STORE_FAMILY_COUNT; f++) {
        struct store_iterator *i = store_iterate(from, (enum store_family)f, none, none);
        struct slice key;
        struct slice value;
        while (store_next(i, &key, &value, NULL) == 1) {
            store_batch_put(batch, (enum store_family)f, key, value);
        }
        store_iterate_end(i);
    }
    int rc = store_write(copy, batch, true, NULL);
    check(rc == 0);
    store_batch_destroy(batch);
    return copy;
}

static void must_be_refused(struct sim *s, const char *what)
{
    struct error e = {0};
    s->is_misused = true;
    sim_faults_choose(s, true);
    sim_note(s, "start with %s", what);
    int rc = sim_process_try_start(s, &e);
    if (rc != MILL_EREFUSED) {
        sim_fail(s, "a start with %s gives %s: %s", what, error_name(rc), e.message);
    }
    s->is_misused = false;
}

static void start_rewound(struct sim *s)
{
    struct store *newest = s->memory;
    s->memory = s->old_store;
    must_be_refused(s, "an old copy of the store");
    s->memory = newest;
}

static void start_without(struct sim *s, const char *folder)
{
    char store8[STORE8_BYTES + 1];
    target_store8(s->store_id, store8);
    char *mark = text_format("%s/.tidemill-%s/STORE", folder, store8);
    char *hidden = text_format("%s/.tidemill-%s", folder, store8);
    int rc = disk_rename(&s->fake_disk, mark, "mark", NULL);
    rc = rc == 0 ? disk_sync_folder(&s->fake_disk, "/", NULL) : rc;
    if (rc != 0) {
        sim_fail(s, "%s is gone", mark);
    }
    must_be_refused(s, "a folder that is another one");
    rc = disk_rename(&s->fake_disk, "mark", mark, NULL);
    rc = rc == 0 ? disk_sync_folder(&s->fake_disk, hidden, NULL) : rc;
    rc = rc == 0 ? disk_sync_folder(&s->fake_disk, "/", NULL) : rc;
    check(rc == 0);
    memory_free(mark);
    memory_free(hidden);
}

/* The folder of some output that has written to one. */
static const char *choose_folder(struct sim *s)
{
    const struct sim_output *o = &s->job.outputs[sim_below(s, s->job.output_count + 1)];
    return o->graph.kind == OUTPUT_FILES && o->is_claimed ? o->graph.target : NULL;
}

void sim_misuse(struct sim *s)
{
    const char *folder = choose_folder(s);
    if (s->old_store != NULL && s->published_epoch > s->old_epoch && sim_maybe(s, 25)) {
        start_rewound(s);
    }
    if (folder != NULL && sim_maybe(s, 10)) {
        start_without(s, folder);
    }
    /* Between the lives nobody knows yet whether a pending epoch is there. */
    if (s->pending_number == 0 && sim_maybe(s, 25)) {
        sim_misuse_end(s);
        s->old_store = copy_store(s->memory);
        s->old_epoch = s->epoch_count;
    }
}

void sim_misuse_end(struct sim *s)
{
    store_close(s->old_store);
    s->old_store = NULL;
}

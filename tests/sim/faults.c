/* The disk and the store that the engine gets: they count and note every operation, let the one
 * fail that is due, and after the power went, all. */
#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "sim.h"
#include "state/keys.h"

enum need { NEEDS_NOTHING, NEEDS_SPACE, NEEDS_SYNC };

/* What happens to the operation that comes now. */
enum fate { FATE_GOOD, FATE_FAILS, FATE_DIES, FATE_DIES_BEHIND, FATE_DEAD };

static bool is_full(const struct sim *s)
{
    return s->operations >= s->faults.full_from && s->operations < s->faults.full_until;
}

static enum fate next_fate(struct sim *s, enum need need, int *code)
{
    const struct sim_faults *f = &s->faults;
    *code = MILL_EIO;
    if (s->is_dead) {
        return FATE_DEAD;
    }
    s->operations++;
    if (s->operations == f->crash_at) {
        return sim_maybe(s, 50) ? FATE_DIES : FATE_DIES_BEHIND;
    }
    bool counts = f->fail_code != MILL_ESYNC || need == NEEDS_SYNC;
    if (f->fail_at > 0 && s->operations >= f->fail_at && counts && !s->has_failed) {
        s->has_failed = true;
        *code = need == NEEDS_SYNC ? MILL_ESYNC : f->fail_code;
        return FATE_FAILS;
    }
    if (need == NEEDS_SPACE && is_full(s)) {
        *code = MILL_ENOSPC;
        return FATE_FAILS;
    }
    return FATE_GOOD;
}

static int say_dead(struct error *e)
{
    return error_set(e, MILL_EIO, "the power is gone");
}

/* --- the disk --- */

/* @return false: nothing works any more */
static bool enter(struct sim *s, enum need need, enum fate *fate)
{
    int code = 0;
    *fate = next_fate(s, need, &code);
    if (*fate == FATE_FAILS || *fate == FATE_DIES) {
        fake_disk_fail(s->fake, 1, code);
    }
    return *fate != FATE_DEAD;
}

static int leave(struct sim *s, enum fate fate, int rc, struct error *e, const char *what,
                 const char *path)
{
    if (fate == FATE_DIES || fate == FATE_DIES_BEHIND) {
        s->is_dead = true;
        sim_note(s, "%s %s: the power goes", what, path);
        return say_dead(e);
    }
    sim_note(s, "%s %s%s%s", what, path, rc == 0 ? "" : ": ", rc == 0 ? "" : error_name(rc));
    return rc;
}

#define ENTER(need)                                                                                \
    struct sim *s = c;                                                                             \
    enum fate fate;                                                                                \
    if (!enter(s, need, &fate)) {                                                                  \
        return say_dead(e);                                                                        \
    }
#define INNER          s->fake_disk.ops
#define FAKE           s->fake_disk.context
#define LEAVE(rc, ...) return leave(s, fate, rc, e, __VA_ARGS__)

static int sim_open(void *c, const char *path, enum disk_open_mode mode, struct disk_file *f,
                    struct error *e)
{
    *f = (struct disk_file){.fd = -1};
    ENTER(mode == DISK_CREATE ? NEEDS_SPACE : NEEDS_NOTHING);
    LEAVE(INNER->open(FAKE, path, mode, f, e), "open", path);
}

static int sim_write(void *c, struct disk_file *f, const struct disk_write *w, struct error *e)
{
    ENTER(NEEDS_SPACE);
    LEAVE(INNER->write(FAKE, f, w, e), "write", "");
}

static int sim_read_at(void *c, struct disk_file *f, struct disk_read *r, struct error *e)
{
    ENTER(NEEDS_NOTHING);
    LEAVE(INNER->read_at(FAKE, f, r, e), "read", "");
}

static int sim_truncate(void *c, struct disk_file *f, uint64_t size, struct error *e)
{
    ENTER(NEEDS_NOTHING);
    LEAVE(INNER->truncate(FAKE, f, size, e), "truncate", "");
}

static int sim_sync(void *c, struct disk_file *f, struct error *e)
{
    ENTER(NEEDS_SYNC);
    LEAVE(INNER->sync(FAKE, f, e), "sync", "");
}

static void sim_close(void *c, struct disk_file *f)
{
    const struct sim *s = c;
    INNER->close(FAKE, f);
}

static int sim_read(void *c, const char *path, struct buffer *into, struct error *e)
{
    ENTER(NEEDS_NOTHING);
    LEAVE(INNER->read(FAKE, path, into, e), "read", path);
}

static int sim_rename(void *c, const char *from, const char *to, struct error *e)
{
    ENTER(NEEDS_SPACE);
    LEAVE(INNER->rename(FAKE, from, to, e), "rename to", to);
}

static int sim_rename_new(void *c, const char *from, const char *to, struct error *e)
{
    ENTER(NEEDS_SPACE);
    LEAVE(INNER->rename_new(FAKE, from, to, e), "rename to new", to);
}

static int sim_remove(void *c, const char *path, struct error *e)
{
    ENTER(NEEDS_NOTHING);
    LEAVE(INNER->remove(FAKE, path, e), "remove", path);
}

static int sim_make_folder(void *c, const char *path, struct error *e)
{
    ENTER(NEEDS_SPACE);
    LEAVE(INNER->make_folder(FAKE, path, e), "make folder", path);
}

static int sim_remove_folder(void *c, const char *path, struct error *e)
{
    ENTER(NEEDS_NOTHING);
    LEAVE(INNER->remove_folder(FAKE, path, e), "remove folder", path);
}

static int sim_sync_folder(void *c, const char *path, struct error *e)
{
    ENTER(NEEDS_SYNC);
    LEAVE(INNER->sync_folder(FAKE, path, e), "sync folder", path);
}

static int sim_list(void *c, const char *path, disk_list_fn fn, void *fn_context, struct error *e)
{
    ENTER(NEEDS_NOTHING);
    LEAVE(INNER->list(FAKE, path, fn, fn_context, e), "list", path);
}

static int sim_look(void *c, const char *path, struct disk_entry *entry, struct error *e)
{
    *entry = (struct disk_entry){0};
    ENTER(NEEDS_NOTHING);
    LEAVE(INNER->look(FAKE, path, entry, e), "look at", path);
}

static const struct disk_ops sim_disk_ops = {
    .open = sim_open,
    .write = sim_write,
    .read_at = sim_read_at,
    .truncate = sim_truncate,
    .sync = sim_sync,
    .close = sim_close,
    .read = sim_read,
    .rename = sim_rename,
    .rename_new = sim_rename_new,
    .remove = sim_remove,
    .make_folder = sim_make_folder,
    .remove_folder = sim_remove_folder,
    .sync_folder = sim_sync_folder,
    .list = sim_list,
    .look = sim_look,
};

/* --- the store --- */

static struct sim *sim_of(struct store *store)
{
    return (struct sim *)(void *)((char *)store - offsetof(struct sim, store));
}

static int sim_get(struct store *store, enum store_family f, struct slice key, struct buffer *value,
                   struct error *e)
{
    struct sim *s = sim_of(store);
    return s->is_dead ? say_dead(e) : store_get(s->memory, f, key, value, e);
}

/* A write that fails may be in the store all the same; after a full disk one looks. */
static int fail_write(struct sim *s, const struct store_batch *b, bool sync, int code,
                      struct error *e)
{
    bool has_effect = sim_maybe(s, code == MILL_ENOSPC ? 20 : 50);
    int rc = has_effect ? store_write(s->memory, b, sync && code == MILL_ENOSPC, NULL) : 0;
    check(rc == 0);
    sim_note(s, "store write: %s%s", error_name(code), has_effect ? ", though it is there" : "");
    return error_set(e, code, "the store was told to fail");
}

static int sim_store_write(struct store *store, const struct store_batch *b, bool sync,
                           struct error *e)
{
    struct sim *s = sim_of(store);
    int code = 0;
    /* A synced write needs space too, but fails as a sync does when that is due. */
    enum fate fate = next_fate(s, sync && !is_full(s) ? NEEDS_SYNC : NEEDS_SPACE, &code);
    switch (fate) {
    case FATE_DEAD:
        return say_dead(e);
    case FATE_FAILS:
        return fail_write(s, b, sync, code, e);
    case FATE_DIES_BEHIND:
    case FATE_GOOD: {
        int rc = store_write(s->memory, b, sync, e);
        check(rc == 0);
        break;
    }
    case FATE_DIES:
        break;
    }
    sim_note(s, "store write of %zu bytes%s", store_batch_bytes(b), sync ? ", synced" : "");
    if (fate == FATE_GOOD) {
        return 0;
    }
    s->is_dead = true;
    sim_note(s, "the power goes, the write %s", fate == FATE_DIES ? "is lost" : "was done");
    return say_dead(e);
}

static int sim_get_many(struct store *store, struct store_lookup *l, struct error *e)
{
    return store_get_many(sim_of(store)->memory, l, e);
}

static struct store_iterator *sim_iterate(struct store *store, enum store_family f,
                                          struct slice from, struct slice to)
{
    return store_iterate(sim_of(store)->memory, f, from, to);
}

static const struct store_ops sim_store_ops = {
    .get = sim_get,
    .get_many = sim_get_many,
    .write = sim_store_write,
    .iterate = sim_iterate, /* gives an iterator of the memory store, which has its own functions */
};

/* --- a life's faults --- */

void sim_faults_open(struct sim *s)
{
    s->fake_disk = fake_disk_of(s->fake);
    s->disk = (struct disk){.ops = &sim_disk_ops, .context = s};
    s->store = (struct store){.ops = &sim_store_ops};
}

void sim_faults_choose(struct sim *s, bool none)
{
    struct sim_faults *f = &s->faults;
    *f = (struct sim_faults){0};
    s->operations = 0;
    s->is_dead = false;
    s->has_failed = false;
    f->sink_waits = sim_below(s, 101);
    if (none) {
        return;
    }
    f->sink_fails = sim_maybe(s, 30) ? sim_below(s, 60) : 0;
    /* Starting is some fifty operations, an epoch ten to fifty. */
    uint64_t when = 1 + sim_below(s, sim_maybe(s, 40) ? 60 : 600);
    switch (sim_below(s, 8)) {
    case 0:
        break;
    case 1:
        f->fail_at = when;
        f->fail_code = MILL_EIO;
        break;
    case 2:
        f->fail_at = when;
        f->fail_code = MILL_ESYNC;
        break;
    default:
        f->crash_at = when;
        break;
    }
    if (sim_maybe(s, 30)) {
        f->full_from = 1 + sim_below(s, 400);
        f->full_until = f->full_from + 1 + sim_below(s, 60);
    }
}

void sim_faults_crash(struct sim *s)
{
    bool power_goes = s->end == SIM_CRASHED || (s->end == SIM_FAILED && sim_maybe(s, 20));
    uint32_t keep = !power_goes ? 100 : sim_maybe(s, 30) ? 0 : sim_below(s, 101);
    bool loses = power_goes && sim_maybe(s, 70);
    sim_note(s, "%s: %" PRIu32 " of 100 unsynced changes stay, %s of the store",
             power_goes ? "power cut" : "the process is gone", keep, loses ? "none" : "all");
    fake_disk_keep(s->fake, keep);
    fake_disk_crash(s->fake);
    if (loses) {
        store_memory_crash(s->memory);
    }
}

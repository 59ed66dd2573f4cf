#include "run/gone_logs.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "io/receiver_source.h"
#include "run/fresh.h"
#include "state/keys.h"

static void remove_folder(struct data_folder *d, uint16_t number)
{
    struct error e = {0};
    char *folder = text_format("%s/%u", d->received, number);
    int rc = fresh_empty_folder(d, folder, &e);
    rc = rc == 0 ? disk_remove_folder(&d->disk, folder, &e) : rc;
    if (rc != 0 && rc != MILL_ENOENT) {
        log_warn("%s cannot be removed: %s", folder, e.message);
    }
    memory_free(folder);
}

/* --- at a start --- */

struct sweeping {
    struct data_folder *d;
    const struct identity_set *committed;
};

static bool has_source(const struct identity_set *set, unsigned long number)
{
    for (uint32_t k = 0; k < set->count; k++) {
        if (set->items[k].category == IDENTITY_SOURCE && set->items[k].number == number) {
            return true;
        }
    }
    return false;
}

static int sweep_folder(void *context, const char *name)
{
    struct sweeping *s = context;
    char *end = NULL;
    unsigned long number = strtoul(name, &end, 10);
    bool was_given = *end == '\0' && number > 0 && number < s->committed->next_number;
    if (was_given && !has_source(s->committed, number)) {
        remove_folder(s->d, (uint16_t)number);
    }
    return 0;
}

int gone_logs_sweep(struct data_folder *d, const struct identity_set *committed, struct error *e)
{
    /* When all numbers were given, one of before may be a new source's. */
    if (d->in_memory || committed->next_number > LIMIT_NUMBERS_MAX) {
        return 0;
    }
    struct sweeping s = {d, committed};
    int rc = disk_list(&d->disk, d->received, sweep_folder, &s, e);
    return rc == MILL_ENOENT ? 0 : rc;
}

/* --- which are gone --- */

/* @return 0 when all of it was read; MILL_ENOENT: it has no log */
static int look(struct data_folder *d, const struct identity *i, struct error *e)
{
    char *folder = text_format("%s/%u", d->received, i->number);
    struct receiver_source_options options = {.disk = &d->disk,
                                              .folder = folder,
                                              .name = i->identity,
                                              .key = d->store_id,
                                              .store_id = i->number};
    struct disk_entry entry = {0};
    uint64_t unread = 0;
    int rc = disk_look(&d->disk, folder, &entry, e);
    rc = rc == 0 && !entry.exists ? MILL_ENOENT : rc;
    rc = rc == 0 ? receiver_source_count(&options, d->store, &unread, e) : rc;
    if (rc == 0 && unread > 0) {
        rc = error_set(e, MILL_EREFUSED,
                       "%" PRIu64 " bytes that it received were not read; they wait in %s until it "
                       "is back",
                       unread, folder);
    }
    memory_free(folder);
    return rc;
}

void gone_logs_find(struct data_folder *d, struct identity_set *set, struct gone_logs *g)
{
    g->count = 0;
    for (uint32_t k = set->count; k-- > 0 && !d->in_memory && g->count < LIMIT_SOURCES_MAX;) {
        const struct identity *i = &set->items[k];
        struct error e = {0};
        if (i->category != IDENTITY_SOURCE || i->is_present) {
            continue;
        }
        int rc = look(d, i, &e);
        if (rc == 0) {
            g->numbers[g->count++] = i->number;
            identity_set_remove(set, k);
        } else if (rc != MILL_ENOENT) {
            log_warn("\"%s\" is gone from the script: %s", i->identity, e.message);
        }
    }
}

/* --- the commit --- */

void gone_logs_commit_into(const struct gone_logs *g, struct store_batch *batch)
{
    for (uint32_t i = 0; i < g->count; i++) {
        struct store_key key = store_key_received(g->numbers[i]);
        store_batch_remove(batch, STORE_META, store_key_slice(&key));
    }
}

void gone_logs_committed(struct gone_logs *g, struct data_folder *d)
{
    for (uint32_t i = 0; i < g->count; i++) {
        remove_folder(d, g->numbers[i]);
    }
    g->count = 0;
}

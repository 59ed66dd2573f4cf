#include "run/mend_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "io/give_up.h"
#include "io/reclaim.h"
#include "io/target.h"

/* --- folders that are not what they were --- */

static bool is_about_folder(const struct choice *c)
{
    return c->kind == CHOICE_ASSUME_PUBLISHED || c->kind == CHOICE_PUBLISH_AGAIN;
}

/* Looks for the folder that META has, which may be written otherwise. */
struct folder_search {
    const char *name;
    struct buffer *names;
    char *found;
};

static int look_at_folder(void *context, const char *folder)
{
    struct folder_search *s = context;
    choice_add_name(s->names, folder);
    if (s->found == NULL && text_same_path(folder, s->name)) {
        s->found = memory_text(folder);
    }
    return 0;
}

/* @param folder  out: as META has it, owned by the caller */
static int find_folder(struct runner *r, const struct choice *c, char **folder, struct error *e)
{
    struct buffer names;
    struct folder_search search = {c->name, &names, NULL};
    buffer_init(&names, CHOICE_NAMES_BYTES_MAX);
    int rc = target_each(r->data.store, look_at_folder, &search, e);
    *folder = search.found;
    if (rc == 0 && search.found == NULL) {
        return choice_refuse(c, "folder that this job has written to", &names, e);
    }
    buffer_deinit(&names);
    return rc;
}

static int check_folder(struct runner *r, const struct choice *c, struct error *e)
{
    char *folder = NULL;
    int rc = find_folder(r, c, &folder, e);
    memory_free(folder);
    return rc;
}

static int mend_folder(struct runner *r, struct choice *c, struct error *e)
{
    char *folder = NULL;
    bool again = c->kind == CHOICE_PUBLISH_AGAIN;
    int rc = find_folder(r, c, &folder, e);
    rc = rc == 0 ? reclaim_folder(&r->place, folder, r->data.path, again, e) : rc;
    c->is_taken = c->is_taken || rc == 1;
    memory_free(folder);
    return rc == 1 ? 0 : rc;
}

static int mend_folders(struct runner *r, struct error *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < r->options.choices->count && rc == 0; i++) {
        struct choice *c = &r->options.choices->items[i];
        rc = is_about_folder(c) ? mend_folder(r, c, e) : 0;
    }
    return rc;
}

/* --- rows that wait to be published --- */

/* "N" or "NAME=N". @param name_size  out: bytes of NAME; 0: none. @return N, or 0 */
static uint64_t parse_epoch(const char *text, size_t *name_size)
{
    const char *equals = strrchr(text, '=');
    const char *number = equals == NULL ? text : equals + 1;
    *name_size = equals == NULL ? 0 : (size_t)(equals - text);
    bool is_number = *number != '\0' && number[strspn(number, "0123456789")] == '\0';
    return is_number ? strtoull(number, NULL, 10) : 0;
}

static bool is_named(const struct identity *i, const char *name, size_t size)
{
    return i->category == IDENTITY_OUTPUT && strlen(i->identity) == size &&
           memcmp(i->identity, name, size) == 0;
}

/* The output of that name, whether the script has it or not. */
static const struct identity *find_output(const struct runner *r, const char *name, size_t size)
{
    for (uint32_t k = 0; k < r->identities.count; k++) {
        if (is_named(&r->identities.items[k], name, size)) {
            return &r->identities.items[k];
        }
    }
    return NULL;
}

char *mend_output_name(const struct runner *r, uint16_t number)
{
    for (uint32_t k = 0; k < r->identities.count; k++) {
        const struct identity *i = &r->identities.items[k];
        if (i->category == IDENTITY_OUTPUT && i->number == number) {
            return text_shell_word(i->identity);
        }
    }
    return NULL;
}

static int refuse_output(const struct runner *r, const struct choice *c, struct error *e)
{
    struct buffer names;
    buffer_init(&names, CHOICE_NAMES_BYTES_MAX);
    for (uint32_t k = 0; k < r->identities.count; k++) {
        if (r->identities.items[k].category == IDENTITY_OUTPUT) {
            choice_add_name(&names, r->identities.items[k].identity);
        }
    }
    return choice_refuse(c, "output", &names, e);
}

static bool add_epoch(void *context, const struct manifest *m)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, m->epoch);
    choice_add_name(context, number);
    return false;
}

/* Call a function for each manifest that waits. */
static int look_at_outbox(struct runner *r, give_up_wants_fn fn, void *context, struct error *e)
{
    struct give_up g;
    give_up_begin(&g, &r->place, r->data.path);
    int rc = give_up_manifests(&g, fn, context, e);
    give_up_end(&g);
    return rc;
}

static int refuse_epoch(struct runner *r, const struct choice *c, struct error *e)
{
    struct buffer names;
    buffer_init(&names, CHOICE_NAMES_BYTES_MAX);
    int rc = look_at_outbox(r, add_epoch, &names, e);
    if (rc != 0) {
        buffer_deinit(&names);
        return rc;
    }
    return choice_refuse(c, "epoch whose rows wait", &names, e);
}

static int check_outbox_choice(struct runner *r, const struct choice *c, struct error *e)
{
    if (c->kind == CHOICE_DROP_OUTPUT) {
        return find_output(r, c->name, strlen(c->name)) == NULL ? refuse_output(r, c, e) : 0;
    }
    if (c->kind != CHOICE_SKIP_EPOCH) {
        return is_about_folder(c) ? check_folder(r, c, e) : 0;
    }
    size_t size = 0;
    uint64_t epoch = parse_epoch(c->name, &size);
    if (size > 0 && find_output(r, c->name, size) == NULL) {
        return refuse_output(r, c, e);
    }
    return epoch == 0 || epoch > r->last_number ? refuse_epoch(r, c, e) : 0;
}

/* --- rows that are given up --- */

static bool gives_up(const struct runner *r, const struct choice *c, const struct manifest *m)
{
    if (c->kind == CHOICE_DROP_OUTPUT) {
        const struct identity *i = find_output(r, c->name, strlen(c->name));
        return !i->is_present && i->number == m->output;
    }
    size_t size = 0;
    if (c->kind != CHOICE_SKIP_EPOCH || m->kind == MANIFEST_HELD ||
        parse_epoch(c->name, &size) != m->epoch) {
        return false;
    }
    return size == 0 || find_output(r, c->name, size)->number == m->output;
}

static bool is_given_up(void *context, const struct manifest *m)
{
    const struct runner *r = context;
    bool wanted = false;
    for (uint32_t i = 0; i < r->options.choices->count; i++) {
        struct choice *c = &r->options.choices->items[i];
        if (gives_up(r, c, m)) {
            c->is_taken = true;
            wanted = true;
        }
    }
    return wanted;
}

static int give_up_open_files(struct runner *r, struct give_up *g, struct error *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < r->options.choices->count && rc == 0; i++) {
        struct choice *c = &r->options.choices->items[i];
        if (c->kind == CHOICE_DROP_OUTPUT) {
            const struct identity *o = find_output(r, c->name, strlen(c->name));
            uint64_t before = g->manifests;
            rc = o->is_present ? 0 : give_up_open_file(g, o->number, e);
            c->is_taken = c->is_taken || g->manifests > before;
        }
    }
    return rc;
}

int mend_rows(struct runner *r, struct error *e)
{
    const struct choices *list = r->options.choices;
    int rc = 0;
    for (uint32_t i = 0; list != NULL && i < list->count && rc == 0; i++) {
        rc = check_outbox_choice(r, &list->items[i], e);
    }
    if (rc != 0 || list == NULL || list->count == 0) {
        return rc;
    }
    struct give_up g;
    give_up_begin(&g, &r->place, r->data.path);
    rc = give_up_manifests(&g, is_given_up, r, e);
    rc = rc == 0 ? give_up_open_files(r, &g, e) : rc;
    rc = rc == 0 ? give_up_commit(&g, e) : rc;
    give_up_end(&g);
    return rc == 0 ? mend_folders(r, e) : rc;
}

#include "run/mend.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "flow/identity_match.h"
#include "io/file_source.h"
#include "io/give_up.h"
#include "state/keys.h"

#define NAMES_BYTES_MAX 1024

/* --- what there is, for messages --- */

static void add_name(struct buffer *names, const char *name)
{
    if (names->size + strlen(name) + 8 > names->max) {
        names->failed = true; /* the list ends here */
        return;
    }
    (void)!buffer_printf(names, "%s%s", names->size == 0 ? "" : ", ", name);
}

static void add_file(void *context, const char *path)
{
    add_name(context, path);
}

static int refuse_unknown(const struct choice *c, const char *what, struct buffer *names,
                          struct error *e)
{
    const char *option = choice_option(c->kind);
    int rc = names->size == 0
                 ? error_set(e, MILL_EINVAL, "%s %s: there is no such %s, nor any other", option,
                             c->name, what)
                 : error_set(e, MILL_EINVAL, "%s %s: there is no such %s; there is: %.*s%s", option,
                             c->name, what, (int)names->size, names->data,
                             names->failed ? ", and more" : "");
    buffer_deinit(names);
    return rc;
}

/* --- the script --- */

static bool is_script(const struct runner *r, const char *path)
{
    const struct source_text *s = r->options.source;
    return strcmp(path, s->path) == 0 || strcmp(path, s->canonical) == 0;
}

static int check_adopted(const struct runner *r, const struct choice *c, struct error *e)
{
    struct buffer names;
    buffer_init(&names, NAMES_BYTES_MAX);
    bool is_known = is_script(r, c->name);
    add_name(&names, r->options.source->path);
    for (uint32_t i = 0; i < r->graph->output_count; i++) {
        const struct graph_output *o = &r->graph->outputs[i];
        if (o->kind == OUTPUT_FILES) {
            is_known = is_known || choice_same_path(o->target, c->name);
            add_name(&names, o->target);
        }
    }
    if (!is_known) {
        return refuse_unknown(c, "script or folder of an output", &names, e);
    }
    buffer_deinit(&names);
    return 0;
}

int mend_check_adopted(const struct runner *r, struct error *e)
{
    const struct choices *list = r->options.choices;
    int rc = 0;
    for (uint32_t i = 0; list != NULL && i < list->count && rc == 0; i++) {
        rc = list->items[i].kind == CHOICE_ADOPT ? check_adopted(r, &list->items[i], e) : 0;
    }
    return rc;
}

bool mend_adopts_script(struct runner *r)
{
    const struct choices *list = r->options.choices;
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        struct choice *c = &list->items[i];
        if (c->kind == CHOICE_ADOPT && is_script(r, c->name)) {
            log_warn("%s goes over to the script %s", r->data.path, r->options.source->canonical);
            c->is_taken = true;
            r->is_mended = true;
            return true;
        }
    }
    return false;
}

/* --- states --- */

static int check_state(const struct choice *c, const struct identity_set *old, struct error *e)
{
    struct buffer names;
    buffer_init(&names, NAMES_BYTES_MAX);
    bool is_known = false;
    for (uint32_t k = 0; k < old->count; k++) {
        const struct identity *i = &old->items[k];
        if (i->category == IDENTITY_STATE && i->is_present) {
            is_known = is_known || strcmp(i->identity, c->name) == 0;
            add_name(&names, i->identity);
        }
    }
    if (!is_known) {
        return refuse_unknown(c, "state in the store", &names, e);
    }
    buffer_deinit(&names);
    return 0;
}

static int check_states(const struct runner *r, const struct identity_set *old, struct error *e)
{
    const struct choices *list = r->options.choices;
    int rc = 0;
    for (uint32_t i = 0; list != NULL && i < list->count && rc == 0; i++) {
        rc = list->items[i].kind == CHOICE_DROP_STATE ? check_state(&list->items[i], old, e) : 0;
    }
    return rc;
}

static int match(struct runner *r, const struct identity_set *old, struct error *e)
{
    identity_set_deinit(&r->identities);
    int rc = identity_set_of_graph(r->graph, &r->identities, e);
    return rc == 0 ? identity_match(old, &r->identities, e) : rc;
}

/* Take out of the old graph the states that are dropped and that the script does not have. */
static void drop_states(struct runner *r, struct identity_set *old)
{
    const struct choices *list = r->options.choices;
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        struct choice *c = &list->items[i];
        if (c->kind != CHOICE_DROP_STATE || c->is_taken ||
            identity_is_used(&r->identities, IDENTITY_STATE, c->name)) {
            continue;
        }
        uint16_t number = identity_forget(old, IDENTITY_STATE, c->name);
        if (number > 0 && r->dropped_count < LIMIT_STAGES_MAX) {
            log_warn("the state of \"%s\" goes with the first epoch that is committed", c->name);
            r->dropped_states[r->dropped_count++] = number;
            c->is_taken = true;
            r->is_mended = true;
        }
    }
}

int mend_match(struct runner *r, struct identity_set *old, struct error *e)
{
    int rc = check_states(r, old, e);
    rc = rc == 0 ? match(r, old, e) : rc;
    if (rc == MILL_EREFUSED) {
        drop_states(r, old);
        rc = r->dropped_count > 0 ? match(r, old, e) : rc;
    }
    return rc;
}

void mend_commit_into(const struct runner *r, struct store_batch *batch)
{
    for (uint32_t i = 0; i < r->dropped_count; i++) {
        char from[sizeof(uint16_t)];
        char to[sizeof(uint16_t)];
        bytes_put_u16(from, r->dropped_states[i]);
        bytes_put_u16(to, (uint16_t)(r->dropped_states[i] + 1));
        store_batch_remove_range(batch, STORE_STATE, (struct slice){from, sizeof from},
                                 (struct slice){to, sizeof to});
    }
}

void mend_committed(struct runner *r)
{
    r->dropped_count = 0;
    r->is_mended = false;
}

/* --- files of sources --- */

static bool has_files(const struct runner *r, uint32_t source)
{
    return r->graph->sources[source].kind == SOURCE_FILES && !r->options.queues_only;
}

static int refuse_file(struct runner *r, const struct choice *c, struct error *e)
{
    struct buffer names;
    buffer_init(&names, NAMES_BYTES_MAX);
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        if (has_files(r, i)) {
            file_source_each_shrunk(r->sources[i], add_file, &names);
        }
    }
    return refuse_unknown(c, "file that became smaller", &names, e);
}

static int mend_file(struct runner *r, struct choice *c, struct error *e)
{
    bool is_known = false;
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        int shrunk = has_files(r, i) ? file_source_is_shrunk(r->sources[i], c->name) : MILL_ENOENT;
        is_known = is_known || shrunk >= 0;
        if (shrunk <= 0) {
            continue;
        }
        int rc = c->kind == CHOICE_REREAD ? file_source_reread(r->sources[i], c->name, e)
                                          : file_source_skip(r->sources[i], c->name, e);
        if (rc != 0) {
            return rc;
        }
        log_warn(c->kind == CHOICE_REREAD ? "%s is read again from its start"
                                          : "%s is left out from now on",
                 c->name);
        c->is_taken = true;
        r->is_mended = true;
    }
    return is_known ? 0 : refuse_file(r, c, e);
}

int mend_sources(struct runner *r, struct error *e)
{
    const struct choices *list = r->options.choices;
    int rc = 0;
    for (uint32_t i = 0; list != NULL && i < list->count && rc == 0; i++) {
        struct choice *c = &list->items[i];
        bool is_file = c->kind == CHOICE_REREAD || c->kind == CHOICE_SKIP_FILE;
        rc = is_file ? mend_file(r, c, e) : 0;
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
    buffer_init(&names, NAMES_BYTES_MAX);
    for (uint32_t k = 0; k < r->identities.count; k++) {
        if (r->identities.items[k].category == IDENTITY_OUTPUT) {
            add_name(&names, r->identities.items[k].identity);
        }
    }
    return refuse_unknown(c, "output", &names, e);
}

static bool add_epoch(void *context, const struct manifest *m)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, m->epoch);
    add_name(context, number);
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
    buffer_init(&names, NAMES_BYTES_MAX);
    int rc = look_at_outbox(r, add_epoch, &names, e);
    if (rc != 0) {
        buffer_deinit(&names);
        return rc;
    }
    return refuse_unknown(c, "epoch whose rows wait", &names, e);
}

static int check_outbox_choice(struct runner *r, const struct choice *c, struct error *e)
{
    if (c->kind == CHOICE_DROP_OUTPUT) {
        return find_output(r, c->name, strlen(c->name)) == NULL ? refuse_output(r, c, e) : 0;
    }
    if (c->kind != CHOICE_SKIP_EPOCH) {
        return 0;
    }
    size_t size = 0;
    uint64_t epoch = parse_epoch(c->name, &size);
    if (size > 0 && find_output(r, c->name, size) == NULL) {
        return refuse_output(r, c, e);
    }
    return epoch == 0 || epoch > r->last_number ? refuse_epoch(r, c, e) : 0;
}

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

int mend_outbox(struct runner *r, struct error *e)
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
    return rc;
}

void mend_report(const struct runner *r)
{
    const struct choices *list = r->options.choices;
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        const struct choice *c = &list->items[i];
        if (!c->is_taken) {
            log_warn("%s %s has nothing to do: %s", choice_option(c->kind), c->name,
                     choice_idle(c->kind));
        }
    }
}

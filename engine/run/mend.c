#include "run/mend.h"

#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "flow/identity_match.h"
#include "io/file_source.h"
#include "state/keys.h"

/* --- the script --- */

static bool is_script(const struct runner *r, const char *path)
{
    const struct source_text *s = r->options.source;
    return strcmp(path, s->path) == 0 || strcmp(path, s->canonical) == 0;
}

static int check_adopted(const struct runner *r, const struct choice *c, struct error *e)
{
    struct buffer names;
    buffer_init(&names, CHOICE_NAMES_BYTES_MAX);
    bool is_known = is_script(r, c->name) || text_same_path(r->data.dead_letters, c->name) ||
                    text_same_path(r->data.late, c->name);
    choice_add_name(&names, r->options.source->path);
    for (uint32_t i = 0; i < r->graph->output_count; i++) {
        const struct graph_output *o = &r->graph->outputs[i];
        if (o->kind == OUTPUT_FILES) {
            is_known = is_known || text_same_path(o->target, c->name);
            choice_add_name(&names, o->target);
        }
    }
    if (!is_known) {
        return choice_refuse(c, "script or folder of an output", &names, e);
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
    buffer_init(&names, CHOICE_NAMES_BYTES_MAX);
    bool is_known = false;
    for (uint32_t k = 0; k < old->count; k++) {
        const struct identity *i = &old->items[k];
        if (i->category == IDENTITY_STATE && i->is_present) {
            is_known = is_known || strcmp(i->identity, c->name) == 0;
            choice_add_name(&names, i->identity);
        }
    }
    if (!is_known) {
        return choice_refuse(c, "state in the store", &names, e);
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

static void remove_state(struct store_batch *batch, uint16_t number)
{
    char from[sizeof(uint16_t)];
    char to[sizeof(uint16_t)];
    bytes_put_u16(from, number);
    bytes_put_u16(to, (uint16_t)(number + 1));
    store_batch_remove_range(batch, STORE_STATE, (struct slice){from, sizeof from},
                             (struct slice){to, sizeof to});
}

void mend_commit_into(const struct runner *r, struct store_batch *batch)
{
    for (uint32_t i = 0; i < r->dropped_count; i++) {
        remove_state(batch, r->dropped_states[i]);
        remove_state(batch, (uint16_t)(r->dropped_states[i] | STORE_DEADLINE_OPERATOR));
    }
}

void mend_committed(struct runner *r)
{
    r->dropped_count = 0;
    r->is_mended = false;
}

/* --- files of sources --- */

static void add_file(void *context, const char *path)
{
    choice_add_name(context, path);
}

static bool has_files(const struct runner *r, uint32_t source)
{
    return r->graph->sources[source].kind == SOURCE_FILES && !r->options.queues_only;
}

static int refuse_file(struct runner *r, const struct choice *c, struct error *e)
{
    struct buffer names;
    buffer_init(&names, CHOICE_NAMES_BYTES_MAX);
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        if (has_files(r, i)) {
            file_source_each_shrunk(r->sources[i], add_file, &names);
        }
    }
    return choice_refuse(c, "file that became smaller", &names, e);
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

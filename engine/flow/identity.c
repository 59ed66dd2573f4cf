#include "flow/identity.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

#define SET_VERSION 2 /* 1: without content and target, which stands in detail */

struct identity *identity_set_add(struct identity_set *set)
{
    set->items = memory_grow(set->items, (set->count + 1) * sizeof *set->items);
    struct identity *i = &set->items[set->count++];
    *i = (struct identity){0};
    return i;
}

static void free_texts(struct identity *i)
{
    memory_free(i->identity);
    memory_free(i->was);
    memory_free(i->kind);
    memory_free(i->target);
    memory_free(i->detail);
    memory_free(i->place);
    memory_free(i->content);
    memory_free(i->line);
}

void identity_set_remove(struct identity_set *set, uint32_t at)
{
    check(at < set->count);
    free_texts(&set->items[at]);
    set->count--;
    memmove(&set->items[at], &set->items[at + 1], (set->count - at) * sizeof *set->items);
}

void identity_set_deinit(struct identity_set *set)
{
    for (uint32_t k = 0; k < set->count; k++) {
        free_texts(&set->items[k]);
    }
    memory_free(set->items);
    *set = (struct identity_set){0};
}

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* What an unnamed member is called: its kind, or kind and target; "#2" for the second. */
static char *unnamed(const struct identity_set *set, enum identity_category category,
                     const char *base)
{
    uint32_t before = 0;
    for (uint32_t k = 0; k + 1 < set->count; k++) {
        const struct identity *i = &set->items[k];
        size_t length = strlen(base);
        bool of_kind = !i->is_named && i->category == category &&
                       strncmp(i->identity, base, length) == 0 &&
                       (i->identity[length] == '\0' || i->identity[length] == '#');
        before += of_kind ? 1 : 0;
    }
    return before == 0 ? memory_text(base) : text_format("%s#%u", base, before + 1);
}

static void add(struct identity_set *set, const struct graph_operator *o,
                enum identity_category category, uint32_t index, const char *target,
                const char *detail)
{
    struct identity *i = identity_set_add(set);
    i->category = category;
    i->index = index;
    i->is_present = true;
    i->is_named = o->name != NULL;
    i->kind = memory_text(o->kind);
    i->target = memory_text(target);
    i->detail = memory_text(detail);
    i->place = memory_text(o->place);
    i->content = o->content == NULL
                     ? memory_text("")
                     : text_format("%016" PRIx64, hash_bytes(o->content, strlen(o->content)));
    i->line = memory_text(o->label);
    i->was = memory_text(o->was);
    if (i->is_named) {
        i->identity = memory_text(o->name);
        return;
    }
    char *base = *target == '\0' ? memory_text(o->kind) : text_format("%s:%s", o->kind, target);
    i->identity = unnamed(set, category, base);
    memory_free(base);
}

static int check_unique(const struct identity_set *set, struct error *e)
{
    for (uint32_t a = 0; a < set->count; a++) {
        for (uint32_t b = a + 1; b < set->count; b++) {
            if (set->items[a].category == set->items[b].category &&
                same(set->items[a].identity, set->items[b].identity)) {
                return error_set(e, MILL_ESCRIPT, "%s and %s have one identity, \"%s\"; name them",
                                 set->items[a].line, set->items[b].line, set->items[a].identity);
            }
        }
    }
    return 0;
}

/* Options as they are at first say nothing: what the store has of an earlier version is the same.
 */
static char *source_detail(const struct graph_source *s)
{
    bool has_pattern = s->pattern != NULL && !same(s->pattern, "*");
    return text_format("%s%s%s", has_pattern ? "pattern=" : "", has_pattern ? s->pattern : "",
                       s->new_files_only ? " new_files_only" : "");
}

static char *output_detail(const struct graph_output *o)
{
    static const char *const formats[] = {"json", "text", "print", "rows"};
    bool has_suffix = o->suffix != NULL;
    return text_format("%s%s%s", formats[o->format], has_suffix ? " suffix=" : "",
                       has_suffix ? o->suffix : "");
}

/* Durations that a window's state depends on. */
static char *window_detail(const struct graph_stage *s)
{
    const struct window_shape *w = &s->window;
    if (s->kind != STAGE_WINDOW) {
        return memory_text("");
    }
    return w->kind == WINDOW_SLIDING
               ? text_format("%" PRId64 " ms every %" PRId64 " ms", w->size_ms, w->slide_ms)
               : text_format("%" PRId64 " ms", w->size_ms);
}

int identity_set_of_graph(const struct graph *g, struct identity_set *set, struct error *e)
{
    *set = (struct identity_set){.next_number = 1};
    for (uint32_t i = 0; i < g->source_count; i++) {
        const struct graph_source *s = &g->sources[i];
        char *detail = source_detail(s);
        add(set, &g->operators[s->operator_id], IDENTITY_SOURCE, i, s->target, detail);
        memory_free(detail);
    }
    for (uint32_t i = 0; i < g->stage_count; i++) {
        if (graph_stage_has_state(&g->stages[i])) {
            char *detail = window_detail(&g->stages[i]);
            add(set, &g->operators[g->stages[i].operator_id], IDENTITY_STATE, i, "", detail);
            memory_free(detail);
        }
    }
    for (uint32_t i = 0; i < g->event_count; i++) {
        add(set, &g->operators[g->events[i].operator_id], IDENTITY_EVENT, i, "", "");
    }
    for (uint32_t i = 0; i < g->output_count; i++) {
        const struct graph_output *o = &g->outputs[i];
        char *detail = output_detail(o);
        add(set, &g->operators[o->operator_id], IDENTITY_OUTPUT, i, o->target, detail);
        memory_free(detail);
    }
    return check_unique(set, e);
}

const struct identity *identity_named(const struct identity_set *set,
                                      enum identity_category category, const char *identity)
{
    for (uint32_t k = 0; k < set->count; k++) {
        if (set->items[k].category == category && same(set->items[k].identity, identity)) {
            return &set->items[k];
        }
    }
    return NULL;
}

const struct identity *identity_find(const struct identity_set *set,
                                     enum identity_category category, uint32_t index)
{
    for (uint32_t k = 0; k < set->count; k++) {
        const struct identity *i = &set->items[k];
        if (i->is_present && i->category == category && i->index == index) {
            return i;
        }
    }
    check(false);
    return NULL;
}

bool identity_is_used(const struct identity_set *set, enum identity_category category,
                      const char *identity)
{
    for (uint32_t k = 0; k < set->count; k++) {
        const struct identity *i = &set->items[k];
        if (i->category == category && i->is_present &&
            (same(i->identity, identity) || (i->was != NULL && same(i->was, identity)))) {
            return true;
        }
    }
    return false;
}

uint16_t identity_forget(struct identity_set *set, enum identity_category category,
                         const char *identity)
{
    const struct identity *i = identity_named(set, category, identity);
    uint16_t number = i == NULL ? 0 : i->number;
    if (i != NULL) {
        identity_set_remove(set, (uint32_t)(i - set->items));
    }
    return number;
}

/* --- storing -------------------------------------------------------------------------------- */

int identity_set_encode(const struct identity_set *set, struct buffer *into)
{
    int rc = bytes_add_u8(into, SET_VERSION);
    rc = rc == 0 ? bytes_add_u16(into, set->next_number) : rc;
    rc = rc == 0 ? bytes_add_u32(into, set->count) : rc;
    for (uint32_t k = 0; k < set->count && rc == 0; k++) {
        const struct identity *i = &set->items[k];
        rc = bytes_add_u8(into, (uint8_t)i->category);
        rc = rc == 0 ? bytes_add_u16(into, i->number) : rc;
        rc = rc == 0 ? bytes_add_u8(into, (uint8_t)(i->is_named | i->is_present << 1)) : rc;
        const char *const texts[] = {i->identity, i->kind, i->target, i->detail,
                                     i->place,    i->line, i->content};
        for (size_t t = 0; t < sizeof texts / sizeof *texts && rc == 0; t++) {
            rc = bytes_add_string(into, texts[t], strlen(texts[t]));
        }
    }
    return rc;
}

static char *read_text(struct reader *in)
{
    struct slice s = reader_string(in);
    return memory_copy(s.data, s.size);
}

/* Version 1 had the target of a source as its detail, and an output's behind its format. */
static void split_target(struct identity *i)
{
    char *both = i->detail;
    char *blank = i->category == IDENTITY_OUTPUT ? strchr(both, ' ') : both;
    bool has_blank = blank != NULL && blank != both;
    i->target = memory_text(has_blank ? blank + 1 : i->category == IDENTITY_SOURCE ? both : "");
    i->detail = memory_copy(both, has_blank ? (size_t)(blank - both) : 0);
    memory_free(both);
}

static void read_identity(struct reader *in, uint8_t version, struct identity *i)
{
    i->category = (enum identity_category)reader_u8(in);
    i->number = reader_u16(in);
    uint8_t flags = reader_u8(in);
    i->is_named = (flags & 1) != 0;
    i->is_present = (flags & 2) != 0;
    i->identity = read_text(in);
    i->kind = read_text(in);
    i->target = version > 1 ? read_text(in) : NULL;
    i->detail = read_text(in);
    i->place = read_text(in);
    i->line = read_text(in);
    i->content = version > 1 ? read_text(in) : memory_text("");
    in->failed = in->failed || i->category < IDENTITY_SOURCE || i->category >= IDENTITY_CATEGORIES;
    if (version == 1) {
        split_target(i);
    }
}

int identity_set_decode(struct slice bytes, struct identity_set *set, struct error *e)
{
    *set = (struct identity_set){0};
    struct reader in;
    reader_init(&in, bytes.data, bytes.size);
    uint8_t version = reader_u8(&in);
    if (!in.failed && version > SET_VERSION) {
        return error_set(e, MILL_EREFUSED,
                         "the record of the graph in the store is of a newer tidemill; use that "
                         "one, or start over with --fresh");
    }
    set->next_number = reader_u16(&in);
    uint32_t count = reader_u32(&in);
    for (uint32_t k = 0; k < count && !in.failed; k++) {
        read_identity(&in, version, identity_set_add(set));
    }
    if (version > 0 && !in.failed && reader_left(&in) == 0) {
        return 0;
    }
    identity_set_deinit(set);
    return error_set(e, MILL_ECORRUPT, "the record of the graph in the store is damaged");
}

#include "flow/identity.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/text.h"

#define SET_VERSION 1

static struct identity *append(struct identity_set *set)
{
    set->items = memory_grow(set->items, (set->count + 1) * sizeof *set->items);
    struct identity *i = &set->items[set->count++];
    *i = (struct identity){0};
    return i;
}

void identity_set_deinit(struct identity_set *set)
{
    for (uint32_t k = 0; k < set->count; k++) {
        struct identity *i = &set->items[k];
        memory_free(i->identity);
        memory_free(i->was);
        memory_free(i->kind);
        memory_free(i->detail);
        memory_free(i->place);
        memory_free(i->line);
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
    struct identity *i = append(set);
    i->category = category;
    i->index = index;
    i->is_present = true;
    i->is_named = o->name != NULL;
    i->kind = memory_text(o->kind);
    i->detail = memory_text(detail);
    i->place = memory_text(o->place);
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

int identity_set_of_graph(const struct graph *g, struct identity_set *set, struct error *e)
{
    static const char *const formats[] = {"json", "text", "print", "rows"};
    *set = (struct identity_set){.next_number = 1};
    for (uint32_t i = 0; i < g->source_count; i++) {
        const struct graph_source *s = &g->sources[i];
        add(set, &g->operators[s->operator_id], IDENTITY_SOURCE, i, s->target, s->target);
    }
    for (uint32_t i = 0; i < g->stage_count; i++) {
        if (graph_stage_has_state(&g->stages[i])) {
            add(set, &g->operators[g->stages[i].operator_id], IDENTITY_STATE, i, "", "");
        }
    }
    for (uint32_t i = 0; i < g->output_count; i++) {
        const struct graph_output *o = &g->outputs[i];
        char *detail = text_format("%s %s", formats[o->format], o->target);
        add(set, &g->operators[o->operator_id], IDENTITY_OUTPUT, i, o->target, detail);
        memory_free(detail);
    }
    return check_unique(set, e);
}

/* --- matching ----------------------------------------------------------------------------- */

static struct identity *find(const struct identity_set *set, enum identity_category category,
                             const char *identity)
{
    for (uint32_t k = 0; k < set->count; k++) {
        if (set->items[k].category == category && same(set->items[k].identity, identity)) {
            return &set->items[k];
        }
    }
    return NULL;
}

/* The k-th present member of a category; NULL beyond the last. */
static const struct identity *present(const struct identity_set *set,
                                      enum identity_category category, uint32_t k)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->items[i].category == category && set->items[i].is_present && k-- == 0) {
            return &set->items[i];
        }
    }
    return NULL;
}

/* A name that the other script gives to another member: then the names say which is which. */
static bool names_another(const struct identity_set *other, const struct identity *i,
                          const struct identity *pair)
{
    const struct identity *o = i->is_named ? find(other, i->category, i->identity) : NULL;
    return o != NULL && o->is_named && o != pair;
}

/* Whether the two scripts differ by names alone, as far as this category goes. */
static bool same_without_names(const struct identity_set *old, const struct identity_set *set,
                               enum identity_category category)
{
    for (uint32_t k = 0;; k++) {
        const struct identity *a = present(old, category, k);
        const struct identity *b = present(set, category, k);
        if (a == NULL || b == NULL) {
            return a == b;
        }
        if (!same(a->kind, b->kind) || !same(a->detail, b->detail) || !same(a->place, b->place) ||
            names_another(set, a, b) || names_another(old, b, a)) {
            return false;
        }
    }
}

static bool all_same_without_names(const struct identity_set *old, const struct identity_set *set)
{
    return same_without_names(old, set, IDENTITY_SOURCE) &&
           same_without_names(old, set, IDENTITY_STATE) &&
           same_without_names(old, set, IDENTITY_OUTPUT);
}

static void take(struct identity *to, const struct identity *from)
{
    to->number = from->number;
    to->is_new = false;
}

static void match_by_place(const struct identity_set *old, struct identity_set *set)
{
    uint32_t seen[IDENTITY_OUTPUT + 1] = {0};
    for (uint32_t k = 0; k < set->count; k++) {
        struct identity *i = &set->items[k];
        const struct identity *o = present(old, i->category, seen[i->category]++);
        check(o != NULL);
        take(i, o);
    }
}

static uint32_t unnamed_of_kind(const struct identity_set *set, const char *kind)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < set->count; k++) {
        const struct identity *i = &set->items[k];
        count +=
            i->category == IDENTITY_STATE && i->is_present && !i->is_named && same(i->kind, kind)
                ? 1
                : 0;
    }
    return count;
}

static const struct identity *unnamed_at(const struct identity_set *set, const char *kind,
                                         uint32_t k)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct identity *m = &set->items[i];
        if (m->category == IDENTITY_STATE && m->is_present && !m->is_named && same(m->kind, kind) &&
            k-- == 0) {
            return m;
        }
    }
    return NULL;
}

/* Lines that say which operator of the store each of the script's could be. */
static void suggest(const struct identity_set *old, const char *kind, struct buffer *text)
{
    for (uint32_t k = 0; k < old->count; k++) {
        const struct identity *o = &old->items[k];
        if (o->category == IDENTITY_STATE && o->is_present && same(o->kind, kind)) {
            (void)!buffer_printf(text, "\n   :named(\"NAME\", {was = \"%s\"})  -- was: %s",
                                 o->identity, o->line);
        }
    }
}

static int refuse_order(const struct identity_set *old, const struct identity *i, struct error *e)
{
    struct buffer text;
    buffer_init(&text, ERROR_MESSAGE_BYTES_MAX);
    suggest(old, i->kind, &text);
    int rc = error_set(e, MILL_EREFUSED,
                       "%s: the job has several unnamed %s, and their number or order changed; "
                       "name each, and say which it was:%.*s",
                       i->line, i->kind, (int)text.size, text.size > 0 ? text.data : "");
    buffer_deinit(&text);
    return rc;
}

/* Unnamed operators of a kind that occurs more than once are told apart by their order only. */
static int check_order(const struct identity_set *old, const struct identity_set *set,
                       struct error *e)
{
    for (uint32_t k = 0; k < set->count; k++) {
        const struct identity *i = &set->items[k];
        if (i->category != IDENTITY_STATE || i->is_named || i->was != NULL) {
            continue;
        }
        uint32_t before = unnamed_of_kind(old, i->kind);
        uint32_t now = unnamed_of_kind(set, i->kind);
        if (before == 0 || (before == 1 && now == 1)) {
            continue;
        }
        if (before != now) {
            return refuse_order(old, i, e);
        }
        for (uint32_t n = 0; n < now; n++) {
            if (!same(unnamed_at(old, i->kind, n)->place, unnamed_at(set, i->kind, n)->place)) {
                return refuse_order(old, i, e);
            }
        }
    }
    return 0;
}

static int match_by_identity(const struct identity_set *old, struct identity_set *set,
                             struct error *e)
{
    for (uint32_t k = 0; k < set->count; k++) {
        struct identity *i = &set->items[k];
        const char *wanted = i->was != NULL ? i->was : i->identity;
        const struct identity *o = find(old, i->category, wanted);
        if (o == NULL && i->was != NULL) {
            o = find(old, i->category, i->identity); /* taken over by an earlier start */
        }
        if (o == NULL && i->was != NULL) {
            return error_set(e, MILL_EREFUSED, "%s: the store has no \"%s\" that it could be",
                             i->line, i->was);
        }
        if (o != NULL && i->category == IDENTITY_STATE && !same(o->kind, i->kind)) {
            return error_set(e, MILL_EREFUSED,
                             "%s: \"%s\" is a %s in the store; its state is not that of a %s. "
                             "Give it another name",
                             i->line, i->identity, o->kind, i->kind);
        }
        if (o != NULL) {
            take(i, o);
        }
    }
    return 0;
}

/* Two `was` of one name, or one beside the operator that still has it. */
static int check_taken_once(const struct identity_set *set, struct error *e)
{
    for (uint32_t a = 0; a < set->count; a++) {
        for (uint32_t b = a + 1; b < set->count; b++) {
            if (set->items[a].number != 0 && set->items[a].number == set->items[b].number) {
                return error_set(e, MILL_EREFUSED,
                                 "%s and %s both go on with what the store has as \"%s\"; only one "
                                 "can",
                                 set->items[a].line, set->items[b].line,
                                 set->items[b].was != NULL   ? set->items[b].was
                                 : set->items[a].was != NULL ? set->items[a].was
                                                             : set->items[a].identity);
            }
        }
    }
    return 0;
}

static bool is_taken(const struct identity_set *set, uint16_t number)
{
    for (uint32_t k = 0; k < set->count; k++) {
        if (set->items[k].number == number) {
            return true;
        }
    }
    return false;
}

/* What is gone keeps its number; a stateful operator that is gone is refused. */
static int keep_the_gone(const struct identity_set *old, struct identity_set *set, struct error *e)
{
    uint32_t count = old->count;
    for (uint32_t k = 0; k < count; k++) {
        const struct identity *o = &old->items[k];
        if (is_taken(set, o->number)) {
            continue;
        }
        if (o->category == IDENTITY_STATE && o->is_present) {
            return error_set(e, MILL_EREFUSED,
                             "the state of \"%s\" (%s) is in the store, but the script has no such "
                             "operator: bring it back, say with named(\"NAME\", {was = \"%s\"}) "
                             "which it is now, or drop it with --drop-state %s",
                             o->identity, o->line, o->identity, o->identity);
        }
        struct identity *gone = append(set);
        *gone = *o;
        gone->identity = memory_text(o->identity);
        gone->was = memory_text(o->was);
        gone->kind = memory_text(o->kind);
        gone->detail = memory_text(o->detail);
        gone->place = memory_text(o->place);
        gone->line = memory_text(o->line);
        gone->is_present = false;
    }
    return 0;
}

int identity_match(const struct identity_set *old, struct identity_set *set, struct error *e)
{
    set->next_number = old->next_number > 0 ? old->next_number : 1;
    for (uint32_t k = 0; k < set->count; k++) {
        set->items[k].is_new = true;
    }
    int rc = 0;
    if (old->count > 0 && all_same_without_names(old, set)) {
        match_by_place(old, set);
    } else {
        rc = check_order(old, set, e);
        rc = rc == 0 ? match_by_identity(old, set, e) : rc;
        rc = rc == 0 ? check_taken_once(set, e) : rc;
    }
    rc = rc == 0 ? keep_the_gone(old, set, e) : rc;
    for (uint32_t k = 0; k < set->count && rc == 0; k++) {
        if (set->items[k].number == 0) {
            set->items[k].number = set->next_number++;
        }
    }
    return rc;
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
        const char *const texts[] = {i->identity, i->kind, i->detail, i->place, i->line};
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

int identity_set_decode(struct slice bytes, struct identity_set *set, struct error *e)
{
    *set = (struct identity_set){0};
    struct reader in;
    reader_init(&in, bytes.data, bytes.size);
    bool known = reader_u8(&in) == SET_VERSION;
    set->next_number = reader_u16(&in);
    uint32_t count = reader_u32(&in);
    for (uint32_t k = 0; k < count && !in.failed; k++) {
        struct identity *i = append(set);
        i->category = (enum identity_category)reader_u8(&in);
        i->number = reader_u16(&in);
        uint8_t flags = reader_u8(&in);
        i->is_named = (flags & 1) != 0;
        i->is_present = (flags & 2) != 0;
        i->identity = read_text(&in);
        i->kind = read_text(&in);
        i->detail = read_text(&in);
        i->place = read_text(&in);
        i->line = read_text(&in);
        in.failed = in.failed || i->category < IDENTITY_SOURCE || i->category > IDENTITY_OUTPUT;
    }
    if (known && !in.failed && reader_left(&in) == 0) {
        return 0;
    }
    identity_set_deinit(set);
    return error_set(e, MILL_ECORRUPT, "the record of the graph in the store is damaged");
}

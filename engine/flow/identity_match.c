#include "flow/identity_match.h"

#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
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

/* A source's folder is the same however it is written; else it would read all of it again. */
static bool same_target(const struct identity *a, const struct identity *b)
{
    return a->category == IDENTITY_SOURCE ? text_same_path(a->target, b->target)
                                          : same(a->target, b->target);
}

/* Members of one category, kind and target: their identities differ by a name, a number, or how a
 * path is written. */
static bool in_group(const struct identity *m, const struct identity *of)
{
    return m->category == of->category && same(m->kind, of->kind) && same_target(m, of);
}

/* Members of a group that have a content. */
static uint32_t count_content(const struct identity_set *set, const struct identity *of)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < set->count; k++) {
        const struct identity *m = &set->items[k];
        count += in_group(m, of) && same(m->content, of->content) ? 1 : 0;
    }
    return count;
}

/* Whether the script has, in the place of a, what was another's in the store and is no more there.
 * That a content changed says nothing: a function may be written anew. */
static bool is_swapped(const struct identity_set *old, const struct identity_set *set,
                       const struct identity *a, const struct identity *b)
{
    return *b->content != '\0' && !same(a->content, b->content) && count_content(old, b) > 0 &&
           count_content(old, b) >= count_content(set, b);
}

/* What tells members of one kind and target apart, but for their order. */
static bool same_in_group(const struct identity *a, const struct identity *b)
{
    return same(a->detail, b->detail) && same(a->place, b->place);
}

/* A name that the other script gives to another member: then the names say which is which. */
static bool names_another(const struct identity_set *other, const struct identity *i,
                          const struct identity *pair)
{
    const struct identity *o = i->is_named ? identity_named(other, i->category, i->identity) : NULL;
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
        if (!same(a->kind, b->kind) || !same_in_group(a, b) || !same_target(a, b) ||
            is_swapped(old, set, a, b) || names_another(set, a, b) || names_another(old, b, a)) {
            return false;
        }
    }
}

static bool all_same_without_names(const struct identity_set *old, const struct identity_set *set)
{
    return same_without_names(old, set, IDENTITY_SOURCE) &&
           same_without_names(old, set, IDENTITY_STATE) &&
           same_without_names(old, set, IDENTITY_OUTPUT) &&
           same_without_names(old, set, IDENTITY_EVENT);
}

static void take(struct identity *to, const struct identity *from)
{
    to->number = from->number;
    to->is_new = false;
}

static void match_by_place(const struct identity_set *old, struct identity_set *set)
{
    uint32_t seen[IDENTITY_CATEGORIES] = {0};
    for (uint32_t k = 0; k < set->count; k++) {
        struct identity *i = &set->items[k];
        const struct identity *o = present(old, i->category, seen[i->category]++);
        check(o != NULL);
        take(i, o);
    }
}

/* The k-th unnamed member of a group; NULL beyond the last. */
static const struct identity *unnamed_at(const struct identity_set *set, const struct identity *of,
                                         bool is_present, uint32_t k)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct identity *m = &set->items[i];
        if (in_group(m, of) && !m->is_named && m->is_present == is_present && k-- == 0) {
            return m;
        }
    }
    return NULL;
}

static uint32_t unnamed_count(const struct identity_set *set, const struct identity *of,
                              bool is_present)
{
    uint32_t count = 0;
    while (unnamed_at(set, of, is_present, count) != NULL) {
        count++;
    }
    return count;
}

/* Lines that say which of the store's each of the script's could be. */
static void suggest(const struct identity_set *old, const struct identity *of, bool is_present,
                    struct buffer *text)
{
    for (uint32_t k = 0; k < old->count; k++) {
        const struct identity *o = &old->items[k];
        if (in_group(o, of) && o->is_present == is_present) {
            const char *blank = *o->detail == '\0' ? "" : ", ";
            (void)!buffer_printf(text, "\n   :named(\"NAME\", {was = \"%s\"})  -- was: %s%s%s",
                                 o->identity, o->line, blank, o->detail);
        }
    }
}

static int refuse_order(const struct identity_set *old, const struct identity *i, bool is_present,
                        struct error *e)
{
    struct buffer text;
    buffer_init(&text, ERROR_MESSAGE_BYTES_MAX);
    suggest(old, i, is_present, &text);
    const char *of = *i->target == '\0' ? "" : " of ";
    int rc =
        error_set(e, MILL_EREFUSED,
                  "%s: the job has several unnamed %s%s%s, and their number or order changed; "
                  "name each, and say which it was:%.*s",
                  i->line, i->kind, of, i->target, (int)text.size, text.size > 0 ? text.data : "");
    buffer_deinit(&text);
    return rc;
}

/* What a print prepared says all that publishing it needs: which is which does not matter. */
static bool may_change_order(const struct identity *i)
{
    return same(i->kind, "print") || same(i->kind, "to_stdout");
}

/* Unnamed members of a group of more than one are told apart by their order only. Those that were
 * gone count when all of the group are back. */
static int check_order(const struct identity_set *old, const struct identity_set *set,
                       struct error *e)
{
    for (uint32_t k = 0; k < set->count; k++) {
        const struct identity *i = &set->items[k];
        if (i->is_named || i->was != NULL || may_change_order(i)) {
            continue;
        }
        bool is_present = unnamed_count(old, i, true) > 0;
        uint32_t before = unnamed_count(old, i, is_present);
        uint32_t now = unnamed_count(set, i, true);
        if (before == 0 || (before == 1 && now == 1)) {
            continue;
        }
        bool is_same = before == now;
        for (uint32_t n = 0; n < now && is_same; n++) {
            const struct identity *a = unnamed_at(old, i, is_present, n);
            const struct identity *b = unnamed_at(set, i, true, n);
            is_same = same_in_group(a, b) && !is_swapped(old, set, a, b);
        }
        if (!is_same) {
            return refuse_order(old, i, is_present, e);
        }
    }
    return 0;
}

/* What has the identity in the store. Of a source without a name that is alone in its group, how
 * its path is written does not matter. */
static const struct identity *find_old(const struct identity_set *old,
                                       const struct identity_set *set, const struct identity *i)
{
    const struct identity *o = identity_named(old, i->category, i->identity);
    if (o != NULL || i->category != IDENTITY_SOURCE || i->is_named) {
        return o;
    }
    bool is_present = unnamed_count(old, i, true) > 0;
    bool is_alone = unnamed_count(old, i, is_present) == 1 && unnamed_count(set, i, true) == 1;
    return is_alone ? unnamed_at(old, i, is_present, 0) : NULL;
}

static int match_by_identity(const struct identity_set *old, struct identity_set *set,
                             struct error *e)
{
    for (uint32_t k = 0; k < set->count; k++) {
        struct identity *i = &set->items[k];
        const struct identity *o = i->was != NULL ? identity_named(old, i->category, i->was) : NULL;
        if (o == NULL) { /* or a `was` that an earlier start has taken over */
            o = find_old(old, set, i);
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
        if (o != NULL && i->category == IDENTITY_STATE && !same(o->detail, i->detail)) {
            return error_set(e, MILL_EREFUSED,
                             "%s: the windows of \"%s\" are %s now, and were %s in the store; "
                             "what they hold cannot be used. Give the new ones another name, and "
                             "drop the old ones' state with --drop-state %s",
                             i->line, o->identity, i->detail, o->detail, o->identity);
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

/* By number: whether a member has it. @owns the caller */
static bool *taken_numbers(const struct identity_set *set)
{
    bool *taken = memory_zero(UINT16_MAX + 1, sizeof *taken);
    for (uint32_t k = 0; k < set->count; k++) {
        taken[set->items[k].number] = true;
    }
    return taken;
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

/* Why a member without a number is one of the store's that is gone, most likely; NULL: it is not.
 */
static const char *harm_of_new(const struct identity *i, const struct identity *o)
{
    if (!in_group(o, i)) {
        return NULL;
    }
    if (i->category == IDENTITY_SOURCE) {
        return "read its input again from the start";
    }
    bool is_same_place = i->category == IDENTITY_EVENT && same(i->place, o->place);
    return is_same_place ? "begin without a time, and open windows again that were closed" : NULL;
}

/* What got a name together with other changes would begin anew. */
static int check_renamed(const struct identity_set *old, const struct identity_set *set,
                         struct error *e)
{
    for (uint32_t k = 0; k < set->count; k++) {
        const struct identity *i = &set->items[k];
        for (uint32_t n = 0; n < old->count && i->number == 0; n++) {
            const struct identity *o = &old->items[n];
            const char *harm = harm_of_new(i, o);
            if (harm != NULL && o->is_present && !is_taken(set, o->number)) {
                return error_set(e, MILL_EREFUSED,
                                 "%s: \"%s\" (%s) is gone, and this one would %s; say that it is "
                                 "the same:\n   :named(\"NAME\", {was = \"%s\"})  -- was: %s",
                                 i->line, o->identity, o->line, harm, o->identity, o->line);
            }
        }
    }
    return 0;
}

static int refuse_gone(const struct identity *o, struct error *e)
{
    return error_set(e, MILL_EREFUSED,
                     "the state of \"%s\" (%s) is in the store, but the script has no such "
                     "operator: bring it back, say with named(\"NAME\", {was = \"%s\"}) "
                     "which it is now, or drop it with --drop-state %s",
                     o->identity, o->line, o->identity, o->identity);
}

static void add_gone(struct identity_set *set, const struct identity *o)
{
    struct identity *gone = identity_set_add(set);
    *gone = *o;
    gone->identity = memory_text(o->identity);
    gone->was = memory_text(o->was);
    gone->kind = memory_text(o->kind);
    gone->target = memory_text(o->target);
    gone->detail = memory_text(o->detail);
    gone->place = memory_text(o->place);
    gone->line = memory_text(o->line);
    gone->content = memory_text(o->content);
    gone->is_present = false;
}

/* What is gone keeps its number; a stateful operator that is gone is refused. */
static int keep_the_gone(const struct identity_set *old, struct identity_set *set, struct error *e)
{
    bool *taken = taken_numbers(set);
    int rc = 0;
    for (uint32_t k = 0; k < old->count && rc == 0; k++) {
        const struct identity *o = &old->items[k];
        if (taken[o->number]) {
            continue;
        }
        if (o->category == IDENTITY_STATE && o->is_present) {
            rc = refuse_gone(o, e);
        } else {
            add_gone(set, o);
        }
    }
    memory_free(taken);
    return rc;
}

/* The next that was never given; at the end of them one that was forgotten. 0: there is none. */
static uint16_t free_number(struct identity_set *set, const bool *taken)
{
    if (set->next_number <= LIMIT_NUMBERS_MAX) {
        return set->next_number++;
    }
    uint16_t number = 1;
    while (number <= LIMIT_NUMBERS_MAX && taken[number]) {
        number++;
    }
    return number <= LIMIT_NUMBERS_MAX ? number : 0;
}

static int give_numbers(struct identity_set *set, struct error *e)
{
    bool *taken = taken_numbers(set);
    int rc = 0;
    for (uint32_t k = 0; k < set->count && rc == 0; k++) {
        struct identity *i = &set->items[k];
        i->number = i->number == 0 ? free_number(set, taken) : i->number;
        taken[i->number] = true;
        if (i->number == 0) {
            rc = error_set(e, MILL_EREFUSED,
                           "%s: the store has known %d sources, operators and outputs, and has no "
                           "number for another; use the targets of before, or start over with "
                           "--fresh",
                           i->line, LIMIT_NUMBERS_MAX);
        }
    }
    memory_free(taken);
    return rc;
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
        rc = rc == 0 ? check_renamed(old, set, e) : rc;
    }
    rc = rc == 0 ? keep_the_gone(old, set, e) : rc;
    return rc == 0 ? give_numbers(set, e) : rc;
}

#include "base/choices.h"

#include <string.h>

#include "base/check.h"
#include "base/text.h"

struct choice_text {
    const char *option;
    const char *idle;
};

#define CHOICE_AS_TEXT(name, option, idle) {option, idle},
static const struct choice_text texts[CHOICE_COUNT] = {CHOICES(CHOICE_AS_TEXT)};
#undef CHOICE_AS_TEXT

const char *choice_option(enum choice_kind kind)
{
    check(kind < CHOICE_COUNT);
    return texts[kind].option;
}

const char *choice_idle(enum choice_kind kind)
{
    check(kind < CHOICE_COUNT);
    return texts[kind].idle;
}

enum choice_kind choice_of_option(const char *option)
{
    enum choice_kind kind = 0;
    while (kind < CHOICE_COUNT && strcmp(texts[kind].option, option) != 0) {
        kind++;
    }
    return kind;
}

typedef bool (*same_fn)(const char *a, const char *b);

static bool same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static struct choice *find(const struct choices *list, enum choice_kind kind, const char *name,
                           same_fn same)
{
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        if (list->items[i].kind == kind && same(list->items[i].name, name)) {
            return &list->items[i];
        }
    }
    return NULL;
}

struct choice *choices_find(const struct choices *list, enum choice_kind kind, const char *name)
{
    return find(list, kind, name, same_text);
}

struct choice *choices_find_path(const struct choices *list, enum choice_kind kind,
                                 const char *path)
{
    return find(list, kind, path, text_same_path);
}

bool choices_take_path(const struct choices *list, enum choice_kind kind, const char *path)
{
    struct choice *choice = choices_find_path(list, kind, path);
    if (choice != NULL) {
        choice->is_taken = true;
    }
    return choice != NULL;
}

void choice_add_name(struct buffer *names, const char *name)
{
    if (names->failed || buffer_printf(names, "%s%s", names->size == 0 ? "" : ", ", name) != 0) {
        names->failed = true;
    }
}

int choice_refuse(const struct choice *c, const char *what, struct buffer *names, struct error *e)
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

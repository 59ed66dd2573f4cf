/*
 * What a person has decided on the command line about things that a start refuses by itself: each
 * is an option and the name of what it is about, e.g. --drop-state totals.
 *
 * Each refusal asks for its own decision and takes it; what was not taken by then had nothing to
 * decide, and that is said.
 *
 * Owner: whoever read the command line; the list and the names are its own.
 */
#ifndef BASE_CHOICES_H
#define BASE_CHOICES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/* name, option, said when there was nothing to decide */
#define CHOICES(X)                                                                                 \
    X(CHOICE_ADOPT, "--adopt", "it belongs to nobody else")                                        \
    X(CHOICE_ASSUME_PUBLISHED, "--assume-published", "nothing that was written there is missing")  \
    X(CHOICE_DROP_OUTPUT, "--drop-output", "the script has it, or no rows wait for it")            \
    X(CHOICE_DROP_STATE, "--drop-state", "the script has it")                                      \
    X(CHOICE_PUBLISH_AGAIN, "--publish-again", "nothing that was written there is missing")        \
    X(CHOICE_REREAD, "--reread", "it is not smaller than what was read of it")                     \
    X(CHOICE_SKIP_EPOCH, "--skip-epoch", "no rows of it wait")                                     \
    X(CHOICE_SKIP_FILE, "--skip-file", "it is not smaller than what was read of it")

#define CHOICE_AS_ENUM(name, option, idle) name,
enum choice_kind { CHOICES(CHOICE_AS_ENUM) CHOICE_COUNT };
#undef CHOICE_AS_ENUM

struct choice {
    enum choice_kind kind;
    const char *name;
    bool is_taken;
};

struct choices {
    struct choice *items;
    uint32_t count;
};

/** "--adopt" */
const char *choice_option(enum choice_kind kind);
/** Why there was nothing to decide. */
const char *choice_idle(enum choice_kind kind);
/** @return CHOICE_COUNT when there is no such option */
enum choice_kind choice_of_option(const char *option);

/** The decision of a kind about a name; NULL: none. @param list  may be NULL */
struct choice *choices_find(const struct choices *list, enum choice_kind kind, const char *name);
/** The same; slashes at the end make no other path. */
struct choice *choices_find_path(const struct choices *list, enum choice_kind kind,
                                 const char *path);
/** As choices_find_path, and take it. @return whether there was one */
bool choices_take_path(const struct choices *list, enum choice_kind kind, const char *path);

#define CHOICE_NAMES_BYTES_MAX 1024
/** Add a name to what there is; the list ends where the buffer is full. */
void choice_add_name(struct buffer *names, const char *name);
/** Refuse a name that nothing has. @param what  the kind of thing
 *  @param names  what there is; deinitialised. @return MILL_EINVAL */
int choice_refuse(const struct choice *c, const char *what, struct buffer *names, struct error *e);

#endif

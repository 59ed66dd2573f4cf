/*
 * Identities: which source, stateful operator or output of a script is which of the store's.
 *
 * Each has an identity: the name that named() gave it; else its kind (of sources and outputs: kind
 * and target), with "#2" and so on for the second of that kind. Each keeps its number in the
 * store's keys for ever.
 *
 * What a start on an existing store makes of them: flow/identity_match.h. Pure. Owner: whoever made
 * the lists.
 */
#ifndef FLOW_IDENTITY_H
#define FLOW_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "flow/graph.h"

enum identity_category {
    IDENTITY_SOURCE = 1,
    IDENTITY_STATE = 2,
    IDENTITY_OUTPUT = 3,
    IDENTITY_EVENT = 4, /**< an event_time(): its watermark */
    IDENTITY_CATEGORIES
};

struct identity {
    enum identity_category category;
    uint16_t number; /**< in the store's keys; 0: not given yet */
    uint32_t index;  /**< of the graph's source, stage, output or event time */
    bool is_named;
    bool is_present; /**< part of the running script; what is gone keeps its number */
    bool is_new;     /**< not in the store yet */
    char *identity;
    char *was; /**< identity that it had before, given by the script; or NULL */
    char *kind;
    char *target;  /**< of a source or output; "" for none */
    char *detail;  /**< a source's options, an output's format: what tells those of a target apart;
                      of a  window its size, which its state depends on */
    char *place;   /**< how it hangs in the graph, without names */
    char *content; /**< a hash of what may change, but not swap; "" for none */
    char *line;    /**< of the script, for messages */
};

struct identity_set {
    struct identity *items;
    uint32_t count;
    uint16_t next_number; /**< the first that was never given; beyond LIMIT_NUMBERS_MAX: none */
};

/** The identities of a graph, without numbers. @return 0, or MILL_ESCRIPT when two are the same */
int identity_set_of_graph(const struct graph *g, struct identity_set *set, struct error *e);
void identity_set_deinit(struct identity_set *set);

/** A new member, all zero, at the end. Members of before may have moved. */
struct identity *identity_set_add(struct identity_set *set);

/** The members behind it come one place nearer. */
void identity_set_remove(struct identity_set *set, uint32_t at);

/** The member of a category that has an identity, present or not; NULL when none has. */
const struct identity *identity_named(const struct identity_set *set,
                                      enum identity_category category, const char *identity);

/** A present member that is this identity, or says with `was` that it was. */
bool identity_is_used(const struct identity_set *set, enum identity_category category,
                      const char *identity);
/** Take a member out of the set; its number is not given again. @return its number, 0: none */
uint16_t identity_forget(struct identity_set *set, enum identity_category category,
                         const char *identity);

/** The member for a source, stage or output of the graph. Never NULL for those that have one. */
const struct identity *identity_find(const struct identity_set *set,
                                     enum identity_category category, uint32_t index);

int identity_set_encode(const struct identity_set *set, struct buffer *into)
    __attribute__((warn_unused_result));
int identity_set_decode(struct slice bytes, struct identity_set *set, struct error *e)
    __attribute__((warn_unused_result));

#endif

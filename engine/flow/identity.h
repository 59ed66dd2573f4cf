/*
 * Identities: which source, stateful operator or output of a script is which of the store's.
 *
 * Each has an identity: the name that named() gave it; else its kind (of sources and outputs: kind
 * and target), with "#2" and so on for the second of that kind. Each keeps its number in the
 * store's keys for ever.
 *
 * Every start on an existing store compares. What has the same identity keeps its state, what is
 * new starts empty. Refused, with lines to paste: a stateful operator that is gone; unnamed ones
 * of a kind that occurs more than once, when their number or order changed; a kind that changed
 * under one identity. A script that differs by names alone is accepted, and the names are taken
 * over by place.
 *
 * Pure: compares two lists. Owner: whoever made the lists.
 */
#ifndef FLOW_IDENTITY_H
#define FLOW_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "flow/graph.h"

enum identity_category { IDENTITY_SOURCE = 1, IDENTITY_STATE = 2, IDENTITY_OUTPUT = 3 };

struct identity {
    enum identity_category category;
    uint16_t number; /**< in the store's keys; 0: not given yet */
    uint32_t index;  /**< of the graph's source, stage or output */
    bool is_named;
    bool is_present; /**< part of the running script; what is gone keeps its number */
    bool is_new;     /**< not in the store yet */
    char *identity;
    char *was; /**< identity that it had before, given by the script; or NULL */
    char *kind;
    char *detail; /**< target and format: what makes an output another */
    char *place;  /**< how it hangs in the graph, without names */
    char *line;   /**< of the script, for messages */
};

struct identity_set {
    struct identity *items;
    uint32_t count;
    uint16_t next_number;
};

/** The identities of a graph, without numbers. @return 0, or MILL_ESCRIPT when two are the same */
int identity_set_of_graph(const struct graph *g, struct identity_set *set, struct error *e);
void identity_set_deinit(struct identity_set *set);

/**
 * Give the new set's members their numbers: those of the old ones that they are, or fresh ones.
 * Old members that are gone and must not be forgotten are added, not present.
 * @param old  of the store; empty for a new one
 * @return 0, or MILL_EREFUSED with what to write into the script
 */
int identity_match(const struct identity_set *old, struct identity_set *set, struct error *e);

/** The member for a source, stage or output of the graph. Never NULL for those that have one. */
const struct identity *identity_find(const struct identity_set *set,
                                     enum identity_category category, uint32_t index);

int identity_set_encode(const struct identity_set *set, struct buffer *into)
    __attribute__((warn_unused_result));
int identity_set_decode(struct slice bytes, struct identity_set *set, struct error *e)
    __attribute__((warn_unused_result));

#endif

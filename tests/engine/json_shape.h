/*
 * Another opinion on data/json_walk.h: the structure of a record in JSON, where values may be
 * spelled as they like, and where the walk must find its members.
 */
#ifndef TESTS_ENGINE_JSON_SHAPE_H
#define TESTS_ENGINE_JSON_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "data/json_walk.h"

enum json_shape {
    SHAPE_WRONG,
    SHAPE_RIGHT,
    SHAPE_UNCERTAIN /**< quotes or backslashes in a bare word: where it ends, nobody says */
};

enum json_shape json_shape(const char *text, size_t size);

/**
 * Walk over a line with different bytes behind it, and compare: with the shape, with the whole
 * grammar (data/json_check.h), and what is found with what data/json_read.h finds.
 * @param names  those that the walk wants
 * @return NULL, or what differs
 */
const char *json_walk_differs(struct json_walk *walk, const struct slice *names, uint32_t count,
                              const char *text, size_t size);

/**
 * Walk over the lines of a text, once each as a line of it and once alone, and compare the
 * verdicts, the reasons and what is found.
 * @param together, alone  want the same `count` names
 * @return NULL, or what differs
 */
const char *json_walk_text_differs(struct json_walk *together, struct json_walk *alone,
                                   uint32_t count, const char *text, size_t size);

#endif

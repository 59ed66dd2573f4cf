/*
 * Little scripts for tests of identities, and a store that remembers the last one that was
 * accepted.
 *
 *     accepted(w, "update update=total", "1new 2new");    kinds, names; numbers that they get
 */
#ifndef TESTS_ENGINE_FLOW_IDENTITY_WORLD_H
#define TESTS_ENGINE_FLOW_IDENTITY_WORLD_H

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "flow/identity_match.h"
#include "testing.h"

enum { MEMBERS_MAX = 8 };

/* A member of a script: "kind" or "kind=name" or "kind=name<was", behind it "@place". */
struct script {
    struct graph graph;
    struct graph_operator operators[3 * MEMBERS_MAX + 1];
    struct graph_source sources[MEMBERS_MAX];
    struct graph_stage stages[MEMBERS_MAX];
    struct graph_output outputs[MEMBERS_MAX];
    char texts[3 * MEMBERS_MAX][6][64];
};

static inline uint32_t add_operator(struct script *s, const char *text)
{
    uint32_t id = ++s->graph.operator_count;
    char(*t)[64] = s->texts[id - 1];
    char copy[64];
    snprintf(copy, sizeof copy, "%s", text);
    struct graph_operator *o = &s->operators[id];
    char *place = strchr(copy, '@');
    char *was = strchr(copy, '<');
    char *name = strchr(copy, '=');
    *o = (struct graph_operator){.kind = t[0], .label = t[1], .place = t[2]};
    snprintf(t[2], sizeof t[2], ">%s", place == NULL ? "same" : place + 1);
    if (was != NULL) {
        snprintf(t[3], sizeof t[3], "%.*s", (int)strcspn(was + 1, "@"), was + 1);
        o->was = t[3];
    }
    if (name != NULL) {
        snprintf(t[4], sizeof t[4], "%.*s", (int)strcspn(name + 1, "<@"), name + 1);
        o->name = t[4];
    }
    snprintf(t[0], sizeof t[0], "%.*s", (int)strcspn(copy, "=<@"), copy);
    snprintf(t[1], sizeof t[1], "%.20s at job.lua:%u", t[0], id);
    return id;
}

/* A stateful operator. */
static inline void state_of(struct script *s, const char *text)
{
    s->stages[s->graph.stage_count++] =
        (struct graph_stage){.kind = STAGE_UPDATE, .operator_id = add_operator(s, text)};
}

static inline void windows_of(struct script *s, const char *text, int64_t size_ms, int64_t slide_ms)
{
    enum window_kind kind = slide_ms == size_ms ? WINDOW_TUMBLING : WINDOW_SLIDING;
    s->stages[s->graph.stage_count++] =
        (struct graph_stage){.kind = STAGE_WINDOW,
                             .operator_id = add_operator(s, text),
                             .window = window_shape(kind, size_ms, slide_ms)};
}

static inline void table_of(struct script *s, const char *text)
{
    s->stages[s->graph.stage_count++] =
        (struct graph_stage){.kind = STAGE_TABLE, .operator_id = add_operator(s, text)};
}

static inline void source_of(struct script *s, const char *text, const char *target)
{
    s->sources[s->graph.source_count++] =
        (struct graph_source){.operator_id = add_operator(s, text), .target = target};
}

static inline void files_of(struct script *s, const char *text, const char *pattern)
{
    source_of(s, text, "in");
    s->sources[s->graph.source_count - 1].pattern = pattern;
}

static inline void output_of(struct script *s, const char *text, const char *target)
{
    s->outputs[s->graph.output_count++] = (struct graph_output){
        .kind = OUTPUT_FILES, .operator_id = add_operator(s, text), .target = target};
}

static inline void begin(struct script *s)
{
    *s = (struct script){.graph = {.operator_count = 0}};
    s->graph.operators = s->operators;
    s->graph.sources = s->sources;
    s->graph.stages = s->stages;
    s->graph.outputs = s->outputs;
}

/* Stateful operators from a text: "a b=name". */
static inline void states(struct script *s, const char *text)
{
    begin(s);
    while (*text != '\0') {
        char member[64];
        size_t size = strcspn(text, " ");
        snprintf(member, sizeof member, "%.*s", (int)size, text);
        state_of(s, member);
        text += size + (text[size] == ' ');
    }
}

/* A store's record of a script, as it is read back. */
static inline void record(const struct identity_set *set, struct identity_set *read)
{
    struct buffer b;
    buffer_init(&b, 100000);
    assert_int_equal(identity_set_encode(set, &b), 0);
    assert_int_equal(identity_set_decode((struct slice){b.data, b.size}, read, NULL), 0);
    buffer_deinit(&b);
}

/* What the store has: nothing at first. Each accepted script is recorded. */
struct world {
    struct identity_set store;
    struct identity_set set; /* of the last script that was accepted */
    struct error error;
};

static inline int start(struct world *w, const struct script *s)
{
    identity_set_deinit(&w->set);
    w->error = (struct error){0};
    int rc = identity_set_of_graph(&s->graph, &w->set, &w->error);
    rc = rc == 0 ? identity_match(&w->store, &w->set, &w->error) : rc;
    if (rc == 0) {
        identity_set_deinit(&w->store);
        record(&w->set, &w->store);
    }
    return rc;
}

static inline int start_states(struct world *w, const char *text)
{
    struct script s;
    states(&s, text);
    return start(w, &s);
}

/* The numbers of the present stateful operators, in order: "1 2". */
static inline const char *numbers(const struct world *w, enum identity_category category)
{
    static char text[100];
    size_t size = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < w->set.count; i++) {
        const struct identity *m = &w->set.items[i];
        if (m->category == category && m->is_present) {
            size += (size_t)snprintf(text + size, sizeof text - size, "%s%u%s", size > 0 ? " " : "",
                                     m->number, m->is_new ? "new" : "");
        }
    }
    return text;
}

static inline void accepted(struct world *w, const char *text, const char *expected)
{
    assert_int_equal(start_states(w, text), 0);
    assert_string_equal(numbers(w, IDENTITY_STATE), expected);
}

static inline void refused(struct world *w, const char *text, const char *what)
{
    assert_int_equal(start_states(w, text), MILL_EREFUSED);
    if (strstr(w->error.message, what) == NULL) {
        assert_string_equal(w->error.message, what);
    }
}

static inline int begin_world(void **state)
{
    *state = memory_zero(1, sizeof(struct world));
    return 0;
}

static inline int end_world(void **state)
{
    struct world *w = *state;
    identity_set_deinit(&w->store);
    identity_set_deinit(&w->set);
    memory_free(w);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_world, end_world)

#endif

#include "flow/conservation.h"

#include <inttypes.h>

#include "base/check.h"

struct flow {
    const struct graph *graph;
    const struct mill_counter *counters;
    const struct mill_counter *heads;
    uint64_t out[LIMIT_OPERATORS_MAX + 1];
};

static uint32_t stage_of(const struct graph *g, uint32_t operator_id)
{
    for (uint32_t i = 0; i < g->stage_count; i++) {
        if (g->stages[i].operator_id == operator_id) {
            return i;
        }
    }
    check(false);
    return 0;
}

static uint64_t lost(const struct mill_counter *c)
{
    return c->filtered + c->dead + c->skipped;
}

/* What an operator gives, from what it gets and what it counted itself. */
static uint64_t out_of(const struct flow *f, uint32_t id, uint64_t in)
{
    const struct mill_counter *c = &f->counters[id];
    switch (f->graph->operators[id].role) {
    case ROLE_SOURCE:
        return c->out;
    case ROLE_FLAT:
        return c->elements;
    case ROLE_SINGLE:
        return in - lost(c);
    case ROLE_STAGE: {
        const struct mill_counter *head = &f->heads[stage_of(f->graph, id)];
        return head->out - lost(head);
    }
    case ROLE_UNION:
        return in - lost(c);
    case ROLE_OUTPUT:
    case ROLE_UNUSED:
        break;
    }
    return 0;
}

static uint64_t sent_to(const struct flow *f, uint32_t id)
{
    const struct graph_operator *o = &f->graph->operators[id];
    uint64_t in = 0;
    for (uint32_t i = 0; i < o->input_count; i++) {
        check(o->inputs[i] < id); /* a stream is made before what reads it */
        in += f->out[o->inputs[i]];
    }
    return in;
}

int conservation_check(const struct graph *g, const struct mill_counter *counters,
                       const struct mill_counter *heads, struct error *e)
{
    struct flow f = {.graph = g, .counters = counters, .heads = heads};
    for (uint32_t id = 1; id <= g->operator_count; id++) {
        const struct graph_operator *o = &g->operators[id];
        uint64_t in = sent_to(&f, id);
        bool arrives = o->role == ROLE_STAGE || o->role == ROLE_OUTPUT;
        if (arrives && in != counters[id].elements) {
            return error_set(e, MILL_EFAILED,
                             "%s: %" PRIu64 " records were sent to it, %" PRIu64 " arrived",
                             o->label, in, counters[id].elements);
        }
        f.out[id] = out_of(&f, id, in);
    }
    return 0;
}

void conservation_add(struct mill_counter *sum, const struct mill_counter *part, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        sum[i].out += part[i].out;
        sum[i].elements += part[i].elements;
        sum[i].filtered += part[i].filtered;
        sum[i].dead += part[i].dead;
        sum[i].skipped += part[i].skipped;
        sum[i].late += part[i].late;
    }
}

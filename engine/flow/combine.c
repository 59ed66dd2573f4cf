#include "flow/combine.h"

#include "base/check.h"

void combine_cells(enum graph_combine how, struct mill_cell *into, const struct mill_cell *from)
{
    check(into->kind == MILL_NUMBER && from->kind == MILL_NUMBER && how != COMBINE_LUA);
    switch (how) {
    case COMBINE_MIN:
        into->num = from->num < into->num ? from->num : into->num;
        break;
    case COMBINE_MAX:
        into->num = from->num > into->num ? from->num : into->num;
        break;
    case COMBINE_COUNT:
    case COMBINE_SUM:
    case COMBINE_AVG:
    case COMBINE_LUA:
        into->num += from->num;
        break;
    }
    into->len += from->len;
}

void combine_finish(enum graph_combine how, struct mill_cell *cell)
{
    if (how == COMBINE_AVG) {
        cell->num /= cell->len;
    }
}

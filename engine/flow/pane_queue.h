/*
 * The sliding windows of one key from its panes, where C combines: each pane is combined about
 * three times, however many windows it is in.
 *
 *     parts     p0 p1 p2 p3 p4 p5 p6 ...        by time; the window that is asked for is [a, c)
 *               .. a ──────b ─────c
 *     suffix       ◄───────                     suffix[i]: parts i to b - 1 combined
 *     back                 ──────►              parts b to c - 1 combined
 *
 * A window is suffix[a] and back. When a reaches b, the suffixes of [a, c) are made anew: so there
 * is no need for an inverse, and min and max go like sum.
 *
 * Pure. Owner: whoever runs a stage's shard.
 */
#ifndef FLOW_PANE_QUEUE_H
#define FLOW_PANE_QUEUE_H

#include <stdint.h>

#include "base/ffi.h"
#include "flow/graph.h"
#include "flow/window.h"

struct pane_queue {
    const struct window_shape *shape;
    enum graph_combine combine; /**< not COMBINE_LUA */
    int64_t *panes;             /**< their starts, ascending */
    struct mill_cell *parts;
    struct mill_cell *suffix;
    uint32_t count;
    uint32_t capacity;
    uint32_t a;
    uint32_t b;
    uint32_t c;
    struct mill_cell back; /**< of b < c */
};

void pane_queue_init(struct pane_queue *q, const struct window_shape *shape,
                     enum graph_combine combine);
void pane_queue_deinit(struct pane_queue *q);
/** Begin with another key. */
void pane_queue_clear(struct pane_queue *q);
/** @param pane_ms  above that of the one before */
void pane_queue_add(struct pane_queue *q, int64_t pane_ms, const struct mill_cell *part);

/**
 * The next window that has panes, all of which were added.
 * @param start_ms  in: the first start that is wanted, a multiple of the slide, not below that of
 *                  the window before; out: that of the window
 * @param last_ms   of the starts that are wanted
 * @return false: no more
 */
bool pane_queue_next(struct pane_queue *q, int64_t *start_ms, int64_t last_ms,
                     struct mill_cell *value);

#endif

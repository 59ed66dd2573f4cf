#include "flow/pane_queue.h"

#include "base/check.h"
#include "base/memory.h"
#include "flow/combine.h"

void pane_queue_init(struct pane_queue *q, const struct window_shape *shape,
                     enum graph_combine combine)
{
    *q = (struct pane_queue){.shape = shape, .combine = combine};
}

void pane_queue_deinit(struct pane_queue *q)
{
    memory_free(q->panes);
    memory_free(q->parts);
    memory_free(q->suffix);
    *q = (struct pane_queue){0};
}

void pane_queue_clear(struct pane_queue *q)
{
    q->count = q->a = q->b = q->c = 0;
}

void pane_queue_add(struct pane_queue *q, int64_t pane_ms, const struct mill_cell *part)
{
    check(q->count == 0 || pane_ms > q->panes[q->count - 1]);
    if (q->count == q->capacity) {
        q->capacity = q->capacity == 0 ? 256 : q->capacity * 2;
        q->panes = memory_grow(q->panes, q->capacity * sizeof *q->panes);
        q->parts = memory_grow(q->parts, q->capacity * sizeof *q->parts);
        q->suffix = memory_grow(q->suffix, q->capacity * sizeof *q->suffix);
    }
    q->panes[q->count] = pane_ms;
    q->parts[q->count++] = *part;
}

/* Take panes into the window that end with it. */
static void extend(struct pane_queue *q, int64_t end_ms)
{
    for (; q->c < q->count && q->panes[q->c] < end_ms; q->c++) {
        if (q->c == q->b) {
            q->back = q->parts[q->c];
        } else {
            combine_cells(q->combine, &q->back, &q->parts[q->c]);
        }
    }
}

/* Leave out panes before the window. */
static void shrink(struct pane_queue *q, int64_t start_ms)
{
    while (q->a < q->c && q->panes[q->a] < start_ms) {
        q->a++;
    }
    if (q->a < q->b || q->a == q->c) {
        q->b = q->b > q->a ? q->b : q->a;
        return;
    }
    q->suffix[q->c - 1] = q->parts[q->c - 1];
    for (uint32_t i = q->c - 1; i > q->a; i--) {
        q->suffix[i - 1] = q->parts[i - 1];
        combine_cells(q->combine, &q->suffix[i - 1], &q->suffix[i]);
    }
    q->b = q->c;
}

bool pane_queue_next(struct pane_queue *q, int64_t *start_ms, int64_t last_ms,
                     struct mill_cell *value)
{
    while (*start_ms <= last_ms) {
        shrink(q, *start_ms);
        extend(q, *start_ms + q->shape->size_ms);
        shrink(q, *start_ms);
        if (q->a < q->c) {
            break;
        }
        if (q->c == q->count) {
            return false;
        }
        int64_t next = window_first(q->shape, q->panes[q->c]);
        check(next > *start_ms);
        *start_ms = next; /* between two panes no window has any */
    }
    if (*start_ms > last_ms) {
        return false;
    }
    *value = q->suffix[q->a];
    if (q->b < q->c) {
        combine_cells(q->combine, value, &q->back);
    }
    return true;
}

/* Goal: each window that has panes comes once, in order, with all of them. Method: random panes and
 * shapes, all aggregates, against going through the panes of each window. */
#include "base/limits.h"
#include "flow/combine.h"
#include "flow/pane_queue.h"
#include "testing.h"

enum { PANES_MAX = 60 };

struct panes {
    int64_t times[PANES_MAX];
    struct mill_cell parts[PANES_MAX];
    uint32_t count;
};

static void some_panes(struct chance *c, const struct window_shape *s, struct panes *p)
{
    int64_t time = chance_below(c, 5) * s->pane_ms;
    p->count = chance_below(c, PANES_MAX);
    for (uint32_t i = 0; i < p->count; i++) {
        p->times[i] = time;
        p->parts[i] = (struct mill_cell){
            .kind = MILL_NUMBER, .len = 1 + chance_below(c, 3), .num = chance_below(c, 100)};
        uint32_t gap = chance_below(c, 10) == 0 ? 1 + chance_below(c, 200) : 1;
        time += gap * s->pane_ms;
    }
}

/* @return whether the window has panes */
static bool go_through(const struct panes *p, int64_t start, int64_t size, enum graph_combine how,
                       struct mill_cell *value)
{
    bool some = false;
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->times[i] < start || p->times[i] >= start + size) {
            continue;
        }
        if (some) {
            combine_cells(how, value, &p->parts[i]);
        } else {
            *value = p->parts[i];
        }
        some = true;
    }
    return some;
}

static void each_window_has_its_panes(void **state)
{
    (void)state;
    struct chance c = {1};
    for (uint32_t round = 0; round < rounds(400); round++) {
        int64_t size = 1 + chance_below(&c, 40);
        struct window_shape s =
            window_shape(WINDOW_SLIDING, size, 1 + chance_below(&c, (uint32_t)size));
        enum graph_combine how = COMBINE_COUNT + chance_below(&c, 5);
        struct panes p;
        struct pane_queue q;
        some_panes(&c, &s, &p);
        pane_queue_init(&q, &s, how);
        for (uint32_t key = 0; key < 2; key++) {
            pane_queue_clear(&q);
            for (uint32_t i = 0; i < p.count; i++) {
                pane_queue_add(&q, p.times[i], &p.parts[i]);
            }
            int64_t first = ((int64_t)chance_below(&c, 60) - 30) * s.slide_ms;
            int64_t last = first + chance_below(&c, 300) * s.slide_ms;
            int64_t start = first;
            for (int64_t wanted = first; wanted <= last; wanted += s.slide_ms) {
                struct mill_cell value;
                struct mill_cell came;
                if (!go_through(&p, wanted, size, how, &value)) {
                    continue;
                }
                assert_true(pane_queue_next(&q, &start, last, &came));
                assert_int_equal(start, wanted);
                assert_true(came.num == value.num && came.len == value.len);
                start += s.slide_ms;
            }
            struct mill_cell none;
            assert_false(pane_queue_next(&q, &start, last, &none));
        }
        pane_queue_deinit(&q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_window_has_its_panes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

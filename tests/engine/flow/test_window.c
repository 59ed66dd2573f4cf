/* Goal: panes, lateness and closing say of every time what its windows say.
 * Method: random shapes and times, against all windows that a time could be in, one by one. */
#include "base/limits.h"
#include "flow/window.h"
#include "testing.h"

#define SIZE_MAX_MS 40

static struct window_shape some_shape(struct chance *c, enum window_kind kind)
{
    int64_t size = 1 + chance_below(c, SIZE_MAX_MS);
    return window_shape(kind, size, 1 + chance_below(c, (uint32_t)size));
}

static bool is_in(const struct window_shape *s, int64_t start, int64_t time)
{
    return start <= time && time < start + s->size_ms;
}

/* All starts of windows that could touch a time below 1000. */
#define EACH_WINDOW(s, start)                                                                      \
    for (int64_t start = -(s)->slide_ms * SIZE_MAX_MS; start < 1000; start += (s)->slide_ms)

static void a_pane_is_in_whole_windows(void **state)
{
    (void)state;
    struct chance c = {1};
    for (uint32_t round = 0; round < rounds(3000); round++) {
        struct window_shape s =
            some_shape(&c, chance_below(&c, 2) ? WINDOW_SLIDING : WINDOW_TUMBLING);
        int64_t time = chance_below(&c, 500);
        int64_t pane = window_pane(&s, time);
        assert_true(pane <= time && time < pane + s.pane_ms);
        assert_int_equal(s.size_ms % s.pane_ms, 0);
        assert_int_equal(s.slide_ms % s.pane_ms, 0);
        int64_t first = INT64_MAX;
        int64_t last = INT64_MIN;
        EACH_WINDOW(&s, start)
        {
            if (is_in(&s, start, time)) {
                first = start < first ? start : first;
                last = start;
                assert_true(is_in(&s, start, pane) && is_in(&s, start, pane + s.pane_ms - 1));
            }
        }
        assert_int_equal(window_first(&s, pane), first);
        assert_int_equal(window_last(&s, pane), last);
    }
}

static void a_record_is_late_when_all_its_windows_have_ended(void **state)
{
    (void)state;
    struct chance c = {2};
    for (uint32_t round = 0; round < rounds(3000); round++) {
        struct window_shape s =
            some_shape(&c, chance_below(&c, 2) ? WINDOW_SLIDING : WINDOW_TUMBLING);
        int64_t time = chance_below(&c, 300);
        int64_t watermark = (int64_t)chance_below(&c, 400) - 50;
        bool late = true;
        EACH_WINDOW(&s, start)
        {
            bool closed = start + s.size_ms <= watermark;
            late = late && (!is_in(&s, start, time) || closed);
            assert_int_equal(window_is_closed(&s, start, watermark), closed);
        }
        assert_int_equal(window_is_late(&s, time, watermark), late);
        assert_false(window_is_late(&s, time, WATERMARK_NONE));
    }
}

static void panes_are_needed_as_long_as_one_of_their_windows_is_open(void **state)
{
    (void)state;
    struct chance c = {3};
    for (uint32_t round = 0; round < rounds(3000); round++) {
        struct window_shape s =
            some_shape(&c, chance_below(&c, 2) ? WINDOW_SLIDING : WINDOW_TUMBLING);
        int64_t pane = window_pane(&s, chance_below(&c, 300));
        int64_t watermark = (int64_t)chance_below(&c, 400) - 50;
        bool needed = false;
        bool closes = false;
        EACH_WINDOW(&s, start)
        {
            if (is_in(&s, start, pane)) {
                needed = needed || start + s.size_ms > watermark;
                closes = closes || start + s.size_ms <= watermark;
            }
        }
        assert_int_equal(pane >= window_needed_from(&s, watermark), needed);
        assert_int_equal(pane < window_open_from(&s, watermark), closes);
    }
}

static void ends_of_all_time(void **state)
{
    (void)state;
    struct window_shape s = window_shape(WINDOW_SLIDING, 10, 2);
    assert_true(window_is_closed(&s, INT64_MAX - 11, WATERMARK_END));
    assert_false(window_is_closed(&s, -8, WATERMARK_NONE));
    assert_true(window_needed_from(&s, WATERMARK_NONE) == WATERMARK_NONE);
    assert_true(window_open_from(&s, WATERMARK_END) == WATERMARK_END);
    assert_int_equal(window_first(&s, 0), -8);
}

/* What is in one pane of a session's is one session; sessions that touch are one. */
static void sessions_are_what_a_gap_parts(void **state)
{
    (void)state;
    struct chance c = {4};
    for (uint32_t round = 0; round < rounds(3000); round++) {
        struct window_shape s = some_shape(&c, WINDOW_SESSION);
        int64_t a = chance_below(&c, 200);
        int64_t b = chance_below(&c, 200);
        struct window_span first = {a < b ? a : b, a < b ? a : b};
        struct window_span second = {a < b ? b : a, a < b ? b : a};
        bool touches = second.first_ms - first.last_ms <= s.size_ms;
        assert_int_equal(window_touches(&s, &first, &second), touches);
        if (window_pane(&s, a) == window_pane(&s, b)) {
            assert_true(touches);
        }
        assert_int_equal(window_end(&s, &second), second.last_ms + s.size_ms);
        int64_t watermark = chance_below(&c, 300);
        assert_int_equal(window_is_late(&s, a, watermark), a + s.size_ms <= watermark);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pane_is_in_whole_windows),
        cmocka_unit_test(a_record_is_late_when_all_its_windows_have_ended),
        cmocka_unit_test(panes_are_needed_as_long_as_one_of_their_windows_is_open),
        cmocka_unit_test(ends_of_all_time),
        cmocka_unit_test(sessions_are_what_a_gap_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

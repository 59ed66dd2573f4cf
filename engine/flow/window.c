#include "flow/window.h"

#include "base/check.h"

static int64_t greatest_common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

struct window_shape window_shape(enum window_kind kind, int64_t size_ms, int64_t slide_ms)
{
    check(size_ms > 0);
    struct window_shape s = {kind, size_ms, size_ms, size_ms};
    if (kind == WINDOW_SLIDING) {
        check(slide_ms > 0 && slide_ms <= size_ms);
        s.slide_ms = slide_ms;
        s.pane_ms = greatest_common_divisor(size_ms, slide_ms);
    }
    return s;
}

/* Rounds down below 0, too. */
static int64_t round_down(int64_t value, int64_t step)
{
    int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

int64_t window_pane(const struct window_shape *s, int64_t time_ms)
{
    check(time_ms >= 0);
    return time_ms - time_ms % s->pane_ms;
}

bool window_is_late(const struct window_shape *s, int64_t time_ms, int64_t watermark_ms)
{
    if (s->kind == WINDOW_SESSION) {
        return time_ms + s->size_ms <= watermark_ms;
    }
    return window_is_closed(s, round_down(time_ms, s->slide_ms), watermark_ms);
}

int64_t window_last(const struct window_shape *s, int64_t pane_ms)
{
    return round_down(pane_ms, s->slide_ms);
}

/* The first start that is a multiple of the slide and above the pane's end minus the size. */
int64_t window_first(const struct window_shape *s, int64_t pane_ms)
{
    int64_t low = pane_ms + s->pane_ms - s->size_ms;
    return round_down(low + s->slide_ms - 1, s->slide_ms);
}

bool window_is_closed(const struct window_shape *s, int64_t start_ms, int64_t watermark_ms)
{
    return watermark_ms != WATERMARK_NONE &&
           (watermark_ms == WATERMARK_END || start_ms + s->size_ms <= watermark_ms);
}

/* The start of the first window that is open. */
static int64_t first_open(const struct window_shape *s, int64_t watermark_ms)
{
    return round_down(watermark_ms - s->size_ms, s->slide_ms) + s->slide_ms;
}

int64_t window_needed_from(const struct window_shape *s, int64_t watermark_ms)
{
    if (watermark_ms == WATERMARK_NONE || watermark_ms == WATERMARK_END) {
        return watermark_ms;
    }
    return first_open(s, watermark_ms);
}

int64_t window_open_from(const struct window_shape *s, int64_t watermark_ms)
{
    if (watermark_ms == WATERMARK_NONE || watermark_ms == WATERMARK_END) {
        return watermark_ms;
    }
    return first_open(s, watermark_ms) - s->slide_ms + s->size_ms;
}

bool window_touches(const struct window_shape *s, const struct window_span *a,
                    const struct window_span *b)
{
    return b->first_ms <= a->last_ms + s->size_ms;
}

int64_t window_end(const struct window_shape *s, const struct window_span *span)
{
    return span->last_ms + s->size_ms;
}

/*
 * Windows of event time: where a time lies in them, what is late, and what a watermark closes.
 *
 *     tumbling 10     [0,10) [10,20) [20,30)              a pane is a window
 *     sliding 10, 4   [0,10) [4,14) [8,18)                panes of gcd(10, 4) = 2: [0,2) [2,4) ...
 *     session, gap 5  first..last + 5                     panes of 5: what is in one pane of a key
 *                                                         is in one session
 *
 * Windows are aligned to 1970 and closed-open. Records are gathered by *pane*, so that what a
 * record costs does not grow with the number of windows that it is in; a window is made of its
 * panes when it closes. Sessions that touch are one.
 *
 * Times are ms since 1970, 0 and above. Pure. @thread any
 */
#ifndef FLOW_WINDOW_H
#define FLOW_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/** Before any watermark: nothing is late, nothing closes. */
#define WATERMARK_NONE INT64_MIN
/** Closes everything: the end of the input. */
#define WATERMARK_END INT64_MAX

enum window_kind { WINDOW_TUMBLING, WINDOW_SLIDING, WINDOW_SESSION };

struct window_shape {
    enum window_kind kind;
    int64_t size_ms;  /**< of a session: its gap */
    int64_t slide_ms; /**< from one window's start to the next one's */
    int64_t pane_ms;  /**< divides both */
};

/** @param slide_ms  of WINDOW_SLIDING: 1 to size_ms; else it does not count */
struct window_shape window_shape(enum window_kind kind, int64_t size_ms, int64_t slide_ms);

/** The start of the pane that a time is in. */
int64_t window_pane(const struct window_shape *s, int64_t time_ms);

/** Whether all windows that a record of this time is in had ended at a watermark. Of a session it
 * is the one that the record makes alone. */
bool window_is_late(const struct window_shape *s, int64_t time_ms, int64_t watermark_ms);

/** The windows that a pane is in: the first one's start (may be below 0) and the last one's; they
 * are slide_ms apart. Not of sessions. */
int64_t window_first(const struct window_shape *s, int64_t pane_ms);
int64_t window_last(const struct window_shape *s, int64_t pane_ms);

/** Whether a window that begins then is closed by a watermark. */
bool window_is_closed(const struct window_shape *s, int64_t start_ms, int64_t watermark_ms);

/** Panes below this one are in closed windows only, and are not needed any more. Not of sessions.
 */
int64_t window_needed_from(const struct window_shape *s, int64_t watermark_ms);
/** Panes from this one on are in no closed window. Not of sessions. */
int64_t window_open_from(const struct window_shape *s, int64_t watermark_ms);

/** From a session's first record to its last. It ends a gap later. */
struct window_span {
    int64_t first_ms;
    int64_t last_ms;
};

/** Whether the second, which begins no earlier, continues the first. */
bool window_touches(const struct window_shape *s, const struct window_span *a,
                    const struct window_span *b);
int64_t window_end(const struct window_shape *s, const struct window_span *span);

#endif

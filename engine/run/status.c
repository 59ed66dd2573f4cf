#include "run/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "io/file_source.h"
#include "io/queue_source.h"

#define SHOW_EVERY_US ((int64_t)200 * 1000)
#define CLEAR_LINE    "\r\033[K"

void status_open(struct status *s, bool is_wanted)
{
    *s = (struct status){
        .is_live = is_wanted && isatty(STDERR_FILENO) == 1,
        .shown_us = clock_elapsed_us(),
    };
}

static void write_line(const char *text, size_t size)
{
    (void)!write(STDERR_FILENO, text, size); /* a terminal that went away is no reason to end */
}

void status_close(struct status *s)
{
    if (s->is_shown) {
        write_line(CLEAR_LINE, sizeof CLEAR_LINE - 1);
        s->is_shown = false;
    }
}

void status_show(struct status *s, const struct runner_report *report)
{
    int64_t now_us = clock_elapsed_us();
    if (!s->is_live || now_us - s->shown_us < SHOW_EVERY_US) {
        return;
    }
    double seconds = (double)(now_us - s->shown_us) / 1e6;
    double rate = (double)(report->total_records - s->shown_records) / seconds;
    char line[256];
    int size = snprintf(line, sizeof line,
                        CLEAR_LINE "epoch %" PRIu64 "  %.3g records/s  scheduling %.0f ms  "
                                   "processing %.0f ms  keys %" PRIu64 "  errors %" PRIu64,
                        report->epoch, rate, (double)report->scheduling_us / 1e3,
                        (double)report->processing_us / 1e3, report->keys, report->errors);
    s->shown_records = report->total_records;
    write_line(line, size < (int)sizeof line ? (size_t)size : sizeof line - 1);
    s->is_shown = true;
    s->shown_us = now_us;
}

void status_nothing_new(const struct runner *r)
{
    uint64_t files = 0;
    bool has_received = false;
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        uint64_t done = 0;
        uint64_t known = 0;
        if (r->graph->sources[i].kind == SOURCE_FILES) {
            file_source_count(r->sources[i], &done, &known);
        }
        files += done;
        has_received = has_received || graph_is_received(&r->graph->sources[i]);
    }
    if (has_received && files == 0) {
        log_info("nothing new: all that was received is done at epoch %" PRIu64
                 "; --fresh starts over",
                 r->last_number);
        return;
    }
    log_info("nothing new: %" PRIu64 " files done at epoch %" PRIu64 "; --fresh starts over", files,
             r->last_number);
}

void status_describe_end(struct runner *r, struct error *e)
{
    uint64_t epochs = r->publisher_open ? publisher_waiting(&r->publisher) : 0;
    if (r->end == RUNNER_STOPPED && epochs > 0) {
        error_set(e, MILL_ESTOPPED,
                  "stopped at epoch %" PRIu64 "; %" PRIu64
                  " rows are not published yet. The next start publishes them",
                  r->last_number, publisher_waiting_rows(&r->publisher));
    } else if (r->end == RUNNER_STOPPED && r->options.once) {
        struct runner_rest rest = runner_left(r);
        char received[64] = "";
        if (rest.received_bytes > 0) {
            snprintf(received, sizeof received, " and %" PRIu64 " received bytes",
                     rest.received_bytes);
        }
        error_set(e, MILL_ESTOPPED,
                  "stopped at epoch %" PRIu64 "; %" PRIu64 " files with %" PRIu64
                  " bytes%s are left. Start again to go on",
                  r->last_number, rest.files, rest.bytes, received);
    } else if (r->options.once && r->epochs_run == 0) {
        status_nothing_new(r);
    }
}

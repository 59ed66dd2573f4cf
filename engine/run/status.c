#include "run/status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "io/file_source.h"
#include "io/queue_source.h"
#include "run/open_windows.h"
#include "run/receiving.h"

#define CLEAR_LINE "\r\033[K"
#define LINE_BYTES 320

/* Between two looks at how much was read, and between two reports, at least. */
#define MEASURE_US ((int64_t)1000 * 1000)
#define REPORT_US  ((int64_t)200 * 1000)

void status_open(struct status *s, bool is_wanted)
{
    int64_t now_us = clock_elapsed_us();
    *s = (struct status){
        .is_live = is_wanted && isatty(STDERR_FILENO) == 1,
        .reported_us = now_us,
        .measured_us = now_us,
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

void status_add(struct status *s, const struct runner *r, const struct runner_report *report)
{
    int64_t now_us = clock_elapsed_us();
    uint64_t records = report->total_records - s->last.total_records;
    if (now_us - s->reported_us >= REPORT_US) {
        s->records_per_second = (double)records * 1e6 / (double)(now_us - s->reported_us);
        s->reported_us = now_us;
        s->last = *report;
    } else {
        uint64_t before = s->last.total_records;
        s->last = *report;
        s->last.total_records = before; /* these count with the next */
    }
    s->bytes_reported = r->bytes_done;
}

static void measure(struct status *s, const struct runner *r)
{
    int64_t now_us = clock_elapsed_us();
    if (now_us - s->measured_us >= MEASURE_US) {
        s->bytes_per_second =
            (double)(r->bytes_done - s->bytes_measured) * 1e6 / (double)(now_us - s->measured_us);
        s->bytes_measured = r->bytes_done;
        s->measured_us = now_us;
    }
}

/* @return per cent of the files that --once found; -1: not known */
static int read_so_far(struct status *s, const struct runner *r)
{
    if (!r->options.once) {
        return -1;
    }
    uint64_t left = runner_left(r).bytes; /* not committed */
    s->bytes_in_all = s->bytes_in_all == 0 ? left : s->bytes_in_all;
    if (s->bytes_in_all == 0 || left > s->bytes_in_all) {
        return -1;
    }
    uint64_t read = s->bytes_in_all - left + (r->bytes_done - s->bytes_reported);
    return read >= s->bytes_in_all ? 100 : (int)(read * 100 / s->bytes_in_all);
}

/* @return why no input is taken, NULL when it is */
static const char *held_by(const struct runner *r)
{
    if (r->waits_for_publishing) {
        return "outputs are behind";
    }
    if (r->waits_for_space) {
        return "the disk is full";
    }
    return receiving_is_blocked(r) ? "a receiver log is full" : NULL;
}

__attribute__((format(printf, 3, 4))) static void add(char *line, size_t *size, const char *format,
                                                      ...)
{
    va_list args;
    va_start(args, format);
    int added = vsnprintf(line + *size, LINE_BYTES - *size, format, args);
    va_end(args);
    *size =
        added < 0 || *size + (size_t)added >= LINE_BYTES ? LINE_BYTES - 1 : *size + (size_t)added;
}

void status_show(struct status *s, const struct runner *r)
{
    if (!s->is_live) {
        return;
    }
    measure(s, r);
    const struct runner_report *last = &s->last;
    char line[LINE_BYTES];
    size_t size = 0;
    add(line, &size, CLEAR_LINE "epoch %" PRIu64, r->epoch.number);
    int share = read_so_far(s, r);
    if (share >= 0) {
        add(line, &size, "  %d %%", share);
    }
    add(line, &size, "  %.3g records/s  %.3g MB/s", s->records_per_second,
        s->bytes_per_second / 1e6);
    add(line, &size, "  scheduling %.0f ms  processing %.0f ms  keys %" PRIu64 "  errors %" PRIu64,
        (double)last->scheduling_us / 1e3, (double)last->processing_us / 1e3, last->keys,
        last->errors);
    const char *why = held_by(r);
    if (why != NULL) {
        add(line, &size, "  paused: %s", why);
    }
    write_line(line, size);
    s->is_shown = true;
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

static void status_late(const struct runner *r)
{
    if (r->total_late == 0) {
        return;
    }
    const char *were = r->total_late == 1 ? "record was" : "records were";
    if (r->has_late) {
        log_info("%" PRIu64 " %s late, and kept in %s", r->total_late, were, r->data.late);
    } else {
        log_info("%" PRIu64 " %s late, and dropped", r->total_late, were);
    }
}

static void status_open_windows(struct runner *r)
{
    uint64_t count = open_windows_count(r);
    if (count > 0) {
        log_info("%" PRIu64 " windows are open, and are left to the next run", count);
    }
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
    status_late(r);
    if (r->end == RUNNER_FINISHED && r->options.keep_open) {
        status_open_windows(r);
    }
}

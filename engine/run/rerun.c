#include "run/rerun.h"

#include <inttypes.h>

#include "base/log.h"
#include "run/commit.h"
#include "run/drive.h"
#include "run/skips.h"

#define SPACE_WAIT_MS 1000

static void on_retry(uv_timer_t *timer)
{
    struct runner *r = timer->data;
    r->waits_for_space = false;
    drive(r);
}

bool rerun_is_ready(const struct runner *r)
{
    bool is_quiet = r->posted == 0 && r->renewing == 0 && !r->is_working;
    return is_quiet && !r->waits_for_space;
}

void rerun(struct runner *r)
{
    struct error e;
    if (r->store_is_suspect) {
        int rc = commit_reopen_store(r, &e);
        if (rc != 0) {
            rerun_failed(r, &e);
            return;
        }
        if (r->was_written) {
            commit_take_over(r); /* the batch was there after all */
            return;
        }
    }
    if (r->options.once && r->stop_wanted) { /* it would be run without its input */
        runner_dropped(r);
        return;
    }
    for (uint32_t i = 0; i < r->graph->source_count; i++) {
        source_abandon(r->sources[i]);
    }
    r->is_replay = true;
    int rc = skips_save(r, &e);
    if (rc == 0) {
        skips_take_pending(r);
        rc = drive_attempt(r, &e);
    }
    if (rc != 0) {
        r->store_is_suspect = rc == MILL_ENOSPC;
        rerun_failed(r, &e);
    }
}

static void note_cancelled(struct runner *r)
{
    uint32_t cancelled = pool_cancel(&r->pool);
    r->posted -= cancelled;
    for (uint32_t i = 0; i < cancelled; i++) {
        if (r->epoch.phase == EPOCH_STAGES) {
            epoch_task_done(&r->epoch);
        } else {
            epoch_block_done(&r->epoch);
        }
    }
}

static void abandon(struct runner *r)
{
    if (!r->is_abandoned) {
        r->is_abandoned = true;
        uv_timer_stop(&r->cut_timer);
        epoch_cut(&r->epoch);
        note_cancelled(r);
    }
}

void rerun_failed(struct runner *r, const struct error *e)
{
    runner_die_if_fatal(e);
    if (e->code != MILL_ENOSPC || r->on_probation) {
        runner_fail(r, e);
        return;
    }
    if (!r->said_full) {
        r->said_full = true;
        log_warn("%s; waiting for space", e->message);
    }
    abandon(r);
    r->waits_for_space = true;
    r->was_held = true;
    uv_timer_start(&r->retry_timer, on_retry, SPACE_WAIT_MS, 0);
}

void rerun_without(struct runner *r, const struct task *t)
{
    struct host *h = r->pool.workers[t->worker].host;
    struct error e = t->error;
    r->strikes++;
    if (r->strikes > r->graph->options.max_strikes || r->on_probation) {
        error_set(&e, MILL_EFAILED,
                  r->on_probation ? "%s, and the script is new: nothing was committed"
                                  : "%s, more often in one epoch than max_strikes = %" PRIu32,
                  t->error.message, r->graph->options.max_strikes);
        runner_fail(r, &e);
        return;
    }
    abandon(r);
    skips_add(r, &h->expired);
    r->renewing++;
    r->posted++;
    pool_pin(&r->pool, t->worker, pool_task(TASK_RENEW));
    int rc = skips_save(r, &e);
    if (rc != 0) {
        r->store_is_suspect = true;
        rerun_failed(r, &e);
        return;
    }
    log_warn("%s; the epoch is run again without it", t->error.message);
}

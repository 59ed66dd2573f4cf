#include "flow/epoch.h"

#include "base/check.h"

static int64_t round_down(int64_t value, int64_t step)
{
    int64_t rest = value % step;
    return value - (rest < 0 ? rest + step : rest);
}

int64_t epoch_time(int64_t previous_ms, int64_t interval_ms, int64_t clock_ms)
{
    check(interval_ms > 0);
    int64_t after_previous = round_down(previous_ms, interval_ms) + interval_ms;
    int64_t now = round_down(clock_ms, interval_ms);
    return after_previous > now ? after_previous : now;
}

int64_t epoch_clock(int64_t previous_ms, int64_t clock_ms)
{
    return clock_ms > previous_ms ? clock_ms : previous_ms;
}

void epoch_begin(struct epoch *e)
{
    e->phase = EPOCH_FILLING;
    e->stage = 0;
    e->blocks_out = 0;
    e->tasks_out = 0;
    e->stage_posted = false;
    e->posted = false;
}

enum epoch_step epoch_next(const struct epoch *e)
{
    switch (e->phase) {
    case EPOCH_FILLING:
        return EPOCH_HAND_OUT;
    case EPOCH_DRAINING:
        return EPOCH_WAIT;
    case EPOCH_STAGES:
        return e->stage_posted ? EPOCH_WAIT : EPOCH_RUN_STAGE;
    case EPOCH_PREPARING:
        return e->posted ? EPOCH_WAIT : EPOCH_PREPARE;
    case EPOCH_COMMITTING:
        return e->posted ? EPOCH_WAIT : EPOCH_COMMIT;
    case EPOCH_DONE:
        return EPOCH_FINISH;
    }
    return EPOCH_WAIT;
}

static void enter_stage_or_prepare(struct epoch *e)
{
    e->stage_posted = false;
    e->posted = false;
    e->phase = e->stage < e->stage_count ? EPOCH_STAGES : EPOCH_PREPARING;
}

static void end_drain(struct epoch *e)
{
    if (e->phase == EPOCH_DRAINING && e->blocks_out == 0) {
        enter_stage_or_prepare(e);
    }
}

void epoch_block_handed(struct epoch *e)
{
    check(e->phase == EPOCH_FILLING);
    e->blocks_out++;
}

void epoch_block_done(struct epoch *e)
{
    check(e->blocks_out > 0);
    e->blocks_out--;
    end_drain(e);
}

void epoch_cut(struct epoch *e)
{
    if (e->phase == EPOCH_FILLING) {
        e->phase = EPOCH_DRAINING;
        end_drain(e);
    }
}

void epoch_stage_posted(struct epoch *e, uint32_t task_count)
{
    check(e->phase == EPOCH_STAGES && !e->stage_posted && task_count > 0);
    e->stage_posted = true;
    e->tasks_out = task_count;
}

void epoch_task_done(struct epoch *e)
{
    check(e->phase == EPOCH_STAGES && e->tasks_out > 0);
    e->tasks_out--;
    if (e->tasks_out == 0) {
        e->stage++;
        enter_stage_or_prepare(e);
    }
}

void epoch_prepare_posted(struct epoch *e)
{
    check(e->phase == EPOCH_PREPARING && !e->posted);
    e->posted = true;
}

void epoch_prepared(struct epoch *e)
{
    check(e->phase == EPOCH_PREPARING && e->posted);
    e->phase = EPOCH_COMMITTING;
    e->posted = false;
}

void epoch_commit_posted(struct epoch *e)
{
    check(e->phase == EPOCH_COMMITTING && !e->posted);
    e->posted = true;
}

void epoch_committed(struct epoch *e)
{
    check(e->phase == EPOCH_COMMITTING && e->posted);
    e->phase = EPOCH_DONE;
}

bool epoch_is_quiet(const struct epoch *e)
{
    return e->blocks_out == 0 && (e->phase != EPOCH_STAGES || e->tasks_out == 0) && !e->posted;
}

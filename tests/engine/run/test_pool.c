/* Goal: every task is done once, by a worker with its own host, pinned ones by their worker;
 * results come back in order; what no worker began can be taken back. Method: a job of one source
 * on several threads. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "job_world.h"
#include "run/pool.h"

struct fixture {
    struct job *job;
    struct pool pool;
    atomic_uint notes;
    uint32_t worker_count;
    struct buffer values;
};

static void note(void *context)
{
    struct fixture *x = context;
    atomic_fetch_add(&x->notes, 1);
}

/* Wait for `count` tasks. @return them, oldest first */
static struct task *take(struct fixture *x, uint32_t count)
{
    struct task *all = NULL;
    struct task **end = &all;
    int64_t until = clock_elapsed_us() + 20000000;
    while (count > 0 && clock_elapsed_us() < until) {
        *end = pool_take_done(&x->pool);
        for (; *end != NULL; end = &(*end)->next) {
            count--;
        }
    }
    assert_int_equal(count, 0);
    return all;
}

static void free_all(struct task *t)
{
    while (t != NULL) {
        struct task *next = t->next;
        pool_task_free(t);
        t = next;
    }
}

static int begin(void **state)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    void *job = NULL;
    job_begin_test(&job);
    x->job = job;
    *state = x;
    return 0;
}

static void open_pool_with(struct fixture *x, const char *options, const char *script,
                           uint32_t workers)
{
    if (job_plan(x->job, options, script) != 0) {
        fail_msg("%s", x->job->error.message);
    }
    struct host_options o = {.modules = embedded_modules,
                             .source = &x->job->source,
                             .graph = &x->job->graph,
                             .spill_folder = x->job->folder,
                             .jit_off = UNDER_TSAN,
                             .capture = true};
    x->worker_count = workers;
    job_msgpack("[1,2,3]", &x->values);
    pool_open(&x->pool, &o, workers, note, x);
    for (uint32_t i = 0; i < workers; i++) {
        pool_pin(&x->pool, i, pool_task(TASK_CREATE));
    }
    for (struct task *t = take(x, workers), *next = NULL; t != NULL; t = next) {
        next = t->next;
        assert_int_equal(t->rc, 0);
        pool_task_free(t);
    }
}

static void open_pool(struct fixture *x, const char *script, uint32_t workers)
{
    open_pool_with(x, "deadline = '200ms'", script, workers);
}

static int end(void **state)
{
    struct fixture *x = *state;
    void *job = x->job;
    if (x->worker_count > 0) {
        pool_close(&x->pool);
        buffer_deinit(&x->values);
    }
    job_end_test(&job);
    memory_free(x);
    return 0;
}

static void begin_epoch(struct fixture *x, uint64_t attempt)
{
    struct pool_epoch epoch = {.attempt = attempt, .epoch = {.number = 1, .time_ms = 1000}};
    pool_begin_epoch(&x->pool, &epoch);
}

static struct task *block(struct fixture *x, uint64_t order)
{
    struct task *t = pool_task(TASK_BLOCK);
    t->block =
        (struct source_block){.order = order, .end = 1, .values = {x->values.data, x->values.size}};
    return t;
}

static uint64_t records(struct fixture *x)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < x->worker_count; i++) {
        sum += x->pool.workers[i].host->records;
    }
    return sum;
}

static void every_task_is_done_once(void **state)
{
    struct fixture *x = *state;
    open_pool(x, "values:to_stdout()", 3);
    begin_epoch(x, 1);
    for (uint64_t i = 0; i < 300; i++) {
        pool_post(&x->pool, block(x, i));
    }
    bool seen[300] = {0};
    struct task *done = take(x, 300);
    for (const struct task *t = done; t != NULL; t = t->next) {
        assert_int_equal(t->rc, 0);
        assert_true(t->worker < 3 && !seen[t->block.order]);
        seen[t->block.order] = true;
    }
    free_all(done);
    assert_int_equal(records(x), 900);
    assert_true(atomic_load(&x->notes) >= 303);
}

static void one_worker_does_them_in_order(void **state)
{
    struct fixture *x = *state;
    open_pool(x, "values:to_stdout()", 1);
    begin_epoch(x, 1);
    for (uint64_t i = 0; i < 50; i++) {
        pool_post(&x->pool, block(x, i));
    }
    struct task *done = take(x, 50);
    uint64_t expected = 0;
    for (const struct task *t = done; t != NULL; t = t->next) {
        assert_int_equal(t->block.order, expected++);
    }
    free_all(done);
}

static void a_pinned_task_is_its_worker_s(void **state)
{
    struct fixture *x = *state;
    open_pool(x, "values:count():to_stdout()", 3);
    begin_epoch(x, 1);
    for (uint32_t i = 0; i < 3; i++) {
        struct task *t = pool_task(TASK_SEAL);
        pool_pin(&x->pool, i, t);
    }
    bool seen[3] = {0};
    struct task *done = take(x, 3);
    for (const struct task *t = done; t != NULL; t = t->next) {
        assert_int_equal(t->rc, 0);
        seen[t->worker] = true;
    }
    free_all(done);
    assert_true(seen[0] && seen[1] && seen[2]);
}

static void a_worker_begins_each_attempt_with_its_first_task(void **state)
{
    struct fixture *x = *state;
    open_pool(x, "values:to_stdout()", 1);
    for (uint64_t attempt = 1; attempt < 4; attempt++) {
        begin_epoch(x, attempt);
        pool_post(&x->pool, block(x, 0));
        pool_post(&x->pool, block(x, 1));
        free_all(take(x, 2));
        assert_int_equal(records(x), 6);
        assert_int_equal(x->pool.workers[0].attempt, attempt);
    }
}

static void what_nobody_has_begun_is_taken_back(void **state)
{
    struct fixture *x = *state;
    open_pool(x, "values:map(function(v) while true do end end):to_stdout()", 1);
    begin_epoch(x, 1);
    for (uint64_t i = 0; i < 10; i++) {
        pool_post(&x->pool, block(x, i));
    }
    spin_ms(50);
    uint32_t cancelled = pool_cancel(&x->pool);
    assert_true(cancelled == 9 || cancelled == 10);
    struct task *done = take(x, 10 - cancelled);
    assert_true(done == NULL || done->rc == MILL_EDEADLINE);
    free_all(done);
    assert_int_equal(pool_cancel(&x->pool), 0);
}

/* Not one function only, of those that each record calls. */
static void a_hurry_ends_what_runs(void **state)
{
    struct fixture *x = *state;
    open_pool_with(x, "deadline = '60s'",
                   "values:map(function(v) while true do end end):to_stdout()", 2);
    begin_epoch(x, 1);
    pool_post(&x->pool, block(x, 0));
    pool_post(&x->pool, block(x, 1));
    spin_ms(30);
    pool_hurry(&x->pool);
    struct task *done = take(x, 2);
    assert_int_equal(done->rc, MILL_ESTOPPED);
    assert_int_equal(done->next->rc, MILL_ESTOPPED);
    free_all(done);
    int64_t begun = clock_elapsed_us();
    pool_close(&x->pool);
    assert_true(clock_elapsed_us() - begun < 5000000);
    buffer_deinit(&x->values);
    x->worker_count = 0;
}

static void a_renewed_host_takes_the_next_tasks(void **state)
{
    struct fixture *x = *state;
    open_pool(x,
              "values:map(function(v) if v == 2 then while true do end end return v end)"
              ":to_stdout()",
              1);
    begin_epoch(x, 1);
    pool_post(&x->pool, block(x, 0));
    struct task *done = take(x, 1);
    assert_int_equal(done->rc, MILL_EDEADLINE);
    assert_non_null(strstr(done->error.message, "ran past its deadline"));
    free_all(done);
    pool_pin(&x->pool, 0, pool_task(TASK_RENEW));
    done = take(x, 1);
    assert_int_equal(done->rc, 0);
    free_all(done);
    buffer_deinit(&x->values);
    job_msgpack("[1,3]", &x->values);
    begin_epoch(x, 2);
    pool_post(&x->pool, block(x, 0));
    done = take(x, 1);
    assert_int_equal(done->rc, 0);
    free_all(done);
    assert_int_equal(records(x), 2);
}

/* Its state may be half of anything until it is renewed. */
static void a_lost_host_takes_no_shared_task(void **state)
{
    struct fixture *x = *state;
    open_pool(x, "values:map(function(v) while true do end end):to_stdout()", 1);
    begin_epoch(x, 1);
    pool_post(&x->pool, block(x, 0));
    pool_post(&x->pool, block(x, 1));
    struct task *done = take(x, 1);
    assert_int_equal(done->rc, MILL_EDEADLINE);
    free_all(done);
    spin_ms(50);
    assert_int_equal(pool_cancel(&x->pool), 1);
}

static void closing_drops_what_waits(void **state)
{
    struct fixture *x = *state;
    open_pool(x, "values:to_stdout()", 2);
    begin_epoch(x, 1);
    for (uint64_t i = 0; i < 200; i++) {
        pool_post(&x->pool, block(x, i));
        pool_pin(&x->pool, i % 2, block(x, i));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_task_is_done_once),
        TEST(one_worker_does_them_in_order),
        TEST(a_pinned_task_is_its_worker_s),
        TEST(a_worker_begins_each_attempt_with_its_first_task),
        TEST(what_nobody_has_begun_is_taken_back),
        TEST(a_hurry_ends_what_runs),
        TEST(a_renewed_host_takes_the_next_tasks),
        TEST(a_lost_host_takes_no_shared_task),
        TEST(closing_drops_what_waits),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

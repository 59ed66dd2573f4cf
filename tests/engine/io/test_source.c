/* Goal: the calls of a source reach its own functions with what they were given and bring back what
 * those say; orders sort by source, then by block.
 * Method: a source that writes down what it is called with. */
#include <string.h>

#include "io/source.h"
#include "testing.h"

struct recorder {
    struct source base;
    char calls[200];
    int result;
};

static void note(struct source *s, const char *call)
{
    struct recorder *r = (struct recorder *)s;
    size_t used = strlen(r->calls);
    size_t length = strlen(call);
    assert_true(used + length + 2 <= sizeof r->calls);
    memcpy(r->calls + used, call, length);
    memcpy(r->calls + used + length, " ", 2);
}

static int result_of(struct source *s)
{
    return ((struct recorder *)s)->result;
}

static int poll(struct source *s, int64_t now_ms, struct error *e)
{
    assert_int_equal(now_ms, 17);
    note(s, "poll");
    return error_set(e, result_of(s), "poll");
}

static int plan(struct source *s, uint64_t bytes_max, uint64_t *bytes, struct error *e)
{
    assert_int_equal(bytes_max, 100);
    *bytes = 50;
    note(s, "plan");
    return error_set(e, result_of(s), "plan");
}

static int next_block(struct source *s, struct source_block *block, struct error *e)
{
    block->partition = 9;
    note(s, "next_block");
    return error_set(e, result_of(s), "next_block");
}

static void block_done(struct source *s, const struct source_block *block,
                       const struct source_done *done)
{
    assert_int_equal(block->partition, 9);
    assert_int_equal(done->next, 3);
    note(s, "block_done");
}

static int commit_into(struct source *s, struct store_batch *batch, struct error *e)
{
    assert_null(batch);
    note(s, "commit_into");
    return error_set(e, result_of(s), "commit_into");
}

static void committed(struct source *s)
{
    note(s, "committed");
}

static void abandon(struct source *s)
{
    note(s, "abandon");
}

static bool is_drained(const struct source *s)
{
    return ((const struct recorder *)s)->result == MILL_EIO;
}

static bool wants_commit(const struct source *s)
{
    return ((const struct recorder *)s)->result == MILL_EFAILED;
}

static void close_recorder(struct source *s)
{
    note(s, "close");
}

static const struct source_ops recorder_ops = {
    .poll = poll,
    .plan = plan,
    .next_block = next_block,
    .block_done = block_done,
    .commit_into = commit_into,
    .committed = committed,
    .abandon = abandon,
    .is_drained = is_drained,
    .wants_commit = wants_commit,
    .close = close_recorder,
};

/* What only some sources do. */
static void a_source_may_leave_calls_out(void **state)
{
    (void)state;
    static const struct source_ops few_ops = {.close = close_recorder};
    struct recorder r = {.base = {&few_ops, 0, 0}, .result = MILL_EFAILED};
    assert_int_equal(source_poll(&r.base, 17, NULL), 0);
    assert_int_equal(source_prepare(&r.base, NULL), 0);
    assert_false(source_is_waiting(&r.base));
    assert_false(source_wants_commit(&r.base));
}

static void every_call_reaches_the_source(void **state)
{
    (void)state;
    struct recorder r = {.base = {&recorder_ops, 0, 0}, .result = MILL_EFAILED};
    struct source *s = &r.base;
    struct error e = {0};
    struct source_block block = {0};
    struct source_done done = {.next = 3};
    uint64_t bytes = 0;
    assert_int_equal(source_poll(s, 17, &e), MILL_EFAILED);
    assert_string_equal(e.message, "poll");
    assert_int_equal(source_plan(s, 100, &bytes, &e), MILL_EFAILED);
    assert_string_equal(e.message, "plan");
    assert_int_equal(bytes, 50);
    assert_int_equal(source_next_block(s, &block, &e), MILL_EFAILED);
    assert_string_equal(e.message, "next_block");
    source_block_done(s, &block, &done);
    assert_int_equal(source_commit_into(s, NULL, &e), MILL_EFAILED);
    assert_string_equal(e.message, "commit_into");
    source_committed(s);
    source_abandon(s);
    assert_true(source_wants_commit(s));
    assert_false(source_is_drained(s));
    r.result = MILL_EIO;
    assert_false(source_wants_commit(s));
    assert_true(source_is_drained(s));
    source_close(s);
    assert_string_equal(r.calls, "poll plan next_block block_done commit_into committed abandon "
                                 "close ");
}

static void orders_sort_by_source_then_by_block(void **state)
{
    (void)state;
    assert_true(SOURCE_ORDER(0, UINT32_MAX) < SOURCE_ORDER(1, 0));
    assert_true(SOURCE_ORDER(1, 5) < SOURCE_ORDER(1, 6));
    assert_true(SOURCE_ORDER(63, 0) > SOURCE_ORDER(62, 1ull << 50));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_reaches_the_source),
        cmocka_unit_test(a_source_may_leave_calls_out),
        cmocka_unit_test(orders_sort_by_source_then_by_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

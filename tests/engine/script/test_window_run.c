/* Goal: a pane that closes gives its windows once, with what earlier epochs and other workers had
 * of it; the store holds the panes that are still needed, and no others; what is not touched and
 * does not close is not read. Method: jobs epoch by epoch, with watermarks as wanted; keys of the
 * store are counted; random epochs against a table of all windows. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "job_world.h"
#include "state/keys.h"

#define PAIRS                                                                                      \
    "values:event_time(function(v) return v[2] end)"                                               \
    ":map_to_pair(function(v) return v[1], v[3] or 1 end)"

static const char shown[] =
    ":map(function(k, v, w) return k .. ' ' .. v .. ' at ' .. w.start_ms end):to_stdout()";

static void open_windows(struct job *j, const char *windows, uint32_t hosts)
{
    char script[500];
    snprintf(script, sizeof script, "%s:%s%s", PAIRS, windows, shown);
    job_open_with(j, "", script, hosts);
}

static uint32_t count_stored(struct job *j)
{
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(j->store, STORE_STATE, none, none);
    struct slice key;
    struct slice value;
    uint32_t count = 0;
    while (store_next(i, &key, &value, NULL) == 1) {
        count++;
    }
    store_iterate_end(i);
    return count;
}

static void epoch(struct job *j, int64_t watermark_ms, const char *json)
{
    j->watermark_ms = watermark_ms;
    job_epoch(j, json);
}

static void a_window_gives_a_row_when_it_closes_and_leaves_nothing(void **state)
{
    struct job *j = *state;
    open_windows(j, "tumbling('10ms'):sum()", 1);
    epoch(j, 5, "[[\"a\",1],[\"a\",2],[\"b\",3],[\"a\",11]]");
    assert_string_equal(job_rows(j, 0), "");
    assert_int_equal(count_stored(j), 3);
    epoch(j, 9, "[[\"a\",3,40]]");
    assert_string_equal(job_rows(j, 0), "");
    epoch(j, 10, "[]");
    assert_string_equal(job_rows(j, 0), "\"a 42 at 0\"\n\"b 1 at 0\"\n");
    assert_int_equal(count_stored(j), 1);
    epoch(j, 19, "[]");
    assert_string_equal(job_rows(j, 0), "");
    epoch(j, WATERMARK_END, "[]");
    assert_string_equal(job_rows(j, 0), "\"a 1 at 10\"\n");
    assert_int_equal(count_stored(j), 0);
}

static void what_closes_in_its_own_epoch_is_never_stored(void **state)
{
    struct job *j = *state;
    open_windows(j, "tumbling('10ms'):count()", 1);
    epoch(j, 20, "[[\"a\",1],[\"a\",12]]");
    assert_string_equal(job_rows(j, 0), "\"a 1 at 0\"\n\"a 1 at 10\"\n");
    assert_int_equal(count_stored(j), 0);
}

static void panes_stay_as_long_as_a_window_needs_them(void **state)
{
    struct job *j = *state;
    open_windows(j, "sliding('6ms', '2ms'):count()", 1);
    epoch(j, 8, "[[\"a\",5],[\"a\",7]]");
    assert_string_equal(job_rows(j, 0), "\"a 1 at 0\"\n\"a 2 at 2\"\n");
    assert_int_equal(count_stored(j), 2);
    epoch(j, 10, "[]");
    assert_string_equal(job_rows(j, 0), "\"a 2 at 4\"\n");
    assert_int_equal(count_stored(j), 1);
    epoch(j, 12, "[]");
    assert_string_equal(job_rows(j, 0), "\"a 1 at 6\"\n");
    assert_int_equal(count_stored(j), 0);
}

/* Both have the pane; both are merged with what the store has. */
static void the_parts_of_all_workers_are_one_row(void **state)
{
    struct job *j = *state;
    open_windows(j, "tumbling('10ms'):avg()", 3);
    epoch(j, 0, "[[\"a\",1,6]]");
    j->watermark_ms = 10;
    job_begin(j);
    for (uint32_t host = 0; host < 3; host++) {
        assert_int_equal(job_values(j, host, "[[\"a\",2,1],[\"a\",3,3]]"), 0);
    }
    assert_int_equal(job_finish(j), 0);
    job_commit(j);
    char row[64];
    snprintf(row, sizeof row, "\"a %.14g at 0\"\n", (6.0 + 3 * 4) / 7);
    assert_string_equal(job_rows(j, 0), row);
}

static void an_update_is_a_row_for_what_changed(void **state)
{
    struct job *j = *state;
    open_windows(j, "tumbling('10ms', {emit = 'update'}):count()", 1);
    epoch(j, 0, "[[\"a\",1],[\"b\",1]]");
    assert_string_equal(job_rows(j, 0), "\"a 1 at 0\"\n\"b 1 at 0\"\n");
    epoch(j, 10, "[[\"a\",2]]");
    assert_string_equal(job_rows(j, 0), "\"a 2 at 0\"\n");
    assert_int_equal(count_stored(j), 0);
    epoch(j, 20, "[]");
    assert_string_equal(job_rows(j, 0), "");
}

static void the_last_end_is_known(void **state)
{
    struct job *j = *state;
    open_windows(j, "tumbling('10ms'):count()", 1);
    j->watermark_ms = WATERMARK_END;
    job_begin(j);
    assert_true(j->hosts[0]->window_ends[0] == WATERMARK_NONE);
    assert_int_equal(job_values(j, 0, "[[\"a\",31],[\"b\",12]]"), 0);
    assert_int_equal(job_finish(j), 0);
    assert_int_equal(j->hosts[0]->window_ends[0], 40);
}

static void damage_is_said(void **state)
{
    struct job *j = *state;
    open_windows(j, "tumbling('10ms'):count()", 1);
    epoch(j, 0, "[[\"a\",1]]");
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(j->store, STORE_STATE, none, none);
    struct slice key;
    struct slice value;
    assert_int_equal(store_next(i, &key, &value, NULL), 1);
    struct store_batch *batch = store_batch_create();
    store_batch_put(batch, STORE_STATE, key, (struct slice){"\xc1", 1});
    store_iterate_end(i);
    assert_int_equal(store_write(j->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    j->watermark_ms = 10;
    job_begin(j);
    assert_int_equal(job_finish(j), MILL_ECORRUPT);
    assert_string_equal(j->error.message, "a window in the store is damaged");
}

/* --- by chance --- */

enum { KEYS = 3, TIMES = 120 };

struct all {
    int64_t size;
    int64_t slide;
    int sum[KEYS][TIMES]; /* by time */
    bool some[KEYS][TIMES];
};

/* Rows for the windows that end in (before, now], sorted as the engine sorts them is not needed:
 * each is looked for, and they are counted. */
static uint32_t check_closed(struct job *j, const struct all *a, int64_t before, int64_t now)
{
    const char *rows = job_rows(j, 0);
    uint32_t count = 0;
    for (int64_t start = -a->size / a->slide * a->slide; start < TIMES; start += a->slide) {
        for (int k = 0; k < KEYS && start + a->size > before && start + a->size <= now; k++) {
            int sum = 0;
            bool some = false;
            for (int64_t t = start < 0 ? 0 : start; t < start + a->size && t < TIMES; t++) {
                sum += a->sum[k][t];
                some = some || a->some[k][t];
            }
            char row[64];
            snprintf(row, sizeof row, "\"k%d %d at %d\"\n", k, sum, (int)start);
            if (some && strstr(rows, row) == NULL) {
                fail_msg("no row %s in\n%s", row, rows);
            }
            count += some;
        }
    }
    return count;
}

static uint32_t count_rows(struct job *j)
{
    uint32_t count = 0;
    for (const char *at = strchr(job_rows(j, 0), '\n'); at != NULL; at = strchr(at + 1, '\n')) {
        count++;
    }
    return count;
}

static bool is_late(const struct all *a, int64_t time, int64_t watermark)
{
    return time / a->slide * a->slide + a->size <= watermark;
}

static void random_epoch(struct job *j, struct all *a, struct chance *c)
{
    char json[2000] = "[";
    size_t size = 1;
    for (uint32_t n = chance_below(c, 12); n > 0; n--) {
        int k = (int)chance_below(c, KEYS);
        int time = (int)chance_below(c, TIMES);
        int value = (int)chance_below(c, 100);
        size += (size_t)snprintf(json + size, sizeof json - size, "%s[\"k%d\",%d,%d]",
                                 size > 1 ? "," : "", k, time, value);
        if (!is_late(a, time, j->before_ms)) {
            a->sum[k][time] += value;
            a->some[k][time] = true;
        }
    }
    snprintf(json + size, sizeof json - size, "]");
    int64_t before = j->before_ms;
    epoch(j, before + chance_below(c, 20), json);
    assert_int_equal(check_closed(j, a, before, j->before_ms), count_rows(j));
}

static void random_windows_are_what_their_records_say(void **state)
{
    struct job *j = *state;
    struct chance c = {7};
    for (uint32_t round = 0; round < rounds(12); round++) {
        struct all a = {.size = 4 + chance_below(&c, 20)};
        a.slide = 1 + chance_below(&c, (uint32_t)a.size);
        char windows[100];
        snprintf(windows, sizeof windows, "sliding('%dms', '%dms'):%s", (int)a.size, (int)a.slide,
                 chance_below(&c, 2) ? "sum()" : "reduce(function(x, y) return x + y end)");
        j->before_ms = 0;
        open_windows(j, windows, 1);
        while (j->before_ms < TIMES + a.size) {
            random_epoch(j, &a, &c);
        }
        assert_int_equal(count_stored(j), 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, job_begin_test, job_end_test)
    const struct CMUnitTest tests[] = {
        TEST(a_window_gives_a_row_when_it_closes_and_leaves_nothing),
        TEST(what_closes_in_its_own_epoch_is_never_stored),
        TEST(panes_stay_as_long_as_a_window_needs_them),
        TEST(the_parts_of_all_workers_are_one_row),
        TEST(an_update_is_a_row_for_what_changed),
        TEST(the_last_end_is_known),
        TEST(damage_is_said),
        TEST(random_windows_are_what_their_records_say),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

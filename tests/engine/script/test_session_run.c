/* Goal: a session grows, merges and closes as its records say, over epochs and workers; a key with
 * open sessions has one value and one entry by time in the store, one without has neither.
 * Method: jobs epoch by epoch, with watermarks as wanted; keys of the store are counted; random
 * epochs against sessions kept as lists of times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "job_world.h"
#include "state/keys.h"

static const char counting[] =
    "values:event_time(function(v) return v[2] end):map_to_pair(function(v) return v[1], 1 end)"
    ":session('10ms'):count():map(function(k, n, w)"
    " return k .. ' ' .. n .. ' ' .. w.start_ms .. '-' .. w.end_ms end):to_stdout()";

static void assert_stored(struct job *j, uint32_t keys, uint32_t entries)
{
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(j->store, STORE_STATE, none, none);
    struct slice key;
    struct slice value;
    uint32_t counts[2] = {0};
    while (store_next(i, &key, &value, NULL) == 1) {
        counts[(bytes_get_u16(key.data) & STORE_DEADLINE_OPERATOR) != 0]++;
    }
    store_iterate_end(i);
    assert_int_equal(counts[0], keys);
    assert_int_equal(counts[1], entries);
}

static void epoch(struct job *j, int64_t watermark_ms, const char *json)
{
    j->watermark_ms = watermark_ms;
    job_epoch(j, json);
}

static void a_session_closes_a_gap_after_its_last_record(void **state)
{
    struct job *j = *state;
    job_open(j, counting);
    epoch(j, 0, "[[\"a\",1],[\"a\",5],[\"b\",30]]");
    assert_stored(j, 2, 2);
    epoch(j, 10, "[[\"a\",12]]");
    epoch(j, 21, "[]");
    assert_string_equal(job_rows(j, 0), "");
    assert_stored(j, 2, 2);
    epoch(j, 22, "[]");
    assert_string_equal(job_rows(j, 0), "\"a 3 1-22\"\n");
    assert_stored(j, 1, 1);
    epoch(j, WATERMARK_END, "[]");
    assert_string_equal(job_rows(j, 0), "\"b 1 30-40\"\n");
    assert_stored(j, 0, 0);
}

static void what_closes_in_its_own_epoch_is_never_stored(void **state)
{
    struct job *j = *state;
    job_open(j, counting);
    epoch(j, 100, "[[\"a\",1],[\"a\",50]]");
    assert_string_equal(job_rows(j, 0), "\"a 1 1-11\"\n\"a 1 50-60\"\n");
    assert_stored(j, 0, 0);
}

static void the_entry_is_that_of_the_first_session(void **state)
{
    struct job *j = *state;
    job_open(j, counting);
    epoch(j, 0, "[[\"a\",100],[\"a\",200]]");
    assert_stored(j, 1, 1);
    epoch(j, 10, "[[\"a\",40]]"); /* earlier than what the entry says */
    assert_stored(j, 1, 1);
    epoch(j, 50, "[]");
    assert_string_equal(job_rows(j, 0), "\"a 1 40-50\"\n");
    assert_stored(j, 1, 1);
    epoch(j, 110, "[[\"a\",105]]"); /* grows while it is due */
    assert_string_equal(job_rows(j, 0), "");
    assert_stored(j, 1, 1);
    epoch(j, 115, "[]");
    assert_string_equal(job_rows(j, 0), "\"a 2 100-115\"\n");
    epoch(j, 300, "[]");
    assert_string_equal(job_rows(j, 0), "\"a 1 200-210\"\n");
    assert_stored(j, 0, 0);
}

static void records_of_several_workers_are_one_session(void **state)
{
    struct job *j = *state;
    job_open_with(j, "", counting, 3);
    j->watermark_ms = 50;
    job_begin(j);
    assert_int_equal(job_values(j, 0, "[[\"a\",11],[\"a\",1]]"), 0);
    assert_int_equal(job_values(j, 1, "[[\"a\",8],[\"a\",18]]"), 0);
    assert_int_equal(job_values(j, 2, "[[\"a\",9],[\"a\",35]]"), 0);
    assert_int_equal(job_finish(j), 0);
    assert_string_equal(job_rows(j, 0), "\"a 5 1-28\"\n\"a 1 35-45\"\n");
}

/* More sessions of one key than a call takes; more keys than are looked up at once. */
static void chunks_do_not_part_keys(void **state)
{
    struct job *j = *state;
    job_open(j, counting);
    struct buffer json;
    buffer_init(&json, MIB);
    assert_int_equal(buffer_append_text(&json, "[[\"a\",0]"), 0);
    for (int n = 1; n < 2500; n++) {
        assert_int_equal(buffer_printf(&json, ",[\"a\",%d]", n * 20), 0);
        assert_int_equal(buffer_printf(&json, ",[\"k%d\",%d]", n, 50000), 0);
    }
    assert_int_equal(buffer_append_byte(&json, ']'), 0);
    assert_int_equal(buffer_append_byte(&json, 0), 0);
    epoch(j, 0, json.data);
    assert_stored(j, 2500, 2500);
    epoch(j, WATERMARK_END, "[[\"a\",20005]]");
    uint32_t rows = 0;
    for (const char *at = strchr(job_rows(j, 0), '\n'); at != NULL; at = strchr(at + 1, '\n')) {
        rows++;
    }
    assert_int_equal(rows, 2500 + 2499);
    assert_non_null(strstr(job_rows(j, 0), "\"a 2 20000-20015\""));
    assert_stored(j, 0, 0);
    buffer_deinit(&json);
}

static void damage_is_said(void **state)
{
    struct job *j = *state;
    job_open(j, counting);
    epoch(j, 0, "[[\"a\",1]]");
    struct slice none = {"", 0};
    struct store_iterator *i = store_iterate(j->store, STORE_STATE, none, none);
    struct slice key;
    struct slice value;
    assert_int_equal(store_next(i, &key, &value, NULL), 1);
    for (size_t size = 0; size < value.size; size++) {
        struct store_batch *batch = store_batch_create();
        store_batch_put(batch, STORE_STATE, key, (struct slice){value.data, size});
        assert_int_equal(store_write(j->store, batch, true, NULL), 0);
        store_batch_destroy(batch);
        j->watermark_ms = 20;
        job_begin(j);
        assert_int_equal(job_finish(j), MILL_ECORRUPT);
    }
    store_iterate_end(i);
}

/* --- by chance --- */

enum { TIMES = 200, GAP = 10 };

/* Times of one key that are in no closed session; rows of those that a watermark closes. */
static void close_sessions(bool *times, int64_t watermark, char *rows, size_t room)
{
    size_t size = 0;
    rows[0] = '\0';
    for (int first = 0; first < TIMES; first++) {
        if (!times[first]) {
            continue;
        }
        int last = first;
        int count = 0;
        for (int t = first; t <= last + GAP && t < TIMES; t++) {
            count += times[t];
            last = times[t] ? t : last;
        }
        if (last + GAP <= watermark) {
            size += (size_t)snprintf(rows + size, room - size, "\"a %d %d-%d\"\n", count, first,
                                     last + GAP);
            memset(times + first, 0, (size_t)(last - first + 1) * sizeof *times);
        }
        first = last;
    }
}

static void random_sessions_are_what_their_records_say(void **state)
{
    struct job *j = *state;
    struct chance c = {11};
    for (uint32_t round = 0; round < rounds(20); round++) {
        bool times[TIMES] = {false};
        j->before_ms = 0;
        job_open(j, counting);
        while (j->before_ms < TIMES + GAP) {
            char json[2000] = "[";
            size_t size = 1;
            for (uint32_t n = chance_below(&c, 6); n > 0; n--) {
                int time = (int)chance_below(&c, TIMES);
                if (time + GAP > j->before_ms && !times[time]) { /* each once, and none late */
                    size += (size_t)snprintf(json + size, sizeof json - size, "%s[\"a\",%d]",
                                             size > 1 ? "," : "", time);
                    times[time] = true;
                }
            }
            snprintf(json + size, sizeof json - size, "]");
            char rows[2000];
            epoch(j, j->before_ms + chance_below(&c, 25), json);
            close_sessions(times, j->before_ms, rows, sizeof rows);
            assert_string_equal(job_rows(j, 0), rows);
        }
        assert_stored(j, 0, 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, job_begin_test, job_end_test)
    const struct CMUnitTest tests[] = {
        TEST(a_session_closes_a_gap_after_its_last_record),
        TEST(what_closes_in_its_own_epoch_is_never_stored),
        TEST(the_entry_is_that_of_the_first_session),
        TEST(records_of_several_workers_are_one_session),
        TEST(chunks_do_not_part_keys),
        TEST(damage_is_said),
        TEST(random_sessions_are_what_their_records_say),
    };
    return cmocka_run_group_tests(tests, job_group_begin, job_group_end);
}

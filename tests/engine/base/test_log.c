/* Goal: lines reach the sink whole, when they are important enough, and cannot carry control
 * characters to a terminal.
 * Method: a sink that remembers; two threads that log at once. */
#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "testing.h"

struct memory {
    int count;
    enum log_level level;
    char line[8192];
};

static void remember(void *context, enum log_level level, const char *line)
{
    struct memory *m = context;
    m->count++;
    m->level = level;
    strncpy(m->line, line, sizeof m->line - 1);
}

static int begin(void **state)
{
    static struct memory m;
    m = (struct memory){0};
    log_to(remember, &m, LOG_INFO);
    *state = &m;
    return 0;
}

static int end(void **state)
{
    (void)state;
    log_to(NULL, NULL, LOG_INFO);
    return 0;
}

static void a_line_reaches_the_sink_with_its_level(void **state)
{
    struct memory *m = *state;
    log_warn("epoch=%d", 5);
    assert_int_equal(m->count, 1);
    assert_int_equal(m->level, LOG_WARN);
    assert_string_equal(m->line, "epoch=5");
}

static void less_important_lines_stay_away(void **state)
{
    struct memory *m = *state;
    log_debug("x");
    assert_int_equal(m->count, 0);
    log_to(remember, m, LOG_ERROR);
    log_warn("x");
    assert_int_equal(m->count, 0);
    log_error("x");
    assert_int_equal(m->count, 1);
    log_to(remember, m, LOG_DEBUG);
    log_debug("x");
    assert_int_equal(m->count, 2);
}

static void without_a_sink_nothing_happens(void **state)
{
    struct memory *m = *state;
    log_to(NULL, NULL, LOG_DEBUG);
    log_error("x");
    assert_int_equal(m->count, 0);
}

static void control_characters_are_replaced(void **state)
{
    struct memory *m = *state;
    log_info("%s", "a\x1b[2Jb\x7f\r\a\tc\nd\xc3\xa4");
    assert_string_equal(m->line, "a?[2Jb??? c d\xc3\xa4");
}

static void a_line_that_is_too_long_is_cut(void **state)
{
    struct memory *m = *state;
    static char longer[10000];
    memset(longer, 'x', sizeof longer - 1);
    log_info("%s", longer);
    assert_int_equal(m->count, 1);
    assert_in_range(strlen(m->line), 1000, 4095);
}

struct pair {
    int a;
    int b;
    int torn;
};

static void count_twice(void *context, enum log_level level, const char *line)
{
    (void)level;
    (void)line;
    struct pair *p = context;
    p->torn += p->a != p->b;
    p->a++;
    p->b++;
}

static void *log_often(void *context)
{
    (void)context;
    for (int i = 0; i < 5000; i++) {
        log_info("x");
    }
    return NULL;
}

static void the_sink_runs_one_line_at_a_time(void **state)
{
    (void)state;
    struct pair p = {0};
    log_to(count_twice, &p, LOG_INFO);
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, log_often, NULL), 0);
    log_often(NULL);
    pthread_join(other, NULL);
    assert_int_equal(p.a, 10000);
    assert_int_equal(p.torn, 0);
}

static void a_text_is_not_changed(void **state)
{
    struct memory *m = *state;
    log_text(LOG_WARN, "one\n\ttwo");
    assert_string_equal(m->line, "one\n\ttwo");
    log_text(LOG_DEBUG, "x");
    assert_int_equal(m->count, 1);
}

static void prints_are_taken_only_when_told(void **state)
{
    struct memory *m = *state;
    assert_false(log_print("x"));
    assert_int_equal(m->count, 0);
    log_to(remember, m, LOG_ERROR);
    log_take_prints(true);
    assert_true(log_print("a\tb"));
    assert_int_equal(m->level, LOG_INFO);
    assert_string_equal(m->line, "a\tb");
    log_to(NULL, NULL, LOG_INFO);
    assert_false(log_print("x"));
    log_take_prints(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_reaches_the_sink_with_its_level, begin, end),
        cmocka_unit_test_setup_teardown(less_important_lines_stay_away, begin, end),
        cmocka_unit_test_setup_teardown(a_text_is_not_changed, begin, end),
        cmocka_unit_test_setup_teardown(prints_are_taken_only_when_told, begin, end),
        cmocka_unit_test_setup_teardown(without_a_sink_nothing_happens, begin, end),
        cmocka_unit_test_setup_teardown(control_characters_are_replaced, begin, end),
        cmocka_unit_test_setup_teardown(a_line_that_is_too_long_is_cut, begin, end),
        cmocka_unit_test_setup_teardown(the_sink_runs_one_line_at_a_time, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

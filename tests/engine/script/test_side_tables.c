/* Goal: tables are read before anything runs, and again when their files were replaced and stand
 * still; readers keep what they have until they refresh; what is wrong changes nothing.
 * Method: files that are written, renamed, broken and removed between polls. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "script/side_tables.h"
#include "testing.h"

struct fixture {
    char *folder;
    char *path;
    struct graph_side side;
    struct graph graph;
    struct side_tables *tables;
    struct side_reader reader;
};

static void put(struct fixture *f, const char *text)
{
    char *next = text_path(f->folder, "next");
    FILE *file = fopen(next, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(rename(next, f->path), 0);
    memory_free(next);
}

static int begin(void **state)
{
    struct fixture *f = memory_zero(1, sizeof *f);
    f->folder = folder_create();
    f->path = text_path(f->folder, "t.csv");
    f->side = (struct graph_side){
        .path = f->path,
        .label = "mill.table at job.lua:3",
        .key = {"id", 2},
        .format = {.kind = SOURCE_FILES, .format = RECORDS_CSV, .csv = {.separator = ','}}};
    f->graph = (struct graph){.sides = &f->side, .side_count = 1};
    put(f, "id,v\na,1\n");
    assert_int_equal(side_tables_open(&f->graph, &f->tables, NULL), 0);
    side_reader_init(&f->reader, f->tables);
    assert_null(f->reader.versions[0]); /* who never looks holds no rows */
    assert_true(side_reader_refresh(&f->reader));
    *state = f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    side_reader_deinit(&f->reader);
    side_tables_close(f->tables);
    memory_free(f->path);
    folder_remove(f->folder);
    memory_free(f);
    return 0;
}

/* What a reader finds, as JSON; "" when there is no row. */
static const char *find(struct side_reader *r, const char *key)
{
    static char text[128];
    uint32_t number = mill_side_find(r->rows[0], key, strlen(key));
    const struct mill_slice *row = &mill_side_rows(r->rows[0])[number];
    snprintf(text, sizeof text, "%.*s", number == 0 ? 0 : (int)row->len,
             number == 0 ? "" : row->ptr);
    return text;
}

static void a_replaced_file_is_read_when_it_stands_still(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(find(&f->reader, "a"), "{\"id\":\"a\",\"v\":\"1\"}");
    put(f, "id,v\na,2\nb,3\n");
    side_tables_poll(f->tables);
    assert_false(side_reader_refresh(&f->reader));
    side_tables_poll(f->tables);
    assert_string_equal(find(&f->reader, "a"), "{\"id\":\"a\",\"v\":\"1\"}");
    assert_true(side_reader_refresh(&f->reader));
    assert_string_equal(find(&f->reader, "a"), "{\"id\":\"a\",\"v\":\"2\"}");
    assert_string_equal(find(&f->reader, "b"), "{\"id\":\"b\",\"v\":\"3\"}");
    side_tables_poll(f->tables);
    assert_false(side_reader_refresh(&f->reader));
}

static void a_file_that_goes_on_changing_is_waited_for(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++) {
        char text[32];
        snprintf(text, sizeof text, "id,v\na,%d\n", 10 + i);
        put(f, text);
        side_tables_poll(f->tables);
        assert_false(side_reader_refresh(&f->reader));
    }
    side_tables_poll(f->tables);
    assert_true(side_reader_refresh(&f->reader));
    assert_string_equal(find(&f->reader, "a"), "{\"id\":\"a\",\"v\":\"14\"}");
}

static void readers_keep_their_rows_until_they_refresh(void **state)
{
    struct fixture *f = *state;
    struct side_reader slow;
    side_reader_init(&slow, f->tables);
    assert_true(side_reader_refresh(&slow));
    for (int i = 0; i < 3; i++) {
        char text[32];
        snprintf(text, sizeof text, "id,v\na,%d\n", 10 + i);
        put(f, text);
        side_tables_poll(f->tables);
        side_tables_poll(f->tables);
        assert_true(side_reader_refresh(&f->reader));
        assert_string_equal(find(&slow, "a"), "{\"id\":\"a\",\"v\":\"1\"}");
    }
    assert_true(side_reader_refresh(&slow));
    assert_string_equal(find(&slow, "a"), "{\"id\":\"a\",\"v\":\"12\"}");
    side_reader_deinit(&slow);
}

static char logged[2048];

static void note(void *context, enum log_level level, const char *line)
{
    (void)context;
    (void)level;
    size_t used = strlen(logged);
    snprintf(logged + used, sizeof logged - used, "%s\n", line);
}

static void what_is_wrong_is_said_once_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    logged[0] = '\0';
    log_to(note, NULL, LOG_INFO);
    put(f, "id,v\na,2\nb\n");
    for (int i = 0; i < 4; i++) {
        side_tables_poll(f->tables);
    }
    log_to(NULL, NULL, LOG_ERROR);
    assert_false(side_reader_refresh(&f->reader));
    assert_string_equal(find(&f->reader, "a"), "{\"id\":\"a\",\"v\":\"1\"}");
    char *first = strstr(logged, "mill.table at job.lua:3: ");
    assert_non_null(first);
    assert_non_null(strstr(first, "t.csv: line 3: 1 fields; there are 2 columns; the rows stay"));
    assert_null(strstr(first + 1, "mill.table"));
    put(f, "id,v\na,3\n");
    side_tables_poll(f->tables);
    side_tables_poll(f->tables);
    assert_true(side_reader_refresh(&f->reader));
}

static void a_file_that_is_gone_is_said_once_and_may_come_back(void **state)
{
    struct fixture *f = *state;
    logged[0] = '\0';
    log_to(note, NULL, LOG_INFO);
    unlink(f->path);
    side_tables_poll(f->tables);
    side_tables_poll(f->tables);
    log_to(NULL, NULL, LOG_ERROR);
    char *first = strstr(logged, "is not there; its rows stay as they are");
    assert_non_null(first);
    assert_null(strstr(first + 1, "is not there"));
    assert_string_equal(find(&f->reader, "a"), "{\"id\":\"a\",\"v\":\"1\"}");
    put(f, "id,v\na,9\n");
    side_tables_poll(f->tables);
    side_tables_poll(f->tables);
    assert_true(side_reader_refresh(&f->reader));
}

static void what_cannot_be_read_at_the_start_is_refused(void **state)
{
    struct fixture *f = *state;
    struct side_tables *tables = NULL;
    struct error e = {0};
    put(f, "id,v\n\"a\n");
    assert_int_equal(side_tables_open(&f->graph, &tables, &e), MILL_EFAILED);
    assert_non_null(strstr(e.message, "mill.table at job.lua:3: "));
    assert_non_null(strstr(e.message, "line 2: a quoted field has no end"));
    unlink(f->path);
    assert_int_equal(side_tables_open(&f->graph, &tables, &e), MILL_ENOENT);
    assert_null(tables);
}

static void without_tables_there_is_nothing_to_read(void **state)
{
    (void)state;
    struct side_reader r;
    side_reader_init(&r, NULL);
    assert_null(r.rows);
    assert_false(side_reader_refresh(&r));
    side_reader_deinit(&r);
    side_tables_poll(NULL);
    side_tables_close(NULL);
    struct graph none = {0};
    struct side_tables *tables = NULL;
    assert_int_equal(side_tables_open(&none, &tables, NULL), 0);
    side_reader_init(&r, tables);
    assert_null(r.rows);
    side_reader_deinit(&r);
    side_tables_close(tables);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_replaced_file_is_read_when_it_stands_still),
        CASE(a_file_that_goes_on_changing_is_waited_for),
        CASE(readers_keep_their_rows_until_they_refresh),
        CASE(what_is_wrong_is_said_once_and_changes_nothing),
        CASE(a_file_that_is_gone_is_said_once_and_may_come_back),
        CASE(what_cannot_be_read_at_the_start_is_refused),
        cmocka_unit_test(without_tables_there_is_nothing_to_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "script/side_tables.h"

#include <pthread.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/whole_file.h"
#include "script/record_decoder.h"

struct side_version {
    struct mill_side *rows;
    uint32_t users; /* readers, and the table itself while it is the newest */
};

struct side_table {
    const struct graph_side *graph;
    struct side_version *newest;
    struct listed_file known; /* the file as it was read */
    struct listed_file seen;  /* the file as it was at the last poll */
    bool was_warned;          /* that it cannot be looked at */
};

struct side_tables {
    struct side_table *list;
    uint32_t count;
    pthread_mutex_t lock; /* over newest, and users of all versions */
};

/* --- versions --- */

/* Under the lock. */
static void leave(struct side_version *v)
{
    if (v != NULL && --v->users == 0) {
        side_destroy(v->rows);
        memory_free(v);
    }
}

static void set_newest(struct side_tables *t, struct side_table *table, struct mill_side *rows)
{
    struct side_version *v = memory_zero(1, sizeof *v);
    *v = (struct side_version){.rows = rows, .users = 1};
    pthread_mutex_lock(&t->lock);
    leave(table->newest);
    table->newest = v;
    pthread_mutex_unlock(&t->lock);
}

/* --- reading --- */

static int build(const struct graph_side *g, const struct buffer *text, struct mill_side **rows,
                 struct error *e)
{
    struct side_options options = {.key = g->key, .bytes_max = LIMIT_SIDE_BYTES};
    struct decoder *decoder = record_decoder_create(&g->format);
    struct slice bytes = {text->data, text->size};
    int rc = side_build(bytes, LIMIT_TEXT_PADDING, decoder, &options, rows, e);
    return rc == 0 ? 0 : error_prefix(e, "%s: ", g->path);
}

static int read_table(struct side_tables *t, struct side_table *table, struct error *e)
{
    struct buffer text;
    struct mill_side *rows = NULL;
    buffer_init(&text, LIMIT_SIDE_BYTES + LIMIT_TEXT_PADDING);
    int rc = whole_file_read(table->graph->path, LIMIT_SIDE_BYTES, &text, &table->known, e);
    rc = rc == 0 ? build(table->graph, &text, &rows, e) : rc;
    buffer_deinit(&text);
    if (rc == 0) {
        set_newest(t, table, rows);
    }
    table->seen = table->known;
    return rc;
}

int side_tables_open(const struct graph *graph, struct side_tables **result, struct error *e)
{
    struct side_tables *t = memory_zero(1, sizeof *t);
    t->list = memory_zero(graph->side_count + 1, sizeof *t->list);
    t->count = graph->side_count;
    pthread_mutex_init(&t->lock, NULL);
    int rc = 0;
    for (uint32_t i = 0; i < t->count && rc == 0; i++) {
        t->list[i].graph = &graph->sides[i];
        rc = read_table(t, &t->list[i], e);
        if (rc != 0) {
            error_prefix(e, "%s: ", graph->sides[i].label);
        }
    }
    if (rc != 0) {
        side_tables_close(t);
        return rc;
    }
    *result = t;
    return 0;
}

void side_tables_close(struct side_tables *t)
{
    if (t == NULL) {
        return;
    }
    for (uint32_t i = 0; i < t->count; i++) {
        leave(t->list[i].newest);
    }
    pthread_mutex_destroy(&t->lock);
    memory_free(t->list);
    memory_free(t);
}

/* --- polling --- */

static void warn_once(struct side_table *table)
{
    if (!table->was_warned) {
        log_warn("%s: %s is not there; its rows stay as they are", table->graph->label,
                 table->graph->path);
        table->was_warned = true;
    }
}

static void poll_table(struct side_tables *t, struct side_table *table)
{
    struct listed_file now;
    struct error e = {0};
    if (file_look(table->graph->path, &now) != 0) {
        warn_once(table);
        return;
    }
    table->was_warned = false;
    bool is_known = whole_file_is_same(&now, &table->known);
    bool stood_still = whole_file_is_same(&now, &table->seen);
    table->seen = now;
    if (is_known || !stood_still) {
        return;
    }
    if (read_table(t, table, &e) != 0) {
        table->known = table->seen = now; /* said once for each change */
        log_warn("%s: %s; the rows stay as they were", table->graph->label, e.message);
        return;
    }
    log_info("%s: read %s again: %u keys", table->graph->label, table->graph->path,
             mill_side_count(table->newest->rows));
}

void side_tables_poll(struct side_tables *t)
{
    for (uint32_t i = 0; t != NULL && i < t->count; i++) {
        poll_table(t, &t->list[i]);
    }
}

/* --- readers --- */

void side_reader_init(struct side_reader *r, struct side_tables *tables)
{
    *r = (struct side_reader){.tables = tables};
    if (tables != NULL && tables->count > 0) {
        r->versions = memory_zero(tables->count, sizeof(struct side_version *));
        r->rows = memory_zero(tables->count, sizeof(struct mill_side *));
    }
}

void side_reader_deinit(struct side_reader *r)
{
    if (r->rows != NULL) {
        pthread_mutex_lock(&r->tables->lock);
        for (uint32_t i = 0; i < r->tables->count; i++) {
            leave(r->versions[i]);
        }
        pthread_mutex_unlock(&r->tables->lock);
    }
    memory_free(r->versions);
    memory_free(r->rows);
    *r = (struct side_reader){0};
}

bool side_reader_refresh(struct side_reader *r)
{
    bool is_new = false;
    if (r->rows == NULL) {
        return false;
    }
    pthread_mutex_lock(&r->tables->lock);
    for (uint32_t i = 0; i < r->tables->count; i++) {
        struct side_version *newest = r->tables->list[i].newest;
        if (r->versions[i] != newest) {
            newest->users++;
            leave(r->versions[i]);
            r->versions[i] = newest;
            r->rows[i] = newest->rows;
            is_new = true;
        }
    }
    pthread_mutex_unlock(&r->tables->lock);
    return is_new;
}

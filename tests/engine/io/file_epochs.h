/*
 * Epochs of a file source for tests: a real folder, a store in memory, and the calls that the
 * runner makes. An epoch gives back the text that its blocks held.
 */
#ifndef TESTS_ENGINE_IO_FILE_EPOCHS_H
#define TESTS_ENGINE_IO_FILE_EPOCHS_H

#include <stdlib.h>

#include "base/clock.h"
#include "input_folder.h"
#include "io/block_reader.h"
#include "io/file_source.h"
#include "state/store.h"

#define STORE_ID 3
#define STILL_MS 250
#define ALL      UINT64_MAX

struct fixture {
    char *folder;
    struct store *store;
    struct source *source;
    struct block_reader *reader;
    struct file_source_options options;
    struct source_block blocks[64]; /* of the running epoch */
    struct source_done dones[64];
    uint32_t block_count;
    char *text; /* what the running epoch has read */
};

static inline void open_source(struct fixture *f)
{
    f->options.folder = f->folder;
    f->options.still_ms = STILL_MS;
    f->options.index = 1;
    f->options.store_id = STORE_ID;
    struct error e = {0};
    assert_int_equal(file_source_open(&f->options, f->store, &f->source, &e), 0);
}

static inline int begin(void **state)
{
    struct fixture *f = memory_zero(1, sizeof *f);
    f->folder = folder_create();
    assert_int_equal(chmod(f->folder, 0777), 0);
    f->store = store_create_memory();
    f->reader = block_reader_create(NULL);
    open_source(f);
    log_catch();
    *state = f;
    return 0;
}

static inline int end(void **state)
{
    struct fixture *f = *state;
    source_close(f->source);
    store_close(f->store);
    block_reader_destroy(f->reader);
    folder_remove(f->folder);
    memory_free(f->text);
    memory_free(f);
    log_to(NULL, NULL, LOG_INFO);
    return 0;
}

/* As after a crash, or a stop: what was not committed is forgotten. */
static inline void restart(struct fixture *f)
{
    source_close(f->source);
    open_source(f);
}

static inline void restart_once(struct fixture *f)
{
    f->options.once = true;
    restart(f);
}

static inline void poll_now(struct fixture *f)
{
    struct clock clock = clock_machine();
    struct error e = {0};
    assert_int_equal(source_poll(f->source, clock_now_ms(&clock), &e), 0);
}

static inline uint64_t plan(struct fixture *f, uint64_t bytes_max)
{
    uint64_t bytes = 0;
    struct error e = {0};
    assert_int_equal(source_plan(f->source, bytes_max, &bytes, &e), 0);
    f->block_count = 0;
    memory_free(f->text);
    f->text = memory_text("");
    return bytes;
}

static inline void add_text(struct fixture *f, struct slice text)
{
    size_t size = strlen(f->text);
    f->text = memory_grow(f->text, size + text.size + 1);
    memcpy(f->text + size, text.data, text.size);
    f->text[size + text.size] = '\0';
}

/* Take up to `count` blocks and read them. */
static inline void take(struct fixture *f, uint32_t count)
{
    struct error e = {0};
    struct block_piece piece;
    for (uint32_t i = 0; i < count; i++) {
        struct source_block *block = &f->blocks[f->block_count];
        int rc = source_next_block(f->source, block, &e);
        if (rc == 0) {
            return;
        }
        assert_int_equal(rc, 1);
        assert_int_equal(block->source, 1);
        assert_int_equal(block->order, SOURCE_ORDER(1, f->block_count));
        block_reader_begin(f->reader, block);
        while ((rc = block_reader_next(f->reader, &piece, &e)) == 1) {
            add_text(f, piece.text);
        }
        assert_int_equal(rc, 0);
        f->dones[f->block_count++] = block_reader_done(f->reader);
        assert_true(f->block_count < 64);
    }
}

/* The blocks are done, last first: the worst order. */
static inline void finish(struct fixture *f)
{
    while (f->block_count > 0) {
        f->block_count--;
        source_block_done(f->source, &f->blocks[f->block_count], &f->dones[f->block_count]);
    }
}

static inline void commit(struct fixture *f)
{
    struct store_batch *batch = store_batch_create();
    assert_int_equal(source_commit_into(f->source, batch, NULL), 0);
    assert_int_equal(store_write(f->store, batch, true, NULL), 0);
    store_batch_destroy(batch);
    source_committed(f->source);
}

/* A whole epoch. @return the text that it read */
static inline const char *epoch(struct fixture *f, uint64_t bytes_max)
{
    poll_now(f);
    plan(f, bytes_max);
    take(f, 64);
    finish(f);
    commit(f);
    return f->text;
}

/** Append lines to a file, or rename it. Lines are numbered: "0007\n". */
static inline void change_something(struct fixture *f, struct chance *c, char *name, int *line)
{
    if (chance_below(c, 4) == 0) {
        char to[] = {name[0], (char)('a' + chance_below(c, 20)), '\0'};
        rename_file(f->folder, name, to);
        name[1] = to[1];
        return;
    }
    for (uint32_t i = chance_below(c, 200); i > 0; i--) {
        char *text = text_format("%04d\n", (*line)++);
        append_file(f->folder, name, text);
        memory_free(text);
    }
}

/** An epoch, in one of the ways in which it can go. What it committed is counted. */
static inline void run_somehow(struct fixture *f, struct chance *c, uint8_t *seen)
{
    poll_now(f);
    plan(f, 1 + chance_below(c, 1500));
    take(f, chance_below(c, 4));
    for (uint32_t i = chance_below(c, 3); i > 0; i--) {
        source_abandon(f->source);
        plan(f, ALL);
        take(f, chance_below(c, 5));
    }
    if (chance_below(c, 4) == 0) {
        restart(f);
        return;
    }
    finish(f);
    commit(f);
    for (const char *at = f->text; *at != '\0'; at += 5) {
        assert_int_equal(at[4], '\n');
        seen[strtol(at, NULL, 10)]++;
    }
}

#endif

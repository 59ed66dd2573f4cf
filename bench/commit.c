/*
 * How long the engine's commit takes:
 *
 *     commit FOLDER COMMITS KEYS
 *
 * COMMITS epochs in a row, each changing KEYS keys of 10 million, go into a new store in FOLDER the
 * way the engine commits them: shard by shard in key order into the delta, then one synced batch
 * with the record of the epoch. After each, the disk alone: 64 KiB appended to a file and synced.
 * At the end the store is opened again and every key compared with what was last written to it.
 *
 * One line of JSON: milliseconds of each commit (without gathering the changes, which workers do
 * while the epoch runs; that is `gather_ms`) and of each sync.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "data/key.h"
#include "state/delta.h"
#include "state/epoch_record.h"
#include "state/keys.h"
#include "state/store.h"

#define SEED           20240601u
#define KEY_SPACE      10000000
#define NAME_BYTES     15 /* "user-" and ten digits */
#define KEY_BYTES      (STATE_KEY_HEAD_BYTES + 1 + NAME_BYTES)
#define VALUE_BYTES    32
#define OPERATOR       1
#define SYNC_BYTES     ((size_t)64 << 10)
#define COMMITS_MAX    255 /* a byte tells which commit wrote a key last */
#define PATH_BYTES_MAX 4096

struct change {
    char key[KEY_BYTES];
    uint32_t number;
    uint32_t shard;
};

struct bench {
    char store_path[PATH_BYTES_MAX];
    struct store *store;
    struct delta delta;
    struct change *changes; /* of the running epoch, in key order */
    uint32_t change_count;
    uint8_t *last; /* by number: the commit that wrote it last; 0: none */
    uint64_t chance;
    int sync_fd;
};

struct times {
    double gather_ms[COMMITS_MAX];
    double commit_ms[COMMITS_MAX];
    double sync_ms[COMMITS_MAX];
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "commit: %s: %s\n", what, why);
    exit(1);
}

static void die_if(int rc, const struct error *e)
{
    if (rc != 0) {
        die(error_name(rc), e->message);
    }
}

static double ms_since(int64_t begin_us)
{
    return (double)(clock_elapsed_us() - begin_us) / 1000;
}

/* splitmix64 */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* --- what changes --- */

static struct change make_change(uint32_t number)
{
    struct change c = {.number = number};
    char name[NAME_BYTES + 1];
    snprintf(name, sizeof name, "user-%010" PRIu32, number);
    char *encoded = c.key + STATE_KEY_HEAD_BYTES;
    encoded[0] = KEY_STRING;
    memcpy(encoded + 1, name, NAME_BYTES);
    uint32_t group = key_group_of(hash_key(encoded, 1 + NAME_BYTES));
    store_state_head(c.key, OPERATOR, (uint16_t)group);
    c.shard = shard_of_group(group);
    return c;
}

static int compare_changes(const void *a, const void *b)
{
    const struct change *x = a;
    const struct change *y = b;
    return memcmp(x->key, y->key, KEY_BYTES);
}

static void choose_changes(struct bench *b, uint8_t commit)
{
    uint32_t chosen = 0;
    while (chosen < b->change_count) {
        uint32_t number = (uint32_t)(next(&b->chance) % KEY_SPACE);
        if (b->last[number] != commit) {
            b->last[number] = commit;
            b->changes[chosen++] = make_change(number);
        }
    }
    qsort(b->changes, b->change_count, sizeof *b->changes, compare_changes);
}

/* --- one epoch --- */

/* As workers do: each shard's changes into its batch. */
static void gather(struct bench *b, uint8_t commit)
{
    struct error e;
    die_if(delta_begin(&b->delta, commit, &e), &e);
    uint32_t i = 0;
    for (uint32_t shard = 0; shard < SHARD_COUNT; shard++) {
        struct store_batch *batch = delta_batch(&b->delta, 0, shard);
        size_t before = store_batch_bytes(batch);
        for (; i < b->change_count && b->changes[i].shard == shard; i++) {
            char value[VALUE_BYTES];
            memset(value, (int)(b->changes[i].number % 251), sizeof value);
            value[0] = (char)commit;
            store_batch_put(batch, STORE_STATE, (struct slice){b->changes[i].key, KEY_BYTES},
                            (struct slice){value, sizeof value});
        }
        die_if(delta_check(&b->delta, 0, shard, before, &e), &e);
    }
}

static void add_record(struct store_batch *batch, const struct epoch_record *record)
{
    struct buffer value;
    buffer_init(&value, MIB);
    die_if(epoch_record_encode(record, &value), &(struct error){0});
    struct store_key newest = store_key_text("epoch");
    struct store_key history = store_key_history(record->number);
    struct slice bytes = {value.data, value.size};
    store_batch_put(batch, STORE_META, store_key_slice(&newest), bytes);
    store_batch_put(batch, STORE_META, store_key_slice(&history), bytes);
    buffer_deinit(&value);
}

/* As engine/run/commit.c does. */
static void commit_epoch(struct bench *b, uint8_t commit)
{
    struct error e;
    struct epoch_record record = {.number = commit};
    struct store_batch *batch = store_batch_create();
    die_if(delta_commit_into(&b->delta, batch, &record, &e), &e);
    add_record(batch, &record);
    die_if(store_write(b->store, batch, true, &e), &e);
    die_if(delta_committed(&b->delta, &record, &e), &e);
    store_batch_destroy(batch);
}

static void sync_disk(struct bench *b)
{
    static const char bytes[SYNC_BYTES];
    if (write(b->sync_fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes ||
        fdatasync(b->sync_fd) != 0) {
        die("sync", strerror(errno));
    }
}

static void run(struct bench *b, struct times *t, uint32_t commits)
{
    for (uint32_t i = 0; i < commits; i++) {
        uint8_t commit = (uint8_t)(i + 1);
        choose_changes(b, commit);
        int64_t begin_us = clock_elapsed_us();
        gather(b, commit);
        t->gather_ms[i] = ms_since(begin_us);
        begin_us = clock_elapsed_us();
        commit_epoch(b, commit);
        t->commit_ms[i] = ms_since(begin_us);
        begin_us = clock_elapsed_us();
        sync_disk(b);
        t->sync_ms[i] = ms_since(begin_us);
    }
}

/* --- what is in the store --- */

/* @return whether this key should hold this value */
static bool is_right(const struct bench *b, struct slice key, struct slice value)
{
    if (key.size != KEY_BYTES || value.size != VALUE_BYTES) {
        return false;
    }
    char digits[11] = {0};
    memcpy(digits, key.data + KEY_BYTES - 10, 10);
    unsigned long number = strtoul(digits, NULL, 10);
    return number < KEY_SPACE && b->last[number] != 0 &&
           (uint8_t)value.data[0] == b->last[number] &&
           (uint8_t)value.data[VALUE_BYTES - 1] == number % 251;
}

static bool holds_all(struct bench *b)
{
    struct error e;
    die_if(store_open_rocksdb(b->store_path, false, &b->store, &e), &e);
    uint64_t expected = 0;
    for (uint32_t i = 0; i < KEY_SPACE; i++) {
        expected += b->last[i] != 0;
    }
    struct slice none = {"", 0};
    struct slice key;
    struct slice value;
    uint64_t right = 0;
    struct store_iterator *i = store_iterate(b->store, STORE_STATE, none, none);
    int rc = store_next(i, &key, &value, &e);
    while (rc == 1 && is_right(b, key, value)) {
        right++;
        rc = store_next(i, &key, &value, &e);
    }
    store_iterate_end(i);
    store_close(b->store);
    return rc == 0 && right == expected;
}

/* --- from the command line to JSON --- */

static void open_bench(struct bench *b, const char *folder, uint32_t keys)
{
    struct error e;
    char path[PATH_BYTES_MAX];
    if (mkdir(folder, 0777) != 0) {
        die(folder, strerror(errno));
    }
    snprintf(path, sizeof path, "%s/sync", folder);
    snprintf(b->store_path, sizeof b->store_path, "%s/store", folder);
    b->sync_fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (b->sync_fd < 0) {
        die(path, strerror(errno));
    }
    die_if(store_open_rocksdb(b->store_path, true, &b->store, &e), &e);
    delta_init(&b->delta, b->store, 1, LIMIT_DELTA_BYTES);
    b->change_count = keys;
    b->changes = memory_zero(keys, sizeof *b->changes);
    b->last = memory_zero(KEY_SPACE, 1);
    b->chance = SEED;
}

static void print_times(const char *name, const double *ms, uint32_t count)
{
    printf("\"%s\": [", name);
    for (uint32_t i = 0; i < count; i++) {
        printf("%s%.3f", i == 0 ? "" : ", ", ms[i]);
    }
    printf("], ");
}

int main(int argc, char **argv)
{
    unsigned long commits = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    unsigned long keys = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (commits < 1 || commits > COMMITS_MAX || keys < 1 || keys > KEY_SPACE) {
        fprintf(stderr, "usage: commit FOLDER COMMITS KEYS\n");
        return 2;
    }
    static struct bench b;
    static struct times t;
    open_bench(&b, argv[1], (uint32_t)keys);
    run(&b, &t, (uint32_t)commits);
    delta_deinit(&b.delta);
    store_close(b.store);
    printf("{");
    print_times("gather_ms", t.gather_ms, (uint32_t)commits);
    print_times("commit_ms", t.commit_ms, (uint32_t)commits);
    print_times("sync_ms", t.sync_ms, (uint32_t)commits);
    printf("\"holds_all\": %s}\n", holds_all(&b) ? "true" : "false");
    return 0;
}

/* Goal: all workers' records come out as one stable sort by key group, key, order and origin would
 * put them, wherever they were: in memory or in runs on disk.
 * Method: random records over several workers with budgets so small that most of them spill,
 * against qsort over all of them. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "data/key.h"
#include "flow/merge.h"
#include "testing.h"

enum { WORKERS_MAX = 5 };

struct record {
    struct buffer key;
    uint32_t key_group;
    uint64_t order;
    uint64_t origin;
    uint32_t appearance; /* with its worker; records of one order are of one worker */
    struct mill_cell cell;
};

struct world {
    struct chance chance;
    char *folder;
    struct mill_shuffle shuffles[WORKERS_MAX];
    struct mill_shuffle *list[WORKERS_MAX];
    uint32_t worker_count;
    struct record *records;
    uint32_t count;
    char bytes[3000]; /* what values are cut from */
};

static int compare_records(const void *left, const void *right)
{
    const struct record *a = left;
    const struct record *b = right;
    if (a->key_group != b->key_group) {
        return a->key_group < b->key_group ? -1 : 1;
    }
    int order = key_compare(a->key.data, a->key.size, b->key.data, b->key.size);
    if (order != 0) {
        return order;
    }
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    if (a->origin != b->origin) {
        return a->origin < b->origin ? -1 : 1;
    }
    return a->appearance < b->appearance ? -1 : a->appearance > b->appearance;
}

/* Few keys that differ late, so that many records share one, and some that share a prefix. */
static void make_key(struct world *w, struct buffer *key)
{
    struct chance *c = &w->chance;
    buffer_init(key, 1000);
    if (chance_below(c, 3) == 0) {
        key_add_int64(key, chance_below(c, 20));
        return;
    }
    char text[12] = "prefix";
    uint32_t size = 4 + chance_below(c, 4);
    for (uint32_t i = 6; i < size; i++) {
        text[i] = "\0a\xff"[chance_below(c, 3)];
    }
    key_add_string(key, text, size);
}

static struct mill_cell make_cell(struct world *w)
{
    struct chance *c = &w->chance;
    if (chance_below(c, 2) == 0) {
        return (struct mill_cell){.kind = MILL_NUMBER, .len = 1, .num = w->count};
    }
    uint32_t size = chance_below(c, 10) == 0 ? chance_below(c, 3000) : chance_below(c, 20);
    return (struct mill_cell){.kind = chance_below(c, 2) == 0 ? MILL_STRING : MILL_PACKED,
                              .len = size,
                              .ptr = w->bytes + chance_below(c, 3000 - size)};
}

/* One block's records go to one worker, in chunks; several segments feed it from each chunk, so
 * origins begin again. */
static void add_block(struct world *w, uint64_t order)
{
    struct mill_shuffle *s = &w->shuffles[chance_below(&w->chance, w->worker_count)];
    uint32_t chunk_count = chance_below(&w->chance, 3);
    s->order = order;
    for (uint32_t chunk = 0; chunk < chunk_count; chunk++) {
        s->origin.base = ((uint64_t)chunk << 40) + 20;
        for (uint32_t i = 0; i < 40; i++) {
            w->records = memory_grow(w->records, (w->count + 1) * sizeof *w->records);
            struct record *r = &w->records[w->count];
            uint32_t origin = i % 20 / 2;
            *r = (struct record){
                .order = order, .origin = s->origin.base + origin, .appearance = w->count};
            make_key(w, &r->key);
            r->key_group = key_group_of(hash_key(r->key.data, r->key.size));
            r->cell = make_cell(w);
            struct slice key = {r->key.data, r->key.size};
            assert_int_equal(shuffle_add(s, key, &r->cell, origin), 0);
            w->count++;
        }
    }
}

static void begin_world(struct world *w, uint64_t seed)
{
    *w = (struct world){.chance = {seed}, .folder = folder_create()};
    chance_bytes(&w->chance, w->bytes, sizeof w->bytes);
    w->worker_count = 1 + chance_below(&w->chance, WORKERS_MAX);
    for (uint32_t i = 0; i < w->worker_count; i++) {
        uint32_t budget =
            chance_below(&w->chance, 3) == 0 ? 1 << 20 : chance_below(&w->chance, 9000);
        shuffle_init(&w->shuffles[i], w->folder, budget);
        w->list[i] = &w->shuffles[i];
    }
}

static void forget_records(struct world *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        buffer_deinit(&w->records[i].key);
    }
    w->count = 0;
}

static void end_world(struct world *w)
{
    forget_records(w);
    memory_free(w->records);
    for (uint32_t i = 0; i < w->worker_count; i++) {
        shuffle_deinit(&w->shuffles[i]);
    }
    folder_remove(w->folder);
}

static void is_record(const struct shuffle_entry *e, const struct record *r)
{
    assert_int_equal(e->key_group, r->key_group);
    assert_int_equal(e->key_size, r->key.size);
    assert_memory_equal(e->key, r->key.data, e->key_size);
    assert_true(e->order == r->order);
    assert_int_equal(e->origin, r->origin);
    assert_int_equal(e->cell.kind, r->cell.kind);
    assert_int_equal(e->cell.len, r->cell.len);
    if (e->cell.kind == MILL_NUMBER) {
        assert_true(e->cell.num == r->cell.num);
    } else {
        assert_true(e->cell.len == 0 || memcmp(e->cell.ptr, r->cell.ptr, e->cell.len) == 0);
    }
}

static void comes_out_sorted(struct world *w)
{
    if (w->count > 0) {
        qsort(w->records, w->count, sizeof *w->records, compare_records);
    }
    uint32_t at = 0;
    for (uint32_t i = 0; i < w->worker_count; i++) {
        shuffle_seal(&w->shuffles[i]);
    }
    for (uint32_t shard = 0; shard < SHARD_COUNT; shard++) {
        struct merge m;
        struct error e = {0};
        const struct shuffle_entry *entry = NULL;
        assert_int_equal(merge_open(&m, w->list, w->worker_count, shard, &e), 0);
        while (merge_next(&m, &entry, &e) == 1) {
            assert_int_equal(shard_of_group(entry->key_group), shard);
            assert_true(at < w->count);
            is_record(entry, &w->records[at++]);
        }
        assert_int_equal(merge_next(&m, &entry, &e), 0);
        merge_close(&m);
    }
    assert_int_equal(at, w->count);
}

static void everything_comes_out_as_one_stable_sort(void **state)
{
    (void)state;
    uint32_t runs = 0;
    for (uint32_t seed = 1; seed <= rounds(60); seed++) {
        struct world w;
        begin_world(&w, seed);
        for (int epoch = 0; epoch < 2; epoch++) {
            for (uint64_t order = 0; order < 12; order++) {
                add_block(&w, order << 50 | order);
            }
            comes_out_sorted(&w);
            for (uint32_t i = 0; i < w.worker_count; i++) {
                runs += w.shuffles[i].run_count;
                shuffle_clear(&w.shuffles[i]);
            }
            forget_records(&w);
        }
        end_world(&w);
    }
    assert_true(runs > 200);
}

struct share {
    struct world *world;
    uint32_t first_shard; /* and every other one from there on */
    uint32_t entry_count;
    uint32_t stray_count;
};

/* Without cmocka's asserts, which belong to its own thread. */
static void *merge_share(void *context)
{
    struct share *share = context;
    for (uint32_t shard = share->first_shard; shard < SHARD_COUNT; shard += 2) {
        struct merge m;
        const struct shuffle_entry *entry = NULL;
        int rc = merge_open(&m, share->world->list, share->world->worker_count, shard, NULL);
        while (rc == 0 && merge_next(&m, &entry, NULL) == 1) {
            share->entry_count++;
            share->stray_count += shard_of_group(entry->key_group) != shard;
        }
        merge_close(&m);
    }
    return NULL;
}

static void shards_are_merged_by_several_threads_at_once(void **state)
{
    (void)state;
    struct world w;
    begin_world(&w, 3);
    for (uint64_t order = 0; order < 100; order++) {
        add_block(&w, order);
    }
    for (uint32_t i = 0; i < w.worker_count; i++) {
        shuffle_seal(&w.shuffles[i]);
    }
    struct share even = {.world = &w, .first_shard = 0};
    struct share odd = {.world = &w, .first_shard = 1};
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, merge_share, &even), 0);
    merge_share(&odd);
    pthread_join(other, NULL);
    assert_int_equal(even.entry_count + odd.entry_count, w.count);
    assert_int_equal(even.stray_count + odd.stray_count, 0);
    end_world(&w);
}

static void nothing_merges_to_nothing(void **state)
{
    (void)state;
    struct merge m;
    const struct shuffle_entry *entry = NULL;
    assert_int_equal(merge_open(&m, NULL, 0, 0, NULL), 0);
    assert_int_equal(merge_next(&m, &entry, NULL), 0);
    merge_close(&m);
    struct world w;
    begin_world(&w, 1);
    comes_out_sorted(&w);
    end_world(&w);
}

/* Workers whose runs are cut off in the file. */
static void begin_with_damage(struct world *w, off_t size)
{
    begin_world(w, 3);
    for (uint64_t order = 0; order < 40; order++) {
        add_block(w, order);
    }
    for (uint32_t i = 0; i < w->worker_count; i++) {
        assert_int_equal(shuffle_spill(&w->shuffles[i]), 0);
        shuffle_seal(&w->shuffles[i]);
        assert_int_equal(ftruncate(w->shuffles[i].spill.fd, size), 0);
    }
}

static void a_disk_that_fails_is_an_error(void **state)
{
    (void)state;
    for (off_t size = 0; size < 20000; size += 5000) {
        struct world w;
        begin_with_damage(&w, size);
        uint32_t failed = 0;
        for (uint32_t shard = 0; shard < SHARD_COUNT; shard++) {
            struct merge m;
            struct error e = {0};
            const struct shuffle_entry *entry = NULL;
            int rc = merge_open(&m, w.list, w.worker_count, shard, &e);
            bool is_open = rc == 0;
            for (rc = is_open ? 1 : rc; rc == 1;) {
                rc = merge_next(&m, &entry, &e);
            }
            if (is_open) {
                merge_close(&m); /* one that did not open needs no closing */
            }
            assert_true(rc == 0 || (rc == MILL_EIO && e.code == MILL_EIO));
            failed += rc != 0;
        }
        assert_true(failed > 0);
        end_world(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_out_as_one_stable_sort),
        cmocka_unit_test(shards_are_merged_by_several_threads_at_once),
        cmocka_unit_test(nothing_merges_to_nothing),
        cmocka_unit_test(a_disk_that_fails_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

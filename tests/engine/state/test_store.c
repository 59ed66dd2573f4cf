/* Goal: both stores do what state/store.h says, and do the same.
 * Method: one suite over RocksDB and memory through the same functions; then random batches beside
 * a sorted list; then readers beside a writer. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/key.h"
#include "state/store.h"
#include "testing.h"

/* Read by ThreadSanitizer, which does not see how RocksDB's own threads wait for each other. */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:librocksdb\n";
}

#define VALUE_BYTES_MAX (4u << 20)

struct fixture {
    struct store *store;
    struct store_batch *batch;
    struct buffer value;
    struct error error;
    char *folder; /* NULL: in memory */
    char *path;
};

static void open_store(struct fixture *x)
{
    if (x->folder == NULL) {
        x->store = store_create_memory();
    } else {
        assert_int_equal(store_open_rocksdb(x->path, true, &x->store, &x->error), 0);
    }
}

static int begin(void **state, bool in_memory)
{
    struct fixture *x = memory_zero(1, sizeof *x);
    if (!in_memory) {
        x->folder = folder_create();
        x->path = text_path(x->folder, "store");
    }
    x->batch = store_batch_create();
    buffer_init(&x->value, VALUE_BYTES_MAX);
    open_store(x);
    *state = x;
    return 0;
}

static int begin_rocksdb(void **state)
{
    return begin(state, false);
}

static int begin_memory(void **state)
{
    return begin(state, true);
}

static int end(void **state)
{
    struct fixture *x = *state;
    store_close(x->store);
    store_batch_destroy(x->batch);
    buffer_deinit(&x->value);
    if (x->folder != NULL) {
        folder_remove(x->folder);
        memory_free(x->path);
    }
    memory_free(x);
    return 0;
}

/* --- steps --- */

static struct slice text(const char *s)
{
    return (struct slice){s, strlen(s)};
}

static void put(struct fixture *x, enum store_family f, const char *key, const char *value)
{
    store_batch_put(x->batch, f, text(key), text(value));
}

static void write_all(struct fixture *x)
{
    assert_int_equal(store_write(x->store, x->batch, true, &x->error), 0);
    store_batch_clear(x->batch);
}

static void assert_value(struct fixture *x, enum store_family f, struct slice key,
                         struct slice expected)
{
    buffer_clear(&x->value);
    assert_int_equal(store_get(x->store, f, key, &x->value, &x->error), 0);
    assert_int_equal(x->value.size, expected.size);
    if (expected.size > 0) {
        assert_memory_equal(x->value.data, expected.data, expected.size);
    }
}

static void assert_absent(struct fixture *x, enum store_family f, const char *key)
{
    assert_int_equal(store_get(x->store, f, text(key), &x->value, &x->error), MILL_ENOENT);
}

/* The keys as one text with a space behind each. */
static void assert_rest(struct store_iterator *i, const char *expected)
{
    char seen[256] = "";
    size_t used = 0;
    struct slice key;
    struct slice value;
    struct error e = {0};
    int rc = 0;
    while ((rc = store_next(i, &key, &value, &e)) == 1) {
        assert_true(used + key.size + 2 < sizeof seen);
        memcpy(seen + used, key.data, key.size);
        used += key.size;
        seen[used++] = ' ';
        seen[used] = '\0';
    }
    assert_int_equal(rc, 0);
    assert_int_equal(store_next(i, &key, &value, &e), 0);
    assert_string_equal(seen, expected);
}

static void assert_keys(struct fixture *x, const char *from, const char *to, const char *expected)
{
    struct store_iterator *i = store_iterate(x->store, STORE_STATE, text(from), text(to));
    assert_rest(i, expected);
    store_iterate_end(i);
}

static void put_letters(struct fixture *x, const char *letters)
{
    for (const char *c = letters; *c != '\0'; c++) {
        store_batch_put(x->batch, STORE_STATE, (struct slice){c, 1}, text("v"));
    }
    write_all(x);
}

/* --- reading and writing --- */

static void a_value_comes_back_as_it_was_put(void **state)
{
    struct fixture *x = *state;
    put(x, STORE_META, "epoch", "17");
    write_all(x);
    assert_value(x, STORE_META, text("epoch"), text("17"));
    assert_absent(x, STORE_META, "epoc");
    assert_absent(x, STORE_META, "epoch2");
}

static void a_later_value_replaces_an_earlier_one(void **state)
{
    struct fixture *x = *state;
    put(x, STORE_STATE, "a", "a long first value");
    write_all(x);
    put(x, STORE_STATE, "a", "2");
    write_all(x);
    assert_value(x, STORE_STATE, text("a"), text("2"));
    assert_keys(x, "", "", "a ");
}

static void a_removed_key_is_gone_and_removing_it_again_is_nothing(void **state)
{
    struct fixture *x = *state;
    put_letters(x, "abc");
    for (int i = 0; i < 2; i++) {
        store_batch_remove(x->batch, STORE_STATE, text("b"));
        write_all(x);
        assert_absent(x, STORE_STATE, "b");
        assert_keys(x, "", "", "a c ");
    }
}

static void families_do_not_see_each_other(void **state)
{
    struct fixture *x = *state;
    static const char *const values[STORE_FAMILY_COUNT] = {"m", "s", "o", "r"};
    for (int f = 0; f < STORE_FAMILY_COUNT; f++) {
        put(x, (enum store_family)f, "key", values[f]);
    }
    write_all(x);
    store_batch_remove_range(x->batch, STORE_OUTBOX, text("k"), text("l"));
    write_all(x);
    assert_value(x, STORE_META, text("key"), text("m"));
    assert_value(x, STORE_STATE, text("key"), text("s"));
    assert_absent(x, STORE_OUTBOX, "key");
    assert_value(x, STORE_REDO, text("key"), text("r"));
}

static void a_value_is_appended_behind_what_the_buffer_holds(void **state)
{
    struct fixture *x = *state;
    put(x, STORE_STATE, "a", "123");
    put(x, STORE_STATE, "b", "456");
    write_all(x);
    buffer_clear(&x->value);
    assert_int_equal(store_get(x->store, STORE_STATE, text("a"), &x->value, NULL), 0);
    assert_int_equal(store_get(x->store, STORE_STATE, text("b"), &x->value, NULL), 0);
    assert_int_equal(x->value.size, 6);
    assert_memory_equal(x->value.data, "123456", 6);
}

static void many_keys_are_read_at_once(void **state)
{
    struct fixture *x = *state;
    put(x, STORE_STATE, "a", "123");
    put(x, STORE_STATE, "c", "");
    put(x, STORE_STATE, "d", "456");
    put(x, STORE_META, "b", "other family");
    write_all(x);
    struct slice keys[] = {text("a"), text("b"), text("c"), text("d"), text("e")};
    struct slice found[5];
    buffer_clear(&x->value);
    struct store_lookup l = {STORE_STATE, keys, 5, &x->value, found};
    assert_int_equal(store_get_many(x->store, &l, &x->error), 0);
    assert_true(slice_is(found[0], "123") && found[1].data == NULL);
    assert_true(found[2].data != NULL && found[2].size == 0);
    assert_true(slice_is(found[3], "456") && found[4].data == NULL);
    l.count = 0;
    assert_int_equal(store_get_many(x->store, &l, &x->error), 0);
}

static void many_keys_that_do_not_fit_are_a_limit(void **state)
{
    struct fixture *x = *state;
    put(x, STORE_STATE, "a", "123");
    put(x, STORE_STATE, "b", "456");
    write_all(x);
    struct slice keys[] = {text("a"), text("b")};
    struct slice found[2];
    struct buffer small;
    buffer_init(&small, 5);
    struct store_lookup l = {STORE_STATE, keys, 2, &small, found};
    assert_int_equal(store_get_many(x->store, &l, &x->error), MILL_ELIMIT);
    buffer_deinit(&small);
}

static void a_value_beyond_the_buffers_maximum_is_a_limit(void **state)
{
    struct fixture *x = *state;
    put(x, STORE_STATE, "a", "12345");
    write_all(x);
    struct buffer small;
    buffer_init(&small, 4);
    assert_int_equal(store_get(x->store, STORE_STATE, text("a"), &small, &x->error), MILL_ELIMIT);
    assert_int_equal(x->error.code, MILL_ELIMIT);
    assert_int_equal(small.size, 0);
    buffer_deinit(&small);
}

static void values_may_be_empty(void **state)
{
    struct fixture *x = *state;
    store_batch_put(x->batch, STORE_STATE, text("a"), (struct slice){0});
    put(x, STORE_STATE, "b", "");
    write_all(x);
    assert_value(x, STORE_STATE, text("a"), text(""));
    assert_value(x, STORE_STATE, text("b"), text(""));
    struct store_iterator *i =
        store_iterate(x->store, STORE_STATE, (struct slice){0}, (struct slice){0});
    struct slice key;
    struct slice value = {"x", 1};
    assert_int_equal(store_next(i, &key, &value, NULL), 1);
    assert_int_equal(value.size, 0);
    store_iterate_end(i);
}

static void keys_are_bytes_nul_among_them(void **state)
{
    struct fixture *x = *state;
    static const char keys[][3] = {{'a', 0, 'b'}, {'a', 0, 'c'}, {'a', 1, 0}, {0, 0, 0}};
    for (int i = 0; i < 4; i++) {
        store_batch_put(x->batch, STORE_STATE, (struct slice){keys[i], 3},
                        (struct slice){keys[i], (size_t)i});
    }
    write_all(x);
    for (int i = 0; i < 4; i++) {
        assert_value(x, STORE_STATE, (struct slice){keys[i], 3},
                     (struct slice){keys[i], (size_t)i});
    }
    assert_absent(x, STORE_STATE, "a");
}

static void a_value_may_be_a_mebibyte_and_more(void **state)
{
    struct fixture *x = *state;
    struct chance c = {1};
    size_t size = (1u << 20) + 77;
    char *bytes = memory_alloc(size);
    chance_bytes(&c, bytes, size);
    for (int f = 0; f < STORE_FAMILY_COUNT; f++) {
        store_batch_put(x->batch, (enum store_family)f, text("big"), (struct slice){bytes, size});
    }
    write_all(x);
    for (int f = 0; f < STORE_FAMILY_COUNT; f++) {
        assert_value(x, (enum store_family)f, text("big"), (struct slice){bytes, size});
    }
    memory_free(bytes);
}

/* --- ranges --- */

static void a_range_is_removed_without_its_end(void **state)
{
    struct fixture *x = *state;
    put_letters(x, "abcdef");
    store_batch_remove_range(x->batch, STORE_STATE, text("b"), text("e"));
    write_all(x);
    assert_keys(x, "", "", "a e f ");
    assert_absent(x, STORE_STATE, "d");
}

static void an_empty_range_removes_nothing(void **state)
{
    struct fixture *x = *state;
    put_letters(x, "abc");
    store_batch_remove_range(x->batch, STORE_STATE, text("b"), text("b"));
    store_batch_remove_range(x->batch, STORE_STATE, text("c"), text("a"));
    write_all(x);
    assert_keys(x, "", "", "a b c ");
}

static void the_changes_of_a_batch_take_effect_in_order(void **state)
{
    struct fixture *x = *state;
    put_letters(x, "ab");
    put(x, STORE_STATE, "c", "before the range");
    store_batch_remove_range(x->batch, STORE_STATE, text("a"), text("z"));
    put(x, STORE_STATE, "b", "behind the range");
    put(x, STORE_STATE, "d", "put, then removed");
    store_batch_remove(x->batch, STORE_STATE, text("d"));
    store_batch_remove(x->batch, STORE_STATE, text("e"));
    put(x, STORE_STATE, "e", "removed, then put");
    write_all(x);
    assert_keys(x, "", "", "b e ");
    assert_value(x, STORE_STATE, text("b"), text("behind the range"));
}

/* --- iterating --- */

static void keys_come_in_the_order_of_their_bytes(void **state)
{
    struct fixture *x = *state;
    static const char *const keys[] = {"b", "ab", "a", "abc", "\x7f", "\xff", "\xc3\xa4", "B"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        put(x, STORE_STATE, keys[i], "");
    }
    write_all(x);
    assert_keys(x, "", "", "B a ab abc b \x7f \xc3\xa4 \xff ");
}

static void a_walk_begins_at_its_bound_and_ends_before_the_other(void **state)
{
    struct fixture *x = *state;
    put_letters(x, "acegi");
    assert_keys(x, "c", "g", "c e ");
    assert_keys(x, "b", "h", "c e g ");
    assert_keys(x, "g", "", "g i ");
    assert_keys(x, "", "c", "a ");
    assert_keys(x, "e", "e", "");
    assert_keys(x, "g", "c", "");
    assert_keys(x, "j", "", "");
}

static void a_walk_over_nothing_ends_at_once(void **state)
{
    struct fixture *x = *state;
    assert_keys(x, "", "", "");
}

static void a_walk_sees_the_store_as_it_was(void **state)
{
    struct fixture *x = *state;
    put_letters(x, "abcde");
    struct store_iterator *unread = store_iterate(x->store, STORE_STATE, text(""), text(""));
    struct store_iterator *begun = store_iterate(x->store, STORE_STATE, text("b"), text("e"));
    struct slice key;
    struct slice value;
    assert_int_equal(store_next(begun, &key, &value, NULL), 1);
    store_batch_remove_range(x->batch, STORE_STATE, text("b"), text("d"));
    put(x, STORE_STATE, "aa", "new");
    put(x, STORE_STATE, "d", "changed");
    write_all(x);
    assert_memory_equal(key.data, "b", 1); /* borrowed until the next call, whatever is written */
    assert_int_equal(store_next(begun, &key, &value, NULL), 1);
    assert_memory_equal(key.data, "c", 1);
    assert_int_equal(store_next(begun, &key, &value, NULL), 1);
    assert_memory_equal(value.data, "v", 1);
    assert_rest(begun, "");
    assert_rest(unread, "a b c d e ");
    store_iterate_end(unread);
    store_iterate_end(begun);
    assert_keys(x, "", "", "a aa d e ");
}

/* --- all at once, and again --- */

static void what_was_synced_is_there_after_opening_again(void **state)
{
    struct fixture *x = *state;
    put_letters(x, "abc");
    store_batch_remove(x->batch, STORE_STATE, text("a"));
    put(x, STORE_META, "epoch", "2");
    assert_int_equal(store_write(x->store, x->batch, false, &x->error), 0);
    store_batch_clear(x->batch);
    put(x, STORE_OUTBOX, "out", "rows"); /* its sync keeps the write before it too */
    write_all(x);
    if (x->folder == NULL) {
        store_memory_crash(x->store);
    } else {
        store_close(x->store);
        open_store(x);
    }
    assert_keys(x, "", "", "b c ");
    assert_value(x, STORE_META, text("epoch"), text("2"));
    assert_value(x, STORE_OUTBOX, text("out"), text("rows"));
}

struct model {
    uint8_t present[256]; /* by key, one byte */
    uint8_t value[256];
};

static void change_both(struct fixture *x, struct model *m, struct chance *c)
{
    static const uint8_t end = 255;
    uint8_t key = (uint8_t)chance_below(c, end);
    uint8_t other = (uint8_t)chance_below(c, end);
    uint32_t kind = chance_below(c, 8);
    struct slice k = {(const char *)&key, 1};
    struct slice o = {(const char *)&other, 1};
    if (kind == 0) {
        store_batch_remove_range(x->batch, STORE_STATE, k, o);
        for (int i = key; i < other; i++) {
            m->present[i] = 0;
        }
    } else if (kind < 3) {
        store_batch_remove(x->batch, STORE_STATE, k);
        m->present[key] = 0;
    } else {
        store_batch_put(x->batch, STORE_STATE, k, o);
        m->present[key] = 1;
        m->value[key] = other;
    }
}

static void assert_both_equal(struct fixture *x, const struct model *m, uint8_t from, uint8_t to)
{
    struct store_iterator *i =
        store_iterate(x->store, STORE_STATE, (struct slice){(const char *)&from, 1},
                      (struct slice){(const char *)&to, 1});
    struct slice key;
    struct slice value;
    for (int k = from; k < to; k++) {
        if (m->present[k] == 0) {
            continue;
        }
        assert_int_equal(store_next(i, &key, &value, NULL), 1);
        assert_int_equal((uint8_t)key.data[0], k);
        assert_int_equal((uint8_t)value.data[0], m->value[k]);
    }
    assert_int_equal(store_next(i, &key, &value, NULL), 0);
    store_iterate_end(i);
}

static void random_batches_give_what_a_list_gives(void **state)
{
    struct fixture *x = *state;
    struct chance c = {7};
    struct model m = {0};
    for (uint32_t r = 0; r < rounds(300); r++) {
        struct model before = m;
        struct store_iterator *old =
            store_iterate(x->store, STORE_STATE, (struct slice){0}, (struct slice){0});
        for (uint32_t i = chance_below(&c, 30); i > 0; i--) {
            change_both(x, &m, &c);
        }
        assert_int_equal(store_write(x->store, x->batch, chance_below(&c, 9) == 0, NULL), 0);
        store_batch_clear(x->batch);
        assert_both_equal(x, &m, 0, 255);
        assert_both_equal(x, &m, (uint8_t)chance_below(&c, 255), (uint8_t)chance_below(&c, 255));
        struct slice key;
        struct slice value;
        uint32_t seen = 0;
        uint32_t expected = 0;
        for (int k = 0; k < 256; k++) {
            expected += before.present[k];
        }
        while (store_next(old, &key, &value, NULL) == 1) {
            assert_int_equal(before.value[(uint8_t)key.data[0]], (uint8_t)value.data[0]);
            seen++;
        }
        assert_int_equal(seen, expected);
        store_iterate_end(old);
    }
}

static void a_hundred_thousand_keys_are_kept(void **state)
{
    struct fixture *x = *state;
    struct chance c = {3};
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        uint64_t key = chance_next(&c);
        sum += key;
        store_batch_put(x->batch, STORE_STATE, (struct slice){(const char *)&key, sizeof key},
                        (struct slice){(const char *)&key, sizeof key});
    }
    write_all(x);
    struct store_iterator *i =
        store_iterate(x->store, STORE_STATE, (struct slice){0}, (struct slice){0});
    struct slice key;
    struct slice value;
    uint32_t count = 0;
    char last[8] = {0};
    while (store_next(i, &key, &value, NULL) == 1) {
        uint64_t number = 0;
        memcpy(&number, value.data, sizeof number);
        sum -= number;
        assert_true(key_compare(last, 8, key.data, key.size) <= 0);
        memcpy(last, key.data, 8);
        count++;
    }
    store_iterate_end(i);
    assert_int_equal(count, 100000);
    assert_true(sum == 0);
}

/* --- readers beside a writer --- */

struct reader_job {
    struct store *store;
    int *stop;
    int wrong; /* how often the two keys of a batch differed */
};

static void *read_pairs(void *context)
{
    struct reader_job *job = context;
    while (__atomic_load_n(job->stop, __ATOMIC_ACQUIRE) == 0) {
        struct store_iterator *i =
            store_iterate(job->store, STORE_STATE, (struct slice){0}, (struct slice){0});
        struct slice key;
        struct slice value;
        char first[4] = {0};
        while (store_next(i, &key, &value, NULL) == 1) {
            if (key.data[0] == 'a') {
                memcpy(first, value.data, 4);
            } else if (memcmp(first, value.data, 4) != 0) {
                job->wrong++;
            }
        }
        store_iterate_end(i);
        struct buffer b;
        buffer_init(&b, 16);
        int rc = store_get(job->store, STORE_STATE, text("a"), &b, NULL);
        job->wrong += rc != 0;
        buffer_deinit(&b);
    }
    return NULL;
}

static void a_reader_sees_a_batch_whole_or_not_at_all(void **state)
{
    struct fixture *x = *state;
    int stop = 0;
    struct reader_job jobs[2] = {{x->store, &stop, 0}, {x->store, &stop, 0}};
    pthread_t threads[2];
    put(x, STORE_STATE, "a", "0000");
    put(x, STORE_STATE, "b", "0000");
    write_all(x);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_pairs, &jobs[i]), 0);
    }
    for (uint32_t i = 0; i < rounds(2000); i++) {
        struct slice value = {(const char *)&i, sizeof i};
        store_batch_put(x->batch, STORE_STATE, text("a"), value);
        store_batch_put(x->batch, STORE_STATE, text("b"), value);
        assert_int_equal(store_write(x->store, x->batch, false, NULL), 0);
        store_batch_clear(x->batch);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(jobs[i].wrong, 0);
    }
}

/* --- the batch --- */

static void note_change(void *context, enum store_change change, enum store_family f,
                        struct slice key, struct slice value)
{
    struct buffer *seen = context;
    static const char kinds[] = {'p', 'r', 'R'};
    assert_int_equal(buffer_printf(seen, "%c%d %.*s=%.*s;", kinds[change], (int)f, (int)key.size,
                                   key.data, (int)value.size, value.data),
                     0);
}

static void a_batch_gives_its_changes_in_order(void **state)
{
    (void)state;
    struct store_batch *b = store_batch_create();
    char key[] = "key"; /* the batch has copies */
    store_batch_put(b, STORE_STATE, text(key), text("value"));
    key[0] = 'X';
    store_batch_remove(b, STORE_META, text("gone"));
    store_batch_remove_range(b, STORE_REDO, text("from"), text("to"));
    assert_in_range(store_batch_bytes(b), 8 + 4 + 6, 8 + 4 + 6 + 3 * 16);
    struct buffer seen;
    buffer_init(&seen, 1000);
    store_batch_each(b, note_change, &seen);
    assert_string_equal(seen.data, "p1 key=value;r0 gone=;R3 from=to;");
    buffer_deinit(&seen);
    store_batch_destroy(b);
}

static void a_cleared_batch_is_empty(void **state)
{
    (void)state;
    struct store_batch *b = store_batch_create();
    char *large = memory_zero(1, 20u << 20);
    store_batch_put(b, STORE_STATE, text("a"), text("1"));
    store_batch_put(b, STORE_STATE, text("b"), (struct slice){large, 10u << 20});
    store_batch_put(b, STORE_STATE, text("c"), (struct slice){large, 10u << 20});
    memory_free(large);
    store_batch_clear(b);
    assert_int_equal(store_batch_bytes(b), 0);
    struct buffer seen;
    buffer_init(&seen, 1000);
    store_batch_each(b, note_change, &seen);
    assert_int_equal(seen.size, 0);
    store_batch_put(b, STORE_OUTBOX, text("d"), text("2"));
    store_batch_each(b, note_change, &seen);
    assert_string_equal(seen.data, "p2 d=2;");
    buffer_deinit(&seen);
    store_batch_destroy(b);
}

static void a_steady_load_of_batches_allocates_nothing(void **state)
{
    (void)state;
    struct store_batch *b = store_batch_create();
    uint64_t before = 0;
    for (int round = 0; round < 3; round++) {
        store_batch_clear(b);
        for (uint32_t i = 0; i < 1000; i++) {
            store_batch_put(b, STORE_STATE, (struct slice){(const char *)&i, 4}, text("value"));
        }
        if (round == 0) {
            before = memory_allocation_count();
        }
    }
    assert_true(memory_allocation_count() == before);
    store_batch_destroy(b);
}

#define ON_BOTH(f)                                                                                 \
    {#f " (RocksDB)", f, begin_rocksdb, end, NULL},                                                \
    {                                                                                              \
#f " (memory)", f, begin_memory, end, NULL                                                 \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_value_comes_back_as_it_was_put),
        ON_BOTH(a_later_value_replaces_an_earlier_one),
        ON_BOTH(a_removed_key_is_gone_and_removing_it_again_is_nothing),
        ON_BOTH(families_do_not_see_each_other),
        ON_BOTH(a_value_is_appended_behind_what_the_buffer_holds),
        ON_BOTH(many_keys_are_read_at_once),
        ON_BOTH(many_keys_that_do_not_fit_are_a_limit),
        ON_BOTH(a_value_beyond_the_buffers_maximum_is_a_limit),
        ON_BOTH(values_may_be_empty),
        ON_BOTH(keys_are_bytes_nul_among_them),
        ON_BOTH(a_value_may_be_a_mebibyte_and_more),
        ON_BOTH(a_range_is_removed_without_its_end),
        ON_BOTH(an_empty_range_removes_nothing),
        ON_BOTH(the_changes_of_a_batch_take_effect_in_order),
        ON_BOTH(keys_come_in_the_order_of_their_bytes),
        ON_BOTH(a_walk_begins_at_its_bound_and_ends_before_the_other),
        ON_BOTH(a_walk_over_nothing_ends_at_once),
        ON_BOTH(a_walk_sees_the_store_as_it_was),
        ON_BOTH(what_was_synced_is_there_after_opening_again),
        ON_BOTH(random_batches_give_what_a_list_gives),
        ON_BOTH(a_hundred_thousand_keys_are_kept),
        ON_BOTH(a_reader_sees_a_batch_whole_or_not_at_all),
        cmocka_unit_test(a_batch_gives_its_changes_in_order),
        cmocka_unit_test(a_cleared_batch_is_empty),
        cmocka_unit_test(a_steady_load_of_batches_allocates_nothing),
    };
    return cmocka_run_group_tests_name("state/store", tests, NULL, NULL);
}

/*
 * The store in memory: each family is a treap (a tree ordered by key, balanced by the keys'
 * hashes) whose nodes count their owners. A node with one owner is changed in place; one with
 * more is copied first. So an iterator keeps the tree that it was opened on, a failed write drops
 * the tree that it built, and a crash goes back to the trees of the last synced write: each by
 * holding on to a root, without copying anything.
 *
 * Readers hold the lock only to take a root; what is reachable from it stays as it is.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "data/key.h"
#include "state/store.h"

struct node {
    atomic_uint owners;
    uint32_t key_size;
    uint32_t value_size;
    uint64_t weight; /* not below those of its children */
    struct node *left;
    struct node *right;
    char bytes[]; /* key, value */
};

struct memory_store {
    struct store base;
    pthread_mutex_t lock;    /* over the roots */
    pthread_mutex_t writing; /* from reading the roots until they are replaced */
    struct node *roots[STORE_FAMILY_COUNT];
    struct node *synced[STORE_FAMILY_COUNT];
    int fail_after; /* writes from now until the one that fails; 0: none does */
    int fail_code;
};

struct memory_iterator {
    struct store_iterator base;
    struct node *root;
    const struct node *at; /* what was given last; NULL before the first */
    char *from;
    char *to;
    size_t from_size;
    size_t to_size; /* 0: to the end */
};

/* --- nodes --- */

static struct node *node_create(struct slice key, struct slice value)
{
    struct node *n = memory_alloc(sizeof *n + key.size + value.size);
    atomic_init(&n->owners, 1);
    n->key_size = (uint32_t)key.size;
    n->value_size = (uint32_t)value.size;
    n->weight = hash_bytes(key.data, key.size);
    n->left = NULL;
    n->right = NULL;
    if (key.size > 0) {
        memcpy(n->bytes, key.data, key.size);
    }
    if (value.size > 0) {
        memcpy(n->bytes + key.size, value.data, value.size);
    }
    return n;
}

static struct slice key_of(const struct node *n)
{
    return (struct slice){n->bytes, n->key_size};
}

static struct slice value_of(const struct node *n)
{
    return (struct slice){n->bytes + n->key_size, n->value_size};
}

static int compare(const struct node *n, struct slice key)
{
    return key_compare(n->bytes, n->key_size, key.data, key.size);
}

static struct node *hold(struct node *n)
{
    if (n != NULL) {
        atomic_fetch_add(&n->owners, 1);
    }
    return n;
}

/* As deep as the tree, which is balanced: some fifty for a million keys. */
static void release(struct node *n)
{
    if (n != NULL && atomic_fetch_sub(&n->owners, 1) == 1) {
        release(n->left);
        release(n->right);
        memory_free(n);
    }
}

/* The node itself when nobody else has it, or a copy. Takes the caller's share of it. */
static struct node *make_own(struct node *n)
{
    if (atomic_load(&n->owners) == 1) {
        return n;
    }
    struct node *copy = node_create(key_of(n), value_of(n));
    copy->left = hold(n->left);
    copy->right = hold(n->right);
    release(n);
    return copy;
}

/* --- trees: these take the caller's share of what they are given --- */

/* Cut in two before the key, or behind it. */
static void split(struct node *n, struct slice key, bool behind, struct node **low,
                  struct node **high)
{
    if (n == NULL) {
        *low = NULL;
        *high = NULL;
        return;
    }
    n = make_own(n);
    int order = compare(n, key);
    if (order < 0 || (order == 0 && behind)) {
        split(n->right, key, behind, &n->right, high);
        *low = n;
    } else {
        split(n->left, key, behind, low, &n->left);
        *high = n;
    }
}

/* All keys of low are below those of high. */
static struct node *join(struct node *low, struct node *high)
{
    if (low == NULL || high == NULL) {
        return low == NULL ? high : low;
    }
    if (low->weight >= high->weight) {
        low = make_own(low);
        low->right = join(low->right, high);
        return low;
    }
    high = make_own(high);
    high->left = join(low, high->left);
    return high;
}

static void apply(void *context, enum store_change change, enum store_family f, struct slice key,
                  struct slice value)
{
    struct node **roots = context;
    struct node *low = NULL;
    struct node *middle = NULL;
    struct node *high = NULL;
    split(roots[f], key, false, &low, &high);
    if (change == STORE_REMOVE_RANGE) {
        split(high, value, false, &middle, &high);
    } else {
        split(high, key, true, &middle, &high);
    }
    release(middle);
    if (change == STORE_PUT) {
        low = join(low, node_create(key, value));
    }
    roots[f] = join(low, high);
}

/* --- the store --- */

static void hold_all(struct node *into[STORE_FAMILY_COUNT], struct node *const *from)
{
    for (int f = 0; f < STORE_FAMILY_COUNT; f++) {
        into[f] = hold(from[f]);
    }
}

static void release_all(struct node *roots[STORE_FAMILY_COUNT])
{
    for (int f = 0; f < STORE_FAMILY_COUNT; f++) {
        release(roots[f]);
        roots[f] = NULL;
    }
}

static const struct node *find(const struct node *n, struct slice key)
{
    int order = 0;
    while (n != NULL && (order = compare(n, key)) != 0) {
        n = order < 0 ? n->right : n->left;
    }
    return n;
}

static int memory_get(struct store *s, enum store_family f, struct slice key, struct buffer *value,
                      struct error *e)
{
    struct memory_store *m = (struct memory_store *)s;
    pthread_mutex_lock(&m->lock);
    struct node *root = hold(m->roots[f]);
    pthread_mutex_unlock(&m->lock);
    const struct node *n = find(root, key);
    int rc = n == NULL ? MILL_ENOENT : buffer_append(value, value_of(n).data, n->value_size);
    release(root);
    return rc == 0 ? 0 : error_set(e, rc, "store in memory: %s", error_text(rc));
}

static int memory_get_many(struct store *s, struct store_lookup *l, struct error *e)
{
    struct memory_store *m = (struct memory_store *)s;
    pthread_mutex_lock(&m->lock);
    struct node *root = hold(m->roots[l->family]);
    pthread_mutex_unlock(&m->lock);
    size_t bytes = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct node *n = find(root, l->keys[i]);
        bytes += n == NULL ? 0 : n->value_size;
    }
    int rc = buffer_reserve(l->values, bytes); /* it must not move while `found` fills */
    for (uint32_t i = 0; i < l->count && rc == 0; i++) {
        const struct node *n = find(root, l->keys[i]);
        l->found[i] = (struct slice){0};
        if (n != NULL) {
            const char *at = n->value_size == 0 ? "" : l->values->data + l->values->size;
            l->found[i] = (struct slice){at, n->value_size};
            rc = buffer_append(l->values, value_of(n).data, n->value_size);
        }
    }
    release(root);
    return rc == 0 ? 0 : error_set(e, rc, "store in memory: %s", error_text(rc));
}

static bool fails_now(struct memory_store *m)
{
    return m->fail_after > 0 && --m->fail_after == 0 && m->fail_code != 0;
}

static int write_alone(struct memory_store *m, const struct store_batch *b, bool sync,
                       struct error *e)
{
    if (fails_now(m)) {
        return error_set(e, m->fail_code, "store in memory: told to fail: %s",
                         error_text(m->fail_code));
    }
    struct node *roots[STORE_FAMILY_COUNT];
    struct node *replaced[STORE_FAMILY_COUNT];
    hold_all(roots, m->roots);
    store_batch_each(b, apply, roots);
    pthread_mutex_lock(&m->lock);
    memcpy(replaced, m->roots, sizeof replaced);
    memcpy(m->roots, roots, sizeof roots);
    pthread_mutex_unlock(&m->lock);
    release_all(replaced);
    if (sync) {
        release_all(m->synced);
        hold_all(m->synced, m->roots);
    }
    return 0;
}

static int memory_write(struct store *s, const struct store_batch *b, bool sync, struct error *e)
{
    struct memory_store *m = (struct memory_store *)s;
    pthread_mutex_lock(&m->writing);
    int rc = write_alone(m, b, sync, e);
    pthread_mutex_unlock(&m->writing);
    return rc;
}

static const struct node *first_from(const struct node *n, struct slice key, bool behind)
{
    const struct node *best = NULL;
    while (n != NULL) {
        int order = compare(n, key);
        bool beyond = order > 0 || (order == 0 && !behind);
        best = beyond ? n : best;
        n = beyond ? n->left : n->right;
    }
    return best;
}

static struct store_iterator *memory_iterate(struct store *s, enum store_family f,
                                             struct slice from, struct slice to)
{
    struct memory_store *m = (struct memory_store *)s;
    struct memory_iterator *i = memory_zero(1, sizeof *i);
    i->base.ops = s->ops;
    i->from = memory_copy(from.data, from.size);
    i->from_size = from.size;
    i->to = memory_copy(to.data, to.size);
    i->to_size = to.size;
    pthread_mutex_lock(&m->lock);
    i->root = hold(m->roots[f]);
    pthread_mutex_unlock(&m->lock);
    return &i->base;
}

/* Each step looks from the root: the nodes know no parent, as they may have several. */
static int memory_next(struct store_iterator *base, struct slice *key, struct slice *value,
                       struct error *e)
{
    (void)e;
    struct memory_iterator *i = (struct memory_iterator *)base;
    struct slice from = {i->from, i->from_size};
    const struct node *n =
        i->at == NULL ? first_from(i->root, from, false) : first_from(i->root, key_of(i->at), true);
    if (n == NULL || (i->to_size > 0 && compare(n, (struct slice){i->to, i->to_size}) >= 0)) {
        return 0;
    }
    i->at = n;
    *key = key_of(n);
    *value = value_of(n);
    return 1;
}

static void memory_iterate_end(struct store_iterator *base)
{
    struct memory_iterator *i = (struct memory_iterator *)base;
    release(i->root);
    memory_free(i->from);
    memory_free(i->to);
    memory_free(i);
}

static void memory_close(struct store *s)
{
    struct memory_store *m = (struct memory_store *)s;
    release_all(m->roots);
    release_all(m->synced);
    pthread_mutex_destroy(&m->lock);
    pthread_mutex_destroy(&m->writing);
    memory_free(m);
}

static const struct store_ops memory_ops = {
    .get = memory_get,
    .get_many = memory_get_many,
    .write = memory_write,
    .iterate = memory_iterate,
    .next = memory_next,
    .iterate_end = memory_iterate_end,
    .close = memory_close,
};

struct store *store_create_memory(void)
{
    struct memory_store *m = memory_zero(1, sizeof *m);
    m->base.ops = &memory_ops;
    pthread_mutex_init(&m->lock, NULL);
    pthread_mutex_init(&m->writing, NULL);
    return &m->base;
}

void store_memory_crash(struct store *s)
{
    check(s->ops == &memory_ops);
    struct memory_store *m = (struct memory_store *)s;
    pthread_mutex_lock(&m->lock);
    release_all(m->roots);
    hold_all(m->roots, m->synced);
    pthread_mutex_unlock(&m->lock);
}

void store_memory_fail(struct store *s, int after_writes, int code)
{
    check(s->ops == &memory_ops);
    struct memory_store *m = (struct memory_store *)s;
    check(after_writes >= 0 && code <= 0);
    m->fail_after = after_writes;
    m->fail_code = code;
}

#include "io/file_registry.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

#define MATCH_NEW   UINT32_MAX
#define MATCH_ALIAS (UINT32_MAX - 1)
#define SERIALS_MAX (UINT32_MAX - 2)

#define RETIRED_FORGET_MS (10 * 60 * 1000)

#define NS_PER_MS 1000000
#define US_PER_MS 1000

void file_registry_init(struct file_registry *r)
{
    *r = (struct file_registry){0};
}

void file_registry_deinit(struct file_registry *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        memory_free(r->files[i].name);
    }
    memory_free(r->files);
    memory_free(r->forgotten);
    memory_free(r->matches);
    memory_free(r->index);
    memory_free(r->older);
    *r = (struct file_registry){0};
}

static struct known_file *append(struct file_registry *r)
{
    if (r->count == r->capacity) {
        r->capacity = r->capacity == 0 ? 64 : r->capacity * 2;
        r->files = memory_grow(r->files, (size_t)r->capacity * sizeof *r->files);
    }
    return &r->files[r->count++];
}

struct known_file *file_registry_find(struct file_registry *r, uint32_t serial)
{
    uint32_t low = 0;
    uint32_t high = r->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (r->files[middle].serial < serial) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < r->count && r->files[low].serial == serial ? &r->files[low] : NULL;
}

/* --- which listed file is which known one --- */

static uint32_t *slot_of(const struct file_registry *r, const struct file_identity *id)
{
    return &r->index[(uint32_t)hash_bytes(&id->inode, sizeof id->inode) & r->index_mask];
}

static void add_to_index(struct file_registry *r, uint32_t i)
{
    uint32_t *slot = slot_of(r, &r->files[i].identity);
    r->older[i] = *slot;
    *slot = i + 1;
}

/* Room for all that are known and all that may be new. An inode may have had thousands of files,
 * one after the other: those of a slot are a chain, in which the newest is found first. */
static void build_index(struct file_registry *r)
{
    size_t needed = (size_t)r->count + r->list->count + 1;
    size_t size = 64;
    while (size < needed) {
        size *= 2;
    }
    if (r->index == NULL || r->index_mask + (size_t)1 < size) {
        memory_free(r->index);
        memory_free(r->older);
        r->index = memory_alloc(size * sizeof *r->index);
        r->older = memory_alloc(size * sizeof *r->older);
        r->index_mask = (uint32_t)(size - 1);
    }
    memset(r->index, 0, ((size_t)r->index_mask + 1) * sizeof *r->index);
    for (uint32_t i = 0; i < r->count; i++) {
        if ((r->files[i].flags & FILE_RETIRED) == 0) {
            add_to_index(r, i);
        }
    }
}

static struct known_file *find_identity(struct file_registry *r, const struct file_identity *id)
{
    for (uint32_t i = *slot_of(r, id); i != 0; i = r->older[i - 1]) {
        struct known_file *f = &r->files[i - 1];
        if ((f->flags & FILE_RETIRED) == 0 && file_identity_equal(&f->identity, id)) {
            return f;
        }
    }
    return NULL;
}

static void set_packed(struct known_file *f)
{
    f->flags = (uint8_t)(f->flags & ~FILE_PACKED);
    f->flags |= text_ends_with(f->name, ".gz") ? FILE_PACKED : 0;
}

static void rename_file(struct known_file *f, const char *name)
{
    memory_free(f->name);
    f->name = memory_text(name);
    f->is_dirty = true;
    if (f->head.size == 0) {
        set_packed(f); /* it was not read yet: the new name says what it is */
    }
}

static void take_over(const struct file_registry *r, struct known_file *f,
                      const struct listed_file *listed)
{
    bool changed = f->size != listed->size || f->mtime_ns != listed->mtime_ns;
    if (changed || f->changed_us == 0) {
        f->changed_us = r->when.elapsed_us;
    }
    f->is_stuck = f->is_stuck && !changed;
    f->size = listed->size;
    f->mtime_ns = listed->mtime_ns;
    int64_t unchanged_us = r->when.elapsed_us - f->changed_us;
    int64_t age_ms = r->when.now_ms - listed->mtime_ns / NS_PER_MS;
    f->is_still = unchanged_us >= r->when.still_ms * US_PER_MS ||
                  age_ms >= r->when.still_ms + FILE_CLOCKS_APART_MS;
    f->must_check = false;
}

static void note_listed(struct file_registry *r, struct known_file *f,
                        const struct listed_file *listed)
{
    f->is_listed = true;
    if ((f->flags & FILE_MISSED) != 0) {
        f->flags = (uint8_t)(f->flags & ~FILE_MISSED);
        f->missed_ms = 0;
        f->is_dirty = true;
    }
    if (strcmp(f->name, listed->name) != 0) {
        rename_file(f, listed->name);
    }
    bool changed = f->size != listed->size || f->mtime_ns != listed->mtime_ns;
    f->must_check = (changed || f->is_another) && f->head.size > 0;
    f->is_another = false;
    if (!f->must_check) {
        take_over(r, f, listed);
    }
}

void file_registry_match(struct file_registry *r, const struct file_list *list,
                         const struct file_moment *when)
{
    check(when->elapsed_us > 0);
    r->list = list;
    r->when = *when;
    build_index(r);
    r->matches = memory_grow(r->matches, ((size_t)list->count + 1) * sizeof *r->matches);
    for (uint32_t i = 0; i < r->count; i++) {
        r->files[i].is_listed = r->files[i].is_blocked = r->files[i].must_check = false;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        struct known_file *f = find_identity(r, &list->files[i].identity);
        if (f == NULL) {
            r->matches[i] = MATCH_NEW;
        } else if (f->is_listed) {
            r->matches[i] = MATCH_ALIAS;
        } else {
            r->matches[i] = (uint32_t)(f - r->files);
            f->listed_at = i;
            note_listed(r, f, &list->files[i]);
        }
    }
}

struct known_file *file_registry_next_check(struct file_registry *r, uint32_t *at)
{
    while (*at < r->list->count) {
        uint32_t match = r->matches[(*at)++];
        if (match < MATCH_ALIAS && r->files[match].must_check) {
            return &r->files[match];
        }
    }
    return NULL;
}

void file_registry_accept(struct file_registry *r, struct known_file *f)
{
    check(f->is_listed && f->listed_at < r->list->count);
    take_over(r, f, &r->list->files[f->listed_at]);
}

/* --- what a listing adds and takes away --- */

static void mark_missed(const struct file_registry *r, struct known_file *f)
{
    f->flags |= FILE_MISSED;
    f->missed_ms = r->when.now_ms;
    f->is_dirty = true;
}

void file_registry_retire(struct file_registry *r, struct known_file *f)
{
    check(f->is_listed && f->listed_at < r->list->count);
    r->matches[f->listed_at] = MATCH_NEW;
    f->is_listed = false;
    file_registry_reread(r, f);
}

void file_registry_reread(struct file_registry *r, struct known_file *f)
{
    (void)r;
    f->flags |= FILE_RETIRED;
    f->is_dirty = true;
}

void file_registry_skip(struct file_registry *r, struct known_file *f)
{
    (void)r;
    f->flags |= FILE_NEVER;
    f->head = (struct file_head){0}; /* from now on it is what it is now */
    f->offset = f->next_offset = 0;
    f->packed_size = f->next_packed_size = 0;
    f->is_dirty = true;
}

static int add_new(struct file_registry *r, const struct listed_file *listed, bool is_read,
                   struct error *e)
{
    if (r->source.next_serial >= SERIALS_MAX) {
        return error_set(e, MILL_ELIMIT, "this source has seen %u files; no more can be numbered",
                         r->source.next_serial);
    }
    struct known_file *f = append(r);
    *f = (struct known_file){
        .serial = r->source.next_serial++,
        .flags = is_read ? 0 : FILE_NEVER,
        .name = memory_text(listed->name),
        .identity = listed->identity,
        .is_listed = true,
        .is_dirty = true,
    };
    set_packed(f);
    take_over(r, f, listed);
    add_to_index(r, r->count - 1);
    r->is_source_dirty = true;
    return 0;
}

static void forget(struct file_registry *r, struct known_file *f)
{
    if (r->forgotten_count == r->forgotten_capacity) {
        r->forgotten_capacity = r->forgotten_capacity == 0 ? 64 : r->forgotten_capacity * 2;
        r->forgotten =
            memory_grow(r->forgotten, (size_t)r->forgotten_capacity * sizeof *r->forgotten);
    }
    r->forgotten[r->forgotten_count++] = f->serial;
    memory_free(f->name);
}

static void forget_missed(struct file_registry *r)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        struct known_file *f = &r->files[i];
        if (!f->is_listed && (f->flags & FILE_MISSED) == 0) {
            mark_missed(r, f);
        }
        /* One that is another file now never comes back. */
        int64_t wait_ms = (f->flags & FILE_RETIRED) != 0 ? RETIRED_FORGET_MS : FILE_FORGET_MS;
        bool is_missed = (f->flags & FILE_MISSED) != 0;
        if (is_missed && r->when.now_ms - f->missed_ms >= wait_ms) {
            forget(r, f);
        } else {
            r->files[kept++] = *f;
        }
    }
    r->count = kept;
}

int file_registry_settle(struct file_registry *r, bool is_read, struct error *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < r->list->count && rc == 0; i++) {
        const struct listed_file *listed = &r->list->files[i];
        const struct known_file *known =
            r->matches[i] == MATCH_NEW ? find_identity(r, &listed->identity) : NULL;
        bool is_alias = known != NULL && known->is_listed; /* of one that was new just now */
        if (r->matches[i] == MATCH_NEW && !is_alias) {
            rc = add_new(r, listed, is_read, e);
        }
    }
    if (r->list->count > 0) {
        forget_missed(r);
    }
    r->is_source_dirty = r->is_source_dirty || !r->source.was_polled;
    r->source.was_polled = true;
    r->list = NULL;
    return rc;
}

/* --- the store --- */

static int load_one(struct file_registry *r, struct slice key, struct slice value, struct error *e)
{
    if (key.size == file_record_source_key(0).size) {
        return file_source_record_decode(key, value, &r->source, e);
    }
    struct known_file f;
    int rc = file_record_decode(key, value, &f, e);
    if (rc != 0) {
        return rc;
    }
    *append(r) = f;
    if (f.serial >= r->source.next_serial) {
        return error_set(e, MILL_ECORRUPT,
                         "the record META f/%u/%u of a known file is beyond the "
                         "last serial number",
                         bytes_get_u16(key.data + 1), f.serial);
    }
    return 0;
}

int file_registry_load(struct file_registry *r, uint16_t source, struct store *store,
                       struct error *e)
{
    struct store_key from = file_record_source_key(source);
    struct store_key to = file_record_end_key(source);
    struct store_iterator *i =
        store_iterate(store, STORE_META, store_key_slice(&from), store_key_slice(&to));
    struct slice key;
    struct slice value;
    int rc = store_next(i, &key, &value, e);
    while (rc == 1) {
        rc = load_one(r, key, value, e);
        rc = rc == 0 ? store_next(i, &key, &value, e) : rc;
    }
    store_iterate_end(i);
    return rc;
}

static void put(struct store_batch *batch, const struct store_key *key, const struct buffer *value)
{
    store_batch_put(batch, STORE_META, store_key_slice(key),
                    (struct slice){value->data, value->size});
}

void file_registry_commit_into(struct file_registry *r, uint16_t source, struct store_batch *batch)
{
    struct buffer value;
    buffer_init(&value, FILE_RECORD_BYTES_MAX);
    if (r->is_source_dirty) {
        struct store_key key = file_record_source_key(source);
        file_source_record_encode(&r->source, &value);
        put(batch, &key, &value);
    }
    for (uint32_t i = 0; i < r->forgotten_count; i++) {
        struct store_key key = file_record_key(source, r->forgotten[i]);
        store_batch_remove(batch, STORE_META, store_key_slice(&key));
    }
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->files[i].is_dirty) {
            struct store_key key = file_record_key(source, r->files[i].serial);
            buffer_clear(&value);
            file_record_encode(&r->files[i], &value);
            put(batch, &key, &value);
        }
    }
    buffer_deinit(&value);
}

void file_registry_committed(struct file_registry *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        struct known_file *f = &r->files[i];
        f->is_dirty = false;
        f->offset = f->next_offset;
        f->packed_size = f->next_packed_size;
    }
    r->is_source_dirty = false;
    r->forgotten_count = 0;
}

void file_registry_abandon(struct file_registry *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        struct known_file *f = &r->files[i];
        f->next_offset = f->offset;
        f->next_packed_size = f->packed_size;
    }
}

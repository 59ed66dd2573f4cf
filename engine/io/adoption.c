#include "io/adoption.h"

#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "io/target.h"

#define PATH_BYTES_MAX   4096
#define STORES_BYTES_MAX ((size_t)64 * 1024)

static struct slice key_of(const char *folder, struct buffer *key)
{
    buffer_init(key, (size_t)2 * PATH_BYTES_MAX);
    int rc = buffer_append_byte(key, 'a');
    rc = rc == 0 ? buffer_append_text(key, folder) : rc;
    check(rc == 0);
    return (struct slice){key->data, key->size};
}

int adoption_load(struct adoption *a, struct store *store, const char *folder, bool is_open,
                  struct error *e)
{
    *a = (struct adoption){.is_open = is_open};
    buffer_init(&a->stores, STORES_BYTES_MAX);
    struct buffer key;
    int rc = store_get(store, STORE_META, key_of(folder, &key), &a->stores, e);
    buffer_deinit(&key);
    if (rc == 0 && a->stores.size % STORE8_BYTES != 0) {
        rc = error_set(e, MILL_ECORRUPT, "the record of what was adopted in %s is damaged", folder);
    }
    return rc == MILL_ENOENT ? 0 : rc;
}

void adoption_deinit(struct adoption *a)
{
    buffer_deinit(&a->stores);
}

bool adoption_takes(struct adoption *a, const char *store8)
{
    if (strlen(store8) != STORE8_BYTES) {
        return false;
    }
    for (size_t at = 0; at < a->stores.size; at += STORE8_BYTES) {
        if (memcmp(a->stores.data + at, store8, STORE8_BYTES) == 0) {
            return true;
        }
    }
    if (!a->is_open || buffer_append(&a->stores, store8, STORE8_BYTES) != 0) {
        return false;
    }
    a->is_changed = true;
    return true;
}

int adoption_save(struct adoption *a, struct store *store, const char *folder, struct error *e)
{
    if (!a->is_changed) {
        return 0;
    }
    struct buffer key;
    struct store_batch *batch = store_batch_create();
    store_batch_put(batch, STORE_META, key_of(folder, &key),
                    (struct slice){a->stores.data, a->stores.size});
    int rc = store_write(store, batch, true, e);
    store_batch_destroy(batch);
    buffer_deinit(&key);
    if (rc == 0) {
        log_warn("%s is taken over; what another store has written there stays", folder);
        a->is_changed = false;
    }
    return rc;
}

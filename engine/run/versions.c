#include "run/versions.h"

#include <inttypes.h>

#include "base/memory.h"
#include "base/text.h"
#include "run/data_folder.h"
#include "state/keys.h"

#define TEXT_BYTES_MAX ((size_t)256 << 20)

int versions_read(struct store *store, uint8_t slot, struct source_text *text, struct error *e)
{
    struct store_key key = store_key_script(slot);
    struct buffer value;
    buffer_init(&value, TEXT_BYTES_MAX);
    int rc = store_get(store, STORE_META, store_key_slice(&key), &value, e);
    if (rc == 0) {
        rc = source_text_decode((struct slice){value.data, value.size}, text, e);
    }
    buffer_deinit(&value);
    return rc;
}

static int put(struct store_batch *batch, uint8_t slot, const struct source_text *text,
               struct error *e)
{
    struct store_key key = store_key_script(slot);
    struct buffer value;
    buffer_init(&value, TEXT_BYTES_MAX);
    int rc = source_text_encode(text, &value);
    if (rc == 0) {
        store_batch_put(batch, STORE_META, store_key_slice(&key),
                        (struct slice){value.data, value.size});
    } else {
        rc = error_set(e, rc, "the script and its modules are too large for the store");
    }
    buffer_deinit(&value);
    return rc;
}

int versions_commit_into(struct store *store, struct store_batch *batch,
                         const struct source_text *text, struct error *e)
{
    struct source_text newest;
    int rc = versions_read(store, 0, &newest, e);
    if (rc == 0) {
        /* One that only moved is not another version. */
        bool is_another = source_text_hash(&newest) != source_text_hash(text);
        rc = is_another ? put(batch, 1, &newest, e) : 0;
        source_text_deinit(&newest);
    }
    return rc == 0 || rc == MILL_ENOENT ? put(batch, 0, text, e) : rc;
}

static int refuse(const char *data_folder, uint32_t number, struct store *store, struct error *e)
{
    struct source_text text;
    uint32_t count = 0;
    while (count < VERSIONS_KEPT && versions_read(store, (uint8_t)count, &text, NULL) == 0) {
        source_text_deinit(&text);
        count++;
    }
    return error_set(e, MILL_EINVAL,
                     "--stored %" PRIu32 ": %s keeps %" PRIu32
                     " versions of the script; 1 is the newest",
                     number, data_folder, count);
}

static bool has_store(const char *data_folder)
{
    struct disk disk = disk_real();
    struct disk_entry entry;
    char *path = text_path(data_folder, "store");
    bool found = disk_look(&disk, path, &entry, NULL) == 0 && entry.exists;
    memory_free(path);
    return found;
}

int versions_read_stored(const char *data_folder, uint32_t number, struct source_text *text,
                         struct error *e)
{
    struct data_folder d;
    if (!has_store(data_folder)) {
        return error_set(e, MILL_EINVAL, "--stored: there is no store in %s", data_folder);
    }
    int rc = data_folder_open(&d, data_folder, false, e);
    if (rc != 0) {
        return rc;
    }
    bool is_kept = number >= 1 && number <= VERSIONS_KEPT;
    rc = is_kept ? versions_read(d.store, (uint8_t)(number - 1), text, e) : MILL_ENOENT;
    rc = rc == MILL_ENOENT ? refuse(data_folder, number, d.store, e) : rc;
    data_folder_close(&d);
    return rc;
}

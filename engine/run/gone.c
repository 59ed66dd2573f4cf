#include "run/gone.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "base/memory.h"
#include "state/keys.h"

#define NUMBER_BYTES sizeof(uint16_t)

/* Mark the numbers at which the keys of a range end. */
static int mark_numbers(struct store *store, enum store_family family, struct slice from,
                        struct slice to, bool *marks, struct error *e)
{
    struct store_iterator *i = store_iterate(store, family, from, to);
    struct slice key;
    struct slice value;
    int rc = store_next(i, &key, &value, e);
    while (rc == 1) {
        if (key.size > NUMBER_BYTES) {
            marks[bytes_get_u16(key.data + key.size - NUMBER_BYTES)] = true;
        }
        rc = store_next(i, &key, &value, e);
    }
    store_iterate_end(i);
    return rc;
}

static void remove_unmarked(struct identity_set *set, const bool *marks)
{
    for (uint32_t k = set->count; k-- > 0;) {
        const struct identity *i = &set->items[k];
        if (i->category == IDENTITY_OUTPUT && !i->is_present && !marks[i->number]) {
            identity_set_remove(set, k);
        }
    }
}

int gone_forget(struct store *store, struct identity_set *set, struct error *e)
{
    if (set->count <= LIMIT_MEMBERS_KEPT) {
        return 0;
    }
    struct slice none = {"", 0};
    struct slice from = {"r", 1}; /* open files: store_key_roll */
    struct slice to = {"s", 1};
    bool *marks = memory_zero(UINT16_MAX + 1, sizeof *marks);
    int rc = mark_numbers(store, STORE_OUTBOX, none, none, marks, e);
    rc = rc == 0 ? mark_numbers(store, STORE_META, from, to, marks, e) : rc;
    if (rc == 0) {
        remove_unmarked(set, marks);
    }
    memory_free(marks);
    return rc;
}

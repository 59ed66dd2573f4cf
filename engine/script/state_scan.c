#include "script/state_scan.h"

#include "base/check.h"
#include "base/limits.h"
#include "data/key.h"
#include "state/keys.h"

#define GROUPS_PER_SHARD (KEY_GROUP_COUNT / SHARD_COUNT)

void state_scan_open(struct state_scan *s, const struct stage_task *task)
{
    *s = (struct state_scan){.task = task};
    if (task->initial != NULL) {
        return;
    }
    char from[STATE_KEY_HEAD_BYTES];
    char to[STATE_KEY_HEAD_BYTES];
    store_state_head(from, task->operator_number, (uint16_t)(task->shard * GROUPS_PER_SHARD));
    store_state_head(to, task->operator_number, (uint16_t)((task->shard + 1) * GROUPS_PER_SHARD));
    s->iterator = store_iterate(task->store, STORE_STATE, (struct slice){from, sizeof from},
                                (struct slice){to, sizeof to});
}

void state_scan_close(struct state_scan *s)
{
    if (s->iterator != NULL) {
        store_iterate_end(s->iterator);
    }
    *s = (struct state_scan){0};
}

static int next_initial(struct state_scan *s)
{
    while (s->at < s->task->initial_count) {
        const struct stage_initial *i = &s->task->initial[s->at++];
        if (i->key_group / GROUPS_PER_SHARD == s->task->shard) {
            s->key_group = i->key_group;
            s->key = (struct slice){i->key, i->key_size};
            s->value = (struct slice){i->value, i->value_size};
            s->is_initial = true;
            return 1;
        }
    }
    return 0;
}

int state_scan_next(struct state_scan *s, struct error *e)
{
    if (s->iterator == NULL) {
        return next_initial(s);
    }
    struct slice key;
    int rc = store_next(s->iterator, &key, &s->value, e);
    if (rc != 1) {
        return rc;
    }
    if (key.size <= STATE_KEY_HEAD_BYTES) {
        return error_set(e, MILL_ECORRUPT, "a key of the state is damaged");
    }
    s->key_group = bytes_get_u16(key.data + 2);
    s->key = (struct slice){key.data + STATE_KEY_HEAD_BYTES, key.size - STATE_KEY_HEAD_BYTES};
    return 1;
}

int state_scan_compare(const struct state_scan *s, const struct shuffle_entry *entry)
{
    if (entry->key_group != s->key_group) {
        return entry->key_group < s->key_group ? -1 : 1;
    }
    return key_compare(entry->key, entry->key_size, s->key.data, s->key.size);
}

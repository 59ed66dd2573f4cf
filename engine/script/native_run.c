#include "script/native_run.h"

#include "script/dead_letter.h"

/* Count in C: the value of each record is its key, or there is no key at all. */
static void count_slot(struct table *t, uint32_t slot, uint64_t by)
{
    struct mill_slot *s = &t->shared.slots[slot];
    if (s->kind == MILL_EMPTY) {
        *s = (struct mill_slot){.kind = MILL_NUMBER, .count = 1};
        mill_table_touch(&t->shared, slot);
        s = &t->shared.slots[slot];
    }
    s->num += (double)by;
}

static int count_text(struct host *h, uint32_t operator_id, struct table *t, struct slice text,
                      uint64_t offset, struct error *e)
{
    uint32_t slot = mill_table_string(&t->shared, text.data, text.size);
    if (slot == 0) {
        return dead_letter_of_record(h, operator_id, offset, text, "the key is longer than 64 KiB",
                                     e);
    }
    count_slot(t, slot, 1);
    return 0;
}

/* Words are mostly in the dictionary: word number -> slot, as the Lua loops do it. */
static int count_words(struct host *h, uint32_t segment, uint32_t count, struct error *e)
{
    const struct graph_segment *s = &h->graph->segments[segment];
    struct table *t = &h->tables[s->to];
    const struct mill_splitter *splitter = &h->splitters[s->splitter];
    uint32_t operator_id = h->graph->stages[s->to].operator_id;
    uint32_t *known = h->known_slots[segment];
    int rc = 0;
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        uint32_t id = splitter->words[i].id;
        if (id != 0 && known[id] != 0) {
            struct mill_slot *slot = &t->shared.slots[known[id]];
            if (slot->kind == MILL_NUMBER) {
                slot->num += 1;
                continue;
            }
        }
        struct slice word = splitter_word(splitter, i);
        uint64_t offset = h->position.text_offset + (uint64_t)(word.data - h->position.text);
        rc = count_text(h, operator_id, t, word, offset, e);
        if (id != 0 && rc == 0) {
            known[id] = mill_table_string(&t->shared, word.data, word.size);
        }
    }
    return rc;
}

int native_run(struct host *h, uint32_t segment, uint32_t count, struct error *e)
{
    const struct graph_segment *s = &h->graph->segments[segment];
    const struct graph_stage *stage = &h->graph->stages[s->to];
    struct table *t = &h->tables[s->to];
    h->counters[stage->operator_id].elements += count;
    int rc = 0;
    if (stage->is_global) {
        count_slot(t, 1, count);
    } else if (s->input == INPUT_WORDS) {
        rc = count_words(h, segment, count, e);
    } else {
        for (uint32_t i = 0; i < count && rc == 0; i++) {
            struct slice line = {h->lines[i].ptr, h->lines[i].len};
            uint64_t offset = h->position.text_offset + (uint64_t)(line.data - h->position.text);
            rc = count_text(h, stage->operator_id, t, line, offset, e);
        }
    }
    return rc == 0 ? host_relieve_tables(h, false, e) : rc;
}

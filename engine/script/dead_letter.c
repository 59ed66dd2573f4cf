#include "script/dead_letter.h"

#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "data/json.h"

#define FRAME_START "\n\tat "
#define ANY         UINT32_MAX

/* Of one key, and one more: a letter that is too large would be dropped. */
#define VALUES_BYTES_MAX (8 * MIB)

/* Where one record of the running chunk came from. */
struct place {
    bool has_offset;
    uint64_t offset;
    bool has_ordinal;
    uint32_t ordinal;
    struct slice record;
};

const char *dead_letter_label(const struct host *h, uint32_t operator_id)
{
    return operator_id == 0 ? "reading" : h->graph->operators[operator_id].label;
}

static struct place find_place(const struct host *h, uint32_t index)
{
    struct place p = {0};
    const struct host_position *at = &h->position;
    switch (at->input) {
    case INPUT_LINES:
    case INPUT_RECORDS:
        p.record = (struct slice){h->input.lines[index].ptr, h->input.lines[index].len};
        p.offset = at->text_offset + (uint64_t)(p.record.data - at->text);
        p.has_offset = true;
        break;
    case INPUT_WORDS:
        p.record = splitter_line(at->splitter, index, &p.ordinal);
        p.offset = at->text_offset + (uint64_t)(p.record.data - at->text);
        p.has_offset = true;
        p.has_ordinal = true;
        break;
    case INPUT_CELLS:
        p.offset = at->text_offset;
        p.has_offset = true;
        p.ordinal = at->cells_before + index;
        p.has_ordinal = true;
        break;
    case INPUT_GROUPS:
    case INPUT_TEE:
        break;
    }
    return p;
}

/* Index in the chunk at the source or stage of the element at h->control. */
static uint32_t root_index(const struct host *h, uint32_t segment)
{
    const struct graph_segment *s = &h->graph->segments[segment];
    return s->input == INPUT_TEE ? h->tees[s->from].origin[h->control.i] : h->control.i;
}

static void add_name(struct buffer *b, const char *name)
{
    json_add_text(b, b->size > 0 && b->data[b->size - 1] == '{' ? "\"" : ",\"");
    json_add_text(b, name);
    json_add_text(b, "\":");
}

static void add_number(struct buffer *b, const char *name, uint64_t v)
{
    add_name(b, name);
    json_add_uint64(b, v);
}

static void add_bytes(struct buffer *b, const char *name, struct slice bytes)
{
    if (text_is_utf8(bytes.data, bytes.size) || bytes.size == 0) {
        add_name(b, name);
        json_add_string(b, bytes.data, bytes.size);
        return;
    }
    json_add_text(b, ",\"");
    json_add_text(b, name);
    json_add_text(b, "_base64\":");
    json_add_base64(b, bytes.data, bytes.size);
}

/* "segment1:1: " is where generated code raised an error: nothing that a user knows. */
static const char *without_segment(const char *message)
{
    if (!text_starts_with(message, "segment")) {
        return message;
    }
    size_t digits = strspn(message + 7, "0123456789");
    const char *rest = message + 7 + digits;
    return digits > 0 && text_starts_with(rest, ":1: ") ? rest + 4 : message;
}

/* "message\n\tat a\n\tat b" as a reason and a list of frames. */
static void add_message(struct buffer *b, const char *message)
{
    message = without_segment(message);
    const char *frame = strstr(message, FRAME_START);
    size_t size = frame == NULL ? strlen(message) : (size_t)(frame - message);
    add_bytes(b, "reason", (struct slice){message, size});
    if (frame == NULL) {
        return;
    }
    add_name(b, "traceback");
    json_add_text(b, "[");
    for (bool first = true; frame != NULL; first = false) {
        const char *start = frame + 2;
        frame = strstr(start, FRAME_START);
        json_add_text(b, first ? "" : ",");
        json_add_string(b, start, frame == NULL ? strlen(start) : (size_t)(frame - start));
    }
    json_add_text(b, "]");
}

static void add_cell(struct buffer *b, const struct mill_cell *c)
{
    size_t used = 0;
    if (c->kind == MILL_NUMBER) {
        if (!json_add_number(b, c->num)) {
            json_add_text(b, "null");
        }
    } else if (c->kind == MILL_STRING) {
        json_add_string(b, c->ptr, c->len);
    } else if (c->kind == MILL_RECORD) {
        (void)!buffer_append(b, c->ptr, c->len);
    } else if (c->kind != MILL_PACKED || json_add_msgpack(b, c->ptr, c->len, &used) != 0) {
        json_add_text(b, "null");
    }
}

static void add_group(struct buffer *b, const struct host *h, uint32_t index)
{
    const struct mill_group *g = &h->groups[index];
    add_name(b, "key");
    if (json_add_key(b, g->key, g->key_len) != 0) {
        json_add_text(b, "null");
    }
    add_name(b, "values");
    json_add_text(b, "[");
    uint32_t count = 0;
    for (; count < g->count && b->size < VALUES_BYTES_MAX; count++) {
        json_add_text(b, count > 0 ? "," : "");
        add_cell(b, &h->cells[g->first + count]);
    }
    json_add_text(b, "]");
    if (count < g->count) {
        add_number(b, "values_left_out", g->count - count);
    }
}

static void add_source(struct buffer *b, const struct host *h)
{
    const struct graph_source *source = &h->graph->sources[h->position.source];
    const struct graph_operator *o = &h->graph->operators[source->operator_id];
    add_name(b, "source");
    const char *name = o->name != NULL ? o->name : o->label;
    json_add_string(b, name, strlen(name));
    if (h->position.partition_name != NULL) {
        add_name(b, "partition");
        json_add_string(b, h->position.partition_name, strlen(h->position.partition_name));
    }
}

static void add_position(struct buffer *b, const struct host *h, uint32_t index)
{
    if (h->position.input == INPUT_GROUPS) {
        add_group(b, h, index);
        return;
    }
    struct place p = find_place(h, index);
    add_source(b, h);
    add_number(b, "offset", p.offset);
    if (p.has_ordinal) {
        add_number(b, "ordinal", p.ordinal);
    }
    if (h->position.input == INPUT_CELLS) {
        add_name(b, "record");
        add_cell(b, &h->cells[index]);
    } else {
        add_bytes(b, "record", p.record);
    }
}

static struct buffer *begin(struct host *h, struct mill_rows *rows, uint32_t operator_id,
                            const char *message)
{
    struct buffer *b = (struct buffer *)mill_row_begin(rows);
    const char *label = dead_letter_label(h, operator_id);
    json_add_text(b, "{");
    add_number(b, "epoch", h->position.epoch);
    add_name(b, "operator");
    json_add_string(b, label, strlen(label));
    add_message(b, message);
    return b;
}

static int end(struct mill_rows *rows, struct buffer *b, struct error *e)
{
    static const struct buffer no_key = {0};
    json_add_text(b, "}");
    int rc = mill_row_end(rows, (const struct mill_buffer *)&no_key);
    if (rc != 0 && rows->error.code != 0) {
        *e = rows->error;
        return rc;
    }
    return 0;
}

/* A stage's operator sees its input while the epoch fills, and the merged keys at its end: at its
 * end it stands at the head of the segments behind it. */
static bool is_head(const struct host *h, uint32_t operator_id)
{
    return h->position.input == INPUT_GROUPS &&
           h->graph->stages[h->position.source].operator_id == operator_id;
}

/* Count it, and say whether a letter is to be written. @return 1, 0, or MILL_EFAILED */
static int decide(struct host *h, uint32_t operator_id, const char *message, struct error *e)
{
    struct mill_counter *c =
        is_head(h, operator_id) ? &h->heads[h->position.source] : &h->counters[operator_id];
    h->errors++;
    switch (h->graph->options.on_error) {
    case ON_ERROR_FAIL:
        return error_set(e, MILL_EFAILED, "%s: %s", dead_letter_label(h, operator_id), message);
    case ON_ERROR_SKIP:
        c->skipped++;
        return 0;
    case ON_ERROR_DEAD_LETTER:
        c->dead++;
        return 1;
    }
    return 0;
}

/* A key's whole input of the epoch: its records were counted as arrived. */
static int decide_for_key(struct host *h, uint32_t stage, const char *message, struct error *e)
{
    struct host_position saved = h->position;
    h->position.input = INPUT_GROUPS;
    h->position.source = stage;
    int rc = decide(h, h->graph->stages[stage].operator_id, message, e);
    h->position = saved;
    h->heads[stage].out++; /* a group that was begun, and did not come through */
    return rc;
}

/* What could not be read was counted as given by one operator, or was not as arrived at the next.
 */
static void count_unread(struct host *h, const struct graph_segment *s,
                         const struct graph_place *at)
{
    struct mill_counter *c = &h->counters[at->operator_id];
    bool is_list = at->doing == DOING_ELEMENT ||
                   (s->input == INPUT_WORDS && at->operator_id == s->input_operator);
    if (at->doing == DOING_OPERATOR || at->operator_id == 0) {
        return;
    }
    if (is_list) {
        c->elements--;
    } else if (at->operator_id == graph_terminal_operator(h->graph, s)) {
        c->elements++;
    }
}

static void add_element(struct buffer *b, const struct host *h, uint32_t depth)
{
    if (depth == 0) {
        return;
    }
    add_name(b, "element");
    json_add_text(b, "[");
    for (uint32_t d = 0; d < depth; d++) {
        json_add_text(b, d > 0 ? "," : "");
        json_add_uint64(b, h->control.j[d]);
    }
    json_add_text(b, "]");
}

int dead_letter_of_late(struct host *h, uint32_t segment, struct error *e)
{
    struct graph_place at = graph_place_of(h->graph, &h->graph->segments[segment], &h->control);
    h->counters[at.operator_id].late++;
    struct buffer *b =
        begin(h, &h->late, at.operator_id, "late: its windows had ended at the watermark");
    add_element(b, h, at.depth);
    add_position(b, h, root_index(h, segment));
    return end(&h->late, b, e);
}

int dead_letter_of_segment(struct host *h, uint32_t segment, const char *message, struct error *e)
{
    const struct graph_segment *s = &h->graph->segments[segment];
    struct graph_place at = graph_place_of(h->graph, s, &h->control);
    count_unread(h, s, &at);
    int rc = decide(h, at.operator_id, message, e);
    if (rc <= 0) {
        return rc;
    }
    struct buffer *b = begin(h, &h->dead, at.operator_id, message);
    add_element(b, h, at.depth);
    add_position(b, h, root_index(h, segment));
    return end(&h->dead, b, e);
}

int dead_letter_of_record(struct host *h, uint32_t operator_id, uint64_t offset,
                          struct slice record, const char *message, struct error *e)
{
    int rc = decide(h, operator_id, message, e);
    if (rc <= 0) {
        return rc;
    }
    struct buffer *b = begin(h, &h->dead, operator_id, message);
    add_source(b, h);
    add_number(b, "offset", offset);
    add_bytes(b, "record", record);
    return end(&h->dead, b, e);
}

int dead_letter_of_slot(struct host *h, uint32_t stage, uint32_t slot, const char *message,
                        struct error *e)
{
    uint32_t operator_id = h->graph->stages[stage].operator_id;
    struct table *t = &h->tables[stage];
    int rc = decide_for_key(h, stage, message, e);
    t->shared.slots[slot].kind = MILL_EMPTY;
    if (rc <= 0) {
        return rc;
    }
    struct buffer *b = begin(h, &h->dead, operator_id, message);
    add_name(b, "key");
    uint32_t head = t->panes == TABLE_KEYS ? 0 : PANE_HEAD_BYTES;
    const struct keyset_key *key = &t->keys.keys[slot];
    if (json_add_key(b, key->bytes + head, key->size - head) != 0) {
        json_add_text(b, "null");
    }
    return end(&h->dead, b, e);
}

void dead_letter_mark(struct host *h, uint32_t segment, struct host_skip *skip)
{
    const struct graph_segment *s = &h->graph->segments[segment];
    struct graph_place at = graph_place_of(h->graph, s, &h->control);
    memory_free(skip->key);
    /* Reading is no call: it is not skipped, and may well be faster the next time. */
    *skip = (struct host_skip){
        .operator_id = at.doing == DOING_OPERATOR ? at.operator_id : 0,
        .ordinal = ANY,
    };
    memset(skip->element, 0xff, sizeof skip->element);
    if (h->position.input == INPUT_GROUPS) {
        const struct mill_group *g = &h->groups[root_index(h, segment)];
        skip->has_key = true;
        skip->source = h->position.source;
        skip->ordinal = g->ordinal;
        skip->key = memory_copy(g->key, g->key_len);
        skip->key_size = g->key_len;
        return;
    }
    struct place p = find_place(h, root_index(h, segment));
    skip->source = h->position.source;
    skip->partition = h->position.partition;
    skip->offset = p.offset;
    skip->ordinal = p.has_ordinal ? p.ordinal : ANY;
    if (s->input != INPUT_TEE) {
        memcpy(skip->element, h->control.j, at.depth * sizeof skip->element[0]);
    }
}

const struct host_skip *dead_letter_find_skip(const struct host *h, uint32_t index)
{
    for (uint32_t k = 0; k < h->skip_count; k++) {
        const struct host_skip *skip = &h->skips[k];
        bool by_key = h->position.input == INPUT_GROUPS;
        if (skip->has_key != by_key || skip->source != h->position.source) {
            continue;
        }
        if (by_key) {
            const struct mill_group *g = &h->groups[index];
            if (g->ordinal == skip->ordinal && g->key_len == skip->key_size &&
                memcmp(g->key, skip->key, skip->key_size) == 0) {
                return skip;
            }
            continue;
        }
        if (skip->partition != h->position.partition) {
            continue;
        }
        struct place p = find_place(h, index);
        if (p.offset == skip->offset && (skip->ordinal == ANY || skip->ordinal == p.ordinal)) {
            return skip;
        }
    }
    return NULL;
}

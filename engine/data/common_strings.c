#include "data/common_strings.h"

#include <string.h>

#include "base/memory.h"

#define SLOT_BITS    8
#define SLOT_COUNT   (1u << SLOT_BITS) /* half of them stay free */
#define JUDGED_AFTER 16384

_Static_assert(2 * COMMON_STRINGS_MAX <= SLOT_COUNT, "a search ends at a free slot");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a string begins in a word's low bytes");

/* What belongs to a string of so many bytes in the two words at its beginning. */
static const uint64_t masks[COMMON_STRING_BYTES_MAX + 1][2] = {
    {0, 0},
    {0xff, 0},
    {0xffff, 0},
    {0xffffff, 0},
    {0xffffffff, 0},
    {0xffffffffff, 0},
    {0xffffffffffff, 0},
    {0xffffffffffffff, 0},
    {UINT64_MAX, 0},
    {UINT64_MAX, 0xff},
    {UINT64_MAX, 0xffff},
    {UINT64_MAX, 0xffffff},
    {UINT64_MAX, 0xffffffff},
    {UINT64_MAX, 0xffffffffff},
    {UINT64_MAX, 0xffffffffffff},
    {UINT64_MAX, 0xffffffffffffff},
    {UINT64_MAX, UINT64_MAX},
};

void common_strings_init(struct common_strings *s)
{
    *s = (struct common_strings){0};
}

void common_strings_deinit(struct common_strings *s)
{
    memory_free(s->slots);
    *s = (struct common_strings){0};
}

/* Two loads where that stays inside the text; a copy of its bytes costs twice as much. */
static struct common_string read_string(const struct mill_cell *cell, struct slice text)
{
    struct common_string s = {.size = cell->len};
    const char *end = text.data + text.size;
    if (cell->ptr >= text.data && cell->ptr < end && (size_t)(end - cell->ptr) >= sizeof s.words) {
        memcpy(s.words, cell->ptr, sizeof s.words);
        s.words[0] &= masks[s.size][0];
        s.words[1] &= masks[s.size][1];
    } else if (s.size > 0) {
        memcpy(s.words, cell->ptr, s.size);
    }
    return s;
}

static uint32_t slot_of(const struct common_string *s)
{
    uint64_t mixed = (s->words[0] ^ s->words[1] * 0x9e3779b97f4a7c15u ^ s->size);
    return (uint32_t)(mixed * 0xff51afd7ed558ccdu >> (64 - SLOT_BITS));
}

static uint16_t number_of(struct common_strings *s, struct common_string wanted, uint16_t *last)
{
    if (s->slots == NULL) {
        s->slots = memory_zero(SLOT_COUNT, sizeof *s->slots);
    }
    for (uint32_t i = slot_of(&wanted);; i = (i + 1) % SLOT_COUNT) {
        struct common_string *there = &s->slots[i];
        if (there->number == 0) {
            if (s->count < COMMON_STRINGS_MAX && *last < UINT16_MAX) {
                s->count++;
                wanted.number = ++*last;
                *there = wanted;
            }
            return there->number;
        }
        if (there->words[0] == wanted.words[0] && there->words[1] == wanted.words[1] &&
            there->size == wanted.size) {
            return there->number;
        }
    }
}

static void judge(struct common_strings *s)
{
    s->is_given_up = s->unknown > s->seen / 2;
    if (s->is_given_up) {
        memory_free(s->slots);
        s->slots = NULL;
    }
    s->seen = 0;
    s->unknown = 0;
}

void common_strings_number(struct common_strings *s, struct mill_cell *column, uint32_t count,
                           struct slice text, uint16_t *last)
{
    if (s->is_given_up) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct mill_cell *cell = &column[i];
        if (cell->kind != MILL_STRING) {
            continue;
        }
        if (cell->len <= COMMON_STRING_BYTES_MAX) {
            cell->known = number_of(s, read_string(cell, text), last);
        }
        s->seen++;
        s->unknown += cell->known == 0;
    }
    if (s->seen >= JUDGED_AFTER) {
        judge(s);
    }
}

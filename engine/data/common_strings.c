#include "data/common_strings.h"

#include <string.h>

#include "base/memory.h"

#define SLOT_BITS    8
#define SLOT_COUNT   (1u << SLOT_BITS) /* half of them stay free */
#define JUDGED_AFTER 16384

_Static_assert(2 * COMMON_STRINGS_MAX <= SLOT_COUNT, "a search ends at a free slot");

/* The mask of a string of n bytes are the 16 that begin n in front of the middle. */
static const char ones_and_zeros[2 * COMMON_STRING_BYTES_MAX] =
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";

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
        uint64_t mask[2];
        memcpy(mask, ones_and_zeros + COMMON_STRING_BYTES_MAX - s.size, sizeof mask);
        s.words[0] &= mask[0];
        s.words[1] &= mask[1];
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

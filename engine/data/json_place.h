/*
 * A key that stood at some place of a record, to see at once whether it stands there again: most
 * records of a source have the same members in the same order.
 */
#ifndef DATA_JSON_PLACE_H
#define DATA_JSON_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define JSON_PLACE_BYTES 48 /* longer keys are not remembered; so many may be read behind a key */

/** The first 16 bytes are compared as two words, of which `masks` takes what belongs to the key;
 * only longer ones need a call. */
struct json_place {
    uint64_t words[2];
    uint64_t masks[2];
    char key[JSON_PLACE_BYTES]; /**< with the quote that ends it */
    uint32_t size;
    int32_t field; /**< the caller's */
};

static inline uint64_t json_place_load(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/** @param size  at most JSON_PLACE_BYTES */
static inline void json_place_set(struct json_place *p, const char *key, uint32_t size,
                                  int32_t field)
{
    memset(p, 0, sizeof *p);
    memcpy(p->key, key, size);
    p->size = size;
    p->field = field;
    char mask[16] = {0};
    memset(mask, 0xff, size < sizeof mask ? size : sizeof mask);
    for (int i = 0; i < 2; i++) {
        p->masks[i] = json_place_load(mask + 8 * i);
        p->words[i] = json_place_load(p->key + 8 * i) & p->masks[i];
    }
}

/** @param key  of which JSON_PLACE_BYTES may be read */
static inline bool json_place_has(const struct json_place *p, const char *key)
{
    return (json_place_load(key) & p->masks[0]) == p->words[0] &&
           (json_place_load(key + 8) & p->masks[1]) == p->words[1] &&
           (p->size <= 16 || memcmp(key + 16, p->key + 16, p->size - 16) == 0);
}

#endif

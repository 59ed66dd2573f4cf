/*
 * Text for the benchmarks, the same bytes each time, on every machine:
 *
 *     generate FOLDER WORDS FILES
 *
 * WORDS words in FILES files, 8 to 16 a line, drawn from 100,000 by Zipf's law with exponent 1:
 * the word of rank r comes up 1/r as often as the first. Frequent words are short. All is reckoned
 * in whole numbers, so no rounding differs anywhere.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED           20240601u
#define WORD_COUNT     100000
#define WORD_BYTES     8 /* 3, 5 or 7 letters and a NUL */
#define LINE_WORDS_MIN 8
#define LINE_WORDS_MAX 16
#define FIRST_WEIGHT   ((uint64_t)1 << 32)
#define GUIDE_SHIFT    20 /* the guide has an entry for each 2^20 of weight */
#define GUIDE_COUNT    ((13 * FIRST_WEIGHT) >> GUIDE_SHIFT)

struct vocabulary {
    char words[WORD_COUNT][WORD_BYTES];
    uint64_t weight_to[WORD_COUNT]; /* weights up to and with this word's */
    uint32_t guide[GUIDE_COUNT];    /* first word that can be meant by a weight that begins so */
};

static void die(const char *what)
{
    fprintf(stderr, "generate: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* splitmix64 */
static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t below(uint64_t *state, uint64_t bound)
{
    return next(state) % bound;
}

/* Syllables that count through all words of this length, and a last letter. */
static void spell(uint32_t rank, char *word)
{
    static const char consonants[] = "bcdfghjklmnpqrstvwxyz";
    static const char vowels[] = "aeiou";
    const uint32_t syllables = 21 * 5;
    char *at = word;
    uint32_t left = rank;
    for (;;) {
        *at++ = consonants[left % syllables / 5];
        *at++ = vowels[left % 5];
        if (left < syllables) {
            break;
        }
        left = left / syllables - 1;
    }
    *at++ = consonants[rank * 7 % 21];
    *at = '\0';
}

static struct vocabulary *make_vocabulary(void)
{
    struct vocabulary *v = calloc(1, sizeof *v);
    if (v == NULL) {
        die("vocabulary");
    }
    uint64_t weight = 0;
    uint64_t guided = 0;
    for (uint32_t i = 0; i < WORD_COUNT; i++) {
        spell(i, v->words[i]);
        weight += FIRST_WEIGHT / (i + 1);
        v->weight_to[i] = weight;
        while (guided < GUIDE_COUNT && guided << GUIDE_SHIFT < weight) {
            v->guide[guided++] = i;
        }
    }
    return v;
}

static const char *draw(const struct vocabulary *v, uint64_t *state)
{
    uint64_t weight = below(state, v->weight_to[WORD_COUNT - 1]);
    uint32_t i = v->guide[weight >> GUIDE_SHIFT];
    while (v->weight_to[i] <= weight) {
        i++;
    }
    return v->words[i];
}

static void write_file(const struct vocabulary *v, uint64_t *state, const char *path,
                       uint64_t words)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        die(path);
    }
    while (words > 0) {
        uint64_t in_line = LINE_WORDS_MIN + below(state, LINE_WORDS_MAX - LINE_WORDS_MIN + 1);
        in_line = in_line < words ? in_line : words;
        words -= in_line;
        for (; in_line > 0; in_line--) {
            fputs(draw(v, state), file);
            putc(in_line > 1 ? ' ' : '\n', file);
        }
    }
    if (ferror(file) || fclose(file) != 0) {
        die(path);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: generate FOLDER WORDS FILES\n");
        return 2;
    }
    uint64_t words = strtoull(argv[2], NULL, 10);
    uint64_t files = strtoull(argv[3], NULL, 10);
    struct vocabulary *v = make_vocabulary();
    uint64_t state = SEED;
    for (uint64_t i = 0; i < files; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/part-%02" PRIu64 ".txt", argv[1], i);
        write_file(v, &state, path, words * (i + 1) / files - words * i / files);
    }
    free(v);
    return 0;
}

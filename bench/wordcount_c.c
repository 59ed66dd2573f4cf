/*
 * Word count by hand: what the engine's word count is measured against.
 *
 *     wordcount_c THREADS INPUT_FOLDER OUTPUT_FILE
 *
 * The same files, the same words (runs of bytes that are no blanks), the same rows, on disk when it
 * ends. Each thread takes files, reads them block by block and counts into a table of its own; the
 * tables are merged at the end. What it leaves out is what the engine is there for: scripts,
 * restarts, input that goes on.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define BLOCK_BYTES   ((size_t)256 << 10)
#define ARENA_BYTES   ((size_t)1 << 20)
#define FIRST_ENTRIES ((size_t)1 << 14)
#define THREADS_MAX   64

struct entry {
    uint64_t hash;
    const char *word; /* NULL: the place is free */
    uint64_t count;
    uint32_t size;
};

struct table {
    struct entry *entries;
    size_t capacity; /* a power of two */
    size_t used;     /* at most half of it */
    char *arena;     /* where the next word is kept */
    size_t arena_left;
};

struct files {
    int folder;
    char **names;
    size_t count;
    atomic_size_t next;
};

struct worker {
    pthread_t thread;
    struct files *files;
    struct table table;
};

static void die(const char *what)
{
    fprintf(stderr, "wordcount_c: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (p == NULL) {
        die("memory");
    }
    return p;
}

/* --- counting --- */

static const char *keep(struct table *t, const char *word, uint32_t size)
{
    if (size > t->arena_left) {
        t->arena_left = size > ARENA_BYTES ? size : ARENA_BYTES;
        t->arena = allocate(1, t->arena_left);
    }
    char *kept = t->arena;
    memcpy(kept, word, size);
    t->arena += size;
    t->arena_left -= size;
    return kept;
}

static void grow(struct table *t)
{
    struct table old = *t;
    t->capacity = old.capacity == 0 ? FIRST_ENTRIES : old.capacity * 2;
    t->entries = allocate(t->capacity, sizeof *t->entries);
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.entries[i].word != NULL) {
            size_t at = old.entries[i].hash & (t->capacity - 1);
            while (t->entries[at].word != NULL) {
                at = (at + 1) & (t->capacity - 1);
            }
            t->entries[at] = old.entries[i];
        }
    }
    free(old.entries);
}

static void add(struct table *t, const char *word, uint32_t size, uint64_t hash, uint64_t count)
{
    if (t->used * 2 >= t->capacity) {
        grow(t);
    }
    size_t at = hash & (t->capacity - 1);
    for (;;) {
        struct entry *e = &t->entries[at];
        if (e->word == NULL) {
            *e = (struct entry){hash, keep(t, word, size), count, size};
            t->used++;
            return;
        }
        if (e->hash == hash && e->size == size && memcmp(e->word, word, size) == 0) {
            e->count += count;
            return;
        }
        at = (at + 1) & (t->capacity - 1);
    }
}

/* As isspace of the C locale. */
static inline bool is_blank(char c)
{
    return c == ' ' || (unsigned char)(c - '\t') < 5;
}

/* @return where the word begins that may go on behind the end; the end when there is none */
static const char *count_words(struct table *t, const char *at, const char *end)
{
    for (;;) {
        while (at < end && is_blank(*at)) {
            at++;
        }
        const char *word = at;
        while (at < end && !is_blank(*at)) {
            at++;
        }
        if (at == end) {
            return word;
        }
        uint32_t size = (uint32_t)(at - word);
        add(t, word, size, XXH3_64bits(word, size), 1);
    }
}

/* --- reading --- */

static size_t read_block(int fd, char *into, size_t size, off_t offset)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = pread(fd, into + got, size - got, offset + (off_t)got);
        if (n < 0) {
            die("read");
        }
        if (n == 0) {
            break;
        }
        got += (size_t)n;
    }
    return got;
}

/* A word that a block cuts is moved to the front, and the next block is read behind it. */
static void count_file(struct table *t, int fd, char *block)
{
    size_t carried = 0;
    off_t offset = 0;
    for (;;) {
        size_t got = read_block(fd, block + carried, BLOCK_BYTES - carried, offset);
        offset += (off_t)got;
        const char *end = block + carried + got;
        bool is_last = carried + got < BLOCK_BYTES;
        const char *rest = count_words(t, block, end);
        carried = (size_t)(end - rest);
        if (is_last && carried > 0) {
            add(t, rest, (uint32_t)carried, XXH3_64bits(rest, carried), 1);
        }
        if (is_last) {
            return;
        }
        if (carried == BLOCK_BYTES) {
            errno = EMSGSIZE;
            die("a word");
        }
        memmove(block, rest, carried);
    }
}

static void *work(void *context)
{
    struct worker *w = context;
    char *block = allocate(1, BLOCK_BYTES);
    for (;;) {
        size_t i = atomic_fetch_add(&w->files->next, 1);
        if (i >= w->files->count) {
            break;
        }
        int fd = openat(w->files->folder, w->files->names[i], O_RDONLY);
        if (fd < 0) {
            die(w->files->names[i]);
        }
        count_file(&w->table, fd, block);
        close(fd);
    }
    free(block);
    return NULL;
}

static void list_files(struct files *f, const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        die(path);
    }
    for (struct dirent *d = readdir(folder); d != NULL; d = readdir(folder)) {
        if (d->d_name[0] != '.') {
            f->names = realloc(f->names, (f->count + 1) * sizeof *f->names);
            if (f->names == NULL || (f->names[f->count++] = strdup(d->d_name)) == NULL) {
                die("memory");
            }
        }
    }
    f->folder = dirfd(folder);
}

/* --- writing --- */

static void merge(struct table *into, const struct table *from)
{
    for (size_t i = 0; i < from->capacity; i++) {
        const struct entry *e = &from->entries[i];
        if (e->word != NULL) {
            add(into, e->word, e->size, e->hash, e->count);
        }
    }
}

/* Control characters are not looked for: the data have none. */
static void write_row(FILE *file, const struct entry *e)
{
    fputs("[\"", file);
    for (uint32_t i = 0; i < e->size; i++) {
        if (e->word[i] == '"' || e->word[i] == '\\') {
            putc_unlocked('\\', file);
        }
        putc_unlocked(e->word[i], file);
    }
    fprintf(file, "\",%" PRIu64 "]\n", e->count);
}

static void write_rows(const struct table *t, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        die(path);
    }
    for (size_t i = 0; i < t->capacity; i++) {
        if (t->entries[i].word != NULL) {
            write_row(file, &t->entries[i]);
        }
    }
    if (fflush(file) != 0 || fsync(fileno(file)) != 0 || fclose(file) != 0) {
        die(path);
    }
}

int main(int argc, char **argv)
{
    long threads = argc == 4 ? strtol(argv[1], NULL, 10) : 0;
    if (threads < 1 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: wordcount_c THREADS INPUT_FOLDER OUTPUT_FILE\n");
        return 2;
    }
    struct files files = {0};
    struct worker workers[THREADS_MAX] = {{0}};
    list_files(&files, argv[2]);
    for (long i = 0; i < threads; i++) {
        workers[i].files = &files;
        if (i > 0 && pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            die("thread");
        }
    }
    work(&workers[0]);
    for (long i = 1; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        merge(&workers[0].table, &workers[i].table);
    }
    write_rows(&workers[0].table, argv[3]);
    return 0;
}

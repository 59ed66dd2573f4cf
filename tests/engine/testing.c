#include "testing.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

/* Read by the sanitizers: running out of memory is a test, not a fault. */
#define SANITIZER_OPTIONS(name)                                                                    \
    __attribute__((visibility("default"))) const char *name(void);                                 \
    const char *name(void)                                                                         \
    {                                                                                              \
        return "allocator_may_return_null=1";                                                      \
    }
SANITIZER_OPTIONS(__asan_default_options)
SANITIZER_OPTIONS(__tsan_default_options)

uint64_t chance_next(struct chance *c)
{
    uint64_t z = (c->state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t chance_below(struct chance *c, uint32_t n)
{
    return (uint32_t)(chance_next(c) % n);
}

char chance_of(struct chance *c, const char *bytes)
{
    return bytes[chance_below(c, (uint32_t)strlen(bytes))];
}

void chance_bytes(struct chance *c, void *into, size_t size)
{
    uint8_t *at = into;
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)chance_next(c);
    }
}

uint32_t rounds(uint32_t fast)
{
    const char *slow = getenv("TIDEMILL_TEST_SLOW");
    return slow != NULL && slow[0] != '\0' ? fast * 20 : fast;
}

char *folder_create(void)
{
    const char *parent = getenv("TMPDIR");
    char *path = text_path(parent == NULL ? "/tmp" : parent, "tidemill-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *ftw)
{
    (void)s;
    (void)type;
    (void)ftw;
    return remove(path);
}

void folder_remove(char *path)
{
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    memory_free(path);
}

uint32_t folder_count(const char *path)
{
    DIR *dir = opendir(path);
    assert_non_null(dir);
    uint32_t count = 0;
    for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        count += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
    }
    closedir(dir);
    return count;
}

static void read_all(int fd, char *output, size_t output_size)
{
    size_t used = 0;
    char rest[512];
    for (;;) {
        size_t room = output_size - 1 - used;
        ssize_t n = room > 0 ? read(fd, output + used, room) : read(fd, rest, sizeof rest);
        if (n <= 0) {
            break;
        }
        used += room > 0 ? (size_t)n : 0;
    }
    output[used] = '\0';
}

int run_apart(void (*fn)(void), char *output, size_t output_size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        fn();
        _exit(0);
    }
    close(ends[1]);
    read_all(ends[0], output, output_size);
    close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

void *exact_copy(const void *bytes, size_t size)
{
    void *copy = memory_alloc(size);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

void spin_ms(int64_t ms)
{
    for (int64_t begun = clock_elapsed_us(); clock_elapsed_us() - begun < ms * 1000;) {
    }
}
